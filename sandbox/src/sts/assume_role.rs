//! Owns `AssumeRole`: the caller's side, the role's side, and the limits.
//!
//! Sources: STS API Reference, "AssumeRole"; IAM User Guide, "Methods to
//! assume a role" (role chaining), "Pass session tags in AWS STS", "Monitor
//! and control actions taken with assumed roles" (source identity), "The
//! confused deputy problem".

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::identity::{Caller, NewSession, Session};
use crate::policy::{Authority, Context, Document};
use crate::server::AwsError;
use crate::world::{World, read, write};

use super::refusal::{denied, validation};
use super::validate::Wish;

const HOUR: Duration = Duration::from_hours(1);

/// A role as it is at this moment.
pub(crate) struct Target {
    pub(crate) id: String,
    pub(crate) trust: Option<Arc<Document>>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) max_session: Duration,
}

pub(crate) fn find(world: &World, arn: &str) -> Option<Target> {
    read(&world.directory).roles.get(arn).map(|role| Target {
        id: role.id.clone(),
        trust: role.trust.clone(),
        tags: role.tags.clone(),
        max_session: role.max_session,
    })
}

pub(crate) fn assume_role(
    world: &World,
    caller: &Caller,
    wish: Wish,
    request: Context,
) -> Result<Arc<Session>, AwsError> {
    let refused = |action: &str| denied(&caller.arn, action, &wish.role_text);
    // A role that is not there is answered as one that does not trust us, so
    // that nobody can probe for names; the same for another partition.
    let target = find(world, &wish.role_text)
        .filter(|_| wish.role.partition == caller.partition)
        .ok_or_else(|| refused("sts:AssumeRole"))?;

    let inherited = inherited(caller, &wish)?;
    let mut tags = inherited.clone();
    tags.extend(wish.tags.clone());
    let source_identity = source_identity(caller, &wish)?;

    let mut context = request;
    context.extend(&caller.context);
    add_keys(
        &mut context,
        &wish,
        &target,
        &tags,
        source_identity.as_deref(),
    );
    let may = |action: &str| {
        caller
            .may(
                action,
                &wish.role_text,
                &wish.role.account,
                target.trust.as_deref(),
                &context,
                Authority::ResourceMustAllow,
            )
            .is_allow()
    };
    if !may("sts:AssumeRole") {
        return Err(refused("sts:AssumeRole"));
    }
    if !tags.is_empty() && !may("sts:TagSession") {
        return Err(refused("sts:TagSession"));
    }
    if source_identity.is_some() && !may("sts:SetSourceIdentity") {
        return Err(refused("sts:SetSourceIdentity"));
    }

    let duration = duration(&wish, &target, caller.session.is_some())?;
    let mut transitive: Vec<String> = inherited.into_keys().collect();
    transitive.extend(wish.transitive);
    let session = Session::issue(
        &wish.role,
        &target.id,
        world.clock.now(),
        NewSession {
            name: wish.session_name,
            duration,
            policy: wish.policy,
            tags,
            transitive,
            source_identity,
            federated: None,
            claims: Context::new(),
        },
    );
    Ok(write(&world.directory).add_session(session))
}

/// The transitive tags of the session that calls.
fn inherited(caller: &Caller, wish: &Wish) -> Result<BTreeMap<String, String>, AwsError> {
    let Some(session) = &caller.session else {
        return Ok(BTreeMap::new());
    };
    let is_transitive = |key: &String| {
        session
            .new
            .transitive
            .iter()
            .any(|name| name.eq_ignore_ascii_case(key))
    };
    if wish.tags.keys().any(is_transitive) {
        return Err(AwsError::new(
            400,
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
        ));
    }
    Ok(session
        .new
        .tags
        .iter()
        .filter(|(key, _)| is_transitive(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect())
}

/// Once set, a source identity stays through the chain and cannot be changed.
fn source_identity(caller: &Caller, wish: &Wish) -> Result<Option<String>, AwsError> {
    let kept = caller
        .session
        .as_ref()
        .and_then(|session| session.new.source_identity.clone());
    match (kept, &wish.source_identity) {
        (Some(kept), Some(wanted)) if kept != *wanted => Err(denied(
            &caller.arn,
            "sts:SetSourceIdentity",
            &wish.role_text,
        )),
        (Some(kept), _) => Ok(Some(kept)),
        (None, wanted) => Ok(wanted.clone()),
    }
}

pub(crate) fn add_keys(
    context: &mut Context,
    wish: &Wish,
    target: &Target,
    tags: &BTreeMap<String, String>,
    source_identity: Option<&str>,
) {
    context.set("sts:RoleSessionName", wish.session_name.as_str());
    context.set_some("sts:ExternalId", wish.external_id.clone());
    context.set_some("sts:SourceIdentity", source_identity);
    context.set("aws:ResourceAccount", wish.role.account.as_str());
    if !tags.is_empty() {
        context.set_all("aws:TagKeys", tags.keys().cloned().collect());
    }
    for (key, value) in tags {
        context.set(&format!("aws:RequestTag/{key}"), value.as_str());
    }
    if !wish.transitive.is_empty() {
        context.set_all("sts:TransitiveTagKeys", wish.transitive.clone());
    }
    for (key, value) in &target.tags {
        context.set(&format!("aws:ResourceTag/{key}"), value.as_str());
        context.set(&format!("iam:ResourceTag/{key}"), value.as_str());
    }
}

pub(crate) fn duration(wish: &Wish, target: &Target, chained: bool) -> Result<Duration, AwsError> {
    let wanted = wish.duration.unwrap_or(HOUR);
    if chained && wanted > HOUR {
        return Err(validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    if wanted > target.max_session {
        return Err(validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(wanted)
}
