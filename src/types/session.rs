//! What an `AssumeRole` call says beside the role.

use std::fmt;
use std::str::FromStr;

use super::{Invalid, Secret};

/// STS's alphabet for session names and external ids, beside letters and
/// digits ("AssumeRole", AWS Security Token Service API Reference).
const SESSION_MARKS: &str = "_+=,.@-";
const EXTERNAL_ID_MARKS: &str = "_+=,.@:/-";

/// The name of a role session: 2 to 64 characters of `[\w+=,.@-]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionName(String);

impl SessionName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A legal name made from any words, each joined by `-`. What STS does not
    /// take becomes `-`; when it is too long, the last word stays whole, since
    /// it is the one that tells two jobs apart.
    #[must_use]
    pub fn from_words(words: &[&str]) -> Self {
        const LONGEST: usize = 64;
        let clean: Vec<String> = words.iter().map(|word| to_alphabet(word)).collect();
        let clean: Vec<&str> = clean.iter().map(|w| w.trim_matches('-')).collect();
        let mut name = clean.join("-");
        if name.len() > LONGEST {
            let tail = clean.last().copied().unwrap_or_default();
            let tail = &tail[tail.len().saturating_sub(LONGEST / 2)..];
            let head = &name[..LONGEST - tail.len() - 1];
            name = format!("{}-{tail}", head.trim_end_matches('-'));
        }
        if name.len() < 2 {
            return Self("docferry".to_owned());
        }
        Self(name)
    }
}

/// Replaces each run of characters outside STS's alphabet by one `-`; the
/// result is ASCII, so that it may be cut anywhere.
fn to_alphabet(word: &str) -> String {
    let mut clean = String::with_capacity(word.len());
    for c in word.chars() {
        if c.is_ascii_alphanumeric() || SESSION_MARKS.contains(c) {
            clean.push(c);
        } else if !clean.ends_with('-') {
            clean.push('-');
        }
    }
    clean
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SessionName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !(2..=64).contains(&text.len()) {
            return Err(Invalid::new(format!(
                "has {} characters, and a session name has 2 to 64",
                text.len()
            )));
        }
        check_alphabet(text, SESSION_MARKS)?;
        Ok(Self(text.to_owned()))
    }
}

/// The external id that a role's trust policy asks for. It is a shared word
/// rather than a password, but it is nobody else's business: it prints as
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalId(Secret<String>);

impl ExternalId {
    /// The id itself, for the call that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

impl FromStr for ExternalId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !(2..=1224).contains(&text.len()) {
            return Err(Invalid::new(format!(
                "has {} characters, and an external id has 2 to 1224",
                text.len()
            )));
        }
        check_alphabet(text, EXTERNAL_ID_MARKS)?;
        Ok(Self(Secret::new(text.to_owned())))
    }
}

fn check_alphabet(text: &str, marks: &str) -> Result<(), Invalid> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || marks.contains(c);
    match text.chars().find(|c| !allowed(*c)) {
        None => Ok(()),
        Some(bad) => Err(Invalid::new(format!(
            "has the character {bad:?}, which STS does not take"
        ))
        .hint(format!("letters, digits and {marks} are allowed"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_project_leaves_the_job_id_whole() {
        let project = "group/".repeat(20);
        let name = SessionName::from_words(&["docferry", &project, "1234567890"]);
        assert_eq!(name.as_str().len(), 64);
        assert!(name.as_str().ends_with("-1234567890"), "{name}");
    }

    #[test]
    fn words_outside_the_alphabet_become_hyphens() {
        let name = SessionName::from_words(&["docferry", "Grüße/an alle", "7"]);
        assert_eq!(name.as_str(), "docferry-Gr-e-an-alle-7");
    }

    #[test]
    fn an_external_id_never_prints() {
        let id: ExternalId = "s3cret-word".parse().unwrap();
        assert!(!format!("{id:?}").contains("s3cret"));
    }

    proptest! {
        #[test]
        fn any_words_make_a_legal_name(words in prop::collection::vec(".{0,80}", 0..4)) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let name = SessionName::from_words(&words);
            prop_assert!(name.as_str().parse::<SessionName>().is_ok(), "{name}");
        }
    }
}
