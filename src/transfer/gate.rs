//! How many requests are under way at once.

mod control;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
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

/// Lets requests begin, as many as are good for the whole, in the order in which
/// they come.
#[derive(Debug)]
pub(super) struct Gate {
    room: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    control: Control,
    /// How many passes are still to be taken back.
    owed: usize,
    /// How many requests are on the wire: a pass is held while a file is read,
    /// too.
    on_the_wire: usize,
    /// When the round began, by the clock and by the thread's own work.
    began: (Instant, Duration),
}

/// The right to have one request under way.
#[derive(Debug)]
pub(super) struct Pass {
    gate: Arc<Gate>,
    permit: Option<OwnedSemaphorePermit>,
}

/// A request that is on the wire, for those who tell what came of it.
#[derive(Debug)]
pub(super) struct Sent<'a> {
    gate: &'a Gate,
    round: u64,
    at: Instant,
}

impl Gate {
    pub(super) fn new(concurrency: Concurrency) -> Self {
        let most = descriptors().clamp(LEAST, MOST);
        let bounds = match concurrency {
            Concurrency::Fixed(number) => {
                if number > most {
                    tracing::warn!(
                        "DOCFERRY_CONCURRENCY={number} is more than there are file descriptors \
                         for; using {most}"
                    );
                }
                let number = number.min(most);
                Bounds {
                    first: number,
                    least: number,
                    most: number,
                }
            }
            Concurrency::Auto => Bounds {
                first: FIRST.min(most),
                least: LEAST,
                most,
            },
        };
        let control = Control::new(bounds);
        Self {
            room: Arc::new(Semaphore::new(control.limit())),
            state: Mutex::new(State {
                control,
                owed: 0,
                on_the_wire: 0,
                began: (Instant::now(), worked()),
            }),
        }
    }

    /// Waits until one more request may begin.
    pub(super) async fn enter(self: &Arc<Self>) -> Pass {
        Pass {
            gate: Arc::clone(self),
            // Only its closing could fail, and nobody closes it.
            permit: Arc::clone(&self.room).acquire_owned().await.ok(),
        }
    }

    /// A request goes out now.
    pub(super) fn sent(&self) -> Sent<'_> {
        let mut state = self.state();
        state.on_the_wire += 1;
        // Nearly all of them wait for the server, so their number counts.
        if state.on_the_wire * 4 >= state.control.limit() * 3 {
            state.control.was_reached();
        }
        Sent {
            gate: self,
            round: state.control.round(),
            at: Instant::now(),
        }
    }

    /// How many may be under way now.
    pub(super) fn limit(&self) -> usize {
        self.state().control.limit()
    }

    fn end_round(&self, state: &mut State) {
        let before = state.control.limit();
        state.end_round();
        let limit = state.control.limit();
        if limit > before {
            let more = limit - before;
            let forgiven = more.min(state.owed);
            state.owed -= forgiven;
            self.room.add_permits(more - forgiven);
        } else {
            let less = before - limit;
            state.owed += less - self.room.forget_permits(less);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic ends the whole run, so nobody sees what it left behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sent<'_> {
    /// It was answered with a yes.
    pub(super) fn answered(self) {
        let latency = self.at.elapsed();
        let mut state = self.gate.state();
        if state.control.answered(self.round, latency) {
            self.gate.end_round(&mut state);
        }
    }

    /// It was too much for the server or for the line.
    pub(super) fn refused(self) {
        let mut state = self.gate.state();
        if state.control.refused(self.round) {
            self.gate.end_round(&mut state);
        }
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        self.gate.state().on_the_wire -= 1;
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
        let mut state = self.gate.state();
        if state.owed > 0
            && let Some(permit) = self.permit.take()
        {
            state.owed -= 1;
            permit.forget();
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_smaller_number_is_reached_and_a_larger_one_again() {
        let gate = Arc::new(Gate::new(Concurrency::Auto));
        let first = gate.limit();
        let mut passes = Vec::new();
        for _ in 0..first {
            passes.push(gate.enter().await);
        }
        for _ in 0..first {
            gate.sent().refused();
        }
        let fewer = gate.limit();
        assert!(fewer < first);
        assert_eq!(gate.room.available_permits(), 0);
        drop(passes);
        assert_eq!(gate.room.available_permits(), fewer);
        let state = gate.state();
        assert_eq!((state.owed, state.on_the_wire), (0, 0));
    }

    #[tokio::test]
    async fn nobody_who_waits_is_overtaken() {
        let gate = Arc::new(Gate::new(Concurrency::Fixed(1)));
        let first = gate.enter().await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = tokio::task::JoinSet::new();
        for number in 0..9 {
            let (gate, order) = (Arc::clone(&gate), Arc::clone(&order));
            waiting.spawn(async move {
                let pass = gate.enter().await;
                order.lock().unwrap().push(number);
                tokio::task::yield_now().await;
                drop(pass);
            });
        }
        tokio::task::yield_now().await;
        drop(first);
        waiting.join_all().await;
        assert_eq!(*order.lock().unwrap(), (0..9).collect::<Vec<_>>());
    }
}
