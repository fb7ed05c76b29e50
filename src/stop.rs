//! How a run is asked to end, and how long it may take over it.
//!
//! Owns: the one flag that everything looks at. Never: signals themselves;
//! `main` hears those.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::Signal;

/// What is under way when a stop is asked for may take this long to finish.
/// GitHub kills a job 10 seconds after its first signal, Docker likewise.
const GRACE: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// What is under way may finish until then.
    Stopping(Option<Signal>, Instant),
    Hurrying(Option<Signal>),
}

/// A request to stop, seen by all who work on the run.
#[derive(Debug)]
pub struct Stop(watch::Sender<State>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(State::Running))
    }
}

impl Stop {
    /// Notes a signal; a second one means at once.
    pub fn signal(&self, signal: Signal) {
        self.0.send_modify(|state| {
            *state = match *state {
                State::Running => State::Stopping(Some(signal), Instant::now() + GRACE),
                State::Stopping(None, until) => State::Stopping(Some(signal), until),
                State::Stopping(first, _) | State::Hurrying(first) => State::Hurrying(first),
            }
        });
    }

    /// Ends the run from within, since it cannot succeed any more.
    pub fn give_up(&self) {
        self.0.send_if_modified(|state| {
            let running = *state == State::Running;
            if running {
                *state = State::Stopping(None, Instant::now() + GRACE);
            }
            running
        });
    }

    /// The signal that came, if one did.
    #[must_use]
    pub fn cause(&self) -> Option<Signal> {
        match *self.0.borrow() {
            State::Running => None,
            State::Stopping(signal, _) | State::Hurrying(signal) => signal,
        }
    }

    /// Comes back when nothing new should be started any more.
    pub async fn requested(&self) {
        self.reaches(|state| *state != State::Running).await;
    }

    /// Whether nothing new should be started any more.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() != State::Running
    }

    /// Comes back when what is under way should be dropped: at one moment for
    /// all, however late some of them begin to ask.
    pub async fn overdue(&self) {
        self.requested().await;
        let until = match *self.0.borrow() {
            State::Stopping(_, until) => until,
            State::Running | State::Hurrying(_) => return,
        };
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = self.hurried() => {}
        }
    }

    /// Comes back when everything should end at once.
    pub async fn hurried(&self) {
        self.reaches(|state| matches!(state, State::Hurrying(_)))
            .await;
    }

    /// Works until the work is done or a stop is asked for.
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.requested() => None,
            done = work => Some(done),
        }
    }

    async fn reaches(&self, reached: impl Fn(&State) -> bool) {
        // Waiting fails only when the sender is gone, and it is `self`.
        drop(self.0.subscribe().wait_for(|state| reached(state)).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_signal_gives_grace_and_the_second_none() {
        let stop = Stop::default();
        assert_eq!(stop.or(async { 7 }).await, Some(7));
        stop.signal(Signal::Interrupt);
        assert_eq!(stop.or(std::future::pending::<()>()).await, None);
        let begin = Instant::now();
        stop.overdue().await;
        assert!(begin.elapsed() >= GRACE);
        stop.overdue().await;
        assert!(
            begin.elapsed() < 2 * GRACE,
            "there is one time of grace for all"
        );
        stop.signal(Signal::Terminate);
        let begin = Instant::now();
        stop.overdue().await;
        assert!(begin.elapsed() < GRACE);
        assert_eq!(stop.cause(), Some(Signal::Interrupt));
    }

    #[tokio::test]
    async fn giving_up_is_no_signal() {
        let stop = Stop::default();
        stop.give_up();
        stop.requested().await;
        assert_eq!(stop.cause(), None);
    }
}
