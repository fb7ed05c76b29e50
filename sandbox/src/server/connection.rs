//! Owns one TCP connection: it can end with a reset or in the middle of an
//! answer, as faults of a network do, and knows how long it has been quiet.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A stream that resets its connection when it is dropped after
/// [`Resetter::reset`], and sends no more than [`Resetter::close_after`] lets it.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    resetter: Resetter,
}

/// What can be done to a connection from beside.
#[derive(Debug, Clone)]
pub(crate) struct Resetter(Arc<State>);

#[derive(Debug)]
struct State {
    reset: AtomicBool,
    /// Bytes that may still be sent.
    room: AtomicU64,
    opened: Instant,
    /// When bytes last went either way, in milliseconds since the opening.
    touched: AtomicU64,
}

impl Resetter {
    fn new() -> Self {
        Self(Arc::new(State {
            reset: AtomicBool::new(false),
            room: AtomicU64::new(u64::MAX),
            opened: Instant::now(),
            touched: AtomicU64::new(0),
        }))
    }

    pub(crate) fn reset(&self) {
        self.0.reset.store(true, Ordering::SeqCst);
    }

    /// Lets this many more bytes through to the client, and then closes.
    pub(crate) fn close_after(&self, bytes: u64) {
        self.0.room.store(bytes, Ordering::SeqCst);
    }

    /// How long no byte has come or gone.
    pub(super) fn quiet(&self) -> Duration {
        let touched = Duration::from_millis(self.0.touched.load(Ordering::SeqCst));
        self.0.opened.elapsed().saturating_sub(touched)
    }

    fn touch(&self) {
        let now = self.0.opened.elapsed().as_millis();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        self.0.touched.store(now, Ordering::SeqCst);
    }

    /// How many of these bytes may be sent.
    fn allowed(&self, wanted: usize) -> io::Result<usize> {
        let room = usize::try_from(self.0.room.load(Ordering::SeqCst)).unwrap_or(usize::MAX);
        if room == 0 && wanted > 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(room.min(wanted))
    }

    fn sent(&self, bytes: usize) {
        self.touch();
        let room = self.0.room.load(Ordering::SeqCst);
        if room != u64::MAX {
            let left = room.saturating_sub(bytes as u64);
            self.0.room.store(left, Ordering::SeqCst);
        }
    }
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> (Self, Resetter) {
        let resetter = Resetter::new();
        (
            Self {
                stream,
                resetter: resetter.clone(),
            },
            resetter,
        )
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.resetter.0.reset.load(Ordering::SeqCst) {
            // A linger of zero turns the close into a reset. If it fails, the
            // client sees a close, which is a fault too.
            let _ignored = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            self.resetter.touch();
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let allowed = self.resetter.allowed(buf.len())?;
        let written = Pin::new(&mut self.stream).poll_write(cx, &buf[..allowed]);
        if let Poll::Ready(Ok(bytes)) = written {
            self.resetter.sent(bytes);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        if self.resetter.allowed(wanted)? < wanted {
            let first = bufs.iter().find(|buf| !buf.is_empty());
            return self.poll_write(cx, first.map_or(&[], |buf| buf));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        if let Poll::Ready(Ok(bytes)) = written {
            self.resetter.sent(bytes);
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
