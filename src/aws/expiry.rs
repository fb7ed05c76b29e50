//! Credentials that a server calls expired.
//!
//! A request that was refused for its expired credentials is tried again with
//! new ones: clocks differ, sessions are revoked, and a long body may arrive
//! after the end of the credentials that it was signed with.

use std::sync::Arc;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef, InterceptorContext,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

use crate::identity::Renewing;

/// Tells the credentials which key has expired. The key of the very request
/// counts: when many were under way, the first answer renews the credentials,
/// and the others' answers speak of a key that is gone already.
#[derive(Debug)]
pub(super) struct Watch(pub(super) Arc<Renewing>);

/// The key that a request was signed with.
#[derive(Debug)]
struct SignedWith(String);

impl Storable for SignedWith {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "Watch"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let authorization = context.request().headers().get("authorization");
        let credential = authorization.and_then(|text| text.split_once("Credential="));
        if let Some(key) = credential.and_then(|(_, rest)| rest.split('/').next()) {
            bag.interceptor_state()
                .store_put(SignedWith(key.to_owned()));
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(SignedWith(key)) = bag.load::<SignedWith>()
            && context.response().is_some_and(says_expired)
        {
            self.0.expire(key);
        }
        Ok(())
    }
}

/// Lets such a request be tried again.
#[derive(Debug)]
pub(super) struct Again(pub(super) Arc<Renewing>);

impl ClassifyRetry for Again {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response().is_some_and(says_expired) && self.0.may_help() {
            true => RetryAction::transient_error(),
            false => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "expired credentials"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(
            RetryClassifierPriority::modeled_as_retryable_classifier(),
        )
    }
}

/// Error documents are small and in memory when they are looked at.
fn says_expired(response: &HttpResponse) -> bool {
    let code = b"<Code>ExpiredToken";
    matches!(response.status().as_u16(), 400 | 403)
        && response
            .body()
            .bytes()
            .is_some_and(|body| body.windows(code.len()).any(|window| window == code))
}
