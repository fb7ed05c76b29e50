//! Owns what a client says about an object: reading it, refusing what S3
//! refuses, the permissions that it needs, and writing it back.
//!
//! Sources: S3 API Reference, "PutObject"; S3 User Guide, "Working with object
//! metadata", "(Optional) Configuring a webpage redirect".

use std::collections::BTreeMap;

use http::HeaderMap;

use crate::server::AwsError;
use crate::store::{Object, Properties};
use crate::text;

use super::acl::{acl, grants};
use super::answer::set;
use super::cx::Cx;
use super::object_lock;
use super::refusal::invalid_argument;
use super::sse::{encryption, encryption_headers};
use super::tagging::tags;

const CLASSES: &[&str] = &[
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "GLACIER_IR",
];

/// Refuses unless the caller may write this object with these headers.
pub(crate) fn allow_write(cx: &Cx, key: &str) -> Result<(), AwsError> {
    cx.allow_on_object("s3:PutObject", key)?;
    if cx.header("x-amz-acl").is_some() || grants(cx).next().is_some() {
        cx.allow_on_object("s3:PutObjectAcl", key)?;
    }
    if cx.header("x-amz-tagging").is_some() {
        cx.allow_on_object("s3:PutObjectTagging", key)?;
    }
    if cx.header("x-amz-object-lock-mode").is_some()
        || cx.header("x-amz-object-lock-retain-until-date").is_some()
    {
        cx.allow_on_object("s3:PutObjectRetention", key)?;
    }
    if cx.header("x-amz-object-lock-legal-hold").is_some() {
        cx.allow_on_object("s3:PutObjectLegalHold", key)?;
    }
    Ok(())
}

/// Reads the headers of `PutObject` and `CreateMultipartUpload`.
pub(crate) fn from_headers(cx: &Cx) -> Result<Properties, AwsError> {
    check_text(&cx.headers)?;
    let own = |name: &str| cx.header(name).map(str::to_owned);
    if let Some(class) = cx.header("x-amz-storage-class")
        && !CLASSES.contains(&class)
    {
        return Err(AwsError::new(
            400,
            "InvalidStorageClass",
            "The storage class you specified is not valid",
        )
        .with("StorageClassRequested", class));
    }
    let locks = object_lock::locks(cx)?;
    let (encryption, bucket_key) = encryption(cx)?;
    Ok(Properties {
        content_type: own("content-type").filter(|text| !text.is_empty()),
        cache_control: own("cache-control"),
        content_disposition: own("content-disposition"),
        content_encoding: content_encoding(&cx.headers),
        content_language: own("content-language"),
        expires: own("expires"),
        website_redirect_location: redirect(cx)?,
        storage_class: own("x-amz-storage-class").filter(|class| class != "STANDARD"),
        metadata: metadata(&cx.headers)?,
        tags: match cx.header("x-amz-tagging") {
            Some(header) => tags(header)?,
            None => BTreeMap::new(),
        },
        acl: acl(cx)?,
        encryption,
        bucket_key,
        lock_mode: locks.mode,
        retain_until: locks.until,
        legal_hold: locks.hold,
    })
}

/// What is not plain text would read as if it were not there at all.
fn check_text(headers: &HeaderMap) -> Result<(), AwsError> {
    for (name, value) in headers {
        let name = name.as_str();
        let ours = !name.starts_with("x-amz-meta-")
            && (name.starts_with("x-amz-") || name.starts_with("content-"))
            || matches!(name, "cache-control" | "expires");
        if ours && value.to_str().is_err() {
            return Err(invalid_argument(
                name,
                &String::from_utf8_lossy(value.as_bytes()),
                "Header value cannot be represented using ISO-8859-1.",
            ));
        }
    }
    Ok(())
}

/// "The value must be prefixed by /, http:// or https://. The length of the
/// value is limited to 2 KB."
fn redirect(cx: &Cx) -> Result<Option<String>, AwsError> {
    const MOST: usize = 2048;
    let Some(location) = cx.header("x-amz-website-redirect-location") else {
        return Ok(None);
    };
    let refused = |message| Err(AwsError::new(400, "InvalidRedirectLocation", message));
    if !["/", "http://", "https://"]
        .iter()
        .any(|prefix| location.starts_with(prefix))
    {
        return refused(
            "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
        );
    }
    if location.len() > MOST {
        return refused("The length of website redirect location cannot exceed 2,048 characters.");
    }
    Ok(Some(location.to_owned()))
}

/// All `Content-Encoding` headers as one, without the framing's own name.
fn content_encoding(headers: &HeaderMap) -> Option<String> {
    let names: Vec<&str> = headers
        .get_all("content-encoding")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    (!names.is_empty()).then(|| names.join(","))
}

fn metadata(headers: &HeaderMap) -> Result<BTreeMap<String, String>, AwsError> {
    const MOST: usize = 2048;
    let mut metadata: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        if let Some(name) = name.as_str().strip_prefix("x-amz-meta-") {
            let value = String::from_utf8_lossy(value.as_bytes());
            metadata
                .entry(name.to_owned())
                .and_modify(|have| {
                    have.push(',');
                    have.push_str(&value);
                })
                .or_insert_with(|| value.into_owned());
        }
    }
    let size: usize = metadata
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if size > MOST {
        return Err(AwsError::new(
            400,
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
        )
        .with("Size", size.to_string())
        .with("MaxSizeAllowed", MOST.to_string()));
    }
    Ok(metadata)
}

/// The headers of `GetObject` and `HeadObject`.
pub(crate) fn object_headers(object: &Object, checksums: bool) -> HeaderMap {
    let properties = &object.properties;
    let mut headers = HeaderMap::new();
    set(&mut headers, "etag", &format!("\"{}\"", object.etag));
    set(
        &mut headers,
        "last-modified",
        &text::http_date(object.last_modified.into()),
    );
    set(&mut headers, "accept-ranges", "bytes");
    set(&mut headers, "content-type", object.content_type());
    for (name, value) in [
        ("cache-control", &properties.cache_control),
        ("content-disposition", &properties.content_disposition),
        ("content-encoding", &properties.content_encoding),
        ("content-language", &properties.content_language),
        ("expires", &properties.expires),
        (
            "x-amz-website-redirect-location",
            &properties.website_redirect_location,
        ),
        ("x-amz-storage-class", &properties.storage_class),
        ("x-amz-object-lock-mode", &properties.lock_mode),
        (
            "x-amz-object-lock-retain-until-date",
            &properties.retain_until,
        ),
        ("x-amz-object-lock-legal-hold", &properties.legal_hold),
        ("x-amz-version-id", &object.version_id),
    ] {
        if let Some(value) = value {
            set(&mut headers, name, value);
        }
    }
    for (name, value) in &properties.metadata {
        set(&mut headers, &format!("x-amz-meta-{name}"), value);
    }
    if !properties.tags.is_empty() {
        set(
            &mut headers,
            "x-amz-tagging-count",
            &properties.tags.len().to_string(),
        );
    }
    encryption_headers(&mut headers, properties);
    if checksums {
        checksum_headers(&mut headers, object);
    }
    headers
}

pub(crate) fn checksum_headers(headers: &mut HeaderMap, object: &Object) {
    let checksum = &object.checksum;
    set(headers, checksum.algorithm.header(), &checksum.value);
    set(headers, "x-amz-checksum-type", kind_name(checksum.kind));
}

pub(crate) fn kind_name(kind: crate::store::ChecksumType) -> &'static str {
    match kind {
        crate::store::ChecksumType::FullObject => "FULL_OBJECT",
        crate::store::ChecksumType::Composite => "COMPOSITE",
    }
}
