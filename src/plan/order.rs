//! In which stages things are sent.

use crate::globs::{Finder, Globs};
use crate::types::Invalid;

/// Which files wait for which others. A file belongs to the stage of the last
/// glob that matches it; what matches none goes first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    /// The last one first, so that the first match counts.
    globs: Globs,
    stages: u8,
}

impl Order {
    /// Everything at once.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// A list of globs, in the order of their stages.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(Self::none());
        }
        let mut globs = crate::globs::items(text)
            .into_iter()
            .map(str::parse)
            .collect::<Result<Vec<_>, _>>()?;
        let stages = u8::try_from(globs.len())
            .map_err(|_| Invalid::new("has more globs than there may be stages, which is 255"))?;
        globs.reverse();
        Ok(Self {
            globs: Globs::new(globs)?,
            stages,
        })
    }

    /// Tells the stages of many files.
    #[must_use]
    pub fn stages(&self) -> Stages<'_> {
        Stages {
            finder: self.globs.finder(),
            number: self.stages,
        }
    }
}

/// Tells the stages of files.
#[derive(Debug)]
pub struct Stages<'a> {
    finder: Finder<'a>,
    number: u8,
}

impl Stages<'_> {
    /// The stage of a file, from 0 on.
    pub fn of(&mut self, path: &str) -> u8 {
        match self.finder.first(path).map(u8::try_from) {
            Some(Ok(index)) => self.number - index,
            Some(Err(_)) | None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_glob_that_matches_says_the_stage() {
        let order = Order::parse("*.{html,htm}, /index.html").unwrap();
        let mut stages = order.stages();
        for (path, stage) in [
            ("assets/style.css", 0),
            ("a/b.html", 1),
            ("a/index.html", 1),
            ("index.html", 2),
            ("old.htm", 1),
            ("sitemap.xml", 0),
        ] {
            assert_eq!(stages.of(path), stage, "{path}");
        }
        assert_eq!(Order::parse("none").unwrap().stages().of("index.html"), 0);
        assert!(Order::parse("!x").is_err());
    }
}
