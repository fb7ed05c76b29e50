//! What is at the destination: its objects, and docferry's own record of them.
//!
//! Owns: listing, the manifest, the lock, and asking S3 about single objects.
//! Never: decisions about them.

mod head;
mod listing;
mod lock;
mod manifest;
mod own;
mod record;
mod span;

pub use head::{Looks, look};
pub use listing::{Listing, list};
pub use lock::{Held, Holder, Taken, take, wait};
pub use manifest::{Found, Stored, read, store};
pub use own::Desk;
pub use record::{Distrust, Manifest, Row, Seal};

use crate::aws::AwsError;
use crate::types::{AccountId, Destination, OWN_FOLDER};

/// Where S3 is asked, and as what.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The client that asks.
    pub client: &'a aws_sdk_s3::Client,
    /// Below which prefix.
    pub destination: &'a Destination,
    /// Which account must own the bucket.
    pub owner: Option<&'a AccountId>,
}

impl Place<'_> {
    pub(crate) fn bucket(&self) -> &str {
        self.destination.bucket.as_str()
    }

    pub(crate) fn owner(&self) -> Option<String> {
        self.owner.map(ToString::to_string)
    }

    /// The whole key of one that is relative to the prefix.
    pub(crate) fn whole(&self, key: &str) -> String {
        format!("{}{key}", self.destination.prefix)
    }

    /// The key of an object of docferry's own.
    fn own(&self, name: &str) -> String {
        self.whole(&format!("{OWN_FOLDER}/{name}"))
    }
}

/// A question that S3 did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// The action that is needed for it.
    pub action: &'static str,
    /// The `s3://` address of what was asked for.
    pub url: String,
    /// What came instead.
    pub error: Box<AwsError>,
}

impl Unanswered {
    /// Whether it says something of the object rather than of us or of S3.
    #[must_use]
    pub fn is_about_the_object(&self) -> bool {
        let client = self
            .error
            .status
            .is_some_and(|s| (400..500).contains(&s) && s != 429);
        client && self.error.identity.is_none() && !self.error.is(&["ExpiredToken", "NoSuchBucket"])
    }

    /// Whether it was refused to us, rather than failed.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.error.status == Some(403) && self.error.identity.is_none()
    }
}
