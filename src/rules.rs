//! From a file to the properties of its object.
//!
//! Owns: content types, and which rule gives which property. Never: I/O.

mod header;
mod list;
mod media;
mod objects;
mod pairs;

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

pub use header::Header;
pub use list::RuleList;
pub use objects::{HeaderRules, ObjectRules};

/// How values become headers, for the settings.
pub mod values {
    pub use super::header::{
        cache_control, content_disposition, content_encoding, content_language, media_type,
        redirect, value,
    };
    pub use super::pairs::{metadata, tags};
}

pub(crate) use media::has_extension;

use crate::globs::Finder;
use crate::settings::Compression;
use crate::types::Digest;
use crate::walk::{LocalFile, Sniffed};
use list::Chosen;
use media::ByName;

/// How an object looks to those who fetch it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    /// The media type, with its charset for text (RFC 9110, section 8.3).
    pub content_type: String,
    /// How the content is encoded.
    pub encoding: Encoding,
    /// All other headers that the object has of its own.
    pub headers: Vec<Header>,
    /// How many of the headers, at their end, are the stamp.
    pub stamped: usize,
    /// Which rule gave what.
    pub origins: Vec<Origin>,
    /// What tells these properties from others. The stamp is not part of it, or
    /// each commit would change every object.
    pub digest: Digest,
}

/// How the content of an object is encoded (RFC 9110, section 8.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Plain,
    /// The file is encoded already.
    Stored(String),
    /// It is encoded on its way, where that makes it smaller.
    Applied(Compression),
}

impl Encoding {
    /// The encoding that the file has already.
    #[must_use]
    pub fn stored(&self) -> Option<&str> {
        match self {
            Self::Stored(encoding) => Some(encoding),
            Self::Plain | Self::Applied(_) => None,
        }
    }
}

/// The rule that gave a property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The property.
    pub property: &'static str,
    /// The rule's variable.
    pub variable: &'static str,
    /// The rule's glob; `**` for a value that is for all files.
    pub glob: String,
}

/// Files smaller than this hardly gain from being compressed: they fit into
/// one packet either way.
const LEAST_COMPRESSED: u64 = 1024;
/// Larger files are sent as they are: an object that is made on its way cannot
/// be taken up again where it broke off.
const MOST_COMPRESSED: u64 = 512 * 1024 * 1024;

/// How many lists of headers there may be.
const LISTS: usize = 7;

/// Chooses properties. Files of the same kind share one record, so that a
/// million of them cost a pointer each.
#[derive(Debug)]
pub struct Rules<'a> {
    objects: &'a ObjectRules,
    content_type: Finder<'a>,
    content_encoding: Finder<'a>,
    compress: Finder<'a>,
    headers: Vec<Finder<'a>>,
    known: HashMap<Kind, Arc<Properties>>,
}

/// What is the same for all files that share a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    by_name: ByName,
    sniffed: Sniffed,
    worth_compressing: bool,
    content_type: Chosen,
    content_encoding: Chosen,
    compress: Chosen,
    headers: [Chosen; LISTS],
}

impl<'a> Rules<'a> {
    /// Prepares the rules.
    #[must_use]
    pub fn new(rules: &'a ObjectRules) -> Self {
        Self {
            objects: rules,
            content_type: rules.content_type.finder(),
            content_encoding: rules.content_encoding.finder(),
            compress: rules.compress.finder(),
            headers: rules.headers.iter().map(|r| r.list.finder()).collect(),
            known: HashMap::new(),
        }
    }

    /// The properties for the object of this file.
    pub fn properties_of(&mut self, file: &LocalFile) -> Arc<Properties> {
        let kind = self.kind_of(file);
        let rules = self.objects;
        let known = self.known.entry(kind);
        Arc::clone(known.or_insert_with(|| Arc::new(make(rules, &kind))))
    }

    fn kind_of(&mut self, file: &LocalFile) -> Kind {
        let path = file.key.as_str();
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let mut headers = [Chosen::Nothing; LISTS];
        let lists = self.objects.headers.iter().zip(&mut self.headers);
        for (chosen, (rules, finder)) in headers.iter_mut().zip(lists) {
            *chosen = rules.list.choose(finder.first(path));
        }
        let rules = self.objects;
        Kind {
            by_name: media::by_name(name),
            sniffed: file.sniffed,
            worth_compressing: (LEAST_COMPRESSED..=MOST_COMPRESSED).contains(&file.size),
            content_type: rules.content_type.choose(self.content_type.first(path)),
            content_encoding: rules
                .content_encoding
                .choose(self.content_encoding.first(path)),
            compress: rules.compress.choose(self.compress.first(path)),
            headers,
        }
    }
}

fn make(rules: &ObjectRules, kind: &Kind) -> Properties {
    let mut origins = Vec::new();
    let mut from = |property: &'static str, variable: &'static str, glob: &str| {
        origins.push(Origin {
            property,
            variable,
            glob: glob.to_owned(),
        });
    };
    let said_type = rules.content_type.get(kind.content_type);
    let content_type = match said_type {
        Some((said, glob)) => {
            from("content-type", "DOCFERRY_CONTENT_TYPE", glob);
            said.clone()
        }
        None => media::with_charset(guessed(kind)),
    };
    let compress = rules.compress.get(kind.compress);
    let compress = compress.filter(|_| kind.worth_compressing);
    let stored = kind.by_name.encoding;
    let unsaid = rules.content_encoding.is_none(kind.content_encoding);
    // Whoever calls `app.js.gz` an archive wants it to stay one.
    let stored = stored.filter(|_| {
        !unsaid && kind.sniffed != Sniffed::NotEncoded && !media::is_archive(&content_type)
    });
    let said = rules.content_encoding.get(kind.content_encoding);
    let encoding = match (said, stored, compress) {
        (Some((said, glob)), _, _) => {
            from("content-encoding", "DOCFERRY_CONTENT_ENCODING", glob);
            Encoding::Stored(said.clone())
        }
        (None, Some(stored), _) => Encoding::Stored(stored.to_owned()),
        (None, None, Some((codec, glob)))
            if *codec != Compression::Off && media::is_compressible(&content_type) =>
        {
            from("content-encoding", "DOCFERRY_COMPRESS", glob);
            Encoding::Applied(*codec)
        }
        (None, None, _) => Encoding::Plain,
    };
    let mut headers = rules.common.clone();
    for (rules, chosen) in rules.headers.iter().zip(kind.headers) {
        if let Some((found, glob)) = rules.list.get(chosen) {
            from(rules.property, rules.variable, glob);
            headers.extend(found.iter().cloned());
        }
    }
    let digest = digest_of(&content_type, &encoding, &headers);
    let said = headers.len();
    // What the user says himself wins over the stamp.
    for stamp in &rules.stamp {
        if headers.iter().all(|header| header.name != stamp.name) {
            headers.push(stamp.clone());
        }
    }
    Properties {
        content_type,
        encoding,
        stamped: headers.len() - said,
        headers,
        origins,
        digest,
    }
}

/// The order in which headers were said makes no difference.
fn digest_of(content_type: &str, encoding: &Encoding, headers: &[Header]) -> Digest {
    let encoding = match encoding {
        Encoding::Plain => String::new(),
        Encoding::Stored(encoding) => encoding.clone(),
        Encoding::Applied(codec) => format!("applied {codec}"),
    };
    let own = [
        ("content-type", content_type),
        ("content-encoding", &encoding),
    ];
    let others = headers.iter();
    let others = others.map(|header| (header.name.as_str(), header.value.as_str()));
    let mut all: Vec<(&str, &str)> = own.into_iter().chain(others).collect();
    all.sort_unstable();
    // Neither a name nor a value has a line break.
    let lines: Vec<String> = all
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect();
    Digest::of(lines.concat().as_bytes())
}

fn guessed(kind: &Kind) -> &'static str {
    match (kind.by_name.essence, kind.sniffed) {
        (Some(essence), _) | (None, Sniffed::Type(essence)) => essence,
        (None, Sniffed::NotEncoded | Sniffed::Unknown) => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
