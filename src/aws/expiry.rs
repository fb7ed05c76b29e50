//! Credentials that a server calls expired.

use std::sync::Arc;

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};

use crate::identity::Renewing;

/// Lets a request that was refused for its expired credentials be tried again
/// with new ones: clocks differ, sessions are revoked, and a long body may
/// arrive after the end of the credentials that it was signed with.
#[derive(Debug)]
pub(super) struct Expiry(pub(super) Arc<Renewing>);

impl ClassifyRetry for Expiry {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match expired_key(context) {
            Some(key) => {
                self.0.expire(&key);
                RetryAction::transient_error()
            }
            None => RetryAction::NoActionIndicated,
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

/// The access key of a request that was answered with `ExpiredToken`. Error
/// documents are small and in memory by now.
fn expired_key(context: &InterceptorContext) -> Option<String> {
    let response = context.response()?;
    if !matches!(response.status().as_u16(), 400 | 403) {
        return None;
    }
    let body = response.body().bytes()?;
    let code = b"<Code>ExpiredToken";
    body.windows(code.len()).find(|window| window == code)?;
    let authorization = context.request()?.headers().get("authorization")?;
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split('/').next().map(str::to_owned)
}
