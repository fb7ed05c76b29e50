//! Owns the limit on requests in a second: a bucket of tokens that holds one
//! second's worth and fills up evenly.
//!
//! S3 refuses by such a limit, too: "at least 3,500 PUT/COPY/POST/DELETE or
//! 5,500 GET/HEAD requests per second per partitioned Amazon S3 prefix" (S3
//! User Guide, "Best practices design patterns: optimizing Amazon S3
//! performance").

use std::time::Instant;

#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    tokens: f64,
    filled: Instant,
}

impl Rate {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second: f64::from(per_second),
            tokens: f64::from(per_second),
            filled: Instant::now(),
        }
    }

    /// Whether one more request fits; one that does not costs nothing.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.tokens = (self.tokens + passed * self.per_second).min(self.per_second);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}
