//! What was said: docferry's variables as text, before any of them is
//! understood.

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde::Deserialize;

use super::mistake::{Mistake, Mistakes};
use crate::host::{Host, Kind};
use crate::vars;

/// Each of docferry's variables as it was written; unset and empty are the
/// same. The field names are the variables' names without the prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct RawSettings {
    pub(super) command: Option<String>,
    pub(super) source: Option<String>,
    pub(super) destination: Option<String>,
    pub(super) include: Option<String>,
    pub(super) exclude: Option<String>,
    pub(super) symlinks: Option<String>,
    pub(super) allow_secrets: Option<String>,
    pub(super) allow_empty: Option<String>,
    pub(super) mode: Option<String>,
    pub(super) compare: Option<String>,
    pub(super) order: Option<String>,
    pub(super) keep: Option<String>,
    pub(super) max_delete: Option<String>,
    pub(super) lock: Option<String>,
    pub(super) manifest_key: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) compress: Option<String>,
    pub(super) metadata: Option<String>,
    pub(super) stamp: Option<String>,
    pub(super) tags: Option<String>,
    pub(super) storage_class: Option<String>,
    pub(super) redirect: Option<String>,
    pub(super) sse: Option<String>,
    pub(super) sse_kms_key_id: Option<String>,
    pub(super) sse_bucket_key: Option<String>,
    pub(super) acl: Option<String>,
    pub(super) object_lock_mode: Option<String>,
    pub(super) object_lock_until: Option<String>,
    pub(super) object_lock_legal_hold: Option<String>,
    pub(super) request_payer: Option<String>,
    pub(super) role_arn: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) session_name: Option<String>,
    pub(super) session_duration: Option<String>,
    pub(super) session_tags: Option<String>,
    pub(super) source_identity: Option<String>,
    pub(super) session_policy: Option<String>,
    pub(super) oidc: Option<String>,
    pub(super) oidc_audience: Option<String>,
    pub(super) oidc_token: Option<String>,
    pub(super) allowed_accounts: Option<String>,
    pub(super) allow_http: Option<String>,
    pub(super) expected_bucket_owner: Option<String>,
    pub(super) concurrency: Option<String>,
    pub(super) multipart_threshold: Option<String>,
    pub(super) part_size: Option<String>,
    pub(super) checksum: Option<String>,
    pub(super) max_attempts: Option<String>,
    pub(super) max_bandwidth: Option<String>,
    pub(super) stall_timeout: Option<String>,
    pub(super) timeout: Option<String>,
    pub(super) on_error: Option<String>,
    pub(super) abort_stale_uploads: Option<String>,
    pub(super) path_style: Option<String>,
    pub(super) plan_format: Option<String>,
    pub(super) plan_exit_code: Option<String>,
    pub(super) log: Option<String>,
}

/// Takes docferry's variables out of the whole environment. In a GitHub
/// action they come as inputs, too, and what the step says wins.
pub(super) fn listen(
    environment: &[(OsString, OsString)],
    host: &Host,
    mistakes: &mut Mistakes,
) -> RawSettings {
    let mut said = BTreeMap::new();
    for (name, value) in environment {
        let Some(name) = name.to_str() else { continue };
        if !name.starts_with(vars::PREFIX) || value.is_empty() {
            continue;
        }
        if !vars::own().any(|var| var.name == name) {
            mistakes.add(unknown(name));
        } else if let Some(value) = value.to_str() {
            said.insert(name.to_owned(), value.trim().to_owned());
        } else {
            mistakes.add(Mistake::new(name, "is not valid UTF-8"));
        }
    }
    if host.kind == Kind::GitHub {
        said.extend(inputs(environment));
    }
    said.retain(|_, value| !value.is_empty());
    match envy::prefixed(vars::PREFIX).from_iter(said) {
        Ok(raw) => raw,
        Err(error) => {
            // Every field is an optional text, so this should never be.
            mistakes.add(Mistake::new(vars::PREFIX, error.to_string()));
            RawSettings::default()
        }
    }
}

/// The action's inputs: `role-arn` arrives as `INPUT_ROLE-ARN` ("Metadata
/// syntax reference", GitHub Docs). Inputs of other actions are left alone.
fn inputs(environment: &[(OsString, OsString)]) -> impl Iterator<Item = (String, String)> {
    environment.iter().filter_map(|(name, value)| {
        let input = name.to_str()?.strip_prefix("INPUT_")?.replace('-', "_");
        let name = format!("{}{input}", vars::PREFIX);
        let value = value.to_str()?.trim();
        let known = !value.is_empty() && vars::own().any(|var| var.name == name);
        known.then(|| (name, value.to_owned()))
    })
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
        let host = Host::detect(|name| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        let environment: Vec<_> = pairs
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect();
        let mut mistakes = Mistakes::default();
        let raw = listen(&environment, &host, &mut mistakes);
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

    #[test]
    fn an_actions_inputs_are_read_with_their_dashes_and_win() {
        let job = [
            ("GITHUB_ACTIONS", "true"),
            ("DOCFERRY_ROLE_ARN", "from the job"),
            ("DOCFERRY_SOURCE", "from the job"),
            ("INPUT_ROLE-ARN", "from the step"),
            ("INPUT_SOURCE", ""),
            ("INPUT_SOMEBODY-ELSES", "x"),
        ];
        let (raw, mistakes) = listen_to(&job);
        assert!(mistakes.is_empty());
        assert_eq!(raw.role_arn.as_deref(), Some("from the step"));
        assert_eq!(raw.source.as_deref(), Some("from the job"));
        let (raw, _) = listen_to(&job[1..]);
        assert_eq!(raw.role_arn.as_deref(), Some("from the job"));
    }
}
