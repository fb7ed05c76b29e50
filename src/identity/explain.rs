//! What to say when an identity cannot be had: who asked, for what, what STS
//! answered, and what to change in whose account.

use super::Caller;
use super::hop::Hop;
use super::token::Claims;
use crate::aws::{AwsError, Cause};
use crate::error::Refusal;
use crate::types::{ExternalId, policy_principal};

/// What a hop was asked with.
pub(super) enum From<'a> {
    /// The credentials of this identity.
    Caller(Option<&'a Caller>),
    /// A token of this name and with these claims.
    Token(&'static str, &'a Claims),
}

impl From<'_> {
    fn name(&self) -> String {
        match self {
            Self::Caller(Some(caller)) => caller.to_string(),
            Self::Caller(None) => "the job's own, which STS does not name".to_owned(),
            Self::Token(name, claims) => format!("{name}: {claims}"),
        }
    }

    const fn action(&self) -> &'static str {
        match self {
            Self::Caller(_) => "sts:AssumeRole",
            Self::Token(..) => "sts:AssumeRoleWithWebIdentity",
        }
    }
}

impl std::fmt::Display for Claims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sub, iss, aud) = (&self.sub, &self.iss, self.audience());
        write!(f, "subject {sub:?}, issuer {iss:?}, audience {aud:?}")
    }
}

/// The principal's own credentials are no good.
pub(super) fn bad_principal(error: &AwsError, place: &str) -> Refusal {
    if let Some(refusal) = &error.identity {
        return Refusal::clone(refusal);
    }
    if error.cause != Cause::Answered {
        return unreachable(
            "STS cannot be reached".to_owned(),
            "sts:GetCallerIdentity",
            error,
        );
    }
    Refusal::new(format!(
        "STS does not accept the job's own AWS credentials ({place})"
    ))
    .fact("action", "sts:GetCallerIdentity")
    .fact("STS said", error.to_string())
    .hint(credentials_hint(&error.code))
}

fn credentials_hint(code: &str) -> String {
    match code {
        "InvalidClientTokenId" | "InvalidAccessKeyId" | "UnrecognizedClientException" => {
            "AWS_ACCESS_KEY_ID is not known to AWS: it was deleted or deactivated, is mistyped, or \
             needs the AWS_SESSION_TOKEN that belongs to it"
        }
        "SignatureDoesNotMatch" => {
            "AWS_SECRET_ACCESS_KEY does not belong to this access key: look for a lost character, a \
             quote or a line break in it; a clock that is more than 5 minutes off does the same"
        }
        "ExpiredToken" | "ExpiredTokenException" => {
            "these temporary credentials are past their end: get new ones in this job, right before \
             docferry runs"
        }
        "RequestExpired" | "RequestTimeTooSkewed" => {
            "the clock of the machine that runs the job is off: set it"
        }
        _ => "check the credentials that the job has with the person who set up the runner",
    }
    .to_owned()
}

fn unreachable(what: String, action: &'static str, error: &AwsError) -> Refusal {
    let mut reason = error.to_string();
    let hint = if reason.contains("UnknownIssuer") {
        "the certificate is of a CA that is not trusted here: give its file in AWS_CA_BUNDLE"
    } else if reason.to_ascii_lowercase().contains("proxy") || reason.contains("tunnel") {
        reason.push_str(" (through HTTPS_PROXY)");
        "the proxy in HTTPS_PROXY refused: let it connect to STS and S3, or name them in NO_PROXY"
    } else {
        "docferry uses the regional endpoint of AWS_REGION; set AWS_ENDPOINT_URL_STS for a VPC \
         endpoint, HTTPS_PROXY for a proxy"
    };
    Refusal::new(what)
        .fact("action", action)
        .fact("reason", reason)
        .hint(hint)
}

/// A token that is past its end, which is seen before STS is asked.
pub(super) fn token_ended(hop: &Hop, from: &From<'_>) -> Refusal {
    Refusal::new(format!("{}: the OIDC token is past its end", hop.title()))
        .fact("identity", from.name())
        .fact("resource", hop.settings.role.to_string())
        .hint("a GitLab token lasts as long as the job's timeout, and cannot be renewed: run docferry earlier in the job, or raise DOCFERRY_SESSION_DURATION so that one session is enough")
}

/// A hop was refused. AWS says "not authorized" alike for a role that does not
/// exist, a trust policy that does not name us, an external id that differs,
/// and a caller without the permission; so the answer lists them.
pub(super) fn hop(error: &AwsError, hop: &Hop, from: &From<'_>) -> Refusal {
    let title = hop.title();
    if error.cause != Cause::Answered {
        let what = format!("{title}: STS cannot be reached");
        return unreachable(what, from.action(), error);
    }
    let role = &hop.settings.role;
    let refusal = Refusal::new(format!(
        "{title}: STS refused to let the job assume the role"
    ))
    .fact("identity", from.name())
    .fact("action", from.action())
    .fact("resource", format!("{role} (account {})", role.account()))
    .fact("STS said", error.to_string());
    // Only servers that are not AWS's tell that a role is not there.
    let denied = error.is(&["AccessDenied", "AccessDeniedException", "NoSuchEntity"]);
    match from {
        _ if error.is(&["ValidationError"]) => validation(refusal, error, hop),
        _ if error.is(&["PackedPolicyTooLarge", "MalformedPolicyDocument"]) => refusal.hint(
            "shorten DOCFERRY_SESSION_POLICY and DOCFERRY_SESSION_TAGS, or correct the document",
        ),
        _ if error.is(&["RegionDisabledException"]) => refusal.hint(format!(
            "STS is not activated for this region in account {}: activate it there, or set \
             AWS_REGION to another region",
            role.account()
        )),
        From::Token(_, claims) => web_identity(refusal, error, hop, claims),
        From::Caller(caller) if denied => who_must_allow_what(refusal, error, hop, *caller),
        From::Caller(_) => refusal.hint(credentials_hint(&error.code)),
    }
}

fn validation(refusal: Refusal, error: &AwsError, hop: &Hop) -> Refusal {
    let role = &hop.settings.role;
    if error.message.contains("chaining") {
        return refusal.hint("lower DOCFERRY_SESSION_DURATION to 1h: a session that is assumed from another one lasts no longer");
    }
    if error.message.contains("DurationSeconds") {
        return refusal.hint(format!(
            "lower DOCFERRY_SESSION_DURATION, or raise the maximum session duration of role {} in \
             account {}",
            role.name(),
            role.account()
        ));
    }
    refusal.hint("check DOCFERRY_ROLE_ARN, DOCFERRY_SESSION_NAME and DOCFERRY_EXTERNAL_ID")
}

fn who_must_allow_what(
    refusal: Refusal,
    error: &AwsError,
    hop: &Hop,
    caller: Option<&Caller>,
) -> Refusal {
    let role = &hop.settings.role;
    let principal = caller.map_or("<the job's identity>".to_owned(), |caller| {
        policy_principal(&caller.arn)
    });
    let actions = match asked_beside(error) {
        Some((action, variable)) => {
            let refusal = refusal.hint(format!(
                "{variable} is set, and so the policies must allow {action}, too; or leave it out"
            ));
            return both_sides(refusal, hop, caller, &principal, action, "");
        }
        None => "sts:AssumeRole",
    };
    let condition = match hop.settings.external_id {
        Some(_) => {
            r#", "Condition": {"StringEquals": {"sts:ExternalId": "<the value of DOCFERRY_EXTERNAL_ID>"}}"#
        }
        None => "",
    };
    let refusal = both_sides(refusal, hop, caller, &principal, actions, condition);
    let refusal = refusal.hint(external_id_hint(hop.settings.external_id.as_ref()));
    match hop.extras.policy {
        Some(_) if error.message.contains("session policy") => refusal.hint(format!(
            "DOCFERRY_SESSION_POLICY must allow it for {role}, too"
        )),
        Some(_) | None => refusal,
    }
}

/// What a hop needs beside `sts:AssumeRole`, if that is what was refused, and
/// the variable that asks for it.
fn asked_beside(error: &AwsError) -> Option<(&'static str, &'static str)> {
    [
        ("sts:TagSession", "DOCFERRY_SESSION_TAGS"),
        ("sts:SetSourceIdentity", "DOCFERRY_SOURCE_IDENTITY"),
    ]
    .into_iter()
    .find(|(action, _)| error.message.contains(action))
}

fn both_sides(
    refusal: Refusal,
    hop: &Hop,
    caller: Option<&Caller>,
    principal: &str,
    action: &str,
    condition: &str,
) -> Refusal {
    let role = &hop.settings.role;
    let (role_account, role_name) = (role.account(), role.name());
    let refusal = refusal.hint(format!(
        "in account {role_account}, role {role_name} must exist and its trust policy must allow\n\
         {{\"Effect\": \"Allow\", \"Principal\": {{\"AWS\": \"{principal}\"}}, \"Action\": \
         \"{action}\"{condition}}}"
    ));
    match caller {
        Some(caller) if caller.account == *role_account => refusal,
        Some(_) | None => {
            let account = caller.map_or("of the job".to_owned(), |c| c.account.to_string());
            refusal.hint(format!(
                "in account {account}, a policy of {principal} must allow\n\
                 {{\"Effect\": \"Allow\", \"Action\": \"{action}\", \"Resource\": \"{role}\"}}"
            ))
        }
    }
}

fn external_id_hint(external_id: Option<&ExternalId>) -> &'static str {
    match external_id {
        None => {
            "if the trust policy asks for sts:ExternalId, set DOCFERRY_EXTERNAL_ID, which is not \
             set now"
        }
        Some(_) => {
            "DOCFERRY_EXTERNAL_ID is set: it must equal the trust policy's sts:ExternalId letter by \
             letter"
        }
    }
}

/// A token was refused: either the identity provider does not take it, or the
/// role's trust policy does not.
fn web_identity(refusal: Refusal, error: &AwsError, hop: &Hop, claims: &Claims) -> Refusal {
    let role = &hop.settings.role;
    let (account, partition) = (role.account(), role.partition());
    let issuer = claims.iss.trim_start_matches("https://");
    let provider = format!("arn:{partition}:iam::{account}:oidc-provider/{issuer}");
    match error.code.as_str() {
        "ExpiredTokenException" => refusal.hint(
            "the token is past its end: GitHub's lasts minutes and GitLab's as long as the job's \
             timeout; a clock that is off does the same",
        ),
        "InvalidIdentityToken" | "IDPRejectedClaim" | "IDPCommunicationError" => {
            refusal.hint(format!(
                "in account {account}, the identity provider {provider} must exist and list the \
                 audience {:?} (DOCFERRY_OIDC_AUDIENCE asks GitHub for another one)",
                claims.audience()
            ))
        }
        _ => refusal
            .hint(format!(
                "in account {account}, the trust policy of role {} must allow\n\
                 {{\"Effect\": \"Allow\", \"Principal\": {{\"Federated\": \"{provider}\"}}, \
                 \"Action\": \"sts:AssumeRoleWithWebIdentity\", \"Condition\": {{\"StringEquals\": \
                 {{\"{issuer}:aud\": \"{}\", \"{issuer}:sub\": \"{}\"}}}}}}",
                role.name(),
                claims.audience(),
                claims.sub
            ))
            .hint("compare the subject letter by letter: it differs for branches, tags, environments and pull requests"),
    }
}
