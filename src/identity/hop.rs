//! One hop: an `AssumeRole` or `AssumeRoleWithWebIdentity` call.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_sts::types::{Credentials as StsCredentials, Tag};

use super::explain::{self, From};
use super::token::Tokens;
use super::{Caller, Renewing};
use crate::aws::{Aws, AwsError};
use crate::error::Refusal;
use crate::settings::HopSettings;
use crate::types::{SessionName, SessionTag};

/// STS answers in well under a second; a call that takes longer than this has
/// got lost.
const PATIENCE: Duration = Duration::from_mins(1);

/// A hop that can be taken as often as its session has to be renewed.
pub(super) struct Hop {
    pub(super) aws: Aws,
    pub(super) sts: aws_sdk_sts::Client,
    pub(super) settings: HopSettings,
    /// The credentials that the client signs with.
    pub(super) before: Option<Arc<Renewing>>,
    /// Which hop it is, from 1, and out of how many.
    pub(super) place: (usize, usize),
    pub(super) start: HopStart,
    pub(super) extras: Extras,
}

/// What a hop starts from.
#[derive(Debug)]
pub(super) enum HopStart {
    /// The credentials of the client, which are of this identity.
    Caller(Option<Caller>),
    /// An OIDC token.
    Tokens(Tokens),
}

/// What only some hops say.
#[derive(Debug, Clone, Default)]
pub(super) struct Extras {
    pub(super) tags: Vec<SessionTag>,
    pub(super) source_identity: Option<SessionName>,
    pub(super) policy: Option<String>,
}

/// What a hop gives.
pub(super) struct Taken {
    pub(super) credentials: Credentials,
    pub(super) caller: Option<Caller>,
}

impl Hop {
    /// When the last renewal can be made, if that is known.
    pub(super) async fn last_renewal(&self) -> Option<SystemTime> {
        match (&self.start, &self.before) {
            (HopStart::Tokens(tokens), _) => tokens.end(),
            (HopStart::Caller(_), Some(before)) => before.last_end().await,
            (HopStart::Caller(_), None) => None,
        }
    }

    /// Makes the call.
    pub(super) async fn take(&self) -> Result<Taken, Box<Refusal>> {
        match tokio::time::timeout(PATIENCE, self.call()).await {
            Ok(taken) => taken,
            Err(_) => Err(Box::new(
                Refusal::new(format!(
                    "{}: STS did not answer in {PATIENCE:?}",
                    self.title()
                ))
                .fact("resource", self.settings.role.to_string()),
            )),
        }
    }

    async fn call(&self) -> Result<Taken, Box<Refusal>> {
        match &self.start {
            HopStart::Caller(caller) => self.assume(caller.as_ref()).await,
            HopStart::Tokens(tokens) => self.assume_with(tokens).await,
        }
    }

    async fn assume(&self, caller: Option<&Caller>) -> Result<Taken, Box<Refusal>> {
        let HopSettings {
            role,
            external_id,
            session_name,
            ..
        } = &self.settings;
        let tags = self.extras.tags.iter().map(|tag| {
            Tag::builder()
                .key(&tag.key)
                .value(&tag.value)
                .build()
                .map_err(|error| {
                    Box::new(Refusal::new(format!("a session tag is not one: {error}")))
                })
        });
        let tags = tags.collect::<Result<Vec<Tag>, _>>()?;
        let source = self.extras.source_identity.as_ref();
        let answer = self
            .sts
            .assume_role()
            .role_arn(role.as_str())
            .role_session_name(session_name.as_str())
            .set_external_id(external_id.as_ref().map(|id| id.reveal().to_owned()))
            .set_duration_seconds(self.seconds())
            .set_policy(self.extras.policy.clone())
            .set_tags((!tags.is_empty()).then_some(tags))
            .set_source_identity(source.map(ToString::to_string))
            .send()
            .await
            .map_err(|error| {
                Box::new(self.refused(&AwsError::from_sdk(&error), &From::Caller(caller)))
            })?;
        let user = answer
            .assumed_role_user()
            .map(aws_sdk_sts::types::AssumedRoleUser::arn);
        self.taken(answer.credentials(), user)
    }

    async fn assume_with(&self, tokens: &Tokens) -> Result<Taken, Box<Refusal>> {
        let token = tokens.get(&self.aws).await?;
        let from = From::Token(tokens.name(), &token.claims);
        if token.claims.end().is_some_and(|end| end <= self.aws.now()) {
            return Err(Box::new(explain::token_ended(self, &from)));
        }
        let HopSettings {
            role, session_name, ..
        } = &self.settings;
        let answer = self
            .sts
            .assume_role_with_web_identity()
            .role_arn(role.as_str())
            .role_session_name(session_name.as_str())
            .web_identity_token(token.jwt.reveal())
            .set_duration_seconds(self.seconds())
            .set_policy(self.extras.policy.clone())
            .send()
            .await
            .map_err(|error| Box::new(self.refused(&AwsError::from_sdk(&error), &from)))?;
        let user = answer
            .assumed_role_user()
            .map(aws_sdk_sts::types::AssumedRoleUser::arn);
        self.taken(answer.credentials(), user)
    }

    fn seconds(&self) -> Option<i32> {
        self.settings
            .duration
            .and_then(|duration| i32::try_from(duration.as_secs()).ok())
    }

    fn taken(
        &self,
        found: Option<&StsCredentials>,
        user: Option<&str>,
    ) -> Result<Taken, Box<Refusal>> {
        let Some(found) = found else {
            let what = format!("{}: STS answered without credentials", self.title());
            return Err(Box::new(Refusal::new(what)));
        };
        let expiry = SystemTime::try_from(*found.expiration()).ok();
        Ok(Taken {
            credentials: Credentials::new(
                found.access_key_id(),
                found.secret_access_key(),
                Some(found.session_token().to_owned()),
                expiry,
                "docferry",
            ),
            caller: user.map(|arn| Caller {
                arn: arn.to_owned(),
                account: self.settings.role.account().clone(),
            }),
        })
    }

    /// `hop 1 of 2`
    pub(super) fn title(&self) -> String {
        format!("hop {} of {}", self.place.0, self.place.1)
    }

    fn refused(&self, error: &AwsError, from: &From<'_>) -> Refusal {
        // Credentials of an earlier hop that could not be renewed.
        if let Some(refusal) = &error.identity {
            return Refusal::clone(refusal);
        }
        explain::hop(error, self, from)
    }
}

/// Nothing of a hop's client is fit to be printed.
impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.title(), self.settings.role)
    }
}
