//! The entity tags that a file may have, whoever uploaded it.

use md5::{Digest as _, Md5};

use crate::plan::{Method, Verdict};
use crate::types::{Bytes, ETag};

/// Part sizes of the tools that people use, in MiB: their defaults and those
/// that their manuals suggest.
const USUAL: [u64; 12] = [5, 8, 10, 15, 16, 25, 32, 50, 64, 100, 128, 256];
/// Each takes an MD5 of the whole file.
const MOST: usize = 4;

/// Compares a file with an entity tag while it is read.
pub(super) struct ETags {
    wanted: ETag,
    candidates: Vec<Candidate>,
}

/// The tag for one size of parts.
struct Candidate {
    part_size: u64,
    left: u64,
    part: Md5,
    parts: Md5,
}

impl ETags {
    pub(super) fn new(wanted: ETag, size: u64, method: &Method) -> Self {
        let part_sizes = match wanted.parts() {
            Some(parts) => part_sizes(size, parts, method),
            None if wanted.is_plain() => vec![u64::MAX],
            None => Vec::new(),
        };
        let candidates = part_sizes.into_iter().map(|part_size| Candidate {
            part_size,
            left: part_size,
            part: Md5::new(),
            parts: Md5::new(),
        });
        Self {
            wanted,
            candidates: candidates.collect(),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        for candidate in &mut self.candidates {
            candidate.update(bytes);
        }
    }

    /// Another tag of one piece means another content, unless a key of KMS is in
    /// play. One of parts may just mean parts of another size.
    pub(super) fn finish(self) -> Verdict {
        let Self { wanted, candidates } = self;
        let mut tags = candidates.into_iter().map(|c| c.finish(wanted.parts()));
        match tags.any(|tag| tag == wanted) {
            true => Verdict::Same,
            false if wanted.is_plain() => Verdict::Differs,
            false => Verdict::Unknown,
        }
    }
}

impl Candidate {
    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let length = usize::try_from(self.left)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let (now, later) = bytes.split_at(length);
            self.part.update(now);
            self.left -= length as u64;
            if self.left == 0 {
                self.end_part();
            }
            bytes = later;
        }
    }

    fn end_part(&mut self) {
        self.parts.update(std::mem::take(&mut self.part).finalize());
        self.left = self.part_size;
    }

    fn finish(mut self, parts: Option<u16>) -> ETag {
        let Some(parts) = parts else {
            return ETag::of_md5(self.part.finalize().into());
        };
        if self.left < self.part_size {
            self.end_part();
        }
        ETag::of_parts(self.parts.finalize().into(), parts)
    }
}

/// Sizes that part a file of this size into so many: docferry's own first.
fn part_sizes(size: u64, parts: u16, method: &Method) -> Vec<u64> {
    let own = match method {
        Method::Parts(size) => Some(*size),
        Method::Single | Method::Copy { .. } => None,
    };
    let usual = USUAL.iter().map(|mib| Bytes::mib(*mib).0);
    // One part that is the whole, or parts of just the size that was needed.
    let least = size.div_ceil(u64::from(parts).max(1)).max(1);
    let least = [least, least.next_multiple_of(Bytes::mib(1).0)];
    let mut found = Vec::new();
    for part_size in own.into_iter().chain(usual).chain(least) {
        let fits = size.div_ceil(part_size).max(1) == u64::from(parts);
        if fits && !found.contains(&part_size) {
            found.push(part_size);
        }
    }
    found.truncate(MOST);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::hex;

    fn tag(content: &[u8], part_size: usize) -> ETag {
        let parts: Vec<_> = content.chunks(part_size).map(Md5::digest).collect();
        let whole = hex(&Md5::digest(parts.concat()));
        ETag::from_server(&format!("{whole}-{}", parts.len()))
    }

    fn told(content: &[u8], wanted: ETag, method: Method) -> Verdict {
        let mut etags = ETags::new(wanted, content.len() as u64, &method);
        for bytes in content.chunks(100_000) {
            etags.update(bytes);
        }
        etags.finish()
    }

    #[test]
    fn a_tag_is_found_again_whatever_the_parts_were() {
        const MIB: usize = 1024 * 1024;
        let content: Vec<u8> = (0..251_u8).cycle().take(20 * MIB).collect();
        let mut other = content.clone();
        other[7] ^= 1;
        let plain = ETag::from_server(&hex(&Md5::digest(&content)));
        for (etag, method) in [
            (plain, Method::Single),
            (tag(&content, 8 * MIB), Method::Parts(8 << 20)),
            (tag(&content, 7 * MIB), Method::Parts(7 << 20)),
            (tag(&content, 5 * MIB), Method::Parts(8 << 20)),
            (tag(&content, 16 * MIB), Method::Single),
            // One part.
            (tag(&content, 64 * MIB), Method::Single),
        ] {
            assert_eq!(told(&content, etag, method), Verdict::Same, "{etag}");
            let expected = if etag == plain {
                Verdict::Differs
            } else {
                Verdict::Unknown
            };
            assert_eq!(told(&other, etag, method), expected, "{etag}");
        }
        let odd = ETag::from_server("no tag that tells");
        assert_eq!(told(&content, odd, Method::Single), Verdict::Unknown);
        let empty = ETag::from_server(&hex(&Md5::digest([])));
        assert_eq!(told(&[], empty, Method::Single), Verdict::Same);
    }
}
