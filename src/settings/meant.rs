//! From texts to parsed types, one field after another, collecting mistakes.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::choice::{LogLevel, Switch};
use super::mistake::{Mistake, Mistakes};
use super::outputs;
use super::said::RawSettings;
use super::{Concurrency, ExpectedOwner, Settings, TransferSettings};
use crate::globs::Globs;
use crate::host::{Fill, Host};
use crate::types::{AccountId, Bytes, Destination, Invalid, parse_duration};
use crate::vars::{self, Unset};
use crate::walk::Selection;

mod aws;
mod endpoints;
mod identity;
mod objects;
mod sync;

pub(super) fn understand(
    raw: &RawSettings,
    environment: &[(OsString, OsString)],
    arguments: &[&str],
    host: &Host,
    mistakes: Mistakes,
) -> Result<Settings, Mistakes> {
    let mut read = Reader { mistakes };
    if let [_, second, ..] = arguments {
        let mistake = Mistake::new(
            "the command line",
            format!("has {second:?} beside the command"),
        );
        let hint = "docferry takes one word; everything else is said by variables";
        read.mistakes.add(mistake.hint(hint));
    }
    let command = match arguments.first() {
        Some(word) => read.value("the command", word, str::parse),
        None => read.with_default("DOCFERRY_COMMAND", raw.command.as_deref()),
    };
    let source = read.required("DOCFERRY_SOURCE", raw.source.as_deref(), |text| {
        Ok(PathBuf::from(text))
    });
    let destination = read.required("DOCFERRY_DESTINATION", raw.destination.as_deref(), |text| {
        destination(text, host)
    });
    let selection = selection(&mut read, raw);
    let objects = objects::objects(&mut read, raw, host);
    let allow_empty = read.switch("DOCFERRY_ALLOW_EMPTY", raw.allow_empty.as_deref());
    let identity = identity::identity(&mut read, raw, host);
    let expected_owner = expected_owner(&mut read, raw.expected_bucket_owner.as_deref());
    let path_style = read.with_default("DOCFERRY_PATH_STYLE", raw.path_style.as_deref());
    let sync = sync::sync(&mut read, raw);
    let transfer = transfer(&mut read, raw);
    let order = sync::order(&mut read, raw);
    let plan_format = read.with_default("DOCFERRY_PLAN_FORMAT", raw.plan_format.as_deref());
    let plan_exit_code = read.switch("DOCFERRY_PLAN_EXIT_CODE", raw.plan_exit_code.as_deref());
    let allow_http = read.switch("DOCFERRY_ALLOW_HTTP", raw.allow_http.as_deref());
    outputs::check(raw, host, &mut read.mistakes);
    aws::check(environment, &mut read.mistakes);
    if allow_http == Some(false) {
        endpoints::check(environment, &mut read.mistakes);
    }
    // The level itself is already in force; here it is only held to its words.
    let _: Option<LogLevel> = read.with_default("DOCFERRY_LOG", raw.log.as_deref());

    let settings = (|| {
        Some(Settings {
            command: command?,
            source: source?,
            destination: destination?,
            selection: selection?,
            objects: objects?,
            allow_empty: allow_empty?,
            identity: identity?,
            expected_owner: expected_owner?,
            transfer: transfer?,
            path_style: path_style?,
            sync: sync?,
            order: order?,
            plan_format: plan_format?,
            plan_exit_code: plan_exit_code?,
            run: run(host),
        })
    })();
    match settings {
        Some(settings) if read.mistakes.is_empty() => Ok(settings),
        _ => Err(read.mistakes),
    }
}

/// What people know this run by.
fn run(host: &Host) -> String {
    let facts = &host.facts;
    let known = facts.pipeline_url.as_deref().or(facts.job.as_deref());
    known.unwrap_or("a run outside of CI").to_owned()
}

/// A key may have a `$` or a `*`, but in a destination they are what a shell or
/// a CI host has failed to fill in.
fn destination(text: &str, host: &Host) -> Result<Destination, Invalid> {
    if let Some(c) = text.chars().find(|c| "$*".contains(*c)) {
        let reason = format!("has a `{c}` that nobody filled in");
        let hint = "docferry is no shell: check the variable's name in the CI host's settings, \
                    or use a placeholder such as {ref}";
        return Err(Invalid::new(reason).hint(hint));
    }
    host.fill(text, Fill::Key)?.parse()
}

fn selection(read: &mut Reader, raw: &RawSettings) -> Option<Selection> {
    let mut globs = |variable: &str, said: Option<&str>| {
        read.value(variable, said.unwrap_or_default(), Globs::from_str)
    };
    let include = globs("DOCFERRY_INCLUDE", raw.include.as_deref());
    let exclude = globs("DOCFERRY_EXCLUDE", raw.exclude.as_deref());
    let allowed_secrets = globs("DOCFERRY_ALLOW_SECRETS", raw.allow_secrets.as_deref());
    let symlinks = read.with_default("DOCFERRY_SYMLINKS", raw.symlinks.as_deref());
    Some(Selection {
        include: include?,
        exclude: exclude?,
        symlinks: symlinks?,
        allowed_secrets: allowed_secrets?,
    })
}

fn expected_owner(read: &mut Reader, said: Option<&str>) -> Option<ExpectedOwner> {
    let parse = |text: &str| {
        if text.eq_ignore_ascii_case("none") {
            return Ok(ExpectedOwner::Unchecked);
        }
        let account = text.parse::<AccountId>().map_err(|invalid| {
            let hint = "write the twelve digits of the bucket owner's account, or `none`";
            let known = invalid.hint.clone();
            invalid.hint(known.unwrap_or_else(|| hint.to_owned()))
        })?;
        Ok(ExpectedOwner::Account(account))
    };
    let owner = read.optional("DOCFERRY_EXPECTED_BUCKET_OWNER", said, parse)?;
    Some(owner.unwrap_or(ExpectedOwner::Writer))
}

fn transfer(read: &mut Reader, raw: &RawSettings) -> Option<TransferSettings> {
    let concurrency = concurrency(read, raw.concurrency.as_deref());
    let threshold = read.size(
        "DOCFERRY_MULTIPART_THRESHOLD",
        raw.multipart_threshold.as_deref(),
    );
    let part_size = read.size("DOCFERRY_PART_SIZE", raw.part_size.as_deref());
    let checksum = read.with_default("DOCFERRY_CHECKSUM", raw.checksum.as_deref());
    let attempts = read.number("DOCFERRY_MAX_ATTEMPTS", raw.max_attempts.as_deref(), 1, 20);
    let max_bandwidth = read.optional(
        "DOCFERRY_MAX_BANDWIDTH",
        raw.max_bandwidth.as_deref(),
        bandwidth,
    );
    let stall_timeout = raw
        .stall_timeout
        .as_deref()
        .unwrap_or(default_of("DOCFERRY_STALL_TIMEOUT"));
    let stall_timeout = read.value("DOCFERRY_STALL_TIMEOUT", stall_timeout, some_time);
    let timeout = read.optional("DOCFERRY_TIMEOUT", raw.timeout.as_deref(), some_time);
    let on_error = read.with_default("DOCFERRY_ON_ERROR", raw.on_error.as_deref());
    let stale = read.optional(
        "DOCFERRY_ABORT_STALE_UPLOADS",
        raw.abort_stale_uploads.as_deref(),
        stale,
    );
    Some(TransferSettings {
        concurrency: concurrency?,
        multipart_threshold: threshold?,
        part_size: part_size?,
        checksum: checksum?,
        max_attempts: NonZeroU32::new(attempts?)?,
        max_bandwidth: max_bandwidth?,
        stall_timeout: stall_timeout?,
        timeout: timeout?,
        on_error: on_error?,
        abort_stale_uploads: stale?,
        timed: raw.report.is_some(),
    })
}

fn concurrency(read: &mut Reader, said: Option<&str>) -> Option<Concurrency> {
    match said {
        Some(number) if !number.eq_ignore_ascii_case("auto") => {
            let number = read.number("DOCFERRY_CONCURRENCY", Some(number), 1, 1024)?;
            Some(Concurrency::Fixed(number as usize))
        }
        Some(_) | None => Some(Concurrency::Auto),
    }
}

/// A rate, with or without its `/s`.
fn bandwidth(text: &str) -> Result<Bytes, Invalid> {
    const LEAST: Bytes = Bytes(64 * 1024);
    let rate: Bytes = text.trim_end_matches("/s").parse()?;
    if rate < LEAST {
        let invalid = Invalid::new(format!("is less than {LEAST} a second"));
        return Err(invalid.hint("write it as 10MiB; it is counted in bytes, not in bits"));
    }
    Ok(rate)
}

fn some_time(text: &str) -> Result<Duration, Invalid> {
    let time = parse_duration(text)?;
    if time < Duration::from_secs(1) {
        return Err(Invalid::new("is less than a second"));
    }
    Ok(time)
}

/// A job that still runs must not lose its parts to another one.
fn stale(text: &str) -> Result<Duration, Invalid> {
    let time = parse_duration(text)?;
    if time < Duration::from_hours(1) {
        let hint = "a shorter time would take the parts from jobs that still run";
        return Err(Invalid::new("is less than an hour").hint(hint));
    }
    Ok(time)
}

/// Reads values; whatever it cannot read it notes as a mistake and answers
/// `None`, so that the next value is read all the same.
struct Reader {
    mistakes: Mistakes,
}

impl Reader {
    fn value<T>(
        &mut self,
        variable: &str,
        text: &str,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        parse(text)
            .map_err(|invalid| {
                self.mistakes
                    .add(Mistake::of_value(variable, text, invalid));
            })
            .ok()
    }

    #[expect(
        clippy::option_option,
        reason = "the outer one says whether it could be read, the inner one whether it was said"
    )]
    fn optional<T>(
        &mut self,
        variable: &str,
        said: Option<&str>,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Option<Option<T>> {
        match said {
            None => Some(None),
            Some(text) => self.value(variable, text, parse).map(Some),
        }
    }

    /// A list of which each item is read; one that cannot be read spoils it.
    fn list<T>(
        &mut self,
        variable: &str,
        items: &[String],
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Option<Vec<T>> {
        let read: Vec<Option<T>> = items
            .iter()
            .map(|item| self.value(variable, item, &parse))
            .collect();
        read.into_iter().collect()
    }

    fn required<T>(
        &mut self,
        variable: &str,
        said: Option<&str>,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        if let Some(text) = said {
            return self.value(variable, text, parse);
        }
        // A value that could not even be read has been told already.
        if self
            .mistakes
            .iter()
            .any(|mistake| mistake.variable == variable)
        {
            return None;
        }
        let mistake = Mistake::new(variable, "is not set");
        let example = vars::ALL.iter().find(|var| var.name == variable);
        self.mistakes.add(match example {
            Some(var) => mistake.hint(format!("{}, e.g. {}", var.doc, var.example)),
            None => mistake,
        });
        None
    }

    /// A value whose default is the one that the table shows.
    fn with_default<T: FromStr<Err = Invalid>>(
        &mut self,
        variable: &str,
        said: Option<&str>,
    ) -> Option<T> {
        self.value(variable, said.unwrap_or(default_of(variable)), str::parse)
    }

    fn switch(&mut self, variable: &str, said: Option<&str>) -> Option<bool> {
        let switch: Switch = self.with_default(variable, said)?;
        Some(switch == Switch::On)
    }

    fn number(&mut self, variable: &str, said: Option<&str>, least: u32, most: u32) -> Option<u32> {
        let text = said.unwrap_or(default_of(variable));
        self.value(variable, text, |text| match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(Invalid::new(format!(
                "is not a number from {least} to {most}"
            ))),
        })
    }

    /// A size within what S3 takes as a part ("Amazon S3 multipart upload
    /// limits", Amazon S3 User Guide); a single PUT has the same upper limit.
    fn size(&mut self, variable: &str, said: Option<&str>) -> Option<Bytes> {
        let text = said.unwrap_or(default_of(variable));
        self.value(variable, text, |text| {
            let size: Bytes = text.parse()?;
            if (Bytes::mib(5)..=Bytes::gib(5)).contains(&size) {
                return Ok(size);
            }
            Err(Invalid::new("is not between 5MiB and 5GiB").hint("S3 takes no other parts"))
        })
    }
}

fn default_of(variable: &str) -> &'static str {
    match vars::ALL.iter().find(|var| var.name == variable) {
        Some(vars::Var {
            default: Unset::Value(text),
            ..
        }) => text,
        Some(_) | None => "",
    }
}

#[cfg(test)]
mod tests;
