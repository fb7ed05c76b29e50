//! Memory that is read into again and again.
//!
//! Owns: the chunks that large files go through. Never: what is in them.
//!
//! An allocator gets a chunk of this size from the kernel, which clears it, and
//! gives it back at once; that costs as much as reading the file.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// How large a chunk is.
pub(super) const CHUNK: usize = 128 * 1024;

/// Chunks that nobody uses. There are never more of them than were in use at
/// once.
#[derive(Debug, Clone, Default)]
pub(super) struct Buffers(Arc<Mutex<Vec<Box<[u8]>>>>);

/// A chunk in use; it goes back by itself.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Box<[u8]>,
    filled: usize,
    home: Buffers,
}

impl Buffers {
    /// A chunk that `read` fills with `size` bytes, or as many as it can hold.
    pub(super) fn fill(
        &self,
        size: u64,
        read: impl FnOnce(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<Buffer> {
        let bytes = self.idle().pop();
        let mut buffer = Buffer {
            bytes: bytes.unwrap_or_else(|| vec![0; CHUNK].into()),
            filled: usize::try_from(size).unwrap_or(CHUNK).min(CHUNK),
            home: self.clone(),
        };
        read(&mut buffer.bytes[..buffer.filled])?;
        Ok(buffer)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Box<[u8]>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl From<Buffer> for Bytes {
    fn from(buffer: Buffer) -> Self {
        Self::from_owner(buffer)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.home.idle().push(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_used_again_once_nobody_has_it_any_more() {
        let buffers = Buffers::default();
        let fill = |byte, size| {
            buffers.fill(size, |bytes| {
                bytes.fill(byte);
                Ok(())
            })
        };
        let first = Bytes::from(fill(1, 3).unwrap());
        let second = Bytes::from(fill(2, u64::MAX).unwrap());
        assert_eq!((&first[..], second.len()), (&[1, 1, 1][..], CHUNK));
        let slice = first.slice(1..2);
        drop((first, second));
        assert_eq!((buffers.idle().len(), &slice[..]), (1, &[1][..]));
        drop(slice);
        assert_eq!(buffers.idle().len(), 2);
        assert_eq!(fill(3, 2).unwrap().as_ref(), [3, 3]);
        assert!(buffers.fill(1, |_| Err(io::Error::other("no"))).is_err());
        assert_eq!(buffers.idle().len(), 2);
    }
}
