//! An error taken apart, for those who do not print it as text.

use super::{Error, Problem, Refusal, SourceError};
use crate::settings::Mistakes;
use crate::text::{grouped, printable};

/// How many facts of a long list are told.
const MOST: usize = 100;

/// What an error says, part by part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// One sentence.
    pub what: String,
    /// The facts, by their names.
    pub facts: Vec<(&'static str, String)>,
    /// What to change, and where.
    pub hints: Vec<String>,
}

impl Error {
    /// Takes the error apart. Nothing of it is escaped.
    #[must_use]
    pub fn told(&self) -> Told {
        match self {
            Self::Settings(mistakes) => of_mistakes(mistakes, self),
            Self::Identity(refusal)
            | Self::Destination(refusal)
            | Self::Guard(refusal)
            | Self::Unfinished(refusal) => {
                let Refusal { what, facts, hints } = &**refusal;
                Told {
                    what: what.clone(),
                    facts: facts.clone(),
                    hints: hints.clone(),
                }
            }
            Self::Source(error) => of_source(error, self),
            Self::Bug(what) => Told {
                what: format!("this is a bug of docferry's: {what}"),
                facts: Vec::new(),
                hints: vec!["please report it with the lines of the log".to_owned()],
            },
            Self::Objects { .. } | Self::OutOfTime { .. } | Self::Changes(_) | Self::Stopped(_) => {
                Told {
                    what: self.to_string(),
                    ..Told::default()
                }
            }
        }
    }
}

/// The first line of what it prints.
fn headline(error: &Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

fn of_mistakes(mistakes: &Mistakes, error: &Error) -> Told {
    let mut told = Told {
        what: headline(error),
        ..Told::default()
    };
    for mistake in mistakes.iter() {
        let text = match &mistake.value {
            Some(value) => format!("{} = {value} {}", mistake.variable, mistake.reason),
            None => format!("{} {}", mistake.variable, mistake.reason),
        };
        told.facts.push(("mistake", text));
        let hint = mistake.hint.iter();
        told.hints
            .extend(hint.map(|hint| format!("{}: {hint}", mistake.variable)));
    }
    told
}

fn of_source(error: &SourceError, whole: &Error) -> Told {
    let SourceError { problems, hint } = error;
    let told = problems.iter().take(MOST);
    let mut facts: Vec<_> = told
        .map(|Problem { path, reason }| ("problem", format!("{path}: {}", printable(reason))))
        .collect();
    if let Some(more @ 1..) = problems.len().checked_sub(MOST) {
        facts.push(("problem", format!("… and {} more", grouped(more))));
    }
    Told {
        what: headline(whole),
        facts,
        hints: hint.iter().cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Mistake;

    #[test]
    fn every_part_of_an_error_is_told() {
        let mistake = Mistake::new("DOCFERRY_SOURCE", "is not set").hint("set it");
        let told = Error::from(Mistakes::from(mistake)).told();
        assert_eq!(told.what, "the settings have 1 mistake");
        assert_eq!(
            told.facts,
            [("mistake", "DOCFERRY_SOURCE is not set".to_owned())]
        );
        assert_eq!(told.hints, ["DOCFERRY_SOURCE: set it"]);

        let problem = Problem {
            path: "\"a\"".to_owned(),
            reason: "is a pipe".to_owned(),
        };
        let many = SourceError {
            problems: vec![problem; 1200],
            hint: None,
        };
        let told = Error::from(many).told();
        assert_eq!(told.what, "the source cannot be carried (1,200 problems)");
        assert_eq!(told.facts.len(), MOST + 1);
        assert_eq!(told.facts[MOST].1, "… and 1,100 more");
    }
}
