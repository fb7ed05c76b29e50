//! A directory's entries: which are carried, and which cannot be.

use std::borrow::Cow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::problems::{problem, reason_of, walk_problem};
use super::{LocalFile, Selection, Source, guard, key_of, local_file};
use crate::error::{Problem, SourceError};
use crate::globs::Finder;
use crate::settings::Symlinks;

pub(super) fn walk(root: PathBuf, selection: &Selection) -> Result<Source, SourceError> {
    let mut walker = Walker {
        selection,
        include: selection.include.finder(),
        allowed_secrets: selection.allowed_secrets.finder(),
        problems: Vec::new(),
        source: Source::default(),
        root: &root,
    };
    let mut entries = WalkDir::new(&root)
        .follow_links(selection.symlinks == Symlinks::Inside)
        .min_depth(1)
        .into_iter();
    while let Some(entry) = entries.next() {
        if walker.visit(entry) == Next::Beside {
            entries.skip_current_dir();
        }
    }
    let Walker {
        problems,
        mut source,
        ..
    } = walker;
    if !problems.is_empty() {
        let hint = "mend these, or name them in DOCFERRY_EXCLUDE";
        return Err(SourceError {
            problems,
            hint: Some(hint.to_owned()),
        });
    }
    source.files.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    source.root = root;
    Ok(source)
}

/// Where the walk goes on.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// In the folder that the entry is, if it is one.
    Within,
    /// With the next entry beside it.
    Beside,
}

struct Walker<'a> {
    selection: &'a Selection,
    include: Finder<'a>,
    allowed_secrets: Finder<'a>,
    problems: Vec<Problem>,
    source: Source,
    root: &'a Path,
}

impl Walker<'_> {
    fn visit(&mut self, entry: walkdir::Result<DirEntry>) -> Next {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error
                    .path()
                    .map(|path| relative(path, self.root))
                    .unwrap_or_default();
                if self.wanted(&path, false) {
                    self.problems.push(walk_problem(&error, self.root));
                }
                return Next::Within;
            }
        };
        let is_folder = entry.file_type().is_dir();
        let path = relative(entry.path(), self.root);
        let skip = if is_folder {
            Next::Beside
        } else {
            Next::Within
        };
        if is_version_control(&entry) || !self.wanted(&path, is_folder) {
            return skip;
        }
        match self.look(&entry) {
            Ok(Look::Skip) => {
                self.source.links_skipped += 1;
                skip
            }
            Err(problem) => {
                self.problems.push(problem);
                skip
            }
            Ok(Look::Take(_)) if is_folder => Next::Within,
            Ok(Look::Take(target)) => {
                match carried(&entry, target.as_deref(), self.root) {
                    Ok(file) => self.take(file, target.as_deref(), entry.path()),
                    Err(problem) => self.problems.push(problem),
                }
                Next::Within
            }
        }
    }

    /// Whether an entry is selected. A folder that no glob includes may still
    /// hold files that are.
    fn wanted(&mut self, path: &str, is_folder: bool) -> bool {
        if self.selection.exclude.first(path, is_folder).is_some() {
            return false;
        }
        is_folder || self.selection.include.is_empty() || self.include.first(path).is_some()
    }

    fn take(&mut self, file: LocalFile, target: Option<&Path>, path: &Path) {
        let inner = target.map(|target| relative(target, self.root));
        let suspect = guard::suspect(&file.key, inner.as_deref(), path);
        if let Some(suspect) = suspect
            && self.allowed_secrets.first(file.key.as_str()).is_none()
        {
            self.source.suspects.push(suspect);
        }
        self.source.files.push(file);
    }

    /// A symbolic link may lead anywhere inside the source and nowhere else:
    /// one to `/proc/self/environ` would publish the job's secrets.
    fn look(&self, entry: &DirEntry) -> Result<Look, Problem> {
        if !entry.path_is_symlink() {
            return Ok(Look::Take(None));
        }
        match self.selection.symlinks {
            Symlinks::Inside => inside(entry, self.root).map(|target| Look::Take(Some(target))),
            Symlinks::Skip => Ok(Look::Skip),
            Symlinks::Refuse => {
                let reason = match entry.path().read_link() {
                    Ok(target) => format!("is a symbolic link to {:?}", target.as_os_str()),
                    Err(_) => "is a symbolic link".to_owned(),
                };
                let reason = format!("{reason}, and DOCFERRY_SYMLINKS=refuse takes none");
                Err(problem(entry.path(), self.root, reason))
            }
        }
    }
}

/// A path below the root, as far as it is text. The walk makes each path by
/// joining a name to the root's own bytes, so what follows them is relative;
/// comparing them part by part would cost more than asking the kernel.
fn relative<'a>(path: &'a Path, root: &Path) -> Cow<'a, str> {
    let (path, root) = (path.as_os_str().as_bytes(), root.as_os_str().as_bytes());
    let below = path.strip_prefix(root).unwrap_or(path);
    String::from_utf8_lossy(below.strip_prefix(b"/").unwrap_or(below))
}

/// What becomes of an entry, as far as links go.
enum Look {
    /// It is left behind.
    Skip,
    /// It is carried; a link leads to this path.
    Take(Option<PathBuf>),
}

/// These hold the whole history, and often a token in their configuration; they
/// are nobody's documents.
fn is_version_control(entry: &DirEntry) -> bool {
    [".git", ".hg", ".svn"]
        .iter()
        .any(|name| entry.file_name() == *name)
}

/// Says where a link leads; a file is then known by what is there, so that a
/// link that is turned elsewhere later leads to a file that is refused.
fn inside(entry: &DirEntry, root: &Path) -> Result<PathBuf, Problem> {
    let target = entry
        .path()
        .canonicalize()
        .map_err(|error| problem(entry.path(), root, reason_of(&error)))?;
    if target.starts_with(root) {
        return Ok(target);
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
    let key = match relative(entry.path(), root) {
        Cow::Borrowed(text) => key_of(Path::new(text))?,
        // Not UTF-8, which is refused with its bytes escaped.
        Cow::Owned(_) => key_of(entry.path().strip_prefix(root).unwrap_or(entry.path()))?,
    };
    Ok(local_file(key, &meta, entry.path()))
}
