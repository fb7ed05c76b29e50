//! Owns open multipart uploads: create, parts, lists, abort.
//!
//! Sources: S3 User Guide, "Uploading and copying objects using multipart
//! upload in Amazon S3" (permissions, limits, checksums); S3 API Reference,
//! "CreateMultipartUpload", "UploadPart".

use std::collections::BTreeMap;

use http::HeaderMap;
use s3s::S3Response;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm,
    ChecksumType as ChecksumTypeDto, CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag,
    Initiator, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput,
    ListPartsOutput, MultipartUpload, Owner, Part as PartDto, StorageClass, UploadPartInput,
    UploadPartOutput,
};

use crate::server::AwsError;
use crate::store::{Algorithm, Blob, ChecksumType, Part, Upload};
use crate::text;
use crate::world::lock;

use super::acl;
use super::answer::set;
use super::cx::Cx;
use super::kms;
use super::object_lock;
use super::properties::{self, kind_name};
use super::put::{etag, receive};
use super::refusal::{self, invalid_request};
use super::service::Done;
use super::sse::encryption_headers;

pub(crate) fn create(cx: &Cx, _: CreateMultipartUploadInput) -> Done<CreateMultipartUploadOutput> {
    let key = cx.key()?;
    properties::allow_write(cx, key)?;
    let properties = properties::from_headers(cx)?;
    let checksum = checksum(cx)?;
    let mut headers = HeaderMap::new();
    encryption_headers(&mut headers, &properties);
    let id = text::random_text(
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-",
        64,
    );
    let upload = Upload {
        id: id.clone(),
        key: key.to_owned(),
        initiator: cx.caller.arn.clone(),
        initiated: cx.now,
        owner: acl::owner(cx, properties.acl.as_deref()),
        properties,
        checksum,
        parts: BTreeMap::new(),
    };
    lock(&cx.bucket.state).uploads.insert(id.clone(), upload);
    let output = CreateMultipartUploadOutput {
        bucket: Some(cx.bucket.name.clone()),
        key: Some(key.to_owned()),
        upload_id: Some(id),
        checksum_algorithm: checksum
            .map(|(algorithm, _)| ChecksumAlgorithm::from_static(algorithm.name())),
        checksum_type: checksum.map(|(_, kind)| ChecksumTypeDto::from_static(kind_name(kind))),
        ..CreateMultipartUploadOutput::default()
    };
    Ok(S3Response::with_headers(output, headers))
}

/// The checksum that the upload is to have.
fn checksum(cx: &Cx) -> Result<Option<(Algorithm, ChecksumType)>, AwsError> {
    let kind = match cx.header("x-amz-checksum-type") {
        None => None,
        Some("COMPOSITE") => Some(ChecksumType::Composite),
        Some("FULL_OBJECT") => Some(ChecksumType::FullObject),
        Some(_) => {
            return Err(invalid_request(
                "Value for x-amz-checksum-type header is invalid.",
            ));
        }
    };
    let Some(name) = cx.header("x-amz-checksum-algorithm") else {
        return match kind {
            None => Ok(None),
            Some(_) => Err(invalid_request(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            )),
        };
    };
    let algorithm = Algorithm::find(name).ok_or_else(|| {
        invalid_request("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
    })?;
    let (default, other) = match algorithm {
        Algorithm::Crc64Nvme => (ChecksumType::FullObject, false),
        Algorithm::Crc32 | Algorithm::Crc32c => (ChecksumType::Composite, true),
        Algorithm::Sha1 | Algorithm::Sha256 => (ChecksumType::Composite, false),
    };
    match kind {
        Some(kind) if kind != default && !other => Err(invalid_request(format!(
            "The {} checksum type cannot be used with the {} checksum algorithm.",
            kind_name(kind),
            algorithm.name().to_ascii_lowercase()
        ))),
        Some(kind) => Ok(Some((algorithm, kind))),
        None => Ok(Some((algorithm, default))),
    }
}

/// The open upload that a request names.
pub(crate) fn upload(cx: &Cx, id: &str) -> Result<Upload, AwsError> {
    let key = cx.key()?;
    lock(&cx.bucket.state)
        .uploads
        .get(id)
        .filter(|upload| upload.key == key)
        .cloned()
        .ok_or_else(|| refusal::no_such_upload(id))
}

pub(crate) async fn upload_part(cx: &Cx, input: UploadPartInput) -> Done<UploadPartOutput> {
    let key = cx.key()?;
    cx.allow_on_object("s3:PutObject", key)?;
    let number = u32::try_from(input.part_number)
        .ok()
        .filter(|number| (1..=10_000).contains(number))
        .ok_or_else(|| {
            refusal::invalid_argument(
                "partNumber",
                &input.part_number.to_string(),
                "Part number must be an integer between 1 and 10000, inclusive",
            )
        })?;
    let upload = upload(cx, &input.upload_id)?;
    object_lock::check_integrity(cx, &upload.properties, "Put Part")?;
    kms::for_part(cx, &upload.properties.encryption)?;
    let blob = receive(cx, input.body).await?;
    let received = cx.received()?;
    let sent = received.declared;
    let wanted = upload.checksum.map(|(algorithm, _)| algorithm);
    check_algorithm(&upload, sent)?;
    let mut sums = received.sums.clone();
    if let Some(wanted) = wanted
        && received.sum(wanted).is_none()
    {
        sums.push((wanted, hash(&blob, wanted)?));
    }
    let part = Part {
        number,
        size: received.length,
        etag: etag(&received.md5, &upload.properties.encryption),
        checksum: sent
            .and_then(|algorithm| received.sum(algorithm))
            .map(text::base64),
        last_modified: cx.now,
        md5: received.md5,
        sums,
        blob,
    };
    let mut headers = HeaderMap::new();
    set(&mut headers, "etag", &format!("\"{}\"", part.etag));
    encryption_headers(&mut headers, &upload.properties);
    if let (Some(algorithm), Some(value)) = (sent, &part.checksum) {
        set(&mut headers, algorithm.header(), value);
    }
    // The upload may have been aborted while the part came in.
    lock(&cx.bucket.state)
        .uploads
        .get_mut(&input.upload_id)
        .ok_or_else(|| refusal::no_such_upload(&input.upload_id))?
        .parts
        .insert(number, part);
    Ok(S3Response::with_headers(
        UploadPartOutput::default(),
        headers,
    ))
}

/// A part's checksum has to be the one that the upload was created with; for a
/// full-object checksum the parts may do without.
fn check_algorithm(upload: &Upload, sent: Option<Algorithm>) -> Result<(), AwsError> {
    let wanted = upload.checksum.map(|(algorithm, _)| algorithm);
    let full = matches!(upload.checksum, Some((_, ChecksumType::FullObject)));
    if sent != wanted && !(sent.is_none() && full) {
        let name = |algorithm: Option<Algorithm>| {
            algorithm.map_or("null".to_owned(), |one| one.name().to_ascii_lowercase())
        };
        return Err(invalid_request(format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            name(wanted),
            name(sent)
        )));
    }
    Ok(())
}

/// Hashes stored bytes once more, for an algorithm that was not asked for when
/// they came.
pub(crate) fn hash(blob: &Blob, algorithm: Algorithm) -> Result<Vec<u8>, AwsError> {
    let mut hasher = algorithm.hasher();
    let mut at = 0;
    while at < blob.len() {
        let piece = blob.read(at, 1 << 20).map_err(|_| refusal::internal())?;
        at += piece.len() as u64;
        hasher.update(&piece);
    }
    Ok(hasher.finish())
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "every operation has the same shape"
)]
pub(crate) fn abort(cx: &Cx, input: AbortMultipartUploadInput) -> Done<AbortMultipartUploadOutput> {
    let key = cx.key()?;
    cx.allow_on_object("s3:AbortMultipartUpload", key)?;
    upload(cx, &input.upload_id)?;
    lock(&cx.bucket.state).uploads.remove(&input.upload_id);
    Ok(S3Response::with_status(
        AbortMultipartUploadOutput::default(),
        http::StatusCode::NO_CONTENT,
    ))
}

fn owner(account: &str) -> Owner {
    Owner {
        display_name: None,
        id: Some(canonical_id(account)),
    }
}

/// A stand-in for the canonical user id of an account.
pub(crate) fn canonical_id(account: &str) -> String {
    crate::sigv4::sha256_hex(account.as_bytes())
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "every operation has the same shape"
)]
pub(crate) fn list_parts(cx: &Cx, input: ListPartsInput) -> Done<ListPartsOutput> {
    let key = cx.key()?;
    cx.allow_on_object("s3:ListMultipartUploadParts", key)?;
    let upload = upload(cx, &input.upload_id)?;
    let most = usize::try_from(input.max_parts.unwrap_or(1000).clamp(0, 1000)).unwrap_or(1000);
    let after = u32::try_from(input.part_number_marker.unwrap_or(0)).unwrap_or(0);
    let value = |part: &Part, algorithm: Algorithm| {
        upload
            .checksum
            .filter(|(wanted, _)| *wanted == algorithm)
            .and_then(|_| part.sums.iter().find(|(have, _)| *have == algorithm))
            .map(|(_, value)| text::base64(value))
    };
    let all: Vec<PartDto> = upload
        .parts
        .range(after + 1..)
        .map(|(number, part)| PartDto {
            checksum_crc32: value(part, Algorithm::Crc32),
            checksum_crc32c: value(part, Algorithm::Crc32c),
            checksum_crc64nvme: value(part, Algorithm::Crc64Nvme),
            checksum_sha1: value(part, Algorithm::Sha1),
            checksum_sha256: value(part, Algorithm::Sha256),
            e_tag: Some(ETag::Strong(part.etag.clone())),
            last_modified: Some(part.last_modified.into()),
            part_number: i32::try_from(*number).ok(),
            size: i64::try_from(part.size).ok(),
        })
        .collect();
    let truncated = all.len() > most;
    let parts: Vec<PartDto> = all.into_iter().take(most).collect();
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(cx.bucket.name.clone()),
        key: Some(key.to_owned()),
        upload_id: Some(upload.id.clone()),
        is_truncated: Some(truncated),
        max_parts: i32::try_from(most).ok(),
        part_number_marker: i32::try_from(after).ok(),
        next_part_number_marker: parts.last().and_then(|part| part.part_number),
        parts: Some(parts),
        checksum_algorithm: upload
            .checksum
            .map(|(algorithm, _)| ChecksumAlgorithm::from_static(algorithm.name())),
        checksum_type: upload
            .checksum
            .map(|(_, kind)| ChecksumTypeDto::from_static(kind_name(kind))),
        initiator: Some(Initiator {
            display_name: None,
            id: Some(upload.initiator.clone()),
        }),
        owner: Some(owner(&upload.owner)),
        storage_class: Some(StorageClass::from(
            upload
                .properties
                .storage_class
                .clone()
                .unwrap_or_else(|| "STANDARD".to_owned()),
        )),
        ..ListPartsOutput::default()
    }))
}

pub(crate) fn list_uploads(
    cx: &Cx,
    input: ListMultipartUploadsInput,
) -> Done<ListMultipartUploadsOutput> {
    cx.allow_on_bucket("s3:ListBucketMultipartUploads")?;
    if input
        .delimiter
        .as_deref()
        .is_some_and(|text| !text.is_empty())
    {
        return Err(refusal::not_implemented());
    }
    let prefix = input.prefix.clone().unwrap_or_default();
    let most = usize::try_from(input.max_uploads.unwrap_or(1000).clamp(0, 1000)).unwrap_or(1000);
    let mut all: Vec<Upload> = lock(&cx.bucket.state)
        .uploads
        .values()
        .filter(|upload| upload.key.starts_with(&prefix))
        .cloned()
        .collect();
    // By key, then by the moment of the start.
    all.sort_by(|a, b| (&a.key, a.initiated, &a.id).cmp(&(&b.key, b.initiated, &b.id)));
    if let Some(key) = &input.key_marker {
        let id = input.upload_id_marker.clone().unwrap_or_default();
        let start = all
            .iter()
            .position(|upload| upload.key == *key && upload.id == id)
            .map_or_else(
                || all.partition_point(|upload| upload.key <= *key),
                |index| index + 1,
            );
        all.drain(..start);
    }
    let truncated = all.len() > most;
    all.truncate(most);
    let next = all.last().filter(|_| truncated).cloned();
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(cx.bucket.name.clone()),
        prefix: Some(prefix),
        key_marker: Some(input.key_marker.unwrap_or_default()),
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        is_truncated: Some(truncated),
        max_uploads: i32::try_from(most).ok(),
        next_key_marker: next.as_ref().map(|upload| upload.key.clone()),
        next_upload_id_marker: next.map(|upload| upload.id),
        uploads: Some(
            all.into_iter()
                .map(|upload| MultipartUpload {
                    initiated: Some(upload.initiated.into()),
                    initiator: Some(Initiator {
                        display_name: None,
                        id: Some(upload.initiator),
                    }),
                    key: Some(upload.key),
                    owner: Some(owner(&upload.owner)),
                    storage_class: Some(StorageClass::from_static("STANDARD")),
                    upload_id: Some(upload.id),
                    checksum_algorithm: upload
                        .checksum
                        .map(|(algorithm, _)| ChecksumAlgorithm::from_static(algorithm.name())),
                    checksum_type: upload
                        .checksum
                        .map(|(_, kind)| ChecksumTypeDto::from_static(kind_name(kind))),
                })
                .collect(),
        ),
        ..ListMultipartUploadsOutput::default()
    }))
}
