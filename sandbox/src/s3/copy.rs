//! Owns `CopyObject`.
//!
//! Sources: S3 API Reference, "CopyObject"; S3 User Guide, "Copying, moving,
//! and renaming objects" (permissions, tags).

use std::sync::Arc;

use md5::{Digest as _, Md5};
use s3s::S3Response;
use s3s::dto::{CopyObjectInput, CopyObjectOutput, CopyObjectResult, ETag};

use crate::policy::Context;
use crate::server::AwsError;
use crate::store::{Algorithm, Bucket, BucketConfig, Checksum, ChecksumType, Object, Properties};
use crate::text;
use crate::world::{lock, read};

use super::acl;
use super::conditional::{Conditions, precondition_failed};
use super::cx::Cx;
use super::front::check_owner;
use super::get::{check_thawed, find_in};
use super::kms;
use super::multipart::hash;
use super::payer;
use super::properties;
use super::put::{etag, version_id, written_headers};
use super::refusal::{self, invalid_argument, invalid_request};
use super::service::Done;

const MOST: u64 = 5 * 1024 * 1024 * 1024;

/// The object to copy from, found and allowed.
struct Source {
    bucket: Arc<Bucket>,
    config: BucketConfig,
    object: Arc<Object>,
}

pub(crate) fn copy_object(cx: &Cx, _: CopyObjectInput) -> Done<CopyObjectOutput> {
    let key = cx.key()?;
    let replaces = replaces(cx, "x-amz-metadata-directive")?;
    let replaces_tags = replaces_tags(cx)?;
    let source = source(cx)?;
    properties::allow_write(cx, key)?;
    check_source(cx, &source)?;
    let new = properties::from_headers(cx)?;
    let copies_tags = !replaces_tags && !source.object.properties.tags.is_empty();
    if copies_tags {
        allow_tags(cx, &source, key)?;
    }
    let changes = replaces
        || replaces_tags
        || cx.header("x-amz-storage-class").is_some()
        || cx.header("x-amz-website-redirect-location").is_some()
        || cx.header("x-amz-server-side-encryption").is_some();
    if source.bucket.name == cx.bucket.name && source.object.key == key && !changes {
        return Err(invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
        ));
    }
    let conditions = Conditions::of(cx, key)?;
    let object = Arc::new(copied(cx, key, &source.object, new, replaces, copies_tags)?);
    {
        let mut state = lock(&cx.bucket.state);
        conditions.check(&state, key)?;
        state.put(Arc::clone(&object), cx.config.versioned);
    }
    let mut headers = http::HeaderMap::new();
    written_headers(&mut headers, &object);
    if payer::pays(&cx.caller, &source.config) {
        payer::tell(&mut headers);
    }
    let value = |algorithm: Algorithm| {
        (object.checksum.algorithm == algorithm).then(|| object.checksum.value.clone())
    };
    let output = CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            checksum_crc32: value(Algorithm::Crc32),
            checksum_crc32c: value(Algorithm::Crc32c),
            checksum_crc64nvme: value(Algorithm::Crc64Nvme),
            checksum_sha1: value(Algorithm::Sha1),
            checksum_sha256: value(Algorithm::Sha256),
            checksum_type: Some(s3s::dto::ChecksumType::from_static("FULL_OBJECT")),
            e_tag: Some(ETag::Strong(object.etag.clone())),
            last_modified: Some(object.last_modified.into()),
        }),
        ..CopyObjectOutput::default()
    };
    Ok(S3Response::with_headers(output, headers))
}

fn replaces(cx: &Cx, name: &str) -> Result<bool, AwsError> {
    match cx.header(name) {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => Err(invalid_argument(name, other, "Unknown metadata directive.")),
    }
}

/// Tags are replaced only if the directive says so; without it, a tagging
/// header is refused.
fn replaces_tags(cx: &Cx) -> Result<bool, AwsError> {
    let replaces = replaces(cx, "x-amz-tagging-directive")?;
    if !replaces && cx.header("x-amz-tagging").is_some() {
        return Err(invalid_argument(
            "x-amz-tagging-directive",
            "COPY",
            "The tagging header is only valid with the tagging directive REPLACE.",
        ));
    }
    Ok(replaces)
}

fn source(cx: &Cx) -> Result<Source, AwsError> {
    let header = cx.header("x-amz-copy-source").unwrap_or_default();
    let refused = || {
        invalid_argument(
            "x-amz-copy-source",
            header,
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
        )
    };
    let (path, version) = match header.split_once("?versionId=") {
        Some((path, version)) => (path, Some(version)),
        None => (header, None),
    };
    let path = String::from_utf8(text::percent_decode(path)).map_err(|_| refused())?;
    let path = path.strip_prefix('/').unwrap_or(&path);
    let (name, key) = path.split_once('/').ok_or_else(refused)?;
    if name.is_empty() || key.is_empty() {
        return Err(refused());
    }
    let bucket = cx
        .world
        .bucket(name)
        .ok_or_else(|| refusal::no_such_bucket(name))?;
    let config = read(&bucket.config).clone();
    check_owner(&cx.headers, "x-amz-source-expected-bucket-owner", &config)?;
    payer::check(&cx.headers, &cx.caller, &config)?;
    let action = match version {
        Some(_) => "s3:GetObjectVersion",
        None => "s3:GetObject",
    };
    let context = source_context(cx, &config);
    let object = find_in(cx, &bucket, &config, key, version, action, &context)?;
    kms::for_read(cx, &object.properties.encryption)?;
    check_thawed(&object)?;
    Ok(Source {
        bucket,
        config,
        object,
    })
}

/// The request's keys, as seen from the source's bucket.
fn source_context(cx: &Cx, config: &BucketConfig) -> Context {
    let mut context = cx.context.clone();
    context.set("s3:ResourceAccount", config.owner.as_str());
    context.set("aws:ResourceAccount", config.owner.as_str());
    context
}

fn check_source(cx: &Cx, source: &Source) -> Result<(), AwsError> {
    let etag = |name: &str| {
        cx.header(name)
            .map(|etag| etag.trim_matches('"').to_owned())
    };
    if etag("x-amz-copy-source-if-match").is_some_and(|etag| etag != source.object.etag) {
        return Err(precondition_failed("x-amz-copy-source-If-Match"));
    }
    if etag("x-amz-copy-source-if-none-match").is_some_and(|etag| etag == source.object.etag) {
        return Err(precondition_failed("x-amz-copy-source-If-None-Match"));
    }
    if source.object.size > MOST {
        return Err(invalid_request(
            "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120",
        ));
    }
    Ok(())
}

/// Copying tags along is reading them there and writing them here.
fn allow_tags(cx: &Cx, source: &Source, key: &str) -> Result<(), AwsError> {
    let arn = format!(
        "{}/{}",
        source.bucket.arn(&source.config.partition),
        source.object.key
    );
    let mut context = source_context(cx, &source.config);
    for (name, value) in &source.object.properties.tags {
        context.set(&format!("s3:ExistingObjectTag/{name}"), value.as_str());
    }
    cx.allow_in(&source.config, "s3:GetObjectTagging", &arn, &context)?;
    let mut context = cx.context.clone();
    for (name, value) in &source.object.properties.tags {
        context.set(&format!("s3:RequestObjectTag/{name}"), value.as_str());
    }
    cx.allow("s3:PutObjectTagging", &cx.object_arn(key), &context)
}

fn copied(
    cx: &Cx,
    key: &str,
    source: &Object,
    new: Properties,
    replaces: bool,
    copies_tags: bool,
) -> Result<Object, AwsError> {
    let mut properties = new;
    if !replaces {
        let old = source.properties.clone();
        properties = Properties {
            content_type: old.content_type,
            cache_control: old.cache_control,
            content_disposition: old.content_disposition,
            content_encoding: old.content_encoding,
            content_language: old.content_language,
            expires: old.expires,
            metadata: old.metadata,
            ..properties
        };
    }
    if copies_tags {
        properties.tags.clone_from(&source.properties.tags);
    }
    // The copy is one piece, whatever the source was; its checksum is new.
    let algorithm = match cx.header("x-amz-checksum-algorithm") {
        Some(name) => Algorithm::find(name)
            .ok_or_else(|| invalid_request("Checksum algorithm provided is unsupported."))?,
        None => source.checksum.algorithm,
    };
    let mut md5 = Md5::new();
    let mut at = 0;
    while at < source.size {
        let piece = source
            .blob
            .read(at, 1 << 20)
            .map_err(|_| refusal::internal())?;
        at += piece.len() as u64;
        md5.update(&piece);
    }
    Ok(Object {
        key: key.to_owned(),
        version_id: version_id(cx),
        etag: etag(&md5.finalize().into(), &properties.encryption),
        size: source.size,
        last_modified: cx.now,
        checksum: Checksum {
            algorithm,
            value: text::base64(&hash(&source.blob, algorithm)?),
            kind: ChecksumType::FullObject,
        },
        owner: acl::owner(cx, properties.acl.as_deref()),
        properties,
        uploader: cx.caller.arn.clone(),
        parts: Vec::new(),
        blob: source.blob.clone(),
    })
}
