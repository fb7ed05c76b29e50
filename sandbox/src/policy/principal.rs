//! Owns principals: who asks, and whom a `Principal` element names.
//!
//! Source: IAM User Guide, "AWS JSON policy elements: Principal".

/// Who sends the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requester {
    /// Nobody: the request is not signed.
    Anonymous,
    /// An IAM user.
    User {
        /// `arn:aws:iam::111111111111:user/ci`
        arn: String,
        /// The user's account.
        account: String,
    },
    /// A session of an assumed role.
    Session {
        /// `arn:aws:sts::222222222222:assumed-role/writer/job-7`
        session_arn: String,
        /// `arn:aws:iam::222222222222:role/path/writer`
        role_arn: String,
        /// The role's account.
        account: String,
    },
    /// Somebody who shows a web identity token to STS.
    Federated {
        /// `arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com`
        provider_arn: String,
        /// The account that holds the provider.
        account: String,
    },
}

impl Requester {
    /// The account of the requester; none for anonymous requests.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::User { account, .. }
            | Self::Session { account, .. }
            | Self::Federated { account, .. } => Some(account),
        }
    }
}

/// One entry of a `Principal` element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// `*`
    Everyone,
    /// An account, by id or by its root ARN.
    Account(String),
    /// A user, role, or role session, by ARN.
    Arn(String),
    /// A web identity provider.
    Federated(String),
    /// An AWS service: never one of the sandbox's requesters.
    Service,
}

/// How an entry fits a requester. The order matters: the strongest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// By the account: the account may then give its own principals the
    /// permission; this alone grants nothing inside the account.
    Account,
    /// By a role's ARN, or `*`: grants, but a session policy still limits it.
    Role,
    /// By the user's or session's own ARN: grants by itself.
    Exact,
}

impl Named {
    /// Parses an entry of `"AWS"`.
    pub(crate) fn aws(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Everyone);
        }
        if is_account(text) {
            return Ok(Self::Account(text.to_owned()));
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let known = match parts.as_slice() {
            [
                "arn",
                partition,
                service @ ("iam" | "sts"),
                "",
                account,
                resource,
            ] if is_partition(partition) && is_account(account) => {
                match (*service, resource.split_once('/')) {
                    ("iam", None) => *resource == "root",
                    ("iam", Some(("user" | "role", name))) => !name.is_empty(),
                    ("sts", Some(("assumed-role", name))) => name.contains('/'),
                    _ => false,
                }
            }
            _ => false,
        };
        if !known {
            return Err(format!("Invalid principal in policy: \"AWS\":\"{text}\""));
        }
        if text.contains(['*', '?']) {
            // "You cannot use a wildcard to match part of a principal name or ARN."
            return Err(format!(
                "Invalid principal in policy: a wildcard cannot match part of an ARN: {text}"
            ));
        }
        if parts[5] == "root" {
            return Ok(Self::Account(parts[4].to_owned()));
        }
        Ok(Self::Arn(text.to_owned()))
    }

    /// How this entry fits the requester, if at all.
    pub(crate) fn fit(&self, requester: &Requester) -> Option<Fit> {
        match (self, requester) {
            // A session policy limits what `*` gives to a session.
            (Self::Everyone, Requester::Session { .. }) => Some(Fit::Role),
            (Self::Everyone, Requester::Anonymous | Requester::User { .. }) => Some(Fit::Exact),
            (
                Self::Account(id),
                Requester::User { account, .. } | Requester::Session { account, .. },
            ) => (id == account).then_some(Fit::Account),
            (Self::Arn(named), Requester::User { arn, .. }) => (named == arn).then_some(Fit::Exact),
            (
                Self::Arn(named),
                Requester::Session {
                    session_arn,
                    role_arn,
                    ..
                },
            ) => {
                if named == session_arn {
                    Some(Fit::Exact)
                } else {
                    (named == role_arn).then_some(Fit::Role)
                }
            }
            (Self::Federated(named), Requester::Federated { provider_arn, .. }) => {
                (named == provider_arn).then_some(Fit::Exact)
            }
            // A web identity has to be named by its provider: `*` is not it.
            (Self::Everyone, Requester::Federated { .. })
            | (
                Self::Account(_) | Self::Arn(_),
                Requester::Anonymous | Requester::Federated { .. },
            )
            | (
                Self::Federated(_),
                Requester::Anonymous | Requester::User { .. } | Requester::Session { .. },
            )
            | (Self::Service, _) => None,
        }
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_partition(text: &str) -> bool {
    matches!(text, "aws" | "aws-cn" | "aws-us-gov")
}
