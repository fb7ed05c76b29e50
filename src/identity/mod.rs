//! Who writes: the principal that the job has, and the roles that it assumes.
//!
//! Owns: the way from one to the other, its renewal, and what to say when it
//! is barred. Never: S3.

mod checks;
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
use crate::error::Error;
use crate::rules::ObjectRules;
use crate::settings::{IdentitySettings, Start, SyncSettings};
use crate::types::{AccountId, Destination, RoleArn};
use checks::{check_allowed, check_chained, check_partition, session_policy};
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
    objects: &ObjectRules,
    sync: &SyncSettings,
    aws: &Aws,
) -> Result<Identity, Error> {
    check_partition(settings, aws)?;
    let policy = session_policy(settings, destination, objects, sync, aws);
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
        let renewing = Renewing::new(aws, source, taken.credentials);
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
            let credentials = Renewing::new(aws, source, found.credentials);
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

/// Codes that speak of credentials that are no good.
const CREDENTIALS: [&str; 8] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Asks STS who the job is. Broken credentials end the run here, where it can
/// be said that they are the job's own; a mere "no" to this one question does
/// not: a network's endpoint policy may allow `AssumeRole` alone, and an STS that is
/// not AWS's may not know the question.
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
        Err(error) if error.cause == Cause::Answered && !error.is(&CREDENTIALS) => {
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
