//! Who writes, as the settings say it.

use std::time::Duration;

use crate::types::{AccountId, ExternalId, RoleArn, Secret, SessionName, SessionTag};

/// Who writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentitySettings {
    /// The roles to assume, from left to right; without any the principal
    /// writes itself.
    pub hops: Vec<HopSettings>,
    /// Where the way begins.
    pub start: Start,
    /// What the last session is tagged with.
    pub tags: Vec<SessionTag>,
    /// What CloudTrail is to show as the source of all sessions.
    pub source_identity: Option<SessionName>,
    /// What narrows the last session.
    pub session_policy: Option<SessionPolicy>,
    /// The accounts that may be written from and to; none means any.
    pub allowed_accounts: Vec<AccountId>,
}

/// One `AssumeRole…` call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HopSettings {
    /// The role.
    pub role: RoleArn,
    /// What its trust policy asks for.
    pub external_id: Option<ExternalId>,
    /// The session's name in CloudTrail.
    pub session_name: SessionName,
    /// How long the session lasts, if STS's default will not do.
    pub duration: Option<Duration>,
}

/// Where the way to the role begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// With the AWS credentials that the job has.
    Own,
    /// With this OIDC token, as a GitLab job has it in a variable.
    Token(Secret<String>),
    /// With a token that GitHub gives on request.
    GitHub(IdTokenRequest),
    /// With the job's own credentials if it has any, else with GitHub's token.
    OwnElseGitHub(IdTokenRequest),
}

/// How a GitHub job asks for its OIDC token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTokenRequest {
    /// `ACTIONS_ID_TOKEN_REQUEST_URL`
    pub url: String,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`
    pub token: Secret<String>,
    /// Whom the token is for.
    pub audience: String,
}

/// What narrows the last session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionPolicy {
    /// To just what this run needs.
    Scoped,
    /// To this document.
    Document(String),
}
