//! Owns one TCP connection: it can end with a reset, as a network fault does.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A stream that resets its connection when it is dropped after
/// [`Resetter::reset`].
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    resetter: Resetter,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Resetter(Arc<AtomicBool>);

impl Resetter {
    pub(crate) fn reset(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> (Self, Resetter) {
        let resetter = Resetter::default();
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
        if self.resetter.0.load(Ordering::SeqCst) {
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
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
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
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
