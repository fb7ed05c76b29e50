//! Owns S3's condition keys.
//!
//! Source: Service Authorization Reference, "Actions, resources, and condition
//! keys for Amazon S3".

use http::HeaderMap;

use crate::policy::Context;
use crate::store::BucketConfig;
use crate::text;

/// Headers whose value is a condition key of the same name.
const FROM_HEADERS: &[&str] = &[
    "x-amz-acl",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-metadata-directive",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
    "if-match",
    "if-none-match",
];

/// Adds the keys that an S3 request has.
pub(crate) fn add_keys(
    context: &mut Context,
    operation: &str,
    headers: &HeaderMap,
    query: &[(String, String)],
    config: &BucketConfig,
    secure: bool,
) {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    for name in FROM_HEADERS {
        context.set_some(&format!("s3:{name}"), header(name));
    }
    // The default class is a value of the key, too.
    if matches!(
        operation,
        "PutObject" | "CreateMultipartUpload" | "CopyObject"
    ) && header("x-amz-storage-class").is_none()
    {
        context.set("s3:x-amz-storage-class", "STANDARD");
    }
    for (header_name, key) in [
        ("x-amz-object-lock-mode", "s3:object-lock-mode"),
        (
            "x-amz-object-lock-retain-until-date",
            "s3:object-lock-retain-until-date",
        ),
        ("x-amz-object-lock-legal-hold", "s3:object-lock-legal-hold"),
    ] {
        context.set_some(key, header(header_name));
    }
    if operation.starts_with("List") {
        for (name, value) in query {
            if matches!(name.as_str(), "prefix" | "delimiter" | "max-keys") {
                context.set(&format!("s3:{name}"), value.as_str());
            }
        }
    }
    for (name, value) in query {
        if name == "versionId" {
            context.set("s3:VersionId", value.as_str());
        }
    }
    if let Some(tagging) = header("x-amz-tagging") {
        let tags = text::form_pairs(tagging);
        context.set_all(
            "s3:RequestObjectTagKeys",
            tags.iter().map(|(name, _)| name.clone()).collect(),
        );
        for (name, value) in tags {
            context.set(&format!("s3:RequestObjectTag/{name}"), value);
        }
    }
    context.set("s3:authType", "REST-HEADER");
    context.set("s3:signatureversion", "AWS4-HMAC-SHA256");
    context.set("s3:ResourceAccount", config.owner.as_str());
    context.set("aws:ResourceAccount", config.owner.as_str());
    if secure {
        context.set("s3:TlsVersion", "1.3");
    }
}
