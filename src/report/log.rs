//! The log: plain lines on standard error.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use super::Screen;
use crate::settings::LogLevel;

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
    let layer = tracing_subscriber::fmt::layer()
        .event_format(Plain)
        .with_writer(screen.clone());
    let subscriber = tracing_subscriber::registry().with(filter).with(layer);
    // This fails only when a subscriber is there already, as in tests.
    drop(tracing::subscriber::set_global_default(subscriber));
}

/// A line without a time, since every CI host adds its own, and with a level
/// only where it is worth a second look.
struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        match *event.metadata().level() {
            Level::ERROR => writer.write_str("error: ")?,
            Level::WARN => writer.write_str("warning: ")?,
            _ if event.metadata().target() == DETAIL => writer.write_str("debug: ")?,
            _ => {}
        }
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
