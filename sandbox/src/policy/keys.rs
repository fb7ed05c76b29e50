//! Owns the list of condition keys that the sandbox can answer.
//!
//! A policy that asks for a key outside this list is refused at set-up: a key
//! that is silently absent would make `Deny` statements pass.
//!
//! Sources: IAM User Guide, "AWS global condition context keys" and "IAM and
//! AWS STS condition context keys"; Service Authorization Reference, "Actions,
//! resources, and condition keys for Amazon S3" and "... for AWS STS".

const EXACT: &[&str] = &[
    "aws:currenttime",
    "aws:epochtime",
    "aws:federatedprovider",
    "aws:multifactorauthage",
    "aws:multifactorauthpresent",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principalorgid",
    "aws:principaltype",
    "aws:referer",
    "aws:requestedregion",
    "aws:resourceaccount",
    "aws:resourceorgid",
    "aws:securetransport",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceidentity",
    "aws:sourceip",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:tagkeys",
    "aws:tokenissuetime",
    "aws:useragent",
    "aws:userid",
    "aws:username",
    "aws:viaawsservice",
    "sts:durationseconds",
    "sts:externalid",
    "sts:rolesessionname",
    "sts:sourceidentity",
    "sts:transitivetagkeys",
    "kms:calleraccount",
    "kms:encryptioncontextkeys",
    "kms:viaservice",
    "s3:authtype",
    "s3:delimiter",
    "s3:if-match",
    "s3:if-none-match",
    "s3:max-keys",
    "s3:object-lock-legal-hold",
    "s3:object-lock-mode",
    "s3:object-lock-retain-until-date",
    "s3:objectcreationoperation",
    "s3:prefix",
    "s3:requestobjecttagkeys",
    "s3:resourceaccount",
    "s3:signatureage",
    "s3:signatureversion",
    "s3:tlsversion",
    "s3:versionid",
    "s3:x-amz-acl",
    "s3:x-amz-content-sha256",
    "s3:x-amz-copy-source",
    "s3:x-amz-grant-full-control",
    "s3:x-amz-grant-read",
    "s3:x-amz-grant-read-acp",
    "s3:x-amz-grant-write",
    "s3:x-amz-grant-write-acp",
    "s3:x-amz-metadata-directive",
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-server-side-encryption-customer-algorithm",
    "s3:x-amz-storage-class",
    "s3:x-amz-website-redirect-location",
];

const PREFIXES: &[&str] = &[
    "aws:principaltag/",
    "aws:requesttag/",
    "aws:resourcetag/",
    "iam:resourcetag/",
    "kms:encryptioncontext:",
    "s3:existingobjecttag/",
    "s3:requestobjecttag/",
];

/// Claims of a web identity token that AWS offers as condition keys
/// (IAM User Guide, "Available keys for AWS OIDC federation").
const OIDC_CLAIMS: &[&str] = &["amr", "aud", "azp", "email", "oaud", "sub"];

/// True if the sandbox knows this condition key.
pub(crate) fn is_known(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    EXACT.contains(&key.as_str())
        || PREFIXES
            .iter()
            .any(|prefix| key.len() > prefix.len() && key.starts_with(prefix))
        || is_oidc(&key)
}

/// `token.actions.githubusercontent.com:sub` and the like: an issuer is a
/// host, so that its name holds a dot; the keys of services do not.
fn is_oidc(key: &str) -> bool {
    key.rsplit_once(':').is_some_and(|(issuer, claim)| {
        OIDC_CLAIMS.contains(&claim) && (issuer.contains('.') || issuer.contains("localhost"))
    })
}
