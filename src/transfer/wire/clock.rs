//! The time by the server's clock.
//!
//! S3 refuses what was signed more than 15 minutes from its own time. Its
//! answers carry that time, so a wrong clock here can be allowed for.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::DateTime;

use crate::aws::{AwsError, time_of};

/// What a clock that is this wrong is blamed for, in seconds.
const BLAMED: i64 = 4 * 60;

/// How far the server's clock is ahead of ours, in seconds.
#[derive(Debug, Default)]
pub(super) struct Skew(AtomicI64);

impl Skew {
    pub(super) fn apply(&self, now: SystemTime) -> DateTime {
        let now = DateTime::from(now);
        DateTime::from_secs(now.secs() + self.0.load(Ordering::Relaxed))
    }

    /// Whether a refusal of what was signed for `signed` may be the fault of a
    /// clock; from then on it is allowed for.
    pub(super) fn explains(
        &self,
        error: &AwsError,
        headers: &Headers,
        signed: DateTime,
        now: SystemTime,
    ) -> bool {
        // What came from a cache tells an old time.
        let date = headers.get("date").filter(|_| headers.get("age").is_none());
        let Some(date) = time_of(date) else {
            return false;
        };
        let suspect = error.is(&["RequestTimeTooSkewed", "SignatureDoesNotMatch"])
            && (date - signed.secs()).abs() > BLAMED;
        if suspect {
            let skew = date - DateTime::from(now).secs();
            self.0.store(skew, Ordering::Relaxed);
        }
        suspect
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::aws::Cause;

    #[test]
    fn a_wrong_clock_is_allowed_for_once_it_is_blamed() {
        let skew = Skew::default();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let mut headers = Headers::new();
        // An hour later.
        headers.insert("date", "Sun, 06 Nov 1994 09:49:37 GMT");
        let mut error = AwsError::of_ours(Cause::Answered, String::new());
        let signed = skew.apply(now);
        assert!(!skew.explains(&error, &headers, signed, now));
        error.code = "RequestTimeTooSkewed".to_owned();
        assert!(skew.explains(&error, &headers, signed, now));
        assert_eq!(skew.apply(now).secs(), 784_111_777 + 3600);
        assert!(!skew.explains(&error, &headers, skew.apply(now), now));
        headers.insert("age", "1");
        assert!(!skew.explains(&error, &headers, signed, now));
    }
}
