//! Owns S3's checksums: the algorithms, and how parts combine.
//!
//! Source: S3 User Guide, "Checking object integrity in Amazon S3" (full
//! object and composite checksums).

use crc_fast::{CrcAlgorithm, Digest as Crc, checksum_combine};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::text;

/// A checksum algorithm of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// CRC-32
    Crc32,
    /// CRC-32C
    Crc32c,
    /// CRC-64/NVME: what S3 computes itself when the client names none.
    Crc64Nvme,
    /// SHA-1
    Sha1,
    /// SHA-256
    Sha256,
}

/// Whether a checksum covers the object or the checksums of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChecksumType {
    /// Over all bytes of the object.
    FullObject,
    /// Over the checksums of the parts.
    Composite,
}

/// The checksum that S3 keeps with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Base64; a composite one ends in `-N`.
    pub value: String,
    /// What it covers.
    pub kind: ChecksumType,
}

impl Algorithm {
    /// All algorithms.
    pub const ALL: [Self; 5] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
    ];

    /// The name as headers and XML write it: `CRC64NVME`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header that carries a value.
    #[must_use]
    pub fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// Finds an algorithm by its name, in any case.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    pub(crate) fn length(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    pub(crate) fn hasher(self) -> Hasher {
        match self {
            Self::Crc32 => Hasher::Crc(self, Crc::new(CrcAlgorithm::Crc32IsoHdlc)),
            Self::Crc32c => Hasher::Crc(self, Crc::new(CrcAlgorithm::Crc32Iscsi)),
            Self::Crc64Nvme => Hasher::Crc(self, Crc::new(CrcAlgorithm::Crc64Nvme)),
            Self::Sha1 => Hasher::Sha1(Sha1::new()),
            Self::Sha256 => Hasher::Sha256(Sha256::new()),
        }
    }

    /// The checksum of the whole from the checksums of its parts; only CRCs
    /// can be combined that way.
    pub(crate) fn full_object(self, parts: &[(Vec<u8>, u64)]) -> Option<Vec<u8>> {
        let algorithm = match self {
            Self::Crc32 => CrcAlgorithm::Crc32IsoHdlc,
            Self::Crc32c => CrcAlgorithm::Crc32Iscsi,
            Self::Crc64Nvme => CrcAlgorithm::Crc64Nvme,
            Self::Sha1 | Self::Sha256 => return None,
        };
        let mut parts = parts.iter();
        let mut sum = number(&parts.next()?.0);
        for (value, length) in parts {
            sum = checksum_combine(algorithm, sum, number(value), *length);
        }
        Some(sum.to_be_bytes()[8 - self.length()..].to_vec())
    }

    /// The checksum of the parts' checksums.
    pub(crate) fn composite(self, parts: &[(Vec<u8>, u64)]) -> String {
        let mut hasher = self.hasher();
        for (value, _) in parts {
            hasher.update(value);
        }
        format!("{}-{}", text::base64(&hasher.finish()), parts.len())
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

/// A checksum that is being computed.
pub(crate) enum Hasher {
    Crc(Algorithm, Crc),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Hasher {
    pub(crate) fn update(&mut self, data: &[u8]) {
        match self {
            Self::Crc(_, crc) => crc.update(data),
            Self::Sha1(sha) => sha.update(data),
            Self::Sha256(sha) => sha.update(data),
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        match self {
            Self::Crc(algorithm, crc) => {
                crc.finalize().to_be_bytes()[8 - algorithm.length()..].to_vec()
            }
            Self::Sha1(sha) => sha.finalize().to_vec(),
            Self::Sha256(sha) => sha.finalize().to_vec(),
        }
    }
}
