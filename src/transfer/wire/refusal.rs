//! What an answer says when it is not a yes ("Error responses", Amazon S3 API
//! Reference).

use aws_smithy_xml::decode::{Document, try_data};

use super::line::Answer;
use crate::aws::{AwsError, Cause, code_in, code_of};

/// The words of an error document.
#[derive(Debug, Default, PartialEq, Eq)]
struct Words {
    code: Option<String>,
    message: Option<String>,
    region: Option<String>,
    request_id: Option<String>,
}

/// The error in an answer, if it is one. A 200 may hold one, too.
pub(super) fn refusal(answer: &Answer) -> Option<AwsError> {
    let words = words(&answer.body);
    if (200..300).contains(&answer.status) && words.is_none() {
        return None;
    }
    let words = words.unwrap_or_default();
    let header = |name: &str| answer.headers.get(name).map(str::to_owned);
    let status = Some(answer.status);
    let code = words.code.or_else(|| code_in(&answer.body));
    Some(AwsError {
        cause: Cause::Answered,
        code: code.unwrap_or_else(|| code_of(status, Cause::Answered)),
        message: words
            .message
            .unwrap_or_else(|| "the server gave no reason".to_owned()),
        request_id: header("x-amz-request-id").or(words.request_id),
        status,
        region: header("x-amz-bucket-region").or(words.region),
        identity: None,
    })
}

fn words(body: &[u8]) -> Option<Words> {
    let mut document = Document::try_from(body).ok()?;
    let mut root = document.root_element().ok()?;
    if !root.start_el().matches("Error") {
        return None;
    }
    let mut words = Words::default();
    while let Some(mut tag) = root.next_tag() {
        let slot = match tag.start_el().local() {
            "Code" => &mut words.code,
            "Message" => &mut words.message,
            "Region" => &mut words.region,
            "RequestId" => &mut words.request_id,
            _ => continue,
        };
        *slot = try_data(&mut tag).ok().map(std::borrow::Cow::into_owned);
    }
    Some(words)
}
