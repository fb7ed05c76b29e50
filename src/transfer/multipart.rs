//! One object in parts ("Uploading and copying objects using multipart
//! upload", Amazon S3 User Guide).

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::Config;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::DateTime;
use tokio::task::JoinSet;

use super::checksum::{Algorithm, Checksum};
use super::content::weight;
use super::open::Opened;
use super::put::{blame_the_file, load, verified};
use super::{Courier, Failure, Leftover, Proof};
use crate::aws::{AwsError, Trouble};
use crate::plan::Put;
use crate::rules::Properties;
use crate::text::printable;

/// An upload that S3 keeps parts for.
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) id: String,
    algorithm: Algorithm,
    /// When it was begun, in seconds since 1970.
    pub(super) begun: i64,
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

/// How often the SDK may try what docferry itself tries again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Once {
    /// Once.
    Only,
    /// Twice, since that is how it sets its clock right.
    AndAgain,
}

impl Once {
    pub(super) fn config(self) -> aws_sdk_s3::config::Builder {
        let retries = match self {
            Self::Only => RetryConfig::disabled(),
            Self::AndAgain => RetryConfig::standard().with_max_attempts(2),
        };
        Config::builder().retry_config(retries)
    }

    /// Lets the SDK try twice from now on, if it is about the clock.
    pub(super) fn may_correct_the_clock(&mut self, error: &AwsError) -> bool {
        let helps = *self == Self::Only && error.is_about_the_clock();
        if helps {
            *self = Self::AndAgain;
        }
        helps
    }
}

/// A part that S3 has.
pub(super) struct Part {
    pub(super) number: i32,
    pub(super) etag: Option<String>,
    pub(super) checksum: Checksum,
}

impl Courier {
    /// Puts a file in parts. Whatever goes wrong, no part stays behind if that
    /// can be helped; what cannot be helped is returned to be told.
    pub(super) async fn put_parts(
        self: &Arc<Self>,
        put: &Put,
        part_size: u64,
        algorithm: Algorithm,
    ) -> (Result<Option<Proof>, Failure>, Vec<Leftover>) {
        let opened = match self.root.open(&put.file) {
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
        // The parts come out of order, and a digest has one.
        let all = async { tokio::try_join!(parts, self.digest(put, &opened)) };
        let result = match self.stop.or(all).await {
            None => Err(Failure::NotSent),
            Some(Err(failure)) => Err(failure),
            Some(Ok((parts, digest))) => tokio::select! {
                biased;
                done = self.complete(put, &upload, parts) => done.map(|receipt| (receipt, digest)),
                () = self.stop.overdue() => Err(Failure::InDoubt),
            },
        };
        let failure = match result {
            Ok((receipt, digest)) => {
                let proof = Proof::of(&receipt, put.file.size, digest);
                return (Ok(proof), leftovers);
            }
            Err(failure) => failure,
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
        let Some(_pass) = self.stop.or(self.gate.enter()).await else {
            return (Err(Failure::NotSent), lost);
        };
        let (mut attempt, mut how) = (1, Once::Only);
        loop {
            let error = match self.create_once(put, algorithm, how).await {
                Ok(upload) => {
                    self.wire.has_succeeded();
                    return (Ok(upload), lost);
                }
                Err(error) => error,
            };
            if how.may_correct_the_clock(&error) {
                continue;
            }
            if error.may_have_been_done() {
                lost.push(self.lost(put));
            }
            let enough = attempt >= self.max_attempts || self.stop.is_requested();
            let hopeless = !error.may_pass() || !self.may_renew(&error);
            if hopeless || !self.wire.may_try_again() || enough {
                let checksum = Checksum::of(algorithm, &[]);
                return (Err(self.refused(error, &checksum)), lost);
            }
            self.retries.note_of(&self.key_of(put), Trouble::of(&error));
            // The next look at the stop ends it.
            self.stop.or(tokio::time::sleep(pause(attempt))).await;
            attempt += 1;
        }
    }

    async fn create_once(
        &self,
        put: &Put,
        algorithm: Algorithm,
        how: Once,
    ) -> Result<Upload, AwsError> {
        let key = self.key_of(put);
        let request = self
            .client
            .create_multipart_upload()
            .bucket(self.bucket())
            .key(&key)
            .set_expected_bucket_owner(self.owner.clone())
            .content_type(&put.properties.content_type)
            .set_content_encoding(put.properties.encoding.stored().map(str::to_owned));
        let request = match algorithm {
            Algorithm::Crc64Nvme => request
                .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
                .checksum_type(ChecksumType::FullObject),
            Algorithm::Crc32C => request
                .checksum_algorithm(ChecksumAlgorithm::Crc32C)
                .checksum_type(ChecksumType::FullObject),
            Algorithm::Md5 => request,
        };
        let once = how.config();
        let properties = Arc::clone(&put.properties);
        let request = request.customize().config_override(once);
        let request = request.mutate_request(move |request| add(request, &properties));
        let answer = request.send().await;
        let answer = answer.map_err(|error| AwsError::from_sdk(&error))?;
        let id = answer.upload_id().unwrap_or_default().to_owned();
        crate::report::detail!("began a multipart upload of {}", printable(&key));
        Ok(Upload {
            key,
            id,
            algorithm,
            begun: DateTime::from(self.wire.now()).secs(),
        })
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
            let pass = self.gate.enter().await;
            let memory = self.memory.reserve(weight(length)).await;
            number += 1;
            let (courier, upload) = (Arc::clone(self), Arc::clone(upload));
            let opened = Arc::clone(opened);
            under_way.spawn(async move {
                let part = courier
                    .send_part(&upload, &opened, number, begin, length)
                    .await;
                drop((pass, memory));
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
        let taken = sent.await.map_err(|error| self.refused(error, &checksum))?;
        verified(taken.checksum.as_deref(), &checksum)?;
        self.progress.sent(length);
        Ok(Part {
            number,
            etag: taken.etag,
            checksum,
        })
    }

    /// Frees what S3 keeps of an upload that will not be completed.
    pub(super) async fn abort(&self, upload: &Upload) -> Option<Leftover> {
        let request = self
            .client
            .abort_multipart_upload()
            .bucket(self.bucket())
            .key(&upload.key)
            .upload_id(&upload.id)
            .set_expected_bucket_owner(self.owner.clone());
        // After a signal the host gives the job a few seconds, and no more.
        let limit = match self.stop.is_requested() {
            true => Duration::from_secs(3),
            false => Duration::from_secs(30),
        };
        let late = |reason: &str| Some(upload.left(reason.to_owned()));
        let answer = tokio::select! {
            answer = request.send() => answer,
            () = tokio::time::sleep(limit) => return late("S3 did not answer in time"),
            () = self.stop.hurried() => return late("there was no time for it"),
        };
        let reason = match answer {
            Ok(_) => return None,
            Err(error) => AwsError::from_sdk(&error),
        };
        // The upload is gone, which is what was wanted.
        let gone = reason.is(&["NoSuchUpload"]);
        (!gone).then(|| upload.left(reason.to_string()))
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

/// Adds the headers of an object before its request is signed. Their names and
/// values were checked when the settings were read.
pub(super) fn add(request: &mut HttpRequest, properties: &Properties) {
    for header in &properties.headers {
        let (name, value) = (header.name.clone(), header.value.clone());
        if request.headers_mut().try_insert(name, value).is_err() {
            debug_assert!(false, "{header:?} is no header");
        }
    }
}

/// How long parts may take to come to their end before an abort.
const SETTLING: Duration = Duration::from_secs(30);
/// The pause before what docferry itself tries again; each next one is twice
/// as long.
pub(super) fn pause(attempt: u32) -> Duration {
    Duration::from_millis(125) * 2_u32.pow(attempt.min(6))
}

fn finished(
    joined: Result<Result<Part, Failure>, tokio::task::JoinError>,
) -> Result<Part, Failure> {
    joined.unwrap_or_else(|error| match error.try_into_panic() {
        // A panic is a bug; it goes on where it can be seen.
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Err(Failure::NotSent),
    })
}
