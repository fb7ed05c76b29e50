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
        in_doubt: false,
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

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::Headers;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let mut headers = Headers::new();
        headers.insert("x-amz-request-id", "R1");
        Answer {
            status,
            headers,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>PermanentRedirect\
                    </Code><Message>a &lt;b&gt; &amp; c</Message><Region>eu-west-1</Region>\
                    <RequestId>R2</RequestId><HostId>x</HostId></Error>";
        for status in [200, 301] {
            let error = refusal(&answer(status, body)).unwrap();
            assert!(error.is(&["PermanentRedirect"]));
            assert_eq!(error.message, "a <b> & c");
            assert_eq!(error.region.as_deref(), Some("eu-west-1"));
            assert_eq!(error.request_id.as_deref(), Some("R1"));
        }
    }

    #[test]
    fn what_is_no_document_is_told_by_its_status() {
        for (status, body, code) in [
            (403, "", "AccessDenied"),
            (503, "<html>busy</html>", "ServiceUnavailable"),
            (404, "<x><Code>NoSuchBucket</Code></x>", "NoSuchBucket"),
            (418, "\u{fffd}", "Unknown"),
        ] {
            assert!(
                refusal(&answer(status, body)).unwrap().is(&[code]),
                "{body}"
            );
        }
        assert!(refusal(&answer(200, "")).is_none());
        assert!(refusal(&answer(204, "<Fine/>")).is_none());
    }
}
