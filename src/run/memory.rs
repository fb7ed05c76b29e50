//! What docferry remembers of a destination, from one run to the next.

use super::{Job, far};
use crate::error::Error;
use crate::plan::{Facts, Plan, Record, form_of};
use crate::remote::{Found, Manifest, Read, Row, Seal, Stored, store};
use crate::text::{count, printable};
use crate::transfer::Tally;

/// So much is remembered of objects that are not in the source. What is
/// forgotten is compared by other means the next time.
const MOST_OTHERS: usize = 64 * 1024 * 1024;

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
    pub(super) fn read(job: &Job<'_>, manifest: Read, plan: &Plan, facts: &mut [Facts]) -> Self {
        let seal = Seal::new(job.settings.sync.manifest_key.as_ref());
        let mut memory = Self {
            seal,
            before: None,
            others: Vec::new(),
            intact: false,
        };
        let Read::Found(found) = manifest else {
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
                    let still_it = |seen| row.record.is_of(seen, found.written);
                    if facts[index].seen.as_ref().is_some_and(still_it) {
                        facts[index].record = Some(row.record);
                    }
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
        if self.intact && recorded && plan.changes_nothing() {
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
        let (place, wire) = (job.far.place(), &job.far.wire);
        let before = self.before.as_deref();
        let storing = store(place, wire, &job.settings.objects, before, packed);
        match job.stop.or(storing).await {
            Some(Ok(Stored::Done)) => {
                crate::report::detail!("recorded {}", count(number, "object"));
                Ok(())
            }
            Some(Ok(Stored::Overtaken)) => Err(far::overtaken(&job.settings.destination)),
            Some(Err(unanswered)) => {
                tracing::warn!(
                    "docferry's record cannot be stored at {} ({}): the next run compares by other \
                     means",
                    printable(&unanswered.url),
                    printable(&unanswered.error.to_string())
                );
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn rows<'a>(&'a self, plan: &'a Plan, tally: &'a Tally) -> Vec<Row<'a>> {
        let kept = plan.keeps.iter().filter_map(|keep| {
            let seen = keep.facts.seen?;
            let record = keep.facts.record.or(Some(Record {
                etag: seen.etag,
                size: seen.size,
                content: keep.facts.digest?,
                properties: keep.properties.digest,
                form: crate::settings::Compression::Off,
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
