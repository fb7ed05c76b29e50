//! Counting what is tried again, by what went wrong.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use super::{AwsError, Cause};

/// Why something is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The server asked for less.
    SlowDown,
    /// The server failed.
    Server,
    /// No connection, or one that broke.
    Connection,
    /// Nothing came in time.
    TimeOut,
    /// The credentials or the clock were not right.
    Credentials,
}

impl Trouble {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 5] = [
        Self::SlowDown,
        Self::Server,
        Self::Connection,
        Self::TimeOut,
        Self::Credentials,
    ];

    /// What kind of trouble an error is.
    #[must_use]
    pub fn of(error: &AwsError) -> Self {
        match error.cause {
            Cause::TimedOut => Self::TimeOut,
            Cause::Unreachable | Cause::Unsent => Self::Connection,
            Cause::Answered => Self::of_answer(error.status, &error.code),
        }
    }

    fn of_answer(status: Option<u16>, code: &str) -> Self {
        let slow = code.contains("SlowDown") || code.contains("Throttl");
        match status {
            _ if code.contains("Timeout") => Self::TimeOut,
            Some(429 | 503) => Self::SlowDown,
            _ if slow => Self::SlowDown,
            Some(400 | 401 | 403) => Self::Credentials,
            _ => Self::Server,
        }
    }

    /// Its name, in the words of the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SlowDown => "slow down",
            Self::Server => "server error",
            Self::Connection => "connection",
            Self::TimeOut => "time-out",
            Self::Credentials => "credentials",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How often something was tried again, for each kind of trouble and for each
/// object that had any.
#[derive(Debug, Clone, Default)]
pub struct Retries(
    Arc<[AtomicU64; Trouble::ALL.len()]>,
    Arc<Mutex<HashMap<String, u32>>>,
);

impl Retries {
    /// Notes one.
    pub(crate) fn note(&self, trouble: Trouble) {
        self.0[trouble as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Notes one of the object of this key.
    pub(crate) fn note_of(&self, key: &str, trouble: Trouble) {
        self.note(trouble);
        let mut by_key = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        *by_key.entry(key.to_owned()).or_default() += 1;
    }

    /// How often each object was tried again that was, by its key.
    #[must_use]
    pub fn by_key(&self) -> HashMap<String, u32> {
        let by_key = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        by_key.clone()
    }

    /// Those kinds of trouble that there were, and how often.
    #[must_use]
    pub fn counts(&self) -> Vec<(Trouble, u64)> {
        let all = Trouble::ALL.into_iter();
        let counts = all.map(|trouble| (trouble, self.0[trouble as usize].load(Ordering::Relaxed)));
        counts.filter(|(_, count)| *count > 0).collect()
    }
}

/// Sees the SDK's own attempts, of which the last one is not tried again.
#[dyn_dispatch_hint]
impl Intercept for Retries {
    fn name(&self) -> &'static str {
        "Retries"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if failed(context) {
            self.note(trouble(context));
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // The failure that ended it was not followed by another attempt.
        if failed(context) {
            let less = |count: u64| count.checked_sub(1);
            let count = &self.0[trouble(context) as usize];
            let _before = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
        Ok(())
    }
}

fn failed(context: &FinalizerInterceptorContextRef<'_>) -> bool {
    context.output_or_error().is_some_and(|done| done.is_err())
}

fn trouble(context: &FinalizerInterceptorContextRef<'_>) -> Trouble {
    match context.response() {
        Some(response) => Trouble::of_answer(Some(response.status().as_u16()), ""),
        None => Trouble::Connection,
    }
}
