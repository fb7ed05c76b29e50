//! Owns the sandbox's time: it runs like the machine's, from where a test puts it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

/// The sandbox's clock; nothing outside the sandbox follows it.
#[derive(Debug, Default)]
pub struct Clock {
    offset_nanos: AtomicI64,
}

impl Clock {
    /// The time as the sandbox sees it.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        let offset = self.offset_nanos.load(Ordering::SeqCst);
        let shift = Duration::from_nanos(offset.unsigned_abs());
        if offset < 0 {
            SystemTime::now() - shift
        } else {
            SystemTime::now() + shift
        }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.offset_nanos.fetch_add(nanos(by), Ordering::SeqCst);
    }

    /// Moves the clock back.
    pub fn rewind(&self, by: Duration) {
        self.offset_nanos.fetch_sub(nanos(by), Ordering::SeqCst);
    }

    /// Puts the clock to a moment; it runs on from there.
    pub fn set(&self, to: SystemTime) {
        let offset = match to.duration_since(SystemTime::now()) {
            Ok(ahead) => nanos(ahead),
            Err(behind) => -nanos(behind.duration()),
        };
        self.offset_nanos.store(offset, Ordering::SeqCst);
    }

    /// Back to the machine's time.
    pub fn reset(&self) {
        self.offset_nanos.store(0, Ordering::SeqCst);
    }

    pub(crate) fn utc(&self) -> OffsetDateTime {
        OffsetDateTime::from(self.now())
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Whole seconds since the epoch.
pub(crate) fn epoch(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
    }
}
