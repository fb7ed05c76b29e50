//! Owns the bytes: small bodies in memory, larger ones in one temporary file
//! that the system removes when the sandbox ends, however it ends.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};

/// The temporary file, written in ranges that are reserved ahead: writers of
/// different bodies never wait for each other.
#[derive(Debug)]
pub(crate) struct Spool {
    file: Arc<File>,
    end: AtomicU64,
    memory_below: u64,
}

/// The bytes of one body.
#[derive(Debug, Clone)]
pub(crate) enum Blob {
    Memory(Bytes),
    File {
        file: Arc<File>,
        offset: u64,
        len: u64,
    },
    Joined(Arc<Vec<Blob>>, u64),
}

/// A body that is being received.
#[derive(Debug)]
pub(crate) enum BlobWriter {
    Memory(BytesMut),
    File {
        file: Arc<File>,
        offset: u64,
        len: u64,
        room: u64,
    },
}

impl Spool {
    pub(crate) fn new(memory_below: u64) -> Self {
        Self {
            file: Arc::new(tempfile::tempfile().expect("a temporary file can be made")),
            end: AtomicU64::new(0),
            memory_below,
        }
    }

    /// A writer for a body of at most this length.
    pub(crate) fn writer(&self, length: u64) -> BlobWriter {
        if length < self.memory_below {
            let room = usize::try_from(length).unwrap_or_default();
            return BlobWriter::Memory(BytesMut::with_capacity(room));
        }
        BlobWriter::File {
            file: Arc::clone(&self.file),
            offset: self.end.fetch_add(length, Ordering::SeqCst),
            len: 0,
            room: length,
        }
    }
}

impl BlobWriter {
    pub(crate) fn write(&mut self, data: &[u8]) -> io::Result<()> {
        match self {
            Self::Memory(buffer) => buffer.extend_from_slice(data),
            Self::File {
                file,
                offset,
                len,
                room,
            } => {
                if *len + data.len() as u64 > *room {
                    return Err(io::Error::other("the body is longer than announced"));
                }
                write_at(file, data, *offset + *len)?;
                *len += data.len() as u64;
            }
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Blob {
        match self {
            Self::Memory(buffer) => Blob::Memory(buffer.freeze()),
            Self::File {
                file, offset, len, ..
            } => Blob::File { file, offset, len },
        }
    }
}

impl Blob {
    pub(crate) fn join(blobs: Vec<Self>) -> Self {
        let length = blobs.iter().map(Self::len).sum();
        Self::Joined(Arc::new(blobs), length)
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { len, .. } | Self::Joined(_, len) => *len,
        }
    }

    /// Up to `most` bytes from `from`; empty at the end only.
    pub(crate) fn read(&self, from: u64, most: u64) -> io::Result<Bytes> {
        let most = most.min(self.len().saturating_sub(from));
        match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(from).map_err(io::Error::other)?;
                let end = usize::try_from(from + most).map_err(io::Error::other)?;
                Ok(bytes.slice(start.min(bytes.len())..end.min(bytes.len())))
            }
            Self::File { file, offset, .. } => {
                let mut buffer = vec![0; usize::try_from(most).map_err(io::Error::other)?];
                read_at(file, &mut buffer, offset + from)?;
                Ok(buffer.into())
            }
            Self::Joined(blobs, _) => {
                let mut skip = from;
                for blob in blobs.iter() {
                    if skip < blob.len() {
                        return blob.read(skip, most);
                    }
                    skip -= blob.len();
                }
                Ok(Bytes::new())
            }
        }
    }

    /// All bytes in memory.
    pub(crate) fn bytes(&self) -> io::Result<Bytes> {
        if let Self::Memory(bytes) = self {
            return Ok(bytes.clone());
        }
        let mut all = BytesMut::new();
        let mut at = 0;
        while at < self.len() {
            let piece = self.read(at, 1 << 20)?;
            at += piece.len() as u64;
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

#[cfg(unix)]
fn write_at(file: &File, data: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, data, offset)
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn write_at(file: &File, mut data: &[u8], mut offset: u64) -> io::Result<()> {
    while !data.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, data, offset)?;
        data = &data[written..];
        offset += written as u64;
    }
    Ok(())
}

#[cfg(windows)]
fn read_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, buffer, offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[read..];
        offset += read as u64;
    }
    Ok(())
}
