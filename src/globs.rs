//! Globs over paths relative to the source, with the meaning that people know
//! from `.gitignore`.
//!
//! Owns: what a glob matches, and how a list of them is written. Never: what
//! follows from a match, or I/O.

use std::fmt;
use std::str::FromStr;

use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};

use crate::types::Invalid;

/// One glob.
///
/// Without a `/` before its end it matches at any depth, otherwise from the
/// source's root on. `*` and `?` stay within one name, `**` does not. A glob
/// that matches a folder matches all that is in it; with a `/` at its end it
/// matches folders only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    said: String,
    pattern: globset::Glob,
    only_folders: bool,
}

impl Glob {
    /// The glob as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.said
    }
}

impl FromStr for Glob {
    type Err = Invalid;

    fn from_str(said: &str) -> Result<Self, Invalid> {
        if said.starts_with('!') {
            let hint = "there is no order and no exception here: DOCFERRY_INCLUDE says what is \
                        carried, DOCFERRY_EXCLUDE what is not, and the latter wins";
            return Err(Invalid::new("begins with `!`").hint(hint));
        }
        if said.starts_with('#') {
            let hint = "there are no comments here; a file whose name begins so is `\\#…`";
            return Err(Invalid::new("begins with `#`").hint(hint));
        }
        let only_folders = said.ends_with('/');
        let body = said.trim_end_matches('/');
        let (anchored, body) = match body.strip_prefix("./").or(body.strip_prefix('/')) {
            Some(body) => (true, body),
            None => (body.contains('/'), body),
        };
        let body = &within_one_name(body)?;
        if body.is_empty() {
            return Err(Invalid::new("is a glob that matches nothing").hint("`**` matches all"));
        }
        if body.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(Invalid::new("is a glob with an empty part, `.` or `..`")
                .hint("globs are relative to the source, and never lead out of it"));
        }
        let whole = match anchored {
            true => body.clone(),
            false => format!("**/{body}"),
        };
        let pattern = GlobBuilder::new(&whole)
            .literal_separator(true)
            .backslash_escape(true)
            .empty_alternates(true)
            .build()
            .map_err(|error| Invalid::new(format!("is no glob: {}", error.kind())))?;
        Ok(Self {
            said: said.to_owned(),
            pattern,
            only_folders,
        })
    }
}

/// What stands between `[` and `]`; a `]` in the first place is one of its
/// members.
fn class(chars: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut class = String::new();
    loop {
        let c = chars.next()?;
        if c == ']' && !matches!(class.as_str(), "" | "!" | "^") {
            return Some(class);
        }
        class.push(c);
    }
}

/// Holds `{…}` and `[…]` to what they mean in `.gitignore`'s world: a class
/// never matches a `/`, and alternatives do not begin or end with one, since
/// where a glob is anchored is a matter of the whole.
fn within_one_name(body: &str) -> Result<String, Invalid> {
    let refuse = |what: &str| {
        Err(Invalid::new(format!("is a glob with {what}")).hint("write it as several globs"))
    };
    let mut safe = String::with_capacity(body.len() + 1);
    let (mut braces, mut before) = (0_u32, None);
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        safe.push(c);
        let after = chars.peek().copied();
        match c {
            '\\' => safe.extend(chars.next()),
            '{' => braces += 1,
            '}' => braces = braces.saturating_sub(1),
            '[' => {
                let Some(class) = class(&mut chars) else {
                    return refuse("a `[` without its `]`");
                };
                let negated = class.strip_prefix(['!', '^']);
                let members = negated.unwrap_or(&class);
                let pairs: Vec<char> = members.chars().collect();
                let spans = |w: &[char]| w[1] == '-' && w[0] < '/' && '/' < w[2];
                if members.contains('/') || pairs.windows(3).any(spans) {
                    return refuse("a `/` in its `[…]`");
                }
                safe.push_str(if negated.is_some() { "!/" } else { "" });
                safe.push_str(members);
                safe.push(']');
            }
            _ => {}
        }
        let at_an_edge = matches!(after, Some(',' | '}')) || matches!(before, Some('{' | ','));
        if braces > 0 && c == '/' && at_an_edge {
            return refuse("a `/` at the edge of an alternative");
        }
        before = Some(c);
    }
    Ok(safe)
}

/// Several globs, which are looked at together.
#[derive(Clone, Default)]
pub struct Globs {
    globs: Vec<Glob>,
    set: GlobSet,
}

impl Globs {
    /// Prepares globs.
    pub fn new(globs: Vec<Glob>) -> Result<Self, Invalid> {
        let mut builder = GlobSetBuilder::new();
        for glob in &globs {
            builder.add(glob.pattern.clone());
        }
        let set = builder
            .build()
            .map_err(|error| Invalid::new(format!("is too much for one list: {error}")))?;
        Ok(Self { globs, set })
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    /// The glob of this number.
    #[must_use]
    pub fn get(&self, index: usize) -> &Glob {
        &self.globs[index]
    }

    /// The first glob that matches this very path. The folders that it is in
    /// are not looked at.
    #[must_use]
    pub fn first(&self, path: &str, is_folder: bool) -> Option<usize> {
        // Most paths match nothing, and to learn that costs no allocation.
        let candidate = Candidate::new(path);
        if !self.set.is_match_candidate(&candidate) {
            return None;
        }
        let found = self.set.matches_candidate(&candidate);
        found
            .into_iter()
            .find(|index| is_folder || !self.globs[*index].only_folders)
    }

    /// Looks many paths up, one after another.
    #[must_use]
    pub fn finder(&self) -> Finder<'_> {
        Finder {
            globs: self,
            folder: String::new(),
            of_folder: None,
        }
    }
}

impl FromStr for Globs {
    type Err = Invalid;

    /// A list with commas or lines between its globs.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let globs = items(text).into_iter().map(str::parse);
        Self::new(globs.collect::<Result<_, _>>()?)
    }
}

impl fmt::Debug for Globs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.globs.iter().map(Glob::as_str))
            .finish()
    }
}

impl PartialEq for Globs {
    fn eq(&self, other: &Self) -> bool {
        self.globs == other.globs
    }
}

impl Eq for Globs {}

/// Looks files up with the folders that they are in. It remembers the last
/// folder, since neighbours come one after another.
#[derive(Debug)]
pub struct Finder<'a> {
    globs: &'a Globs,
    folder: String,
    of_folder: Option<usize>,
}

impl Finder<'_> {
    /// The first glob that matches a file or a folder that it is in.
    pub fn first(&mut self, path: &str) -> Option<usize> {
        if self.globs.is_empty() {
            return None;
        }
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if folder != self.folder {
            self.of_folder = of_folder(self.globs, folder);
            self.folder.clear();
            self.folder.push_str(folder);
        }
        let own = self.globs.first(path, false);
        // Without a folder that matches, the file's own match counts.
        [own, self.of_folder].into_iter().flatten().min()
    }
}

/// The first glob that matches a folder or one that it is in.
fn of_folder(globs: &Globs, folder: &str) -> Option<usize> {
    let ends = folder.match_indices('/').map(|(index, _)| index);
    ends.chain([folder.len()])
        .filter(|end| *end > 0)
        .filter_map(|end| globs.first(&folder[..end], true))
        .min()
}

/// The characters of a text that stand for themselves: outside of `{…}` and
/// `[…]`, and not after a backslash. A line's end closes what is open.
pub(crate) fn outside(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut depth, mut escaped) = (0_u32, false);
    text.char_indices().filter(move |(_, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            '\n' => {
                depth = 0;
                return true;
            }
            _ => return depth == 0,
        }
        false
    })
}

/// The items of a list: commas and lines part them, except within `{a,b}`,
/// `[a,b]` and after a backslash.
#[must_use]
pub fn items(text: &str) -> Vec<&str> {
    let ends = outside(text).filter(|(_, c)| matches!(c, ',' | '\n'));
    let ends = ends.map(|(index, _)| index).chain([text.len()]);
    let mut begin = 0;
    let items = ends.map(|end| {
        let item = &text[begin..end];
        begin = (end + 1).min(text.len());
        item.trim()
    });
    items.filter(|item| !item.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(glob: &str, path: &str) -> bool {
        let globs: Globs = glob.parse().unwrap();
        globs.finder().first(path).is_some()
    }

    #[test]
    fn globs_mean_what_gitignore_says() {
        // "PATTERN FORMAT", gitignore(5).
        for (glob, yes, no) in [
            (
                "*.html",
                vec!["a.html", "a/b/c.html"],
                vec!["a.htm", "html"],
            ),
            ("/*.html", vec!["a.html"], vec!["a/b.html"]),
            (
                "a/*.html",
                vec!["a/b.html"],
                vec!["a/b/c.html", "x/a/b.html"],
            ),
            ("a/**", vec!["a/b", "a/b/c"], vec!["b/a", "a"]),
            ("**/a/b", vec!["a/b", "x/a/b", "x/a/b/c"], vec!["a/x/b"]),
            (
                "a/**/b",
                vec!["a/b", "a/x/b", "a/x/y/b"],
                vec!["b", "x/a/b"],
            ),
            (
                "drafts",
                vec!["drafts/x", "a/drafts/b/c", "drafts"],
                vec!["draft", "drafts2/x"],
            ),
            (
                "drafts/",
                vec!["drafts/x", "a/drafts/b/c"],
                vec!["drafts", "a/drafts"],
            ),
            ("/drafts/", vec!["drafts/x"], vec!["a/drafts/x"]),
            ("./drafts", vec!["drafts/x"], vec!["a/drafts/x"]),
            ("a?c", vec!["abc"], vec!["a/c", "ac"]),
            ("[ab]c", vec!["ac", "bc"], vec!["cc"]),
            ("/a[!b]c", vec!["axc"], vec!["a/c", "abc"]),
            ("*.{js,css}", vec!["x/a.js", "a.css"], vec!["a.mjs"]),
            (r"\*.txt", vec!["*.txt"], vec!["a.txt"]),
            (".*", vec![".nojekyll", ".well-known/x"], vec!["a.b"]),
            ("**", vec!["a", "a/b"], vec![]),
            ("*", vec!["a", ".hidden", "a/b"], vec![]),
        ] {
            for path in yes {
                assert!(matches(glob, path), "{glob} does not match {path}");
            }
            for path in no {
                assert!(!matches(glob, path), "{glob} matches {path}");
            }
        }
    }

    #[test]
    fn a_list_keeps_what_belongs_together() {
        assert_eq!(
            items(" a, b\n\n{c,d}/x,[,]\ne\\,f ,"),
            ["a", "b", "{c,d}/x", "[,]", "e\\,f"]
        );
    }

    #[test]
    fn what_is_no_glob_is_refused_with_its_reason() {
        for (bad, part) in [
            ("!a", "begins with `!`"),
            ("/", "matches nothing"),
            ("a//b", "empty part"),
            ("../a", "`..`"),
            ("a[b", "without its `]`"),
            ("[z-a]", "is no glob"),
            ("{a", "is no glob"),
            ("# all", "begins with `#`"),
            ("{drafts/,internal/}", "edge of an alternative"),
            ("{/a,b}", "edge of an alternative"),
            ("a[+-9]b", "in its `[…]`"),
            ("a[/]b", "in its `[…]`"),
        ] {
            let invalid = bad.parse::<Glob>().unwrap_err();
            assert!(invalid.reason.contains(part), "{bad}: {}", invalid.reason);
        }
    }

    proptest! {
        /// The order of the paths makes no difference, although the finder
        /// remembers folders.
        #[test]
        fn what_a_finder_remembers_changes_nothing(
            globs in prop::collection::vec("/?[ab*]{1,2}(/[ab*]{1,2}){0,2}/?", 1..5),
            paths in prop::collection::vec("[ab]{1,2}(/[ab]{1,2}){0,3}", 1..20),
        ) {
            let globs: Globs = globs.join("\n").parse().unwrap();
            let mut finder = globs.finder();
            for path in paths {
                prop_assert_eq!(finder.first(&path), globs.finder().first(&path));
            }
        }

        /// A path with its special characters escaped matches itself alone.
        #[test]
        fn an_escaped_path_matches_itself(path in "[a-z*?!{},\\[\\]\\\\][a-z*?!{}, \\[\\]\\\\]{0,10}[a-z*?!{},\\[\\]\\\\]", other in "[a-z]{1,12}") {
            let mut glob = "/".to_owned();
            for c in path.chars() {
                if !c.is_alphanumeric() { glob.push('\\'); }
                glob.push(c);
            }
            let globs: Globs = glob.parse().unwrap();
            prop_assert_eq!(globs.finder().first(&path), Some(0), "{}", glob);
            prop_assert_eq!(globs.finder().first(&other).is_some(), other == path);
        }
    }
}
