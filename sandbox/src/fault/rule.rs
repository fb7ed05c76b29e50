//! Owns the rule that picks requests for a fault.

use crate::policy::glob;

use super::answer::Answer;

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

    /// Whether it hits this request; the answer is [`Fault::struck`].
    pub(super) fn strikes(&mut self, request: &Asked<'_>) -> bool {
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

    pub(super) fn struck(&self) -> (Answer, String) {
        (self.answer.clone(), self.label.clone())
    }
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) operation: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) access_key_id: Option<&'a str>,
}
