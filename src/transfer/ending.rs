//! The end of an upload in parts.
//!
//! `CompleteMultipartUpload` may take minutes, its answer may get lost, and a
//! 200 may hold an error. It is asked for again, and where the upload is gone by
//! then, S3 is asked what is in its place: that is looked up, never guessed.

use aws_sdk_s3::types::{ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart};
use aws_smithy_types::DateTime;
use md5::{Digest as _, Md5};

use super::checksum::{Algorithm, Checksum};
use super::multipart::{Once, Part, Upload, pause};
use super::{Courier, Failure};
use crate::aws::{AwsError, Trouble};
use crate::plan::Put;
use crate::text::hex;

/// The object that an upload should become.
struct Whole {
    size: u64,
    checksum: Option<Checksum>,
    etag: Option<String>,
    parts: Vec<CompletedPart>,
}

/// What is in the object's place.
enum Found {
    /// The object of this upload, or one with the same bytes; whether it is as
    /// new as the upload.
    It { fresh: bool, etag: Option<String> },
    /// Another one, or none.
    Another,
    /// S3 does not say.
    Unknown(AwsError),
}

impl Courier {
    pub(super) async fn complete(
        &self,
        put: &Put,
        upload: &Upload,
        parts: Vec<Part>,
    ) -> Result<Option<String>, Failure> {
        let whole = Whole::new(put.file.size, parts);
        let _pass = self.gate.enter().await;
        let (mut attempt, mut in_doubt, mut how) = (1, false, Once::Only);
        loop {
            let error = match self.complete_once(upload, &whole, how).await {
                Ok(etag) => {
                    self.wire.has_succeeded();
                    return Ok(etag);
                }
                Err(error) => error,
            };
            if how.may_correct_the_clock(&error) {
                continue;
            }
            in_doubt |= error.leaves_doubt();
            let enough = attempt >= self.max_attempts || self.stop.is_requested();
            let passes = error.may_pass() || in_two_minds(&error);
            let hopeless = !passes || !self.may_renew(&error);
            let last = hopeless || !self.wire.may_try_again() || enough;
            if in_doubt && last {
                return self.look(upload, &whole, error).await;
            }
            if last {
                let asked = whole.checksum.clone();
                let asked = asked.unwrap_or_else(|| Checksum::of(Algorithm::Md5, &[]));
                return Err(self.refused(error, &asked));
            }
            self.retries.note(Trouble::of(&error));
            self.stop.or(tokio::time::sleep(pause(attempt))).await;
            attempt += 1;
        }
    }

    async fn complete_once(
        &self,
        upload: &Upload,
        whole: &Whole,
        how: Once,
    ) -> Result<Option<String>, AwsError> {
        let checksum = whole.checksum.as_ref();
        let value = |algorithm| checksum.and_then(|sum| sum.value_for(algorithm));
        let list = CompletedMultipartUpload::builder().set_parts(Some(whole.parts.clone()));
        let request = self
            .client
            .complete_multipart_upload()
            .bucket(self.bucket())
            .key(&upload.key)
            .upload_id(&upload.id)
            .set_expected_bucket_owner(self.owner.clone())
            .set_checksum_crc64_nvme(value(Algorithm::Crc64Nvme))
            .set_checksum_crc32_c(value(Algorithm::Crc32C))
            .set_checksum_type(checksum.map(|_| ChecksumType::FullObject))
            .set_mpu_object_size(checksum.and(i64::try_from(whole.size).ok()))
            .multipart_upload(list.build());
        let answer = request.customize().config_override(how.config());
        let answer = answer.send().await;
        let answer = answer.map_err(|error| AwsError::from_sdk(&error))?;
        Ok(answer.e_tag().map(str::to_owned))
    }

    /// Asks S3 what came of an upload whose end nobody told. An object with the
    /// same bytes may be an older one: it counts if the upload is gone, or if it
    /// is as new as the upload.
    async fn look(
        &self,
        upload: &Upload,
        whole: &Whole,
        error: AwsError,
    ) -> Result<Option<String>, Failure> {
        let gone = error.is(&["NoSuchUpload"]);
        match self.find(upload, whole).await {
            Found::It { fresh, etag } if gone || fresh => {
                // Should it be open all the same, nothing of it may stay.
                drop(self.abort(upload).await);
                Ok(etag)
            }
            Found::It { .. } | Found::Another => Err(error.into()),
            // An answer to HEAD has no body, and so no words.
            Found::Unknown(refusal) => Err(Failure::Lost {
                error: Box::new(error),
                unseen: refusal.code,
            }),
        }
    }

    async fn find(&self, upload: &Upload, whole: &Whole) -> Found {
        let request = self
            .client
            .head_object()
            .bucket(self.bucket())
            .key(&upload.key)
            .set_expected_bucket_owner(self.owner.clone())
            .checksum_mode(ChecksumMode::Enabled);
        let head = match request.send().await {
            Ok(head) => head,
            Err(error) => {
                let error = AwsError::from_sdk(&error);
                return match error.status {
                    Some(404) => Found::Another,
                    _ => Found::Unknown(error),
                };
            }
        };
        let size = head
            .content_length()
            .and_then(|size| u64::try_from(size).ok());
        let etag = head.e_tag().map(|etag| etag.trim_matches('"'));
        let found = whole.checksum.as_ref().and_then(|sum| match sum.algorithm {
            Algorithm::Crc64Nvme => head.checksum_crc64_nvme(),
            Algorithm::Crc32C => head.checksum_crc32_c(),
            Algorithm::Md5 => None,
        });
        let same_checksum = found.is_some() && found == whole.checksum.as_ref().map(|s| &*s.base64);
        let same_etag = etag.is_some() && etag == whole.etag.as_deref();
        // S3 gives the object the time at which its upload was begun. Clocks
        // may differ by as much as S3 bears.
        let modified = head.last_modified().map_or(i64::MIN, DateTime::secs);
        match size == Some(whole.size) && (same_checksum || same_etag) {
            true => Found::It {
                fresh: modified >= upload.begun - 900,
                etag: etag.map(str::to_owned),
            },
            false => Found::Another,
        }
    }
}

/// A 200 with an error in it: S3 says to try again.
fn in_two_minds(error: &AwsError) -> bool {
    error.status == Some(200)
}

impl Whole {
    fn new(size: u64, parts: Vec<Part>) -> Self {
        let checksum = Checksum::combine(parts.iter().map(|part| &part.checksum));
        Self {
            size,
            checksum,
            etag: etag_of(&parts),
            parts: parts.into_iter().map(CompletedPart::from).collect(),
        }
    }
}

/// The MD5 of the parts' MD5s, and their number, where the parts' entity tags
/// are MD5s: not with SSE-KMS ("Checking object integrity", Amazon S3 User
/// Guide).
fn etag_of(parts: &[Part]) -> Option<String> {
    let mut whole = Md5::new();
    for part in parts {
        let etag = part.etag.as_deref()?.trim_matches('"');
        let digit = |at: usize| u8::from_str_radix(etag.get(at..at + 2)?, 16).ok();
        for at in (0..32).step_by(2) {
            whole.update([digit(at)?]);
        }
    }
    Some(format!("{}-{}", hex(&whole.finalize()), parts.len()))
}

impl From<Part> for CompletedPart {
    fn from(part: Part) -> Self {
        let value = |algorithm| part.checksum.value_for(algorithm);
        Self::builder()
            .part_number(part.number)
            .set_e_tag(part.etag.clone())
            .set_checksum_crc64_nvme(value(Algorithm::Crc64Nvme))
            .set_checksum_crc32_c(value(Algorithm::Crc32C))
            .build()
    }
}
