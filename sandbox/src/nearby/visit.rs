//! Owns the way of a request to one of the services beside a job: its fault,
//! its work, its answer, and its record.

use http::{HeaderName, HeaderValue, Response};

use crate::fault::{Answer, spoil, strike, with_status};
use crate::journal::{Kept, Record};
use crate::server::{AwsError, Cut, Reply, Resetter, full};
use crate::world::World;

/// Does the work unless a fault comes between.
pub(super) async fn visit(
    world: &World,
    record: Record,
    reset: &Resetter,
    render: fn(&AwsError) -> Response<Reply>,
    work: impl FnOnce() -> Result<Response<Reply>, AwsError>,
) -> Result<Response<Reply>, Cut> {
    let mut kept = Kept::new(world, record);
    let record = &mut kept.record;
    let fault = strike(world, record).await;
    let done = match fault_error(fault.as_ref()) {
        Some(error) => Err(error),
        None => work(),
    };
    let done = match (&fault, done) {
        (Some(Answer::InternalErrorAfter | Answer::ErrorBodyInOkAfter), Ok(_)) => Err(internal()),
        (_, done) => done,
    };
    let response = match done {
        Ok(response) => response,
        Err(error) if error.cut => {
            reset.reset();
            return Err(Cut);
        }
        Err(error) => {
            record.error_code = Some(error.code.clone().into_owned());
            record.error_message = Some(error.message.clone());
            render(&error)
        }
    };
    let status = response.status().as_u16();
    let answered = match fault {
        Some(fault) => spoil(&fault, response, record, reset, world).await,
        None => Ok(response),
    };
    record.status = answered.as_ref().map_or(0, |_| status);
    answered
}

/// Never answers. The record is kept at once: nobody would see it before the
/// client gives up.
pub(super) async fn silence(world: &World, record: Record) -> Result<Response<Reply>, Cut> {
    world.journal.push(record);
    std::future::pending().await
}

/// An answer with a body of this type and these headers.
pub(super) fn answer(
    status: http::StatusCode,
    content_type: &'static str,
    headers: &[(&'static str, String)],
    body: String,
) -> Response<Reply> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    let all = response.headers_mut();
    all.insert("content-type", HeaderValue::from_static(content_type));
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            all.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn too_many() -> AwsError {
    AwsError::new(429, "TooManyRequests", "Too Many Requests")
}

fn internal() -> AwsError {
    AwsError::new(500, "InternalError", "Internal Server Error")
}

fn fault_error(fault: Option<&Answer>) -> Option<AwsError> {
    Some(match fault? {
        Answer::SlowDown => too_many(),
        Answer::RetryAfter { status, .. } => with_status(*status, too_many(), internal()),
        Answer::InternalError | Answer::ErrorBodyInOk => internal(),
        Answer::ExpiredToken => AwsError::new(401, "Unauthorized", "Unauthorized"),
        answer if answer.ends_before_work() => AwsError::cut(),
        Answer::Error {
            status,
            code,
            message,
        } => AwsError::new(*status, code.clone(), message.clone()),
        _ => return None,
    })
}
