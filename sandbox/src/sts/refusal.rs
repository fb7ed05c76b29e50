//! Owns STS's wording of refusals.

use crate::server::AwsError;
use crate::sigv4::AuthError;
use crate::text;

pub(crate) fn auth(error: AuthError) -> AwsError {
    let signature = |message: String| AwsError::new(403, "SignatureDoesNotMatch", message);
    match error {
        AuthError::Missing => AwsError::new(
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ),
        AuthError::UnsupportedMechanism | AuthError::Malformed(_) | AuthError::MissingDate => {
            AwsError::new(
                400,
                "IncompleteSignature",
                "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
            )
        }
        AuthError::UnknownKey(_) | AuthError::WrongToken => AwsError::new(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        AuthError::Expired => expired_token(),
        AuthError::Skewed { request, now } => {
            let (minutes, request_date, now_date) = (
                time::Duration::minutes(5),
                text::basic_date(request),
                text::basic_date(now),
            );
            signature(if request < now {
                format!(
                    "Signature expired: {request_date} is now earlier than {} ({now_date} - 5 min.)",
                    text::basic_date(now - minutes)
                )
            } else {
                format!(
                    "Signature not yet current: {request_date} is still later than {} ({now_date} + 5 min.)",
                    text::basic_date(now + minutes)
                )
            })
        }
        AuthError::WrongRegion { given } => signature(format!(
            "Credential should be scoped to a valid region, not '{given}'. "
        )),
        AuthError::WrongService { given } => signature(format!(
            "Credential should be scoped to correct service: 'sts', not '{given}'. "
        )),
        AuthError::WrongDate => signature(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP".to_owned(),
        ),
        AuthError::HeadersNotSigned(names) => signature(format!(
            "'{}' must be a 'SignedHeader' in the AWS Authorization.",
            names.first().map_or("Host", String::as_str)
        )),
        AuthError::Mismatch { .. } => signature(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.".to_owned(),
        ),
    }
}

pub(crate) fn expired_token() -> AwsError {
    AwsError::new(
        403,
        "ExpiredToken",
        "The security token included in the request is expired",
    )
}

pub(crate) fn denied(caller: &str, action: &str, role: &str) -> AwsError {
    AwsError::new(
        403,
        "AccessDenied",
        format!("User: {caller} is not authorized to perform: {action} on resource: {role}"),
    )
}

pub(crate) fn validation(message: impl Into<String>) -> AwsError {
    AwsError::new(400, "ValidationError", message)
}
