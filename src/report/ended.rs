//! A run that has ended: all that there is to tell of it.

use super::Record;
use super::entries::{Entries, Totals};
use crate::error::{Error, ExitCode};
use crate::host::Host;
use crate::settings::{Command, OutputSettings, Settings};

/// A run that has ended, well or not.
#[derive(Debug)]
pub(super) struct Ended<'a> {
    pub(super) outputs: &'a OutputSettings,
    pub(super) host: &'a Host,
    /// Its settings, if they made sense.
    pub(super) settings: Option<&'a Settings>,
    pub(super) record: &'a Record,
    /// Why it did not end well.
    pub(super) error: Option<&'a Error>,
    pub(super) entries: Entries<'a>,
    pub(super) totals: Totals,
}

impl<'a> Ended<'a> {
    pub(super) fn new(
        outputs: &'a OutputSettings,
        host: &'a Host,
        settings: Option<&'a Settings>,
        record: &'a Record,
        error: Option<&'a Error>,
    ) -> Self {
        let entries = Entries::of(record);
        Self {
            outputs,
            host,
            settings,
            record,
            error,
            totals: entries.totals(),
            entries,
        }
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        self.error.map_or(ExitCode::Done, Error::exit_code)
    }

    /// Whether it was a run that only looks ahead.
    pub(super) fn is_plan(&self) -> bool {
        self.settings
            .is_some_and(|settings| settings.command == Command::Plan)
    }

    pub(super) fn destination(&self) -> Option<String> {
        let settings = self.settings?;
        Some(self.outputs.hide(settings.destination.to_string()))
    }

    /// Where people find what was uploaded: the file if it is one.
    pub(super) fn url(&self) -> Option<String> {
        let root = self.outputs.public_url.as_ref()?;
        let puts = self.record.plan().map_or(&[][..], |plan| &plan.puts);
        let url = match puts {
            [put] if self.record.is_of_one_file() => root.of(&put.file.key),
            _ => root.to_string(),
        };
        Some(self.outputs.hide(url))
    }

    /// How often something was tried again.
    pub(super) fn retries(&self) -> u64 {
        let retries = self.record.tally().map_or(&[][..], |tally| &tally.retries);
        retries.iter().map(|(_, times)| times).sum()
    }
}
