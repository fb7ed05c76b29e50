//! The plan: every decision of a run, made before anything is changed.
//!
//! Owns: what is sent, how, and why. Never: I/O, the clock, the environment,
//! async, or a type of the SDK; the same input always gives the same plan.

mod action;
mod agree;
mod compare;
mod deletes;
mod lanes;
mod lookalikes;
mod order;
mod print;

use std::sync::Arc;

pub use action::Action;
pub use agree::{Shown, agree};
pub use compare::{Decision, Facts, Looked, Question, Record, Seen, Verdict, decide, form_of};
pub use deletes::{Sorted, Strays, is_own, sort};
pub use lanes::Lanes;
pub use order::Order;

use crate::error::{Problem, SourceError};
use crate::rules::{Encoding, Properties, Rules};
use crate::text::printable;
use crate::types::{Bytes, Destination, Digest, ETag, Invalid, MAX_KEY_BYTES};
use crate::walk::LocalFile;

/// What will be done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Where everything goes.
    pub destination: Destination,
    /// The objects to put, sorted by key.
    pub puts: Vec<Put>,
    /// The objects that stay as they are, sorted by key.
    pub keeps: Vec<Keep>,
    /// The keys of objects that go, relative to the prefix, sorted.
    pub deletes: Vec<Box<str>>,
}

/// One object that stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// The file that it would be made from.
    pub file: LocalFile,
    /// How it looks there.
    pub properties: Arc<Properties>,
    /// What is known of it.
    pub facts: Facts,
}

/// One object to put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The file that it is made from.
    pub file: LocalFile,
    /// How it looks there.
    pub properties: Arc<Properties>,
    /// How it is sent.
    pub method: Method,
    /// Why it is sent.
    pub reason: Reason,
    /// In which stage it is sent: it waits for all that are before.
    pub stage: u8,
    /// The digest of the file, where it was needed for the decision.
    pub digest: Option<Digest>,
}

impl Put {
    /// Whether the file itself is sent.
    #[must_use]
    pub const fn is_sent(&self) -> bool {
        !matches!(self.method, Method::Copy { .. })
    }
}

/// How a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// In one request.
    Single,
    /// In parts of this size, the last one smaller.
    Parts(u64),
    /// Not at all: the object is copied onto itself and gets its new properties.
    Copy {
        /// Which object that must be.
        of: ETag,
        /// The size of a part, should the file have to be sent all the same.
        parts: Option<u64>,
    },
}

impl Method {
    /// How large a part is, if the file is sent in parts.
    #[must_use]
    pub const fn part_size(self) -> Option<u64> {
        match self {
            Self::Single => None,
            Self::Parts(size) => Some(size),
            Self::Copy { parts, .. } => parts,
        }
    }

    /// How the file is sent where its object may not be copied.
    #[must_use]
    pub const fn otherwise(self) -> Self {
        match self.part_size() {
            Some(size) => Self::Parts(size),
            None => Self::Single,
        }
    }
}

/// Why an action is in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is no such object.
    New,
    /// The object has another size.
    SizeDiffers,
    /// The object has another content.
    ContentDiffers,
    /// The object has the same content and other properties.
    PropertiesDiffer,
    /// Nobody can tell whether it is the same.
    Incomparable,
    /// Everything is sent, whatever is there already.
    Forced,
    /// The object is just what the file would become.
    Unchanged,
    /// The source has no such file.
    Stale,
}

impl Reason {
    /// The reason, in words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::New => "it is new",
            Self::SizeDiffers => "its size differs",
            Self::ContentDiffers => "its content differs",
            Self::PropertiesDiffer => "its properties differ",
            Self::Incomparable => "it cannot be compared",
            Self::Forced => "every file is sent",
            Self::Unchanged => "it is unchanged",
            Self::Stale => "it is not in the source",
        }
    }

    /// The reason, for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::SizeDiffers => "size_differs",
            Self::ContentDiffers => "content_differs",
            Self::PropertiesDiffer => "properties_differ",
            Self::Incomparable => "incomparable",
            Self::Forced => "forced",
            Self::Unchanged => "unchanged",
            Self::Stale => "stale",
        }
    }
}

/// When a file is sent in parts, and in which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parting {
    /// From which size on.
    pub threshold: u64,
    /// The size of a part, unless that makes too many.
    pub part_size: u64,
}

/// S3's limits ("Amazon S3 multipart upload limits", Amazon S3 User Guide).
const MAX_PARTS: u64 = 10_000;
const MAX_PART: Bytes = Bytes::gib(5);

impl Parting {
    /// How a file of this size is sent.
    pub fn method(self, size: u64) -> Result<Method, Invalid> {
        if size < self.threshold {
            return Ok(Method::Single);
        }
        let least = size.div_ceil(MAX_PARTS);
        if least > MAX_PART.0 {
            return Err(Invalid::new(format!(
                "is larger than {MAX_PARTS} parts of {MAX_PART}, which is all that S3 takes"
            )));
        }
        // Whole mebibytes, so that the part's size is one that people know.
        let least = least.next_multiple_of(Bytes::mib(1).0).min(MAX_PART.0);
        Ok(Method::Parts(self.part_size.max(least)))
    }
}

impl Plan {
    /// Decides what becomes of each file. `files` are sorted by key.
    pub fn new(
        destination: Destination,
        files: Vec<LocalFile>,
        rules: &mut Rules<'_>,
        parting: Parting,
        order: &Order,
    ) -> Result<Self, SourceError> {
        let mut stages = order.stages();
        let mut problems = duplicates(&files);
        let mut puts = Vec::with_capacity(files.len());
        for file in files {
            let length = destination.prefix.as_str().len() + file.key.as_str().len();
            let method = if is_own(file.key.as_str()) {
                let reason = "is in a folder that is docferry's own at every destination";
                Err(Invalid::new(reason))
            } else if length > MAX_KEY_BYTES {
                Err(Invalid::new(format!(
                    "makes a key of {length} bytes under {:?}, and S3 takes {MAX_KEY_BYTES} at most",
                    destination.prefix.as_str()
                )))
            } else {
                parting.method(file.size)
            };
            let properties = rules.properties_of(&file);
            let method = method.map(|method| match properties.encoding {
                // What it becomes is not known yet, but it is not large.
                Encoding::Applied(_) => Method::Single,
                Encoding::Plain | Encoding::Stored(_) => method,
            });
            match method {
                Err(invalid) => problems.push(problem(&file, invalid.reason)),
                Ok(method) => puts.push(Put {
                    stage: stages.of(file.key.as_str()),
                    properties,
                    file,
                    method,
                    reason: Reason::Forced,
                    digest: None,
                }),
            }
        }
        if !problems.is_empty() {
            return Err(SourceError {
                problems,
                hint: None,
            });
        }
        Ok(Self {
            destination,
            puts,
            keeps: Vec::new(),
            deletes: Vec::new(),
        })
    }

    /// Applies what was decided about each put, in their order.
    pub fn settle(&mut self, decided: impl IntoIterator<Item = (Decision, Facts)>) {
        let puts = std::mem::take(&mut self.puts);
        for (mut put, (decision, facts)) in puts.into_iter().zip(decided) {
            put.digest = facts.digest;
            match (decision, facts.seen) {
                (Decision::Put(reason), _) => put.reason = reason,
                (Decision::Copy, seen) => {
                    put.reason = Reason::PropertiesDiffer;
                    if let Some(seen) = seen {
                        put.method = Method::Copy {
                            of: seen.etag,
                            parts: put.method.part_size(),
                        };
                    }
                }
                (Decision::Keep, _) => {
                    self.keeps.push(Keep {
                        file: put.file,
                        properties: put.properties,
                        facts,
                    });
                    continue;
                }
            }
            self.puts.push(put);
        }
    }

    /// How many bytes the plan carries.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let carried = self.puts.iter().filter(|put| put.is_sent());
        carried.map(|put| put.file.size).sum()
    }

    /// Whether it would change anything.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty()
    }
}

fn duplicates(files: &[LocalFile]) -> Vec<Problem> {
    files
        .windows(2)
        .filter(|pair| pair[0].key == pair[1].key)
        .map(|pair| problem(&pair[1], "is the key of two files".to_owned()))
        .collect()
}

fn problem(file: &LocalFile, reason: String) -> Problem {
    Problem {
        path: format!("\"{}\"", printable(file.key.as_str())),
        reason,
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
