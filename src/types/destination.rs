//! `s3://bucket/prefix/`.

use std::fmt;
use std::str::FromStr;

use super::{BucketName, Invalid, KeyPrefix, ObjectKey};

/// The folder below a destination's prefix that is docferry's own.
pub const OWN_FOLDER: &str = ".docferry";

/// Where the files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The bucket.
    pub bucket: BucketName,
    /// The prefix that every key stands under.
    pub prefix: KeyPrefix,
}

impl Destination {
    /// The `s3://` address of one object.
    #[must_use]
    pub fn url_of(&self, key: &ObjectKey) -> String {
        format!("{self}{key}")
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

impl FromStr for Destination {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const SHAPE: &str = "write it as s3://bucket/prefix/";
        let Some(rest) = text.strip_prefix("s3://") else {
            return Err(Invalid::new("does not begin with s3://").hint(SHAPE));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(Invalid::new("names no bucket").hint(SHAPE));
        }
        Ok(Self {
            bucket: bucket.parse()?,
            prefix: prefix.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_prints_as_it_means() {
        for (said, meant) in [
            ("s3://docs", "s3://docs/"),
            ("s3://docs/", "s3://docs/"),
            ("s3://docs/a/b", "s3://docs/a/b/"),
            ("s3://docs/a/b/", "s3://docs/a/b/"),
        ] {
            assert_eq!(said.parse::<Destination>().unwrap().to_string(), meant);
        }
    }

    #[test]
    fn an_empty_variable_in_a_destination_is_refused() {
        for bad in [
            "docs",
            "s3:/docs",
            "s3://",
            "s3:///a",
            "s3://docs//",
            "s3://docs/a//b",
        ] {
            assert!(bad.parse::<Destination>().is_err(), "{bad}");
        }
    }
}
