//! Owns faults: which requests are to go wrong, and how.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::policy::glob;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// 503 `SlowDown` (S3), 400 `Throttling` (STS), or 429 (the services beside
    /// a job), without doing the work.
    SlowDown,
    /// 500 `InternalError`, without doing the work.
    InternalError,
    /// 400 `ExpiredToken` (STS: 403; the services beside a job: 401), without
    /// doing the work.
    ExpiredToken,
    /// 307 `TemporaryRedirect` to this endpoint (`http://host:port`).
    TemporaryRedirect(String),
    /// Any error, without doing the work.
    Error {
        /// The HTTP status.
        status: u16,
        /// The error code.
        code: String,
        /// The message.
        message: String,
    },
    /// Resets the connection before the body is read.
    ResetBeforeBody,
    /// Resets the connection after this many bytes of the body.
    ResetInBody(u64),
    /// Does the work, then resets the connection instead of answering.
    ResetAfter,
    /// Waits, then goes on as if nothing were.
    Delay(Duration),
    /// Does the work, but cuts the answer's body in half and then the connection.
    Truncate,
    /// 200 with an `<Error>` of `InternalError` as the body, without doing the
    /// work: as S3 does when `CompleteMultipartUpload` or `CopyObject` fails late.
    ErrorBodyInOk,
    /// Does the work, and yet answers as [`Answer::ErrorBodyInOk`].
    ErrorBodyInOkAfter,
    /// Does the work, and yet answers 500 `InternalError`.
    InternalErrorAfter,
    /// Never answers; the connection stays open.
    Stall,
    /// Reads this many bytes of the body, then neither reads nor answers.
    StallInBody(u64),
}

/// A rule that picks requests and says what goes wrong with them.
#[derive(Debug, Clone)]
pub struct Fault {
    operation: String,
    key: Option<String>,
    access_key_id: Option<String>,
    skip: u64,
    times: u64,
    percent: Option<(u8, u64)>,
    answer: Answer,
    seen: u64,
    done: u64,
    label: String,
}

impl Fault {
    /// A fault for an operation (`PutObject`, `sts:AssumeRole`,
    /// `imds:PutToken`; `*` and `?` are wildcards). Without more, it hits every such request.
    #[must_use]
    pub fn new(operation: &str) -> Self {
        Self {
            operation: operation.to_owned(),
            key: None,
            access_key_id: None,
            skip: 0,
            times: u64::MAX,
            percent: None,
            answer: Answer::InternalError,
            seen: 0,
            done: 0,
            label: String::new(),
        }
    }

    /// A fault for every request.
    #[must_use]
    pub fn any() -> Self {
        Self::new("*")
    }

    /// Only for keys that match the glob; `*` matches `/` too.
    #[must_use]
    pub fn key(mut self, glob: &str) -> Self {
        self.key = Some(glob.to_owned());
        self
    }

    /// Only for requests that show this access key id.
    #[must_use]
    pub fn access_key(mut self, id: &str) -> Self {
        self.access_key_id = Some(id.to_owned());
        self
    }

    /// Only the n-th matching request, counted from 1.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        self.skip = n.saturating_sub(1);
        self.times = 1;
        self
    }

    /// Lets n matching requests pass first.
    #[must_use]
    pub fn after(mut self, n: u64) -> Self {
        self.skip = n;
        self
    }

    /// At most this many times.
    #[must_use]
    pub fn times(mut self, n: u64) -> Self {
        self.times = n;
        self
    }

    /// A share of the matching requests, chosen the same way for a seed.
    #[must_use]
    pub fn percent(mut self, percent: u8, seed: u64) -> Self {
        self.percent = Some((percent, seed | 1));
        self
    }

    /// What goes wrong.
    #[must_use]
    pub fn then(mut self, answer: Answer) -> Self {
        self.label = format!("{answer:?}");
        self.answer = answer;
        self
    }

    fn strikes(&mut self, request: &Asked<'_>) -> bool {
        let matches = glob(&self.operation, request.operation)
            && self
                .key
                .as_ref()
                .is_none_or(|pattern| request.key.is_some_and(|key| glob(pattern, key)))
            && self
                .access_key_id
                .as_deref()
                .is_none_or(|id| request.access_key_id == Some(id));
        if !matches || self.done >= self.times {
            return false;
        }
        self.seen += 1;
        if self.seen <= self.skip {
            return false;
        }
        if let Some((percent, state)) = &mut self.percent {
            // xorshift64: the same seed gives the same choice.
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            if *state % 100 >= u64::from(*percent) {
                return false;
            }
        }
        self.done += 1;
        true
    }
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) operation: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) access_key_id: Option<&'a str>,
}

/// The rules in force.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Fault>,
    pub(crate) latency: Option<Duration>,
    rate: Option<usize>,
    recent: VecDeque<Instant>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.rules.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn limit_rate(&mut self, per_second: Option<usize>) {
        self.rate = per_second;
        self.recent.clear();
    }

    /// The fault for this request, if any; the first rule that strikes wins.
    pub(crate) fn strike(&mut self, request: &Asked<'_>) -> Option<(Answer, String)> {
        for rule in &mut self.rules {
            if rule.strikes(request) {
                return Some((rule.answer.clone(), rule.label.clone()));
            }
        }
        let rate = self.rate?;
        // Only S3's operations have no service before their name.
        if request.operation.contains(':') {
            return None;
        }
        let now = Instant::now();
        while self
            .recent
            .front()
            .is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(1))
        {
            self.recent.pop_front();
        }
        if self.recent.len() >= rate {
            return Some((Answer::SlowDown, "SlowDown (rate)".to_owned()));
        }
        self.recent.push_back(now);
        None
    }
}
