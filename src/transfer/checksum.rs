//! The checksums that S3 verifies ("Checking object integrity for data uploads
//! in Amazon S3", Amazon S3 User Guide).

use std::sync::atomic::{AtomicU8, Ordering};

use aws_smithy_types::base64;
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};

use crate::settings::ChecksumChoice;

/// A way to check a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Crc64Nvme,
    Crc32C,
    Md5,
}

impl Algorithm {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Crc64Nvme => "CRC-64/NVME",
            Self::Crc32C => "CRC-32C",
            Self::Md5 => "Content-MD5",
        }
    }

    const fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Crc32C => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Md5 => None,
        }
    }

    /// How many bytes of the CRC are sent.
    const fn width(self) -> usize {
        match self {
            Self::Crc64Nvme => 8,
            Self::Crc32C => 4,
            Self::Md5 => 16,
        }
    }
}

/// Which algorithm this run uses. In `auto` it begins with the best and steps
/// down when the server shows that it does not know one: a server that does
/// not repeat a checksum in its answer has not verified it.
#[derive(Debug)]
pub(super) struct Choice {
    auto: bool,
    index: AtomicU8,
}

const LADDER: [Algorithm; 3] = [Algorithm::Crc64Nvme, Algorithm::Crc32C, Algorithm::Md5];

impl Choice {
    pub(super) fn new(choice: ChecksumChoice) -> Self {
        let (auto, index) = match choice {
            ChecksumChoice::Auto => (true, 0),
            ChecksumChoice::Crc64Nvme => (false, 0),
            ChecksumChoice::Crc32C => (false, 1),
            ChecksumChoice::Md5 => (false, 2),
        };
        Self {
            auto,
            index: AtomicU8::new(index),
        }
    }

    pub(super) fn current(&self) -> Algorithm {
        let index = usize::from(self.index.load(Ordering::Relaxed));
        LADDER[index.min(LADDER.len() - 1)]
    }

    /// Whether another one may take the place of this.
    pub(super) fn may_step_down(&self, from: Algorithm) -> bool {
        self.auto && from != Algorithm::Md5
    }

    /// Whether to try again, after `failed` was not verified.
    pub(super) fn step_down(&self, failed: Algorithm) -> bool {
        if !self.may_step_down(failed) {
            return false;
        }
        if self.current() == failed {
            self.index.fetch_add(1, Ordering::Relaxed);
            tracing::info!(
                "this server does not verify {}; using {} instead",
                failed.name(),
                self.current().name()
            );
        }
        true
    }
}

/// The checksum of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checksum {
    pub(super) algorithm: Algorithm,
    /// As it goes into a header.
    pub(crate) base64: String,
    crc: u64,
    length: u64,
}

impl Checksum {
    pub(super) fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut running = Running::new(algorithm);
        running.update(bytes);
        running.finish()
    }

    /// The value, if it is of this algorithm.
    pub(super) fn value_for(&self, algorithm: Algorithm) -> Option<String> {
        (self.algorithm == algorithm).then(|| self.base64.clone())
    }

    fn from_crc(algorithm: Algorithm, crc: u64, length: u64) -> Self {
        let bytes = crc.to_be_bytes();
        Self {
            algorithm,
            base64: base64::encode(&bytes[bytes.len() - algorithm.width()..]),
            crc,
            length,
        }
    }

    /// The checksum of the whole from those of its parts, in their order. CRCs
    /// can be combined, MD5 cannot.
    pub(super) fn combine<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let first = parts.next()?;
        let crc = first.algorithm.crc()?;
        let (value, length) = parts.fold((first.crc, first.length), |(value, length), part| {
            let value = crc_fast::checksum_combine(crc, value, part.crc, part.length);
            (value, length + part.length)
        });
        Some(Self::from_crc(first.algorithm, value, length))
    }
}

/// A checksum in the making.
pub(crate) enum Running {
    Crc(Algorithm, Box<crc_fast::Digest>),
    Md5(Box<Md5>, u64),
}

impl Running {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm.crc() {
            Some(crc) => Self::Crc(algorithm, Box::new(crc_fast::Digest::new(crc))),
            None => Self::Md5(Box::default(), 0),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(_, digest) => digest.update(bytes),
            Self::Md5(digest, length) => {
                digest.update(bytes);
                *length += bytes.len() as u64;
            }
        }
    }

    pub(crate) fn finish(self) -> Checksum {
        match self {
            Self::Crc(algorithm, digest) => {
                Checksum::from_crc(algorithm, digest.finalize(), digest.get_amount())
            }
            Self::Md5(digest, length) => Checksum {
                algorithm: Algorithm::Md5,
                base64: base64::encode(digest.finalize()),
                crc: 0,
                length,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_published_check_values_come_out() {
        // The check value of each algorithm is that of these nine digits:
        // the CRC RevEng catalogue for the CRCs, RFC 1321's method for MD5.
        for (algorithm, base64) in [
            (
                Algorithm::Crc64Nvme,
                base64::encode([0xae, 0x8b, 0x14, 0x86, 0x0a, 0x79, 0x98, 0x88]),
            ),
            (Algorithm::Crc32C, base64::encode([0xe3, 0x06, 0x92, 0x83])),
            (Algorithm::Md5, "JfnnlDI7RTiF9RgfG2JNCw==".to_owned()),
        ] {
            assert_eq!(Checksum::of(algorithm, b"123456789").base64, base64);
        }
    }

    #[test]
    fn only_auto_steps_down_and_only_once_for_many_failures() {
        let auto = Choice::new(ChecksumChoice::Auto);
        assert!(auto.step_down(Algorithm::Crc64Nvme));
        assert!(auto.step_down(Algorithm::Crc64Nvme));
        assert_eq!(auto.current(), Algorithm::Crc32C);
        assert!(auto.step_down(Algorithm::Crc32C));
        assert_eq!(auto.current(), Algorithm::Md5);
        assert!(!auto.step_down(Algorithm::Md5));
        assert!(!Choice::new(ChecksumChoice::Crc64Nvme).step_down(Algorithm::Crc64Nvme));
    }

    proptest! {
        #[test]
        fn parts_combine_to_the_whole(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..6)) {
            for algorithm in [Algorithm::Crc64Nvme, Algorithm::Crc32C] {
                let sums: Vec<_> = parts.iter().map(|part| Checksum::of(algorithm, part)).collect();
                prop_assert_eq!(Checksum::combine(&sums), Some(Checksum::of(algorithm, &parts.concat())));
            }
        }
    }
}
