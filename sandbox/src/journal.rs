//! Owns the record of requests: what came, from whom, and what was answered.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::SystemTime;

use http::{HeaderMap, Request};

use crate::policy::glob;
use crate::server::new_request_id;
use crate::sigv4::Authorization;
use crate::world::{World, lock};

/// One request, as the sandbox saw and answered it.
#[derive(Debug, Clone)]
pub struct Record {
    /// `PutObject`; with its service before it if that is not S3:
    /// `sts:AssumeRole`, `imds:PutToken`, `github:GetIdToken`.
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
    /// The request's headers, names in lower case, without those that hold
    /// secrets.
    pub headers: BTreeMap<String, String>,
    /// The query of the URL, undecoded, without tokens.
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
    /// What is known of a request before anybody has looked at it.
    pub(crate) fn new<B>(request: &Request<B>, world: &World, region: &str) -> Self {
        Self {
            operation: "Unknown".to_owned(),
            bucket: None,
            key: None,
            caller: None,
            access_key_id: access_key_id(request.headers()),
            status: 0,
            error_code: None,
            error_message: None,
            headers: headers(request.headers()),
            query: query(request.uri().query().unwrap_or_default()),
            parameters: BTreeMap::new(),
            bytes_in: 0,
            request_id: new_request_id(),
            fault: None,
            at: world.clock.now(),
            region: region.to_owned(),
            kept: false,
        }
    }

    /// A header of the request.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(&name.to_ascii_lowercase())
            .map(String::as_str)
    }
}

fn access_key_id(headers: &HeaderMap) -> Option<String> {
    let header = headers.get("authorization")?.to_str().ok()?;
    Some(Authorization::parse(header).ok()?.access_key_id)
}

fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    for (name, value) in headers {
        if matches!(
            name.as_str(),
            "authorization"
                | "proxy-authorization"
                | "x-amz-security-token"
                | "x-aws-ec2-metadata-token"
        ) {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        kept.entry(name.as_str().to_owned())
            .and_modify(|have: &mut String| {
                have.push(',');
                have.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    kept
}

fn query(query: &str) -> String {
    query
        .split('&')
        .filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            !["WebIdentityToken", "X-Amz-Security-Token"]
                .iter()
                .any(|secret| name.eq_ignore_ascii_case(secret))
        })
        .collect::<Vec<_>>()
        .join("&")
}

/// Brings a record into the journal however the request ends: hyper drops the
/// future of a client that goes away.
pub(crate) struct Kept<'a> {
    world: &'a World,
    pub(crate) record: Record,
}

impl<'a> Kept<'a> {
    pub(crate) fn new(world: &'a World, record: Record) -> Self {
        Self { world, record }
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if !self.record.kept {
            self.world.journal.push(self.record.clone());
        }
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

    /// The requests that were answered with this error code: `SlowDown`.
    #[must_use]
    pub fn refused_with(&self, code: &str) -> Vec<&Record> {
        self.records
            .iter()
            .filter(|record| record.error_code.as_deref() == Some(code))
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
