//! The page that GitHub shows below a run.
//!
//! It is one block of HTML without an empty line, so that nothing in it is taken
//! for Markdown; every text from outside is escaped.

use std::fmt::Write as _;

use super::ended::Ended;
use super::entries::{Entry, Outcome};
use crate::error::{ExitCode, Told};
use crate::identity::Step;
use crate::text::{count, grouped, printable};
use crate::types::Bytes;

/// GitHub takes 1 MiB for a step, and others may write to the same page.
const MOST_BYTES: usize = 256 * 1024;
/// How many objects are listed.
const MOST_ROWS: usize = 50;
/// How long a text may be.
const MOST_CHARS: usize = 1500;

/// The whole page, ended by a line break.
pub(super) fn page(ended: &Ended<'_>) -> String {
    let mut page = format!("<h3>{}</h3>\n", safe(&headline(ended)));
    if let Some(error) = ended.error {
        tell(&mut page, &error.told());
    }
    page.push_str("<table>\n");
    for (name, value) in rows(ended) {
        add(
            &mut page,
            &format!("<tr><td>{name}</td><td>{value}</td></tr>\n"),
        );
    }
    page.push_str("</table>\n");
    let failed = |entry: &Entry<'_>| matches!(entry.outcome, Outcome::Failed | Outcome::InDoubt);
    let totals = ended.totals;
    let failures = totals.failed + totals.in_doubt;
    list(&mut page, ended, "what failed", failures, failed);
    let (what, changes) = match ended.is_plan() {
        true => ("what would be done", totals.not_sent),
        false => ("what changed", totals.uploaded + totals.deleted),
    };
    list(&mut page, ended, what, changes, |entry| {
        match entry.outcome {
            Outcome::Stored | Outcome::Deleted => true,
            Outcome::NotSent => ended.is_plan(),
            Outcome::Failed | Outcome::InDoubt | Outcome::Unchanged => false,
        }
    });
    page
}

fn headline(ended: &Ended<'_>) -> String {
    let totals = ended.totals;
    match (ended.exit_code(), ended.is_plan()) {
        (ExitCode::Done | ExitCode::Changes, true) => {
            format!("docferry would change {}", count(totals.not_sent, "object"))
        }
        (ExitCode::Done, false) => format!("docferry uploaded {}", count(totals.uploaded, "file")),
        (code, _) => format!("docferry failed (exit code {})", code.number()),
    }
}

fn tell(page: &mut String, told: &Told) {
    add(page, &format!("<p><b>{}</b></p>\n", safe(&told.what)));
    for (name, value) in &told.facts {
        add(page, &format!("<div>{name}: {}</div>\n", code(value)));
    }
    for hint in &told.hints {
        let lines: Vec<String> = hint.lines().map(safe).collect();
        add(page, &format!("<p>hint: {}</p>\n", lines.join("<br>")));
    }
}

fn rows(ended: &Ended<'_>) -> Vec<(&'static str, String)> {
    let totals = ended.totals;
    let mut rows = Vec::new();
    if let Some(settings) = ended.settings {
        let source = settings.source.to_string_lossy();
        let bytes = ended.record.plan().map(|plan| {
            let files = count(plan.puts.len(), "file");
            format!("{files}, {}, from ", Bytes(plan.bytes()))
        });
        rows.push(("what", bytes.unwrap_or_default() + &code(&source)));
    }
    if let Some(destination) = ended.destination() {
        let link = ended.url().map(|url| link(&url, &url));
        let link = link.map(|link| format!(" as {link}"));
        rows.push(("where", code(&destination) + &link.unwrap_or_default()));
    }
    let steps = ended.record.way.steps();
    if !steps.is_empty() {
        let names: Vec<String> = steps.iter().map(|step| code(&Step::name(step))).collect();
        rows.push(("who", names.join(" → ")));
    }
    rows.push((
        "how long",
        format!("{:.1} s", ended.record.elapsed().as_secs_f64()),
    ));
    let sums = [
        (totals.uploaded, "uploaded"),
        (totals.unchanged, "unchanged"),
        (totals.deleted, "deleted"),
        (totals.failed, "failed"),
        (totals.in_doubt, "in doubt"),
        (totals.not_sent, "not sent"),
    ];
    let sums: Vec<String> = sums
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", grouped(number)))
        .collect();
    // Of what was only looked at, nothing came to anything.
    if !sums.is_empty() && !ended.is_plan() {
        rows.push(("objects", sums.join(", ")));
    }
    if ended.retries() > 0 {
        let times = usize::try_from(ended.retries()).unwrap_or(usize::MAX);
        rows.push(("tried again", grouped(times)));
    }
    rows
}

/// A list that is closed at first, of as many as there is room for.
fn list(
    page: &mut String,
    ended: &Ended<'_>,
    title: &str,
    number: usize,
    belongs: impl Fn(&Entry<'_>) -> bool,
) {
    if number == 0 {
        return;
    }
    let title = format!("{title}: {}", count(number, "object"));
    let head = format!("<details><summary>{title}</summary>\n<table>\n");
    // What is opened is closed, too.
    if !add(page, &head) {
        return;
    }
    let mut told = 0;
    for entry in ended.entries.iter().filter(belongs).take(MOST_ROWS) {
        if !add(page, &row(ended, &entry)) {
            break;
        }
        told += 1;
    }
    page.push_str("</table>\n");
    if told < number {
        writeln!(page, "<p>… and {} more</p>", grouped(number - told)).unwrap_or_default();
    }
    page.push_str("</details>\n");
}

fn row(ended: &Ended<'_>, entry: &Entry<'_>) -> String {
    let url = ended.outputs.public_url.as_ref();
    let url = url.filter(|_| entry.outcome == Outcome::Stored);
    let key = entry.path.parse().ok();
    let name = match url.zip(key) {
        Some((url, key)) => link(&url.of(&key), entry.path),
        None => code(entry.path),
    };
    let why = match entry.failure {
        Some(failure) => failure.to_string(),
        None => entry.reason.to_owned(),
    };
    format!(
        "<tr><td>{name}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        entry
            .size
            .map(|size| Bytes(size).to_string())
            .unwrap_or_default(),
        entry.outcome.text(),
        safe(&why)
    )
}

/// Adds a piece if there is room for it.
fn add(page: &mut String, piece: &str) -> bool {
    let fits = page.len() + piece.len() <= MOST_BYTES;
    if fits {
        page.push_str(piece);
    }
    fits
}

fn link(url: &str, text: &str) -> String {
    format!("<a href=\"{}\">{}</a>", safe(url), code(text))
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", safe(text))
}

/// A text that is nothing but text, on one line.
fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (number, c) in printable(text).chars().enumerate() {
        if number == MOST_CHARS {
            safe.push('…');
            break;
        }
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_nothing_but_text() {
        for (text, shown) in [
            ("a.html", "a.html"),
            (
                "<img src=x onerror=\"a('b')\">",
                "&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;",
            ),
            (
                "</code></td>| x | `y` |",
                "&lt;/code&gt;&lt;/td&gt;| x | `y` |",
            ),
            ("a\n\n# forged", r"a\n\n# forged"),
            ("&lt;", "&amp;lt;"),
        ] {
            assert_eq!(safe(text), shown);
        }
        assert_eq!(safe(&"x".repeat(5000)).chars().count(), MOST_CHARS + 1);
    }

    #[test]
    fn a_page_is_full_at_some_time() {
        let mut page = String::new();
        while add(&mut page, &code(&"<".repeat(2000))) {}
        assert!(page.len() <= MOST_BYTES && page.len() > MOST_BYTES / 2);
    }
}
