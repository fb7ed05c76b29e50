//! Session tags.

use std::str::FromStr;

use super::Invalid;

/// A `key=value` that a session carries into the conditions of policies. The
/// limits are those of "Tag" in the AWS Security Token Service API Reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTag {
    /// 1 to 128 characters.
    pub key: String,
    /// Up to 256 characters.
    pub value: String,
}

impl FromStr for SessionTag {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const SHAPE: &str = "write it as team=docs";
        let Some((key, value)) = text.split_once('=') else {
            return Err(Invalid::new("is not a key=value").hint(SHAPE));
        };
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            let reason = "has a key of none or over 128 characters, or a value of over 256";
            return Err(Invalid::new(reason).hint(SHAPE));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Invalid::new(
                "has a key that begins with `aws:`, which AWS keeps to itself",
            ));
        }
        let allowed = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
        if let Some(bad) = key.chars().chain(value.chars()).find(|c| !allowed(*c)) {
            let reason = format!("has the character {bad:?}, which STS does not take in a tag");
            return Err(Invalid::new(reason));
        }
        Ok(Self {
            key: key.to_owned(),
            value: value.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_key_and_a_value() {
        let tag: SessionTag = "team = docs=all".parse().unwrap();
        assert_eq!((tag.key.as_str(), tag.value.as_str()), ("team", "docs=all"));
        for bad in ["team", "=docs", "aws:x=y", "a=b;c"] {
            assert!(bad.parse::<SessionTag>().is_err(), "{bad}");
        }
    }
}
