//! Every action of a run and what became of it, one after another: a million of
//! them are never held twice.

use std::collections::HashMap;

use serde::Serialize;

use super::Record;
use crate::plan::{Plan, Put};
use crate::transfer::{Failure, Fate, Tally};

/// What became of one action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// S3 has it and has verified it.
    Stored,
    /// S3 does not have it, or does not have it any more.
    Failed,
    /// S3 may have it or not.
    InDoubt,
    /// It was not begun.
    NotSent,
}

impl From<Fate> for Outcome {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::NotSent => Self::NotSent,
            Fate::Stored => Self::Stored,
            Fate::Failed => Self::Failed,
            Fate::InDoubt => Self::InDoubt,
        }
    }
}

impl Outcome {
    /// In words for people.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Stored => "uploaded",
            Self::Failed => "failed",
            Self::InDoubt => "in doubt",
            Self::NotSent => "not sent",
        }
    }
}

/// One action.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) action: &'static str,
    pub(super) reason: &'static str,
    /// Its path below the source, and below the prefix.
    pub(super) path: &'a str,
    pub(super) size: u64,
    pub(super) outcome: Outcome,
    /// Why it is not in place.
    pub(super) failure: Option<&'a Failure>,
    /// How often it was tried, if it was begun.
    pub(super) attempts: Option<u32>,
    /// How long it took, where that was noted.
    pub(super) seconds: Option<f32>,
}

/// The sums of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) uploaded: usize,
    pub(super) unchanged: usize,
    pub(super) deleted: usize,
    pub(super) failed: usize,
    pub(super) in_doubt: usize,
    pub(super) not_sent: usize,
    pub(super) bytes: u64,
}

/// All actions.
#[derive(Debug)]
pub(super) struct Entries<'a> {
    plan: Option<&'a Plan>,
    tally: Option<&'a Tally>,
    failures: HashMap<usize, &'a Failure>,
}

impl<'a> Entries<'a> {
    pub(super) fn of(record: &'a Record) -> Self {
        let tally = record.tally();
        let failed = tally.map_or(&[][..], |tally| &tally.failed);
        Self {
            plan: record.plan(),
            tally,
            failures: failed.iter().map(|f| (f.index, &f.failure)).collect(),
        }
    }

    /// Each of them, in the order of the plan.
    pub(super) fn iter(&self) -> impl Iterator<Item = Entry<'a>> {
        let puts = self.plan.map_or(&[][..], |plan| &plan.puts);
        puts.iter()
            .enumerate()
            .map(|(index, put)| self.put(index, put))
    }

    fn put(&self, index: usize, put: &'a Put) -> Entry<'a> {
        let fate = self.tally.and_then(|tally| tally.fates.get(index));
        let outcome = fate.map_or(Outcome::NotSent, |fate| Outcome::from(*fate));
        let begun = self.tally.filter(|_| outcome != Outcome::NotSent);
        Entry {
            action: "put",
            reason: put.reason.text(),
            path: put.file.key.as_str(),
            size: put.file.size,
            outcome,
            failure: self.failures.get(&index).copied(),
            attempts: begun.map(|tally| 1 + self.repeated(tally, put)),
            seconds: begun.and_then(|tally| tally.seconds.get(index).copied()),
        }
    }

    fn repeated(&self, tally: &Tally, put: &Put) -> u32 {
        // Nearly always nothing was, and then no key is put together.
        let plan = self.plan.filter(|_| !tally.repeated.is_empty());
        let key = plan.map(|plan| plan.destination.prefix.join(&put.file.key));
        let times = key.and_then(|key| tally.repeated.get(&key));
        times.copied().unwrap_or_default()
    }

    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for entry in self.iter() {
            match entry.outcome {
                Outcome::Stored => {
                    totals.uploaded += 1;
                    totals.bytes += entry.size;
                }
                Outcome::Failed => totals.failed += 1,
                Outcome::InDoubt => totals.in_doubt += 1,
                Outcome::NotSent => totals.not_sent += 1,
            }
        }
        totals
    }
}
