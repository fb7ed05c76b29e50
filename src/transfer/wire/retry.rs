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
