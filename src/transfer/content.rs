//! The bytes of a request: read once and kept when they are few, read from the
//! file as they go out when they are many.
//!
//! A large body is read twice, first for its checksum and then to be sent. The
//! server compares the two, so a file that changes in between can never become
//! an object that is part old and part new.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use super::buffers::{Buffer, Buffers, CHUNK};
use super::checksum::{Algorithm, Checksum, Running};
use super::press::Pressed;
use crate::types::Digest;

/// Up to this size a body is kept in memory.
pub(super) const KEPT: u64 = 1024 * 1024;
/// Up to this size a read is quicker than handing it to another thread; files
/// that a job has just built are in the page cache.
const INLINE: u64 = 256 * 1024;

/// A part of a file, or all of it.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Kept(Bytes),
    Streamed(Range),
    Pressed(Pressed),
}

/// A stretch of an open file.
#[derive(Debug, Clone)]
pub(super) struct Range {
    pub(super) file: Arc<File>,
    pub(super) buffers: Buffers,
    pub(super) begin: u64,
    pub(super) end: u64,
}

/// How much memory a body of this size takes while it is sent: itself, or one
/// chunk on its way and the next one.
pub(super) const fn weight(size: u64) -> u64 {
    if size <= KEPT { size } else { 2 * CHUNK as u64 }
}

impl Content {
    /// `size` bytes of the file from `begin` on.
    pub(super) async fn read(
        file: &Arc<File>,
        buffers: &Buffers,
        begin: u64,
        size: u64,
    ) -> io::Result<Self> {
        let range = Range {
            file: Arc::clone(file),
            buffers: buffers.clone(),
            begin,
            end: begin + size,
        };
        if size > KEPT {
            return Ok(Self::Streamed(range));
        }
        let bytes = if size <= INLINE {
            range.whole()
        } else {
            blocking(move || range.whole()).await
        };
        bytes.map(Self::Kept)
    }

    pub(super) async fn checksum(&self, algorithm: Algorithm) -> io::Result<Checksum> {
        match self {
            Self::Kept(bytes) => Ok(Checksum::of(algorithm, bytes)),
            Self::Streamed(range) => {
                let range = range.clone();
                blocking(move || range.checksum(algorithm)).await
            }
            Self::Pressed(pressed) => Ok(pressed.checksum.clone()),
        }
    }

    /// How many bytes it has.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Kept(bytes) => bytes.len() as u64,
            Self::Streamed(range) => range.end - range.begin,
            Self::Pressed(pressed) => pressed.length,
        }
    }

    /// A body for one attempt.
    pub(super) fn body(&self) -> SdkBody {
        match self {
            Self::Kept(bytes) => SdkBody::from(bytes.clone()),
            Self::Streamed(range) => SdkBody::from_body_1_x(FileBody::new(range.clone())),
            Self::Pressed(pressed) => pressed.body(),
        }
    }
}

impl Range {
    fn whole(&self) -> io::Result<Bytes> {
        let size = self.end - self.begin;
        let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, self.begin)?;
        Ok(bytes.into())
    }

    /// What comes next, as far as a chunk can hold it.
    pub(super) fn chunk(&self, at: u64) -> io::Result<Buffer> {
        let read = |bytes: &mut [u8]| self.file.read_exact_at(bytes, at);
        self.buffers.fill(self.end - at, read)
    }

    pub(super) fn digest(&self) -> io::Result<Digest> {
        let mut running = blake3::Hasher::new();
        self.each_chunk(|bytes| {
            running.update(bytes);
        })?;
        Ok(running.finalize().into())
    }

    fn checksum(&self, algorithm: Algorithm) -> io::Result<Checksum> {
        let mut running = Running::new(algorithm);
        self.each_chunk(|bytes| running.update(bytes))?;
        Ok(running.finish())
    }

    fn each_chunk(&self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        let mut at = self.begin;
        while at < self.end {
            let chunk = self.chunk(at)?;
            take(chunk.as_ref());
            at += chunk.as_ref().len() as u64;
        }
        Ok(())
    }
}

/// Runs a read that may wait for a disk beside the requests. It ends by
/// itself, also when nobody waits for it any more.
pub(super) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(read).await.map_err(io::Error::other)?
}

/// A body that reads its file as it is sent.
struct FileBody {
    range: Range,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    fn new(range: Range) -> Self {
        Self {
            range,
            reading: None,
        }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.range.begin == self.range.end {
            return Poll::Ready(None);
        }
        let Self { range, reading } = &mut *self;
        let reading = reading.get_or_insert_with(|| {
            let range = range.clone();
            spawn_blocking(move || range.chunk(range.begin).map(Bytes::from))
        });
        let chunk = ready!(Pin::new(reading).poll(context)).map_err(io::Error::other)??;
        self.range.begin += chunk.len() as u64;
        self.reading = None;
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.range.begin == self.range.end
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.range.end - self.range.begin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> Arc<File> {
        use std::io::Write;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Arc::new(file)
    }

    async fn sent(body: SdkBody) -> Vec<u8> {
        let stream = aws_smithy_types::byte_stream::ByteStream::new(body);
        stream.collect().await.unwrap().to_vec()
    }

    #[tokio::test]
    async fn what_is_sent_is_what_was_read_however_it_is_read_and_as_often_as_asked() {
        let bytes: Vec<u8> = (0..3 * 1024 * 1024u32).map(|i| (i % 251) as u8).collect();
        let file = file(&bytes);
        for (begin, size) in [
            (0, 0),
            (5, 100),
            (7, 300_000),
            (11, 2_000_003),
            (0, 3 * KEPT),
        ] {
            let expected = &bytes[begin..begin + usize::try_from(size).unwrap()];
            let content = Content::read(&file, &Buffers::default(), begin as u64, size)
                .await
                .unwrap();
            assert_eq!(matches!(content, Content::Streamed(_)), size > KEPT);
            let sum = content.checksum(Algorithm::Crc64Nvme).await.unwrap();
            assert_eq!(sum, Checksum::of(Algorithm::Crc64Nvme, expected));
            assert_eq!(content.size(), size);
            for _ in 0..2 {
                let body = content.body();
                assert_eq!(body.content_length(), Some(size));
                assert_eq!(sent(body).await, expected);
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_shrank_is_an_error_not_a_shorter_body() {
        let file = file(&[1; 100]);
        let buffers = Buffers::default();
        assert!(Content::read(&file, &buffers, 50, 51).await.is_err());
        let long = Content::read(&file, &buffers, 0, 2 * KEPT).await.unwrap();
        assert!(long.checksum(Algorithm::Crc64Nvme).await.is_err());
    }
}
