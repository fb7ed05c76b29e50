//! Owns the shape of a stored object, its properties, and an open upload.

use std::collections::BTreeMap;
use std::io;
use std::time::SystemTime;

use bytes::Bytes;

use super::bucket::Encryption;
use super::checksum::{Algorithm, Checksum, ChecksumType};
use super::spool::Blob;

/// What a client can say about an object besides its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Properties {
    /// `Content-Type`; S3 stores `binary/octet-stream` if none is given.
    pub content_type: Option<String>,
    /// `Cache-Control`
    pub cache_control: Option<String>,
    /// `Content-Disposition`
    pub content_disposition: Option<String>,
    /// `Content-Encoding`, without `aws-chunked`.
    pub content_encoding: Option<String>,
    /// `Content-Language`
    pub content_language: Option<String>,
    /// `Expires`, as it was sent.
    pub expires: Option<String>,
    /// `x-amz-website-redirect-location`
    pub website_redirect_location: Option<String>,
    /// `x-amz-storage-class`; none is `STANDARD`.
    pub storage_class: Option<String>,
    /// `x-amz-meta-…`, names without the prefix, in lower case.
    pub metadata: BTreeMap<String, String>,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// The canned ACL, where the bucket takes ACLs.
    pub acl: Option<String>,
    /// How the object is encrypted.
    pub encryption: Encryption,
    /// `x-amz-server-side-encryption-bucket-key-enabled`
    pub bucket_key: bool,
    /// `x-amz-object-lock-mode`
    pub lock_mode: Option<String>,
    /// `x-amz-object-lock-retain-until-date`
    pub retain_until: Option<String>,
    /// `x-amz-object-lock-legal-hold`
    pub legal_hold: Option<String>,
}

/// One part of a multipart upload.
#[derive(Debug, Clone)]
pub struct Part {
    /// 1 to 10,000
    pub number: u32,
    /// Bytes.
    pub size: u64,
    /// The part's ETag, without quotes.
    pub etag: String,
    /// The part's checksum, in base64.
    pub checksum: Option<String>,
    /// When it was received.
    pub last_modified: SystemTime,
    pub(crate) md5: [u8; 16],
    pub(crate) sums: Vec<(Algorithm, Vec<u8>)>,
    pub(crate) blob: Blob,
}

/// A stored object.
#[derive(Debug, Clone)]
pub struct Object {
    /// The key.
    pub key: String,
    /// The version, where the bucket is versioned.
    pub version_id: Option<String>,
    /// The ETag, without quotes.
    pub etag: String,
    /// Bytes.
    pub size: u64,
    /// By the sandbox's clock.
    pub last_modified: SystemTime,
    /// What the client said about it.
    pub properties: Properties,
    /// The checksum that S3 keeps.
    pub checksum: Checksum,
    /// The account that owns the object.
    pub owner: String,
    /// The ARN of whoever put it.
    pub uploader: String,
    /// The parts, if it came by a multipart upload.
    pub parts: Vec<Part>,
    pub(crate) blob: Blob,
}

impl Object {
    /// All bytes of the object.
    ///
    /// # Panics
    /// If the sandbox's temporary file cannot be read.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.blob.bytes().expect("the temporary file can be read")
    }

    /// Up to `most` bytes from `from`; empty at the end.
    ///
    /// # Errors
    /// If the sandbox's temporary file cannot be read.
    pub fn read(&self, from: u64, most: u64) -> io::Result<Bytes> {
        self.blob.read(from, most)
    }

    /// The stored content type.
    #[must_use]
    pub fn content_type(&self) -> &str {
        self.properties
            .content_type
            .as_deref()
            .unwrap_or("binary/octet-stream")
    }
}

/// An open multipart upload.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The upload id.
    pub id: String,
    /// The key that the object is to have.
    pub key: String,
    /// Who started it.
    pub initiator: String,
    /// When it was started.
    pub initiated: SystemTime,
    /// What the object is to have.
    pub properties: Properties,
    /// The checksum algorithm and type that were asked for.
    pub checksum: Option<(Algorithm, ChecksumType)>,
    /// The parts so far, by number.
    pub parts: BTreeMap<u32, Part>,
    pub(crate) owner: String,
}
