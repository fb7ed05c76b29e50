//! Owns the order of the decision: explicit denies, then who must allow.

use super::context::Context;
use super::document::Document;
use super::principal::{Fit, Requester};

/// One request, as far as IAM looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who asks.
    pub requester: &'a Requester,
    /// `s3:PutObject`
    pub action: &'a str,
    /// The resource's ARN.
    pub resource: &'a str,
    /// The account that owns the resource.
    pub resource_account: &'a str,
    /// The condition keys.
    pub context: &'a Context,
}

/// The policies that apply to a request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policies<'a> {
    /// The policies of the user or role.
    pub identity: &'a [std::sync::Arc<Document>],
    /// The policy that was given to `AssumeRole`, if any.
    pub session: Option<&'a Document>,
    /// The policy of the bucket, role, or key, if it has one.
    pub resource: Option<&'a Document>,
}

/// Whether the resource's own policy has to take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Inside one account either side may allow (S3).
    EitherSide,
    /// The resource's policy must allow in any case: role trust policies and
    /// KMS key policies (IAM User Guide, "How IAM roles differ from
    /// resource-based policies"; KMS Developer Guide, "Key policies").
    ResourceMustAllow,
}

/// Which side decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The policies of the user or role.
    Identity,
    /// The session policy.
    Session,
    /// The policy of the resource.
    Resource,
}

/// The decision, with the side that AWS's message names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allow,
    /// A statement says `Deny`.
    ExplicitDeny(Side),
    /// Nothing says `Allow` on this side.
    ImplicitDeny(Side),
}

impl Decision {
    /// True for [`Decision::Allow`].
    #[must_use]
    pub fn is_allow(self) -> bool {
        self == Self::Allow
    }
}

/// Decides a request.
#[must_use]
pub fn evaluate(request: Request<'_>, policies: Policies<'_>, authority: Authority) -> Decision {
    let denies = |document: &Document| {
        document.denies(
            request.requester,
            request.action,
            request.resource,
            request.context,
        )
    };
    let allows = |document: &Document| {
        document.allows(
            request.requester,
            request.action,
            request.resource,
            request.context,
        )
    };

    // "An explicit deny in any of these policies overrides the allow."
    if policies.identity.iter().any(|document| denies(document)) {
        return Decision::ExplicitDeny(Side::Identity);
    }
    if policies.resource.is_some_and(denies) {
        return Decision::ExplicitDeny(Side::Resource);
    }
    if policies.session.is_some_and(denies) {
        return Decision::ExplicitDeny(Side::Session);
    }

    let granted = policies.resource.and_then(allows);
    let identity_allows = policies
        .identity
        .iter()
        .any(|document| allows(document).is_some());
    let session_allows = policies
        .session
        .is_none_or(|document| allows(document).is_some());

    // Nobody's account has policies of its own for these requesters: the
    // resource's policy alone decides.
    if let Requester::Anonymous | Requester::Federated { .. } = request.requester {
        return if granted.is_some() {
            Decision::Allow
        } else {
            Decision::ImplicitDeny(Side::Resource)
        };
    }

    let same_account = request.requester.account() == Some(request.resource_account);
    if !same_account {
        return cross_account(granted, identity_allows, session_allows);
    }
    match granted {
        // A grant to the user's or session's own ARN needs nothing else, not
        // even the session policy ("Policy evaluation for requests within a
        // single account", the table of resource-based policy grants).
        Some(Fit::Exact) => Decision::Allow,
        // A grant to the role is limited by the session policy only.
        Some(Fit::Role) if session_allows => Decision::Allow,
        Some(Fit::Role) => Decision::ImplicitDeny(Side::Session),
        // A grant to the account delegates to the account's own policies; no
        // grant at all is enough where the resource need not take part.
        Some(Fit::Account) => own_side(identity_allows, session_allows),
        None if authority == Authority::EitherSide => own_side(identity_allows, session_allows),
        None => Decision::ImplicitDeny(Side::Resource),
    }
}

fn own_side(identity_allows: bool, session_allows: bool) -> Decision {
    if !identity_allows {
        Decision::ImplicitDeny(Side::Identity)
    } else if !session_allows {
        Decision::ImplicitDeny(Side::Session)
    } else {
        Decision::Allow
    }
}

/// "The request must be allowed in both accounts."
fn cross_account(granted: Option<Fit>, identity_allows: bool, session_allows: bool) -> Decision {
    match own_side(identity_allows, session_allows) {
        Decision::Allow if granted.is_some() => Decision::Allow,
        Decision::Allow => Decision::ImplicitDeny(Side::Resource),
        denied @ (Decision::ExplicitDeny(_) | Decision::ImplicitDeny(_)) => denied,
    }
}
