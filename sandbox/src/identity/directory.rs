//! Owns the directory: users, roles, and the keys that stand for them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::policy::Document;
use crate::secrets::Secrets;
use crate::text;

use super::session::{Session, secret};
use super::{Arn, Caller};

/// An IAM user.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) arn: Arn,
    pub(crate) text: String,
    pub(crate) id: String,
    pub(crate) policies: Vec<Arc<Document>>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// An IAM role.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) id: String,
    pub(crate) policies: Vec<Arc<Document>>,
    pub(crate) trust: Option<Arc<Document>>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) max_session: Duration,
}

/// Whose key it is.
#[derive(Debug, Clone)]
pub(crate) enum KeyHolder {
    User { arn: String, secret: String },
    Session(Arc<Session>),
}

impl KeyHolder {
    pub(crate) fn secret(&self) -> &str {
        match self {
            Self::User { secret, .. } => secret,
            Self::Session(session) => &session.secret,
        }
    }
}

/// Everyone whom the sandbox knows.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    pub(crate) users: HashMap<String, User>,
    pub(crate) roles: HashMap<String, Role>,
    pub(crate) keys: HashMap<String, KeyHolder>,
    secrets: Secrets,
}

impl Directory {
    /// A directory of nobody, which notes each secret that it gives out.
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self {
            secrets,
            ..Self::default()
        }
    }

    pub(crate) fn user(&mut self, text: &str) -> &mut User {
        let arn = Arn::iam(text, "user");
        self.users.entry(text.to_owned()).or_insert_with(|| User {
            arn,
            text: text.to_owned(),
            id: format!("AIDA{}", text::random_text(text::BASE32, 17)),
            policies: Vec::new(),
            tags: BTreeMap::new(),
        })
    }

    pub(crate) fn role(&mut self, text: &str) -> &mut Role {
        let _checked = Arn::iam(text, "role");
        self.roles.entry(text.to_owned()).or_insert_with(|| Role {
            id: format!("AROA{}", text::random_text(text::BASE32, 17)),
            policies: Vec::new(),
            trust: None,
            tags: BTreeMap::new(),
            max_session: Duration::from_hours(1),
        })
    }

    /// Makes a long-term key for a user: its id and secret.
    pub(crate) fn new_key(&mut self, user: &str) -> (String, String) {
        let id = format!("AKIA{}", text::random_text(text::BASE32, 16));
        let secret = secret();
        self.secrets.note(&secret);
        self.keys.insert(
            id.clone(),
            KeyHolder::User {
                arn: user.to_owned(),
                secret: secret.clone(),
            },
        );
        (id, secret)
    }

    pub(crate) fn add_session(&mut self, session: Session) -> Arc<Session> {
        let session = Arc::new(session);
        self.secrets.note(&session.secret);
        self.secrets.note(&session.token);
        self.keys.insert(
            session.access_key_id.clone(),
            KeyHolder::Session(Arc::clone(&session)),
        );
        session
    }

    /// The caller behind a key, with the policies as they are now.
    pub(crate) fn caller(&self, holder: &KeyHolder) -> Option<Caller> {
        match holder {
            KeyHolder::User { arn, .. } => self.users.get(arn).map(Caller::user),
            KeyHolder::Session(session) => Some(Caller::session(
                session,
                self.roles
                    .get(&session.role_arn)
                    .map(|role| role.policies.clone())
                    .unwrap_or_default(),
                self.roles.get(&session.role_arn).map(|role| &role.tags),
            )),
        }
    }
}
