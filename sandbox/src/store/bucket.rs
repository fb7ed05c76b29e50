//! Owns buckets: their settings, and the objects and uploads that they hold.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, RwLock};

use crate::policy::Document;

use super::object::{Object, Upload};

/// S3's Object Ownership setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ownership {
    /// ACLs are off; the bucket's account owns every object. AWS's default.
    #[default]
    BucketOwnerEnforced,
    /// The bucket's account owns objects that are put with the canned ACL
    /// `bucket-owner-full-control`; the others belong to the uploader.
    BucketOwnerPreferred,
    /// Objects belong to the uploader.
    ObjectWriter,
}

/// Server-side encryption.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Encryption {
    /// SSE-S3, the default of every bucket.
    #[default]
    Aes256,
    /// SSE-KMS with this key's ARN, or with the AWS managed key `aws/s3`.
    Kms(Option<String>),
    /// DSSE-KMS, the same with two layers.
    KmsDsse(Option<String>),
}

impl Encryption {
    /// The KMS key, where one is used and known.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Aes256 => None,
            Self::Kms(key) | Self::KmsDsse(key) => key.as_deref(),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct BucketConfig {
    pub(crate) owner: String,
    pub(crate) region: String,
    pub(crate) partition: String,
    pub(crate) policy: Option<Arc<Document>>,
    pub(crate) ownership: Ownership,
    pub(crate) versioned: bool,
    pub(crate) encryption: Encryption,
    pub(crate) object_lock: bool,
    pub(crate) requester_pays: bool,
}

#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) config: RwLock<BucketConfig>,
    pub(crate) state: Mutex<State>,
}

/// One version of a key.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    Object(Arc<Object>),
    DeleteMarker { version_id: String },
}

impl Entry {
    pub(crate) fn version_id(&self) -> Option<&str> {
        match self {
            Self::Object(object) => object.version_id.as_deref(),
            Self::DeleteMarker { version_id } => Some(version_id),
        }
    }

    pub(crate) fn object(&self) -> Option<&Arc<Object>> {
        match self {
            Self::Object(object) => Some(object),
            Self::DeleteMarker { .. } => None,
        }
    }
}

/// Objects by key; `String` orders as S3 does, by the bytes of UTF-8. The
/// newest version of a key is the last.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) objects: BTreeMap<String, Vec<Entry>>,
    pub(crate) uploads: BTreeMap<String, Upload>,
}

impl State {
    /// The current object of a key; none behind a delete marker.
    pub(crate) fn current(&self, key: &str) -> Option<&Arc<Object>> {
        self.objects.get(key)?.last()?.object()
    }

    pub(crate) fn put(&mut self, object: Arc<Object>, versioned: bool) {
        let versions = self.objects.entry(object.key.clone()).or_default();
        if !versioned {
            versions.clear();
        }
        versions.push(Entry::Object(object));
    }
}

impl Bucket {
    pub(crate) fn arn(&self, partition: &str) -> String {
        format!("arn:{partition}:s3:::{}", self.name)
    }
}
