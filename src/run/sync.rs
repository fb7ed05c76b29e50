//! From a plan that sends everything to one that sends what is needed.

use std::sync::Arc;

use super::{Job, Memory, stopped};
use crate::error::{Error, LIST_LIMIT, Refusal};
use crate::inspect;
use crate::plan::{Decision, Facts, Plan, Reason, Strays, sort};
use crate::remote::{Unanswered, list, read};
use crate::settings::{Command, Compare, Mode};
use crate::text::{count, grouped, printable};

/// What there is to compare with.
struct Around {
    facts: Vec<Facts>,
    memory: Option<Memory>,
    strays: Strays,
    /// How many objects there are.
    total: usize,
}

/// Compares the source with what is there. The plan comes back whatever happens,
/// so that it can be told; what is needed to write the manifest in the end comes
/// along, if there is to be one.
pub(super) async fn compare(job: &Job<'_>, plan: Plan) -> (Plan, Result<Option<Memory>, Error>) {
    let around = match look_around(job, &plan).await {
        Ok(Some(around)) => around,
        Ok(None) => return (all_unknown(plan), Ok(None)),
        Err(error) => return (plan, Err(error)),
    };
    let (mut plan, decided) = decide(job, plan, around.facts).await;
    if let Err(error) = decided {
        return (plan, Err(error));
    }
    let chosen = match job.settings.sync.mode {
        Mode::Mirror => choose_deletes(job, &mut plan, around.strays, around.total),
        Mode::Copy | Mode::Sync => Ok(()),
    };
    (plan, chosen.map(|()| around.memory))
}

/// Reads the manifest and lists the destination; none, where neither is allowed
/// and that is borne.
async fn look_around(job: &Job<'_>, plan: &Plan) -> Result<Option<Around>, Error> {
    let (place, sync) = (job.far.place(), &job.settings.sync);
    let mirrors = sync.mode == Mode::Mirror;
    let manifest = async {
        match sync.uses_manifest() {
            true => Some(read(place).await),
            false => None,
        }
    };
    // The listing comes after the manifest, so that what another run does in the
    // meantime is noticed when ours is stored.
    let asked = async { (manifest.await, list(place, &plan.puts, mirrors).await) };
    let told = Box::pin(job.stop.or(asked)).await;
    let (manifest, listing) = told.ok_or_else(|| stopped(job.stop))?;
    let listing = match listing {
        Ok(listing) => listing,
        Err(denied) if denied.is_denied() && !mirrors && sync.compare == Compare::Auto => {
            warn(&denied, "every file is sent");
            return Ok(None);
        }
        Err(unanswered) => return Err(job.far.explain(&unanswered)),
    };
    let manifest = match manifest {
        Some(Ok(manifest)) => Some(manifest),
        // S3 says so only to those who may list the whole bucket; to others it
        // refuses what is not there ("`GetObject`", Amazon S3 API Reference).
        Some(Err(denied)) if denied.is_denied() && !listing.has_manifest => Some(None),
        Some(Err(denied)) if denied.is_denied() && sync.compare == Compare::Auto => {
            warn(&denied, "docferry does without its record");
            None
        }
        Some(Err(unanswered)) => return Err(job.far.explain(&unanswered)),
        None => None,
    };
    let mut facts: Vec<Facts> = listing.seen.into_iter().map(with_object).collect();
    let memory = manifest.map(|manifest| Memory::read(job, manifest, plan, &mut facts));
    Ok(Some(Around {
        facts,
        memory,
        strays: listing.strays,
        total: listing.total,
    }))
}

fn with_object(seen: Option<crate::plan::Seen>) -> Facts {
    Facts {
        seen,
        ..Facts::default()
    }
}

/// Without a listing nothing can be told of any object.
fn all_unknown(mut plan: Plan) -> Plan {
    for put in &mut plan.puts {
        put.reason = Reason::Incomparable;
    }
    plan
}

async fn decide(job: &Job<'_>, plan: Plan, facts: Vec<Facts>) -> (Plan, Result<(), Error>) {
    let plan = Arc::new(plan);
    let asking = inspect::Asking {
        how: job.settings.sync.compare,
        // Whoever may write there can make a content to a checksum.
        by_checksums: job.settings.sync.manifest_key.is_none(),
        root: job.root,
        place: job.far.place(),
        stop: job.stop,
    };
    let comparing = inspect::compare(&plan, facts, asking);
    let compared = job.stop.or(comparing).await;
    let compared = match compared.ok_or_else(|| stopped(job.stop)) {
        Ok(compared) => compared.map_err(|unanswered| job.far.explain(&unanswered)),
        Err(stopped) => Err(stopped),
    };
    // All that shared it has come to its end, unless it was stopped.
    let mut plan = Arc::unwrap_or_clone(plan);
    let compared = match compared {
        Ok(compared) => compared,
        Err(error) => return (plan, Err(error)),
    };
    if let Some(denied) = &compared.unanswered {
        let unknown = compared
            .decided
            .iter()
            .filter(|(decision, _)| *decision == Decision::Put(Reason::Incomparable));
        let then = format!(
            "{} of which docferry has no record yet are sent again",
            count(unknown.count(), "file")
        );
        warn(denied, &then);
    }
    plan.settle(compared.decided);
    (plan, Ok(()))
}

/// A permission that is missing, and what happens without it.
fn warn(denied: &Unanswered, then: &str) {
    tracing::warn!(
        "{} on {} is not allowed ({}): {then}",
        denied.action,
        printable(&denied.url),
        printable(&denied.error.to_string())
    );
}

/// Decides what is deleted, all or nothing: too much of it is a mistake.
fn choose_deletes(
    job: &Job<'_>,
    plan: &mut Plan,
    strays: Strays,
    total: usize,
) -> Result<(), Error> {
    let (settings, sync) = (job.settings, &job.settings.sync);
    let mut files: Vec<&str> = plan.puts.iter().map(|put| put.file.key.as_str()).collect();
    files.extend(plan.keeps.iter().map(|keep| keep.file.key.as_str()));
    files.sort_unstable();
    let sorted = sort(strays, &files, &settings.selection, &sync.keep);
    if sorted.kept > 0 {
        tracing::info!(
            "kept       {} that no file is of",
            count(sorted.kept, "object")
        );
    }
    for other in sorted.others.iter().take(LIST_LIMIT) {
        let folder = format!("{}{other}/", plan.destination);
        tracing::info!(
            "left alone {}, which is a destination of its own",
            printable(&folder)
        );
    }
    plan.deletes = sorted.stale;
    // What is none of ours does not make more of ours go.
    let total = total - sorted.foreign;
    let most = sync.max_delete.of(total);
    if plan.deletes.len() <= most {
        return Ok(());
    }
    let refusal = too_many(plan, total, most);
    if settings.command == Command::Plan {
        tracing::warn!("an upload would be stopped: {refusal}");
        return Ok(());
    }
    Err(Error::Guard(Box::new(refusal)))
}

fn too_many(plan: &Plan, total: usize, most: usize) -> Refusal {
    let number = plan.deletes.len();
    let mut refusal = Refusal::new(format!(
        "{} of {} would be deleted, and {} may be",
        count(number, "object"),
        grouped(total),
        grouped(most)
    ))
    .fact("resource", plan.destination.to_string());
    for key in plan.deletes.iter().take(LIST_LIMIT) {
        refusal = refusal.fact("stale", format!("{}{key}", plan.destination));
    }
    if let Some(more @ 1..) = number.checked_sub(LIST_LIMIT) {
        refusal = refusal.fact("stale", format!("… and {} more", grouped(more)));
    }
    refusal
        .hint("is DOCFERRY_SOURCE the whole site, and DOCFERRY_DESTINATION its own prefix?")
        .hint("name what shall stay in DOCFERRY_KEEP; `docferry plan` lists all of them")
        .hint(format!(
            "if it is meant, say so for this run: DOCFERRY_MAX_DELETE={number}"
        ))
}
