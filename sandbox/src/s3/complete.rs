//! Owns `CompleteMultipartUpload`: the parts are what the client says, and the
//! object is put in one step.
//!
//! Source: S3 API Reference, "CompleteMultipartUpload".

use std::sync::Arc;

use md5::{Digest as _, Md5};
use s3s::S3Response;
use s3s::dto::{
    ChecksumType as ChecksumTypeDto, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CompletedPart, ETag,
};

use crate::server::AwsError;
use crate::store::{Algorithm, Blob, Checksum, ChecksumType, Object, Part, Upload};
use crate::text;
use crate::world::lock;

use super::conditional::Conditions;
use super::cx::Cx;
use super::kms;
use super::multipart::upload;
use super::properties::kind_name;
use super::put::{version_id, written_headers};
use super::refusal::{self, invalid_request};
use super::service::Done;

const LEAST_PART: u64 = 5 * 1024 * 1024;

pub(crate) fn complete(
    cx: &Cx,
    input: CompleteMultipartUploadInput,
) -> Done<CompleteMultipartUploadOutput> {
    let key = cx.key()?;
    cx.allow_on_object("s3:PutObject", key)?;
    let conditions = Conditions::of(cx, key)?;
    let upload = upload(cx, &input.upload_id)?;
    kms::for_part(cx, &upload.properties.encryption)?;
    let named = input
        .multipart_upload
        .and_then(|upload| upload.parts)
        .unwrap_or_default();
    let parts = parts(&upload, &named)?;
    let size = parts.iter().map(|part| part.size).sum();
    if let Some(said) = cx.header("x-amz-mp-object-size")
        && said.parse() != Ok(size)
    {
        return Err(invalid_request(format!(
            "The provided 'x-amz-mp-object-size' header value {said} does not match what was computed: {size}"
        )));
    }
    let checksum = checksum(cx, &upload, &parts)?;
    let mut md5 = Md5::new();
    for part in &parts {
        md5.update(part.md5);
    }
    let object = Arc::new(Object {
        key: key.to_owned(),
        version_id: version_id(cx),
        etag: format!("{}-{}", text::hex(&md5.finalize()), parts.len()),
        size,
        last_modified: cx.now,
        properties: upload.properties.clone(),
        checksum,
        owner: upload.owner.clone(),
        uploader: upload.initiator.clone(),
        blob: Blob::join(parts.iter().map(|part| part.blob.clone()).collect()),
        parts,
    });
    {
        let mut state = lock(&cx.bucket.state);
        conditions.check(&state, key)?;
        // Another request may have completed or aborted it meanwhile.
        if state.uploads.remove(&upload.id).is_none() {
            return Err(refusal::no_such_upload(&upload.id));
        }
        state.put(Arc::clone(&object), cx.config.versioned);
    }
    let mut headers = http::HeaderMap::new();
    written_headers(&mut headers, &object);
    let value = |algorithm: Algorithm| {
        (object.checksum.algorithm == algorithm).then(|| object.checksum.value.clone())
    };
    let output = CompleteMultipartUploadOutput {
        bucket: Some(cx.bucket.name.clone()),
        key: Some(key.to_owned()),
        location: Some(format!(
            "https://{}.s3.{}.amazonaws.com/{}",
            cx.bucket.name,
            cx.config.region,
            text::uri_encode(key.as_bytes(), false)
        )),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        checksum_crc32: value(Algorithm::Crc32),
        checksum_crc32c: value(Algorithm::Crc32c),
        checksum_crc64nvme: value(Algorithm::Crc64Nvme),
        checksum_sha1: value(Algorithm::Sha1),
        checksum_sha256: value(Algorithm::Sha256),
        checksum_type: Some(ChecksumTypeDto::from_static(kind_name(
            object.checksum.kind,
        ))),
        ..CompleteMultipartUploadOutput::default()
    };
    Ok(S3Response::with_headers(output, headers))
}

/// The parts that the client names, in order and as they were received.
fn parts(upload: &Upload, named: &[CompletedPart]) -> Result<Vec<Part>, AwsError> {
    if named.is_empty() {
        return Err(AwsError::new(
            400,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        ));
    }
    let mut parts: Vec<Part> = Vec::with_capacity(named.len());
    for one in named {
        let number = one
            .part_number
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(0);
        if parts.last().is_some_and(|last| last.number >= number) {
            return Err(AwsError::new(
                400,
                "InvalidPartOrder",
                "The list of parts was not in ascending order. Parts must be ordered by part number.",
            )
            .with("UploadId", upload.id.clone()));
        }
        let etag = one.e_tag.as_ref().map(ETag::value).unwrap_or_default();
        let part = upload
            .parts
            .get(&number)
            .filter(|part| part.etag == etag)
            .ok_or_else(|| invalid_part(upload, number, etag))?;
        check_part(upload, part, one)?;
        parts.push(part.clone());
    }
    for part in &parts[..parts.len() - 1] {
        if part.size < LEAST_PART {
            return Err(AwsError::new(
                400,
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
            )
            .with("ProposedSize", part.size.to_string())
            .with("MinSizeAllowed", LEAST_PART.to_string())
            .with("PartNumber", part.number.to_string())
            .with("ETag", part.etag.clone()));
        }
    }
    Ok(parts)
}

fn invalid_part(upload: &Upload, number: u32, etag: &str) -> AwsError {
    AwsError::new(
        400,
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    )
    .with("UploadId", upload.id.clone())
    .with("PartNumber", number.to_string())
    .with("ETag", etag)
}

fn check_part(upload: &Upload, part: &Part, named: &CompletedPart) -> Result<(), AwsError> {
    let mut said = [
        (Algorithm::Crc32, &named.checksum_crc32),
        (Algorithm::Crc32c, &named.checksum_crc32c),
        (Algorithm::Crc64Nvme, &named.checksum_crc64nvme),
        (Algorithm::Sha1, &named.checksum_sha1),
        (Algorithm::Sha256, &named.checksum_sha256),
    ]
    .into_iter()
    .filter_map(|(algorithm, value)| Some((algorithm, value.as_ref()?)));
    let first = said.next();
    if let Some((algorithm, kind)) = upload.checksum
        && kind == ChecksumType::Composite
        && first.is_none()
    {
        return Err(invalid_request(format!(
            "The upload was created using a {} checksum. The complete request must include the checksum for each part. It was missing for part {} in the request.",
            algorithm.name().to_ascii_lowercase(),
            part.number
        )));
    }
    let Some((algorithm, value)) = first else {
        return Ok(());
    };
    let same_algorithm = upload.checksum.map(|(wanted, _)| wanted) == Some(algorithm);
    let have = part
        .sums
        .iter()
        .find(|(have, _)| *have == algorithm)
        .map(|(_, sum)| text::base64(sum));
    if said.next().is_some() || !same_algorithm || have.as_ref() != Some(value) {
        return Err(invalid_part(upload, part.number, &part.etag));
    }
    Ok(())
}

fn checksum(cx: &Cx, upload: &Upload, parts: &[Part]) -> Result<Checksum, AwsError> {
    // "If you don't specify a checksum algorithm, Amazon S3 automatically adds
    // a CRC64NVME full-object checksum."
    let (algorithm, kind) = upload
        .checksum
        .unwrap_or((Algorithm::Crc64Nvme, ChecksumType::FullObject));
    if let Some(said) = cx.header("x-amz-checksum-type")
        && said != kind_name(kind)
    {
        return Err(AwsError::new(
            400,
            "BadDigest",
            format!(
                "The checksum type {said} does not match the {} of the upload.",
                kind_name(kind)
            ),
        ));
    }
    let sums = parts
        .iter()
        .map(|part| {
            let sum = part.sums.iter().find(|(have, _)| *have == algorithm);
            sum.map(|(_, sum)| (sum.clone(), part.size))
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(refusal::internal)?;
    let value = match kind {
        ChecksumType::Composite => algorithm.composite(&sums),
        ChecksumType::FullObject => algorithm
            .full_object(&sums)
            .map(|sum| text::base64(&sum))
            .ok_or_else(refusal::internal)?,
    };
    for other in Algorithm::ALL {
        let Some(said) = cx.header(other.header()) else {
            continue;
        };
        let plain = value.split('-').next().unwrap_or_default();
        if other != algorithm || (said != value && said != plain) {
            return Err(AwsError::new(
                400,
                "BadDigest",
                format!(
                    "The {} you specified did not match the calculated checksum.",
                    other.name()
                ),
            ));
        }
    }
    Ok(Checksum {
        algorithm,
        value,
        kind,
    })
}
