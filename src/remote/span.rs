//! Stretches of the key space, which are listed side by side.

use std::ops::RangeInclusive;

/// The keys after one key and up to another one, both relative to the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    /// Keys up to and with this one are not in it.
    pub(super) after: String,
    /// The last key that may be in it; without one it goes on to the end.
    pub(super) upto: Option<String>,
    /// How many full pages it has had.
    pub(super) pages: u32,
}

/// Fewer keys than this are not worth a request of their own.
const WORTH: usize = 1_000;

impl Span {
    fn new(after: &str, upto: Option<&str>) -> Self {
        Self {
            after: after.to_owned(),
            upto: upto.map(str::to_owned),
            pages: 0,
        }
    }

    /// The whole key space in stretches that hold about the same number of
    /// objects, if the bucket is anything like the source.
    pub(super) fn all<'a>(
        keys: &impl Fn(usize) -> &'a str,
        count: usize,
        most: usize,
    ) -> Vec<Self> {
        let number = (count / WORTH).clamp(1, most);
        let ends = (1..number).map(|index| keys(index * count / number));
        let mut spans = Vec::with_capacity(number);
        let mut after = "";
        for upto in ends {
            spans.push(Self::new(after, Some(upto)));
            after = upto;
        }
        spans.push(Self::new(after, None));
        spans
    }

    pub(super) fn holds(&self, key: &str) -> bool {
        self.upto.as_deref().is_none_or(|upto| key <= upto)
    }

    /// Gives about half of what is left of it away.
    pub(super) fn split(&mut self) -> Option<Self> {
        let middle = between(&self.after, self.upto.as_deref())?;
        let half = Self {
            after: middle.clone(),
            upto: self.upto.replace(middle),
            pages: 0,
        };
        Some(half)
    }
}

/// What keys are mostly made of.
const COMMON: RangeInclusive<char> = ' '..='~';

/// A text that stands between two others, about in the middle where texts of
/// common characters are spread evenly.
fn between(low: &str, high: Option<&str>) -> Option<String> {
    let mut middle = String::new();
    let (mut below, mut above) = (low.chars(), high.map(str::chars));
    loop {
        let from = below.next();
        let to = match &mut above {
            // What has no end above has one behind the common characters.
            None => end_for(from),
            // Nothing is below a text's own beginning.
            Some(chars) => chars.next()?,
        };
        if from == Some(to) {
            middle.push(to);
            continue;
        }
        let least = from.map_or(u32::from(*COMMON.start()), |c| u32::from(c) + 1);
        let room = least..u32::from(to);
        let char_in_the_middle = char::from_u32(least.midpoint(room.end));
        match char_in_the_middle.filter(|c| room.contains(&u32::from(*c))) {
            Some(c) => {
                middle.push(c);
                return Some(middle);
            }
            // They are neighbours: what follows the lower one is between them.
            None => {
                middle.push(from?);
                above = None;
            }
        }
    }
}

fn end_for(from: Option<char>) -> char {
    match from {
        Some(c) if c >= *COMMON.end() => char::MAX,
        Some(_) | None => *COMMON.end(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_source_says_where_to_part_the_keys() {
        let keys: Vec<String> = (0..10_000).map(|n| format!("{n:05}")).collect();
        let spans = |count: usize, most: usize| {
            Span::all(&|index: usize| keys[index].as_str(), count, most)
        };
        assert_eq!(spans(0, 16), [Span::new("", None)]);
        assert_eq!(spans(1_999, 16), [Span::new("", None)]);
        assert_eq!(
            spans(2_000, 16),
            [Span::new("", Some("01000")), Span::new("01000", None)]
        );
        assert_eq!(spans(10_000, 4).len(), 4);
    }

    #[test]
    fn a_middle_is_in_the_middle() {
        for (low, high, expected) in [
            ("", Some("~"), Some("O")),
            ("a", None, Some("p")),
            ("", None, Some("O")),
            ("api/a", Some("api/c"), Some("api/b")),
            ("a", Some("b"), None),
            ("", Some(" "), None),
        ] {
            let found = between(low, high);
            match expected {
                Some(_) => assert_eq!(found.as_deref(), expected, "{low:?} {high:?}"),
                // Whatever it is, it is checked by the property below.
                None => drop(found),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_between_is_between(low in ".{0,6}", high in proptest::option::of(".{0,6}")) {
            let ordered = high.as_ref().is_none_or(|high| low < *high);
            if let Some(middle) = between(&low, high.as_deref()).filter(|_| ordered) {
                prop_assert!(low < middle, "{low:?} {middle:?}");
                prop_assert!(high.is_none_or(|high| middle < high));
            }
        }

        /// Halving goes on until one key is left, so no folder is too deep for it.
        #[test]
        fn any_key_is_reached_by_halving(key in "[a-z]{1,5}(/[a-z]{1,5}){0,3}") {
            let mut span = Span::new("", None);
            for _ in 0..400 {
                let Some(right) = span.split() else { break };
                if !span.holds(&key) { span = right; }
            }
            prop_assert!(span.after < key && span.holds(&key));
        }
    }
}
