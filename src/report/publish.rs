//! Which file gets what, and what it means if one cannot be written.

use std::io;
use std::path::Path;

use super::ended::Ended;
use super::{Record, document, file, github, gitlab, page};
use crate::error::Error;
use crate::host::Host;
use crate::settings::{Mistake, Mistakes, OutputSettings, Settings};
use crate::text::printable;
use crate::types::Invalid;

const REPORT: &str = "DOCFERRY_REPORT";
const DOTENV: &str = "DOCFERRY_DOTENV";
const ANNOTATIONS: &str = "DOCFERRY_ANNOTATIONS";

/// Finds out before a run which of its files could not be written.
pub fn try_out(outputs: &OutputSettings, mistakes: &mut Mistakes) {
    for (name, path) in [
        (REPORT, &outputs.report),
        (DOTENV, &outputs.dotenv),
        (ANNOTATIONS, &outputs.annotations),
    ] {
        if let Some(path) = path
            && let Err(error) = file::try_out(path)
        {
            mistakes.add(unwritable(name, path, &error));
        }
    }
}

/// Tells of a run that has ended wherever it is to be told. A run that went well
/// but leaves a file out that was asked for has failed all the same; any other
/// keeps its own end.
pub fn publish(
    outputs: &OutputSettings,
    host: &Host,
    settings: Option<&Settings>,
    record: &Record,
    done: Result<(), Error>,
) -> Result<(), Error> {
    if !outputs.wants_files() {
        return done;
    }
    let ended = Ended::new(outputs, host, settings, record, done.as_ref().err());
    let mut mistakes = Mistakes::default();
    put(DOTENV, outputs.dotenv.as_deref(), &mut mistakes, || {
        gitlab::dotenv(&ended)
    });
    let annotations = outputs.annotations.as_deref();
    put(ANNOTATIONS, annotations, &mut mistakes, || {
        gitlab::annotations(&ended)
    });
    add("GITHUB_OUTPUT", outputs.github_output.as_deref(), || {
        github::outputs(&ended)
    });
    let done = weigh(done, mistakes);
    // It says how the run ended, so nothing may come after it.
    let ended = Ended::new(outputs, host, settings, record, done.as_ref().err());
    let summary = outputs.github_summary.as_deref();
    // Empty lines keep the page apart from what others write there.
    add("GITHUB_STEP_SUMMARY", summary, || {
        format!("\n{}\n", outputs.hide(page::page(&ended)))
    });
    let mut mistakes = Mistakes::default();
    if let Some(path) = &outputs.report
        && let Err(error) = file::replace(path, |out| document::write(&ended, out))
    {
        mistakes.add(unwritable(REPORT, path, &error));
    }
    weigh(done, mistakes)
}

/// A file that was asked for by a variable.
fn put(name: &str, path: Option<&Path>, mistakes: &mut Mistakes, text: impl FnOnce() -> String) {
    if let Some(path) = path
        && let Err(error) = file::replace(path, |out| out.write_all(text().as_bytes()))
    {
        mistakes.add(unwritable(name, path, &error));
    }
}

/// A file that the host offers; it is no part of what the run was to do.
fn add(name: &str, path: Option<&Path>, text: impl FnOnce() -> String) {
    if let Some(path) = path
        && let Err(error) = file::append(path, &text())
    {
        let path = path.to_string_lossy();
        tracing::warn!("{name} = {:?} cannot be written: {error}", printable(&path));
    }
}

fn weigh(done: Result<(), Error>, mistakes: Mistakes) -> Result<(), Error> {
    match done {
        Ok(()) if !mistakes.is_empty() => Err(mistakes.into()),
        done => {
            for mistake in mistakes.iter() {
                tracing::warn!("{mistake}");
            }
            done
        }
    }
}

fn unwritable(name: &str, path: &Path, error: &io::Error) -> Mistake {
    let reason = format!("cannot be written: {error}");
    let hint = "its folder must exist, and the job's user must be able to write there";
    let path = path.to_string_lossy();
    Mistake::of_value(name, &path, Invalid::new(reason).hint(hint))
}
