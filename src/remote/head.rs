//! Asking S3 about one object.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ChecksumMode, ChecksumType};

use super::{Place, Unanswered};
use crate::aws::AwsError;
use crate::plan::Shown;

/// What S3 says of an object.
#[derive(Debug, Clone, Default)]
pub struct Looks {
    /// Its properties.
    pub shown: Shown,
    /// The CRC-64/NVME of its whole content, in Base64, if S3 has it.
    pub crc64nvme: Option<String>,
    /// The CRC-32C of its whole content, in Base64, if S3 has it.
    pub crc32c: Option<String>,
    /// Whether its entity tag tells nothing of its content: with a key of KMS or
    /// of the client's, it is not an MD5.
    pub opaque: bool,
}

/// Asks S3 about an object; none if it is not there any more.
pub async fn look(place: Place<'_>, key: &str) -> Result<Option<Looks>, Unanswered> {
    let whole = place.whole(key);
    let request = place
        .client
        .head_object()
        .bucket(place.bucket())
        .key(&whole)
        .checksum_mode(ChecksumMode::Enabled)
        .set_expected_bucket_owner(place.owner());
    match request.send().await {
        Ok(head) => Ok(Some(looks(&head))),
        Err(error) => {
            let error = AwsError::from_sdk(&error);
            if error.status == Some(404) {
                return Ok(None);
            }
            Err(Unanswered {
                action: "s3:GetObject",
                url: format!("s3://{}/{whole}", place.bucket()),
                error: Box::new(error),
            })
        }
    }
}

fn looks(head: &HeadObjectOutput) -> Looks {
    let text = |value: Option<&str>| value.map(str::to_owned);
    let whole = head.checksum_type() != Some(&ChecksumType::Composite);
    let encryption = head.server_side_encryption().map(ToString::to_string);
    let known = [
        ("content-type", text(head.content_type())),
        ("content-encoding", text(head.content_encoding())),
        ("cache-control", text(head.cache_control())),
        ("content-disposition", text(head.content_disposition())),
        ("content-language", text(head.content_language())),
        ("expires", text(head.expires_string())),
        (
            "x-amz-website-redirect-location",
            text(head.website_redirect_location()),
        ),
        (
            "x-amz-storage-class",
            head.storage_class().map(ToString::to_string),
        ),
        ("x-amz-server-side-encryption", encryption.clone()),
        (
            "x-amz-server-side-encryption-aws-kms-key-id",
            text(head.ssekms_key_id()),
        ),
        (
            "x-amz-server-side-encryption-bucket-key-enabled",
            head.bucket_key_enabled().map(|on| on.to_string()),
        ),
        (
            "x-amz-object-lock-mode",
            head.object_lock_mode().map(ToString::to_string),
        ),
        (
            "x-amz-object-lock-retain-until-date",
            head.object_lock_retain_until_date()
                .map(ToString::to_string),
        ),
        (
            "x-amz-object-lock-legal-hold",
            head.object_lock_legal_hold_status()
                .map(ToString::to_string),
        ),
    ];
    let known = known.into_iter();
    let known = known.filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let metadata = head.metadata().into_iter().flatten();
    let metadata = metadata.map(|(name, value)| (format!("x-amz-meta-{name}"), value.clone()));
    Looks {
        shown: Shown {
            headers: known.chain(metadata).collect(),
        },
        crc64nvme: text(head.checksum_crc64_nvme()).filter(|_| whole),
        crc32c: text(head.checksum_crc32_c()).filter(|_| whole),
        opaque: encryption.is_some_and(|kind| kind.starts_with("aws:"))
            || head.sse_customer_algorithm().is_some(),
    }
}
