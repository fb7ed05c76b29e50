//! What can end a run, each with its exit code and one way to tell it.
//!
//! Owns: the exit codes and the shape of every error message. Never: what the
//! hints say; the rooms that know the facts write those.

mod told;

use std::fmt;

pub use told::Told;

use crate::settings::Mistakes;
use crate::text::{count, printable};

/// The exit codes, which are a contract: scripts branch on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Everything that was planned is in place.
    Done,
    /// A bug of docferry's own.
    Bug,
    /// The settings make no sense.
    Settings,
    /// No identity, or one that may not assume the role.
    Identity,
    /// The source cannot be carried.
    Source,
    /// The destination refused, or cannot be reached.
    Destination,
    /// Some objects failed, the others are in place.
    Objects,
    /// A guard stopped the run before any change.
    Guard,
    /// A plan that would change something, where that was to be told.
    Changes,
    /// SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl ExitCode {
    /// All of them, for the documents.
    pub const ALL: [Self; 11] = [
        Self::Done,
        Self::Bug,
        Self::Settings,
        Self::Identity,
        Self::Source,
        Self::Destination,
        Self::Objects,
        Self::Guard,
        Self::Changes,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number that the process exits with. 125 to 127 are Docker's; 128
    /// plus a signal's number is the shell's custom.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Bug => 1,
            Self::Settings => 2,
            Self::Identity => 3,
            Self::Source => 4,
            Self::Destination => 5,
            Self::Objects => 6,
            Self::Guard => 7,
            Self::Changes => 8,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// What it means, in the words of the documents.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "Everything that was planned is in place",
            Self::Bug => "A bug of docferry's own; please report it",
            Self::Settings => "A variable is missing or makes no sense",
            Self::Identity => "No AWS identity, or it may not assume the role, or it ran out",
            Self::Source => "The source is missing, empty, or holds what cannot be carried",
            Self::Destination => "The bucket refused the upload or cannot be reached",
            Self::Objects => {
                "Some objects failed or could not be deleted, or another run wrote there at the same time; the others are in place"
            }
            Self::Guard => "A guard stopped the run before any change",
            Self::Changes => "`plan` found something to do, and `DOCFERRY_PLAN_EXIT_CODE` is set",
            Self::Interrupted => "Interrupted by SIGINT; open multipart uploads were aborted",
            Self::Terminated => "Interrupted by SIGTERM; open multipart uploads were aborted",
        }
    }
}

/// The signal that asked for an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C, and what GitHub sends first.
    Interrupt,
    /// What GitLab, Docker and Kubernetes send.
    Terminate,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// Somebody said no: who asked whom for what, and what to change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    /// One sentence.
    pub what: String,
    /// The facts: identity, account, action, resource, the server's words.
    pub facts: Vec<(&'static str, String)>,
    /// What to change, and where.
    pub hints: Vec<String>,
}

impl Refusal {
    /// A refusal in one sentence.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            ..Self::default()
        }
    }

    /// Adds a fact.
    #[must_use]
    pub fn fact(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.facts.push((name, value.into()));
        self
    }

    /// Adds what to change.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.what))?;
        for (name, value) in &self.facts {
            write!(f, "\n  {name:<9} {}", printable(value))?;
        }
        for hint in &self.hints {
            write!(f, "\n  hint: {}", hint.replace('\n', "\n        "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

/// One entry of the source that cannot be carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The entry, escaped.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// What is wrong with the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// Every entry that is in the way.
    pub problems: Vec<Problem>,
    /// What to change.
    pub hint: Option<String>,
}

impl SourceError {
    /// One problem with the source as a whole.
    pub fn whole(path: &std::path::Path, reason: impl Into<String>, hint: Option<&str>) -> Self {
        Self {
            problems: vec![Problem {
                path: format!("{:?}", path.as_os_str()),
                reason: reason.into(),
            }],
            hint: hint.map(str::to_owned),
        }
    }
}

/// How many entries of a long list are told one by one.
pub(crate) const LIST_LIMIT: usize = 20;

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems = count(self.problems.len(), "problem");
        write!(f, "the source cannot be carried ({problems})")?;
        for problem in self.problems.iter().take(LIST_LIMIT) {
            let text = format!("{}: {}", problem.path, problem.reason);
            write!(f, "\n  {}", printable(&text))?;
        }
        if self.problems.len() > LIST_LIMIT {
            let more = self.problems.len() - LIST_LIMIT;
            write!(f, "\n  … and {more} more")?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Why a run did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The settings make no sense.
    Settings(Mistakes),
    /// No identity to write with.
    Identity(Box<Refusal>),
    /// The source cannot be carried.
    Source(SourceError),
    /// The bucket refused everything.
    Destination(Box<Refusal>),
    /// A guard stopped the run before any change.
    Guard(Box<Refusal>),
    /// Some objects failed.
    Objects {
        /// How many.
        failed: usize,
        /// How many were not even begun.
        unsent: usize,
        /// Out of how many.
        planned: usize,
    },
    /// Everything is in place, and something else is not as it should be: objects
    /// that could not be deleted, or another run at the same time.
    Unfinished(Box<Refusal>),
    /// A plan would change so many objects.
    Changes(usize),
    /// The time for the run was over.
    OutOfTime {
        /// The time.
        limit: std::time::Duration,
        /// How many objects are not in place.
        failed: usize,
        /// Out of how many.
        planned: usize,
        /// How many stale objects are still there.
        stale: usize,
    },
    /// A signal came.
    Stopped(Signal),
    /// A bug.
    Bug(String),
}

impl Error {
    /// The exit code of the run that it ended.
    #[must_use]
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Settings(_) => ExitCode::Settings,
            Self::Identity(_) => ExitCode::Identity,
            Self::Source(_) => ExitCode::Source,
            Self::Destination(_) => ExitCode::Destination,
            Self::Guard(_) => ExitCode::Guard,
            Self::Objects { .. } | Self::OutOfTime { .. } | Self::Unfinished(_) => {
                ExitCode::Objects
            }
            Self::Changes(_) => ExitCode::Changes,
            Self::Stopped(Signal::Interrupt) => ExitCode::Interrupted,
            Self::Stopped(Signal::Terminate) => ExitCode::Terminated,
            Self::Bug(_) => ExitCode::Bug,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(mistakes) => {
                let number = mistakes.iter().count();
                write!(f, "the settings have {}", count(number, "mistake"))?;
                mistakes.iter().try_for_each(|m| write!(f, "\n  {m}"))
            }
            Self::Identity(refusal)
            | Self::Destination(refusal)
            | Self::Guard(refusal)
            | Self::Unfinished(refusal) => refusal.fmt(f),
            Self::Changes(number) => write!(
                f,
                "the plan changes {}, which DOCFERRY_PLAN_EXIT_CODE asked to be told",
                count(*number, "object")
            ),
            Self::Source(error) => error.fmt(f),
            Self::Objects {
                failed,
                unsent,
                planned,
            } => {
                write!(f, "{} of {planned} failed", count(*failed, "object"))?;
                match unsent {
                    0 => {}
                    1 => f.write_str(", and 1 was not sent")?,
                    more => write!(f, ", and {more} were not sent")?,
                }
                f.write_str("; the others are in place")
            }
            Self::OutOfTime {
                limit,
                failed,
                planned,
                stale,
            } => {
                let limit = humantime::format_duration(*limit);
                let failed = count(*failed, "object");
                write!(
                    f,
                    "the {limit} of DOCFERRY_TIMEOUT were over: {failed} of {planned} not in place"
                )?;
                match stale {
                    0 => Ok(()),
                    stale => write!(f, ", {} not deleted", count(*stale, "stale object")),
                }
            }
            Self::Stopped(signal) => write!(f, "stopped by {signal}"),
            Self::Bug(what) => write!(
                f,
                "this is a bug of docferry's: {}\n  hint: please report it with the lines above",
                printable(what)
            ),
        }
    }
}

impl std::error::Error for Error {}

impl From<Mistakes> for Error {
    fn from(mistakes: Mistakes) -> Self {
        Self::Settings(mistakes)
    }
}

impl From<SourceError> for Error {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_unique_and_leave_dockers_alone() {
        let mut numbers: Vec<u8> = ExitCode::ALL.iter().map(|code| code.number()).collect();
        numbers.dedup();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 130, 143]);
    }

    #[test]
    fn a_servers_words_cannot_forge_a_line() {
        let refusal = Refusal::new("no").fact("S3 said", "x\n::error::forged");
        assert_eq!(refusal.to_string().lines().count(), 2);
    }
}
