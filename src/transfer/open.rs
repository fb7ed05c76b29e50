//! Opening a file and knowing it again.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::buffers::Buffers;
use super::content::Range;
use crate::text::printable;
use crate::walk::{LocalFile, Source, Stamp, reason_of};

/// The source, held open, so that nothing that is opened below it can be
/// anywhere else.
#[derive(Debug)]
pub struct Root {
    source: Source,
    folder: Option<OwnedFd>,
}

/// A file that is the one that was planned, as long as nobody writes to it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: Arc<File>,
    planned: LocalFile,
}

const CHANGED: &str = "changed after it was planned or while it was read";

/// A pipe that took a file's place must not make the run wait.
const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOCTTY);

impl Root {
    /// Opens the source itself.
    #[must_use]
    pub fn new(source: Source) -> Self {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // Without it, the path is opened, and the stamp alone tells.
        let folder = rustix::fs::open(source.root(), flags, Mode::empty()).ok();
        Self { source, folder }
    }

    /// Opens a planned file; another one in its place is refused. That also
    /// closes the gap between the check of a symbolic link and its use:
    /// whatever the link leads to by now must be the very file that was
    /// checked.
    pub(crate) fn open(&self, planned: &LocalFile) -> Result<Opened, String> {
        let file = self.open_below(planned).map_err(|error| gone_or(&error))?;
        let opened = Opened {
            file: Arc::new(file),
            planned: planned.clone(),
        };
        opened.check()?;
        Ok(opened)
    }

    /// The kernel itself keeps the path below the folder (`openat2(2)`), so
    /// that nothing outside is opened even for the moment of a look. An old
    /// kernel or a sandbox without `openat2` is left to the stamp.
    fn open_below(&self, planned: &LocalFile) -> io::Result<File> {
        let path = || self.source.path_of(&planned.key);
        if let Some(folder) = self.folder.as_ref().filter(|_| !self.source.is_file()) {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
            let name = planned.key.as_str();
            match rustix::fs::openat2(folder, name, FLAGS, Mode::empty(), resolve) {
                Ok(file) => return Ok(File::from(file)),
                Err(Errno::XDEV) => return self.open_resolved(folder, &path()),
                Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN | Errno::INVAL) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let file = rustix::fs::open(path(), FLAGS, Mode::empty())?;
        Ok(File::from(file))
    }

    /// A link with an absolute path may lead inside: what it leads to is opened
    /// by its own path below the folder, without any link on the way.
    fn open_resolved(&self, folder: &OwnedFd, path: &Path) -> io::Result<File> {
        let real = path.canonicalize()?;
        let Ok(below) = real.strip_prefix(self.source.root()) else {
            return Err(io::Error::other("it leads out of the source by now"));
        };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let file = rustix::fs::openat2(folder, below, FLAGS, Mode::empty(), resolve)?;
        Ok(File::from(file))
    }
}

impl Opened {
    pub(crate) fn size(&self) -> u64 {
        self.planned.size
    }

    /// The whole file.
    pub(super) fn all(&self, buffers: &Buffers) -> Range {
        Range {
            file: Arc::clone(&self.file),
            buffers: buffers.clone(),
            begin: 0,
            end: self.planned.size,
        }
    }

    /// Whether the file is still as it was planned.
    pub(super) fn check(&self) -> Result<(), String> {
        let meta = self.file.metadata().map_err(|error| reason_of(&error))?;
        let (before, after) = (self.planned.size, meta.len());
        if before != after {
            return Err(format!("{CHANGED}: it had {before} bytes and has {after}"));
        }
        if !meta.is_file() || Stamp::from(&meta) != self.planned.stamp {
            return Err(CHANGED.to_owned());
        }
        Ok(())
    }

    /// A failed read in plain words.
    pub(super) fn reading_failed(&self, error: &io::Error) -> String {
        match (error.kind(), self.check()) {
            (io::ErrorKind::UnexpectedEof, _) | (_, Err(_)) => CHANGED.to_owned(),
            (_, Ok(())) => printable(&reason_of(error)).into_owned(),
        }
    }
}

fn gone_or(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        return "vanished after it was planned".to_owned();
    }
    reason_of(error)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::walk::{Selection, walk};

    fn source(dir: &Path) -> Source {
        walk(dir, &Selection::default()).unwrap()
    }

    #[test]
    fn a_link_that_is_turned_outside_after_the_walk_opens_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (dir.path().join("in"), dir.path().join("out"));
        fs::create_dir_all(inside.join("real")).unwrap();
        fs::create_dir(&outside).unwrap();
        for folder in [inside.join("real"), outside.clone()] {
            fs::write(folder.join("x"), "x").unwrap();
        }
        symlink("real", inside.join("relative")).unwrap();
        symlink(inside.join("real"), inside.join("absolute")).unwrap();
        let walked = source(&inside);
        let keys: Vec<_> = walked.files.iter().map(|f| f.key.as_str()).collect();
        assert_eq!(keys, ["absolute/x", "real/x", "relative/x"]);
        let root = Root::new(walked.clone());
        for file in &walked.files {
            root.open(file).unwrap();
        }
        for name in ["relative", "absolute"] {
            fs::remove_file(inside.join(name)).unwrap();
            symlink(&outside, inside.join(name)).unwrap();
        }
        for file in [&walked.files[0], &walked.files[2]] {
            assert!(root.open(file).is_err(), "{}", file.key);
        }
        // Not only the stamp says so: nothing outside is opened at all.
        for file in [&walked.files[0], &walked.files[2]] {
            let error = root.open_below(file).unwrap_err().to_string();
            assert!(error.contains("leads out of the source"), "{error}");
        }
    }
}
