//! Owns what a test puts into a bucket and takes out of it by itself, as the
//! bucket's owner would.

use std::sync::Arc;

use md5::{Digest as _, Md5};

use super::Bucket;
use crate::store::{Algorithm, Checksum, ChecksumType, Entry, Object, Properties};
use crate::text;
use crate::world::{lock, read};

impl Bucket {
    /// Puts an object without any header, as the bucket's account.
    pub fn object(&self, key: &str, bytes: &[u8]) {
        let config = read(&self.stored.config).clone();
        let mut sum = Algorithm::Crc64Nvme.hasher();
        sum.update(bytes);
        let mut blob = self.world.spool.writer(bytes.len() as u64);
        blob.write(bytes).expect("the sandbox's memory takes it");
        let object = Object {
            key: key.to_owned(),
            version_id: config
                .versioned
                .then(|| text::random_text(text::BASE32, 32)),
            etag: text::hex(&Md5::digest(bytes)),
            size: bytes.len() as u64,
            last_modified: self.world.clock.now(),
            properties: Properties::default(),
            checksum: Checksum {
                algorithm: Algorithm::Crc64Nvme,
                value: text::base64(&sum.finish()),
                kind: ChecksumType::FullObject,
            },
            owner: config.owner.clone(),
            uploader: format!("arn:{}:iam::{}:root", config.partition, config.owner),
            parts: Vec::new(),
            blob: blob.finish(),
        };
        lock(&self.stored.state).put(Arc::new(object), config.versioned);
    }

    /// Takes an object out for good, with all its versions.
    pub fn remove(&self, key: &str) {
        lock(&self.stored.state).objects.remove(key);
    }

    /// How many versions of a key there are, delete markers included, and
    /// whether the newest is a marker.
    pub fn versions(&self, key: &str) -> (usize, bool) {
        let state = lock(&self.stored.state);
        let versions = state.objects.get(key);
        let is_marker = |entry: &Entry| entry.object().is_none();
        versions.map_or((0, false), |all| {
            (all.len(), all.last().is_some_and(is_marker))
        })
    }
}
