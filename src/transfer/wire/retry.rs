//! Whether and when a request is tried again, as the SDK's standard mode has
//! it ("Retry behavior", AWS SDKs and Tools Reference Guide).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::http::Headers;

use crate::aws::{AwsError, Cause};
use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(250);
const LEAST: Duration = Duration::from_millis(50);
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
        // Those who were asked together do not come back together.
        return asked
            .mul_f64(1.0 + fastrand::f64() / 4.0)
            .clamp(LEAST, LONGEST);
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

/// How much trouble a run may meet. An outage is over in minutes, with one
/// word for all, while a server that refuses every other request is not one.
#[derive(Debug)]
pub(super) struct Budget {
    left: AtomicU64,
    broken: AtomicBool,
    /// Failures without a success between them: since when, and how many.
    streak: Mutex<Option<(Instant, u32)>>,
}

/// Each repetition costs one, each success gives two back.
const MOST: u64 = 2_000;
const EARNED: u64 = 2;
/// So long may nothing succeed.
const OUTAGE: Duration = Duration::from_mins(2);
/// One request that is slow to fail is no outage.
const SEVERAL: u32 = 16;

impl Default for Budget {
    fn default() -> Self {
        Self {
            left: AtomicU64::new(MOST),
            broken: AtomicBool::new(false),
            streak: Mutex::new(None),
        }
    }
}

impl Budget {
    /// Pays for one repetition, if there is enough.
    pub(super) fn spend(&self) -> bool {
        let spend = |left: u64| left.checked_sub(1);
        let paid = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend)
            .is_ok();
        if !paid || self.is_outage() {
            self.broken.store(true, Ordering::Relaxed);
        }
        !self.is_broken()
    }

    pub(super) fn earn(&self) {
        let earn = |left: u64| (left < MOST).then_some((left + EARNED).min(MOST));
        // Nothing is earned where nothing was spent.
        let full = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, earn)
            .is_err();
        if !full {
            *self.streak() = None;
        }
    }

    /// Whether there is no more sense in trying.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    fn is_outage(&self) -> bool {
        let mut streak = self.streak();
        let (since, failures) = streak.get_or_insert((Instant::now(), 0));
        *failures += 1;
        *failures >= SEVERAL && since.elapsed() >= OUTAGE
    }

    fn streak(&self) -> MutexGuard<'_, Option<(Instant, u32)>> {
        self.streak.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outage_ends_the_run_and_a_bad_server_does_not() {
        let bad = Budget::default();
        for _ in 0..100_000 {
            assert!(bad.spend());
            bad.earn();
        }
        let down = Budget::default();
        let mut spent = 0;
        while down.spend() {
            spent += 1;
        }
        assert_eq!(spent, MOST);
        let slow = Budget::default();
        for _ in 0..SEVERAL {
            assert!(slow.spend());
        }
        tokio::time::advance(OUTAGE).await;
        assert!(!slow.spend() && slow.is_broken());
    }

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
        let pause_of = |headers: &Headers| pause(1, asked(headers)).as_secs_f64();
        assert!((3.0..=3.75).contains(&pause_of(&headers)));
        headers.insert("x-amz-retry-after", "1500");
        assert_eq!(asked(&headers), Some(Duration::from_millis(1500)));
        headers.insert("x-amz-retry-after", "86400000");
        assert_eq!(pause(1, asked(&headers)), LONGEST);
    }
}
