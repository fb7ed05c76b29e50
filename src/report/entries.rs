//! Every action of a run and what became of it, one after another: a million of
//! them are never held twice.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use super::Record;
use crate::aws::AwsError;
use crate::plan::{Action, Plan};
use crate::transfer::{End, Failure, Fate, Tally};

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
    /// It is as it was, and as it should be.
    Unchanged,
    /// It is gone.
    Deleted,
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
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
        }
    }
}

/// Why something is not as it was planned.
#[derive(Debug, Clone, Copy)]
pub(super) enum Why<'a> {
    NotStored(&'a Failure),
    NotDeleted(&'a AwsError),
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStored(failure) => failure.fmt(f),
            Self::NotDeleted(error) => error.fmt(f),
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
    pub(super) size: Option<u64>,
    pub(super) outcome: Outcome,
    /// Why it is not in place.
    pub(super) failure: Option<Why<'a>>,
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
    undeleted: HashMap<usize, &'a AwsError>,
}

impl<'a> Entries<'a> {
    pub(super) fn of(record: &'a Record) -> Self {
        let tally = record.tally();
        let failed = tally.map_or(&[][..], |tally| &tally.failed);
        let undeleted = tally.map_or(&[][..], |tally| &tally.deleted.failed);
        Self {
            plan: record.plan(),
            tally,
            failures: failed.iter().map(|f| (f.index, &f.failure)).collect(),
            undeleted: undeleted
                .iter()
                .map(|(index, error)| (*index, error))
                .collect(),
        }
    }

    /// Each of them, sorted by key.
    pub(super) fn iter(&self) -> impl Iterator<Item = Entry<'a>> {
        let actions = self.plan.into_iter().flat_map(Plan::actions);
        actions.map(|action| self.entry(&action))
    }

    fn entry(&self, action: &Action<'a>) -> Entry<'a> {
        let entry = Entry {
            action: action.name,
            reason: action.reason.text(),
            path: action.path,
            size: action.file.map(|(file, _)| file.size),
            outcome: Outcome::Unchanged,
            failure: None,
            attempts: None,
            seconds: None,
        };
        match action.name {
            "keep" => entry,
            "delete" => self.delete(entry, action.index),
            _ => self.put(entry, action.index),
        }
    }

    fn delete(&self, entry: Entry<'a>, index: usize) -> Entry<'a> {
        let end = self.tally.and_then(|tally| tally.deleted.ends.get(index));
        Entry {
            outcome: match end {
                Some(End::Gone) => Outcome::Deleted,
                Some(End::Refused) => Outcome::Failed,
                Some(End::InDoubt) => Outcome::InDoubt,
                Some(End::NotTried) | None => Outcome::NotSent,
            },
            failure: self.undeleted.get(&index).copied().map(Why::NotDeleted),
            ..entry
        }
    }

    fn put(&self, entry: Entry<'a>, index: usize) -> Entry<'a> {
        let fate = self.tally.and_then(|tally| tally.fates.get(index));
        let outcome = fate.map_or(Outcome::NotSent, |fate| Outcome::from(*fate));
        let begun = self.tally.filter(|_| outcome != Outcome::NotSent);
        Entry {
            outcome,
            failure: self.failures.get(&index).copied().map(Why::NotStored),
            attempts: begun.map(|tally| 1 + self.repeated(tally, entry.path)),
            seconds: begun.and_then(|tally| tally.seconds.get(index).copied()),
            ..entry
        }
    }

    fn repeated(&self, tally: &Tally, path: &str) -> u32 {
        // Nearly always nothing was, and then no key is put together.
        let plan = self.plan.filter(|_| !tally.repeated.is_empty());
        let key = plan.map(|plan| format!("{}{path}", plan.destination.prefix));
        let times = key.and_then(|key| tally.repeated.get(&key));
        times.copied().unwrap_or_default()
    }

    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for entry in self.iter() {
            match entry.outcome {
                Outcome::Stored => {
                    totals.uploaded += 1;
                    let sent = entry.size.filter(|_| entry.action == "put");
                    totals.bytes += sent.unwrap_or_default();
                }
                Outcome::Failed => totals.failed += 1,
                Outcome::InDoubt => totals.in_doubt += 1,
                Outcome::NotSent => totals.not_sent += 1,
                Outcome::Unchanged => totals.unchanged += 1,
                Outcome::Deleted => totals.deleted += 1,
            }
        }
        totals
    }
}
