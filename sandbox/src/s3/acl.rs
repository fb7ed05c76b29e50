//! Owns access control lists: what the bucket's setting takes of them, and who
//! owns the object in the end.
//!
//! Sources: S3 User Guide, "Controlling ownership of objects and disabling ACLs
//! for your bucket", "Access control list (ACL) overview".

use crate::server::AwsError;
use crate::store::Ownership;

use super::cx::Cx;
use super::refusal::{access_denied, invalid_argument, invalid_request, not_implemented};

const CANNED: &[&str] = &[
    "private",
    "public-read",
    "public-read-write",
    "aws-exec-read",
    "authenticated-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
];

pub(super) fn grants(cx: &Cx) -> impl Iterator<Item = &str> {
    cx.headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| name.starts_with("x-amz-grant-"))
}

/// The canned ACL that the object keeps.
pub(super) fn acl(cx: &Cx) -> Result<Option<String>, AwsError> {
    let canned = cx.header("x-amz-acl");
    let granted = grants(cx).next().is_some();
    if let Some(canned) = canned
        && !CANNED.contains(&canned)
    {
        return Err(invalid_argument("x-amz-acl", canned, ""));
    }
    if canned.is_some() && granted {
        return Err(invalid_request(
            "Specifying both Canned ACLs and Header Grants is not allowed",
        ));
    }
    // "The bucket only accepts PUT requests that don't specify an ACL or
    // specify bucket owner full control ACLs (such as the predefined
    // bucket-owner-full-control canned ACL or a custom ACL in XML format that
    // grants the same permissions)": grants in headers are neither.
    if cx.config.ownership == Ownership::BucketOwnerEnforced {
        if granted || canned.is_some_and(|acl| acl != "bucket-owner-full-control") {
            return Err(AwsError::new(
                400,
                "AccessControlListNotSupported",
                "The bucket does not allow ACLs",
            ));
        }
        return Ok(None);
    }
    if granted {
        // The sandbox models canned ACLs only.
        return Err(not_implemented());
    }
    if let Some("public-read" | "public-read-write" | "authenticated-read") = canned {
        // Block Public Access is on by default and refuses such ACLs.
        return Err(access_denied());
    }
    Ok(canned.map(str::to_owned))
}

/// The account that is to own an object of this caller.
pub(crate) fn owner(cx: &Cx, acl: Option<&str>) -> String {
    match cx.config.ownership {
        Ownership::BucketOwnerEnforced => cx.config.owner.clone(),
        Ownership::BucketOwnerPreferred if acl == Some("bucket-owner-full-control") => {
            cx.config.owner.clone()
        }
        Ownership::BucketOwnerPreferred | Ownership::ObjectWriter => cx.caller.account.clone(),
    }
}
