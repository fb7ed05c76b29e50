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

/// What the last answer told, in seconds since 1970.
#[derive(Debug, Clone)]
pub(super) struct ServerTimes(Arc<AtomicI64>);

impl Default for ServerTimes {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MIN)))
    }
}

impl ServerTimes {
    pub(super) fn last(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|time| *time != i64::MIN)
    }
}

/// Reads the `Date` of each answer.
#[derive(Debug)]
pub(super) struct ServerTime(pub(super) ServerTimes);

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
        let date = context.response().headers().get("date");
        let time = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
        if let Some(time) = time {
            let ServerTimes(last) = &self.0;
            last.store(time.secs(), Ordering::Relaxed);
        }
        Ok(())
    }
}
