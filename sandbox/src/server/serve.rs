//! Owns the life of an open connection: one request after the other, until
//! either side has enough.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use tokio::sync::watch;

use super::connection::Resetter;
use super::listener::Host;

pub(super) async fn serve<H: Host, I>(io: I, host: Arc<H>, peer: SocketAddr, reset: Resetter)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let limit = host.idle_limit();
    let under_way = Arc::new(AtomicUsize::new(0));
    let service = {
        let (reset, under_way) = (reset.clone(), Arc::clone(&under_way));
        service_fn(move |request| {
            let busy = Busy::new(&under_way);
            let (host, reset) = (Arc::clone(&host), reset.clone());
            async move {
                let _busy = busy;
                host.answer(request, peer, reset).await
            }
        })
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(io, service);
    tokio::select! {
        // An error here is a client that went away, or a fault that was asked
        // for.
        _ignored = connection => {}
        () = too_long_idle(limit, &reset, &under_way) => {}
    }
}

/// A request that is being answered: its connection is not idle.
struct Busy(Arc<AtomicUsize>);

impl Busy {
    fn new(under_way: &Arc<AtomicUsize>) -> Self {
        under_way.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(under_way))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Ends when the connection was idle for the time that is allowed.
async fn too_long_idle(
    limit: Option<watch::Receiver<Option<Duration>>>,
    reset: &Resetter,
    under_way: &AtomicUsize,
) {
    let Some(mut limit) = limit else {
        return std::future::pending().await;
    };
    loop {
        let most = *limit.borrow_and_update();
        let left = match most {
            None => Duration::MAX,
            // Nothing is idle now; later it may have been for this long.
            Some(most) if under_way.load(Ordering::SeqCst) > 0 => {
                most.max(Duration::from_millis(1))
            }
            Some(most) => most.saturating_sub(reset.quiet()),
        };
        if left.is_zero() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(left) => {}
            changed = limit.changed() => if changed.is_err() {
                return std::future::pending().await;
            }
        }
    }
}
