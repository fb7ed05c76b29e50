//! The parts of the report that are not its actions.

use serde::{Serialize, Serializer};

use crate::error::Told;
use crate::host::{Facts, Kind};
use crate::identity::Step;
use crate::report::ended::Ended;
use crate::transfer::Leftover;

/// The error, in parts.
#[derive(Serialize)]
pub(super) struct Failure {
    headline: String,
    facts: Vec<Fact>,
    hints: Vec<String>,
}

#[derive(Serialize)]
struct Fact {
    name: &'static str,
    value: String,
}

impl From<Told> for Failure {
    fn from(told: Told) -> Self {
        let facts = told.facts.into_iter();
        Self {
            headline: told.what,
            facts: facts.map(|(name, value)| Fact { name, value }).collect(),
            hints: told.hints,
        }
    }
}

pub(super) struct Pairs<'a>(pub(super) &'a [(&'static str, String)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[derive(Serialize)]
pub(super) struct Host<'a> {
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
    pub(super) fn of(kind: Kind, facts: &'a Facts) -> Self {
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
pub(super) enum Identity<'a> {
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
pub(super) struct Totals {
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
    pub(super) fn of(ended: &Ended<'_>) -> Self {
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
pub(super) struct Remains<'a> {
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
