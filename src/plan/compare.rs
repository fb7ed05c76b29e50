//! Whether an object is what its file would become.
//!
//! Nothing is asked here: what is not known yet comes back as a question, and
//! whoever can answer it decides again with the answer.

use super::{Put, Reason};
use crate::rules::Encoding;
use crate::settings::{Compare, Compression};
use crate::types::{Bytes, Digest, ETag};

/// What a listing says of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its entity tag.
    pub etag: ETag,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written, in seconds since 1970 by S3's clock.
    pub modified: i64,
}

/// What the manifest says of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The entity tag that S3 gave it.
    pub etag: ETag,
    /// How many bytes S3 keeps.
    pub size: u64,
    /// The digest of the file that it was made from.
    pub content: Digest,
    /// The digest of its properties.
    pub properties: Digest,
    /// How docferry compresses such a file on its way.
    pub form: Compression,
    /// When it was known to be so, in seconds since 1970 by S3's clock.
    pub known: i64,
}

/// By how many seconds the clocks of S3's servers may differ, one of which says
/// when an object was written, and another one when it answers.
const SLACK: i64 = 2;

impl Record {
    /// Whether this is still the object that was recorded. One that was written
    /// later is another one, even with the same bytes: its headers may differ.
    #[must_use]
    pub fn is_of(&self, seen: &Seen) -> bool {
        let as_old = seen.modified <= self.known + SLACK;
        self.etag == seen.etag && self.size == seen.size && as_old
    }
}

/// What is known about a file and its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// The object, if there is one.
    pub seen: Option<Seen>,
    /// What the manifest says of this very object.
    pub record: Option<Record>,
    /// The digest of the file.
    pub digest: Option<Digest>,
    /// Whether the object's entity tag is one that the file would have.
    pub by_etag: Option<Verdict>,
    /// What S3 said when it was asked about the object.
    pub by_head: Option<Looked>,
}

/// How two things compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They are the same.
    Same,
    /// They differ.
    Differs,
    /// Nobody can tell.
    Unknown,
}

/// What S3 says of an object when it is asked about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// Whether its checksum is that of the file.
    pub content: Verdict,
    /// Whether its properties are those that it should have.
    pub properties: Verdict,
}

/// What becomes of a file's object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The file is sent.
    Put(Reason),
    /// The object is copied onto itself, with other properties.
    Copy,
    /// Nothing is done.
    Keep,
}

/// What must be known before a file can be decided about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Question {
    /// The digest of the file.
    Digest,
    /// Whether the object's entity tag is the file's, and the file's digest.
    ETag,
    /// What S3 says of the object.
    Head,
}

/// A larger object takes S3 so long that the answer may not come in time, and
/// one of over 5 GiB takes several requests ("`CopyObject`", Amazon S3 API
/// Reference).
const MOST_COPIED: Bytes = Bytes::gib(1);

/// Decides, or says what is still to be found out.
pub fn decide(put: &Put, facts: &Facts, compare: Compare) -> Result<Decision, Question> {
    if compare == Compare::Always {
        return Ok(Decision::Put(Reason::Forced));
    }
    let Some(seen) = facts.seen else {
        return Ok(Decision::Put(Reason::New));
    };
    match (compare, facts.record) {
        (Compare::Auto | Compare::Manifest, Some(record)) => by_record(put, facts, &record),
        (Compare::Manifest, None) => Ok(Decision::Put(Reason::Incomparable)),
        _ => by_looks(put, &seen, facts, compare),
    }
}

fn by_record(put: &Put, facts: &Facts, record: &Record) -> Result<Decision, Question> {
    let form = form_of(put);
    if record.form != form {
        return Ok(Decision::Put(Reason::PropertiesDiffer));
    }
    if form == Compression::Off && record.size != put.file.size {
        return Ok(Decision::Put(Reason::SizeDiffers));
    }
    let digest = facts.digest.ok_or(Question::Digest)?;
    if digest != record.content {
        return Ok(Decision::Put(Reason::ContentDiffers));
    }
    Ok(match record.properties == put.properties.digest {
        true => Decision::Keep,
        false => with_other_properties(put, record.etag),
    })
}

/// Without a record, the object itself must tell.
fn by_looks(put: &Put, seen: &Seen, facts: &Facts, compare: Compare) -> Result<Decision, Question> {
    if form_of(put) != Compression::Off {
        // What S3 keeps is the compressed form, which nobody can compare.
        return Ok(Decision::Put(Reason::Incomparable));
    }
    if seen.size != put.file.size {
        return Ok(Decision::Put(Reason::SizeDiffers));
    }
    if compare == Compare::Size {
        return Ok(Decision::Keep);
    }
    let by_etag = facts.by_etag.ok_or(Question::ETag)?;
    if compare == Compare::ETag {
        return Ok(match by_etag {
            Verdict::Same => Decision::Keep,
            Verdict::Differs => Decision::Put(Reason::ContentDiffers),
            Verdict::Unknown => Decision::Put(Reason::Incomparable),
        });
    }
    let looked = facts.by_head.ok_or(Question::Head)?;
    let content = match (by_etag, looked.content) {
        // A checksum is no digest: it tells only where the tag does not.
        (Verdict::Unknown, by_checksum) => by_checksum,
        (by_etag, _) => by_etag,
    };
    Ok(match (content, looked.properties) {
        (Verdict::Same, Verdict::Same) => Decision::Keep,
        (Verdict::Same, Verdict::Differs) => with_other_properties(put, seen.etag),
        (Verdict::Differs, _) => Decision::Put(Reason::ContentDiffers),
        (Verdict::Same | Verdict::Unknown, _) => Decision::Put(Reason::Incomparable),
    })
}

/// S3 can give an object other properties without its content being sent. What
/// was compressed on its way may have been stored as it is, so its encoding is
/// not known well enough for that.
fn with_other_properties(put: &Put, etag: ETag) -> Decision {
    // Only a tag that can be said makes sure that it is this object.
    let can_be_said = etag.is_plain() || etag.parts().is_some();
    let as_it_is = form_of(put) == Compression::Off;
    match as_it_is && can_be_said && put.file.size <= MOST_COPIED.0 {
        true => Decision::Copy,
        false => Decision::Put(Reason::PropertiesDiffer),
    }
}

/// How a file is compressed on its way.
#[must_use]
pub fn form_of(put: &Put) -> Compression {
    match put.properties.encoding {
        Encoding::Applied(codec) => codec,
        Encoding::Plain | Encoding::Stored(_) => Compression::Off,
    }
}
