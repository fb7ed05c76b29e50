//! Owns what a fault is in S3's own words.

use http::Response;
use http_body_util::BodyExt as _;

use crate::fault::{Answer, with_status};
use crate::server::{AwsError, Reply, Shared, full};
use crate::world::lock;

use super::answer::{self, Ids};
use super::refusal;

/// The refusal that a fault is, if it is one.
pub(super) fn refuse_by_fault(fault: Option<&Answer>) -> Result<(), AwsError> {
    Err(match fault {
        Some(Answer::SlowDown) => refusal::slow_down(),
        Some(Answer::RetryAfter { status, .. }) => {
            with_status(*status, refusal::slow_down(), refusal::internal())
        }
        Some(Answer::InternalError | Answer::ErrorBodyInOk) => refusal::internal(),
        Some(Answer::ExpiredToken) => refusal::expired_token(),
        Some(Answer::ResetBeforeBody) => AwsError::cut(),
        Some(Answer::TemporaryRedirect(endpoint)) => AwsError::new(
            307,
            "TemporaryRedirect",
            "Please re-send this request to the specified temporary endpoint. Continue to use the original request endpoint for future requests.",
        )
        .with("Endpoint", endpoint.clone())
        .header("location", endpoint.clone()),
        Some(Answer::Error {
            status,
            code,
            message,
        }) => AwsError::new(*status, code.clone(), message.clone()),
        _ => return Ok(()),
    })
}

/// Reads a body to its end for nothing.
pub(super) async fn swallow(shared: &Shared) {
    let Some(mut wire) = lock(&shared.rest).take() else {
        return;
    };
    let mut seen = 0;
    while let Some(Ok(frame)) = wire.frame().await {
        seen += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
    *lock(&shared.seen) = seen;
}

/// 200, and the error in the body.
pub(super) fn error_in_ok(ids: &Ids) -> Response<Reply> {
    let body = answer::error_xml(&refusal::internal(), ids);
    let mut response = Response::new(full(body));
    answer::set(response.headers_mut(), "content-type", "application/xml");
    response
}
