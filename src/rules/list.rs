//! A list of rules for one property.

use crate::globs::{self, Finder, Glob, Globs};
use crate::types::Invalid;

/// More would be a program, not a setting.
const MOST_LINES: usize = 1000;

/// `GLOB=VALUE` lines, of which the first that matches a file counts, and a
/// plain value for all the other files. A value may be empty: then the files
/// of that line have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleList<T> {
    globs: Globs,
    values: Vec<Option<T>>,
    rest: Option<T>,
}

impl<T> Default for RuleList<T> {
    fn default() -> Self {
        Self {
            globs: Globs::default(),
            values: Vec::new(),
            rest: None,
        }
    }
}

/// Which value a file has, by its place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Chosen {
    /// None of them.
    Nothing,
    /// That of this line.
    Line(u16),
    /// The plain one.
    Rest,
}

impl<T> RuleList<T> {
    /// Reads a list.
    pub fn parse(text: &str, value: impl Fn(&str) -> Result<T, Invalid>) -> Result<Self, Invalid> {
        let (mut globs, mut values) = (Vec::new(), Vec::new());
        let mut rest = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let Some((glob, said)) = as_rule(line) else {
                rest.push(line);
                continue;
            };
            if !rest.is_empty() {
                return Err(not_last(&rest));
            }
            let of_line = |invalid: Invalid| Invalid {
                reason: format!("has the line {line:?}, which {}", invalid.reason),
                hint: invalid.hint,
            };
            globs.push(glob.parse::<Glob>().map_err(of_line)?);
            values.push(match said {
                "" => None,
                said => Some(value(said).map_err(of_line)?),
            });
            if values.len() > MOST_LINES {
                return Err(Invalid::new(format!("has more than {MOST_LINES} lines")));
            }
        }
        // Several lines are one value, for those that are lists themselves.
        let rest = match rest.is_empty() {
            true => None,
            false => Some(value(&rest.join("\n"))?),
        };
        Ok(Self {
            globs: Globs::new(globs)?,
            values,
            rest,
        })
    }

    /// All values that some file may get.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.values.iter().flatten().chain(&self.rest)
    }

    pub(super) fn finder(&self) -> Finder<'_> {
        self.globs.finder()
    }

    pub(super) fn choose(&self, found: Option<usize>) -> Chosen {
        match (found, &self.rest) {
            (Some(line), _) => Chosen::Line(u16::try_from(line).unwrap_or(u16::MAX)),
            (None, Some(_)) => Chosen::Rest,
            (None, None) => Chosen::Nothing,
        }
    }

    /// Whether a line says that there shall be no value.
    pub(super) fn is_none(&self, chosen: Chosen) -> bool {
        matches!(chosen, Chosen::Line(_)) && self.get(chosen).is_none()
    }

    /// The value, and the glob that gave it.
    pub(super) fn get(&self, chosen: Chosen) -> Option<(&T, &str)> {
        match chosen {
            Chosen::Nothing => None,
            Chosen::Line(line) => {
                let line = usize::from(line);
                let value = self.values.get(line)?.as_ref()?;
                Some((value, self.globs.get(line).as_str()))
            }
            Chosen::Rest => Some((self.rest.as_ref()?, "**")),
        }
    }
}

/// Whether a line is a rule. Values hold `=`, too (`max-age=60`, `team=docs`),
/// so what stands before the first one counts as a glob only if it looks like
/// one, and not like the beginning of a header's value.
fn as_rule(line: &str) -> Option<(&str, &str)> {
    let (at, _) = globs::outside(line).find(|(_, c)| *c == '=')?;
    let (head, value) = (line[..at].trim(), line[at + 1..].trim());
    let looks_like_one = head.contains(['*', '?', '[', '{', '/', '.']);
    (looks_like_one && !head.contains([';', '"'])).then_some((head, value))
}

fn not_last(rest: &[&str]) -> Invalid {
    let line = rest[0];
    Invalid::new(format!(
        "has the line {line:?} without a glob before other lines, and it would win over them"
    ))
    .hint("a plain value for all other files comes last; a rule for one file begins with `/`, as in `/LICENSE=…`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(text: &str) -> Result<RuleList<String>, Invalid> {
        RuleList::parse(text, |value| Ok(value.to_owned()))
    }

    fn value<'a>(list: &'a RuleList<String>, path: &str) -> Option<&'a str> {
        let found = list.finder().first(path);
        list.get(list.choose(found))
            .map(|(value, _)| value.as_str())
    }

    #[test]
    fn the_first_line_that_matches_counts() {
        let list = list("*.html=no-cache\nassets/=a, max-age=1\n/x.js=\nmax-age=60").unwrap();
        for (path, expected) in [
            ("index.html", Some("no-cache")),
            ("assets/page.html", Some("no-cache")),
            ("assets/app.js", Some("a, max-age=1")),
            ("x.js", None),
            ("y.js", Some("max-age=60")),
        ] {
            assert_eq!(value(&list, path), expected, "{path}");
        }
    }

    #[test]
    fn a_plain_value_may_hold_an_equals_sign() {
        for plain in [
            "max-age=60",
            "public, max-age=60",
            "text/html; charset=utf-8",
            "attachment; filename=\"a.pdf\"",
            "team=docs,stage=test",
        ] {
            assert_eq!(value(&list(plain).unwrap(), "any"), Some(plain));
        }
        let braces = list("*.{a,b=c}=d").unwrap();
        assert_eq!(value(&braces, "x.b=c"), Some("d"));
    }

    #[test]
    fn a_plain_value_before_rules_is_refused() {
        let invalid = list("LICENSE=text/plain\n*.x=y").unwrap_err();
        assert!(invalid.reason.contains("\"LICENSE=text/plain\""));
        assert!(invalid.hint.unwrap().contains("/LICENSE=…"));
    }

    proptest! {
        /// Whatever is written is understood or refused, and a file has a value
        /// of the list or none.
        #[test]
        fn no_text_is_too_odd(text in "[a*/.=\\[\\]{}\\\\,!\n ]{0,30}", path in "[a./]{1,9}") {
            if let Ok(list) = list(&text)
                && let Some(value) = value(&list, &path)
            {
                prop_assert!(!value.is_empty());
                prop_assert!(list.values().any(|known| known == value));
            }
        }

        #[test]
        fn rules_behave_as_a_simple_model(
            rules in prop::collection::vec(("[ab]{1,2}", "[xy]{0,2}"), 0..6),
            rest in prop::option::of("[z]{1,2}"),
            name in "[ab]{1,2}",
        ) {
            let mut lines: Vec<String> = rules.iter().map(|(g, v)| format!("/{g}={v}")).collect();
            lines.extend(rest.clone());
            let list = list(&lines.join("\n")).unwrap();
            let expected = match rules.iter().find(|(glob, _)| *glob == name) {
                Some((_, value)) => Some(value.as_str()).filter(|value| !value.is_empty()),
                None => rest.as_deref(),
            };
            prop_assert_eq!(value(&list, &name), expected);
        }
    }
}
