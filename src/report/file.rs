//! Files that are there as a whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Where a file's content goes.
enum Place {
    /// A pipe, a device: what is there is written to.
    Stream,
    /// A file, or where one will be.
    File(PathBuf),
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
            // Behind a symbolic link it is the file that is replaced.
            Ok(meta) if meta.is_file() => fs::canonicalize(path).map(Self::File),
            Ok(_) => Ok(Self::Stream),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Self::File(path.to_owned()))
            }
            Err(error) => Err(error),
        }
    }
}

/// Puts a file in the place of what is there.
pub(super) fn replace(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let path = match Place::of(path)? {
        Place::Stream => return fill(OpenOptions::new().write(true).open(path)?, content),
        Place::File(path) => path,
    };
    let (beside, file) = match open_beside(&path) {
        Ok(opened) => opened,
        // The folder takes no file, but this one may be written to: a mount.
        Err(error) => match OpenOptions::new().write(true).truncate(true).open(&path) {
            Ok(file) => return fill(file, content),
            Err(_) => return Err(error),
        },
    };
    let done = fill(file, content).and_then(|()| {
        // A file that is a mount of its own cannot be replaced, only written to.
        fs::rename(&beside, &path).or_else(|_| fs::copy(&beside, &path).map(drop))
    });
    // After a rename there is nothing there any more.
    drop(fs::remove_file(&beside));
    done
}

/// Says early whether a file could be put there.
pub(super) fn try_out(path: &Path) -> io::Result<()> {
    let path = match Place::of(path)? {
        Place::Stream => return Ok(()),
        Place::File(path) => path,
    };
    match open_beside(&path) {
        Ok((beside, _)) => fs::remove_file(beside),
        Err(error) => match OpenOptions::new().write(true).open(&path) {
            Ok(_) => Ok(()),
            Err(_) => Err(error),
        },
    }
}

/// Adds to a file that others write to as well.
pub(super) fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(text.as_bytes())
}

fn open_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{:08x}.part", fastrand::u32(..)));
    let beside = path.with_file_name(beside);
    // It must be new, or a symbolic link of that name would be followed.
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&beside)?;
    Ok((beside, file))
}

fn fill(file: File, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    content(&mut out)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        replace(&path, |out| out.write_all(b"old")).unwrap();
        let failed = replace(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("no"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        try_out(&link).unwrap();
        replace(&link, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(dir.path()), ["link", "report.json"]);
    }

    #[test]
    fn a_place_that_takes_no_file_is_known_before() {
        let dir = tempfile::tempdir().unwrap();
        assert!(try_out(dir.path()).is_err());
        assert!(try_out(&dir.path().join("no/report.json")).is_err());
        assert!(try_out(&dir.path().join("report.json")).is_ok());
        assert!(names(dir.path()).is_empty());
        // A device stays what it is.
        assert!(try_out(Path::new("/dev/null")).is_ok());
        replace(Path::new("/dev/null"), |out| out.write_all(b"x")).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
