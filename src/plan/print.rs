//! A plan as text for people and as JSON for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::{Action, Plan, Reason};
use crate::rules::{Encoding, Origin, Properties};
use crate::text::{count, grouped, printable};
use crate::types::Bytes;

impl Plan {
    /// Prints a line for each action, and the sum.
    pub fn write_text<W: Write>(&self, out: &mut W) -> io::Result<()> {
        for action in self.actions() {
            let Action { file, effect, .. } = action;
            let (size, kind) = match file {
                Some((file, properties)) => (
                    Bytes(file.size).to_string(),
                    properties.content_type.as_str(),
                ),
                None => (String::new(), ""),
            };
            let obvious = matches!(effect, "put" | "add" | "keep");
            let why = match obvious {
                true => String::new(),
                false => format!("  ({})", action.reason.text()),
            };
            let url = format!("{}{}", self.destination, action.path);
            let (kind, url) = (printable(kind), printable(&url));
            writeln!(out, "{effect:<6}  {size:>10}  {kind:<32}  {url}{why}")?;
            // What stays has been shown when it came.
            let shown = file.filter(|_| effect != "keep");
            for property in shown.map(|(_, p)| properties_of(p)).unwrap_or_default() {
                writeln!(out, "       {}", printable(&property))?;
            }
        }
        writeln!(out, "{}", self.summary())
    }

    /// The sum of the plan, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let destination = self.destination.to_string();
        let to = printable(&destination);
        let forced = self.puts.iter().all(|put| put.reason == Reason::Forced);
        if forced && self.keeps.is_empty() && self.deletes.is_empty() {
            let files = count(self.puts.len(), "file");
            return format!("{files}, {}, to {to}", Bytes(self.bytes()));
        }
        let new = self.puts.iter().filter(|put| put.reason == Reason::New);
        let new = new.count();
        let deletes = match self.deletes.len() {
            0 => String::new(),
            number => format!(", {} to delete", grouped(number)),
        };
        format!(
            "{} new and {} changed, {}, {} unchanged{deletes}, at {to}",
            grouped(new),
            grouped(self.puts.len() - new),
            Bytes(self.bytes()),
            grouped(self.keeps.len()),
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
                put: self.puts.iter().filter(|put| put.is_sent()).count(),
                copy: self.puts.iter().filter(|put| !put.is_sent()).count(),
                keep: self.keeps.len(),
                delete: self.deletes.len(),
                bytes: self.bytes(),
            },
            actions: Entries(self),
        };
        serde_json::to_writer_pretty(NoCommands(&mut *out), &document)?;
        writeln!(out)
    }

    fn entry<'a>(&self, action: &Action<'a>) -> Entry<'a> {
        let properties = action.file.map(|(_, properties)| properties);
        let encoding = properties.map(|properties| &properties.encoding);
        let headers = properties.map_or(&[][..], |properties| &properties.headers);
        Entry {
            action: action.name,
            effect: action.effect,
            reason: action.reason.text(),
            reason_code: action.reason.code(),
            path: action.path,
            key: format!("{}{}", self.destination.prefix, action.path),
            size: action.file.map(|(file, _)| file.size),
            part_size: action.part_size,
            content_type: properties.map(|properties| properties.content_type.as_str()),
            content_encoding: match encoding {
                None | Some(Encoding::Plain) => None,
                Some(Encoding::Stored(encoding)) => Some(encoding.clone()),
                Some(Encoding::Applied(codec)) => Some(codec.to_string()),
            },
            compressed: matches!(encoding, Some(Encoding::Applied(_))),
            headers: headers
                .iter()
                .map(|header| (header.name.as_str(), header.value.as_str()))
                .collect(),
            rules: properties.map_or(&[], |properties| &properties.origins),
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
fn properties_of(properties: &Properties) -> Vec<String> {
    let Properties {
        content_type: _,
        encoding,
        headers,
        stamped: _,
        origins,
        digest: _,
    } = properties;
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
    actions: Entries<'a>,
}

/// The actions, one after another: there may be a million of them.
struct Entries<'a>(&'a Plan);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(plan) = self;
        serializer.collect_seq(plan.actions().map(|action| plan.entry(&action)))
    }
}

#[derive(Serialize)]
struct Totals {
    put: usize,
    copy: usize,
    keep: usize,
    delete: usize,
    bytes: u64,
}

#[derive(Serialize)]
struct Entry<'a> {
    action: &'static str,
    /// What it is for those who look at the destination.
    effect: &'static str,
    reason: &'static str,
    reason_code: &'static str,
    path: &'a str,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
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
