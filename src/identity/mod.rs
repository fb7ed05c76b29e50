//! Who writes: the principal that the job has, and the roles that it assumes.
//!
//! Owns: the way from one to the other, its renewal, and what to say when it
//! is barred. Never: S3.

mod explain;
mod hop;
mod principal;
mod renewing;
mod scoped;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use renewing::Renewing;

use crate::aws::{Aws, AwsError, Cause};
use crate::error::{Error, Refusal};
use crate::settings::{IdentitySettings, Mistake, Mistakes, SessionPolicy, Start};
use crate::types::{AccountId, Destination, RoleArn};
use hop::{Extras, Hop, HopStart};
use principal::Search;
use renewing::Source;
use token::Tokens;

/// An identity as STS names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its ARN.
    pub arn: String,
    /// Its account.
    pub account: AccountId,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (account {})", self.arn, self.account)
    }
}

/// The end of the way: the identity that writes.
#[derive(Debug)]
pub struct Identity {
    /// Who that is.
    pub writer: Writer,
    /// What to make clients with.
    pub credentials: Arc<Renewing>,
}

/// Who writes, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// What STS says.
    pub caller: Option<Caller>,
    /// The role that it is a session of.
    pub role: Option<RoleArn>,
}

impl Writer {
    /// The account of the identity that writes.
    #[must_use]
    pub fn account(&self) -> Option<&AccountId> {
        match (&self.role, &self.caller) {
            (Some(role), _) => Some(role.account()),
            (None, Some(caller)) => Some(&caller.account),
            (None, None) => None,
        }
    }

    /// Who that is, in words.
    #[must_use]
    pub fn name(&self) -> String {
        match (&self.caller, &self.role) {
            (Some(caller), _) => caller.arn.clone(),
            (None, Some(role)) => format!("a session of {role}"),
            (None, None) => "the job's own identity".to_owned(),
        }
    }
}

/// Where the way begins, once that is known.
enum Beginning {
    Own(Arc<Renewing>, Option<Caller>),
    Tokens(Tokens),
}

/// Finds the principal, assumes the roles one after another, and says who we
/// are before and after.
pub async fn establish(
    settings: &IdentitySettings,
    destination: &Destination,
    aws: &Aws,
) -> Result<Identity, Error> {
    check_partition(settings, aws)?;
    let policy = session_policy(settings, destination, aws);
    let (mut credentials, mut start) = match begin(settings, aws).await? {
        Beginning::Own(credentials, caller) => {
            check_allowed(settings, caller.as_ref())?;
            check_chained(settings, caller.as_ref())?;
            (Some(credentials), HopStart::Caller(caller))
        }
        Beginning::Tokens(tokens) => (None, HopStart::Tokens(tokens)),
    };
    let total = settings.hops.len();
    // A token cannot carry a source identity; the first call after it can.
    let first_assumed = usize::from(matches!(start, HopStart::Tokens(_)));
    for (index, hop) in settings.hops.iter().enumerate() {
        let last = index + 1 == total;
        let hop = Hop {
            aws: aws.clone(),
            sts: aws.sts(credentials.as_ref()),
            settings: hop.clone(),
            before: credentials.clone(),
            place: (index + 1, total),
            start,
            extras: Extras {
                tags: if last {
                    settings.tags.clone()
                } else {
                    Vec::new()
                },
                // Once said, it stays with all sessions that follow.
                source_identity: settings
                    .source_identity
                    .clone()
                    .filter(|_| index == first_assumed),
                policy: policy.clone().filter(|_| last),
            },
        };
        let taken = hop.take().await.map_err(Error::Identity)?;
        if let Some(caller) = taken.caller.as_ref().filter(|_| !last) {
            tracing::info!("hop {}/{total}    {caller}", index + 1);
        }
        let source = Source::Hop(Box::new(hop));
        let renewing = Renewing::beginning_with(aws, source, taken.credentials);
        (credentials, start) = (Some(Arc::new(renewing)), HopStart::Caller(taken.caller));
    }
    match (credentials, start) {
        (Some(credentials), HopStart::Caller(caller)) => {
            arrive(settings, aws, credentials, caller).await
        }
        // The settings refuse a token without a role.
        (_, HopStart::Tokens(_)) | (None, _) => {
            Err(Error::Bug("an OIDC token without a role".to_owned()))
        }
    }
}

/// Says who we are after the last hop.
async fn arrive(
    settings: &IdentitySettings,
    aws: &Aws,
    credentials: Arc<Renewing>,
    assumed: Option<Caller>,
) -> Result<Identity, Error> {
    let Some(role) = settings.hops.last().map(|hop| hop.role.clone()) else {
        let writer = Writer {
            caller: assumed,
            role: None,
        };
        return Ok(Identity {
            writer,
            credentials,
        });
    };
    let caller = who_am_i(aws, &credentials).await.ok().or(assumed);
    let until = credentials.end().await.map(|end| {
        let end = humantime::format_rfc3339_seconds(end);
        format!(", until {end}, then renewed")
    });
    let until = until.unwrap_or_default();
    match &caller {
        Some(caller) => tracing::info!("role       {caller}{until}"),
        None => tracing::info!("role       a session of {role}{until}"),
    }
    let writer = Writer {
        caller,
        role: Some(role),
    };
    Ok(Identity {
        writer,
        credentials,
    })
}

/// Decides where the way begins, and says so. GitHub's token never takes the
/// place of AWS credentials that the job has: people give the permission
/// `id-token: write` for other ends.
async fn begin(settings: &IdentitySettings, aws: &Aws) -> Result<Beginning, Error> {
    let (request, found) = match &settings.start {
        Start::Token(jwt) => {
            aws.mask(jwt.reveal());
            return Ok(begin_with(Tokens::Given(jwt.clone()), "as it is set"));
        }
        Start::GitHub(request) => {
            let tokens = Tokens::of_github(request, aws)
                .await
                .map_err(Error::Identity)?;
            return Ok(begin_with(tokens, "as DOCFERRY_OIDC says"));
        }
        Start::Own => (None, principal::find(aws).await),
        Start::OwnElseGitHub(_) if settings.hops.is_empty() => (None, principal::find(aws).await),
        Start::OwnElseGitHub(request) => (Some(request), principal::find(aws).await),
    };
    match (found, request) {
        (Err(Search::Nothing(_)), Some(request)) => {
            let tokens = Tokens::of_github(request, aws)
                .await
                .map_err(Error::Identity)?;
            Ok(begin_with(
                tokens,
                "since the job has no AWS credentials of its own",
            ))
        }
        (Err(Search::Nothing(refusal) | Search::Broken(refusal)), _) => {
            Err(Error::Identity(refusal))
        }
        (Ok(found), request) => {
            let source = Source::Own(found.provider);
            let credentials = Renewing::beginning_with(aws, source, found.credentials);
            let credentials = Arc::new(credentials);
            let place = found.place.name();
            let caller = who_is_the_principal(aws, &credentials, place).await?;
            if request.is_some() {
                tracing::info!(
                    "GitHub's OIDC token is left alone, since the job has AWS credentials of its \
                     own ({place}); DOCFERRY_OIDC=on would take it"
                );
            }
            Ok(Beginning::Own(credentials, caller))
        }
    }
}

fn begin_with(tokens: Tokens, why: &str) -> Beginning {
    let claims = tokens.claims();
    tracing::info!(
        "identity   {} of {:?} for {:?}, {why}",
        tokens.name(),
        claims.sub,
        claims.audience()
    );
    Beginning::Tokens(tokens)
}

/// Asks STS who the job is. Broken credentials end the run here, where it can
/// be said that they are the job's own; a mere "no" to this one question does
/// not, since a network's endpoint policy may allow `AssumeRole` alone.
async fn who_is_the_principal(
    aws: &Aws,
    credentials: &Arc<Renewing>,
    place: &str,
) -> Result<Option<Caller>, Error> {
    match who_am_i(aws, credentials).await {
        Ok(caller) => {
            tracing::info!("identity   {caller}, from {place}");
            Ok(Some(caller))
        }
        Err(error) if error.is(&["AccessDenied", "AccessDeniedException"]) => {
            tracing::warn!("STS does not say who the job is; going on all the same");
            Ok(None)
        }
        Err(error) => Err(Error::Identity(Box::new(explain::bad_principal(
            &error, place,
        )))),
    }
}

async fn who_am_i(aws: &Aws, credentials: &Arc<Renewing>) -> Result<Caller, AwsError> {
    const PATIENCE: Duration = Duration::from_mins(1);
    let call = aws.sts(Some(credentials)).get_caller_identity().send();
    let odd = |cause, message: String| AwsError::of_ours(cause, message);
    let Ok(answer) = tokio::time::timeout(PATIENCE, call).await else {
        return Err(odd(Cause::TimedOut, format!("no answer in {PATIENCE:?}")));
    };
    let answer = answer.map_err(|error| AwsError::from_sdk(&error))?;
    let arn = answer.arn().unwrap_or_default().to_owned();
    match answer.account().and_then(|account| account.parse().ok()) {
        Some(account) => Ok(Caller { arn, account }),
        None => Err(odd(
            Cause::Answered,
            format!("STS named no account for {arn:?}"),
        )),
    }
}

fn session_policy(
    settings: &IdentitySettings,
    destination: &Destination,
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
                partition,
                aws.region().unwrap_or_default(),
            ))
        }
    }
}

/// No role of one partition can be assumed through the STS of another.
fn check_partition(settings: &IdentitySettings, aws: &Aws) -> Result<(), Error> {
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
fn check_chained(settings: &IdentitySettings, caller: Option<&Caller>) -> Result<(), Error> {
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

fn check_allowed(settings: &IdentitySettings, caller: Option<&Caller>) -> Result<(), Error> {
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
