//! What docferry remembers of a destination, from one run to the next.

use std::time::Duration;

use super::{Job, far};
use crate::error::Error;
use crate::plan::{Facts, Plan, Record, form_of};
use crate::remote::{Found, Manifest, Row, Seal, Stored, store};
use crate::settings::Compression;
use crate::text::{count, printable};
use crate::transfer::Tally;

/// So much is remembered of objects that are not in the source. What is
/// forgotten is compared by other means the next time.
const MOST_OTHERS: usize = 64 * 1024 * 1024;

/// How long storing the record may take; a run that gave itself up is in a hurry.
fn patience(job: &Job<'_>) -> Duration {
    match job.stop.is_requested() {
        true => Duration::from_secs(10),
        false => Duration::from_mins(5),
    }
}

/// The manifest as it was read, and what is needed to write the next one.
pub(super) struct Memory {
    seal: Seal,
    /// Which version was read.
    before: Option<String>,
    /// What it says of objects that no file of the source is for.
    others: Vec<(Box<str>, Record)>,
    /// Whether there is one that can be believed.
    intact: bool,
}

impl Memory {
    /// Notes what the manifest says of each object that is still the one that it
    /// speaks of. Nothing of a manifest is believed that is not all there.
    pub(super) fn read(
        job: &Job<'_>,
        manifest: Option<Found>,
        plan: &Plan,
        facts: &mut [Facts],
    ) -> Self {
        let seal = Seal::new(job.settings.sync.manifest_key.as_ref());
        let mut memory = Self {
            seal,
            before: None,
            others: Vec::new(),
            intact: false,
        };
        let Some(found) = manifest else {
            return memory;
        };
        memory.intact = memory.note(job, &found, plan, facts);
        if !memory.intact {
            memory.others.clear();
            for facts in facts {
                facts.record = None;
            }
        }
        memory.before = Some(found.etag);
        memory
    }

    fn note(&mut self, job: &Job<'_>, found: &Found, plan: &Plan, facts: &mut [Facts]) -> bool {
        let others = &mut self.others;
        let mut room = MOST_OTHERS;
        let noted = found.rows(job.far.place(), &self.seal, |row| {
            let place = plan
                .puts
                .binary_search_by(|put| put.file.key.as_str().cmp(row.key));
            match place {
                Ok(index) => {
                    let facts = &mut facts[index];
                    let still_it = facts.seen.is_some_and(|seen| row.record.is_of(&seen));
                    facts.record = still_it.then_some(row.record);
                }
                Err(_) => {
                    let size = row.key.len() + size_of::<(Box<str>, Record)>();
                    if size <= room {
                        room -= size;
                        others.push((row.key.into(), row.record));
                    }
                }
            }
        });
        let Err(distrust) = noted else { return true };
        tracing::warn!(
            "docferry's record at {} is not used: {}; every object is compared by other means, \
             and the record is made anew",
            printable(&job.settings.destination.to_string()),
            printable(&distrust.to_string())
        );
        false
    }

    /// Stores the manifest of what is there now, after all else. What failed or
    /// is in doubt is not in it.
    pub(super) async fn keep(
        &mut self,
        job: &Job<'_>,
        plan: &Plan,
        tally: &Tally,
    ) -> Result<(), Error> {
        let recorded = plan.keeps.iter().all(|keep| keep.facts.record.is_some());
        let nothing_new = tally.proofs.iter().all(Option::is_none) && tally.deleted.gone() == 0;
        if self.intact && recorded && nothing_new {
            return Ok(());
        }
        let rows = self.rows(plan, tally);
        let number = rows.len();
        let manifest = Manifest {
            destination: &job.settings.destination,
            seal: &self.seal,
        };
        let packed = manifest
            .write(rows)
            .map_err(|error| Error::Bug(format!("the record could not be packed: {error}")))?;
        let storing = store(job.far.desk(), self.before.as_deref(), packed);
        let warn = |reason: String| {
            tracing::warn!(
                "docferry's record cannot be stored at {}.docferry/manifest ({}): the next run \
                 compares by other means",
                printable(&job.settings.destination.to_string()),
                printable(&reason)
            );
        };
        match tokio::time::timeout(patience(job), storing).await {
            Ok(Ok(Stored::Done)) => crate::report::detail!("recorded {}", count(number, "object")),
            Ok(Ok(Stored::Overtaken)) => return Err(far::overtaken(&job.settings.destination)),
            Ok(Err(unanswered)) => warn(unanswered.error.to_string()),
            Err(_) => warn("S3 did not answer in time".to_owned()),
        }
        Ok(())
    }

    fn rows<'a>(&'a self, plan: &'a Plan, tally: &'a Tally) -> Vec<Row<'a>> {
        let kept = plan.keeps.iter().filter_map(|keep| {
            let seen = keep.facts.seen?;
            let record = keep.facts.record.or(Some(Record {
                etag: seen.etag,
                size: seen.size,
                content: keep.facts.digest?,
                properties: keep.properties.digest,
                form: Compression::Off,
                known: seen.modified,
            }))?;
            let key = keep.file.key.as_str();
            Some(Row { key, record })
        });
        let stored = plan.puts.iter().zip(&tally.proofs);
        let stored = stored.filter_map(|(put, proof)| {
            let proof = proof.as_ref()?;
            let record = Record {
                etag: proof.etag,
                size: proof.size,
                content: proof.content,
                properties: put.properties.digest,
                form: form_of(put),
                known: proof.at,
            };
            let key = put.file.key.as_str();
            Some(Row { key, record })
        });
        let gone = |key: &str| plan.deletes.binary_search_by(|d| (**d).cmp(key)).is_ok();
        let others = self.others.iter().filter(|(key, _)| !gone(key));
        let others = others.map(|(key, record)| Row {
            key,
            record: *record,
        });
        let mut rows: Vec<Row<'a>> = kept.chain(stored).chain(others).collect();
        rows.sort_unstable_by_key(|row| row.key);
        rows
    }
}
