//! How many requests should be under way: the arithmetic, without a clock and
//! without a request.
//!
//! It begins as TCP's slow start does, by doubling (RFC 5681), and stops where
//! a doubling no longer pays: by Little's law the rate is the number under way
//! over the time that each takes, so a rate that stands still shows in the
//! latency ("TCP Vegas", Brakmo and Peterson, 1995). When a server says that it
//! is too much, the number shrinks by half of the share that was refused, which
//! settles near the server's rate instead of swinging around it ("Data Center
//! TCP", Alizadeh et al., 2010).

use std::time::Duration;

/// What the number begins with, and how far it may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) first: usize,
    pub(super) least: usize,
    pub(super) most: usize,
}

/// A doubling must make this much of a difference.
const PAYS: f64 = 1.2;
/// A small step up must make this much of one.
const PAYS_A_LITTLE: f64 = 1.04;
/// How much a small step is.
const STEP: f64 = 1.25;
/// After how many rounds of calm a small step up is tried.
const PATIENCE: u32 = 8;
/// A round is over when this many answers of its own came, at the latest.
const ENOUGH: usize = 256;
/// Fewer answers than these say nothing.
const FEW: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// Doubling, as long as it pays.
    Doubling,
    /// One step above what is known to be good.
    Trying { known: f64 },
    /// Waiting for some rounds.
    Calm { rounds: u32 },
    /// A server has said that it was too much.
    Careful,
}

/// The number, and how it comes about.
#[derive(Debug)]
pub(super) struct Control {
    bounds: Bounds,
    limit: f64,
    phase: Phase,
    /// The rate that the last number gave, in requests a second.
    rate: f64,
    /// Counts changes, so that answers to requests of before can be told.
    round: u64,
    latencies: Vec<Duration>,
    refused: usize,
    /// Whether the number was ever reached in this round.
    reached: bool,
}

impl Control {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            limit: count(bounds.first.clamp(bounds.least, bounds.most)),
            phase: Phase::Doubling,
            rate: 0.0,
            round: 0,
            latencies: Vec::with_capacity(ENOUGH),
            refused: 0,
            reached: false,
        }
    }

    /// How many requests may be under way.
    pub(super) fn limit(&self) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is kept within its bounds"
        )]
        let limit = self.limit as usize;
        limit
    }

    /// What a request that is sent now belongs to.
    pub(super) fn round(&self) -> u64 {
        self.round
    }

    /// Somebody had to wait for the number.
    pub(super) fn was_reached(&mut self) {
        self.reached = true;
    }

    /// A request of a round was answered with a yes.
    pub(super) fn answered(&mut self, round: u64, latency: Duration) {
        if round == self.round {
            self.latencies.push(latency);
            self.end_round();
        }
    }

    /// A request of a round was refused because there are too many, or broke.
    pub(super) fn refused(&mut self, round: u64) {
        if round == self.round {
            self.refused += 1;
            self.end_round();
        }
    }

    fn end_round(&mut self) {
        let seen = self.latencies.len() + self.refused;
        if seen < (self.limit() / 2).clamp(FEW, ENOUGH) {
            return;
        }
        if self.refused > 0 {
            let share = count(self.refused) / count(seen);
            // What was under way when the server said no was too much.
            self.go_on(self.limit * (1.0 - share / 2.0), Phase::Careful);
        } else if self.reached {
            self.weigh();
        } else {
            // Nobody waited, so a larger number would change nothing.
            self.go_on(self.limit, self.phase);
        }
    }

    /// All went well in a round whose number was used up.
    fn weigh(&mut self) {
        let rate = self.limit / quartile(&mut self.latencies).as_secs_f64().max(1e-6);
        let before = std::mem::replace(&mut self.rate, rate);
        match self.phase {
            Phase::Doubling if rate > before * PAYS => {
                self.go_on(self.limit * 2.0, Phase::Doubling);
            }
            Phase::Doubling => {
                self.rate = before;
                self.go_on(self.limit / 2.0, Phase::Calm { rounds: 0 });
            }
            Phase::Trying { .. } if rate > before * PAYS_A_LITTLE => {
                self.go_on(self.limit * 2.0, Phase::Doubling);
            }
            Phase::Trying { known } => {
                self.rate = before;
                self.go_on(known, Phase::Calm { rounds: 0 });
            }
            Phase::Calm { rounds } if rounds >= PATIENCE => {
                let known = self.limit;
                self.go_on(known * STEP, Phase::Trying { known });
            }
            Phase::Calm { rounds } => {
                // Sizes change along the way, and with them the rate.
                self.rate = before.mul_add(0.5, rate * 0.5);
                self.go_on(self.limit, Phase::Calm { rounds: rounds + 1 });
            }
            Phase::Careful => self.go_on((self.limit * 1.01).max(self.limit + 1.0), self.phase),
        }
    }

    fn go_on(&mut self, limit: f64, phase: Phase) {
        let (least, most) = (count(self.bounds.least), count(self.bounds.most));
        let bounded = limit.clamp(least, most);
        // At its end, the number has nothing left to try.
        let ended = phase == Phase::Doubling && (bounded - self.limit).abs() < f64::EPSILON;
        self.phase = if ended {
            Phase::Calm { rounds: 0 }
        } else {
            phase
        };
        // Answers to what was sent before say nothing about a new number.
        if (bounded - self.limit).abs() > f64::EPSILON {
            self.round += 1;
        }
        self.limit = bounded;
        self.latencies.clear();
        self.refused = 0;
        self.reached = false;
    }
}

#[expect(clippy::cast_precision_loss, reason = "these are small numbers")]
fn count(number: usize) -> f64 {
    number as f64
}

/// The latency that three quarters exceed: those of connections that were just
/// made are beyond it.
fn quartile(latencies: &mut [Duration]) -> Duration {
    latencies.sort_unstable();
    latencies
        .get(latencies.len() / 4)
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
