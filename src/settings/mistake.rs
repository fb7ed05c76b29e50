//! A mistake in the settings, told so that it can be mended without a search.

use std::fmt;

use crate::text::printable;
use crate::types::Invalid;
use crate::vars;

/// One variable whose value makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The variable.
    pub variable: String,
    /// Its value, unless it is a secret or missing.
    pub value: Option<String>,
    /// What is wrong with it.
    pub reason: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Mistake {
    /// A mistake without a value, such as a missing variable.
    pub fn new(variable: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            variable: variable.into(),
            value: None,
            reason: reason.into(),
            hint: None,
        }
    }

    /// A value that its type refused.
    #[must_use]
    pub fn of_value(variable: &str, value: &str, invalid: Invalid) -> Self {
        Self {
            variable: variable.to_owned(),
            value: Some(if vars::is_secret(variable) {
                "(secret)".to_owned()
            } else {
                format!("{value:?}")
            }),
            reason: invalid.reason,
            hint: quoted_hint(value).or(invalid.hint),
        }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// `docker run --env-file` passes quotes on as part of the value, which is the
/// likeliest reason for a value in quotes.
fn quoted_hint(value: &str) -> Option<String> {
    let mut chars = value.chars();
    let (first, last) = (chars.next()?, chars.next_back()?);
    (first == last && (first == '"' || first == '\''))
        .then(|| "leave out the quotes: an env file passes them on as part of the value".to_owned())
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match &self.value {
            Some(value) => format!("{} = {value} {}", self.variable, self.reason),
            None => format!("{} {}", self.variable, self.reason),
        };
        f.write_str(&printable(&text))?;
        match &self.hint {
            Some(hint) => write!(f, "\n    hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// All mistakes of one environment, since it takes a whole pipeline to learn
/// of the next one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Notes one more.
    pub fn add(&mut self, mistake: Mistake) {
        self.0.push(mistake);
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them, in the order of the variables' table.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}
