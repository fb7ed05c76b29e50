//! Owns a parsed policy document and whether one statement fits a request.

use super::condition::Condition;
use super::context::Context;
use super::parse;
use super::pattern::{Pattern, glob};
use super::principal::{Fit, Named, Requester};

/// What a policy is attached to; it decides which elements it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Attached to a user or role.
    Identity,
    /// Given to `AssumeRole`: the session may do no more than this.
    Session,
    /// A role's trust policy.
    Trust,
    /// A bucket policy.
    Bucket,
    /// A KMS key policy.
    Key,
}

/// A policy, parsed.
#[derive(Debug, Clone)]
pub struct Document {
    pub(crate) statements: Vec<Statement>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Clone)]
pub(crate) enum Principals {
    /// Identity policies have no `Principal`: it is whoever holds the policy.
    Holder,
    Only(Vec<Named>),
    AllBut(Vec<Named>),
}

#[derive(Debug, Clone)]
pub(crate) enum Actions {
    Only(Vec<String>),
    AllBut(Vec<String>),
}

#[derive(Debug, Clone)]
pub(crate) enum Resources {
    /// Trust policies have no `Resource`: it is the role itself.
    Holder,
    Only(Vec<Pattern>),
    AllBut(Vec<Pattern>),
}

#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) effect: Effect,
    pub(crate) principals: Principals,
    pub(crate) actions: Actions,
    pub(crate) resources: Resources,
    pub(crate) conditions: Vec<Condition>,
}

impl Document {
    /// Parses a policy strictly.
    ///
    /// # Errors
    /// Says what is wrong with the document, or which part of IAM the sandbox
    /// does not model.
    pub fn parse(kind: Kind, json: &str) -> Result<Self, String> {
        parse::document(kind, json)
    }

    /// True if the policy lets everybody in without any condition: what Block
    /// Public Access refuses.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.statements.iter().any(|statement| {
            let everybody = matches!(&statement.principals,
                Principals::Only(named) if named.contains(&Named::Everyone));
            statement.effect == Effect::Allow && everybody && statement.conditions.is_empty()
        })
    }

    /// The first resource of a bucket policy that is not the bucket or something
    /// in it; S3 refuses such a policy.
    pub(crate) fn foreign_resource(&self, bucket_arn: &str) -> Option<&str> {
        self.statements
            .iter()
            .filter_map(|statement| match &statement.resources {
                Resources::Only(patterns) | Resources::AllBut(patterns) => Some(patterns),
                Resources::Holder => None,
            })
            .flatten()
            .map(Pattern::source)
            .find(|text| {
                !text
                    .strip_prefix(bucket_arn)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '*']))
            })
    }

    /// The strongest allow of this document for the request.
    pub(crate) fn allows(
        &self,
        requester: &Requester,
        action: &str,
        resource: &str,
        context: &Context,
    ) -> Option<Fit> {
        self.statements
            .iter()
            .filter(|statement| statement.effect == Effect::Allow)
            .filter_map(|statement| statement.fit(requester, action, resource, context))
            .max()
    }

    /// True if a statement denies the request explicitly.
    pub(crate) fn denies(
        &self,
        requester: &Requester,
        action: &str,
        resource: &str,
        context: &Context,
    ) -> bool {
        self.statements
            .iter()
            .filter(|statement| statement.effect == Effect::Deny)
            .any(|statement| {
                statement
                    .fit(requester, action, resource, context)
                    .is_some()
            })
    }
}

impl Statement {
    fn fit(
        &self,
        requester: &Requester,
        action: &str,
        resource: &str,
        context: &Context,
    ) -> Option<Fit> {
        let fit = self.principals.fit(requester)?;
        (self.actions.contain(action)
            && self.resources.contain(resource, context)
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(context)))
        .then_some(fit)
    }
}

impl Principals {
    fn fit(&self, requester: &Requester) -> Option<Fit> {
        match self {
            Self::Holder => Some(Fit::Exact),
            Self::Only(named) => named.iter().filter_map(|one| one.fit(requester)).max(),
            // `NotPrincipal` is accepted with `Deny` only, so that the degree
            // of the fit does not matter.
            Self::AllBut(named) => (!spared(named, requester)).then_some(Fit::Exact),
        }
    }
}

/// "When you use NotPrincipal with Deny, you must also specify the account ARN
/// of the not-denied principal", and for a session the role as well: whoever is
/// named by one ARN only may find himself denied (IAM User Guide, "AWS JSON
/// policy elements: NotPrincipal").
fn spared(named: &[Named], requester: &Requester) -> bool {
    let by = |wanted: &Named| named.contains(wanted);
    let arn = |text: &str| by(&Named::Arn(text.to_owned()));
    let in_account = |text: &str| by(&Named::Account(text.to_owned()));
    match requester {
        Requester::Anonymous => by(&Named::Everyone),
        Requester::User {
            arn: user, account, ..
        } => arn(user) && in_account(account),
        Requester::Session {
            session_arn,
            role_arn,
            account,
        } => arn(session_arn) && arn(role_arn) && in_account(account),
        Requester::Federated { provider_arn, .. } => by(&Named::Federated(provider_arn.clone())),
    }
}

impl Actions {
    fn contain(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        match self {
            Self::Only(patterns) => patterns.iter().any(|pattern| glob(pattern, &action)),
            Self::AllBut(patterns) => !patterns.iter().any(|pattern| glob(pattern, &action)),
        }
    }
}

impl Resources {
    fn contain(&self, resource: &str, context: &Context) -> bool {
        match self {
            Self::Holder => true,
            Self::Only(patterns) => patterns
                .iter()
                .any(|pattern| pattern.arn_like(resource, context)),
            Self::AllBut(patterns) => !patterns
                .iter()
                .any(|pattern| pattern.arn_like(resource, context)),
        }
    }
}
