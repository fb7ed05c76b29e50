//! Owns the choice between S3 and STS on one port, and the record of each
//! request. Also what a fault does before and after the work.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::endpoint::{Named, Service};
use crate::fault::{Answer, Asked};
use crate::journal::{Kept, Record};
use crate::s3::S3;
use crate::server::{Cut, Host, Reply, Resetter, StdError};
use crate::sts::Sts;
use crate::world::{Link, World, lock};

/// One listener's services.
pub(crate) struct Gate {
    world: Arc<World>,
    s3: S3,
    sts: Sts,
    region: String,
    secure: bool,
}

impl Gate {
    pub(crate) fn new(world: Arc<World>, region: &str, secure: bool) -> Self {
        Self {
            s3: S3::new(Arc::clone(&world)),
            sts: Sts::new(Arc::clone(&world)),
            world,
            region: region.to_owned(),
            secure,
        }
    }
}

impl Host for Gate {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
        reset: Resetter,
    ) -> Result<Response<Reply>, Cut> {
        let host = request.headers().get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok());
        // A name of AWS's says itself which endpoint is meant; any other name,
        // and loopback, is what this listener stands for.
        let (region, for_sts) = match Named::parse(host.unwrap_or_default()) {
            Named::Endpoint(endpoint) => (endpoint.region, endpoint.service == Service::Sts),
            Named::Other => (self.region.clone(), Sts::is_for_me(&request)),
            Named::Nowhere => (self.region.clone(), false),
        };
        let mut kept = Kept::new(&self.world, Record::new(&request, &self.world, &region));
        let link = Link {
            peer,
            secure: self.secure,
            region,
        };
        let record = &mut kept.record;
        let answered = if for_sts {
            self.sts.answer(&link, request, record, &reset).await
        } else {
            self.s3.answer(&link, request, record, &reset).await
        };
        record.status = answered
            .as_ref()
            .map_or(0, |response| response.status().as_u16());
        answered
    }
}

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
        Answer::Stall => {
            // Nobody would see the record before the client gives up.
            record.kept = true;
            world.journal.push(record.clone());
            std::future::pending().await
        }
        other => Some(other),
    }
}

/// What a fault does to an answer that is ready.
pub(crate) async fn spoil(
    answer: &Answer,
    response: Response<Reply>,
    reset: &Resetter,
) -> Result<Response<Reply>, Cut> {
    match answer {
        Answer::ResetAfter | Answer::ResetBeforeBody => {
            reset.reset();
            Err(Cut)
        }
        Answer::Truncate => {
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
        _ => Ok(response),
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

/// Reads what is left of a body that nobody wanted, so that the client can
/// read the answer: closing a socket with unread bytes would reset it.
pub(crate) async fn drain(rest: Option<Incoming>) {
    const MOST: usize = 16 * 1024 * 1024;
    let Some(mut rest) = rest else { return };
    let read = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = rest.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > MOST {
                break;
            }
        }
    };
    // A client that stopped sending gets its answer all the same.
    let _ignored = tokio::time::timeout(Duration::from_secs(2), read).await;
}
