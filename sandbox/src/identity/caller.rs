//! Owns the caller: the verified identity of one request, with its policies
//! and the condition keys that belong to the principal.
//!
//! Source: IAM User Guide, "AWS global condition context keys" (properties of
//! the principal, of a role session).

use std::collections::BTreeMap;
use std::sync::Arc;

use time::OffsetDateTime;

use crate::policy::{
    Authority, Context, Decision, Document, Policies, Request, Requester, evaluate,
};
use crate::text;

use super::{Session, User};

/// Who sent a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// As `GetCallerIdentity` gives it.
    pub(crate) arn: String,
    pub(crate) account: String,
    pub(crate) user_id: String,
    pub(crate) requester: Requester,
    pub(crate) identity: Vec<Arc<Document>>,
    pub(crate) session: Option<Arc<Session>>,
    pub(crate) context: Context,
    pub(crate) partition: String,
}

impl Caller {
    pub(crate) fn user(user: &User) -> Self {
        let mut context = Context::new();
        context.set("aws:PrincipalArn", &*user.text);
        context.set("aws:PrincipalAccount", &*user.arn.account);
        context.set("aws:PrincipalType", "User");
        context.set("aws:userid", &*user.id);
        context.set("aws:username", user.arn.name());
        tags(&mut context, &user.tags);
        Self {
            arn: user.text.clone(),
            account: user.arn.account.clone(),
            user_id: user.id.clone(),
            requester: Requester::User {
                arn: user.text.clone(),
                account: user.arn.account.clone(),
            },
            identity: user.policies.clone(),
            session: None,
            context,
            partition: user.arn.partition.clone(),
        }
    }

    pub(crate) fn session(
        session: &Arc<Session>,
        identity: Vec<Arc<Document>>,
        role_tags: Option<&BTreeMap<String, String>>,
    ) -> Self {
        let mut context = session.new.claims.clone();
        context.set("aws:PrincipalArn", &*session.role_arn);
        context.set("aws:PrincipalAccount", &*session.account);
        context.set("aws:PrincipalType", "AssumedRole");
        context.set("aws:userid", &*session.user_id);
        context.set(
            "aws:TokenIssueTime",
            text::iso_date(OffsetDateTime::from(session.issued)),
        );
        // Temporary credentials carry this key, long-term keys do not.
        context.set("aws:MultiFactorAuthPresent", "false");
        context.set_some("aws:FederatedProvider", session.new.federated.clone());
        context.set_some("aws:SourceIdentity", session.new.source_identity.clone());
        if let Some(role_tags) = role_tags {
            tags(&mut context, role_tags);
        }
        // A session tag wins over the role's tag of the same key.
        tags(&mut context, &session.new.tags);
        Self {
            arn: session.arn.clone(),
            account: session.account.clone(),
            user_id: session.user_id.clone(),
            requester: Requester::Session {
                session_arn: session.arn.clone(),
                role_arn: session.role_arn.clone(),
                account: session.account.clone(),
            },
            identity,
            session: Some(Arc::clone(session)),
            context,
            partition: session.partition.clone(),
        }
    }

    /// Decides one action of this caller.
    pub(crate) fn may(
        &self,
        action: &str,
        resource: &str,
        resource_account: &str,
        resource_policy: Option<&Document>,
        context: &Context,
        authority: Authority,
    ) -> Decision {
        evaluate(
            Request {
                requester: &self.requester,
                action,
                resource,
                resource_account,
                context,
            },
            Policies {
                identity: &self.identity,
                session: self
                    .session
                    .as_ref()
                    .and_then(|session| session.new.policy.as_deref()),
                resource: resource_policy,
            },
            authority,
        )
    }
}

fn tags(context: &mut Context, tags: &BTreeMap<String, String>) {
    for (key, value) in tags {
        context.set(&format!("aws:PrincipalTag/{key}"), value.as_str());
    }
}
