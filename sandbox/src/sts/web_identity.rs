//! Owns `AssumeRoleWithWebIdentity`: the token, its provider, and the trust.
//!
//! Sources: STS API Reference, "AssumeRoleWithWebIdentity"; IAM User Guide,
//! "Available keys for AWS OIDC federation", "Troubleshoot OIDC federation".

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::epoch;
use crate::identity::{NewSession, Session};
use crate::oidc::{Provider, Unverified};
use crate::policy::{Authority, Context, Policies, Request as PolicyRequest, Requester, evaluate};
use crate::server::AwsError;
use crate::world::{World, read, write};

use super::assume_role::{add_keys, duration, find};
use super::validate::Wish;

/// What the answer tells of the token.
pub(crate) struct Shown {
    pub(crate) session: Arc<Session>,
    pub(crate) subject: String,
    pub(crate) audience: String,
    pub(crate) provider: String,
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new(400, "InvalidIdentityToken", message)
}

fn denied() -> AwsError {
    AwsError::new(
        403,
        "AccessDenied",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    )
}

pub(crate) fn assume_role(
    world: &World,
    token: &str,
    wish: Wish,
    request: Context,
) -> Result<Shown, AwsError> {
    let token = Unverified::parse(token).ok_or_else(|| {
        invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
    })?;
    let provider = provider(world, &token, &wish)?;
    check(world, &token, &provider)?;
    let subject = token.text("sub").unwrap_or_default().to_owned();
    let audience = token.list("aud").into_iter().next().unwrap_or_default();

    let target = find(world, &wish.role_text).ok_or_else(denied)?;
    let claims = claims(&token, &provider);
    let mut context = request;
    context.extend(&claims);
    context.set("aws:FederatedProvider", provider.arn.as_str());
    let source_identity = wish.source_identity.clone();
    add_keys(
        &mut context,
        &wish,
        &target,
        &BTreeMap::new(),
        source_identity.as_deref(),
    );
    let requester = Requester::Federated {
        provider_arn: provider.arn.clone(),
        account: provider.account.clone(),
    };
    let may = |action: &str| {
        evaluate(
            PolicyRequest {
                requester: &requester,
                action,
                resource: &wish.role_text,
                resource_account: &wish.role.account,
                context: &context,
            },
            Policies {
                resource: target.trust.as_deref(),
                ..Policies::default()
            },
            Authority::ResourceMustAllow,
        )
        .is_allow()
    };
    if !may("sts:AssumeRoleWithWebIdentity")
        || (source_identity.is_some() && !may("sts:SetSourceIdentity"))
    {
        return Err(denied());
    }
    let duration = duration(&wish, &target, false)?;
    let session = Session::issue(
        &wish.role,
        &target.id,
        world.clock.now(),
        NewSession {
            name: wish.session_name,
            duration,
            policy: wish.policy,
            source_identity,
            federated: Some(provider.arn.clone()),
            claims,
            ..NewSession::default()
        },
    );
    Ok(Shown {
        session: write(&world.directory).add_session(session),
        subject,
        audience,
        provider: provider.arn,
    })
}

/// The provider of the token's issuer in the role's account.
fn provider(world: &World, token: &Unverified, wish: &Wish) -> Result<Provider, AwsError> {
    let issuer = token
        .text("iss")
        .ok_or_else(|| invalid("Missing a required claim: iss"))?;
    read(&world.providers)
        .values()
        .find(|provider| provider.account == wish.role.account && provider.issuer == issuer)
        .cloned()
        .ok_or_else(|| {
            invalid(format!(
                "No OpenIDConnect provider found in your account for {issuer}"
            ))
        })
}

fn check(world: &World, token: &Unverified, provider: &Provider) -> Result<(), AwsError> {
    if !token.names_known_key() {
        return Err(invalid(
            "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
        ));
    }
    if !token.is_signed() {
        return Err(invalid("Provided token's signature could not be verified"));
    }
    for claim in ["sub", "aud", "exp", "iat"] {
        if !token.claims.contains_key(claim) {
            return Err(invalid(format!("Missing a required claim: {claim}")));
        }
    }
    let now = epoch(world.clock.now());
    let expires = token.number("exp").unwrap_or(0);
    if now >= expires {
        return Err(AwsError::new(
            400,
            "ExpiredTokenException",
            format!(
                "Token expired: current date/time {now} must be before the expiration date/time {expires}"
            ),
        ));
    }
    if token.number("nbf").is_some_and(|start| start > now + 300)
        || token.number("iat").is_some_and(|start| start > now + 300)
    {
        return Err(invalid("The token is not valid yet"));
    }
    if provider.rejects {
        return Err(AwsError::new(
            403,
            "IDPRejectedClaim",
            "The identity provider (IdP) reported that authentication failed. This might be because the claim is invalid.",
        ));
    }
    let audiences = token.list("aud");
    let known = audiences
        .iter()
        .chain(token.text("azp").map(str::to_owned).as_ref())
        .any(|audience| provider.audiences.contains(audience));
    if !known {
        return Err(invalid("Incorrect token audience"));
    }
    Ok(())
}

/// The condition keys of the token: `issuer:sub` and so on.
fn claims(token: &Unverified, provider: &Provider) -> Context {
    let mut context = Context::new();
    let key = |claim: &str| format!("{}:{claim}", provider.name);
    for claim in ["sub", "email", "azp"] {
        context.set_some(&key(claim), token.text(claim));
    }
    // With `azp`, the key `aud` holds that, and `oaud` holds the audience.
    let audience = token.list("aud").into_iter().next();
    match token.text("azp") {
        Some(party) => {
            context.set(&key("aud"), party);
            context.set_some(&key("oaud"), audience);
        }
        None => context.set_some(&key("aud"), audience),
    }
    let methods = token.list("amr");
    if !methods.is_empty() {
        context.set_all(&key("amr"), methods);
    }
    context
}
