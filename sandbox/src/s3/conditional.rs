//! Owns conditional writes.
//!
//! Source: S3 User Guide, "How to prevent object overwrites with conditional
//! writes".

use crate::server::AwsError;
use crate::store::State;

use super::cx::Cx;
use super::refusal::{no_such_key, not_implemented};

/// What a write asks of the object that is there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    none: bool,
    etag: Option<String>,
}

pub(crate) fn precondition_failed(which: &str) -> AwsError {
    AwsError::new(
        412,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
    )
    .with("Condition", which)
}

impl Conditions {
    /// Reads the headers; `If-Match` needs the right to read the object, too.
    pub(crate) fn of(cx: &Cx, key: &str) -> Result<Self, AwsError> {
        let none = match cx.header("if-none-match") {
            None => false,
            Some("*") => true,
            // "If-None-Match expects the * value."
            Some(_) => return Err(not_implemented()),
        };
        let etag = cx
            .header("if-match")
            .map(|etag| etag.trim_matches('"').to_owned());
        if none && etag.is_some() {
            return Err(not_implemented());
        }
        if etag.is_some() {
            cx.allow_on_object("s3:GetObject", key)?;
        }
        Ok(Self { none, etag })
    }

    /// Decides under the lock under which the object is then put.
    pub(crate) fn check(&self, state: &State, key: &str) -> Result<(), AwsError> {
        let current = state.current(key);
        if self.none && current.is_some() {
            return Err(precondition_failed("If-None-Match"));
        }
        match (&self.etag, current) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(no_such_key(key)),
            (Some(etag), Some(object)) if *etag == object.etag => Ok(()),
            (Some(_), Some(_)) => Err(precondition_failed("If-Match")),
        }
    }
}
