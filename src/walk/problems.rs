//! What is wrong with an entry of the source, in plain words.

use std::io;
use std::path::Path;

use crate::error::Problem;

pub(super) fn problem(path: &Path, root: &Path, reason: String) -> Problem {
    let relative = path.strip_prefix(root).unwrap_or(path);
    Problem {
        path: format!("{:?}", relative.as_os_str()),
        reason,
    }
}

pub(super) fn walk_problem(error: &walkdir::Error, root: &Path) -> Problem {
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
