//! One object in parts ("Uploading and copying objects using multipart
//! upload", Amazon S3 User Guide).

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::Config;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use tokio::task::JoinSet;

use super::checksum::{Algorithm, Checksum};
use super::content::weight;
use super::open::{Opened, open};
use super::put::{blame_the_file, load, refused, verified};
use super::{Courier, Failure, Leftover};
use crate::aws::AwsError;
use crate::plan::Put;
use crate::text::printable;

/// An upload that S3 keeps parts for.
struct Upload {
    key: String,
    id: String,
    algorithm: Algorithm,
}

impl Upload {
    fn left(&self, reason: String) -> Leftover {
        Leftover {
            key: self.key.clone(),
            upload_id: Some(self.id.clone()),
            reason,
        }
    }
}

/// A part that S3 has.
struct Part {
    number: i32,
    etag: Option<String>,
    checksum: Checksum,
}

impl Courier {
    /// Puts a file in parts. Whatever goes wrong, no part stays behind if that
    /// can be helped; what cannot be helped is returned to be told.
    pub(super) async fn put_parts(
        self: &Arc<Self>,
        put: &Put,
        part_size: u64,
        algorithm: Algorithm,
    ) -> (Result<(), Failure>, Vec<Leftover>) {
        let opened = match open(&self.source, &put.file) {
            Ok(opened) => Arc::new(opened),
            Err(reason) => return (Err(Failure::File(reason)), Vec::new()),
        };
        let created = tokio::select! {
            biased;
            created = self.create(put, algorithm) => created,
            () = self.stop.overdue() => (Err(Failure::NotSent), vec![self.lost(put)]),
        };
        let (upload, mut leftovers) = match created {
            (Ok(upload), lost) => (Arc::new(upload), lost),
            (Err(failure), lost) => return (Err(failure), lost),
        };
        let mut under_way = JoinSet::new();
        let parts = self.send_parts(&mut under_way, &upload, &opened, part_size);
        let result = match self.stop.or(parts).await {
            None => Err(Failure::NotSent),
            Some(Err(failure)) => Err(failure),
            Some(Ok(parts)) => tokio::select! {
                biased;
                done = self.complete(put, &upload, parts) => done,
                () = self.stop.overdue() => Err(Failure::InDoubt),
            },
        };
        let Err(failure) = result else {
            return (Ok(()), leftovers);
        };
        let late = self.settle(&mut under_way).await;
        let mut left = self.abort(&upload).await;
        if late && left.is_none() {
            left = self.abort(&upload).await;
        }
        leftovers.extend(left);
        (Err(blame_the_file(failure, &opened)), leftovers)
    }

    /// Lets the parts that are under way come to their end, since one that the
    /// server stores after the abort would stay for good. Says whether some had
    /// to be cut off, so that a second abort is due.
    async fn settle(&self, under_way: &mut JoinSet<Result<Part, Failure>>) -> bool {
        let ended = async { while under_way.join_next().await.is_some() {} };
        tokio::select! {
            () = ended => {}
            () = self.stop.overdue() => {}
            () = tokio::time::sleep(SETTLING) => {}
        }
        let late = !under_way.is_empty();
        under_way.shutdown().await;
        late
    }

    /// Begins an upload. It is tried again here rather than by the SDK: an
    /// answer that got lost may have been that of an upload that S3 keeps.
    async fn create(
        &self,
        put: &Put,
        algorithm: Algorithm,
    ) -> (Result<Upload, Failure>, Vec<Leftover>) {
        let mut lost = Vec::new();
        let Some(_permit) = self.stop.or(self.requests.acquire()).await else {
            return (Err(Failure::NotSent), lost);
        };
        let mut attempt = 1;
        loop {
            let error = match self.create_once(put, algorithm).await {
                Ok(upload) => return (Ok(upload), lost),
                Err(error) => error,
            };
            if error.may_have_been_done() {
                lost.push(self.lost(put));
            }
            let enough = attempt >= self.max_attempts || self.stop.is_requested();
            if enough || !error.may_pass() || !self.may_renew(&error) {
                let checksum = Checksum::of(algorithm, &[]);
                return (Err(refused(error, &checksum)), lost);
            }
            self.retries.note();
            tokio::time::sleep(BACKOFF * 2_u32.pow(attempt.min(6))).await;
            attempt += 1;
        }
    }

    async fn create_once(&self, put: &Put, algorithm: Algorithm) -> Result<Upload, AwsError> {
        let key = self.key_of(put);
        let request = self
            .client
            .create_multipart_upload()
            .bucket(self.bucket())
            .key(&key)
            .set_expected_bucket_owner(self.owner.clone())
            .content_type(&put.properties.content_type);
        let request = match algorithm {
            Algorithm::Crc64Nvme => request
                .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
                .checksum_type(ChecksumType::FullObject),
            Algorithm::Crc32C => request
                .checksum_algorithm(ChecksumAlgorithm::Crc32C)
                .checksum_type(ChecksumType::FullObject),
            Algorithm::Md5 => request,
        };
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let answer = request.customize().config_override(once).send().await;
        let answer = answer.map_err(|error| AwsError::from_sdk(&error))?;
        let id = answer.upload_id().unwrap_or_default().to_owned();
        tracing::debug!("began a multipart upload of {}", printable(&key));
        Ok(Upload { key, id, algorithm })
    }

    async fn send_parts(
        self: &Arc<Self>,
        under_way: &mut JoinSet<Result<Part, Failure>>,
        upload: &Arc<Upload>,
        opened: &Arc<Opened>,
        part_size: u64,
    ) -> Result<Vec<Part>, Failure> {
        let size = opened.size();
        let mut sent = Vec::new();
        let mut begin = 0;
        let mut number = 0;
        while begin < size || number == 0 {
            let length = part_size.min(size - begin);
            let permit = Arc::clone(&self.requests).acquire_owned().await;
            let memory = self.memory.reserve(weight(length)).await;
            number += 1;
            let (courier, upload) = (Arc::clone(self), Arc::clone(upload));
            let opened = Arc::clone(opened);
            under_way.spawn(async move {
                let part = courier
                    .send_part(&upload, &opened, number, begin, length)
                    .await;
                drop((permit, memory));
                part
            });
            begin += length;
            while let Some(done) = under_way.try_join_next() {
                sent.push(finished(done)?);
            }
        }
        while let Some(done) = under_way.join_next().await {
            sent.push(finished(done)?);
        }
        opened.check().map_err(Failure::File)?;
        sent.sort_unstable_by_key(|part| part.number);
        Ok(sent)
    }

    async fn send_part(
        &self,
        upload: &Upload,
        opened: &Opened,
        number: i32,
        begin: u64,
        length: u64,
    ) -> Result<Part, Failure> {
        let (content, checksum) =
            load(opened, &self.buffers, begin, length, upload.algorithm).await?;
        let (key, id) = (&upload.key, &upload.id);
        let sent = self.wire.upload_part(key, id, number, &content, &checksum);
        let taken = sent.await.map_err(|error| refused(error, &checksum))?;
        verified(taken.checksum.as_deref(), &checksum)?;
        self.progress.sent(length);
        Ok(Part {
            number,
            etag: taken.etag,
            checksum,
        })
    }

    async fn complete(&self, put: &Put, upload: &Upload, parts: Vec<Part>) -> Result<(), Failure> {
        let whole = Checksum::combine(parts.iter().map(|part| &part.checksum));
        let asked = whole.clone();
        let asked = asked.unwrap_or_else(|| Checksum::of(Algorithm::Md5, &[]));
        let value = |algorithm| whole.as_ref().and_then(|sum| sum.value_for(algorithm));
        let size = i64::try_from(put.file.size).ok();
        let list: Vec<CompletedPart> = parts.into_iter().map(CompletedPart::from).collect();
        let list = CompletedMultipartUpload::builder().set_parts(Some(list));
        let request = self
            .client
            .complete_multipart_upload()
            .bucket(self.bucket())
            .key(&upload.key)
            .upload_id(&upload.id)
            .set_expected_bucket_owner(self.owner.clone())
            .set_checksum_crc64_nvme(value(Algorithm::Crc64Nvme))
            .set_checksum_crc32_c(value(Algorithm::Crc32C))
            .set_checksum_type(whole.as_ref().map(|_| ChecksumType::FullObject))
            .set_mpu_object_size(whole.as_ref().and(size))
            .multipart_upload(list.build());
        let _permit = self.requests.acquire().await;
        let answer = request.send().await;
        answer.map_err(|error| refused(AwsError::from_sdk(&error), &asked))?;
        Ok(())
    }

    /// Frees what S3 keeps of an upload that will not be completed.
    async fn abort(&self, upload: &Upload) -> Option<Leftover> {
        let request = self
            .client
            .abort_multipart_upload()
            .bucket(self.bucket())
            .key(&upload.key)
            .upload_id(&upload.id)
            .set_expected_bucket_owner(self.owner.clone());
        // After a signal the host gives the job a few seconds, and no more.
        let limit = match self.stop.cause() {
            Some(_) => Duration::from_secs(4),
            None => Duration::from_secs(30),
        };
        let reason = match tokio::time::timeout(limit, request.send()).await {
            Ok(Ok(_)) => return None,
            Ok(Err(error)) => AwsError::from_sdk(&error),
            Err(_) => return Some(upload.left("S3 did not answer in time".to_owned())),
        };
        // The upload is gone, which is what was wanted.
        if reason.is(&["NoSuchUpload"]) {
            return None;
        }
        Some(upload.left(reason.to_string()))
    }

    /// An upload that S3 may keep without having told its name.
    fn lost(&self, put: &Put) -> Leftover {
        Leftover {
            key: self.key_of(put),
            upload_id: None,
            reason: "S3's answer to its beginning got lost".to_owned(),
        }
    }
}

/// How long parts may take to come to their end before an abort.
const SETTLING: Duration = Duration::from_secs(30);
/// The first pause before an upload is begun again; each next one is twice as
/// long.
const BACKOFF: Duration = Duration::from_millis(125);

fn finished(
    joined: Result<Result<Part, Failure>, tokio::task::JoinError>,
) -> Result<Part, Failure> {
    joined.unwrap_or_else(|error| match error.try_into_panic() {
        // A panic is a bug; it goes on where it can be seen.
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Err(Failure::NotSent),
    })
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
