//! Owns `PutObject`, and the receiving of bodies for it and `UploadPart`.

use std::sync::Arc;

use http::HeaderMap;
use http_body_util::BodyExt as _;
use md5::{Digest as _, Md5};
use s3s::S3Response;
use s3s::dto::{PutObjectInput, PutObjectOutput, StreamingBlob};

use crate::server::AwsError;
use crate::store::{Algorithm, Blob, Checksum, ChecksumType, Encryption, Object};
use crate::text;
use crate::world::lock;

use super::acl;
use super::answer::set;
use super::conditional::Conditions;
use super::cx::Cx;
use super::object_lock;
use super::properties::{self, checksum_headers};
use super::refusal;
use super::service::Done;
use super::sse::encryption_headers;

pub(crate) async fn put_object(cx: &Cx, input: PutObjectInput) -> Done<PutObjectOutput> {
    let key = cx.key()?;
    properties::allow_write(cx, key)?;
    let properties = properties::from_headers(cx)?;
    object_lock::check_integrity(cx, &properties, "Put Object")?;
    let conditions = Conditions::of(cx, key)?;
    let blob = receive(cx, input.body).await?;
    let received = cx.received()?;

    let algorithm = received.declared.unwrap_or(Algorithm::Crc64Nvme);
    let sum = received.sum(algorithm).ok_or_else(refusal::internal)?;
    let object = Arc::new(Object {
        key: key.to_owned(),
        version_id: version_id(cx),
        etag: etag(&received.md5, &properties.encryption),
        size: received.length,
        last_modified: cx.now,
        checksum: Checksum {
            algorithm,
            value: text::base64(sum),
            kind: ChecksumType::FullObject,
        },
        owner: acl::owner(cx, properties.acl.as_deref()),
        properties,
        uploader: cx.caller.arn.clone(),
        parts: Vec::new(),
        blob,
    });
    {
        let mut state = lock(&cx.bucket.state);
        conditions.check(&state, key)?;
        state.put(Arc::clone(&object), cx.config.versioned);
    }
    let mut headers = HeaderMap::new();
    set(&mut headers, "etag", &format!("\"{}\"", object.etag));
    written_headers(&mut headers, &object);
    checksum_headers(&mut headers, &object);
    Ok(S3Response::with_headers(
        PutObjectOutput::default(),
        headers,
    ))
}

/// The headers that every finished write answers with.
pub(crate) fn written_headers(headers: &mut HeaderMap, object: &Object) {
    encryption_headers(headers, &object.properties);
    if let Some(version) = &object.version_id {
        set(headers, "x-amz-version-id", version);
    }
}

pub(crate) fn version_id(cx: &Cx) -> Option<String> {
    cx.config.versioned.then(|| {
        text::random_text(
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._",
            32,
        )
    })
}

/// "Objects encrypted by SSE-KMS have ETags that are not an MD5 digest of
/// their object data" (S3 API Reference, "Object").
pub(crate) fn etag(md5: &[u8; 16], encryption: &Encryption) -> String {
    match encryption {
        Encryption::Aes256 => text::hex(md5),
        Encryption::Kms(_) | Encryption::KmsDsse(_) => {
            let mut salted = Md5::new();
            salted.update(md5);
            // The same bytes have another one each time.
            salted.update(text::random_text(text::BASE32, 32));
            text::hex(&salted.finalize())
        }
    }
}

/// Receives a body to its end: what it is, is checked by then.
pub(crate) async fn receive(cx: &Cx, body: Option<StreamingBlob>) -> Result<Blob, AwsError> {
    let mut body = s3s::Body::from(body.ok_or_else(refusal::internal)?);
    let length = http_body::Body::size_hint(&body).exact().or_else(|| {
        cx.header("x-amz-decoded-content-length")
            .or_else(|| cx.header("content-length"))
            .and_then(|text| text.parse().ok())
    });
    let mut writer = cx.world.spool.writer(length.unwrap_or_default());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            error
                .downcast::<AwsError>()
                .map_or_else(|_| refusal::internal(), |error| *error)
        })?;
        if let Some(data) = frame.data_ref() {
            writer.write(data).map_err(|_| refusal::internal())?;
        }
    }
    Ok(writer.finish())
}
