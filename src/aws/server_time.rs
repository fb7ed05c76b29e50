//! The time by S3's clock, which every answer tells (RFC 9110, section 6.6.1).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;

/// The time that the last answer told, in seconds since 1970. As an interceptor
/// it listens to the answers of a request.
#[derive(Debug, Clone)]
pub(crate) struct ServerTime(Arc<AtomicI64>);

impl Default for ServerTime {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MIN)))
    }
}

impl ServerTime {
    /// What was told last, if anything was.
    pub(crate) fn last(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|time| *time != i64::MIN)
    }
}

/// The time of an answer by its `Date`.
pub(crate) fn time_of(date: Option<&str>) -> Option<i64> {
    let date = DateTime::from_str(date?, Format::HttpDate).ok()?;
    Some(date.secs())
}

#[dyn_dispatch_hint]
impl Intercept for ServerTime {
    fn name(&self) -> &'static str {
        "ServerTime"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(time) = time_of(context.response().headers().get("date")) {
            self.0.store(time, Ordering::Relaxed);
        }
        Ok(())
    }
}
