//! What GitHub's runner reads: outputs and commands ("Workflow commands for
//! GitHub Actions", GitHub Docs).

use std::fmt::Write as _;

use ring::rand::{SecureRandom as _, SystemRandom};

use super::ended::Ended;
use crate::settings::HIDDEN;
use crate::text::hex;

/// A word that nobody can guess.
pub(super) fn token() -> Option<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(hex(&bytes))
}

/// The lines of `GITHUB_OUTPUT`, each ended by a line break.
pub(super) fn outputs(ended: &Ended<'_>) -> String {
    let totals = ended.totals;
    let report = ended.outputs.report.as_ref();
    let values = [
        ("uploaded", totals.uploaded.to_string()),
        ("unchanged", totals.unchanged.to_string()),
        ("deleted", totals.deleted.to_string()),
        ("failed", (totals.failed + totals.in_doubt).to_string()),
        ("bytes", totals.bytes.to_string()),
        ("destination", ended.destination().unwrap_or_default()),
        ("url", ended.url().unwrap_or_default()),
        (
            "report",
            report.map_or_else(String::new, |path| path.to_string_lossy().into_owned()),
        ),
    ];
    let mut text = String::new();
    for (name, value) in values {
        if value.contains(HIDDEN) {
            // Where a secret was, nothing is left that leads anywhere.
            tracing::warn!("the output {name} is left out, since it holds a secret");
        } else if let Some(line) = output(name, &value, token().as_deref()) {
            text.push_str(&line);
        }
    }
    text
}

/// One output. A value with line breaks is delimited by a word that it does not
/// have.
fn output(name: &str, value: &str, delimiter: Option<&str>) -> Option<String> {
    if !value.contains(['\n', '\r']) {
        return Some(format!("{name}={value}\n"));
    }
    let delimiter = delimiter.filter(|delimiter| !value.contains(delimiter))?;
    Some(format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"))
}

/// A command that the runner carries out.
pub(super) fn command(name: &str, title: &str, message: &str) -> String {
    let mut line = format!("::{name} title=");
    for c in title.chars() {
        match c {
            '%' | '\r' | '\n' | ':' | ',' => write!(line, "%{:02X}", u32::from(c)),
            _ => write!(line, "{c}"),
        }
        .unwrap_or_default();
    }
    line.push_str("::");
    line.push_str(&crate::host::escaped(message));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_can_forge_an_output() {
        for (value, written) in [
            ("s3://docs/", Some("url=s3://docs/\n")),
            ("", Some("url=\n")),
            ("a\nurl=b", Some("url<<WORD\na\nurl=b\nWORD\n")),
            ("a\rb", Some("url<<WORD\na\rb\nWORD\n")),
            ("a\nWORD\nurl=b", None),
        ] {
            assert_eq!(output("url", value, Some("WORD")).as_deref(), written);
        }
        assert_eq!(output("url", "a\nb", None), None);
    }

    #[test]
    fn no_message_can_forge_a_command() {
        let line = command("error", "a:b,c%", "x\r\n::error::y 100%");
        assert_eq!(line, "::error title=a%3Ab%2Cc%25::x%0D%0A::error::y 100%25");
    }

    #[test]
    fn no_token_comes_twice() {
        let (one, other) = (token().unwrap(), token().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
