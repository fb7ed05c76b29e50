//! How it went.

use crate::error::LIST_LIMIT;
use crate::plan::Plan;
use crate::text::{count, grouped, printable};
use crate::transfer::{Fate, Tally};
use crate::types::Bytes;

/// Tells what a transfer came to: the sum, each failure, and what is left to
/// be done by hand.
pub fn tell(tally: &Tally, plan: &Plan) {
    for failed in &tally.failed {
        // One refusal that speaks for all of them is told by itself.
        if tally.condemned.is_none() {
            let url = plan.destination.url_of(&plan.puts[failed.index].file.key);
            tracing::error!("{url}: {}", printable(&failed.failure.to_string()));
        }
    }
    for leftover in &tally.leftovers {
        tracing::warn!(
            "S3 keeps parts of {key} that could not be removed ({reason}); remove them with\n  \
             aws s3api abort-multipart-upload --bucket {bucket} --key '{key}' --upload-id {id}\n  \
             or allow s3:AbortMultipartUpload, or add a lifecycle rule for incomplete uploads",
            key = leftover.key,
            reason = printable(&leftover.reason),
            bucket = plan.destination.bucket,
            id = printable(&leftover.upload_id),
        );
    }
    tell_what_is_in_place(tally, plan);
    tracing::info!("{}", sum(tally, plan));
}

fn sum(tally: &Tally, plan: &Plan) -> String {
    let seconds = tally.elapsed.as_secs_f64();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for people needs three digits"
    )]
    let rate = (tally.bytes as f64 / seconds.max(0.001)) as u64;
    let stored = tally.count(Fate::Stored);
    let repeated = match tally.retries {
        0 => String::new(),
        retries => format!(", {retries} tried again"),
    };
    let failed = match tally.failed.len() {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    format!(
        "done       {} of {}, {} in {seconds:.1} s ({}/s){repeated}{failed}",
        grouped(stored),
        count(plan.puts.len(), "file"),
        Bytes(tally.bytes),
        Bytes(rate),
    )
}

/// A run that did not end well says which objects are in place, so that nobody
/// has to compare by hand.
fn tell_what_is_in_place(tally: &Tally, plan: &Plan) {
    let stored = tally.count(Fate::Stored);
    if stored == tally.fates.len() {
        return;
    }
    let url = |index: usize| plan.destination.url_of(&plan.puts[index].file.key);
    let with = |fate: Fate| {
        let found = tally.fates.iter().enumerate();
        found
            .filter(move |(_, f)| **f == fate)
            .map(|(index, _)| index)
    };
    // Where the first answer spoke for all, what was under way got no better.
    let doubtful = stored > 0 || tally.condemned.is_none();
    for index in with(Fate::InDoubt).filter(|_| doubtful) {
        tracing::warn!(
            "in doubt, stopped while S3's answer was awaited: {}",
            url(index)
        );
    }
    for index in with(Fate::Stored).take(LIST_LIMIT) {
        tracing::info!("in place   {}", url(index));
    }
    if stored > LIST_LIMIT {
        tracing::info!(
            "in place   … and {} more; DOCFERRY_LOG=debug tells each",
            stored - LIST_LIMIT
        );
    }
    let not_sent = tally.count(Fate::NotSent);
    if not_sent > 0 {
        tracing::info!("not sent   {}", count(not_sent, "file"));
    }
}
