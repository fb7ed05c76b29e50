//! The report in JSON. Its shape is `docs/report.schema.json`; a program that
//! reads version 1 of it must not be broken by a later one.

use std::io::{self, Write};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::ended::Ended;
use super::entries::{Entry, Outcome};
use super::json;
use crate::error::ExitCode;
use crate::host::{Facts, Kind};
use crate::identity::Step;
use crate::transfer::Leftover;

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

/// The error, in parts.
#[derive(Serialize)]
struct Failure {
    headline: String,
    facts: Vec<Fact>,
    hints: Vec<String>,
}

#[derive(Serialize)]
struct Fact {
    name: &'static str,
    value: String,
}

impl From<crate::error::Told> for Failure {
    fn from(told: crate::error::Told) -> Self {
        let facts = told.facts.into_iter();
        Self {
            headline: told.what,
            facts: facts.map(|(name, value)| Fact { name, value }).collect(),
            hints: told.hints,
        }
    }
}

struct Pairs<'a>(&'a [(&'static str, String)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[derive(Serialize)]
struct Host<'a> {
    kind: &'static str,
    #[serde(flatten)]
    facts: HostFacts<'a>,
}

#[derive(Serialize)]
struct HostFacts<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a str>,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_url: Option<&'a str>,
}

impl<'a> Host<'a> {
    fn of(kind: Kind, facts: &'a Facts) -> Self {
        let kind = match kind {
            Kind::GitHub => "github",
            Kind::GitLab => "gitlab",
            Kind::Plain => "plain",
        };
        let facts = HostFacts {
            project: facts.project.as_deref(),
            reference: facts.reference.as_deref(),
            sha: facts.sha.as_deref(),
            tag: facts.tag.as_deref(),
            pipeline: facts.pipeline.as_deref(),
            job: facts.job.as_deref(),
            pipeline_url: facts.pipeline_url.as_deref(),
            job_url: facts.job_url.as_deref(),
        };
        Self { kind, facts }
    }
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Identity<'a> {
    Principal {
        #[serde(skip_serializing_if = "Option::is_none")]
        arn: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        account: Option<&'a str>,
        from: &'a str,
    },
    Token {
        from: &'a str,
        subject: &'a str,
        issuer: &'a str,
        audience: &'a str,
    },
    Role {
        role: &'a str,
        account: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        arn: Option<&'a str>,
    },
}

impl<'a> From<&'a Step> for Identity<'a> {
    fn from(step: &'a Step) -> Self {
        match step {
            Step::Principal { caller, place } => Self::Principal {
                arn: caller.as_ref().map(|caller| caller.arn.as_str()),
                account: caller.as_ref().map(|caller| caller.account.as_str()),
                from: place,
            },
            Step::Token {
                name,
                subject,
                issuer,
                audience,
            } => Self::Token {
                from: name,
                subject,
                issuer,
                audience,
            },
            Step::Role { role, caller } => Self::Role {
                role: role.as_str(),
                account: role.account().as_str(),
                arn: caller.as_ref().map(|caller| caller.arn.as_str()),
            },
        }
    }
}

#[derive(Serialize)]
struct Totals {
    uploaded: usize,
    unchanged: usize,
    deleted: usize,
    failed: usize,
    in_doubt: usize,
    not_sent: usize,
    bytes: u64,
    retries: u64,
    seconds: f64,
}

impl Totals {
    fn of(ended: &Ended<'_>) -> Self {
        let totals = ended.totals;
        let milliseconds = ended.record.elapsed().as_millis();
        Self {
            uploaded: totals.uploaded,
            unchanged: totals.unchanged,
            deleted: totals.deleted,
            failed: totals.failed,
            in_doubt: totals.in_doubt,
            not_sent: totals.not_sent,
            bytes: totals.bytes,
            retries: ended.retries(),
            seconds: f64::from(u32::try_from(milliseconds).unwrap_or(u32::MAX)) / 1000.0,
        }
    }
}

#[derive(Serialize)]
struct Remains<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_id: Option<&'a str>,
    reason: &'a str,
}

impl<'a> From<&'a Leftover> for Remains<'a> {
    fn from(leftover: &'a Leftover) -> Self {
        Self {
            key: &leftover.key,
            upload_id: leftover.upload_id.as_deref(),
            reason: &leftover.reason,
        }
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
    size: u64,
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
            error: entry.failure.map(ToString::to_string),
            attempts: entry.attempts,
            seconds: entry.seconds.map(round),
        }
    }
}
