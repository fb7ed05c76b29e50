//! The report in JSON. Its shape is `docs/report.schema.json`; a program that
//! reads version 1 of it must not be broken by a later one.

mod parts;

use std::io::{self, Write};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use self::parts::{Failure, Host, Identity, Pairs, Remains, Totals};
use super::ended::Ended;
use super::entries::{Entry, Outcome};
use super::json;
use crate::error::ExitCode;

pub(super) fn write(ended: &Ended<'_>, out: &mut dyn Write) -> io::Result<()> {
    json::write(out, &Document(ended))
}

/// The name of an exit code, for programs.
pub(super) const fn outcome(code: ExitCode) -> &'static str {
    match code {
        ExitCode::Done => "done",
        ExitCode::Bug => "bug",
        ExitCode::Settings => "settings",
        ExitCode::Identity => "identity",
        ExitCode::Source => "source",
        ExitCode::Destination => "destination",
        ExitCode::Objects => "objects",
        ExitCode::Guard => "guard",
        ExitCode::Changes => "changes",
        ExitCode::Interrupted => "interrupted",
        ExitCode::Terminated => "terminated",
    }
}

struct Document<'a>(&'a Ended<'a>);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ended = self.0;
        let code = ended.exit_code();
        let started = humantime::format_rfc3339_seconds(ended.record.started);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("version", &1)?;
        map.serialize_entry("docferry", env!("CARGO_PKG_VERSION"))?;
        map.serialize_entry("started", &started.to_string())?;
        if let Some(settings) = ended.settings {
            map.serialize_entry("command", &settings.command.to_string())?;
        }
        map.serialize_entry("outcome", outcome(code))?;
        map.serialize_entry("exit_code", &code.number())?;
        if let Some(error) = ended.error {
            map.serialize_entry("error", &Failure::from(error.told()))?;
        }
        map.serialize_entry("settings", &Pairs(&ended.outputs.shown))?;
        map.serialize_entry("host", &Host::of(ended.host.kind, &ended.host.facts))?;
        let steps = ended.record.way.steps();
        let steps: Vec<Identity<'_>> = steps.iter().map(Identity::from).collect();
        map.serialize_entry("identities", &steps)?;
        if let Some(destination) = ended.destination() {
            map.serialize_entry("destination", &destination)?;
        }
        if let Some(url) = ended.url() {
            map.serialize_entry("url", &url)?;
        }
        map.serialize_entry("totals", &Totals::of(ended))?;
        let leftovers = ended.record.tally().map_or(&[][..], |t| &t.leftovers);
        let leftovers: Vec<Remains<'_>> = leftovers.iter().map(Remains::from).collect();
        map.serialize_entry("leftovers", &leftovers)?;
        map.serialize_entry("actions", &Actions(ended))?;
        map.end()
    }
}

/// All actions, each made as it is written.
struct Actions<'a>(&'a Ended<'a>);

impl Serialize for Actions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let settings = self.0.settings;
        let prefix = settings.map_or("", |settings| settings.destination.prefix.as_str());
        serializer.collect_seq(self.0.entries.iter().map(|entry| Action::of(entry, prefix)))
    }
}

#[derive(Serialize)]
struct Action<'a> {
    #[serde(rename = "action")]
    what: &'static str,
    reason: &'static str,
    path: &'a str,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

impl<'a> Action<'a> {
    fn of(entry: Entry<'a>, prefix: &str) -> Self {
        // Milliseconds are enough, and keep the file small.
        let round = |seconds: f32| (f64::from(seconds) * 1000.0).round() / 1000.0;
        Self {
            what: entry.action,
            reason: entry.reason,
            path: entry.path,
            key: format!("{prefix}{}", entry.path),
            size: entry.size,
            outcome: entry.outcome,
            error: entry.failure.map(|why| why.to_string()),
            attempts: entry.attempts,
            seconds: entry.seconds.map(round),
        }
    }
}
