//! Owns S3's wording of refusals that come before any operation.
//!
//! Source: S3 API Reference, "Error responses"; S3 User Guide, "Troubleshoot
//! access denied (403 Forbidden) errors in Amazon S3".

use crate::identity::Caller;
use crate::policy::{Decision, Side};
use crate::server::AwsError;
use crate::sigv4::AuthError;
use crate::text;

pub(crate) fn access_denied() -> AwsError {
    AwsError::new(403, "AccessDenied", "Access Denied")
}

/// The detailed text inside one account, the bare one across accounts.
pub(crate) fn denied(
    caller: &Caller,
    action: &str,
    resource: &str,
    resource_account: &str,
    decision: Decision,
) -> AwsError {
    if caller.account != resource_account {
        return access_denied();
    }
    detailed(caller, action, &format!("\"{resource}\""), decision)
}

/// KMS's refusal, as S3 passes it on: with details in any case.
pub(crate) fn denied_by_kms(
    caller: &Caller,
    action: &str,
    key: &str,
    decision: Decision,
) -> AwsError {
    detailed(caller, action, key, decision)
}

fn detailed(caller: &Caller, action: &str, resource: &str, decision: Decision) -> AwsError {
    let side = |side: Side| match side {
        Side::Identity => "identity-based",
        Side::Session => "session",
        Side::Resource => "resource-based",
    };
    let because = match decision {
        Decision::ExplicitDeny(Side::Identity) => {
            "with an explicit deny in an identity-based policy".to_owned()
        }
        Decision::ExplicitDeny(which) => {
            format!("with an explicit deny in a {} policy", side(which))
        }
        Decision::ImplicitDeny(which) => {
            format!(
                "because no {} policy allows the {action} action",
                side(which)
            )
        }
        Decision::Allow => return access_denied(),
    };
    AwsError::new(
        403,
        "AccessDenied",
        format!(
            "User: {} is not authorized to perform: {action} on resource: {resource} {because}",
            caller.arn
        ),
    )
}

pub(crate) fn auth(error: AuthError, region: &str) -> AwsError {
    let malformed = |reason: &str| {
        AwsError::new(
            400,
            "AuthorizationHeaderMalformed",
            format!("The authorization header is malformed; {reason}"),
        )
    };
    match error {
        AuthError::Missing => access_denied(),
        AuthError::UnsupportedMechanism => AwsError::new(
            400,
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        ),
        AuthError::Malformed(reason) => malformed(&reason),
        AuthError::MissingDate => AwsError::new(
            403,
            "AccessDenied",
            "AWS authentication requires a valid Date or x-amz-date header",
        ),
        AuthError::UnknownKey(id) => AwsError::new(
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        )
        .with("AWSAccessKeyId", id),
        AuthError::WrongToken => AwsError::new(
            400,
            "InvalidToken",
            "The provided token is malformed or otherwise invalid.",
        ),
        AuthError::Expired => expired_token(),
        AuthError::Skewed { request, now } => AwsError::new(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        )
        .with("RequestTime", text::basic_date(request))
        .with("ServerTime", text::iso_date(now))
        .with("MaxAllowedSkewMilliseconds", "900000"),
        AuthError::WrongRegion { given } => malformed(&format!(
            "the region '{given}' is wrong; expecting '{region}'"
        ))
        .with("Region", region),
        AuthError::WrongService { given } => malformed(&format!(
            "incorrect service \"{given}\". This endpoint belongs to \"s3\"."
        )),
        AuthError::WrongDate => {
            malformed("Invalid credential date. This date is not the same as X-Amz-Date.")
        }
        AuthError::HeadersNotSigned(names) => AwsError::new(
            403,
            "AccessDenied",
            "There were headers present in the request which were not signed",
        )
        .with("HeadersNotSigned", names.join(", ")),
        AuthError::Mismatch {
            access_key_id,
            string_to_sign,
            signature,
            canonical_request,
        } => AwsError::new(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        )
        .with("AWSAccessKeyId", access_key_id)
        .with("StringToSign", string_to_sign)
        .with("SignatureProvided", signature)
        .with("CanonicalRequest", canonical_request),
    }
}

pub(crate) fn expired_token() -> AwsError {
    AwsError::new(400, "ExpiredToken", "The provided token has expired.")
}

pub(crate) fn slow_down() -> AwsError {
    AwsError::new(503, "SlowDown", "Please reduce your request rate.")
}

pub(crate) fn internal() -> AwsError {
    AwsError::new(
        500,
        "InternalError",
        "We encountered an internal error. Please try again.",
    )
}

pub(crate) fn invalid_argument(name: &str, value: &str, message: &str) -> AwsError {
    AwsError::new(400, "InvalidArgument", message)
        .with("ArgumentName", name)
        .with("ArgumentValue", value)
}

pub(crate) fn invalid_request(message: impl Into<String>) -> AwsError {
    AwsError::new(400, "InvalidRequest", message)
}

pub(crate) fn no_such_bucket(name: &str) -> AwsError {
    AwsError::new(404, "NoSuchBucket", "The specified bucket does not exist")
        .with("BucketName", name)
}

pub(crate) fn no_such_key(key: &str) -> AwsError {
    AwsError::new(404, "NoSuchKey", "The specified key does not exist.").with("Key", key)
}

pub(crate) fn no_such_upload(id: &str) -> AwsError {
    AwsError::new(
        404,
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    )
    .with("UploadId", id)
}

/// The bucket lives in another region than the endpoint that was asked.
pub(crate) fn wrong_region(bucket: &str, region: &str) -> AwsError {
    AwsError::new(
        301,
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.",
    )
    .with("Endpoint", format!("{bucket}.s3.{region}.amazonaws.com"))
    .with("Bucket", bucket)
    .header("x-amz-bucket-region", region)
}

pub(crate) fn not_implemented() -> AwsError {
    AwsError::new(
        501,
        "NotImplemented",
        "A header you provided implies functionality that is not implemented.",
    )
}
