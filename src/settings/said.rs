//! What was said: docferry's variables as text, before any of them is
//! understood.

use std::ffi::OsString;

use serde::Deserialize;

use super::mistake::{Mistake, Mistakes};
use crate::vars;

/// Each of docferry's variables as it was written; unset and empty are the
/// same. The field names are the variables' names without the prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct RawSettings {
    pub(super) command: Option<String>,
    pub(super) source: Option<String>,
    pub(super) destination: Option<String>,
    pub(super) allow_empty: Option<String>,
    pub(super) role_arn: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) session_name: Option<String>,
    pub(super) session_duration: Option<String>,
    pub(super) expected_bucket_owner: Option<String>,
    pub(super) concurrency: Option<String>,
    pub(super) multipart_threshold: Option<String>,
    pub(super) part_size: Option<String>,
    pub(super) checksum: Option<String>,
    pub(super) max_attempts: Option<String>,
    pub(super) path_style: Option<String>,
    pub(super) plan_format: Option<String>,
    pub(super) log: Option<String>,
}

/// Takes docferry's variables out of the whole environment.
pub(super) fn listen(environment: &[(OsString, OsString)], mistakes: &mut Mistakes) -> RawSettings {
    let mut pairs = Vec::new();
    for (name, value) in environment {
        let Some(name) = name.to_str() else { continue };
        if !name.starts_with(vars::PREFIX) || value.is_empty() {
            continue;
        }
        if !vars::own().any(|var| var.name == name) {
            mistakes.add(unknown(name));
        } else if let Some(value) = value.to_str() {
            pairs.push((name.to_owned(), value.trim().to_owned()));
        } else {
            mistakes.add(Mistake::new(name, "is not valid UTF-8"));
        }
    }
    pairs.retain(|(_, value)| !value.is_empty());
    match envy::prefixed(vars::PREFIX).from_iter(pairs) {
        Ok(raw) => raw,
        Err(error) => {
            // Every field is an optional text, so only a name that is given
            // twice can end here.
            mistakes.add(Mistake::new(vars::PREFIX, error.to_string()));
            RawSettings::default()
        }
    }
}

fn unknown(name: &str) -> Mistake {
    let mistake = Mistake::new(name, "is not a variable that docferry knows");
    match vars::nearest(name) {
        Some(known) => mistake.hint(format!("did you mean {known}?")),
        None => mistake.hint("`docferry --help` lists them all"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen_to(pairs: &[(&str, &str)]) -> (RawSettings, Mistakes) {
        let environment: Vec<_> = pairs
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect();
        let mut mistakes = Mistakes::default();
        let raw = listen(&environment, &mut mistakes);
        (raw, mistakes)
    }

    #[test]
    fn every_variable_of_the_table_has_its_field() {
        for var in vars::own() {
            let (raw, mistakes) = listen_to(&[(var.name, var.example)]);
            assert!(mistakes.is_empty(), "{}", var.name);
            assert_ne!(raw, RawSettings::default(), "{} has no field", var.name);
        }
    }

    #[test]
    fn empty_means_unset() {
        let (raw, mistakes) = listen_to(&[("DOCFERRY_SOURCE", ""), ("DOCFERRY_ROLE_ARN", "  ")]);
        assert_eq!(raw, RawSettings::default());
        assert!(mistakes.is_empty());
    }
}
