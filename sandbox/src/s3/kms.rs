//! Owns what S3 asks of KMS on the caller's behalf.
//!
//! Sources: S3 User Guide, "Using server-side encryption with AWS KMS keys
//! (SSE-KMS)" (permissions, cross-account use, multipart uploads); S3 API
//! Reference, "PutObject", "ServerSideEncryptionByDefault" (forms of a key's id); KMS
//! Developer Guide, "Key policies in AWS KMS", "Allowing users in other
//! accounts to use a KMS key".

use crate::identity::Arn;
use crate::policy::Authority;
use crate::server::AwsError;
use crate::store::Encryption;
use crate::world::read;

use super::cx::Cx;
use super::refusal;

/// Checks that the caller may encrypt with this key, or with `aws/s3`, and
/// gives the key's ARN.
pub(crate) fn for_write(cx: &Cx, key: Option<&str>) -> Result<String, AwsError> {
    let arn = resolve(cx, key)?;
    allow(cx, "kms:GenerateDataKey", &arn)?;
    // "The requester must have permission to the kms:GenerateDataKey and
    // kms:Decrypt actions" for each step of a multipart upload.
    if cx.operation != "PutObject" && cx.operation != "CopyObject" {
        allow(cx, "kms:Decrypt", &arn)?;
    }
    Ok(arn)
}

/// Checks a further step of a multipart upload.
pub(crate) fn for_part(cx: &Cx, encryption: &Encryption) -> Result<(), AwsError> {
    if let Some(arn) = encryption.key() {
        allow(cx, "kms:GenerateDataKey", arn)?;
        allow(cx, "kms:Decrypt", arn)?;
    }
    Ok(())
}

/// Checks that the caller may decrypt an object.
pub(crate) fn for_read(cx: &Cx, encryption: &Encryption) -> Result<(), AwsError> {
    if let Some(arn) = encryption.key() {
        allow(cx, "kms:Decrypt", arn)?;
    }
    Ok(())
}

fn managed(cx: &Cx) -> String {
    format!(
        "arn:{}:kms:{}:{}:alias/aws/s3",
        cx.config.partition, cx.config.region, cx.config.owner
    )
}

/// A bare id or alias means a key of the caller's own account, even where the
/// bucket is another's: "If you use a KMS key alias instead, then KMS resolves
/// the key within the requester's account"; only a key's ARN reaches across
/// accounts ("you must use the full Key ARN").
fn resolve(cx: &Cx, key: Option<&str>) -> Result<String, AwsError> {
    let Some(key) = key.filter(|key| *key != "alias/aws/s3") else {
        return Ok(managed(cx));
    };
    let own = |resource: &str| {
        format!(
            "arn:{}:kms:{}:{}:{resource}",
            cx.caller.partition, cx.config.region, cx.caller.account
        )
    };
    let arn = if key.starts_with("arn:") {
        key.to_owned()
    } else if key.starts_with("alias/") {
        own(key)
    } else {
        own(&format!("key/{key}"))
    };
    let parsed = Arn::parse(&arn).filter(|arn| {
        arn.service == "kms"
            && (arn.resource.starts_with("key/") || arn.resource.starts_with("alias/"))
    });
    let Some(parsed) = parsed else {
        return Err(refusal::invalid_argument(
            "x-amz-server-side-encryption-aws-kms-key-id",
            key,
            "Invalid KMS keyId",
        ));
    };
    // "The KMS key must be in the same Region as the bucket."
    if parsed.region != cx.config.region {
        return Err(not_found(format!("Invalid arn {}", parsed.region)));
    }
    if parsed.resource.starts_with("alias/") && arn != managed(cx) {
        return behind_alias(cx, &arn, &parsed);
    }
    Ok(arn)
}

fn behind_alias(cx: &Cx, arn: &str, parsed: &Arn) -> Result<String, AwsError> {
    if parsed.account != cx.caller.account {
        return Err(refusal::access_denied());
    }
    read(&cx.world.aliases)
        .get(arn)
        .cloned()
        .ok_or_else(|| not_found(format!("Alias {arn} is not found.")))
}

fn not_found(message: String) -> AwsError {
    AwsError::new(400, "KMS.NotFoundException", message)
}

fn allow(cx: &Cx, action: &str, arn: &str) -> Result<(), AwsError> {
    if arn == managed(cx) {
        // The key policy of an AWS managed key lets in its own account only,
        // and nobody can change it.
        if cx.caller.account == cx.config.owner {
            return Ok(());
        }
        return Err(refusal::access_denied());
    }
    let Some(key) = read(&cx.world.keys).get(arn).cloned() else {
        let own = Arn::parse(arn).is_some_and(|arn| arn.account == cx.caller.account);
        if own {
            return Err(not_found(format!("Key '{arn}' does not exist")));
        }
        // Whether another account's key exists is not told.
        return Err(refusal::access_denied());
    };
    let mut context = cx.context.clone();
    context.set(
        "kms:ViaService",
        format!("s3.{}.amazonaws.com", cx.config.region),
    );
    context.set("kms:CallerAccount", cx.caller.account.as_str());
    let decision = cx.caller.may(
        action,
        arn,
        &key.account,
        Some(&key.policy),
        &context,
        Authority::ResourceMustAllow,
    );
    if decision.is_allow() && key.region == cx.config.region {
        return Ok(());
    }
    // KMS names the key and the reason even across accounts.
    Err(refusal::denied_by_kms(&cx.caller, action, arn, decision))
}
