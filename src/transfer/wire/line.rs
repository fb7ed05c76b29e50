//! From a request to its answer.
//!
//! Owns: one exchange, and whose fault it is when it comes to nothing. Never:
//! what an answer means. Connections, TLS and proxies are those of the SDK's
//! own HTTP client.

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::byte_stream::ByteStream;

use crate::aws::{AwsError, Cause, whole_story};

/// Error documents are small; what is longer than this is none.
const LONGEST: usize = 256 * 1024;

/// An answer that was read whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

/// Sends a request and reads the answer. A server that is not well is not
/// spoken to over the same connection again: another one may lead to another
/// of S3's many hosts.
pub(super) async fn exchange(line: &Connector, request: HttpRequest) -> Result<Answer, AwsError> {
    let connection = CaptureSmithyConnection::new();
    let mut request = request;
    request.add_extension(connection.clone());
    let answer = line.call(request).await;
    let answer = read(answer.map_err(|error| broken(&error))?).await?;
    if answer.status >= 500
        && let Some(connection) = connection.get()
    {
        connection.poison();
    }
    Ok(answer)
}

async fn read(answer: HttpResponse) -> Result<Answer, AwsError> {
    let status = answer.status().as_u16();
    let mut answer = answer;
    let headers = std::mem::take(answer.headers_mut());
    let mut body = ByteStream::new(answer.into_body());
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| {
            let message = format!("the answer broke off: {}", whole_story(&error));
            AwsError::of_ours(Cause::Unreachable, message)
        })?;
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LONGEST {
            break;
        }
    }
    Ok(Answer {
        status,
        headers,
        body: bytes,
    })
}

fn broken(error: &ConnectorError) -> AwsError {
    let cause = match error.is_timeout() {
        true => Cause::TimedOut,
        false if error.is_user() => Cause::Unsent,
        false => Cause::Unreachable,
    };
    AwsError::of_ours(cause, whole_story(error))
}
