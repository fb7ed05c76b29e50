//! A directory's entries: which are carried, and which cannot be.

use std::borrow::Cow;
use std::ffi::OsStr;
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
        links: Vec::new(),
        links_followed: 0,
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
    /// The links to folders that the walk is below of, and where they lead.
    links: Vec<(PathBuf, PathBuf)>,
    links_followed: usize,
    source: Source,
    root: &'a Path,
}

/// More links to folders than this are likelier to be links that multiply each
/// other than a site.
const MOST_LINKS: usize = 1000;

impl Walker<'_> {
    fn visit(&mut self, entry: walkdir::Result<DirEntry>) -> Next {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                if self.is_a_problem(&error) {
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
        if is_version_control(entry.file_name()) || !self.wanted(&path, is_folder) {
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
            Ok(Look::Leave) => skip,
            Ok(Look::Take(target)) if is_folder => self.enter(&entry, target),
            Ok(Look::Take(target)) => {
                match carried(&entry, target.as_deref(), self.root) {
                    Ok(file) => self.take(file, target.as_deref(), entry.path()),
                    Err(problem) => self.problems.push(problem),
                }
                Next::Within
            }
        }
    }

    /// What could not even be looked at is a problem unless it is sure that it
    /// was not wanted. What it is, is not known: a folder, perhaps.
    fn is_a_problem(&mut self, error: &walkdir::Error) -> bool {
        let Some(path) = error.path() else {
            return true;
        };
        let name = relative(path, self.root);
        let excluded = |is_folder| self.selection.exclude.first(&name, is_folder).is_some();
        if excluded(true) || excluded(false) {
            return false;
        }
        let no_folder = path.symlink_metadata().is_ok_and(|meta| !meta.is_dir());
        !no_folder || self.wanted(&name, false)
    }

    /// Goes into a folder, and remembers where it is if that is elsewhere.
    fn enter(&mut self, entry: &DirEntry, target: Option<PathBuf>) -> Next {
        let Some(target) = target else {
            return Next::Within;
        };
        self.links_followed += 1;
        if self.links_followed > MOST_LINKS {
            let reason = format!("is one of more than {MOST_LINKS} symbolic links to folders");
            self.problems.push(problem(entry.path(), self.root, reason));
            return Next::Beside;
        }
        self.links.push((entry.path().to_owned(), target));
        Next::Within
    }

    /// Where a file really is: the walk comes to it by links to folders.
    fn real(&mut self, path: &Path) -> Option<PathBuf> {
        while self
            .links
            .pop_if(|(link, _)| !path.starts_with(link))
            .is_some()
        {}
        let (link, target) = self.links.last()?;
        Some(target.join(path.strip_prefix(link).ok()?))
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
        // What a folder is called may give its files away, the source's own
        // name included.
        let seen = self.name_of_the_root().join(file.key.as_str());
        let real = target.map(Path::to_owned).or_else(|| self.real(path));
        let real = real.unwrap_or_default();
        let paths = [seen.to_string_lossy(), real.to_string_lossy()];
        let suspect = guard::suspect(&file.key, &paths.each_ref().map(|p| &**p), path);
        if let Some(suspect) = suspect
            && self.allowed_secrets.first(file.key.as_str()).is_none()
        {
            self.source.suspects.push(suspect);
        }
        self.source.files.push(file);
    }

    fn name_of_the_root(&self) -> &Path {
        self.root.file_name().map_or(Path::new(""), Path::new)
    }

    /// A symbolic link may lead anywhere inside the source and nowhere else:
    /// one to `/proc/self/environ` would publish the job's secrets.
    fn look(&self, entry: &DirEntry) -> Result<Look, Problem> {
        if !entry.path_is_symlink() {
            return Ok(Look::Take(None));
        }
        match self.selection.symlinks {
            Symlinks::Inside => {
                let target = inside(entry, self.root)?;
                let below = target.strip_prefix(self.root).unwrap_or(&target);
                // A link must not be a way around what is never carried.
                match below.iter().any(is_version_control) {
                    true => Ok(Look::Leave),
                    false => Ok(Look::Take(Some(target))),
                }
            }
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
    /// It is left behind, as the settings say.
    Skip,
    /// It is never carried.
    Leave,
    /// It is carried; a link leads to this path.
    Take(Option<PathBuf>),
}

/// These hold the whole history, and often a token in their configuration; they
/// are nobody's documents.
fn is_version_control(name: &OsStr) -> bool {
    [".git", ".hg", ".svn"].iter().any(|known| name == *known)
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
