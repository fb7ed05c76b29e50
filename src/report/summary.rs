//! How it went.

use crate::error::LIST_LIMIT;
use crate::plan::Plan;
use crate::text::{count, grouped, printable, shell_word};
use crate::transfer::{Failed, Fate, Leftover, Tally, Verdict};
use crate::types::Bytes;

/// How many failures are told one by one, and how many where one explanation
/// speaks for all.
const MANY: usize = 100;
const FEW: usize = 3;

/// Tells what a transfer came to: the sum, each failure, and what is left to
/// be done by hand.
pub fn tell(tally: &Tally, plan: &Plan) {
    // One refusal that speaks for many of them is told by itself.
    let own = tally.failed.iter();
    let own: Vec<_> = own.filter(|f| f.verdict == Verdict::Object).collect();
    let most = match tally.condemned {
        Some(_) => FEW,
        None => MANY,
    };
    for failed in own.iter().take(most) {
        let url = url(plan, failed.index);
        tracing::error!("{url}: {}", printable(&failed.failure.to_string()));
    }
    if own.len() > most {
        tracing::error!("… and {} more failed", grouped(own.len() - most));
    }
    for leftover in &tally.leftovers {
        tracing::warn!("{}", remains(leftover, plan));
    }
    for (index, error) in tally.deleted.failed.iter().take(FEW) {
        let url = format!("{}{}", plan.destination, plan.deletes[*index]);
        tracing::error!(
            "not deleted: {}: {}",
            printable(&url),
            printable(&error.to_string())
        );
    }
    tell_what_is_in_place(tally, plan);
    tracing::info!("{}", sum(tally, plan));
}

/// What S3 keeps, and how to remove it.
fn remains(leftover: &Leftover, plan: &Plan) -> String {
    let (bucket, key) = (&plan.destination.bucket, shell_word(&leftover.key));
    let command = match &leftover.upload_id {
        Some(id) => format!(
            "aws s3api abort-multipart-upload --bucket {bucket} --key {key} --upload-id {}",
            shell_word(id)
        ),
        None => format!("aws s3api list-multipart-uploads --bucket {bucket} --prefix {key}"),
    };
    format!(
        "S3 may keep parts of {} that could not be removed ({}); look after them with\n  \
         {command}\n  or allow s3:AbortMultipartUpload, or add a lifecycle rule for incomplete \
         uploads",
        printable(&leftover.key),
        printable(&leftover.reason),
    )
}

fn url(plan: &Plan, index: usize) -> String {
    printable(&plan.destination.url_of(&plan.puts[index].file.key)).into_owned()
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
    let in_place = tally.fates.iter().zip(&plan.puts);
    let in_place = in_place.filter(|(fate, _)| **fate == Fate::Stored);
    let bytes = in_place.map(|(_, put)| put.file.size).sum();
    let total: u64 = tally.retries.iter().map(|(_, times)| times).sum();
    let by_trouble = tally.retries.iter();
    let by_trouble: Vec<String> = by_trouble
        .map(|(trouble, times)| format!("{times} {trouble}"))
        .collect();
    let repeated = match total {
        0 => String::new(),
        total => format!(", {total} tried again ({})", by_trouble.join(", ")),
    };
    let failed = match tally.failed.len() {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    let unchanged = match plan.keeps.len() {
        0 => String::new(),
        unchanged => format!(", {} unchanged", grouped(unchanged)),
    };
    let deleted = match tally.deleted.gone {
        0 => String::new(),
        gone => format!(", {} deleted", grouped(gone)),
    };
    format!(
        "done       {} of {}{unchanged}{deleted}, {} in {seconds:.1} s ({}/s){repeated}{failed}",
        grouped(stored),
        count(plan.puts.len(), "file"),
        Bytes(bytes),
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
    let with = |fate: Fate| {
        let found = tally.fates.iter().enumerate();
        found
            .filter(move |(_, f)| **f == fate)
            .map(|(index, _)| index)
    };
    // Where the first answer spoke for all, what was under way got no better.
    let refused = |failed: &Failed| !matches!(failed.failure.fate(), Fate::InDoubt);
    let doubtful = stored > 0 || !tally.condemned.as_ref().is_some_and(refused);
    let in_doubt: Vec<usize> = with(Fate::InDoubt).filter(|_| doubtful).collect();
    for index in in_doubt.iter().take(MANY) {
        tracing::warn!("in doubt, S3 may have it or not: {}", url(plan, *index));
    }
    if in_doubt.len() > MANY {
        let more = grouped(in_doubt.len() - MANY);
        tracing::warn!("in doubt, S3 may have them or not: {more} more");
    }
    for index in with(Fate::Stored).take(LIST_LIMIT) {
        tracing::info!("in place   {}", url(plan, index));
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
