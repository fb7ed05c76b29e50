//! Owns the headers of Object Lock: a retention, a legal hold, and the checksum
//! without which S3 takes neither.
//!
//! Sources: S3 API Reference, "PutObject"; S3 User Guide, "Object Lock
//! considerations" ("The Content-MD5 or x-amz-sdk-checksum-algorithm header is
//! required for any request to upload an object with a retention period").

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::server::AwsError;
use crate::store::{Algorithm, Properties};

use super::cx::Cx;
use super::refusal::{invalid_argument, invalid_request};

const MODE: &str = "x-amz-object-lock-mode";
const UNTIL: &str = "x-amz-object-lock-retain-until-date";
const HOLD: &str = "x-amz-object-lock-legal-hold";

/// What an object is locked with.
#[derive(Debug, Default)]
pub(super) struct Locks {
    pub(super) mode: Option<String>,
    pub(super) until: Option<String>,
    pub(super) hold: Option<String>,
}

/// Reads the headers, for a bucket that takes them.
pub(super) fn locks(cx: &Cx) -> Result<Locks, AwsError> {
    let (mode, until, hold) = (cx.header(MODE), cx.header(UNTIL), cx.header(HOLD));
    if (mode.is_some() || until.is_some() || hold.is_some()) && !cx.config.object_lock {
        return Err(invalid_request(
            "Bucket is missing Object Lock Configuration",
        ));
    }
    if let Some(mode) = mode
        && !matches!(mode, "GOVERNANCE" | "COMPLIANCE")
    {
        return Err(invalid_argument(MODE, mode, "Unknown wormMode directive."));
    }
    if let Some(hold) = hold
        && !matches!(hold, "ON" | "OFF")
    {
        return Err(invalid_argument(
            HOLD,
            hold,
            "Legal Hold must be either of 'ON' or 'OFF'",
        ));
    }
    if mode.is_some() != until.is_some() {
        let (name, value) = mode.map_or((MODE, ""), |_| (UNTIL, ""));
        return Err(invalid_argument(
            name,
            value,
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
        ));
    }
    if let Some(until) = until {
        check_date(cx, until)?;
    }
    Ok(Locks {
        mode: mode.map(str::to_owned),
        until: until.map(str::to_owned),
        hold: hold.map(str::to_owned),
    })
}

fn check_date(cx: &Cx, until: &str) -> Result<(), AwsError> {
    let date = OffsetDateTime::parse(until, &Rfc3339).map_err(|_| {
        invalid_argument(
            UNTIL,
            until,
            "The retain until date must be provided in ISO 8601 format",
        )
    })?;
    if date <= OffsetDateTime::from(cx.now) {
        return Err(invalid_argument(
            UNTIL,
            until,
            "The retain until date must be in the future!",
        ));
    }
    Ok(())
}

/// Refuses bytes of a locked object that come without `Content-MD5` and
/// without a checksum; `step` is how S3 calls the request.
pub(super) fn check_integrity(
    cx: &Cx,
    properties: &Properties,
    step: &str,
) -> Result<(), AwsError> {
    let locked = properties.lock_mode.is_some() || properties.legal_hold.is_some();
    let in_trailer = cx
        .header("x-amz-trailer")
        .is_some_and(|names| names.to_ascii_lowercase().contains("x-amz-checksum-"));
    let checked = cx.headers.contains_key("content-md5")
        || in_trailer
        || Algorithm::ALL
            .iter()
            .any(|algorithm| cx.headers.contains_key(algorithm.header()));
    if !locked || checked {
        return Ok(());
    }
    Err(invalid_request(format!(
        "Content-MD5 OR x-amz-checksum- HTTP header is required for {step} requests with Object Lock parameters"
    )))
}
