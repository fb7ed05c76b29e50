//! What the user wants of the objects, understood.

use super::header::Header;
use super::list::RuleList;
use super::pairs::{check_metadata_size, metadata_bytes};
use crate::settings::Compression;
use crate::types::Invalid;

/// The rules for one property that is a header, or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderRules {
    /// The property, as people call it.
    pub property: &'static str,
    /// The variable that holds the rules.
    pub variable: &'static str,
    /// The rules.
    pub list: RuleList<Vec<Header>>,
}

/// What the user wants of the objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectRules {
    /// Media types.
    pub content_type: RuleList<String>,
    /// Encodings that files have already.
    pub content_encoding: RuleList<String>,
    /// Encodings that files get on their way.
    pub compress: RuleList<Compression>,
    /// Properties that are headers and nothing more.
    pub headers: Vec<HeaderRules>,
    /// Headers that all objects have, such as those for encryption.
    pub common: Vec<Header>,
    /// Metadata about the job, which all objects have.
    pub stamp: Vec<Header>,
    /// Whether the requester pays, which every request must say.
    pub request_payer: bool,
}

impl ObjectRules {
    /// Checks what only all rules together show.
    pub fn check_metadata(&self) -> Result<(), Invalid> {
        let stamp = metadata_bytes(&self.stamp);
        let lists = self.headers.iter().flat_map(|rules| rules.list.values());
        let longest = lists.map(metadata_bytes).max().unwrap_or(0);
        check_metadata_size(stamp + longest)
    }

    /// The S3 actions that the writer needs for all this, `s3:PutObject` first
    /// ("Actions, resources, and condition keys for Amazon S3", Service
    /// Authorization Reference).
    #[must_use]
    pub fn actions(&self) -> Vec<&'static str> {
        let mut actions = vec!["s3:PutObject"];
        let lists = self.headers.iter().flat_map(|rules| rules.list.values());
        for header in self.common.iter().chain(lists.flatten()) {
            let action = match header.name.as_str() {
                "x-amz-tagging" => "s3:PutObjectTagging",
                "x-amz-acl" => "s3:PutObjectAcl",
                "x-amz-object-lock-mode" => "s3:PutObjectRetention",
                "x-amz-object-lock-legal-hold" => "s3:PutObjectLegalHold",
                _ => continue,
            };
            if !actions.contains(&action) {
                actions.push(action);
            }
        }
        actions
    }

    /// What docferry's own objects have in common with all others: how they are
    /// encrypted, and that the bucket's owner may read them. They are neither
    /// published, nor locked, nor put where they cannot be read at once.
    pub fn headers_of_own_objects(&self) -> impl Iterator<Item = (&str, &str)> {
        let common = self.common.iter();
        let common = common.map(|header| (header.name.as_str(), header.value.as_str()));
        common.filter(|(name, value)| match *name {
            "x-amz-acl" => value.starts_with("bucket-owner-"),
            name => name.starts_with("x-amz-server-side-encryption"),
        })
    }

    /// The key that S3 shall encrypt with, if the user named one.
    #[must_use]
    pub fn kms_key(&self) -> Option<&str> {
        const KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
        let key = self.common.iter().find(|header| header.name == KEY)?;
        Some(&key.value)
    }
}
