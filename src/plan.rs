//! The plan: every decision of a run, made before anything is changed.
//!
//! Owns: what is sent, how, and why. Never: I/O, the clock, the environment,
//! async, or a type of the SDK; the same input always gives the same plan.

mod lanes;
mod lookalikes;
mod print;

use std::sync::Arc;

pub use lanes::Lanes;

use crate::error::{Problem, SourceError};
use crate::rules::{Encoding, Properties, Rules};
use crate::text::printable;
use crate::types::{Bytes, Destination, Invalid, MAX_KEY_BYTES};
use crate::walk::LocalFile;

/// What will be done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Where everything goes.
    pub destination: Destination,
    /// The objects to put, sorted by key.
    pub puts: Vec<Put>,
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
}

/// How a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// In one request.
    Single,
    /// In parts of this size, the last one smaller.
    Parts(u64),
}

/// Why an action is in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Everything is sent, whatever is there already.
    Forced,
}

impl Reason {
    /// The reason, in words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Forced => "every file is sent",
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
    ) -> Result<Self, SourceError> {
        let mut problems = duplicates(&files);
        let mut puts = Vec::with_capacity(files.len());
        for file in files {
            let length = destination.prefix.as_str().len() + file.key.as_str().len();
            let method = if length > MAX_KEY_BYTES {
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
                    properties,
                    file,
                    method,
                    reason: Reason::Forced,
                }),
            }
        }
        if !problems.is_empty() {
            return Err(SourceError {
                problems,
                hint: None,
            });
        }
        Ok(Self { destination, puts })
    }

    /// How many bytes the plan carries.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.puts.iter().map(|put| put.file.size).sum()
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
mod tests;
