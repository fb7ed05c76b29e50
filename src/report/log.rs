//! The log: lines on standard error, as people, CI hosts or programs want them.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use super::{Screen, github, json, now};
use crate::host::Kind;
use crate::settings::{LogFormat, LogLevel};
use crate::text::is_unprintable;

/// The name of the event that ends a run.
pub const END: &str = "end";

/// How many annotations of a kind GitHub shows for a step; the last error is
/// the one that the others lead to.
pub(super) const ANNOTATIONS: usize = 10;

/// How wide the first word of a line is, with what follows it.
const LABEL: usize = 11;

/// What the log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Who reads it first.
    pub host: Kind,
    /// Text or JSON.
    pub format: LogFormat,
    /// Whether text has colours.
    pub colours: bool,
}

impl Style {
    /// The host whose marks stand in the log.
    pub(super) fn host_of_text(self) -> Kind {
        match self.format {
            LogFormat::Text => self.host,
            LogFormat::Json => Kind::Plain,
        }
    }
}

/// The target of [`detail`]'s lines.
pub(crate) const DETAIL: &str = concat!(env!("CARGO_CRATE_NAME"), "::detail");

/// Says what only `DOCFERRY_LOG=debug` shows. It is no debug event, since the
/// release build leaves all of those out: hundreds of kilobytes of what libraries
/// would say and nobody may hear.
macro_rules! detail {
    ($($said:tt)*) => {
        tracing::info!(target: $crate::report::DETAIL, $($said)*)
    };
}
pub(crate) use detail;

/// Sends docferry's own events to the screen from this level on.
///
/// Libraries stay silent, whatever the level: some of them print signed requests
/// and tokens when they are asked to be talkative, and what they warn of comes
/// back as an error that docferry tells in its own words.
pub fn start(level: LogLevel, screen: &Screen) {
    let (ours, details) = match level {
        LogLevel::Error => (LevelFilter::ERROR, LevelFilter::OFF),
        LogLevel::Warn => (LevelFilter::WARN, LevelFilter::OFF),
        LogLevel::Info => (LevelFilter::INFO, LevelFilter::OFF),
        LogLevel::Debug => (LevelFilter::INFO, LevelFilter::INFO),
    };
    let filter = Targets::new()
        .with_target(env!("CARGO_CRATE_NAME"), ours)
        .with_target(DETAIL, details);
    let lines = Lines {
        screen: screen.clone(),
        annotated: [AtomicUsize::new(0), AtomicUsize::new(0)],
    };
    let layer = tracing_subscriber::fmt::layer()
        .event_format(lines)
        .with_writer(screen.clone());
    let subscriber = tracing_subscriber::registry().with(filter).with(layer);
    // This fails only when a subscriber is there already, as in tests.
    drop(tracing::subscriber::set_global_default(subscriber));
}

/// A line without a time, since every CI host adds its own, and with a level
/// only where it is worth a second look.
struct Lines {
    screen: Screen,
    /// How many errors and warnings GitHub was shown.
    annotated: [AtomicUsize; 2],
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let style = self.screen.style();
        let level = match event.metadata().target() {
            DETAIL => Level::DEBUG,
            _ => *event.metadata().level(),
        };
        let line = match style.format {
            LogFormat::Json => in_json(level, said),
            LogFormat::Text => {
                let is_end = event.metadata().name() == END;
                let message = clean(&said.message);
                match self.annotation(level, is_end, &message) {
                    Some(command) => command,
                    None => in_text(level, &message, style.colours),
                }
            }
        };
        writeln!(writer, "{line}")
    }
}

impl Lines {
    /// An error or a warning as GitHub shows it beside the run, as long as there
    /// is room for it.
    fn annotation(&self, level: Level, is_end: bool, message: &str) -> Option<String> {
        if self.screen.style().host != Kind::GitHub {
            return None;
        }
        let (command, shown, most) = match level {
            Level::ERROR => ("error", &self.annotated[0], ANNOTATIONS - 1),
            Level::WARN => ("warning", &self.annotated[1], ANNOTATIONS),
            Level::INFO | Level::DEBUG | Level::TRACE => return None,
        };
        let title = if is_end {
            "docferry failed"
        } else {
            "docferry"
        };
        let fits = is_end || shown.fetch_add(1, Ordering::Relaxed) < most;
        fits.then(|| github::command(command, title, message))
    }
}

fn in_text(level: Level, message: &str, colours: bool) -> String {
    let (word, colour) = match level {
        Level::ERROR => ("error: ", "\u{1b}[1;31m"),
        Level::WARN => ("warning: ", "\u{1b}[1;33m"),
        Level::INFO => ("", "\u{1b}[1m"),
        Level::DEBUG | Level::TRACE => ("debug: ", "\u{1b}[2m"),
    };
    if !colours {
        return format!("{word}{message}");
    }
    // Lines of the course of a run begin with a label.
    let (word, message) = match message.split_at_checked(LABEL) {
        Some((label, rest)) if word.is_empty() && label.ends_with(' ') => (label, rest),
        _ => (word, message),
    };
    match word.is_empty() {
        true => message.to_owned(),
        false => format!("{colour}{word}\u{1b}[0m{message}"),
    }
}

fn in_json(level: Level, said: Said) -> String {
    let mut line = Map::new();
    let time = humantime::format_rfc3339_millis(now()).to_string();
    line.insert("timestamp".to_owned(), time.into());
    line.insert("level".to_owned(), level.as_str().to_lowercase().into());
    line.insert("message".to_owned(), said.message.into());
    line.insert("fields".to_owned(), said.fields.into());
    json::line(&line)
}

/// What was said is escaped where it comes from; this is for what was forgotten.
fn clean(message: &str) -> String {
    let mut clean = String::with_capacity(message.len());
    for c in message.chars() {
        match c {
            '\n' => clean.push(c),
            c if is_unprintable(c) => clean.extend(c.escape_default()),
            c => clean.push(c),
        }
    }
    clean
}

/// An event's message and fields.
#[derive(Default)]
struct Said {
    message: String,
    fields: Map<String, Value>,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => drop(
                self.fields
                    .insert(name.to_owned(), format!("{value:?}").into()),
            ),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.insert(field.name().to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_mark_the_beginning_of_a_line_alone() {
        for (level, message, line) in [
            (Level::ERROR, "no", "\x1b[1;31merror: \x1b[0mno"),
            (Level::WARN, "hm", "\x1b[1;33mwarning: \x1b[0mhm"),
            (
                Level::INFO,
                "done       3 of 3",
                "\x1b[1mdone       \x1b[0m3 of 3",
            ),
            (
                Level::INFO,
                "GitHub's OIDC token is left",
                "GitHub's OIDC token is left",
            ),
            (Level::INFO, "größer als äh", "größer als äh"),
        ] {
            assert_eq!(in_text(level, message, true), line);
        }
        assert_eq!(in_text(Level::ERROR, "no", false), "error: no");
        assert_eq!(in_text(Level::INFO, "done       3", false), "done       3");
    }

    #[test]
    fn what_was_not_escaped_is_escaped_here() {
        assert_eq!(clean("a\n  b\x1b[2K\r::x"), "a\n  b\\u{1b}[2K\\r::x");
        let said = Said {
            message: "a\n::error::b\x1b[2K##[x]".to_owned(),
            ..Said::default()
        };
        let line = in_json(Level::INFO, said);
        assert!(!line.contains(['\n', '\x1b', '#']), "{line}");
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["message"], "a\n::error::b\x1b[2K##[x]");
        assert_eq!(value["level"], "info");
    }
}
