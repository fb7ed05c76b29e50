//! Entity tags, small enough to keep one for each of a million objects.

use std::fmt;

use super::Digest;
use crate::text::hex;

/// What S3 calls the content of an object ("Checking object integrity in Amazon
/// S3", Amazon S3 User Guide). Only some of these tags are an MD5 of the
/// content, but each of them changes with the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ETag {
    id: [u8; 16],
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// Sixteen bytes, and nothing more.
    Plain,
    /// Sixteen bytes and a number of parts.
    Parts(u16),
    /// Anything else; what is kept is its digest.
    Odd,
}

impl ETag {
    /// Takes a tag as a server writes it.
    #[must_use]
    pub fn from_server(text: &str) -> Self {
        let text = text.trim_matches('"');
        Self::canonical(text).unwrap_or_else(|| Self {
            id: Digest::of(text.as_bytes()).0,
            kind: Kind::Odd,
        })
    }

    /// Reads what `Display` writes.
    #[must_use]
    pub fn from_record(text: &str) -> Option<Self> {
        match text.strip_prefix('~') {
            Some(digest) => Some(Self {
                id: unhex(digest)?,
                kind: Kind::Odd,
            }),
            None => Self::canonical(text),
        }
    }

    /// The tag of an object that was put in one request and is not encrypted by
    /// KMS: the MD5 of its content.
    #[must_use]
    pub const fn of_md5(md5: [u8; 16]) -> Self {
        Self {
            id: md5,
            kind: Kind::Plain,
        }
    }

    /// The tag of an object that came in parts: the MD5 of the MD5s of its parts.
    #[must_use]
    pub const fn of_parts(md5: [u8; 16], parts: u16) -> Self {
        Self {
            id: md5,
            kind: Kind::Parts(parts),
        }
    }

    /// In how many parts the object came, if the tag says so.
    #[must_use]
    pub const fn parts(self) -> Option<u16> {
        match self.kind {
            Kind::Parts(parts) => Some(parts),
            Kind::Plain | Kind::Odd => None,
        }
    }

    /// Whether it may be the MD5 of the content.
    #[must_use]
    pub fn is_plain(self) -> bool {
        self.kind == Kind::Plain
    }

    fn canonical(text: &str) -> Option<Self> {
        let (id, parts) = match text.split_once('-') {
            Some((id, parts)) => (id, Some(parts)),
            None => (text, None),
        };
        let kind = match parts {
            None => Kind::Plain,
            // No sign and no zero in front, so that it reads back as it was.
            Some(parts) if parts.starts_with(|c: char| matches!(c, '1'..='9')) => {
                Kind::Parts(parts.parse().ok()?)
            }
            Some(_) => return None,
        };
        Some(Self {
            id: unhex(id)?,
            kind,
        })
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Plain => write!(f, "{}", hex(&self.id)),
            Kind::Parts(parts) => write!(f, "{}-{parts}", hex(&self.id)),
            Kind::Odd => write!(f, "~{}", hex(&self.id)),
        }
    }
}

/// Sixteen bytes from lower-case hexadecimal.
pub(super) fn unhex(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; 32] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(text.as_chunks::<2>().0) {
        let digit = |c: u8| match c {
            b'0'..=b'9' => Some(c - b'0'),
            b'a'..=b'f' => Some(c - b'a' + 10),
            _ => None,
        };
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_is_told_from_the_others_and_reads_back() {
        const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
        for (text, plain, parts) in [
            (MD5.to_owned(), true, None),
            (format!("\"{MD5}\""), true, None),
            (format!("{MD5}-12"), false, Some(12)),
            (format!("{MD5}-012"), false, None),
            (format!("{MD5}-+1"), false, None),
            (format!("{MD5}-70000"), false, None),
            (MD5.to_uppercase(), false, None),
            ("an opaque tag".to_owned(), false, None),
            (String::new(), false, None),
        ] {
            let etag = ETag::from_server(&text);
            assert_eq!((etag.is_plain(), etag.parts()), (plain, parts), "{text}");
            assert_eq!(ETag::from_record(&etag.to_string()), Some(etag), "{text}");
        }
        assert_ne!(ETag::from_server("x"), ETag::from_server("y"));
        assert_eq!(ETag::from_record("~x"), None);
    }
}
