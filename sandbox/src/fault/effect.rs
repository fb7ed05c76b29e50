//! Owns what a fault does to a request before the work, and to its answer
//! after the work.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;

use crate::journal::Record;
use crate::server::{AwsError, Cut, Reply, Resetter, StdError};
use crate::world::{World, lock};

use super::{Answer, Asked};

/// Finds the fault for a request, and waits where it says so. What is left to
/// do is given back.
pub(crate) async fn strike(world: &World, record: &mut Record) -> Option<Answer> {
    let (struck, latency) = {
        let mut faults = lock(&world.faults);
        let struck = faults.strike(&Asked {
            operation: &record.operation,
            key: record.key.as_deref(),
            access_key_id: record.access_key_id.as_deref(),
        });
        (struck, faults.latency)
    };
    if let Some(latency) = latency {
        tokio::time::sleep(latency).await;
    }
    let (answer, label) = struck?;
    record.fault = Some(label);
    match answer {
        Answer::Delay(time) => {
            tokio::time::sleep(time).await;
            None
        }
        Answer::Stall => stall(world, record).await,
        other => Some(other),
    }
}

/// Never ends. The record is kept at once: nobody would see it before the
/// client gives up.
async fn stall<T>(world: &World, record: &mut Record) -> T {
    record.kept = true;
    world.journal.push(record.clone());
    std::future::pending().await
}

/// What a fault does to an answer that is ready.
pub(crate) async fn spoil(
    answer: &Answer,
    response: Response<Reply>,
    record: &mut Record,
    reset: &Resetter,
    world: &World,
) -> Result<Response<Reply>, Cut> {
    match answer {
        Answer::ResetAfter | Answer::ResetBeforeBody => {
            reset.reset();
            Err(Cut)
        }
        Answer::RetryAfter { seconds, .. } => {
            let mut response = response;
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, (*seconds).into());
            Ok(response)
        }
        Answer::DelayAfter(time) => {
            tokio::time::sleep(*time).await;
            Ok(response)
        }
        Answer::StallAfter => stall(world, record).await,
        Answer::TruncateAt(bytes) => {
            reset.close_after(*bytes);
            Ok(response)
        }
        Answer::Truncate => halve(response, reset).await,
        _ => Ok(response),
    }
}

async fn halve(response: Response<Reply>, reset: &Resetter) -> Result<Response<Reply>, Cut> {
    let (parts, body) = response.into_parts();
    let whole = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    if whole.is_empty() {
        reset.reset();
        return Err(Cut);
    }
    let mut response = Response::from_parts(
        parts,
        Half {
            piece: Some(whole.slice(..whole.len() / 2)),
        }
        .boxed_unsync(),
    );
    response
        .headers_mut()
        .insert("content-length", whole.len().into());
    Ok(response)
}

/// The refusal that a fault of this status is: an internal error, or one that
/// asks for less.
pub(crate) fn with_status(status: u16, slow_down: AwsError, internal: AwsError) -> AwsError {
    let error = if status == 500 { internal } else { slow_down };
    AwsError {
        status: StatusCode::from_u16(status).unwrap_or(error.status),
        ..error
    }
}

/// Half a body, then a broken connection.
struct Half {
    piece: Option<Bytes>,
}

impl Body for Half {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        Poll::Ready(Some(match self.piece.take() {
            Some(piece) => Ok(Frame::data(piece)),
            None => Err(Box::new(Cut)),
        }))
    }
}
