//! The manifest as bytes: what it looks like, and when it is not believed.
//!
//! It is a Zstandard frame (RFC 8878) around lines of text. The first one says
//! what it is and of which destination, the last one how many objects it has,
//! with a seal over all that is before. Between them is a line for each object,
//! sorted by key.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};

use crate::plan::Record;
use crate::settings::Compression;
use crate::types::{Destination, Digest, ETag, ObjectKey, Secret};

/// What it begins with. A change that an older docferry would misread gets a
/// new number.
const FORMAT: &str = "docferry manifest";
const VERSION: u32 = 1;
/// No honest line is longer: a key has 1,024 bytes at most.
const LONGEST_LINE: u64 = 2_048;
/// No honest manifest unpacks to more: that is about 20 million objects.
const LARGEST: u64 = 2 * 1024 * 1024 * 1024;
/// A window of 8 MiB, which is more than is written with.
const WINDOW_LOG: u32 = 23;
const LEVEL: i32 = 3;

/// One object of the manifest, by its key relative to the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// The key.
    pub key: &'a str,
    /// What is recorded.
    pub record: Record,
}

/// What seals a manifest. With a secret, nobody without it can make one.
#[derive(Debug, Clone)]
pub struct Seal([u8; 32]);

impl Seal {
    /// The seal of this secret, or the one that anybody can make.
    #[must_use]
    pub fn new(secret: Option<&Secret<String>>) -> Self {
        let secret = secret.map_or("", |secret| secret.reveal());
        Self(blake3::derive_key(
            "docferry 2026-11-22 seal of a manifest",
            secret.as_bytes(),
        ))
    }

    fn begin(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0)
    }
}

/// Why a manifest is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Distrust {
    /// It cannot be unpacked.
    Unreadable(String),
    /// It is not a manifest at all.
    NotOne,
    /// It is of a later version.
    Newer(u32),
    /// It is that of another destination.
    Elsewhere,
    /// This line makes no sense.
    Line(u64),
    /// It ends too early.
    CutOff,
    /// Its seal is not that of its content, or not made with our secret.
    Seal,
    /// It is larger than any honest one.
    TooLarge,
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(reason) => write!(f, "it cannot be unpacked: {reason}"),
            Self::NotOne => f.write_str("it is not a manifest of docferry's"),
            Self::Newer(version) => write!(
                f,
                "its format has version {version}, and this docferry knows version {VERSION}"
            ),
            Self::Elsewhere => f.write_str("it was made for another destination"),
            Self::Line(number) => write!(f, "its line {number} makes no sense"),
            Self::CutOff => f.write_str("it is cut off"),
            Self::Seal => f.write_str(
                "its seal does not fit: somebody changed it, or DOCFERRY_MANIFEST_KEY is another one",
            ),
            Self::TooLarge => f.write_str("it is larger than any manifest should be"),
        }
    }
}

/// How a manifest is written and read.
#[derive(Debug, Clone, Copy)]
pub struct Manifest<'a> {
    /// Whose it is.
    pub destination: &'a Destination,
    /// What it is sealed with.
    pub seal: &'a Seal,
}

impl Manifest<'_> {
    fn header(&self) -> String {
        format!("{FORMAT}\t{VERSION}\t{}\n", self.destination)
    }

    /// Writes objects that are sorted by key.
    pub fn write<'r>(&self, rows: impl IntoIterator<Item = Row<'r>>) -> io::Result<Vec<u8>> {
        let mut out = zstd::stream::write::Encoder::new(Vec::new(), LEVEL)?;
        let mut seal = self.seal.begin();
        let mut put = |line: &str| {
            seal.update(line.as_bytes());
            out.write_all(line.as_bytes())
        };
        put(&self.header())?;
        let mut count = 0_u64;
        for row in rows {
            put(&line(&row))?;
            count += 1;
        }
        let end = format!("end\t{count}\t{}\n", seal.finalize().to_hex());
        out.write_all(end.as_bytes())?;
        out.finish()
    }

    /// Reads a manifest. What `take` is given may be believed only if all of it
    /// could be read.
    pub fn read(&self, packed: &[u8], take: impl FnMut(Row<'_>)) -> Result<(), Distrust> {
        let unreadable = |error: io::Error| Distrust::Unreadable(error.to_string());
        let mut unpacked = zstd::stream::read::Decoder::with_buffer(packed).map_err(unreadable)?;
        unpacked.window_log_max(WINDOW_LOG).map_err(unreadable)?;
        // What follows the frame is none of ours.
        let limited = unpacked.single_frame().take(LARGEST);
        let mut lines = Lines {
            input: BufReader::with_capacity(64 * 1024, limited),
            line: Vec::new(),
            number: 0,
        };
        self.read_lines(&mut lines, take)
    }

    fn read_lines<R: Read>(
        &self,
        lines: &mut Lines<io::Take<R>>,
        mut take: impl FnMut(Row<'_>),
    ) -> Result<(), Distrust> {
        let mut seal = self.seal.begin();
        let header = lines.next()?;
        let mut fields = header.trim_end_matches('\n').split('\t');
        if fields.next() != Some(FORMAT) {
            return Err(Distrust::NotOne);
        }
        match fields.next().and_then(|version| version.parse().ok()) {
            Some(VERSION) => {}
            Some(version) => return Err(Distrust::Newer(version)),
            None => return Err(Distrust::NotOne),
        }
        if header != self.header() {
            return Err(Distrust::Elsewhere);
        }
        seal.update(header.as_bytes());
        let (mut before, mut count) = (String::new(), 0_u64);
        loop {
            let number = lines.number + 1;
            let line = lines.next()?;
            let nonsense = Distrust::Line(number);
            if let Some(end) = line.strip_prefix("end\t") {
                let expected = format!("{count}\t{}\n", seal.finalize().to_hex());
                // It is no secret, so how long the comparison takes tells nothing.
                return if end == expected {
                    Ok(())
                } else {
                    Err(Distrust::Seal)
                };
            }
            let row = parse(line).ok_or(nonsense.clone())?;
            if row.key <= before.as_str() {
                return Err(nonsense);
            }
            before.clear();
            before.push_str(row.key);
            take(row);
            seal.update(line.as_bytes());
            count += 1;
        }
    }
}

/// The key comes after a word, so that none can be taken for the end.
fn line(row: &Row<'_>) -> String {
    let Record {
        etag,
        size,
        content,
        properties,
        form,
    } = row.record;
    format!(
        "object\t{}\t{size}\t{etag}\t{content}\t{properties}\t{form}\n",
        row.key
    )
}

fn parse(line: &str) -> Option<Row<'_>> {
    let mut fields = line.strip_suffix('\n')?.split('\t');
    let mut next = || fields.next();
    if next()? != "object" {
        return None;
    }
    let key = next()?;
    key.parse::<ObjectKey>().ok()?;
    let row = Row {
        key,
        record: Record {
            size: next()?.parse().ok()?,
            etag: ETag::from_record(next()?)?,
            content: Digest::from_record(next()?)?,
            properties: Digest::from_record(next()?)?,
            form: next()?.parse::<Compression>().ok()?,
        },
    };
    next().is_none().then_some(row)
}

/// Lines that are no longer than they may be.
struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    number: u64,
}

impl<R: Read> Lines<io::Take<R>> {
    fn next(&mut self) -> Result<&str, Distrust> {
        self.number += 1;
        self.line.clear();
        let mut limited = (&mut self.input).take(LONGEST_LINE);
        let read = limited.read_until(b'\n', &mut self.line);
        if let Err(error) = read {
            let cut_off = error.kind() == io::ErrorKind::UnexpectedEof;
            return Err(match cut_off {
                true => Distrust::CutOff,
                false => Distrust::Unreadable(error.to_string()),
            });
        }
        if !self.line.ends_with(b"\n") {
            return Err(match self.line.len() as u64 {
                _ if self.input.get_ref().limit() == 0 => Distrust::TooLarge,
                LONGEST_LINE => Distrust::Line(self.number),
                _ => Distrust::CutOff,
            });
        }
        std::str::from_utf8(&self.line).map_err(|_| Distrust::Line(self.number))
    }
}

#[cfg(test)]
mod tests;
