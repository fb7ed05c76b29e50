//! Owns the tags that a header gives an object: reading them, and refusing what
//! S3 refuses.
//!
//! Sources: S3 User Guide, "Categorizing your objects using tags"; S3 API
//! Reference, "PutObject", "Tag" (the pattern of keys and values).

use std::collections::BTreeMap;

use crate::server::AwsError;
use crate::text;

use super::refusal::invalid_argument;

const MOST_TAGS: usize = 10;
const MOST_IN_KEY: usize = 128;
const MOST_IN_VALUE: usize = 256;

/// The tags of `x-amz-tagging`, which is written like a URL's query.
pub(super) fn tags(header: &str) -> Result<BTreeMap<String, String>, AwsError> {
    let garbled = || {
        invalid_argument(
            "x-amz-tagging",
            header,
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
        )
    };
    let pairs: Vec<&str> = header.split('&').filter(|pair| !pair.is_empty()).collect();
    if pairs.len() > MOST_TAGS {
        return Err(AwsError::new(
            400,
            "BadRequest",
            "Object tags cannot be greater than 10",
        ));
    }
    let mut tags = BTreeMap::new();
    for pair in pairs {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = decoded(key).filter(|key| !key.is_empty());
        let (Some(key), Some(value)) = (key, decoded(value)) else {
            return Err(garbled());
        };
        check(&key, &value)?;
        if tags.insert(key, value).is_some() {
            return Err(garbled());
        }
    }
    Ok(tags)
}

/// None if the escapes are not those of a URL, or the bytes are not UTF-8.
fn decoded(part: &str) -> Option<String> {
    let plain = part.replace('+', " ");
    let escapes = plain.split('%').skip(1).all(|rest| {
        rest.get(..2)
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    escapes
        .then(|| String::from_utf8(text::percent_decode(&plain)).ok())
        .flatten()
}

fn check(key: &str, value: &str) -> Result<(), AwsError> {
    let invalid = |message| AwsError::new(400, "InvalidTag", message).with("TagKey", key);
    if length(key) > MOST_IN_KEY || !sound(key) {
        return Err(invalid("The TagKey you have provided is invalid"));
    }
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(invalid("Your TagKey cannot be prefixed with aws:"));
    }
    if length(value) > MOST_IN_VALUE || !sound(value) {
        return Err(invalid("The TagValue you have provided is invalid").with("TagValue", value));
    }
    Ok(())
}

/// "Amazon S3 object tags are internally represented in UTF-16. Note that in
/// UTF-16, characters consume either 1 or 2 character positions."
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Letters, numbers, and spaces of any script, and a few signs; a line break is
/// no space in this sense.
fn sound(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "+-=._:/@".contains(c)
    })
}
