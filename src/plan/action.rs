//! All that a plan does, as one list sorted by key.

use super::{Keep, Plan, Put, Reason};
use crate::rules::Properties;
use crate::walk::LocalFile;

/// One action of a plan.
#[derive(Debug, Clone, Copy)]
pub struct Action<'a> {
    /// `put`, `copy`, `keep` or `delete`.
    pub name: &'static str,
    /// What it is for those who look at the destination: `put`, `add`, `change`,
    /// `keep` or `delete`.
    pub effect: &'static str,
    /// Why.
    pub reason: Reason,
    /// The key, relative to the prefix.
    pub path: &'a str,
    /// The file, and how its object looks; what is deleted has none.
    pub file: Option<(&'a LocalFile, &'a Properties)>,
    /// The size of its parts, if it is sent in parts.
    pub part_size: Option<u64>,
    /// Its place among the actions of its name: among the puts and copies
    /// together, among the keeps, among the deletes.
    pub index: usize,
}

impl Plan {
    /// All actions, sorted by key.
    pub fn actions(&self) -> impl Iterator<Item = Action<'_>> {
        let mut puts = self.puts.iter().enumerate().map(of_put).peekable();
        let mut keeps = self.keeps.iter().enumerate().map(of_keep).peekable();
        let deletes = self.deletes.iter().map(|key| &**key);
        let mut deletes = deletes.enumerate().map(of_delete).peekable();
        std::iter::from_fn(move || {
            let put = puts.peek().map(|action| action.path);
            let keep = keeps.peek().map(|action| action.path);
            let delete = deletes.peek().map(|action| action.path);
            let first = [put, keep, delete].into_iter().flatten().min()?;
            match () {
                () if put == Some(first) => puts.next(),
                () if keep == Some(first) => keeps.next(),
                () => deletes.next(),
            }
        })
    }
}

fn of_put((index, put): (usize, &Put)) -> Action<'_> {
    Action {
        name: if put.is_sent() { "put" } else { "copy" },
        effect: match put.reason {
            Reason::Forced => "put",
            Reason::New => "add",
            Reason::SizeDiffers
            | Reason::ContentDiffers
            | Reason::PropertiesDiffer
            | Reason::Incomparable
            | Reason::Unchanged
            | Reason::Stale => "change",
        },
        reason: put.reason,
        path: put.file.key.as_str(),
        file: Some((&put.file, &put.properties)),
        part_size: put.method.part_size().filter(|_| put.is_sent()),
        index,
    }
}

fn of_keep((index, keep): (usize, &Keep)) -> Action<'_> {
    Action {
        name: "keep",
        effect: "keep",
        reason: Reason::Unchanged,
        path: keep.file.key.as_str(),
        file: Some((&keep.file, &keep.properties)),
        part_size: None,
        index,
    }
}

fn of_delete((index, path): (usize, &str)) -> Action<'_> {
    Action {
        name: "delete",
        effect: "delete",
        reason: Reason::Stale,
        path,
        file: None,
        part_size: None,
        index,
    }
}
