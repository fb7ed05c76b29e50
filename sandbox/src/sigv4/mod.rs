//! Owns Signature Version 4: reading the `Authorization` header, computing the
//! signature anew, and finding whose key it is. Strict: whatever the
//! documentation asks of a client is checked.
//!
//! Sources: IAM User Guide, "Create a signed AWS API request"; S3 API
//! Reference, "Authenticating Requests: Using the Authorization Header",
//! "Signature Calculations ... Transferring Payload in Multiple Chunks".

mod authorization;
mod canonical;
mod chunked;
mod verify;

pub(crate) use authorization::{Authorization, Scope};
pub(crate) use chunked::{ChunkError, Decoder, Signing};
pub(crate) use verify::{AuthError, Signed, Verified, verify};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::text;

pub(crate) fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any size");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

pub(crate) fn sha256_hex(data: &[u8]) -> String {
    text::hex(&Sha256::digest(data))
}

/// The signing key of a secret for a scope.
pub(crate) fn signing_key(secret: &str, scope: &Scope) -> [u8; 32] {
    let date = hmac(format!("AWS4{secret}").as_bytes(), scope.date.as_bytes());
    let region = hmac(&date, scope.region.as_bytes());
    let service = hmac(&region, scope.service.as_bytes());
    hmac(&service, b"aws4_request")
}

/// Compares without telling by its time where the difference is.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && a.bytes()
            .zip(b.bytes())
            .fold(0, |difference, (x, y)| difference | (x ^ y))
            == 0
}
