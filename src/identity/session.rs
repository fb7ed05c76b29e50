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

/// Credentials are renewed this long before their end, so that a request that
/// is signed now is still good when it arrives; short ones at three quarters of
/// their life, so that they are not renewed for each request.
const MARGIN: Duration = Duration::from_mins(5);
/// How long to wait after a renewal that failed.
const RETRY: Duration = Duration::from_secs(10);

/// The session of one role.
pub(super) struct Session {
    aws: Aws,
    sts: aws_sdk_sts::Client,
    settings: IdentitySettings,
    role: RoleArn,
    caller: Option<Caller>,
    // One lock for reading and renewing: of many requests that find the
    // credentials old, the first renews them and the others wait for it.
    current: Mutex<Option<Held>>,
}

/// Credentials and the time from which on they should be renewed.
struct Held {
    credentials: Credentials,
    renew_at: SystemTime,
}

impl Held {
    fn new(credentials: Credentials, now: SystemTime) -> Self {
        let life = credentials
            .expiry()
            .and_then(|expiry| expiry.duration_since(now).ok());
        // An end that is past already speaks of our clock, not of them.
        let life = life.unwrap_or(2 * MARGIN);
        let renew_at = now + (life * 3 / 4).max(life.saturating_sub(MARGIN));
        Self {
            credentials,
            renew_at,
        }
    }
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
        if let Some(held) = current.as_ref().filter(|held| now < held.renew_at) {
            return Ok(held.credentials.clone());
        }
        match self.assume().await {
            Ok(credentials) => {
                let held = current.insert(Held::new(credentials, now));
                Ok(held.credentials.clone())
            }
            // A renewal may fail while the old session has still some life in
            // it; one of the next requests will try again.
            Err(refusal) => match current.as_mut().filter(|held| is_good(held, now)) {
                Some(held) => {
                    tracing::warn!("the role session is not renewed yet: {}", refusal.what);
                    held.renew_at = now + RETRY;
                    Ok(held.credentials.clone())
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

fn is_good(held: &Held, at: SystemTime) -> bool {
    held.credentials.expiry().is_none_or(|expiry| expiry > at)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_renewed_before_their_end_but_not_for_each_request() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let hour = Duration::from_hours(1);
        for (expiry, renew) in [
            (now + hour, hour.checked_sub(MARGIN).unwrap()),
            (
                now + Duration::from_mins(15),
                Duration::from_secs(11 * 60 + 15),
            ),
            (now + Duration::from_secs(8), Duration::from_secs(6)),
            (now - hour, Duration::from_secs(450)),
        ] {
            let credentials = Credentials::new("id", "secret", None, Some(expiry), "test");
            assert_eq!(Held::new(credentials, now).renew_at, now + renew);
        }
    }
}
