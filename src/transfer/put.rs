//! One object in one request.

use tokio::sync::SemaphorePermit;

use super::buffers::Buffers;
use super::checksum::{Algorithm, Checksum};
use super::content::{Content, blocking, weight};
use super::open::Opened;
use super::press::press;
use super::wire::Taken;
use super::{Courier, Failure, Proof};
use crate::aws::AwsError;
use crate::plan::Put;
use crate::rules::Encoding;
use crate::types::Digest;

/// What one request carries.
struct Loaded<'a> {
    /// The turn of a file that is compressed as it is sent: an encoder takes
    /// dozens of megabytes.
    _turn: Option<SemaphorePermit<'a>>,
    content: Content,
    checksum: Checksum,
    /// How the content is encoded, where it is.
    encoding: Option<String>,
    /// The digest of the file, if it is known.
    digest: Option<Digest>,
}

impl Courier {
    /// Puts a file in one request. What was under way when the run is stopped
    /// may finish within the time of grace.
    pub(super) async fn put_single(
        &self,
        put: &Put,
        algorithm: Algorithm,
    ) -> Result<Option<Proof>, Failure> {
        let size = put.file.size;
        // Nothing is begun any more once a stop was asked for.
        let begin = async {
            let memory = self.memory.reserve(weight(size)).await;
            let opened = self.root.open(&put.file).map_err(Failure::File)?;
            let loaded = self.load(put, &opened, algorithm).await?;
            opened.check().map_err(Failure::File)?;
            Ok((memory, opened, loaded))
        };
        let ready = self.stop.or(begin).await.unwrap_or(Err(Failure::NotSent));
        let (_memory, opened, loaded) = ready?;
        let taken = tokio::select! {
            biased;
            sent = self.send_single(put, &loaded) => sent,
            () = self.stop.overdue() => Err(Failure::InDoubt),
        }
        .map_err(|failure| blame_the_file(failure, &opened))?;
        self.progress.sent(size);
        let etag = taken.etag.as_deref();
        Ok(Proof::of(etag, loaded.content.size(), loaded.digest))
    }

    async fn load(
        &self,
        put: &Put,
        opened: &Opened,
        algorithm: Algorithm,
    ) -> Result<Loaded<'_>, Failure> {
        let encoding = match &put.properties.encoding {
            Encoding::Plain => None,
            Encoding::Stored(encoding) => Some(encoding.clone()),
            Encoding::Applied(codec) => {
                // Compression is work for a processor, not for a network.
                let turn = self.pressing.acquire().await.ok();
                let pressed = press(opened.all(&self.buffers), *codec, algorithm).await;
                let pressed = pressed.map_err(|e| Failure::File(opened.reading_failed(&e)))?;
                if let Some((content, checksum)) = pressed {
                    let digest = self.digest(put, opened).await?;
                    let streamed = matches!(content, Content::Pressed(_));
                    return Ok(Loaded {
                        _turn: turn.filter(|_| streamed),
                        content,
                        checksum,
                        encoding: Some(codec.to_string()),
                        digest,
                    });
                }
                None
            }
        };
        let (content, checksum) = load(opened, &self.buffers, 0, put.file.size, algorithm).await?;
        let digest = match self.digest_of(put, &content) {
            Some(digest) => Some(digest),
            None => self.digest(put, opened).await?,
        };
        Ok(Loaded {
            _turn: None,
            content,
            checksum,
            encoding,
            digest,
        })
    }

    /// The digest of a file, if it is wanted.
    pub(super) async fn digest(
        &self,
        put: &Put,
        opened: &Opened,
    ) -> Result<Option<Digest>, Failure> {
        if !self.wants_digest(put) {
            return Ok(put.digest);
        }
        let all = opened.all(&self.buffers);
        let digest = blocking(move || all.digest()).await;
        digest
            .map(Some)
            .map_err(|error| Failure::File(opened.reading_failed(&error)))
    }

    async fn send_single(&self, put: &Put, loaded: &Loaded<'_>) -> Result<Taken, Failure> {
        let Loaded {
            content,
            checksum,
            encoding,
            digest: _,
            _turn,
        } = loaded;
        let properties = &put.properties;
        let content_type = ("content-type", properties.content_type.as_str());
        let encoding = encoding.as_deref().map(|value| ("content-encoding", value));
        let own = properties.headers.iter();
        let headers: Vec<(&str, &str)> = [content_type]
            .into_iter()
            .chain(encoding)
            .chain(own.map(|header| (header.name.as_str(), header.value.as_str())))
            .collect();
        let key = self.key_of(put);
        let sent = self.wire.put_object(&key, &headers, content, checksum);
        let taken = sent.await.map_err(|error| self.refused(error, checksum))?;
        verified(taken.checksum.as_deref(), checksum)?;
        Ok(taken)
    }

    /// A server may refuse a checksum that it does not know. That is taken for
    /// it only where another one can be asked for; otherwise its words count.
    pub(super) fn refused(&self, error: AwsError, checksum: &Checksum) -> Failure {
        let speaks_of_it = error.message.to_ascii_lowercase().contains("checksum")
            || error.code == "NotImplemented";
        let unknown = self.checksums.may_step_down(checksum.algorithm)
            && speaks_of_it
            && matches!(error.status, Some(400 | 501))
            // These know the checksum, and found that it differs.
            && error.code != "BadDigest"
            && !error.code.contains("Mismatch");
        match unknown {
            true => Failure::Unverified,
            false => error.into(),
        }
    }
}

/// When the checksum does not match what arrived, or the body broke off,
/// the likeliest reason is that the file changed between the two reads.
pub(super) fn blame_the_file(failure: Failure, opened: &Opened) -> Failure {
    match (&failure, opened.check()) {
        // Whatever else is wrong, S3 may have the object.
        (Failure::Aws(error), _) if error.in_doubt => failure,
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
