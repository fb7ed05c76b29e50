//! The CI host: what it is, and what it says about the job.
//!
//! Owns: the names that GitHub and GitLab give to projects and jobs, and the
//! placeholders that stand for them. Never: anything of AWS's.

mod facts;
mod placeholders;

pub use facts::Facts;
pub use placeholders::Fill;

use std::io::{self, Write as _};

use rustix::fs::FileType;

use crate::types::{Secret, SessionName};

/// Where docferry runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A GitHub Actions step.
    GitHub,
    /// A GitLab CI job.
    GitLab,
    /// Anything else: a terminal, `docker run`, another CI.
    Plain,
}

/// The CI host and the job that it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// What the host is.
    pub kind: Kind,
    /// Where a GitHub job gets its OIDC token, and what it shows for it; only
    /// there when the job has the permission `id-token: write`.
    pub id_token: Option<(String, Secret<String>)>,
    /// What it says about the job.
    pub facts: Facts,
    session: Vec<String>,
}

impl Host {
    /// Recognises the host by the variables that it documents: "Store
    /// information in variables" for GitHub, "Predefined CI/CD variables
    /// reference" for GitLab.
    pub fn detect<F: Fn(&str) -> Option<String>>(get: F) -> Self {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let is_true = |name: &str| get(name).as_deref() == Some("true");
        let kind = if is_true("GITHUB_ACTIONS") {
            Kind::GitHub
        } else if is_true("GITLAB_CI") {
            Kind::GitLab
        } else {
            Kind::Plain
        };
        let session: &[&str] = match kind {
            Kind::GitHub => &["GITHUB_REPOSITORY", "GITHUB_RUN_ID"],
            Kind::GitLab => &["CI_PROJECT_PATH", "CI_JOB_ID"],
            Kind::Plain => &[],
        };
        let url = get("ACTIONS_ID_TOKEN_REQUEST_URL").filter(|_| kind == Kind::GitHub);
        let token = get("ACTIONS_ID_TOKEN_REQUEST_TOKEN").map(Secret::new);
        Self {
            kind,
            id_token: url.zip(token),
            facts: Facts::read(kind, &get),
            session: session.iter().filter_map(|name| get(name)).collect(),
        }
    }

    /// A session name that leads from CloudTrail back to the job.
    #[must_use]
    pub fn session_name(&self) -> SessionName {
        let words: Vec<&str> = std::iter::once("docferry")
            .chain(self.session.iter().map(String::as_str))
            .collect();
        SessionName::from_words(&words)
    }
}

/// Asks the host to hide a secret wherever it appears in the job's log
/// ("Workflow commands for GitHub Actions", GitHub Docs). Elsewhere nothing is
/// printed, and never into a file, which no runner reads.
pub fn mask(kind: Kind, secret: &str) {
    let is_file = |out: &io::Stderr| {
        let stat = rustix::fs::fstat(out);
        stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
    };
    if kind == Kind::GitHub && !secret.is_empty() && !is_file(&io::stderr()) {
        // Without standard error there is no log to hide anything in.
        drop(writeln!(io::stderr(), "::add-mask::{}", escaped(secret)));
    }
}

/// A text as the value of a command of GitHub's.
#[must_use]
pub fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '%' => escaped.push_str("%25"),
            '\r' => escaped.push_str("%0D"),
            '\n' => escaped.push_str("%0A"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(vars: &[(&str, &str)]) -> Host {
        Host::detect(|name| {
            vars.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_session_name_leads_back_to_the_job() {
        for (vars, kind, name) in [
            (
                vec![
                    ("GITHUB_ACTIONS", "true"),
                    ("GITHUB_REPOSITORY", "acme/handbook"),
                    ("GITHUB_RUN_ID", "99"),
                ],
                Kind::GitHub,
                "docferry-acme-handbook-99",
            ),
            (
                vec![
                    ("GITLAB_CI", "true"),
                    ("CI_PROJECT_PATH", "acme/docs/handbook"),
                    ("CI_JOB_ID", "7"),
                ],
                Kind::GitLab,
                "docferry-acme-docs-handbook-7",
            ),
            (vec![("GITLAB_CI", "")], Kind::Plain, "docferry"),
        ] {
            let host = host(&vars);
            assert_eq!(host.kind, kind);
            assert_eq!(host.session_name().as_str(), name);
        }
    }
}
