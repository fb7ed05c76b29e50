//! Why an object is not in place, and whether that condemns the others too.

use std::fmt;

use super::Fate;
use crate::aws::{AwsError, Cause};

/// Why one object is not in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The file could not be read, or was not what was planned.
    File(String),
    /// S3 refused it or could not be reached.
    Aws(Box<AwsError>),
    /// The run was stopped while it was under way; S3 may or may not have it.
    InDoubt,
    /// The run was stopped before it was begun or finished; S3 does not have it.
    NotSent,
    /// The server did not verify the checksum.
    Unverified,
    /// The answer that would have said so got lost, and S3 cannot be asked.
    Lost {
        /// What came instead of the answer.
        error: Box<AwsError>,
        /// Why S3 cannot be asked.
        unseen: String,
    },
    /// So much failed that nothing more was tried; this was the last of it.
    Outage(Box<AwsError>),
}

impl Failure {
    /// What this means for the objects that are still to come.
    #[must_use]
    pub fn verdict(&self, any_stored: bool) -> Verdict {
        match self {
            Self::Aws(error) => verdict(error, any_stored),
            Self::Outage(_) => Verdict::Destination,
            Self::File(_)
            | Self::InDoubt
            | Self::NotSent
            | Self::Unverified
            | Self::Lost { .. } => Verdict::Object,
        }
    }
}

impl Failure {
    /// What became of the object. No answer is not a "no": the server may have
    /// done the work.
    #[must_use]
    pub fn fate(&self) -> Fate {
        match self {
            Self::NotSent => Fate::NotSent,
            Self::InDoubt | Self::Unverified | Self::Lost { .. } => Fate::InDoubt,
            Self::File(_) => Fate::Failed,
            Self::Aws(error) | Self::Outage(error) if error.in_doubt => Fate::InDoubt,
            Self::Aws(error) | Self::Outage(error) => match error.cause {
                Cause::TimedOut | Cause::Unreachable => Fate::InDoubt,
                Cause::Answered if error.is(&["NoSuchUpload"]) => Fate::InDoubt,
                Cause::Answered | Cause::Unsent => Fate::Failed,
            },
        }
    }
}

impl From<AwsError> for Failure {
    fn from(error: AwsError) -> Self {
        Self::Aws(Box::new(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(reason) => write!(f, "the file {reason}"),
            Self::Aws(error) | Self::Outage(error) => error.fmt(f),
            Self::Lost { error, unseen } => write!(
                f,
                "S3's answer to the end of its upload got lost ({error}), and what is in its place \
                 cannot be seen ({unseen}); allow s3:GetObject to have it looked up"
            ),
            Self::InDoubt => f.write_str("stopped while S3's answer was awaited"),
            Self::NotSent => f.write_str("stopped before it was sent"),
            Self::Unverified => f.write_str("the server did not verify its checksum"),
        }
    }
}

/// What a failure condemns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// This object alone.
    Object,
    /// The whole run: the identity is gone.
    Identity,
    /// The whole run: no object can arrive there.
    Destination,
}

/// Codes that speak of the caller, not of the object.
const IDENTITY: [&str; 6] = [
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
];

/// Codes that speak of the bucket or of the settings that every object shares.
const DESTINATION: [&str; 10] = [
    "AccessControlListNotSupported",
    "AllAccessDisabled",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "InvalidBucketName",
    "KMS.DisabledException",
    "KMS.NotFoundException",
    "NoSuchBucket",
    "PermanentRedirect",
    "TemporaryRedirect",
];

fn verdict(error: &AwsError, any_stored: bool) -> Verdict {
    if error.identity.is_some() || error.is(&IDENTITY) {
        return Verdict::Identity;
    }
    if error.is(&DESTINATION) || error.is_about_object_lock() {
        return Verdict::Destination;
    }
    // Refusing the first of 50,000 objects says what the other 49,999 answers
    // would say. Once one is in place, the next refusal may be about its key.
    let may_be_its_own = any_stored || !matches!(error.status, Some(403) | None);
    match error.cause {
        Cause::Answered | Cause::Unreachable | Cause::TimedOut if may_be_its_own => Verdict::Object,
        Cause::Answered | Cause::Unreachable | Cause::TimedOut => Verdict::Destination,
        Cause::Unsent => Verdict::Object,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str, status: Option<u16>) -> AwsError {
        AwsError {
            cause: if status.is_some() {
                Cause::Answered
            } else {
                Cause::Unreachable
            },
            code: code.to_owned(),
            message: String::new(),
            request_id: None,
            status,
            region: None,
            identity: None,
            in_doubt: false,
        }
    }

    #[test]
    fn a_refusal_condemns_what_it_speaks_of() {
        for (code, status, any_stored, expected) in [
            ("AccessDenied", Some(403), false, Verdict::Destination),
            ("AccessDenied", Some(403), true, Verdict::Object),
            ("NoSuchBucket", Some(404), true, Verdict::Destination),
            ("PermanentRedirect", Some(301), false, Verdict::Destination),
            ("ExpiredToken", Some(400), true, Verdict::Identity),
            ("InvalidAccessKeyId", Some(403), false, Verdict::Identity),
            ("KeyTooLongError", Some(400), false, Verdict::Object),
            ("SlowDown", Some(503), false, Verdict::Object),
            ("Unreachable", None, false, Verdict::Destination),
            ("Unreachable", None, true, Verdict::Object),
        ] {
            let failure = Failure::from(error(code, status));
            assert_eq!(failure.verdict(any_stored), expected, "{code} {any_stored}");
        }
    }
}
