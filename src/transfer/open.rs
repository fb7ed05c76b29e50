//! Opening a file and knowing it again.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

use crate::text::printable;
use crate::walk::{LocalFile, Source, Stamp, reason_of};

/// A file that is the one that was planned, as long as nobody writes to it.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: Arc<File>,
    planned: LocalFile,
}

const CHANGED: &str = "changed after it was planned or while it was read";

/// Opens a planned file; another one in its place is refused. That also closes
/// the gap between the check of a symbolic link and its use: whatever the link
/// leads to by now must be the very file that was checked.
pub(super) fn open(source: &Source, planned: &LocalFile) -> Result<Opened, String> {
    let path = source.path_of(&planned.key);
    let file = OpenOptions::new()
        .read(true)
        // A pipe that took a file's place must not make the run wait.
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)
        .map_err(|error| gone_or(&error))?;
    let opened = Opened {
        file: Arc::new(file),
        planned: planned.clone(),
    };
    opened.check()?;
    Ok(opened)
}

impl Opened {
    pub(super) fn size(&self) -> u64 {
        self.planned.size
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
