//! What the first bytes of a file say about it, for the few files whose names
//! say nothing.

use std::path::Path;

use crate::rules;

/// What a file's content says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sniffed {
    /// Nothing: it was not asked, or cannot be told.
    #[default]
    Unknown,
    /// Its media type.
    Type(&'static str),
    /// It is not compressed, although its name says so.
    NotEncoded,
}

/// Enough for every signature, and for a good look at a text.
const HEAD: u64 = 4096;

pub(super) fn sniff(key: &str, path: &Path) -> Sniffed {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    if let Some(magic) = promised_magic(name) {
        return match super::guard::head(path, 4) {
            Some(head) if !head.starts_with(magic) => Sniffed::NotEncoded,
            Some(_) | None => Sniffed::Unknown,
        };
    }
    if rules::has_extension(name) {
        return Sniffed::Unknown;
    }
    super::guard::head(path, HEAD).map_or(Sniffed::Unknown, |head| of_content(&head))
}

/// How a file begins whose name promises compression (RFC 1952, RFC 8878).
fn promised_magic(name: &str) -> Option<&'static [u8]> {
    let name = name.to_ascii_lowercase();
    let ends = |ending: &str| name.len() > ending.len() && name.ends_with(ending);
    if ends(".gz") || ends(".svgz") {
        return Some(&[0x1f, 0x8b]);
    }
    ends(".zst").then_some(&[0x28, 0xb5, 0x2f, 0xfd])
}

fn of_content(head: &[u8]) -> Sniffed {
    if head.is_empty() {
        return Sniffed::Unknown;
    }
    match infer::get(head) {
        Some(found) => Sniffed::Type(found.mime_type()),
        None if is_text(head) => Sniffed::Type("text/plain"),
        None => Sniffed::Unknown,
    }
}

/// UTF-8 without control characters other than those of a text; the last
/// character may be cut off by the end of what was read.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{1b}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_what_the_name_does_not() {
        for (head, found) in [
            (
                &b"MIT License\n\nCopyright \xc3\xa9"[..],
                Sniffed::Type("text/plain"),
            ),
            (b"cut in a character \xc3", Sniffed::Type("text/plain")),
            (b"<!DOCTYPE html><html>", Sniffed::Type("text/html")),
            (b"\x89PNG\r\n\x1a\n____", Sniffed::Type("image/png")),
            (b"%PDF-1.7", Sniffed::Type("application/pdf")),
            (b"\x00\x01\x02", Sniffed::Unknown),
            (b"latin \xe9t\xe9", Sniffed::Unknown),
            (b"", Sniffed::Unknown),
        ] {
            assert_eq!(of_content(head), found, "{}", head.escape_ascii());
        }
    }

    #[test]
    fn a_name_that_promises_too_much_is_found_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logo.svgz");
        std::fs::write(&path, "<svg/>").unwrap();
        assert_eq!(sniff("logo.svgz", &path), Sniffed::NotEncoded);
        std::fs::write(&path, [0x1f, 0x8b, 8]).unwrap();
        assert_eq!(sniff("logo.svgz", &path), Sniffed::Unknown);
    }
}
