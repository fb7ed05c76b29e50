//! A plan as text for people and as JSON for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::{Method, Plan, Put};
use crate::rules::{Encoding, Origin, Properties};
use crate::text::{count, printable};
use crate::types::Bytes;

impl Plan {
    /// Prints a line for each action, and the sum.
    pub fn write_text<W: Write>(&self, out: &mut W) -> io::Result<()> {
        for put in &self.puts {
            writeln!(
                out,
                "put  {:>10}  {:<32}  {}",
                Bytes(put.file.size).to_string(),
                printable(&put.properties.content_type),
                printable(&self.destination.url_of(&put.file.key)),
            )?;
            for property in properties_of(put) {
                writeln!(out, "       {}", printable(&property))?;
            }
        }
        writeln!(out, "{}", self.summary())
    }

    /// The sum of the plan, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "{}, {}, to {}",
            count(self.puts.len(), "file"),
            Bytes(self.bytes()),
            printable(&self.destination.to_string())
        )
    }

    /// Prints one JSON document. Its `version` changes when a field changes
    /// its meaning or goes away; fields may be added at any time.
    pub fn write_json<W: Write>(&self, out: &mut W) -> io::Result<()> {
        let document = Document {
            version: 1,
            destination: self.destination.to_string(),
            bucket: self.destination.bucket.as_str(),
            prefix: self.destination.prefix.as_str(),
            totals: Totals {
                put: self.puts.len(),
                bytes: self.bytes(),
            },
            actions: self.puts.iter().map(|put| self.entry(put)).collect(),
        };
        serde_json::to_writer_pretty(NoCommands(&mut *out), &document)?;
        writeln!(out)
    }

    fn entry<'a>(&self, put: &'a Put) -> Entry<'a> {
        Entry {
            action: "put",
            reason: put.reason.text(),
            path: put.file.key.as_str(),
            key: self.destination.prefix.join(&put.file.key),
            size: put.file.size,
            part_size: match put.method {
                Method::Single => None,
                Method::Parts(size) => Some(size),
            },
            content_type: &put.properties.content_type,
            content_encoding: match &put.properties.encoding {
                Encoding::Plain => None,
                Encoding::Stored(encoding) => Some(encoding.clone()),
                Encoding::Applied(codec) => Some(codec.to_string()),
            },
            compressed: matches!(put.properties.encoding, Encoding::Applied(_)),
            headers: put
                .properties
                .headers
                .iter()
                .map(|header| (header.name.as_str(), header.value.as_str()))
                .collect(),
            rules: &put.properties.origins,
        }
    }
}

/// GitHub's runner takes `##[` for a command wherever it stands. In JSON a `#`
/// can only be in a text, where it has another way to be written.
struct NoCommands<W>(W);

impl<W: Write> Write for NoCommands<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'#') {
            match part.strip_suffix(b"#") {
                Some(before) => {
                    self.0.write_all(before)?;
                    self.0.write_all(b"\\u0023")?;
                }
                None => self.0.write_all(part)?,
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// What an object has beside its content type, and which rules said so.
fn properties_of(put: &Put) -> Vec<String> {
    let Properties {
        content_type: _,
        encoding,
        headers,
        origins,
    } = &*put.properties;
    let mut lines: Vec<String> = match encoding {
        Encoding::Plain => None,
        Encoding::Stored(encoding) => Some(format!("content-encoding: {encoding}")),
        Encoding::Applied(codec) => Some(format!("content-encoding: {codec}, if that is smaller")),
    }
    .into_iter()
    .collect();
    let headers = headers.iter();
    lines.extend(headers.map(|header| format!("{}: {}", header.name, header.value)));
    let origins = origins.iter();
    lines.extend(origins.map(|origin| {
        let Origin {
            property,
            variable,
            glob,
        } = origin;
        format!("({property} by {variable}, {glob})")
    }));
    lines
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    destination: String,
    bucket: &'a str,
    prefix: &'a str,
    totals: Totals,
    actions: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Totals {
    put: usize,
    bytes: u64,
}

#[derive(Serialize)]
struct Entry<'a> {
    action: &'static str,
    reason: &'static str,
    path: &'a str,
    key: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    part_size: Option<u64>,
    content_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_encoding: Option<String>,
    /// Whether docferry itself encodes the file, if that makes it smaller.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    compressed: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    rules: &'a [Origin],
}
