//! Owns what a client says about an object: reading it, refusing what S3
//! refuses, the permissions that it needs, and writing it back.
//!
//! Sources: S3 API Reference, "PutObject"; S3 User Guide, "Working with object
//! metadata", "Categorizing your objects using tags", "Controlling ownership
//! of objects and disabling ACLs for your bucket".

use std::collections::BTreeMap;

use http::HeaderMap;

use crate::server::AwsError;
use crate::store::{Encryption, Object, Ownership, Properties};
use crate::text;

use super::answer::set;
use super::cx::Cx;
use super::kms;
use super::refusal::{access_denied, invalid_argument, invalid_request, not_implemented};

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

const CANNED: &[&str] = &[
    "private",
    "public-read",
    "public-read-write",
    "aws-exec-read",
    "authenticated-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
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

fn grants(cx: &Cx) -> impl Iterator<Item = &str> {
    cx.headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| name.starts_with("x-amz-grant-"))
}

/// Reads the headers of `PutObject` and `CreateMultipartUpload`.
pub(crate) fn from_headers(cx: &Cx) -> Result<Properties, AwsError> {
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
    let lock = own("x-amz-object-lock-mode");
    let retain_until = own("x-amz-object-lock-retain-until-date");
    let legal_hold = own("x-amz-object-lock-legal-hold");
    if (lock.is_some() || retain_until.is_some() || legal_hold.is_some()) && !cx.config.object_lock
    {
        return Err(invalid_request(
            "Bucket is missing Object Lock Configuration",
        ));
    }
    if lock.is_some() != retain_until.is_some() {
        return Err(invalid_argument(
            "x-amz-object-lock-mode",
            lock.as_deref().unwrap_or_default(),
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
        ));
    }
    let (encryption, bucket_key) = encryption(cx)?;
    Ok(Properties {
        content_type: own("content-type").filter(|text| !text.is_empty()),
        cache_control: own("cache-control"),
        content_disposition: own("content-disposition"),
        content_encoding: content_encoding(&cx.headers),
        content_language: own("content-language"),
        expires: own("expires"),
        website_redirect_location: own("x-amz-website-redirect-location"),
        storage_class: own("x-amz-storage-class").filter(|class| class != "STANDARD"),
        metadata: metadata(&cx.headers)?,
        tags: match cx.header("x-amz-tagging") {
            Some(header) => tags(header)?,
            None => BTreeMap::new(),
        },
        acl: acl(cx)?,
        encryption,
        bucket_key,
        lock_mode: lock,
        retain_until,
        legal_hold,
    })
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

fn tags(header: &str) -> Result<BTreeMap<String, String>, AwsError> {
    let pairs = text::form_pairs(header);
    if pairs.len() > 10 {
        return Err(AwsError::new(
            400,
            "BadRequest",
            "Object tags cannot be greater than 10",
        ));
    }
    let sound = |text: &str| {
        text.chars()
            .all(|c| c.is_alphanumeric() || c.is_whitespace() || "+-=._:/@".contains(c))
    };
    let mut tags = BTreeMap::new();
    for (name, value) in pairs {
        if name.is_empty() || name.chars().count() > 128 || !sound(&name) {
            return Err(AwsError::new(
                400,
                "InvalidTag",
                "The TagKey you have provided is invalid",
            )
            .with("TagKey", name));
        }
        if value.chars().count() > 256 || !sound(&value) {
            return Err(AwsError::new(
                400,
                "InvalidTag",
                "The TagValue you have provided is invalid",
            )
            .with("TagKey", name)
            .with("TagValue", value));
        }
        if tags.insert(name, value).is_some() {
            return Err(invalid_argument(
                "x-amz-tagging",
                header,
                "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
            ));
        }
    }
    Ok(tags)
}

fn acl(cx: &Cx) -> Result<Option<String>, AwsError> {
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

fn encryption(cx: &Cx) -> Result<(Encryption, bool), AwsError> {
    const KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
    if cx.headers.keys().any(|name| {
        name.as_str()
            .starts_with("x-amz-server-side-encryption-customer")
    }) {
        return Err(not_implemented());
    }
    let key = cx.header(KEY);
    let bucket_key = cx.header("x-amz-server-side-encryption-bucket-key-enabled") == Some("true");
    let wanted = match cx.header("x-amz-server-side-encryption") {
        None | Some("AES256") if key.is_some() => {
            return Err(invalid_argument(
                KEY,
                key.unwrap_or_default(),
                "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
            ));
        }
        None => cx.config.encryption.clone(),
        Some("AES256") => Encryption::Aes256,
        Some("aws:kms") => Encryption::Kms(key.map(str::to_owned)),
        Some("aws:kms:dsse") => return Err(not_implemented()),
        Some(_) => {
            return Err(AwsError::new(
                400,
                "InvalidEncryptionAlgorithmError",
                "The Encryption request you specified is not valid. Supported value: AES256.",
            ));
        }
    };
    let encryption = match wanted {
        Encryption::Aes256 => Encryption::Aes256,
        Encryption::Kms(key) => Encryption::Kms(Some(kms::for_write(cx, key.as_deref())?)),
    };
    let bucket_key = bucket_key && encryption != Encryption::Aes256;
    Ok((encryption, bucket_key))
}

/// The headers that tell how an object is encrypted.
pub(crate) fn encryption_headers(headers: &mut HeaderMap, properties: &Properties) {
    match &properties.encryption {
        Encryption::Aes256 => set(headers, "x-amz-server-side-encryption", "AES256"),
        Encryption::Kms(key) => {
            set(headers, "x-amz-server-side-encryption", "aws:kms");
            if let Some(key) = key {
                set(headers, "x-amz-server-side-encryption-aws-kms-key-id", key);
            }
            if properties.bucket_key {
                set(
                    headers,
                    "x-amz-server-side-encryption-bucket-key-enabled",
                    "true",
                );
            }
        }
    }
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
