//! How many requests should be under way: the arithmetic, without a clock and
//! without a request.
//!
//! It begins as TCP's slow start does, by doubling (RFC 5681), and stops where
//! a doubling no longer pays: by Little's law the rate is the number under way
//! over the time that each takes, so a rate that stands still shows in the
//! latency ("TCP Vegas", Brakmo and Peterson, 1995). When a server says that it
//! is too much, the number shrinks by half of the share that was refused, which
//! settles near the server's rate instead of swinging around it ("Data Center
//! TCP", Alizadeh et al., 2010). It never grows beyond what the one thread that
//! makes the requests has time for: more would only cost memory.

use std::time::Duration;

/// What the number begins with, and how far it may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) first: usize,
    pub(super) least: usize,
    pub(super) most: usize,
}

/// A larger number must give at least this share of what it could.
const PAYS: f64 = 0.3;
/// So much of its time may the thread be at work.
const BUSY: f64 = 0.95;
/// S3 takes 3,500 of these requests a second under one prefix ("Best practices
/// design patterns: optimizing Amazon S3 performance", Amazon S3 User Guide);
/// for three times as many there is no use, and each connection costs memory.
const PLENTY: f64 = 10_500.0;
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
    /// The first number, of which nothing is known.
    First,
    /// Growing from a number that is known to be good, as long as it pays.
    Growing { known: f64 },
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
    /// By how much the number may be multiplied before the thread is at its end.
    room: f64,
}

impl Control {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            limit: count(bounds.first.clamp(bounds.least, bounds.most)),
            phase: Phase::First,
            rate: 0.0,
            round: 0,
            latencies: Vec::with_capacity(ENOUGH),
            refused: 0,
            reached: false,
            room: 1.0,
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
    /// Says whether that was enough to end the round.
    pub(super) fn answered(&mut self, round: u64, latency: Duration) -> bool {
        if round == self.round {
            self.latencies.push(latency);
        }
        self.is_enough()
    }

    /// A request of a round was refused because there are too many, or broke.
    pub(super) fn refused(&mut self, round: u64) -> bool {
        if round == self.round {
            self.refused += 1;
        }
        self.is_enough()
    }

    fn is_enough(&self) -> bool {
        self.latencies.len() + self.refused >= self.limit().clamp(FEW, ENOUGH)
    }

    /// Ends a round; `busy` is the share of its time that the thread was at
    /// work.
    pub(super) fn end_round(&mut self, busy: f64) {
        let seen = self.latencies.len() + self.refused;
        // There is time for so many times as much.
        self.room = BUSY / busy.max(0.01);
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
        let rate = self.limit / mean(&self.latencies).as_secs_f64().max(1e-6);
        let before = std::mem::replace(&mut self.rate, rate);
        match self.phase {
            Phase::First => self.grow(2.0),
            Phase::Growing { known } => {
                let could = self.limit / known - 1.0;
                // A small step must show more than chance does.
                let pays = if could < 0.3 { 2.0 * PAYS } else { PAYS };
                if rate / before - 1.0 >= could * pays {
                    self.grow(2.0);
                } else {
                    self.rate = before;
                    self.go_on(known, Phase::Calm { rounds: 0 });
                }
            }
            Phase::Calm { rounds } if rounds >= PATIENCE => self.grow(STEP),
            Phase::Calm { rounds } => {
                // Sizes change along the way, and with them the rate.
                self.rate = f64::midpoint(before, rate);
                self.go_on(self.limit, Phase::Calm { rounds: rounds + 1 });
            }
            Phase::Careful if self.room > 1.0 => {
                self.go_on((self.limit * 1.01).max(self.limit + 1.0), self.phase);
            }
            Phase::Careful => self.go_on(self.limit, self.phase),
        }
    }

    /// Multiplies the number, as far as there is room for it.
    fn grow(&mut self, by: f64) {
        let known = self.limit;
        let plenty = PLENTY * mean(&self.latencies).as_secs_f64();
        let most = plenty.clamp(count(self.bounds.first), count(self.bounds.most));
        let next = (known * by.min(self.room)).min(most);
        // A tenth more is not worth the connections.
        match next > known * 1.1 {
            true => self.go_on(next, Phase::Growing { known }),
            false => self.go_on(known, Phase::Calm { rounds: 0 }),
        }
    }

    fn go_on(&mut self, limit: f64, phase: Phase) {
        let (least, most) = (count(self.bounds.least), count(self.bounds.most));
        let bounded = limit.clamp(least, most);
        self.phase = phase;
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

fn mean(latencies: &[Duration]) -> Duration {
    let number = u32::try_from(latencies.len()).unwrap_or(u32::MAX).max(1);
    latencies.iter().sum::<Duration>() / number
}

#[cfg(test)]
mod tests;
