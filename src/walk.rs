//! From a directory to its files, sorted by key.
//!
//! Owns: which files are carried and what their keys are, the policy for
//! symbolic links, the guard against secrets, and the stamp by which a file is
//! known again when it is opened. Never: AWS.

mod entries;
mod guard;
mod problems;
mod sniff;

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub use guard::Suspect;
pub use problems::reason_of;
pub use sniff::Sniffed;

use crate::error::{Problem, SourceError};
use crate::globs::Globs;
use crate::settings::Symlinks;
use crate::types::ObjectKey;

/// Which entries of the source are carried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// What is carried; without a glob, everything.
    pub include: Globs,
    /// What is not carried, whatever else matches it.
    pub exclude: Globs,
    /// What becomes of symbolic links.
    pub symlinks: Symlinks,
    /// Files that look like credentials and are carried all the same.
    pub allowed_secrets: Globs,
}

/// A file of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// Its path below the source, which is its key below the prefix.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub size: u64,
    /// What else it is known by.
    pub stamp: Stamp,
    /// What its content says where its name does not.
    pub sniffed: Sniffed,
}

/// Which file it was that was seen, and in which state: another file under the
/// same name, or the same one written to, has another stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    // Whoever sets the time of modification back cannot set this one.
    changed: (i64, i64),
}

impl From<&Metadata> for Stamp {
    fn from(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// A source that was walked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    root: PathBuf,
    is_file: bool,
    /// Its files, sorted by the bytes of their keys.
    pub files: Vec<LocalFile>,
    /// Those of them that look like credentials.
    pub suspects: Vec<Suspect>,
    /// How many symbolic links were left behind.
    pub links_skipped: usize,
}

impl Source {
    /// The directory, or the file itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether it is a single file.
    #[must_use]
    pub const fn is_file(&self) -> bool {
        self.is_file
    }

    /// Where a file of this source is.
    #[must_use]
    pub fn path_of(&self, key: &ObjectKey) -> PathBuf {
        if self.is_file {
            self.root.clone()
        } else {
            self.root.join(key.as_str())
        }
    }
}

/// Walks a directory, or takes a single file as it is.
pub fn walk(source: &Path, selection: &Selection) -> Result<Source, SourceError> {
    let unreadable = |error: &io::Error| {
        let odd = source.to_string_lossy().contains(['$', '*', '~']);
        let hint = match error.kind() == io::ErrorKind::NotFound {
            true if odd => Some("docferry is no shell: `$`, `*` and `~` stand for themselves"),
            true => Some("DOCFERRY_SOURCE is relative to the working directory of the job"),
            false => None,
        };
        SourceError::whole(source, reason_of(error), hint)
    };
    let root = source.canonicalize().map_err(|e| unreadable(&e))?;
    let meta = root.metadata().map_err(|e| unreadable(&e))?;
    if meta.is_file() {
        return single_file(source, root, &meta, selection);
    }
    if !meta.is_dir() {
        let reason = "is neither a directory nor a regular file";
        return Err(SourceError::whole(source, reason, None));
    }
    entries::walk(root, selection)
}

fn single_file(
    said: &Path,
    root: PathBuf,
    meta: &Metadata,
    selection: &Selection,
) -> Result<Source, SourceError> {
    // The name as it was said counts, even where it is a link to another one.
    let name = said.file_name().or(root.file_name()).unwrap_or_default();
    let key = key_of(Path::new(name)).map_err(|problem| SourceError {
        problems: vec![problem],
        hint: None,
    })?;
    let mut source = Source {
        root,
        is_file: true,
        ..Source::default()
    };
    let path = key.as_str();
    let included = selection.include.is_empty() || selection.include.first(path, false).is_some();
    if included && selection.exclude.first(path, false).is_none() {
        let file = local_file(key, meta, &source.root);
        let (said, real) = (said.to_string_lossy(), source.root.to_string_lossy());
        let suspect = guard::suspect(&file.key, &[&said, &real], &source.root);
        source.suspects.extend(suspect.filter(|_| {
            selection
                .allowed_secrets
                .first(file.key.as_str(), false)
                .is_none()
        }));
        source.files.push(file);
    }
    Ok(source)
}

fn key_of(relative: &Path) -> Result<ObjectKey, Problem> {
    let refused = |reason: String| Problem {
        path: format!("{:?}", relative.as_os_str()),
        reason,
    };
    let Some(text) = relative.to_str() else {
        let reason = "has a name that is not valid UTF-8, and S3's keys are UTF-8";
        return Err(refused(reason.to_owned()));
    };
    text.parse::<ObjectKey>()
        .map_err(|invalid| refused(invalid.reason))
}

fn local_file(key: ObjectKey, meta: &Metadata, path: &Path) -> LocalFile {
    let sniffed = sniff::sniff(key.as_str(), path);
    LocalFile {
        key,
        size: meta.len(),
        stamp: Stamp::from(meta),
        sniffed,
    }
}

#[cfg(test)]
mod tests;
