//! What can be known of a way before it is taken.

use std::time::Duration;

use super::{Caller, scoped};
use crate::aws::Aws;
use crate::error::{Error, Refusal};
use crate::rules::ObjectRules;
use crate::settings::{IdentitySettings, Mistake, Mistakes, SessionPolicy, SyncSettings};
use crate::types::Destination;

/// What narrows the last session.
pub(super) fn session_policy(
    settings: &IdentitySettings,
    destination: &Destination,
    objects: &ObjectRules,
    sync: &SyncSettings,
    aws: &Aws,
) -> Option<String> {
    match settings.session_policy.as_ref()? {
        SessionPolicy::Document(document) => Some(document.clone()),
        SessionPolicy::Scoped => {
            let partition = settings
                .hops
                .last()
                .map_or("aws", |hop| hop.role.partition());
            Some(scoped::policy(
                destination,
                objects,
                sync,
                partition,
                aws.region().unwrap_or_default(),
            ))
        }
    }
}

/// No role of one partition can be assumed through the STS of another.
pub(super) fn check_partition(settings: &IdentitySettings, aws: &Aws) -> Result<(), Error> {
    let region = aws.region().unwrap_or_default();
    let expected = partition_of(region);
    let Some(hop) = settings
        .hops
        .iter()
        .find(|hop| hop.role.partition() != expected)
    else {
        return Ok(());
    };
    let reason = format!(
        "= {:?} is in partition `{}`, and AWS_REGION {region} is in `{expected}`",
        hop.role.as_str(),
        hop.role.partition()
    );
    let mistake = Mistake::new("DOCFERRY_ROLE_ARN", reason);
    let hint = "set AWS_REGION to a region of the role's partition, or correct the ARN";
    Err(Mistakes::from(mistake.hint(hint)).into())
}

/// "Partitions" in AWS Fault Isolation Boundaries; the regions of the isolated
/// ones have names like `us-iso-east-1`.
fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.starts_with("us-isob-") => "aws-iso-b",
        _ if region.starts_with("us-isof-") => "aws-iso-f",
        _ if region.starts_with("eu-isoe-") => "aws-iso-e",
        _ if region.starts_with("us-iso-") => "aws-iso",
        _ if region.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

/// A session that is assumed from another one lasts an hour at most; that the
/// principal is itself a session is known only now.
pub(super) fn check_chained(
    settings: &IdentitySettings,
    caller: Option<&Caller>,
) -> Result<(), Error> {
    let session = caller.is_some_and(|caller| caller.arn.contains(":assumed-role/"));
    let first = settings.hops.first().and_then(|hop| hop.duration);
    if !session || first.is_none_or(|duration| duration <= Duration::from_hours(1)) {
        return Ok(());
    }
    let reason = "is more than 1h, and the job's own identity is itself a role session";
    let mistake = Mistake::new("DOCFERRY_SESSION_DURATION", reason);
    let hint = "such a session lasts 1h at most; docferry renews it by itself while it is needed";
    Err(Mistakes::from(mistake.hint(hint)).into())
}

pub(super) fn check_allowed(
    settings: &IdentitySettings,
    caller: Option<&Caller>,
) -> Result<(), Error> {
    let allowed = &settings.allowed_accounts;
    match caller {
        Some(caller) if !allowed.is_empty() && !allowed.contains(&caller.account) => {
            let what = format!(
                "the job's identity is in account {}, which is not in DOCFERRY_ALLOWED_ACCOUNTS",
                caller.account
            );
            let refusal = Refusal::new(what).fact("identity", caller.to_string());
            Err(Error::Guard(Box::new(refusal)))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regions_partition_is_known_by_its_name() {
        for (region, partition) in [
            ("eu-central-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(partition_of(region), partition);
        }
    }
}
