//! Bucket names.

use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// The name of a general purpose bucket, or the alias of an access point,
/// checked by the rules of the Amazon S3 User Guide's "General purpose bucket
/// naming rules".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketName(String);

impl BucketName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BucketName {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        if !(3..=63).contains(&name.len()) {
            let reason = format!("has a bucket name of {} characters", name.len());
            return Err(Invalid::new(reason).hint("a bucket's name has 3 to 63 characters"));
        }
        if let Some(bad) = name.chars().find(|c| !is_allowed(*c)) {
            let reason = format!("has the character {bad:?} in the bucket's name");
            let hint = "a bucket's name has lower-case letters, digits, dots and hyphens";
            return Err(Invalid::new(reason).hint(hint));
        }
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        if !edge(name.chars().next()) || !edge(name.chars().last()) || name.contains("..") {
            let reason = "has a bucket name with a dot or hyphen where none may be";
            let hint = "it begins and ends with a letter or digit, and no two dots touch";
            return Err(Invalid::new(reason).hint(hint));
        }
        if name.ends_with("--x-s3") {
            let reason = "names a directory bucket (S3 Express One Zone)";
            return Err(Invalid::new(reason).hint("docferry writes to general purpose buckets"));
        }
        if name.parse::<std::net::Ipv4Addr>().is_ok() {
            return Err(Invalid::new("has a bucket name that is an IP address"));
        }
        Ok(Self(name.to_owned()))
    }
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_naming_rules_hold() {
        for good in ["docs", "a.b", "my-docs-1", "3rd-party", "x-s3alias"] {
            assert!(good.parse::<BucketName>().is_ok(), "{good}");
        }
        for bad in [
            "ab", "Docs", "a_b", "-docs", "docs.", "a..b", "10.0.0.1", "",
        ] {
            assert!(bad.parse::<BucketName>().is_err(), "{bad}");
        }
        assert!("a".repeat(64).parse::<BucketName>().is_err());
    }
}
