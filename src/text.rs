//! Text from outside, made safe to print.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986, section 2.3.
pub(crate) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A text as a name or a value in a URL's query.
pub(crate) fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Bytes in hexadecimal, as signatures and entity tags have them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |byte: u8| char::from(DIGITS[usize::from(byte & 15)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}

/// Escapes control characters, so that a file name or a server's message can
/// forge neither a line of the log nor a terminal's or a CI host's command.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    // GitHub's runner takes `##[error]` for a command wherever it stands.
    let command = text.contains("##[");
    if !command && !text.chars().any(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unprintable(c) {
            safe.extend(c.escape_default());
        } else if command && c == '#' {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// A text with everything but ASCII escaped, where two texts look the same.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' => visible.push(c),
            _ => visible.extend(c.escape_default()),
        }
    }
    visible
}

/// A text as one word of a POSIX shell, for commands that people paste.
#[must_use]
pub fn shell_word(text: &str) -> String {
    format!("'{}'", printable(text).replace('\'', r"'\''"))
}

/// Control characters, and those that turn the direction of writing, which can
/// make one name look like another.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A count with its noun: `1 file`, `2,000 files`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// A number with its digits in groups of three.
#[must_use]
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_forge_a_line() {
        assert_eq!(printable("a\n::error::b"), "a\\n::error::b");
        assert_eq!(printable("\x1b[2Kx"), "\\u{1b}[2Kx");
        assert_eq!(printable("Grüße #1 🚢"), "Grüße #1 🚢");
        assert_eq!(printable("x##[error]y"), r"x\u{23}\u{23}[error]y");
    }

    #[test]
    fn a_shell_takes_a_word_as_it_is() {
        assert_eq!(shell_word("a b"), "'a b'");
        assert_eq!(shell_word("a';rm;'"), r"'a'\'';rm;'\'''");
    }

    #[test]
    fn counts_read_well() {
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(51_906, "file"), "51,906 files");
        assert_eq!(grouped(1_000_000), "1,000,000");
    }
}
