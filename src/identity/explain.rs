//! What to say when an identity cannot be had: who asked, for what, what STS
//! answered, and what to change in whose account.

use super::Caller;
use crate::aws::{AwsError, Cause};
use crate::error::Refusal;
use crate::settings::IdentitySettings;
use crate::types::{ExternalId, RoleArn};

pub(super) fn no_principal(story: &str) -> Refusal {
    Refusal::new("the job has no AWS identity")
        .fact(
            "looked at",
            "variables, profile, web identity file, container, instance metadata",
        )
        .fact("found", story)
        .hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, in this job")
        .hint(
            "on a runner with an instance role, raise the metadata's hop limit to 2 for containers",
        )
}

/// The principal's own credentials are no good.
pub(super) fn bad_principal(error: &AwsError) -> Refusal {
    let refusal = Refusal::new("STS does not accept the job's own AWS credentials")
        .fact("action", "sts:GetCallerIdentity")
        .fact("STS said", error.to_string());
    match error.cause {
        Cause::Answered => refusal.hint(credentials_hint(&error.code)),
        Cause::Unreachable | Cause::TimedOut | Cause::Unsent => unreachable(error),
    }
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
        _ => "check the credentials that the job has with the person who set up the runner",
    }
    .to_owned()
}

fn unreachable(error: &AwsError) -> Refusal {
    Refusal::new("STS cannot be reached")
        .fact("action", "sts:GetCallerIdentity")
        .fact("reason", error.to_string())
        .hint("docferry uses the regional endpoint of AWS_REGION; set AWS_ENDPOINT_URL_STS for a VPC endpoint, HTTPS_PROXY for a proxy")
}

/// `AssumeRole` was refused. AWS says "not authorized" alike for a role that
/// does not exist, a trust policy that does not name us, an external id that
/// differs, and a caller without the permission; so the answer lists them.
pub(super) fn assume_role(
    error: &AwsError,
    role: &RoleArn,
    caller: Option<&Caller>,
    settings: &IdentitySettings,
) -> Refusal {
    if error.cause != Cause::Answered {
        return Refusal {
            what: "hop 1 of 1: STS cannot be reached".to_owned(),
            ..unreachable(error)
        };
    }
    let refusal = Refusal::new("hop 1 of 1: STS refused to let the job assume the role")
        .fact(
            "identity",
            caller.map_or("unknown".to_owned(), ToString::to_string),
        )
        .fact("action", "sts:AssumeRole")
        .fact("resource", format!("{role} (account {})", role.account()))
        .fact("STS said", error.to_string());
    if error.is(&["AccessDenied", "AccessDeniedException"]) {
        return who_must_allow_what(refusal, role, caller, settings);
    }
    if error.is(&["ValidationError"]) && error.message.contains("DurationSeconds") {
        return refusal.hint(format!(
            "lower DOCFERRY_SESSION_DURATION, or raise the maximum session duration of role {} in \
             account {}",
            role.name(),
            role.account()
        ));
    }
    if error.is(&["ValidationError"]) {
        return refusal
            .hint("check DOCFERRY_ROLE_ARN, DOCFERRY_SESSION_NAME and DOCFERRY_EXTERNAL_ID");
    }
    if error.is(&["RegionDisabledException"]) {
        return refusal.hint(format!(
            "STS is not activated for this region in account {}: activate it there, or set \
             AWS_REGION to another region",
            role.account()
        ));
    }
    refusal.hint(credentials_hint(&error.code))
}

fn who_must_allow_what(
    refusal: Refusal,
    role: &RoleArn,
    caller: Option<&Caller>,
    settings: &IdentitySettings,
) -> Refusal {
    let principal = caller.map_or("<the job's identity>".to_owned(), |caller| {
        policy_principal(&caller.arn)
    });
    let condition = match settings.external_id {
        Some(_) => {
            r#", "Condition": {"StringEquals": {"sts:ExternalId": "<the value of DOCFERRY_EXTERNAL_ID>"}}"#
        }
        None => "",
    };
    let (role_account, role_name) = (role.account(), role.name());
    let refusal = refusal.hint(format!(
        "in account {role_account}, role {role_name} must exist and its trust policy must allow\n\
         {{\"Effect\": \"Allow\", \"Principal\": {{\"AWS\": \"{principal}\"}}, \"Action\": \
         \"sts:AssumeRole\"{condition}}}"
    ));
    let refusal = match caller {
        Some(caller) if caller.account == *role_account => refusal,
        Some(_) | None => {
            let account = caller.map_or("of the job".to_owned(), |c| c.account.to_string());
            refusal.hint(format!(
                "in account {account}, a policy of {principal} must allow\n\
                 {{\"Effect\": \"Allow\", \"Action\": \"sts:AssumeRole\", \"Resource\": \"{role}\"}}"
            ))
        }
    };
    refusal.hint(external_id_hint(settings.external_id.as_ref()))
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

/// A policy names a role, not the session that a job has of it.
fn policy_principal(arn: &str) -> String {
    let Some((head, resource)) = arn.split_once(":assumed-role/") else {
        return arn.to_owned();
    };
    let name = resource.split('/').next().unwrap_or(resource);
    format!("{}:role/{name}", head.replacen(":sts:", ":iam:", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sessions_policy_principal_is_its_role() {
        assert_eq!(
            policy_principal("arn:aws:sts::111111111111:assumed-role/runner/i-0abc"),
            "arn:aws:iam::111111111111:role/runner"
        );
        let user = "arn:aws:iam::111111111111:user/ci";
        assert_eq!(policy_principal(user), user);
    }
}
