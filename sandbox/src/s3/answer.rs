//! Owns the last step of an S3 answer: error bodies and the headers that
//! every answer of S3 has.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;

use crate::server::{AwsError, Reply, empty, full};
use crate::text;

/// The two ids of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Ids {
    pub(crate) request: String,
    pub(crate) host: String,
}

impl Ids {
    pub(crate) fn new(request: &str) -> Self {
        let mut bytes = [0_u8; 56];
        text::random(&mut bytes);
        Self {
            request: request.to_owned(),
            host: text::base64(&bytes),
        }
    }
}

/// The XML of an error.
pub(crate) fn error_xml(error: &AwsError, ids: &Ids) -> String {
    let mut body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>",
        text::xml(&error.code),
        text::xml(&error.message)
    );
    for (name, value) in &error.extra {
        body.extend(["<", name, ">", &text::xml(value), "</", name, ">"]);
    }
    body.extend(["<RequestId>", &ids.request, "</RequestId>"]);
    body.extend(["<HostId>", &text::xml(&ids.host), "</HostId></Error>"]);
    body
}

/// An error as an answer; to `HEAD` without a body.
pub(crate) fn error(error: &AwsError, ids: &Ids, head: bool) -> Response<Reply> {
    let body = if head || error.status == StatusCode::NOT_MODIFIED {
        empty()
    } else {
        full(error_xml(error, ids))
    };
    let mut response = Response::new(body);
    *response.status_mut() = error.status;
    set(response.headers_mut(), "content-type", "application/xml");
    for (name, value) in &error.headers {
        set(response.headers_mut(), name, value);
    }
    response
}

/// Adds what every answer of S3 has.
pub(crate) fn finish(response: &mut Response<Reply>, ids: &Ids, date: &str) {
    let headers = response.headers_mut();
    set(headers, "x-amz-request-id", &ids.request);
    set(headers, "x-amz-id-2", &ids.host);
    set(headers, "server", "AmazonS3");
    set(headers, "date", date);
}

pub(crate) fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (
        HeaderName::try_from(name),
        HeaderValue::from_bytes(value.as_bytes()),
    ) {
        headers.insert(name, value);
    }
}

/// The code and message of an error that s3s itself answered, in AWS's words.
pub(crate) async fn from_s3s(status: StatusCode, body: s3s::Body) -> AwsError {
    let bytes = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    };
    let code = element("Code").unwrap_or_else(|| "InternalError".to_owned());
    let message = match code.as_str() {
        "MalformedXML" | "MissingRequestBodyError" => {
            "The XML you provided was not well-formed or did not validate against our published schema".to_owned()
        }
        "InvalidBucketName" => "The specified bucket is not valid.".to_owned(),
        "MissingContentLength" => "You must provide the Content-Length HTTP header.".to_owned(),
        "MethodNotAllowed" => "The specified method is not allowed against this resource.".to_owned(),
        _ => element("Message")
            .unwrap_or_default()
            .replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    };
    AwsError::new(status.as_u16(), code, message)
}
