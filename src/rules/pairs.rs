//! `NAME=VALUE` pairs: metadata and tags.

use super::header::{Header, is_token, value};
use crate::globs;
use crate::text::percent_encoded;
use crate::types::Invalid;

const SHAPE: &str = "write NAME=VALUE, with commas or lines between several; if a glob is meant \
                     before it: `*.html=NAME=VALUE`, or `**=NAME=VALUE` for all";

/// S3's limits ("Working with object metadata" and "Categorizing your objects
/// using tags", Amazon S3 User Guide).
const METADATA_BYTES: usize = 2048;
const TAGS: usize = 10;
/// All headers of a request have 8 KB.
const ENCODED_TAGS: usize = 4096;

/// Fills the placeholders of one value, after the pairs were told apart: a
/// branch's name must not become a pair of its own.
pub(super) type Fill<'a> = &'a dyn Fn(&str) -> Result<String, Invalid>;

/// Metadata as headers.
pub fn metadata(text: &str, fill: Fill<'_>) -> Result<Vec<Header>, Invalid> {
    let mut headers: Vec<Header> = Vec::new();
    let mut bytes = 0;
    for (name, said) in pairs(text, fill)? {
        let name = name.to_ascii_lowercase();
        let name = name.strip_prefix("x-amz-meta-").unwrap_or(&name);
        if name.is_empty() || !name.chars().all(is_token) {
            return Err(
                Invalid::new(format!("has the name {name:?}, which cannot be a header's"))
                    .hint("letters, digits and `-` are safe"),
            );
        }
        bytes += name.len() + said.len();
        let name = format!("x-amz-meta-{name}");
        if headers.iter().any(|known| known.name == name) {
            return Err(Invalid::new(format!("has {name} twice")));
        }
        headers.push(Header::new(name, value(&said)?));
    }
    check_metadata_size(bytes)?;
    Ok(headers)
}

/// S3 counts the names without their common beginning, and the values.
pub(super) fn check_metadata_size(bytes: usize) -> Result<(), Invalid> {
    if bytes > METADATA_BYTES {
        return Err(Invalid::new(format!(
            "has {bytes} bytes of names and values, and S3 takes {METADATA_BYTES} for an object"
        )));
    }
    Ok(())
}

/// How many bytes of metadata some headers hold.
pub(super) fn metadata_bytes<'a>(headers: impl IntoIterator<Item = &'a Header>) -> usize {
    let own = headers
        .into_iter()
        .filter_map(|h| Some((h.name.strip_prefix("x-amz-meta-")?, &h.value)));
    own.map(|(name, value)| name.len() + value.len()).sum()
}

/// Tags, as the one header that carries them.
pub fn tags(text: &str, fill: Fill<'_>) -> Result<Header, Invalid> {
    let tags = pairs(text, fill)?;
    if tags.len() > TAGS {
        return Err(Invalid::new(format!(
            "has {} tags, and S3 takes {TAGS} for an object",
            tags.len()
        )));
    }
    let mut encoded = String::new();
    for (index, (name, value)) in tags.iter().enumerate() {
        check_tag(name, 128)?;
        check_tag(value, 256)?;
        if name.to_ascii_lowercase().starts_with("aws:") {
            return Err(Invalid::new(
                "has a tag that begins with `aws:`, which is AWS's own",
            ));
        }
        if tags[..index].iter().any(|(known, _)| known == name) {
            return Err(Invalid::new(format!("has the tag {name:?} twice")));
        }
        if index > 0 {
            encoded.push('&');
        }
        encoded.push_str(&percent_encoded(name));
        encoded.push('=');
        encoded.push_str(&percent_encoded(value));
    }
    if encoded.len() > ENCODED_TAGS {
        return Err(Invalid::new(format!(
            "makes {} bytes of encoded tags, and {ENCODED_TAGS} fit into a request",
            encoded.len()
        )));
    }
    Ok(Header::new("x-amz-tagging", encoded))
}

fn check_tag(text: &str, longest: usize) -> Result<(), Invalid> {
    if text.chars().count() > longest {
        return Err(Invalid::new(format!(
            "has a tag with more than {longest} characters in {text:?}"
        )));
    }
    match text
        .chars()
        .find(|c| !(c.is_alphanumeric() || " +-=._:/@".contains(*c)))
    {
        None => Ok(()),
        Some(c) => Err(Invalid::new(format!("has a tag with the character {c:?}"))
            .hint("tags take letters, digits, spaces and + - = . _ : / @")),
    }
}

fn pairs<'a>(text: &'a str, fill: Fill<'_>) -> Result<Vec<(&'a str, String)>, Invalid> {
    let no_pair = |item: &str| Invalid::new(format!("has {item:?}, which is no pair")).hint(SHAPE);
    let items = globs::items(text);
    if items.is_empty() {
        return Err(no_pair(text));
    }
    let pairs = items.into_iter().map(|item| {
        let pair = item.split_once('=').map(|(n, v)| (n.trim(), v.trim()));
        let (name, said) = pair
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| no_pair(item))?;
        Ok((name, fill(&said.replace("\\,", ","))?))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(text: &str) -> Result<Vec<Header>, Invalid> {
        super::metadata(text, &|value| Ok(value.to_owned()))
    }

    fn tags(text: &str) -> Result<Header, Invalid> {
        super::tags(text, &|value| Ok(value.to_owned()))
    }

    #[test]
    fn what_fills_a_value_is_no_pair_of_its_own() {
        let branch = |text: &str| Ok(text.replace("{ref}", "a,stage=prod{"));
        let headers = super::metadata("ref={ref},team=docs", &branch).unwrap();
        assert_eq!(headers.len(), 2);
        assert_eq!(headers[0].value, "a,stage=prod{");
        assert_eq!(metadata("a=b\\,c").unwrap()[0].value, "b,c");
    }

    #[test]
    fn metadata_becomes_headers_in_lower_case() {
        let headers = metadata("Team=docs, x-amz-meta-stage=test\nurl=https://a/?b=c").unwrap();
        let text: Vec<_> = headers
            .iter()
            .map(|h| format!("{}: {}", h.name, h.value))
            .collect();
        assert_eq!(
            text,
            [
                "x-amz-meta-team: docs",
                "x-amz-meta-stage: test",
                "x-amz-meta-url: https://a/?b=c"
            ]
        );
    }

    #[test]
    fn tags_are_encoded_as_a_query() {
        assert_eq!(
            tags("a b=c&d".replace('&', "+").as_str()).unwrap().value,
            "a%20b=c%2Bd"
        );
        assert_eq!(tags("ä=1,b=").unwrap().value, "%C3%A4=1&b=");
    }

    #[test]
    fn s3s_limits_are_known_before_s3_is_asked() {
        let eleven: Vec<String> = (0..11).map(|i| format!("t{i}=x")).collect();
        let long = format!("a={}", "x".repeat(257));
        for (bad, part) in [
            (eleven.join(","), "has 11 tags"),
            (long, "more than 256"),
            ("aws:x=1".to_owned(), "AWS's own"),
            ("a=1,a=2".to_owned(), "twice"),
            ("a=1;2".to_owned(), "';'"),
            ("a".to_owned(), "no pair"),
            (",".to_owned(), "no pair"),
        ] {
            let invalid = tags(&bad).unwrap_err();
            assert!(invalid.reason.contains(part), "{bad}: {}", invalid.reason);
        }
        for (bad, part) in [
            (format!("a={}", "x".repeat(2048)), "2049 bytes"),
            ("a b=c".to_owned(), "cannot be a header's"),
            ("a=1,A=2".to_owned(), "twice"),
            ("1".to_owned(), "no pair"),
            ("x-amz-meta-=v".to_owned(), "cannot be a header's"),
        ] {
            let invalid = metadata(&bad).unwrap_err();
            assert!(invalid.reason.contains(part), "{bad}: {}", invalid.reason);
        }
    }
}
