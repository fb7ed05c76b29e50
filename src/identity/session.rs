//! A role session that renews itself.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use tokio::sync::Mutex;

use super::{Caller, explain};
use crate::aws::{Aws, AwsError, Writer};
use crate::error::Refusal;
use crate::settings::IdentitySettings;
use crate::types::RoleArn;

/// Credentials are renewed when less than this is left of their life, so that
/// a request that is signed now is still good when it arrives.
const MARGIN: Duration = Duration::from_mins(5);

/// The session of one role.
pub(super) struct Session {
    aws: Aws,
    sts: aws_sdk_sts::Client,
    settings: IdentitySettings,
    role: RoleArn,
    caller: Option<Caller>,
    // One lock for reading and renewing: of many requests that find the
    // credentials old, the first renews them and the others wait for it.
    current: Mutex<Option<Credentials>>,
}

impl Session {
    pub(super) fn new(
        aws: &Aws,
        settings: &IdentitySettings,
        role: RoleArn,
        caller: Option<Caller>,
    ) -> Self {
        Self {
            aws: aws.clone(),
            sts: aws.sts(&Writer::Principal),
            settings: settings.clone(),
            role,
            caller,
            current: Mutex::new(None),
        }
    }

    /// Assumes the role for the first time; says when the session ends.
    pub(super) async fn open(&self) -> Result<String, Box<Refusal>> {
        let credentials = self.fresh().await?;
        Ok(match credentials.expiry() {
            Some(expiry) => humantime::format_rfc3339_seconds(expiry).to_string(),
            None => "it is ended by STS".to_owned(),
        })
    }

    async fn fresh(&self) -> Result<Credentials, Box<Refusal>> {
        let mut current = self.current.lock().await;
        let now = self.aws.now();
        if let Some(credentials) = current.as_ref().filter(|c| is_good(c, now + MARGIN)) {
            return Ok(credentials.clone());
        }
        match self.assume().await {
            Ok(credentials) => Ok(current.insert(credentials).clone()),
            // A renewal may fail while the old session has still some life in
            // it; the next request will try again.
            Err(refusal) => match current.as_ref().filter(|c| is_good(c, now)) {
                Some(credentials) => {
                    tracing::warn!(
                        "the role session could not be renewed yet: {}",
                        refusal.what
                    );
                    Ok(credentials.clone())
                }
                None => Err(refusal),
            },
        }
    }

    async fn assume(&self) -> Result<Credentials, Box<Refusal>> {
        let duration = self.settings.session_duration;
        let seconds = duration.and_then(|d| i32::try_from(d.as_secs()).ok());
        let external_id = self.settings.external_id.as_ref();
        let answer = self
            .sts
            .assume_role()
            .role_arn(self.role.as_str())
            .role_session_name(self.settings.session_name.as_str())
            .set_external_id(external_id.map(|id| id.reveal().to_owned()))
            .set_duration_seconds(seconds)
            .send()
            .await
            .map_err(|error| Box::new(self.refusal(&AwsError::from_sdk(&error))))?;
        let Some(found) = answer.credentials() else {
            let what = "STS answered AssumeRole without credentials";
            return Err(Box::new(Refusal::new(what)));
        };
        Ok(Credentials::new(
            found.access_key_id(),
            found.secret_access_key(),
            Some(found.session_token().to_owned()),
            SystemTime::try_from(*found.expiration()).ok(),
            "docferry",
        ))
    }

    fn refusal(&self, error: &AwsError) -> Refusal {
        explain::assume_role(error, &self.role, self.caller.as_ref(), &self.settings)
    }
}

fn is_good(credentials: &Credentials, at: SystemTime) -> bool {
    credentials.expiry().is_none_or(|expiry| expiry > at)
}

impl ProvideCredentials for Session {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            let credentials: provider::Result = self
                .fresh()
                .await
                .map_err(|refusal| CredentialsError::provider_error(*refusal));
            credentials
        })
    }
}

/// Nothing of a session is fit to be printed.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({})", self.role)
    }
}
