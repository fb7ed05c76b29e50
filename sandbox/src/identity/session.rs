//! Owns temporary credentials: what they are and until when they hold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use crate::clock::epoch;
use crate::policy::{Context, Document};
use crate::text;

use super::Arn;

/// What a new session is to be.
#[derive(Debug, Default)]
pub(crate) struct NewSession {
    pub(crate) name: String,
    pub(crate) duration: Duration,
    pub(crate) policy: Option<Arc<Document>>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) transitive: Vec<String>,
    pub(crate) source_identity: Option<String>,
    /// The provider's ARN for a web identity.
    pub(crate) federated: Option<String>,
    /// Condition keys that a web identity's session keeps.
    pub(crate) claims: Context,
}

/// One set of temporary credentials.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) role_arn: String,
    pub(crate) arn: String,
    pub(crate) account: String,
    pub(crate) partition: String,
    /// `AROA…:session-name`
    pub(crate) user_id: String,
    pub(crate) issued: SystemTime,
    expires: AtomicI64,
    pub(crate) new: NewSession,
}

impl Session {
    pub(crate) fn issue(role: &Arn, role_id: &str, now: SystemTime, new: NewSession) -> Self {
        let expires = epoch(now + new.duration);
        Self {
            access_key_id: format!("ASIA{}", text::random_text(text::BASE32, 16)),
            secret: secret(),
            token: token(),
            role_arn: format!(
                "arn:{}:iam::{}:{}",
                role.partition, role.account, role.resource
            ),
            arn: format!(
                "arn:{}:sts::{}:assumed-role/{}/{}",
                role.partition,
                role.account,
                role.name(),
                new.name
            ),
            account: role.account.clone(),
            partition: role.partition.clone(),
            user_id: format!("{role_id}:{}", new.name),
            issued: now,
            expires: AtomicI64::new(expires),
            new,
        }
    }

    /// The moment of expiry, in seconds since the epoch.
    pub(crate) fn expires(&self) -> i64 {
        self.expires.load(Ordering::SeqCst)
    }

    /// Lets the session end at this moment, if it would not end before.
    pub(crate) fn expire_at(&self, moment: SystemTime) {
        self.expires.fetch_min(epoch(moment), Ordering::SeqCst);
    }

    pub(crate) fn is_expired(&self, now: SystemTime) -> bool {
        epoch(now) >= self.expires()
    }
}

/// A secret of the shape that AWS uses: 40 characters of base64's alphabet.
pub(crate) fn secret() -> String {
    let mut bytes = [0_u8; 30];
    text::random(&mut bytes);
    text::base64(&bytes)
}

/// Session tokens are long and opaque; AWS warns not to count on their size.
fn token() -> String {
    let mut bytes = [0_u8; 480];
    text::random(&mut bytes);
    format!("IQoJb3JpZ2luX2Vj{}", text::base64(&bytes))
}
