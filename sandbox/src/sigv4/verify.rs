//! Owns the verdict on a signature: who signed, or why it does not count.

use std::sync::Arc;

use http::HeaderMap;
use time::OffsetDateTime;

use crate::identity::{Caller, KeyHolder, Session};
use crate::text;
use crate::world::{World, read};

use super::authorization::Authorization;
use super::canonical::{canonical_request, s3_uri};
use super::{hmac, same, sha256_hex, signing_key};

/// Why a signature does not count; each service words it its own way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AuthError {
    /// No `Authorization` header at all.
    Missing,
    /// Signature Version 2 or something unknown.
    UnsupportedMechanism,
    Malformed(String),
    MissingDate,
    /// The key does not exist, or it is a temporary key without its token.
    UnknownKey(String),
    /// The token is not the one that was issued with the key.
    WrongToken,
    Expired,
    Skewed {
        request: OffsetDateTime,
        now: OffsetDateTime,
    },
    WrongRegion {
        given: String,
    },
    WrongService {
        given: String,
    },
    WrongDate,
    HeadersNotSigned(Vec<String>),
    Mismatch {
        access_key_id: String,
        string_to_sign: String,
        signature: String,
        canonical_request: String,
    },
}

/// The parts of a request that the signature covers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    /// The payload's hash, or the word that stands for it.
    pub(crate) payload_hash: &'a str,
    /// `s3` or `sts`
    pub(crate) service: &'a str,
    /// The region whose endpoint was asked.
    pub(crate) region: &'a str,
    /// How far the request's time may be from ours.
    pub(crate) skew: time::Duration,
}

/// A signature that counts.
#[derive(Debug, Clone)]
pub(crate) struct Verified {
    pub(crate) caller: Caller,
    pub(crate) signing_key: [u8; 32],
    pub(crate) signature: String,
    pub(crate) date: String,
    pub(crate) scope: String,
}

/// Verifies the `Authorization` header of a request.
pub(crate) fn verify(world: &World, signed: Signed<'_>) -> Result<Verified, AuthError> {
    let header = |name: &str| {
        signed
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let authorization = header("authorization").ok_or(AuthError::Missing)?;
    if !authorization.starts_with(Authorization::ALGORITHM) {
        return Err(AuthError::UnsupportedMechanism);
    }
    let authorization = Authorization::parse(authorization).map_err(AuthError::Malformed)?;
    let scope = &authorization.scope;

    let date = header("x-amz-date").ok_or(AuthError::MissingDate)?;
    let time = text::parse_basic_date(date).ok_or(AuthError::MissingDate)?;

    let (holder, caller) = find_key(world, &authorization.access_key_id)?;
    let now = world.now();
    if (now - time).abs() > signed.skew {
        return Err(AuthError::Skewed { request: time, now });
    }
    if scope.region != signed.region {
        return Err(AuthError::WrongRegion {
            given: scope.region.clone(),
        });
    }
    if scope.service != signed.service {
        return Err(AuthError::WrongService {
            given: scope.service.clone(),
        });
    }
    if !date.starts_with(&scope.date) || scope.date.len() != 8 {
        return Err(AuthError::WrongDate);
    }
    check_signed_headers(signed.headers, &authorization.signed_headers)?;

    let uri = if signed.service == "s3" {
        s3_uri(signed.path)
    } else {
        text::uri_encode(signed.path.as_bytes(), true)
    };
    let canonical = canonical_request(
        signed.method,
        &uri,
        signed.query,
        signed.headers,
        &authorization.signed_headers,
        signed.payload_hash,
    );
    let scope_text = scope.text();
    let string_to_sign = format!(
        "{}\n{date}\n{scope_text}\n{}",
        Authorization::ALGORITHM,
        sha256_hex(canonical.as_bytes())
    );
    let key = signing_key(holder.secret(), scope);
    let signature = text::hex(&hmac(&key, string_to_sign.as_bytes()));
    if !same(&signature, &authorization.signature) {
        return Err(AuthError::Mismatch {
            access_key_id: authorization.access_key_id,
            string_to_sign,
            signature: authorization.signature,
            canonical_request: canonical,
        });
    }
    check_token(world, &holder, header("x-amz-security-token"))?;
    Ok(Verified {
        caller,
        signing_key: key,
        signature,
        date: date.to_owned(),
        scope: scope_text,
    })
}

fn find_key(world: &World, id: &str) -> Result<(KeyHolder, Caller), AuthError> {
    let directory = read(&world.directory);
    directory
        .keys
        .get(id)
        .and_then(|holder| Some((holder.clone(), directory.caller(holder)?)))
        .ok_or_else(|| AuthError::UnknownKey(id.to_owned()))
}

/// Host, `Content-Type`, and every `x-amz-*` header have to be signed.
fn check_signed_headers(headers: &HeaderMap, names: &[String]) -> Result<(), AuthError> {
    let sorted = names.is_sorted() && names.iter().all(|name| *name == name.to_ascii_lowercase());
    if !sorted {
        return Err(AuthError::Malformed(
            "SignedHeaders is not a sorted list of lower-case names.".to_owned(),
        ));
    }
    let unsigned: Vec<String> = headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| matches!(*name, "host" | "content-type") || name.starts_with("x-amz-"))
        .filter(|name| !names.iter().any(|signed| signed == name))
        .map(str::to_owned)
        .collect();
    if !unsigned.is_empty() || !names.iter().any(|name| name == "host") {
        return Err(AuthError::HeadersNotSigned(unsigned));
    }
    Ok(())
}

fn check_token(world: &World, holder: &KeyHolder, token: Option<&str>) -> Result<(), AuthError> {
    let session: &Arc<Session> = match (holder, token) {
        (KeyHolder::User { .. }, None) => return Ok(()),
        // A long-term key with a token, as left over from another profile.
        (KeyHolder::User { .. }, Some(_)) => return Err(AuthError::WrongToken),
        (KeyHolder::Session(session), None) => {
            return Err(AuthError::UnknownKey(session.access_key_id.clone()));
        }
        (KeyHolder::Session(session), Some(token)) => {
            if !same(token, &session.token) {
                return Err(AuthError::WrongToken);
            }
            session
        }
    };
    if session.is_expired(world.clock.now()) {
        return Err(AuthError::Expired);
    }
    Ok(())
}
