//! Who writes: the principal that the job has, and the role that it assumes.
//!
//! Owns: the way from one to the other, its renewal, and what to say when it
//! is barred. Never: S3.

mod explain;
mod session;

use std::fmt;
use std::sync::Arc;

use aws_credential_types::provider::ProvideCredentials;

use crate::aws::{Aws, AwsError, Writer};
use crate::error::Refusal;
use crate::settings::IdentitySettings;
use crate::types::{AccountId, RoleArn};
use session::Session;

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
    /// Who that is, as far as STS says so.
    pub caller: Option<Caller>,
    /// The role that it is a session of.
    pub role: Option<RoleArn>,
    /// What to make clients with.
    pub writer: Writer,
}

impl Identity {
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

/// Finds the principal, assumes the role, and says who we are before and
/// after.
pub async fn establish(settings: &IdentitySettings, aws: &Aws) -> Result<Identity, Box<Refusal>> {
    let principal = find_principal(aws).await?;
    match &principal {
        Some(caller) => tracing::info!("identity   {caller}"),
        None => tracing::warn!("STS does not say who the job is; going on all the same"),
    }
    let Some(role) = &settings.role else {
        return Ok(Identity {
            caller: principal,
            role: None,
            writer: Writer::Principal,
        });
    };
    let session = Session::new(aws, settings, role.clone(), principal);
    let until = session.open().await?;
    let provider: Arc<dyn ProvideCredentials> = Arc::new(session);
    let writer = Writer::from(provider);
    let caller = who_am_i(aws, &writer).await.ok();
    match &caller {
        Some(caller) => tracing::info!("role       {caller}, until {until}"),
        None => tracing::info!("role       a session of {role}, until {until}"),
    }
    Ok(Identity {
        caller,
        role: Some(role.clone()),
        writer,
    })
}

/// Asks STS who the job is. Broken credentials end the run here, where it can
/// be said that they are the job's own; a mere "no" to this one question does
/// not, since a network's endpoint policy may allow `AssumeRole` alone.
async fn find_principal(aws: &Aws) -> Result<Option<Caller>, Box<Refusal>> {
    let Some(provider) = aws.principal() else {
        return Err(Box::new(explain::no_principal("no source is configured")));
    };
    if let Err(error) = provider.provide_credentials().await {
        return Err(Box::new(explain::no_principal(&story(&error))));
    }
    match who_am_i(aws, &Writer::Principal).await {
        Ok(caller) => Ok(Some(caller)),
        Err(error) if error.is(&["AccessDenied", "AccessDeniedException"]) => Ok(None),
        Err(error) => Err(Box::new(explain::bad_principal(&error))),
    }
}

async fn who_am_i(aws: &Aws, writer: &Writer) -> Result<Caller, AwsError> {
    let answer = aws.sts(writer).get_caller_identity().send().await;
    let answer = answer.map_err(|error| AwsError::from_sdk(&error))?;
    let arn = answer.arn().unwrap_or_default().to_owned();
    match answer.account().and_then(|account| account.parse().ok()) {
        Some(account) => Ok(Caller { arn, account }),
        None => Err(AwsError {
            cause: crate::aws::Cause::Answered,
            code: "AccessDenied".to_owned(),
            message: format!("STS named no account for {arn:?}"),
            request_id: None,
            status: None,
            region: None,
            identity: None,
        }),
    }
}

/// An error with its causes, each said once.
fn story(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let part = error.to_string();
        if !text.contains(&part) {
            text = format!("{text}: {part}");
        }
        next = error.source();
    }
    text
}
