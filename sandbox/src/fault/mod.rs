//! Owns faults: which requests are to go wrong, and how.

mod answer;
mod effect;
mod rate;
mod rule;

use std::time::{Duration, Instant};

pub use answer::Answer;
pub(crate) use effect::{spoil, strike, with_status};
use rate::Rate;
pub(crate) use rule::Asked;
pub use rule::Fault;

/// The rules in force.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Fault>,
    pub(crate) latency: Option<Duration>,
    rate: Option<Rate>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.rules.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn slow_down_above(&mut self, per_second: u32) {
        self.rate = Some(Rate::new(per_second));
    }

    /// The fault for this request, if any; the first rule that strikes wins.
    fn strike(&mut self, request: &Asked<'_>) -> Option<(Answer, String)> {
        for rule in &mut self.rules {
            if rule.strikes(request) {
                return Some(rule.struck());
            }
        }
        let rate = self.rate.as_mut()?;
        // Only S3's operations have no service before their name.
        if request.operation.contains(':') || rate.admits(Instant::now()) {
            return None;
        }
        Some((Answer::SlowDown, "SlowDown (rate)".to_owned()))
    }
}
