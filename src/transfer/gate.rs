//! How many requests are under way at once.

mod control;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use self::control::{Bounds, Control};
use crate::settings::Concurrency;

/// What the number begins with, where it finds itself.
const FIRST: usize = 128;
const LEAST: usize = 4;
/// Beyond this a single thread has no more to give.
const MOST: usize = 1024;
/// Descriptors for all that is not a request and its file.
const OTHERS: u64 = 64;

/// Lets requests begin, as many as are good for the whole.
#[derive(Debug)]
pub(super) struct Gate {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    control: Control,
    under_way: usize,
    /// When the round began, by the clock and by the thread's own work.
    began: (Instant, Duration),
}

/// The right to have one request under way.
#[derive(Debug)]
pub(super) struct Pass(Arc<Gate>);

/// A request that was sent, for those who tell what came of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    round: u64,
    at: Instant,
}

impl Gate {
    pub(super) fn new(concurrency: Concurrency) -> Self {
        let bounds = match concurrency {
            Concurrency::Fixed(number) => Bounds {
                first: number,
                least: number,
                most: number,
            },
            Concurrency::Auto => {
                let most = descriptors().clamp(LEAST, MOST);
                Bounds {
                    first: FIRST.min(most),
                    least: LEAST,
                    most,
                }
            }
        };
        Self {
            state: Mutex::new(State {
                control: Control::new(bounds),
                under_way: 0,
                began: (Instant::now(), worked()),
            }),
            freed: Notify::new(),
        }
    }

    /// Waits until one more request may begin.
    pub(super) async fn enter(self: &Arc<Self>) -> Pass {
        loop {
            // Made before the look, so that nothing is missed in between.
            let freed = self.freed.notified();
            {
                let mut state = self.state();
                if state.under_way < state.control.limit() {
                    state.under_way += 1;
                    break;
                }
                state.control.was_reached();
            }
            freed.await;
        }
        // A larger number may have room for the next one, too.
        self.freed.notify_one();
        Pass(Arc::clone(self))
    }

    /// A request goes out now.
    pub(super) fn sent(&self) -> Sent {
        Sent {
            round: self.state().control.round(),
            at: Instant::now(),
        }
    }

    /// A request was answered with a yes.
    pub(super) fn answered(&self, sent: Sent) {
        let latency = sent.at.elapsed();
        let mut state = self.state();
        if state.control.answered(sent.round, latency) {
            state.end_round();
        }
        drop(state);
        self.freed.notify_one();
    }

    /// A request was too much for the server or for the line.
    pub(super) fn refused(&self, sent: Sent) {
        let mut state = self.state();
        if state.control.refused(sent.round) {
            state.end_round();
        }
    }

    /// How many may be under way now.
    pub(super) fn limit(&self) -> usize {
        self.state().control.limit()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic ends the whole run, so nobody sees what it left behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end_round(&mut self) {
        let (at, work) = std::mem::replace(&mut self.began, (Instant::now(), worked()));
        let passed = (self.began.0 - at).as_secs_f64().max(1e-6);
        let busy = self.began.1.saturating_sub(work).as_secs_f64() / passed;
        self.control.end_round(busy);
    }
}

/// For how long this thread has been at work. All requests are made on one.
fn worked() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
        self.0.freed.notify_one();
    }
}

/// For how many requests there are descriptors: each has a connection and a
/// file. The soft limit is raised first, which every process may do.
fn descriptors() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let soft = limit.current;
    limit.current = limit.maximum;
    let now = match setrlimit(Resource::Nofile, limit) {
        Ok(()) => limit.current,
        Err(_) => soft,
    };
    let Some(now) = now else { return MOST };
    usize::try_from(now.saturating_sub(OTHERS) / 2).unwrap_or(MOST)
}
