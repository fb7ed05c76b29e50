//! Digests: what tells one content from another.

use std::fmt;

use super::etag::unhex;
use crate::text::hex;

/// The first 128 bits of a BLAKE3 digest: nobody finds a second content for it,
/// and a million of them take 16 MB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub(super) [u8; 16]);

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from(blake3::hash(bytes))
    }

    /// Reads what `Display` writes.
    #[must_use]
    pub fn from_record(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }
}

impl From<blake3::Hash> for Digest {
    fn from(hash: blake3::Hash) -> Self {
        let mut short = [0; 16];
        short.copy_from_slice(&hash.as_bytes()[..16]);
        Self(short)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_one_cut_short() {
        // The first test vector of the BLAKE3 specification: no input.
        let empty = Digest::of(b"");
        assert_eq!(empty.to_string(), "af1349b9f5f9a1a6a0404dea36dcc949");
        assert_eq!(Digest::from_record(&empty.to_string()), Some(empty));
        assert_eq!(Digest::from_record("af"), None);
    }
}
