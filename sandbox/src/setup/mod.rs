//! Owns the handles with which a test sets up accounts. Each call takes effect
//! at once; a mistake panics with its reason.

#![allow(
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "each call takes effect by itself; the handle is given back for the next one"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "policies are written in place, as text or as json!"
)]

mod contents;
mod principals;
mod resources;

pub use principals::{Role, User};
pub use resources::{Bucket, KmsKey, OidcProvider};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::clock::epoch;
use crate::identity::Session;
use crate::policy::{Document, Kind};

fn parse(kind: Kind, policy: &impl ToString, whose: &str) -> Arc<Document> {
    let text = policy.to_string();
    Arc::new(
        Document::parse(kind, &text)
            .unwrap_or_else(|reason| panic!("policy of {whose}: {reason}\n{text}")),
    )
}

/// A long-term access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// `AKIA…`
    pub id: String,
    /// The secret.
    pub secret: String,
}

/// Temporary credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `ASIA…`
    pub id: String,
    /// The secret.
    pub secret: String,
    /// The session token.
    pub token: String,
    /// The moment of expiry, in seconds since the epoch.
    pub expires: i64,
    /// The session's ARN.
    pub arn: String,
}

impl Credentials {
    pub(crate) fn of(session: &Session) -> Self {
        Self {
            id: session.access_key_id.clone(),
            secret: session.secret.clone(),
            token: session.token.clone(),
            expires: session.expires(),
            arn: session.arn.clone(),
        }
    }
}

/// What a session from the hand is to be.
#[derive(Debug, Clone)]
pub struct SessionWish {
    pub(crate) name: String,
    pub(crate) duration: Duration,
    pub(crate) policy: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) source_identity: Option<String>,
}

impl Default for SessionWish {
    fn default() -> Self {
        Self::new("test")
    }
}

impl SessionWish {
    /// A session of one hour with this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            duration: Duration::from_hours(1),
            policy: None,
            tags: BTreeMap::new(),
            source_identity: None,
        }
    }

    /// Its life.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// Its session policy.
    #[must_use]
    pub fn policy(mut self, policy: impl ToString) -> Self {
        self.policy = Some(policy.to_string());
        self
    }

    /// A session tag.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Its source identity.
    #[must_use]
    pub fn source_identity(mut self, identity: &str) -> Self {
        self.source_identity = Some(identity.to_owned());
        self
    }
}

impl Credentials {
    /// The moment of expiry.
    #[must_use]
    pub fn expiry(&self) -> SystemTime {
        let seconds = u64::try_from(self.expires).unwrap_or_default();
        debug_assert_eq!(
            epoch(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
            self.expires
        );
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }
}
