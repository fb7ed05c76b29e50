//! What GitLab reads: dotenv and annotations ("GitLab CI/CD artifacts reports
//! types"), and sections of the log ("CI/CD job logs", GitLab Docs).

use std::time::SystemTime;

use serde_json::json;

use super::document::outcome;
use super::ended::Ended;
use super::json;
use crate::error::ExitCode;
use crate::settings::HIDDEN;
use crate::vars::TOLD;

/// GitLab refuses files of 5 KB.
const MOST_BYTES: usize = 5 * 1024 - 1;

/// The lines of the dotenv report.
pub(super) fn dotenv(ended: &Ended<'_>) -> String {
    let totals = ended.totals;
    let values = [
        outcome(ended.exit_code()).to_owned(),
        totals.uploaded.to_string(),
        totals.unchanged.to_string(),
        totals.deleted.to_string(),
        (totals.failed + totals.in_doubt).to_string(),
        totals.bytes.to_string(),
        ended.destination().unwrap_or_default(),
        ended.url().unwrap_or_default(),
    ];
    lines(TOLD.into_iter().zip(values))
}

fn lines<'a>(values: impl Iterator<Item = (&'a str, String)>) -> String {
    let mut text = String::new();
    for (name, value) in values {
        let line = format!("{name}={value}\n");
        if !can_stand(&value) || text.len() + line.len() > MOST_BYTES {
            tracing::warn!("{name} is left out of DOCFERRY_DOTENV, since GitLab does not take it");
        } else if !value.is_empty() {
            text.push_str(&line);
        }
    }
    text
}

/// A value has neither quotes nor spaces nor line breaks, and nothing that a
/// later job would fill in.
fn can_stand(value: &str) -> bool {
    let bad = |c: char| c.is_whitespace() || c.is_control() || "'\"`$\\".contains(c);
    !value.contains(bad) && !value.contains(HIDDEN)
}

/// The link on the job's page, if what it leads to is there.
pub(super) fn annotations(ended: &Ended<'_>) -> String {
    let there = ended.exit_code() == ExitCode::Done && !ended.is_plan();
    let links: Vec<_> = ended
        .url()
        .filter(|url| there && !url.contains(HIDDEN))
        .map(|url| json!({"external_link": {"label": "The published files", "url": url}}))
        .into_iter()
        .collect();
    let mut text = json::line(&json!({"docferry": links}));
    text.push('\n');
    text
}

/// The line that opens a section which is shown closed.
pub(super) fn section_start(name: &str, title: &str, at: SystemTime) -> String {
    let at = seconds(at);
    format!("\u{1b}[0Ksection_start:{at}:{name}[collapsed=true]\r\u{1b}[0K{title}\n")
}

pub(super) fn section_end(name: &str, at: SystemTime) -> String {
    format!("\u{1b}[0Ksection_end:{}:{name}\r\u{1b}[0K\n", seconds(at))
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_as_gitlab_writes_them() {
        let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(7);
        assert_eq!(
            section_start("docferry_x", "What", at),
            "\x1b[0Ksection_start:7:docferry_x[collapsed=true]\r\x1b[0KWhat\n"
        );
        assert_eq!(
            section_end("docferry_x", at),
            "\x1b[0Ksection_end:7:docferry_x\r\x1b[0K\n"
        );
    }

    #[test]
    fn a_dotenv_takes_no_other_values() {
        for (value, fine) in [
            ("s3://docs/a-b_c/", true),
            ("https://a.b/c%20d/", true),
            ("s3://docs/a b/", false),
            ("s3://docs/\"a\"/", false),
            ("s3://docs/'/", false),
            ("a\nDOCFERRY_SOURCE=/etc", false),
            ("$HOME", false),
        ] {
            assert_eq!(can_stand(value), fine, "{value}");
        }
    }

    #[test]
    fn a_dotenv_stays_below_gitlabs_limit_by_whole_lines() {
        let names = ["A", "B", "C", "D"];
        let values = [2_000, 3_200, 100, 10].map(|length| "x".repeat(length));
        let text = lines(names.into_iter().zip(values));
        assert!(text.len() <= MOST_BYTES);
        let kept: Vec<&str> = text.lines().map(|line| &line[..1]).collect();
        assert_eq!(kept, ["A", "C", "D"]);
        assert!(TOLD.len() <= 20, "GitLab takes twenty variables");
    }
}
