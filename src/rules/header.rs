//! Values that become headers of a request (RFC 9110, section 5.5).

use crate::types::Invalid;

/// S3 takes 8 KB of headers in all ("Working with object metadata", Amazon S3
/// User Guide), and no single property needs more than a part of that.
const LONGEST: usize = 2048;

/// A header of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Header {
    /// Its name, in lower case.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Header {
    /// A header whose value was checked.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

/// A value that may stand in a header: printable ASCII.
pub fn value(text: &str) -> Result<String, Invalid> {
    if let Some(c) = text.chars().find(|c| !matches!(c, ' '..='~')) {
        let invalid = Invalid::new(format!("holds {c:?}, which cannot stand in a header"));
        return Err(match c {
            '\n' | '\r' => invalid
                .hint("a list of rules has a `GLOB=` in each line; a plain value is one line"),
            _ => invalid.hint("write it in ASCII, e.g. with percent-encoding"),
        });
    }
    if text.len() > LONGEST {
        return Err(Invalid::new(format!(
            "has {} bytes, and {LONGEST} are the most",
            text.len()
        )));
    }
    Ok(text.to_owned())
}

/// `type/subtype`, with parameters or without (RFC 9110, section 8.3.1).
pub fn media_type(text: &str) -> Result<String, Invalid> {
    const SHAPE: &str = "write it as type/subtype, e.g. `text/plain; charset=utf-8`; \
                         a rule for one file begins with `/`, as in `/LICENSE=text/plain`";
    let essence = text.split(';').next().unwrap_or_default().trim();
    let well = |part: &str| !part.is_empty() && part.chars().all(is_token);
    match essence.split_once('/') {
        Some((kind, subtype)) if well(kind) && well(subtype) => value(text),
        _ => Err(Invalid::new("is no media type").hint(SHAPE)),
    }
}

/// Directives of RFC 9111, RFC 5861 and RFC 8246. A plain value with another
/// one is likelier a rule whose glob does not look like one.
pub fn cache_control(text: &str) -> Result<String, Invalid> {
    const KNOWN: [&str; 16] = [
        "immutable",
        "max-age",
        "max-stale",
        "min-fresh",
        "must-revalidate",
        "must-understand",
        "no-cache",
        "no-store",
        "no-transform",
        "only-if-cached",
        "private",
        "proxy-revalidate",
        "public",
        "s-maxage",
        "stale-if-error",
        "stale-while-revalidate",
    ];
    for directive in text.split(',') {
        let name = directive.split('=').next().unwrap_or_default().trim();
        let known = KNOWN.contains(&name.to_ascii_lowercase().as_str());
        if !known && !text.contains('"') {
            return Err(
                Invalid::new(format!("has no cache directive {name:?}")).hint(
                    "e.g. `no-cache` or `public, max-age=31536000, immutable`; a rule for one file \
                 begins with `/`, as in `/LICENSE=no-cache`",
                ),
            );
        }
    }
    value(text)
}

/// `inline`, or `attachment` with or without a name (RFC 6266).
pub fn content_disposition(text: &str) -> Result<String, Invalid> {
    let kind = text.split(';').next().unwrap_or_default().trim();
    if kind.is_empty() || !kind.chars().all(is_token) {
        return Err(Invalid::new("is no content disposition")
            .hint("e.g. `inline` or `attachment; filename=\"report.pdf\"`"));
    }
    value(text)
}

/// Language tags (RFC 5646), as far as their shape goes.
pub fn content_language(text: &str) -> Result<String, Invalid> {
    let tag = |tag: &str| {
        let mut parts = tag.split('-');
        parts.all(|part| (1..=8).contains(&part.len()) && part.chars().all(char::is_alphanumeric))
    };
    if text.split(',').all(|part| tag(part.trim())) {
        return value(text);
    }
    Err(Invalid::new("is no language tag").hint("e.g. `de` or `en-GB, fr`"))
}

/// Names of content codings (RFC 9110, section 8.4.1).
pub fn content_encoding(text: &str) -> Result<String, Invalid> {
    let token = |part: &str| !part.is_empty() && part.chars().all(is_token);
    if text.to_ascii_lowercase().contains("aws-chunked") {
        return Err(Invalid::new(
            "names `aws-chunked`, which is a way to sign, not an encoding",
        ));
    }
    if text.split(',').all(|part| token(part.trim())) {
        return value(text);
    }
    Err(Invalid::new("is no content encoding").hint("e.g. `gzip` or `br`"))
}

/// Where a website endpoint of S3 sends those who ask for the object
/// ("(Optional) Configuring a webpage redirect", Amazon S3 User Guide).
pub fn redirect(text: &str) -> Result<String, Invalid> {
    if text.starts_with('/') || text.starts_with("https://") || text.starts_with("http://") {
        return value(text);
    }
    Err(Invalid::new("is no place to redirect to")
        .hint("begin with `/`, `https://` or `http://`; S3 takes nothing else"))
}

/// The characters of a token (RFC 9110, section 5.6.2).
pub(super) fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_header_is_refused_with_its_reason() {
        let value: fn(&str) -> _ = value;
        for (parse, bad, part) in [
            (value, "a\r\nx-evil: 1", "cannot stand in a header"),
            (value, "naïve", "'ï'"),
            (media_type, "html", "no media type"),
            (media_type, "LICENSE=text/plain", "no media type"),
            (media_type, "a b/c", "no media type"),
            (
                cache_control,
                "drafts=no-store",
                "no cache directive \"drafts\"",
            ),
            (
                content_disposition,
                "; filename=x",
                "no content disposition",
            ),
            (content_language, "en_GB", "no language tag"),
            (content_encoding, "gzip deflate", "no content encoding"),
            (content_encoding, "aws-chunked", "not an encoding"),
            (redirect, "new.html", "no place to redirect to"),
        ] {
            let invalid = parse(bad).unwrap_err();
            assert!(invalid.reason.contains(part), "{bad}: {}", invalid.reason);
        }
        for (parse, good) in [
            (media_type as fn(&str) -> _, "text/html; charset=utf-8"),
            (cache_control, "public, max-age=31536000, immutable"),
            (cache_control, "max-age=60, stale-while-revalidate=5"),
            (content_disposition, "attachment; filename=\"a b.pdf\""),
            (content_language, "en-GB, fr"),
            (content_encoding, "gzip"),
            (redirect, "https://example.org/a?b=c"),
        ] {
            assert_eq!(parse(good).unwrap(), good);
        }
        assert!(super::value(&"x".repeat(LONGEST + 1)).is_err());
    }
}
