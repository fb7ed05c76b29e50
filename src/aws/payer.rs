//! Saying who pays.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Says in every request that its sender pays for it ("Using Requester Pays
/// general purpose buckets", Amazon S3 User Guide).
#[derive(Debug)]
pub(super) struct Payer;

#[dyn_dispatch_hint]
impl Intercept for Payer {
    fn name(&self) -> &'static str {
        "Payer"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.request_mut().headers_mut();
        headers.insert("x-amz-request-payer", "requester");
        Ok(())
    }
}
