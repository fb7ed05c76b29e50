//! Object keys and the prefix that they all stand under.

use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// The longest key that S3 takes, in bytes of UTF-8 ("Naming Amazon S3
/// objects", Amazon S3 User Guide).
pub const MAX_KEY_BYTES: usize = 1024;

/// A prefix that is empty or ends in `/`, so that `site` can never mean
/// `site-old/` too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPrefix(String);

impl KeyPrefix {
    /// The prefix with its final `/`, or nothing.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The whole key of an object whose key relative to this prefix is `key`.
    #[must_use]
    pub fn join(&self, key: &ObjectKey) -> String {
        format!("{}{}", self.0, key.as_str())
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyPrefix {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let mut prefix = text.to_owned();
        if !prefix.ends_with('/') {
            prefix.push('/');
        }
        check_segments(&prefix[..prefix.len() - 1])?;
        if prefix.len() >= MAX_KEY_BYTES {
            return Err(Invalid::new(format!(
                "has a prefix of {} bytes, and a whole key has {MAX_KEY_BYTES} at most",
                prefix.len()
            )));
        }
        Ok(Self(prefix))
    }
}

/// A key relative to the destination's prefix: never empty, never with a
/// segment that a browser or a proxy would resolve away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(Box<str>);

impl ObjectKey {
    /// The key, relative to the prefix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ObjectKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.len() > MAX_KEY_BYTES {
            return Err(Invalid::new(format!(
                "makes a key of {} bytes, and S3 takes {MAX_KEY_BYTES} at most",
                text.len()
            )));
        }
        check_segments(text)?;
        Ok(Self(text.into()))
    }
}

fn check_segments(text: &str) -> Result<(), Invalid> {
    if let Some(bad) = text.chars().find(|c| c.is_control()) {
        return Err(Invalid::new(format!(
            "has the control character {bad:?}, which no listing of S3 can carry safely"
        )));
    }
    for segment in text.split('/') {
        if segment.is_empty() {
            return Err(Invalid::new("has an empty part between two slashes")
                .hint("a variable in it may be empty: look for `//`"));
        }
        if segment == "." || segment == ".." {
            return Err(Invalid::new(format!("has `{segment}` as a part"))
                .hint("browsers and proxies resolve it, so the object could not be fetched"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_prefix_ends_in_a_slash_by_construction() {
        assert_eq!("site".parse::<KeyPrefix>().unwrap().as_str(), "site/");
        assert_eq!("site/".parse::<KeyPrefix>().unwrap().as_str(), "site/");
        assert_eq!("".parse::<KeyPrefix>().unwrap().as_str(), "");
    }

    #[test]
    fn empty_parts_and_dots_are_refused() {
        for bad in ["docs//", "/docs", "a//b", "a/../b", "./a", "a\nb", "/"] {
            assert!(bad.parse::<KeyPrefix>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_may_have_1024_bytes_and_no_more() {
        assert!("ä".repeat(512).parse::<ObjectKey>().is_ok());
        let invalid = format!("{}x", "ä".repeat(512))
            .parse::<ObjectKey>()
            .unwrap_err();
        assert!(invalid.reason.contains("1025 bytes"), "{}", invalid.reason);
    }

    proptest! {
        #[test]
        fn a_prefix_never_holds_a_key_of_another(prefix in "[a-z]{1,8}(/[a-z]{1,8}){0,2}", key in "[a-z+ %]{1,20}") {
            let prefix: KeyPrefix = prefix.parse().unwrap();
            let key: ObjectKey = key.parse().unwrap();
            let whole = prefix.join(&key);
            prop_assert_eq!(whole.strip_prefix(prefix.as_str()), Some(key.as_str()));
        }
    }
}
