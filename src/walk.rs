//! From a directory to its files, sorted by key.
//!
//! Owns: what a file's key is, the policy for symbolic links, and the stamp by
//! which a file is known again when it is opened. Never: AWS.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::error::{Problem, SourceError};
use crate::types::ObjectKey;

/// A file of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// Its path below the source, which is its key below the prefix.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub size: u64,
    /// What else it is known by.
    pub stamp: Stamp,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    root: PathBuf,
    is_file: bool,
    /// Its files, sorted by the bytes of their keys.
    pub files: Vec<LocalFile>,
}

impl Source {
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
pub fn walk(source: &Path) -> Result<Source, SourceError> {
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
        return single_file(source, root, &meta);
    }
    if !meta.is_dir() {
        let reason = "is neither a directory nor a regular file";
        return Err(SourceError::whole(source, reason, None));
    }
    walk_directory(root)
}

fn single_file(said: &Path, root: PathBuf, meta: &Metadata) -> Result<Source, SourceError> {
    // The name as it was said counts, even where it is a link to another one.
    let name = said.file_name().or(root.file_name()).unwrap_or_default();
    let key = key_of(Path::new(name)).map_err(|problem| SourceError {
        problems: vec![problem],
        hint: None,
    })?;
    let files = vec![local_file(key, meta)];
    Ok(Source {
        root,
        is_file: true,
        files,
    })
}

fn walk_directory(root: PathBuf) -> Result<Source, SourceError> {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    let mut entries = WalkDir::new(&root)
        .follow_links(true)
        .min_depth(1)
        .into_iter()
        .filter_entry(|entry| !is_version_control(entry));
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                problems.push(walk_problem(&error, &root));
                continue;
            }
        };
        match check_inside(&entry, &root) {
            Err(problem) => {
                problems.push(problem);
                if entry.file_type().is_dir() {
                    entries.skip_current_dir();
                }
            }
            Ok(_) if entry.file_type().is_dir() => {}
            Ok(target) => match carried(&entry, target.as_deref(), &root) {
                Ok(file) => files.push(file),
                Err(problem) => problems.push(problem),
            },
        }
    }
    if !problems.is_empty() {
        let hint = "mend these or take them out of the source before docferry runs";
        return Err(SourceError {
            problems,
            hint: Some(hint.to_owned()),
        });
    }
    files.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    Ok(Source {
        root,
        is_file: false,
        files,
    })
}

/// These hold the whole history, and often a token in their configuration; they
/// are nobody's documents.
fn is_version_control(entry: &DirEntry) -> bool {
    [".git", ".hg", ".svn"]
        .iter()
        .any(|name| entry.file_name() == *name)
}

/// A symbolic link may lead anywhere inside the source and nowhere else: one
/// to `/proc/self/environ` would publish the job's secrets.
/// Says where a link leads; a file is then known by what is there, so that a
/// link that is turned elsewhere later leads to a file that is refused.
fn check_inside(entry: &DirEntry, root: &Path) -> Result<Option<PathBuf>, Problem> {
    if !entry.path_is_symlink() {
        return Ok(None);
    }
    let target = entry
        .path()
        .canonicalize()
        .map_err(|error| problem(entry.path(), root, reason_of(&error)))?;
    if target.starts_with(root) {
        return Ok(Some(target));
    }
    let reason = format!(
        "is a symbolic link out of the source, to {:?}",
        target.as_os_str()
    );
    Err(problem(entry.path(), root, reason))
}

fn carried(entry: &DirEntry, target: Option<&Path>, root: &Path) -> Result<LocalFile, Problem> {
    let unusable = |reason: String| problem(entry.path(), root, reason);
    let meta = match target {
        Some(target) => target
            .symlink_metadata()
            .map_err(|e| unusable(reason_of(&e))),
        None => entry.metadata().map_err(|error| walk_problem(&error, root)),
    }?;
    if !meta.is_file() {
        return Err(unusable(
            "is neither a file nor a directory, but a device, a socket or a pipe".to_owned(),
        ));
    }
    let relative = entry.path().strip_prefix(root).unwrap_or(entry.path());
    Ok(local_file(key_of(relative)?, &meta))
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

fn local_file(key: ObjectKey, meta: &Metadata) -> LocalFile {
    LocalFile {
        key,
        size: meta.len(),
        stamp: Stamp::from(meta),
    }
}

fn problem(path: &Path, root: &Path, reason: String) -> Problem {
    let relative = path.strip_prefix(root).unwrap_or(path);
    Problem {
        path: format!("{:?}", relative.as_os_str()),
        reason,
    }
}

fn walk_problem(error: &walkdir::Error, root: &Path) -> Problem {
    let path = error.path().unwrap_or(root);
    let reason = match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => {
            let ancestor = ancestor.strip_prefix(root).unwrap_or(ancestor);
            format!(
                "is a symbolic link back to {:?}, which holds it: an endless loop",
                Path::new(".").join(ancestor).as_os_str()
            )
        }
        (None, Some(io)) if path.is_symlink() && io.kind() == io::ErrorKind::NotFound => {
            match path.read_link() {
                Ok(target) => format!(
                    "is a symbolic link to {:?}, which is not there",
                    target.as_os_str()
                ),
                Err(_) => reason_of(io),
            }
        }
        (None, Some(io)) => reason_of(io),
        (None, None) => error.to_string(),
    };
    problem(path, root, reason)
}

/// An I/O error in plain words.
#[must_use]
pub fn reason_of(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        return "is not there".to_owned();
    }
    if error.kind() == io::ErrorKind::PermissionDenied {
        return "may not be read by this user".to_owned();
    }
    format!("cannot be read: {error}")
}

#[cfg(test)]
mod tests;
