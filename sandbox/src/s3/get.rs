//! Owns reading: `GetObject`, `HeadObject`, tags, attributes, and the two
//! small operations on buckets.

use std::sync::Arc;

use s3s::S3Response;
use s3s::dto::{
    BucketLocationConstraint, Checksum as ChecksumDto, GetBucketLocationInput,
    GetBucketLocationOutput, GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectInput,
    GetObjectOutput, GetObjectTaggingInput, GetObjectTaggingOutput, HeadBucketInput,
    HeadBucketOutput, HeadObjectInput, HeadObjectOutput, StorageClass, StreamingBlob, Tag,
};

use crate::policy::Context;
use crate::server::{AwsError, BlobBody};
use crate::store::{Algorithm, Bucket, BucketConfig, Object};
use crate::world::lock;

use super::answer::set;
use super::conditional::precondition_failed;
use super::cx::Cx;
use super::kms;
use super::properties::object_headers;
use super::refusal;
use super::service::Done;

/// The part of an object that is asked for.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: u64,
    length: u64,
    partial: bool,
    parts: Option<usize>,
}

pub(crate) fn get_object(cx: &Cx, _: GetObjectInput) -> Done<GetObjectOutput> {
    let (object, span, mut headers) = read(cx)?;
    check_thawed(&object)?;
    set(&mut headers, "content-length", &span.length.to_string());
    let body = BlobBody::new(object.blob.clone(), span.from, span.length);
    let output = GetObjectOutput {
        body: Some(StreamingBlob::from(s3s::Body::http_body(body))),
        content_range: span.partial.then(|| content_range(&object, span)),
        ..GetObjectOutput::default()
    };
    Ok(S3Response::with_headers(output, headers))
}

/// What is archived must be restored before it can be read; until then the
/// answer is InvalidObjectState (S3 API Reference, "GetObject").
pub(crate) fn check_thawed(object: &Object) -> Result<(), AwsError> {
    match object.properties.storage_class.as_deref() {
        Some(class @ ("GLACIER" | "DEEP_ARCHIVE")) => Err(AwsError::new(
            403,
            "InvalidObjectState",
            "The operation is not valid for the object's storage class",
        )
        .with("StorageClass", class)),
        _ => Ok(()),
    }
}

pub(crate) fn head_object(cx: &Cx, _: HeadObjectInput) -> Done<HeadObjectOutput> {
    let (object, span, headers) = read(cx)?;
    let output = HeadObjectOutput {
        content_length: i64::try_from(span.length).ok(),
        content_range: span.partial.then(|| content_range(&object, span)),
        ..HeadObjectOutput::default()
    };
    let mut response = S3Response::with_headers(output, headers);
    if span.partial {
        response.status = Some(http::StatusCode::PARTIAL_CONTENT);
    }
    Ok(response)
}

fn content_range(object: &Object, span: Span) -> String {
    format!(
        "bytes {}-{}/{}",
        span.from,
        span.from + span.length - 1,
        object.size
    )
}

fn read(cx: &Cx) -> Result<(Arc<Object>, Span, http::HeaderMap), AwsError> {
    let object = find(cx, "s3:GetObject")?;
    kms::for_read(cx, &object.properties.encryption)?;
    check_conditions(cx, &object)?;
    let span = span(cx, &object)?;
    let checksums = cx
        .header("x-amz-checksum-mode")
        .is_some_and(|mode| mode.eq_ignore_ascii_case("ENABLED"));
    let mut headers = object_headers(&object, checksums && !span.partial);
    if let Some(parts) = span.parts {
        set(&mut headers, "x-amz-mp-parts-count", &parts.to_string());
    }
    Ok((object, span, headers))
}

/// The object that the request names, if the caller may do this to it.
fn find(cx: &Cx, action: &str) -> Result<Arc<Object>, AwsError> {
    let key = cx.key()?;
    let versioned_action;
    let action = match cx.query("versionId") {
        Some(_) => {
            versioned_action = action.replace("Object", "ObjectVersion");
            &versioned_action
        }
        None => action,
    };
    find_in(
        cx,
        &cx.bucket,
        &cx.config,
        key,
        cx.query("versionId"),
        action,
        &cx.context,
    )
}

/// The same for any bucket; a copy's source is found by this, too.
pub(crate) fn find_in(
    cx: &Cx,
    bucket: &Bucket,
    config: &BucketConfig,
    key: &str,
    version: Option<&str>,
    action: &str,
    context: &Context,
) -> Result<Arc<Object>, AwsError> {
    let bucket_arn = bucket.arn(&config.partition);
    let arn = format!("{bucket_arn}/{key}");
    let found = {
        let state = lock(&bucket.state);
        let entry = match version {
            None => state.objects.get(key).and_then(|versions| versions.last()),
            Some(version) => state.objects.get(key).and_then(|versions| {
                versions
                    .iter()
                    .find(|entry| entry.version_id().unwrap_or("null") == version)
            }),
        };
        entry.cloned()
    };
    let object = found.as_ref().and_then(|entry| entry.object()).cloned();
    let mut context = context.clone();
    if let Some(object) = &object {
        for (name, value) in &object.properties.tags {
            context.set(&format!("s3:ExistingObjectTag/{name}"), value.as_str());
        }
    }
    match &object {
        // The bucket's policy does not speak for objects of another account
        // (S3 User Guide, "How Amazon S3 authorizes a request for an object
        // operation").
        Some(object) if object.owner != config.owner => {
            let shared = matches!(
                object.properties.acl.as_deref(),
                Some("bucket-owner-read" | "bucket-owner-full-control")
            );
            let reader =
                cx.caller.account == object.owner || (shared && cx.caller.account == config.owner);
            if !reader {
                return Err(refusal::access_denied());
            }
            let own = BucketConfig {
                owner: cx.caller.account.clone(),
                policy: config.policy.clone(),
                ..config.clone()
            };
            cx.allow_in(&own, action, &arn, &context)?;
        }
        Some(_) | None => cx.allow_in(config, action, &arn, &context)?,
    }
    object.ok_or_else(|| {
        // "If you don't have the s3:ListBucket permission, Amazon S3 returns
        // an HTTP status code 403" (S3 API Reference, "GetObject").
        if let Err(refused) = cx.allow_in(config, "s3:ListBucket", &bucket_arn, &context) {
            return refused;
        }
        let missing = match version {
            Some(version) => AwsError::new(
                404,
                "NoSuchVersion",
                "The specified version does not exist.",
            )
            .with("Key", key)
            .with("VersionId", version),
            None => refusal::no_such_key(key),
        };
        match found {
            Some(marker) => missing
                .header("x-amz-delete-marker", "true")
                .header("x-amz-version-id", marker.version_id().unwrap_or("null")),
            None => missing,
        }
    })
}

fn check_conditions(cx: &Cx, object: &Object) -> Result<(), AwsError> {
    let fits = |list: &str| {
        list.split(',').any(|one| {
            let one = one.trim();
            one == "*" || one.trim_start_matches("W/").trim_matches('"') == object.etag
        })
    };
    if cx.header("if-match").is_some_and(|list| !fits(list)) {
        return Err(precondition_failed("If-Match"));
    }
    if cx.header("if-none-match").is_some_and(fits) {
        return Err(AwsError::new(304, "NotModified", "Not Modified")
            .header("etag", format!("\"{}\"", object.etag)));
    }
    Ok(())
}

/// One range, as S3 serves it; several, or one that makes no sense, are as none.
fn span(cx: &Cx, object: &Object) -> Result<Span, AwsError> {
    let whole = Span {
        from: 0,
        length: object.size,
        partial: false,
        parts: None,
    };
    if let Some(number) = cx.query("partNumber") {
        return part_span(number, object);
    }
    let Some(text) = cx.header("range") else {
        return Ok(whole);
    };
    let bounds = text
        .strip_prefix("bytes=")
        .and_then(|bounds| bounds.split_once('-'));
    let Some((first, last)) = bounds else {
        return Ok(whole);
    };
    let (first, last): (Option<u64>, Option<u64>) = (first.parse().ok(), last.parse().ok());
    let (from, to) = match (first, last) {
        (Some(first), Some(last)) if first > last => return Ok(whole),
        (Some(first), Some(last)) => (first, last.min(object.size.saturating_sub(1))),
        (Some(first), None) if text.ends_with('-') => (first, object.size.saturating_sub(1)),
        (None, Some(0)) => (object.size, 0),
        (None, Some(last)) => (
            object.size.saturating_sub(last),
            object.size.saturating_sub(1),
        ),
        _ => return Ok(whole),
    };
    if from >= object.size {
        return Err(AwsError::new(
            416,
            "InvalidRange",
            "The requested range is not satisfiable",
        )
        .with("RangeRequested", text)
        .with("ActualObjectSize", object.size.to_string())
        .header("content-range", format!("bytes */{}", object.size)));
    }
    Ok(Span {
        from,
        length: to - from + 1,
        partial: true,
        parts: None,
    })
}

fn part_span(number: &str, object: &Object) -> Result<Span, AwsError> {
    let refused = || {
        AwsError::new(
            416,
            "InvalidPartNumber",
            "The requested partnumber is not satisfiable",
        )
    };
    let number: usize = number.parse().map_err(|_| refused())?;
    if object.parts.is_empty() && number == 1 {
        return Ok(Span {
            from: 0,
            length: object.size,
            partial: object.size > 0,
            parts: None,
        });
    }
    let part = number
        .checked_sub(1)
        .and_then(|index| object.parts.get(index))
        .ok_or_else(refused)?;
    Ok(Span {
        from: object.parts[..number - 1]
            .iter()
            .map(|part| part.size)
            .sum(),
        length: part.size,
        partial: true,
        parts: Some(object.parts.len()),
    })
}

pub(crate) fn get_object_tagging(
    cx: &Cx,
    _: GetObjectTaggingInput,
) -> Done<GetObjectTaggingOutput> {
    let object = find(cx, "s3:GetObjectTagging")?;
    Ok(S3Response::new(GetObjectTaggingOutput {
        tag_set: object
            .properties
            .tags
            .iter()
            .map(|(name, value)| Tag {
                key: Some(name.clone()),
                value: Some(value.clone()),
            })
            .collect(),
        version_id: object.version_id.clone(),
    }))
}

pub(crate) fn get_object_attributes(
    cx: &Cx,
    _: GetObjectAttributesInput,
) -> Done<GetObjectAttributesOutput> {
    let object = find(cx, "s3:GetObject")?;
    cx.allow_on_object("s3:GetObjectAttributes", cx.key()?)?;
    kms::for_read(cx, &object.properties.encryption)?;
    let wants = |name: &str| {
        cx.headers
            .get_all("x-amz-object-attributes")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|attribute| attribute.trim() == name)
    };
    let value = |algorithm: Algorithm| {
        (object.checksum.algorithm == algorithm).then(|| object.checksum.value.clone())
    };
    Ok(S3Response::new(GetObjectAttributesOutput {
        e_tag: wants("ETag").then(|| s3s::dto::ETag::Strong(object.etag.clone())),
        object_size: wants("ObjectSize")
            .then(|| i64::try_from(object.size).ok())
            .flatten(),
        storage_class: wants("StorageClass").then(|| {
            StorageClass::from(
                object
                    .properties
                    .storage_class
                    .clone()
                    .unwrap_or_else(|| "STANDARD".to_owned()),
            )
        }),
        checksum: wants("Checksum").then(|| ChecksumDto {
            checksum_crc32: value(Algorithm::Crc32),
            checksum_crc32c: value(Algorithm::Crc32c),
            checksum_crc64nvme: value(Algorithm::Crc64Nvme),
            checksum_sha1: value(Algorithm::Sha1),
            checksum_sha256: value(Algorithm::Sha256),
            checksum_type: Some(s3s::dto::ChecksumType::from_static(
                super::properties::kind_name(object.checksum.kind),
            )),
        }),
        last_modified: Some(object.last_modified.into()),
        version_id: object.version_id.clone(),
        ..GetObjectAttributesOutput::default()
    }))
}

pub(crate) fn head_bucket(cx: &Cx, _: HeadBucketInput) -> Done<HeadBucketOutput> {
    cx.allow_on_bucket("s3:ListBucket")
        .map_err(|refused| refused.header("x-amz-bucket-region", cx.config.region.clone()))?;
    let mut headers = http::HeaderMap::new();
    set(&mut headers, "x-amz-bucket-region", &cx.config.region);
    set(&mut headers, "content-type", "application/xml");
    Ok(S3Response::with_headers(
        HeadBucketOutput::default(),
        headers,
    ))
}

pub(crate) fn get_bucket_location(
    cx: &Cx,
    _: GetBucketLocationInput,
) -> Done<GetBucketLocationOutput> {
    cx.allow_on_bucket("s3:GetBucketLocation")?;
    // "Buckets in Region us-east-1 have a LocationConstraint of null."
    let region = (cx.config.region != "us-east-1").then(|| cx.config.region.clone());
    Ok(S3Response::new(GetBucketLocationOutput {
        location_constraint: region.map(BucketLocationConstraint::from),
    }))
}
