//! JSON that can be printed anywhere: whatever a terminal or a CI host could take
//! for a command is written as an escape, which means the same to who reads it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};

use crate::text::is_unprintable;

/// Writes a value on one line.
pub(super) fn line(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    match value.serialize(&mut Serializer::with_formatter(&mut bytes, Safe::default())) {
        Ok(()) => String::from_utf8(bytes).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// Writes a value with its outermost members, and the members of those, on
/// lines of their own.
pub(super) fn write(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    let safe = Safe { lines: 2, depth: 0 };
    value.serialize(&mut Serializer::with_formatter(&mut *out, safe))?;
    writeln!(out)
}

/// Puts so many levels on lines, and escapes what is not safe to print.
#[derive(Debug, Clone, Copy, Default)]
struct Safe {
    lines: usize,
    depth: usize,
}

impl Safe {
    fn open<W: Write + ?Sized>(&mut self, out: &mut W, bracket: u8) -> io::Result<()> {
        self.depth += 1;
        out.write_all(&[bracket])
    }

    fn next<W: Write + ?Sized>(self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        self.new_line(out, self.depth)
    }

    fn new_line<W: Write + ?Sized>(self, out: &mut W, depth: usize) -> io::Result<()> {
        if self.depth > self.lines {
            return Ok(());
        }
        out.write_all(b"\n")?;
        (0..depth).try_for_each(|_| out.write_all(b"  "))
    }

    fn close<W: Write + ?Sized>(&mut self, out: &mut W, bracket: u8) -> io::Result<()> {
        self.new_line(out, self.depth - 1)?;
        self.depth -= 1;
        out.write_all(&[bracket])
    }
}

impl Formatter for Safe {
    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b'[')
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b']')
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b'{')
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b'}')
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(if self.lines > 0 { b": " } else { b":" })
    }

    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut plain = 0;
        let unsafe_ones = fragment.char_indices();
        for (at, c) in unsafe_ones.filter(|(_, c)| *c == '#' || is_unprintable(*c)) {
            out.write_all(&fragment.as_bytes()[plain..at])?;
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                write!(out, "\\u{unit:04x}")?;
            }
            plain = at + c.len_utf8();
        }
        out.write_all(&fragment.as_bytes()[plain..])
    }

    fn write_char_escape<W: Write + ?Sized>(
        &mut self,
        out: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(out, escape)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_could_be_a_command_is_escaped_and_means_the_same() {
        let value = json!({"a": "x##[error]\u{1b}[2K\u{9b}\u{202e}\n::error::", "ü#\u{7f}": "🚢"});
        let text = line(&value);
        assert!(
            !text.contains(['#', '\u{1b}', '\u{9b}', '\u{202e}', '\u{7f}', '\n']),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert!(text.contains("🚢"));
    }

    #[test]
    fn two_levels_stand_on_lines() {
        let mut out = Vec::new();
        let value = json!({"a": [{"b": [1, 2]}, {}], "c": {}, "d": {"e": {"f": 1}}});
        write(&mut out, &value).unwrap();
        let text = String::from_utf8(out).unwrap();
        let expected = "{\n  \"a\": [\n    {\"b\": [1,2]},\n    {}\n  ],\n  \"c\": {\n  },\n  \
                        \"d\": {\n    \"e\": {\"f\": 1}\n  }\n}\n";
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
