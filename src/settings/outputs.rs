//! What a run leaves for programs and for the CI host, and what of the
//! environment may be shown there.
//!
//! It is read apart from the other settings, since a run whose settings have
//! mistakes is told of in the same places.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::PathBuf;

use super::choice::LogFormat;
use super::mistake::{Mistake, Mistakes};
use super::said::{self, RawSettings};
use crate::host::{Fill, Host, Kind};
use crate::types::{Invalid, PublicUrl, Secret};
use crate::vars::{self, Group};

/// The files that a run writes, and what they may say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutputSettings {
    /// How the log is written.
    pub log_format: LogFormat,
    /// The report in JSON.
    pub report: Option<PathBuf>,
    /// Variables for GitLab.
    pub dotenv: Option<PathBuf>,
    /// A link for GitLab.
    pub annotations: Option<PathBuf>,
    /// Outputs for GitHub.
    pub github_output: Option<PathBuf>,
    /// A page for GitHub.
    pub github_summary: Option<PathBuf>,
    /// Where people find the files.
    pub public_url: Option<PublicUrl>,
    /// The variables that were set, those that are secret without their values.
    pub shown: Vec<(&'static str, String)>,
    /// The values that must never be shown.
    pub secrets: Vec<Secret<String>>,
}

impl OutputSettings {
    /// Reads as much as makes sense; what makes none is told by
    /// [`super::Settings::read`].
    #[must_use]
    pub fn read(environment: &[(OsString, OsString)], host: &Host) -> Self {
        let raw = said::listen(environment, host, &mut Mistakes::default());
        let format = raw.log_format.as_deref().unwrap_or_default();
        let url = raw.public_url.as_deref();
        let said = said::values(environment, host);
        let secrets = secrets(&said);
        let of_github = |name: &str| {
            let found = environment.iter().find(|(known, _)| known == name);
            let path = found.map(|(_, path)| PathBuf::from(path));
            path.filter(|path| host.kind == Kind::GitHub && !path.as_os_str().is_empty())
        };
        Self {
            log_format: format.parse().unwrap_or_default(),
            report: raw.report.map(PathBuf::from),
            dotenv: raw.dotenv.map(PathBuf::from),
            annotations: raw.annotations.map(PathBuf::from),
            github_output: of_github("GITHUB_OUTPUT"),
            github_summary: of_github("GITHUB_STEP_SUMMARY"),
            public_url: url.and_then(|url| public_url(url, host).ok()),
            shown: shown(said, &secrets),
            secrets,
        }
    }

    /// A text without the secrets that it may hold.
    #[must_use]
    pub fn hide(&self, text: String) -> String {
        without_secrets(text, &self.secrets)
    }

    /// Whether anything is written beside the log.
    #[must_use]
    pub fn wants_files(&self) -> bool {
        [
            &self.report,
            &self.dotenv,
            &self.annotations,
            &self.github_output,
            &self.github_summary,
        ]
        .into_iter()
        .any(Option::is_some)
    }
}

/// Where people find the files; what a placeholder stands for is made safe as in
/// a key.
pub(super) fn public_url(text: &str, host: &Host) -> Result<PublicUrl, Invalid> {
    host.fill(text, Fill::Key)?.parse()
}

/// What cannot be meant, of the variables that are read here.
pub(super) fn check(raw: &RawSettings, host: &Host, mistakes: &mut Mistakes) {
    if let Some(format) = &raw.log_format
        && let Err(invalid) = format.parse::<LogFormat>()
    {
        mistakes.add(Mistake::of_value("DOCFERRY_LOG_FORMAT", format, invalid));
    }
    if let Some(url) = &raw.public_url
        && let Err(invalid) = public_url(url, host)
    {
        mistakes.add(Mistake::of_value("DOCFERRY_PUBLIC_URL", url, invalid));
    }
}

/// Each value that is secret, and each item of the one that may be a list.
fn secrets(said: &[(&'static str, String)]) -> Vec<Secret<String>> {
    let mut secrets = Vec::new();
    for (name, value) in said.iter().filter(|(name, _)| vars::is_secret(name)) {
        let is_list = *name == "DOCFERRY_EXTERNAL_ID";
        // A command to the runner is one line.
        let separates = |c: char| c == '\n' || is_list && (c == ',' || c.is_whitespace());
        let items = value.split(separates).map(str::trim);
        let items = items.filter(|item| !item.is_empty());
        secrets.extend(items.map(|item| Secret::new(item.to_owned())));
    }
    secrets
}

/// What stands in the place of a secret.
pub const HIDDEN: &str = "***";

fn without_secrets(text: String, secrets: &[Secret<String>]) -> String {
    let secrets = secrets.iter().map(Secret::reveal);
    secrets.fold(text, |text, secret| text.replace(secret.as_str(), HIDDEN))
}

fn shown(
    said: Vec<(&'static str, String)>,
    secrets: &[Secret<String>],
) -> Vec<(&'static str, String)> {
    let without = |value: &str| without_secrets(without_a_password(value).into_owned(), secrets);
    said.into_iter()
        .map(|(name, value)| match vars::is_secret(name) {
            true => (name, HIDDEN.to_owned()),
            false => (name, without(&value)),
        })
        .collect()
}

/// An address may have a password in it: `https://user:password@host`.
pub(super) fn without_a_password(value: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = value.split_once("://") else {
        return Cow::Borrowed(value);
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => Cow::Owned(format!("{scheme}://***{}", &rest[at..])),
        None => Cow::Borrowed(value),
    }
}

/// AWS's own variables that were set.
pub(super) fn of_aws(
    environment: &[(OsString, OsString)],
) -> impl Iterator<Item = (&'static str, String)> {
    let names = vars::ALL.iter().filter(|var| var.group == Group::Aws);
    names.filter_map(|var| {
        let (_, value) = environment.iter().find(|(known, _)| known == var.name)?;
        let value = value.to_string_lossy().into_owned();
        (!value.is_empty()).then_some((var.name, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> OutputSettings {
        let environment: Vec<(OsString, OsString)> = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        let host = Host::detect(|name| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        OutputSettings::read(&environment, &host)
    }

    #[test]
    fn what_is_shown_holds_no_secret() {
        let outputs = read(&[
            ("GITHUB_ACTIONS", "true"),
            ("DOCFERRY_SOURCE", "public"),
            ("DOCFERRY_EXTERNAL_ID", "one-1, two-2"),
            ("INPUT_OIDC-TOKEN", "a.b.c"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
            ("AWS_ENDPOINT_URL", "https://me:hunter2@s3.example.org/x@y"),
            ("SOMETHING", "else"),
        ]);
        let shown: Vec<(&str, &str)> = outputs
            .shown
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                ("DOCFERRY_SOURCE", "public"),
                ("DOCFERRY_EXTERNAL_ID", "***"),
                ("DOCFERRY_OIDC_TOKEN", "***"),
                ("AWS_SECRET_ACCESS_KEY", "***"),
                ("AWS_ENDPOINT_URL", "https://***@s3.example.org/x@y"),
            ]
        );
        let secrets: Vec<&str> = outputs
            .secrets
            .iter()
            .map(|secret| secret.reveal().as_str())
            .collect();
        assert_eq!(secrets, ["one-1", "two-2", "a.b.c", "hunter2"]);
    }

    #[test]
    fn githubs_files_are_githubs() {
        let files = [("GITHUB_OUTPUT", "/a"), ("GITHUB_STEP_SUMMARY", "")];
        assert!(!read(&files).wants_files());
        let on_github = read(&[files[0], files[1], ("GITHUB_ACTIONS", "true")]);
        assert_eq!(on_github.github_output, Some("/a".into()));
        assert_eq!(on_github.github_summary, None);
    }
}
