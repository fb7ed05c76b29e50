//! Signatures ("Signature Version 4 signing process", AWS General Reference).
//!
//! Owns: the arithmetic of one signature. Never: which headers there are.

use std::fmt::{self, Write as _};
use std::sync::{Mutex, PoisonError};

use aws_credential_types::Credentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use ring::digest::{SHA256, digest};
use ring::hmac::{self, HMAC_SHA256};

use crate::text::hex;
use zeroize::Zeroizing;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What is signed, in the form in which it is signed: the path and the query
/// are encoded, the headers have small letters and are sorted.
pub(super) struct Signable<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) payload: &'a str,
}

/// Signs for one service in one region.
pub(super) struct Signer {
    region: String,
    service: String,
    // A key is good for a day and needs four rounds to be made.
    key: Mutex<Option<DaysKey>>,
}

struct DaysKey {
    day: String,
    access_key: String,
    secret: Zeroizing<String>,
    key: hmac::Key,
}

/// Nothing of a key is fit to be printed.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({} in {})", self.service, self.region)
    }
}

/// A moment as signatures write it: `20150830T123600Z`.
pub(super) fn stamp(at: DateTime) -> String {
    let whole = DateTime::from_secs(at.secs());
    let text = whole.fmt(Format::DateTime).unwrap_or_default();
    text.chars().filter(|c| !matches!(c, '-' | ':')).collect()
}

/// The SHA-256 of a body, as its header writes it.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

impl Signer {
    pub(super) fn new(region: &str, service: &str) -> Self {
        Self {
            region: region.to_owned(),
            service: service.to_owned(),
            key: Mutex::new(None),
        }
    }

    /// The `authorization` header. `stamp` is also the `x-amz-date`.
    pub(super) fn sign(&self, it: &Signable, credentials: &Credentials, stamp: &str) -> String {
        let day = stamp.get(..8).unwrap_or_default();
        let (canonical, names) = canonical(it);
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let hashed = sha256(canonical.as_bytes());
        let text = format!("{ALGORITHM}\n{stamp}\n{scope}\n{hashed}");
        let key = self.key(credentials, day);
        let signature = hex(hmac::sign(&key, text.as_bytes()).as_ref());
        let id = credentials.access_key_id();
        format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}")
    }

    fn key(&self, credentials: &Credentials, day: &str) -> hmac::Key {
        let (id, secret) = (credentials.access_key_id(), credentials.secret_access_key());
        let mut kept = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.as_ref()
            && kept.day == day
            && kept.access_key == id
            && kept.secret.as_str() == secret
        {
            return kept.key.clone();
        }
        let first = Zeroizing::new(format!("AWS4{secret}"));
        let mut key = hmac::Key::new(HMAC_SHA256, first.as_bytes());
        for part in [day, &self.region, &self.service, "aws4_request"] {
            let next = hmac::sign(&key, part.as_bytes());
            key = hmac::Key::new(HMAC_SHA256, next.as_ref());
        }
        *kept = Some(DaysKey {
            day: day.to_owned(),
            access_key: id.to_owned(),
            secret: Zeroizing::new(secret.to_owned()),
            key: key.clone(),
        });
        key
    }
}

/// The request in its canonical form, and the names of its signed headers.
fn canonical(it: &Signable) -> (String, String) {
    let mut text = String::with_capacity(1024);
    let mut names = String::with_capacity(256);
    let _ = writeln!(text, "{}\n{}\n{}", it.method, it.path, it.query);
    for (name, value) in it.headers {
        let _ = write!(text, "{name}:");
        for (index, word) in value.split_ascii_whitespace().enumerate() {
            let space = if index == 0 { "" } else { " " };
            let _ = write!(text, "{space}{word}");
        }
        text.push('\n');
        if !names.is_empty() {
            names.push(';');
        }
        names.push_str(name);
    }
    let _ = write!(text, "\n{names}\n{}", it.payload);
    (text, names)
}
