//! Which objects are deleted, and when that would be too many.

use std::collections::BTreeSet;

use crate::globs::Globs;
use crate::settings::MaxDelete;
use crate::types::OWN_FOLDER;
use crate::walk::Selection;

/// What is there beside the objects of the source's files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strays {
    /// Their keys, relative to the prefix, sorted.
    pub keys: Vec<Box<str>>,
}

/// What becomes of strays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sorted {
    /// They are stale and go, sorted by key.
    pub stale: Vec<Box<str>>,
    /// They stay since a setting says so.
    pub kept: usize,
    /// They stay since they are in the folder of another destination; these are
    /// the folders.
    pub others: Vec<Box<str>>,
}

/// Parts the strays into what is stale and what is none of this source's
/// business.
/// `files` are the sorted keys of all files of the source.
pub fn sort(strays: Strays, files: &[&str], selection: &Selection, keep: &Globs) -> Sorted {
    let mut sorted = Sorted::default();
    let others = destinations(&strays);
    let (mut keep, mut include) = (keep.finder(), selection.include.finder());
    let mut exclude = selection.exclude.finder();
    for key in strays.keys {
        let foreign = folders(&key).any(|folder| others.contains(folder));
        let selected = (selection.include.is_empty() || include.first(&key).is_some())
            && exclude.first(&key).is_none();
        if foreign || is_own(&key) {
            continue;
        }
        if !selected || keep.first(&key).is_some() || is_folder_of(&key, files) {
            sorted.kept += 1;
        } else {
            sorted.stale.push(key);
        }
    }
    sorted.others = others.into_iter().map(Box::from).collect();
    sorted
}

/// What is docferry's own, rather than anybody's content.
#[must_use]
pub fn is_own(key: &str) -> bool {
    key.strip_prefix(OWN_FOLDER)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// The folders with a manifest of their own: other jobs bring their files there.
fn destinations(strays: &Strays) -> BTreeSet<String> {
    let ending = format!("/{OWN_FOLDER}/manifest");
    let keys = strays.keys.iter();
    keys.filter_map(|key| key.strip_suffix(&ending))
        .map(str::to_owned)
        .collect()
}

/// The folders that a key is in.
fn folders(key: &str) -> impl Iterator<Item = &str> {
    key.match_indices('/').map(|(end, _)| &key[..end])
}

/// Consoles and other tools make an empty object for a folder. It is not stale
/// as long as the folder has a file. The one of the prefix itself always stays.
fn is_folder_of(key: &str, files: &[&str]) -> bool {
    if key.is_empty() {
        return true;
    }
    if !key.ends_with('/') {
        return false;
    }
    let next = files.partition_point(|file| *file < key);
    files.get(next).is_some_and(|file| file.starts_with(key))
}

impl MaxDelete {
    /// How many objects may be deleted out of so many.
    #[must_use]
    pub fn of(self, there: usize) -> usize {
        let by_share = match self.percent {
            // Rounded down: half of three is one.
            Some(percent) => there * usize::from(percent) / 100,
            None => usize::MAX,
        };
        by_share.min(self.number.unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort_keys(strays: &[&str], files: &[&str], selection: &Selection, keep: &str) -> Sorted {
        let keys = strays.iter().map(|key| Box::from(*key)).collect();
        sort(Strays { keys }, files, selection, &keep.parse().unwrap())
    }

    fn stale(strays: &[&str], files: &[&str], selection: &Selection, keep: &str) -> Vec<String> {
        let sorted = sort_keys(strays, files, selection, keep);
        sorted.stale.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_what_the_source_could_have_made_is_stale() {
        let all = Selection::default();
        let some = Selection {
            include: "*.html".parse().unwrap(),
            exclude: "drafts/".parse().unwrap(),
            ..Selection::default()
        };
        for (strays, selection, keep, expected) in [
            (&["a", "b/c"][..], &all, "", &["a", "b/c"][..]),
            (&["a", "b/c"], &all, "b/", &["a"]),
            (
                &["a.html", "a.css", "drafts/b.html"],
                &some,
                "",
                &["a.html"],
            ),
            // docferry's own objects, and those of folders.
            (
                &[".docferry/manifest", ".docferry/lock", "", "here/", "gone/"],
                &all,
                "",
                &["gone/"],
            ),
            (
                &[".docferry-notes", ".docferry"],
                &all,
                "",
                &[".docferry-notes", ".docferry"],
            ),
        ] {
            assert_eq!(
                stale(strays, &["here/x"], selection, keep),
                expected,
                "{strays:?}"
            );
        }
    }

    #[test]
    fn a_folder_with_a_manifest_of_its_own_belongs_to_another_job() {
        let strays = [
            "pr-1/.docferry/manifest",
            "pr-1/a",
            "pr-1/b/c",
            "pr-10/a",
            "pr-2/x/.docferry/manifest",
            "pr-2/x/y",
            "pr-2/z",
        ];
        let sorted = sort_keys(&strays, &["here/x"], &Selection::default(), "");
        let texts = |keys: &[Box<str>]| keys.join(" ");
        assert_eq!(texts(&sorted.stale), "pr-10/a pr-2/z");
        assert_eq!(texts(&sorted.others), "pr-1 pr-2/x");
    }

    #[test]
    fn the_smaller_of_share_and_number_holds() {
        let max = |percent, number| MaxDelete { percent, number };
        for (max, there, expected) in [
            (max(Some(50), Some(1000)), 10, 5),
            (max(Some(50), Some(1000)), 3, 1),
            (max(Some(50), Some(1000)), 1, 0),
            (max(Some(50), Some(1000)), 10_000, 1000),
            (max(None, Some(7)), 10_000, 7),
            (max(Some(100), None), 10_000, 10_000),
            (max(None, None), 3, usize::MAX),
            (max(None, Some(0)), 3, 0),
        ] {
            assert_eq!(max.of(there), expected, "{max:?} of {there}");
        }
    }
}
