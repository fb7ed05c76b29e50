//! How fast bodies go out, and whether they still move.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// A limit of bytes a second that all bodies share: each stretch of a body is
/// given the moment at which it may go, one after another (the virtual
/// scheduling form of the leaky bucket, ITU-T I.371).
#[derive(Debug)]
pub(super) struct Pace {
    rate: f64,
    next: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(bytes_per_second: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a rate needs few digits")]
        let rate = bytes_per_second as f64;
        Self {
            rate,
            next: Mutex::new(Instant::now()),
        }
    }

    /// When so many bytes may go.
    pub(super) fn reserve(&self, bytes: u64) -> Instant {
        #[expect(clippy::cast_precision_loss, reason = "a pause needs few digits")]
        let takes = Duration::from_secs_f64(bytes as f64 / self.rate);
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        // What nobody used is lost, or a pause would be followed by a burst.
        let at = (*next).max(Instant::now());
        *next = at + takes;
        at
    }
}

/// Sees whether a body still moves.
#[derive(Debug, Clone)]
pub(super) struct Meter(Arc<Mutex<Instant>>);

impl Meter {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn moved(&self, at: Instant) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = at.max(*last);
    }

    /// Comes back when nothing has moved for so long.
    pub(super) async fn stands_still(&self, limit: Duration) {
        loop {
            let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let until = last + limit;
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }
}

/// A body whose movement is seen, and kept to a pace.
pub(super) struct Flowing {
    inner: SdkBody,
    meter: Meter,
    pace: Option<Arc<Pace>>,
    held: Option<(Bytes, Pin<Box<Sleep>>)>,
}

impl Flowing {
    pub(super) fn body(inner: SdkBody, meter: &Meter, pace: Option<&Arc<Pace>>) -> SdkBody {
        SdkBody::from_body_1_x(Self {
            inner,
            meter: meter.clone(),
            pace: pace.map(Arc::clone),
            held: None,
        })
    }
}

impl Body for Flowing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if let Some((_, until)) = &mut self.held {
                ready!(until.as_mut().poll(context));
                let chunk = self.held.take().map(|(chunk, _)| chunk).unwrap_or_default();
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            let inner = Pin::new(&mut self.inner);
            let frame = match ready!(inner.poll_frame(context)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
                None => return Poll::Ready(None),
            };
            let Ok(chunk) = frame.into_data() else {
                continue;
            };
            let now = Instant::now();
            let pace = self.pace.as_ref();
            let at = pace.map_or(now, |pace| pace.reserve(chunk.len() as u64));
            self.meter.moved(at);
            if at <= now {
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            self.held = Some((chunk, Box::pin(sleep_until(at))));
        }
    }

    fn size_hint(&self) -> SizeHint {
        // What is held back is still to come.
        let held = self
            .held
            .as_ref()
            .map_or(0, |(chunk, _)| chunk.len() as u64);
        let left = self.inner.size_hint().exact().unwrap_or(0);
        SizeHint::with_exact(left + held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::byte_stream::ByteStream;

    #[tokio::test(start_paused = true)]
    async fn bodies_share_one_pace_and_lose_nothing() {
        let pace = Arc::new(Pace::new(100_000));
        let meter = Meter::new();
        let begin = Instant::now();
        for _ in 0..3 {
            let body = SdkBody::from(vec![7_u8; 50_000]);
            let body = Flowing::body(body, &meter, Some(&pace));
            assert_eq!(body.content_length(), Some(50_000));
            let sent = ByteStream::new(body).collect().await.unwrap();
            assert_eq!(sent.to_vec(), vec![7; 50_000]);
        }
        let end = pace.reserve(0);
        assert_eq!((end - begin).as_millis(), 1500);
    }

    #[tokio::test(start_paused = true)]
    async fn what_moves_does_not_stand_still() {
        let meter = Meter::new();
        let begin = Instant::now();
        meter.moved(begin + Duration::from_secs(7));
        meter.stands_still(Duration::from_secs(5)).await;
        assert_eq!(begin.elapsed().as_secs(), 12);
    }
}
