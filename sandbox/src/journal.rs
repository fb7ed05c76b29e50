//! Owns the record of requests: what came, from whom, and what was answered.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::SystemTime;

use crate::policy::glob;
use crate::world::lock;

/// One request, as the sandbox saw and answered it.
#[derive(Debug, Clone)]
pub struct Record {
    /// `PutObject`, or `sts:AssumeRole` for STS.
    pub operation: String,
    /// The bucket of an S3 request.
    pub bucket: Option<String>,
    /// The object's key, decoded.
    pub key: Option<String>,
    /// The caller's ARN; none if the request was anonymous or refused before
    /// its identity was known.
    pub caller: Option<String>,
    /// The access key id that the request showed.
    pub access_key_id: Option<String>,
    /// The HTTP status; 0 if the connection was cut by a fault.
    pub status: u16,
    /// The error code, if one was answered.
    pub error_code: Option<String>,
    /// The error's message.
    pub error_message: Option<String>,
    /// The request's headers, names in lower case, without `authorization` and
    /// `x-amz-security-token`.
    pub headers: BTreeMap<String, String>,
    /// The query of the URL, undecoded.
    pub query: String,
    /// The parameters of an STS request, without the web identity token.
    pub parameters: BTreeMap<String, String>,
    /// Body bytes that were received, after decoding.
    pub bytes_in: u64,
    /// The id that the answer carried.
    pub request_id: String,
    /// The fault that was applied, if any.
    pub fault: Option<String>,
    /// When the request came, by the sandbox's clock.
    pub at: SystemTime,
    /// The region of the endpoint that was asked.
    pub region: String,
    /// It is in the journal already.
    pub(crate) kept: bool,
}

impl Record {
    /// A header of the request.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(&name.to_ascii_lowercase())
            .map(String::as_str)
    }
}

/// The requests so far.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    records: Vec<Record>,
}

impl Requests {
    /// All requests in the order of their answers.
    #[must_use]
    pub fn all(&self) -> &[Record] {
        &self.records
    }

    /// The requests of one operation; `*` and `?` are wildcards.
    #[must_use]
    pub fn of(&self, operation: &str) -> Vec<&Record> {
        self.records
            .iter()
            .filter(|record| glob(operation, &record.operation))
            .collect()
    }

    /// How many requests of an operation came; `*` and `?` are wildcards.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.of(operation).len()
    }

    /// The number of requests by operation.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for record in &self.records {
            *counts.entry(record.operation.clone()).or_insert(0) += 1;
        }
        counts
    }

    /// The requests that were answered with an error code.
    #[must_use]
    pub fn refused(&self) -> Vec<&Record> {
        self.records
            .iter()
            .filter(|record| record.error_code.is_some())
            .collect()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    records: Mutex<Vec<Record>>,
}

impl Journal {
    pub(crate) fn push(&self, record: Record) {
        lock(&self.records).push(record);
    }

    pub(crate) fn snapshot(&self) -> Requests {
        Requests {
            records: lock(&self.records).clone(),
        }
    }

    pub(crate) fn clear(&self) {
        lock(&self.records).clear();
    }
}
