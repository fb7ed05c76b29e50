//! What became of each object, and the sum.

use std::collections::HashMap;
use std::time::Duration;

use super::{Deleted, Done, Failure, Proof, Verdict};
use crate::aws::Trouble;
use crate::plan::Plan;
use crate::stop::Stop;
use crate::text::printable;

/// What became of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was not begun.
    NotSent,
    /// S3 has it and has verified it.
    Stored,
    /// S3 does not have it.
    Failed,
    /// S3 may or may not have it.
    InDoubt,
}

/// An object that is not in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Its number in the plan.
    pub index: usize,
    /// Why.
    pub failure: Failure,
    /// What that condemns.
    pub verdict: Verdict,
}

/// Parts that S3 keeps, and bills, of an upload that did not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The whole key.
    pub key: String,
    /// S3's name for the upload, unless that got lost with its answer.
    pub upload_id: Option<String>,
    /// Why it could not be aborted.
    pub reason: String,
}

/// The sum of a transfer.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// What became of each object, in the order of the plan.
    pub fates: Vec<Fate>,
    /// What was stored, by place in the plan, if that is recorded.
    pub proofs: Vec<Option<Proof>>,
    /// Those that are not in place, and why.
    pub failed: Vec<Failed>,
    /// What came of deleting what is stale.
    pub deleted: Deleted,
    /// What could not be cleaned up.
    pub leftovers: Vec<Leftover>,
    /// The failure that ended the run, if one did.
    pub condemned: Option<Failed>,
    /// How many bytes S3 took.
    pub bytes: u64,
    /// How many attempts were repetitions, by what went wrong before.
    pub retries: Vec<(Trouble, u64)>,
    /// How often each object was tried again that was, by its whole key.
    pub repeated: HashMap<String, u32>,
    /// How long it took.
    pub elapsed: Duration,
    /// How many seconds each object took, in the order of the plan; of none where
    /// nobody wants to know.
    pub seconds: Vec<f32>,
    any_stored: bool,
}

impl Tally {
    pub(super) fn new(planned: usize, records: bool, timed: bool) -> Self {
        Self {
            fates: vec![Fate::NotSent; planned],
            proofs: vec![None; if records { planned } else { 0 }],
            seconds: vec![0.0; if timed { planned } else { 0 }],
            ..Self::default()
        }
    }

    /// How many objects had this fate.
    #[must_use]
    pub fn count(&self, fate: Fate) -> usize {
        self.fates.iter().filter(|f| **f == fate).count()
    }

    pub(super) fn record(&mut self, done: Done, plan: &Plan, stop: &Stop) {
        let Done {
            index,
            result,
            leftovers,
            took,
        } = done;
        if let (Some(seconds), Some(took)) = (self.seconds.get_mut(index), took) {
            *seconds = took.as_secs_f32();
        }
        self.leftovers.extend(leftovers);
        let failure = match result {
            Ok(proof) => {
                self.fates[index] = Fate::Stored;
                self.any_stored = true;
                if let Some(place) = self.proofs.get_mut(index) {
                    *place = proof;
                }
                let url = plan.destination.url_of(&plan.puts[index].file.key);
                crate::report::detail!("stored {}", printable(&url));
                return;
            }
            Err(failure) => failure,
        };
        self.fates[index] = failure.fate();
        if matches!(failure, Failure::InDoubt | Failure::NotSent) {
            return;
        }
        // After a signal nothing is tried again, so a failure that would have
        // passed says nothing of the others; the signal is what ended the run.
        let verdict = match stop.cause() {
            Some(_) => Verdict::Object,
            None => failure.verdict(self.any_stored),
        };
        let failed = Failed {
            index,
            failure,
            verdict,
        };
        if verdict != Verdict::Object && self.condemned.is_none() {
            self.condemned = Some(failed.clone());
            stop.give_up();
        }
        self.failed.push(failed);
    }
}
