//! Owns what a URL names: bucket, key byte for byte, and the operation.

use http::{HeaderMap, Method};

use crate::endpoint::Named;
use crate::server::AwsError;
use crate::text::percent_decode;

/// What a request is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    /// The path as a path-style request would have it, still encoded.
    pub(crate) path: String,
}

impl Target {
    /// Reads host and path; the bucket may be in either.
    pub(crate) fn parse(host: &str, path: &str) -> Result<Self, AwsError> {
        let path = match bucket_of_host(host)? {
            Some(bucket) => format!("/{bucket}{path}"),
            None => path.to_owned(),
        };
        let rest = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let decode = |text: &str| {
            String::from_utf8(percent_decode(text))
                .map_err(|_| AwsError::new(400, "InvalidURI", "Couldn't parse the specified URI."))
        };
        let bucket = decode(bucket)?;
        let key = decode(key)?;
        if key.len() > 1024 {
            return Err(
                AwsError::new(400, "KeyTooLongError", "Your key is too long")
                    .with("Size", key.len().to_string())
                    .with("MaxSizeAllowed", "1024"),
            );
        }
        Ok(Self {
            bucket: (!bucket.is_empty()).then_some(bucket),
            key: (!key.is_empty()).then_some(key),
            path,
        })
    }
}

/// The bucket of a virtual-hosted-style name: `docs.localhost`,
/// `docs.s3.localhost`, `docs.s3.eu-central-1.amazonaws.com`.
fn bucket_of_host(host: &str) -> Result<Option<String>, AwsError> {
    match Named::parse(host) {
        Named::Endpoint(endpoint) => return Ok(endpoint.bucket),
        Named::Nowhere => {
            return Err(AwsError::new(
                421,
                "UnknownEndpoint",
                format!("S3 and STS have no endpoint of this name: {host}"),
            ));
        }
        Named::Other => {}
    }
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|b| b.is_ascii_digit()) {
            name
        } else {
            host
        }
    });
    let Some(labels) = name.strip_suffix(".localhost") else {
        return Ok(None);
    };
    let bucket: Vec<&str> = labels
        .split('.')
        .take_while(|label| !matches!(*label, "s3" | "sts") && !label.starts_with("s3-"))
        .collect();
    Ok((!bucket.is_empty()).then(|| bucket.join(".")))
}

/// The operation that S3 would route to; the names are the API's.
pub(crate) fn operation(
    method: &Method,
    target: &Target,
    query: &[(String, String)],
    headers: &HeaderMap,
) -> &'static str {
    let has = |name: &str| query.iter().any(|(have, _)| have == name);
    let copies = headers.contains_key("x-amz-copy-source");
    let object = target.key.is_some();
    match (method.as_str(), target.bucket.is_some(), object) {
        ("GET", false, _) => "ListBuckets",
        ("HEAD", true, false) => "HeadBucket",
        ("HEAD", true, true) => "HeadObject",
        ("GET", true, false) if has("uploads") => "ListMultipartUploads",
        ("GET", true, false) if has("location") => "GetBucketLocation",
        ("GET", true, false) if has("versions") => "ListObjectVersions",
        ("GET", true, false) if has("list-type") => "ListObjectsV2",
        ("GET", true, false) if query.iter().any(|(name, _)| is_subresource(name)) => {
            "GetBucketOther"
        }
        ("GET", true, false) => "ListObjects",
        ("GET", true, true) if has("uploadId") => "ListParts",
        ("GET", true, true) if has("tagging") => "GetObjectTagging",
        ("GET", true, true) if has("attributes") => "GetObjectAttributes",
        ("GET", true, true) if has("acl") => "GetObjectAcl",
        ("GET", true, true) => "GetObject",
        ("POST", true, false) if has("delete") => "DeleteObjects",
        ("POST", true, true) if has("uploads") => "CreateMultipartUpload",
        ("POST", true, true) if has("uploadId") => "CompleteMultipartUpload",
        ("PUT", true, true) if has("partNumber") && copies => "UploadPartCopy",
        ("PUT", true, true) if has("partNumber") => "UploadPart",
        ("PUT", true, true) if has("tagging") => "PutObjectTagging",
        ("PUT", true, true) if has("acl") => "PutObjectAcl",
        ("PUT", true, true) if copies => "CopyObject",
        ("PUT", true, true) => "PutObject",
        ("PUT", true, false) if query.is_empty() => "CreateBucket",
        ("DELETE", true, true) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", true, true) if has("tagging") => "DeleteObjectTagging",
        ("DELETE", true, true) => "DeleteObject",
        ("DELETE", true, false) => "DeleteBucket",
        _ => "Unknown",
    }
}

fn is_subresource(name: &str) -> bool {
    matches!(
        name,
        "acl"
            | "policy"
            | "policyStatus"
            | "encryption"
            | "versioning"
            | "lifecycle"
            | "cors"
            | "website"
            | "tagging"
            | "ownershipControls"
            | "publicAccessBlock"
            | "object-lock"
            | "logging"
            | "notification"
            | "replication"
            | "accelerate"
            | "requestPayment"
    )
}
