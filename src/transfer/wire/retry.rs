//! Whether and when a request is tried again, as the SDK's standard mode has
//! it ("Retry behavior", AWS SDKs and Tools Reference Guide).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::http::Headers;

use crate::aws::{AwsError, Cause};

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(20);

/// Codes of what passes, whatever status they come with.
const PASSING: [&str; 18] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "InternalError",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "RequestTimeoutException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
    "ServiceUnavailable",
];

/// Whether a failure may have passed a little later.
pub(super) fn passes(error: &AwsError) -> bool {
    match error.cause {
        Cause::Unreachable | Cause::TimedOut => true,
        Cause::Unsent => false,
        Cause::Answered => {
            matches!(error.status, Some(429 | 500 | 502 | 503 | 504)) || error.is(&PASSING)
        }
    }
}

/// How long to wait before the next attempt. What the server asks for comes
/// first; otherwise chance spreads out those who failed together.
pub(super) fn pause(attempt: u32, asked: Option<Duration>) -> Duration {
    if let Some(asked) = asked {
        return asked.min(LONGEST);
    }
    let most = FIRST
        .saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)))
        .min(LONGEST);
    most.mul_f64(fastrand::f64())
}

/// What a server asks for, in seconds, or AWS's own header in milliseconds.
pub(super) fn asked(headers: &Headers) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.trim().parse().ok();
    number("x-amz-retry-after")
        .map(Duration::from_millis)
        .or_else(|| number("retry-after").map(Duration::from_secs))
}

/// How many failures a run may meet before it stops to try again, in halves:
/// a success gives half of one back.
#[derive(Debug)]
pub(super) struct Budget(AtomicU64);

const MOST: u64 = 2 * 2_000;

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU64::new(MOST))
    }
}

impl Budget {
    /// Pays for one repetition, if there is enough.
    pub(super) fn spend(&self) -> bool {
        let spend = |left: u64| left.checked_sub(2);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend)
            .is_ok()
    }

    pub(super) fn earn(&self) {
        let earn = |left: u64| (left < MOST).then_some(left + 1);
        // Nothing is earned where nothing was spent.
        let _full = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, earn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(cause: Cause, status: Option<u16>, code: &str) -> AwsError {
        AwsError {
            status,
            code: code.to_owned(),
            ..AwsError::of_ours(cause, String::new())
        }
    }

    #[test]
    fn what_passes_is_tried_again_and_what_does_not_is_not() {
        for (cause, status, code, again) in [
            (Cause::Answered, Some(500), "InternalError", true),
            (Cause::Answered, Some(503), "SlowDown", true),
            (Cause::Answered, Some(400), "RequestTimeout", true),
            (Cause::Answered, Some(429), "Unknown", true),
            (Cause::Answered, Some(501), "NotImplemented", false),
            (Cause::Answered, Some(403), "AccessDenied", false),
            (Cause::Answered, Some(400), "ExpiredToken", false),
            (Cause::TimedOut, None, "TimedOut", true),
            (Cause::Unreachable, None, "Unreachable", true),
            (Cause::Unsent, None, "NotSent", false),
        ] {
            assert_eq!(passes(&error(cause, status, code)), again, "{code}");
        }
    }

    #[test]
    fn pauses_grow_up_to_a_limit_unless_the_server_asks_for_one() {
        for attempt in 1..40 {
            let most = FIRST * 2_u32.pow((attempt - 1).min(7));
            assert!(pause(attempt, None) <= most.min(LONGEST));
        }
        let mut headers = Headers::new();
        assert_eq!(asked(&headers), None);
        headers.insert("retry-after", "3");
        assert_eq!(pause(1, asked(&headers)), Duration::from_secs(3));
        headers.insert("x-amz-retry-after", "1500");
        assert_eq!(asked(&headers), Some(Duration::from_millis(1500)));
        headers.insert("x-amz-retry-after", "86400000");
        assert_eq!(pause(1, asked(&headers)), LONGEST);
    }

    #[test]
    fn a_run_has_so_many_repetitions_and_earns_one_with_two_successes() {
        let budget = Budget::default();
        budget.earn();
        let spent = std::iter::repeat_with(|| budget.spend()).take_while(|paid| *paid);
        assert_eq!(spent.count(), 2_000);
        budget.earn();
        assert!(!budget.spend());
        budget.earn();
        assert!(budget.spend());
    }
}
