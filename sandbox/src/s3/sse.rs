//! Owns what a request says about server-side encryption, and what an answer
//! says of it.
//!
//! Sources: S3 API Reference, "PutObject"; S3 User Guide, "Using server-side
//! encryption with AWS KMS keys (SSE-KMS)", "Using dual-layer server-side
//! encryption with AWS KMS keys (DSSE-KMS)".

use http::HeaderMap;

use crate::server::AwsError;
use crate::store::{Encryption, Properties};

use super::answer::set;
use super::cx::Cx;
use super::kms;
use super::refusal::{invalid_argument, not_implemented};

const SSE: &str = "x-amz-server-side-encryption";
const KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const BUCKET_KEY: &str = "x-amz-server-side-encryption-bucket-key-enabled";

/// How the object is to be encrypted, if the caller may use the key, and
/// whether with a bucket key.
pub(super) fn encryption(cx: &Cx) -> Result<(Encryption, bool), AwsError> {
    if cx.headers.keys().any(|name| {
        name.as_str()
            .starts_with("x-amz-server-side-encryption-customer")
    }) {
        return Err(not_implemented());
    }
    let bucket_key = cx.header(BUCKET_KEY) == Some("true");
    let encryption = match wanted(cx)? {
        Encryption::Aes256 => return Ok((Encryption::Aes256, false)),
        Encryption::Kms(key) => Encryption::Kms(Some(kms::for_write(cx, key.as_deref())?)),
        // "S3 Bucket Keys aren't supported for DSSE-KMS." What S3 answers is
        // not written down; a refusal is the strict reading.
        Encryption::KmsDsse(_) if bucket_key => {
            return Err(invalid_argument(
                BUCKET_KEY,
                "true",
                "S3 Bucket Keys aren't supported for DSSE-KMS.",
            ));
        }
        Encryption::KmsDsse(key) => Encryption::KmsDsse(Some(kms::for_write(cx, key.as_deref())?)),
    };
    Ok((encryption, bucket_key))
}

fn wanted(cx: &Cx) -> Result<Encryption, AwsError> {
    let key = cx.header(KEY);
    let of_key = || key.map(str::to_owned);
    match cx.header(SSE) {
        None | Some("AES256") if key.is_some() => Err(invalid_argument(
            KEY,
            key.unwrap_or_default(),
            "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
        )),
        None => Ok(cx.config.encryption.clone()),
        Some("AES256") => Ok(Encryption::Aes256),
        Some("aws:kms") => Ok(Encryption::Kms(of_key())),
        Some("aws:kms:dsse") => Ok(Encryption::KmsDsse(of_key())),
        Some(_) => Err(AwsError::new(
            400,
            "InvalidEncryptionAlgorithmError",
            "The Encryption request you specified is not valid. Supported value: AES256.",
        )),
    }
}

/// The headers that tell how an object is encrypted.
pub(super) fn encryption_headers(headers: &mut HeaderMap, properties: &Properties) {
    let name = match &properties.encryption {
        Encryption::Aes256 => "AES256",
        Encryption::Kms(_) => "aws:kms",
        Encryption::KmsDsse(_) => "aws:kms:dsse",
    };
    set(headers, SSE, name);
    if let Some(key) = properties.encryption.key() {
        set(headers, KEY, key);
    }
    if properties.bucket_key {
        set(headers, BUCKET_KEY, "true");
    }
}
