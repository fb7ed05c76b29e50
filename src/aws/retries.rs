//! Counting what the SDK tries again by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Sees every request and every attempt, and so knows how many of them were
/// repetitions.
#[derive(Debug, Clone, Default)]
pub struct Retries(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    attempts: AtomicU64,
}

impl Retries {
    /// Notes a repetition that the SDK does not see as one.
    pub(crate) fn note(&self) {
        self.0.attempts.fetch_add(1, Ordering::Relaxed);
    }

    /// How many attempts were not the first of their request.
    #[must_use]
    pub fn count(&self) -> u64 {
        let attempts = self.0.attempts.load(Ordering::Relaxed);
        attempts.saturating_sub(self.0.requests.load(Ordering::Relaxed))
    }
}

#[dyn_dispatch_hint]
impl Intercept for Retries {
    fn name(&self) -> &'static str {
        "Retries"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.attempts.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
