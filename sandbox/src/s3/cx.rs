//! Owns what an operation is given: who asks, for what, and the answers to
//! "may I".

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use http::HeaderMap;

use crate::identity::Caller;
use crate::policy::{Authority, Context};
use crate::server::{AwsError, Received, Shared};
use crate::store::{Bucket, BucketConfig};
use crate::world::{World, lock};

use super::refusal;

/// One S3 request after its signature, bucket, region, and owner were checked.
#[derive(Debug)]
pub(crate) struct Cx {
    pub(crate) world: Arc<World>,
    /// The operation's name, as [`super::target::operation`] gives it.
    pub(crate) operation: &'static str,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) config: BucketConfig,
    pub(crate) key: Option<String>,
    pub(crate) caller: Caller,
    pub(crate) context: Context,
    pub(crate) shared: Arc<Shared>,
    pub(crate) failure: Mutex<Option<AwsError>>,
    pub(crate) now: SystemTime,
}

impl Cx {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(have, _)| have == name)
            .map(|(_, value)| value.as_str())
    }

    /// The key, as the URL has it, decoded once.
    pub(crate) fn key(&self) -> Result<&str, AwsError> {
        self.key.as_deref().ok_or_else(|| {
            AwsError::new(
                405,
                "MethodNotAllowed",
                "The specified method is not allowed against this resource.",
            )
        })
    }

    pub(crate) fn bucket_arn(&self) -> String {
        self.bucket.arn(&self.config.partition)
    }

    pub(crate) fn object_arn(&self, key: &str) -> String {
        format!("{}/{key}", self.bucket_arn())
    }

    /// Refuses unless the caller may do this to the bucket.
    pub(crate) fn allow_on_bucket(&self, action: &str) -> Result<(), AwsError> {
        self.allow(action, &self.bucket_arn(), &self.context)
    }

    /// Refuses unless the caller may do this to the object.
    pub(crate) fn allow_on_object(&self, action: &str, key: &str) -> Result<(), AwsError> {
        self.allow(action, &self.object_arn(key), &self.context)
    }

    pub(crate) fn allow(
        &self,
        action: &str,
        resource: &str,
        context: &Context,
    ) -> Result<(), AwsError> {
        self.allow_in(&self.config, action, resource, context)
    }

    /// The same for a bucket that is not the request's own (a copy's source).
    pub(crate) fn allow_in(
        &self,
        config: &BucketConfig,
        action: &str,
        resource: &str,
        context: &Context,
    ) -> Result<(), AwsError> {
        let decision = self.caller.may(
            action,
            resource,
            &config.owner,
            config.policy.as_deref(),
            context,
            Authority::EitherSide,
        );
        if decision.is_allow() {
            return Ok(());
        }
        Err(refusal::denied(
            &self.caller,
            action,
            resource,
            &config.owner,
            decision,
        ))
    }

    /// What the body turned out to be, once it was read to its end.
    pub(crate) fn received(&self) -> Result<Received, AwsError> {
        lock(&self.shared.received)
            .clone()
            .ok_or_else(refusal::internal)
    }

    pub(crate) fn fail(&self, error: AwsError) {
        *lock(&self.failure) = Some(error);
    }
}
