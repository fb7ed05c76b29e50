//! One object in one request.

use super::buffers::Buffers;
use super::checksum::{Algorithm, Checksum};
use super::content::{Content, weight};
use super::open::{Opened, open};
use super::{Courier, Failure};
use crate::aws::AwsError;
use crate::plan::Put;

impl Courier {
    /// Puts a file in one request. What was under way when the run is stopped
    /// may finish within the time of grace.
    pub(super) async fn put_single(&self, put: &Put, algorithm: Algorithm) -> Result<(), Failure> {
        let size = put.file.size;
        // Nothing is begun any more once a stop was asked for.
        let begin = async {
            let memory = self.memory.reserve(weight(size)).await;
            let opened = open(&self.source, &put.file).map_err(Failure::File)?;
            let (content, checksum) = load(&opened, &self.buffers, 0, size, algorithm).await?;
            opened.check().map_err(Failure::File)?;
            Ok((memory, opened, content, checksum))
        };
        let ready = self.stop.or(begin).await.unwrap_or(Err(Failure::NotSent));
        let (_memory, opened, content, checksum) = ready?;
        tokio::select! {
            biased;
            sent = self.send_single(put, &content, &checksum) => sent,
            () = self.stop.overdue() => Err(Failure::InDoubt),
        }
        .map_err(|failure| blame_the_file(failure, &opened))?;
        self.progress.sent(size);
        Ok(())
    }

    async fn send_single(
        &self,
        put: &Put,
        content: &Content,
        checksum: &Checksum,
    ) -> Result<(), Failure> {
        let headers = [("content-type", put.properties.content_type.as_str())];
        let key = self.key_of(put);
        let sent = self
            .wire
            .put_object(&key, &headers, content, checksum)
            .await;
        let taken = sent.map_err(|error| refused(error, checksum))?;
        verified(taken.checksum.as_deref(), checksum)
    }
}

/// A server may refuse a checksum that it does not know.
pub(super) fn refused(error: AwsError, checksum: &Checksum) -> Failure {
    let speaks_of_it =
        error.message.to_ascii_lowercase().contains("checksum") || error.code == "NotImplemented";
    let unknown = checksum.algorithm != Algorithm::Md5
        && speaks_of_it
        && matches!(error.status, Some(400 | 501))
        // These know the checksum, and found that it differs.
        && error.code != "BadDigest"
        && !error.code.contains("Mismatch");
    if unknown {
        return Failure::Unverified;
    }
    error.into()
}

/// When the checksum does not match what arrived, or the body broke off,
/// the likeliest reason is that the file changed between the two reads.
pub(super) fn blame_the_file(failure: Failure, opened: &Opened) -> Failure {
    match (&failure, opened.check()) {
        (Failure::Aws(_), Err(reason)) => Failure::File(reason),
        _ => failure,
    }
}

/// Reads a stretch of a file and its checksum.
pub(super) async fn load(
    opened: &Opened,
    buffers: &Buffers,
    begin: u64,
    size: u64,
    algorithm: Algorithm,
) -> Result<(Content, Checksum), Failure> {
    let read = async {
        let content = Content::read(&opened.file, buffers, begin, size).await?;
        let checksum = content.checksum(algorithm).await?;
        Ok((content, checksum))
    };
    read.await
        .map_err(|error| Failure::File(opened.reading_failed(&error)))
}

/// A server that verified a checksum repeats it.
pub(super) fn verified(repeated: Option<&str>, checksum: &Checksum) -> Result<(), Failure> {
    match repeated {
        // Content-MD5 is verified without being repeated.
        _ if checksum.algorithm == Algorithm::Md5 => Ok(()),
        Some(repeated) if repeated == checksum.base64 => Ok(()),
        Some(_) | None => Err(Failure::Unverified),
    }
}
