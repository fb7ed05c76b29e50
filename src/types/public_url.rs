//! Where people find what was uploaded.

use std::fmt;
use std::str::FromStr;

use percent_encoding::utf8_percent_encode;

use super::{Invalid, ObjectKey};
use crate::text::RESERVED;

/// The longest that every host and every file of ours takes.
const MAX_LENGTH: usize = 2000;

/// An `http` or `https` address that files can be looked for below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// The address of one object.
    #[must_use]
    pub fn of(&self, key: &ObjectKey) -> String {
        let mut url = self.0.trim_end_matches('/').to_owned();
        for part in key.as_str().split('/') {
            url.push('/');
            url.extend(utf8_percent_encode(part, RESERVED));
        }
        url
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PublicUrl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const SHAPE: &str = "write it as https://docs.example.org/handbook/";
        let rest = ["https://", "http://"]
            .into_iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        let Some(rest) = rest else {
            return Err(Invalid::new("begins with neither https:// nor http://").hint(SHAPE));
        };
        let host = rest.split('/').next().unwrap_or_default();
        if host.is_empty() || host.starts_with(':') {
            return Err(Invalid::new("names no host").hint(SHAPE));
        }
        if host.contains('@') {
            let hint = "the address is shown to everyone who sees the job";
            return Err(Invalid::new("has a user's name or password").hint(hint));
        }
        // What RFC 3986 lets stand in an address, without a query, since files
        // are looked for below it.
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]@!&()+,;=%".contains(c);
        if let Some(bad) = rest.chars().find(|c| !allowed(*c)) {
            let invalid = Invalid::new(format!("has the character {bad:?}"));
            return Err(invalid.hint("encode it with a percent sign; a query cannot stand here"));
        }
        if text.len() > MAX_LENGTH {
            return Err(Invalid::new(format!(
                "is longer than {MAX_LENGTH} characters"
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_below_it() {
        for (url, key, found) in [
            ("https://a.b/c/", "d/e.html", "https://a.b/c/d/e.html"),
            ("https://a.b/c", "d", "https://a.b/c/d"),
            ("http://a.b", "x y#?.html", "http://a.b/x%20y%23%3F.html"),
            ("http://a.b:80/", "\"><b>", "http://a.b:80/%22%3E%3Cb%3E"),
        ] {
            let url: PublicUrl = url.parse().unwrap();
            assert_eq!(url.of(&key.parse().unwrap()), found);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (text, part) in [
            ("docs.example.org", "neither"),
            ("javascript:alert(1)", "neither"),
            ("ftp://docs.example.org", "neither"),
            ("https://", "no host"),
            ("https:///x", "no host"),
            ("https://me:hunter2@docs.example.org/", "password"),
            ("https://a.b/\"onclick=", "character '\"'"),
            ("https://a.b/a b", "character ' '"),
            ("https://a.b/a\nb", "character '\\n'"),
            ("https://a.b/?q", "character '?'"),
            ("https://a.b/$REF/", "character '$'"),
        ] {
            let invalid = text.parse::<PublicUrl>().unwrap_err();
            assert!(invalid.reason.contains(part), "{text}: {}", invalid.reason);
        }
        let long = format!("https://a.b/{}", "c".repeat(2000));
        assert!(long.parse::<PublicUrl>().is_err());
    }
}
