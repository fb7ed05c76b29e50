//! Owns the choice between S3 and STS on one port, and the record of each
//! request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::watch;

use crate::endpoint::{Named, Service};
use crate::journal::{Kept, Record};
use crate::s3::S3;
use crate::server::{Cut, Host, Reply, Resetter};
use crate::sts::Sts;
use crate::world::{Link, World};

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
    fn idle_limit(&self) -> Option<watch::Receiver<Option<Duration>>> {
        Some(self.world.idle_limit.subscribe())
    }

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
            let _counted = self.world.load.enter();
            self.s3.answer(&link, request, record, &reset).await
        };
        record.status = answered
            .as_ref()
            .map_or(0, |response| response.status().as_u16());
        answered
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
