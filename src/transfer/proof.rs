//! What was stored, so that a later run knows it again.

use super::Courier;
use super::content::Content;
use crate::plan::Put;
use crate::types::{Digest, ETag};

/// What S3 has, and of which content it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// The entity tag that S3 gave it.
    pub etag: ETag,
    /// How many bytes S3 keeps.
    pub size: u64,
    /// The digest of the file.
    pub content: Digest,
    /// When S3 said so, in seconds since 1970 by its clock.
    pub at: i64,
}

/// What S3 says of an object that it has stored.
#[derive(Debug, Clone, Default)]
pub(super) struct Receipt {
    pub(super) etag: Option<String>,
    pub(super) at: Option<i64>,
}

impl Proof {
    /// Proof, if all of it is known.
    pub(super) fn of(receipt: &Receipt, size: u64, content: Option<Digest>) -> Option<Self> {
        // Nobody asks for it where nothing is recorded.
        let content = content?;
        // Some servers answer with an empty tag.
        let etag = receipt.etag.as_deref();
        let etag = etag.filter(|etag| !etag.trim_matches('"').is_empty());
        Some(Self {
            etag: ETag::from_server(etag?),
            size,
            content,
            at: receipt.at?,
        })
    }
}

impl Courier {
    /// Whether the digest of this file is still to be found out. What the plan
    /// knows of a file holds as long as the file is the one that was planned.
    pub(super) fn wants_digest(&self, put: &Put) -> bool {
        self.records && put.digest.is_none()
    }

    /// The digest of a file whose content is in memory as it is, or known.
    pub(super) fn digest_of(&self, put: &Put, content: &Content) -> Option<Digest> {
        match content {
            Content::Kept(bytes) if self.wants_digest(put) => Some(Digest::of(bytes)),
            Content::Kept(_) | Content::Streamed(_) | Content::Pressed(_) => put.digest,
        }
    }
}
