//! Finding out what a comparison needs to know.
//!
//! Owns: reading the files' digests, and asking S3 about objects that nothing
//! else tells of. Never: a decision; those are the plan's.

mod contents;
mod parts;

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::plan::{Decision, Facts, Looked, Plan, Question, Verdict, agree, decide};
use crate::remote::{Looks, Place, Unanswered, look};
use crate::settings::Compare;
use crate::stop::Stop;
use crate::transfer::{Algorithm, Root, finished};
use contents::{Task, read_all};

/// How many objects S3 is asked about at once.
const ASKED_AT_ONCE: usize = 64;

/// What a comparison came to.
#[derive(Debug)]
pub struct Compared {
    /// What becomes of each put, in their order.
    pub decided: Vec<(Decision, Facts)>,
    /// The first object that S3 would say nothing about, if there was one.
    pub unanswered: Option<Unanswered>,
}

/// How a comparison goes about it.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// What counts.
    pub how: Compare,
    /// Whether checksums that are no digests count, too.
    pub by_checksums: bool,
    /// Where the files are.
    pub root: &'a Arc<Root>,
    /// Where the objects are.
    pub place: Place<'a>,
    /// What may end it early.
    pub stop: &'a Arc<Stop>,
}

/// Decides about each put of a plan.
pub async fn compare(
    plan: &Arc<Plan>,
    mut facts: Vec<Facts>,
    asking: Asking<'_>,
) -> Result<Compared, Unanswered> {
    let Asking {
        how, root, stop, ..
    } = asking;
    let asked = questions(plan, &facts, how);
    let of_files = asked
        .iter()
        .filter(|(_, question)| *question != Question::Head);
    let tasks = of_files.map(|(index, question)| Task {
        index: *index,
        etag: match question {
            Question::ETag => facts[*index].seen.map(|seen| seen.etag),
            Question::Digest | Question::Head => None,
        },
        checksum: None,
    });
    let tasks = tasks.collect();
    for (index, told) in read_all(plan, root, tasks, stop).await {
        facts[index].digest = told.digest;
        facts[index].by_etag = Some(told.by_etag);
    }
    let asked = questions(plan, &facts, how);
    let of_objects = asked
        .iter()
        .filter(|(_, question)| *question == Question::Head);
    let of_objects = of_objects.map(|(index, _)| *index).collect();
    let unanswered = heads(plan, &mut facts, of_objects, asking).await?;
    let decided = plan.puts.iter().zip(facts).map(|(put, facts)| {
        // A file that could not be read is sent, which tells why it cannot be.
        let unread = crate::plan::Reason::Incomparable;
        let decision = decide(put, &facts, how).unwrap_or(Decision::Put(unread));
        (decision, facts)
    });
    Ok(Compared {
        decided: decided.collect(),
        unanswered,
    })
}

fn questions(plan: &Plan, facts: &[Facts], how: Compare) -> Vec<(usize, Question)> {
    let all = plan.puts.iter().zip(facts).enumerate();
    all.filter_map(|(index, (put, facts))| Some((index, decide(put, facts, how).err()?)))
        .collect()
}

/// So many refusals without an answer mean that there will be none.
const ENOUGH_REFUSALS: usize = 8;

/// Asks S3 about objects, unless it refuses to tell of any of them.
async fn heads(
    plan: &Arc<Plan>,
    facts: &mut [Facts],
    indices: Vec<usize>,
    asking: Asking<'_>,
) -> Result<Option<Unanswered>, Unanswered> {
    let (mut refused, mut refusals, mut answers) = (None, 0, 0);
    let mut undecided = Vec::new();
    let mut under_way = JoinSet::new();
    let mut rest = indices.iter();
    loop {
        let hopeless = answers == 0 && refusals >= ENOUGH_REFUSALS;
        // The first few go alone, so that a refusal does not meet all the others.
        let at_once = if answers == 0 {
            ENOUGH_REFUSALS
        } else {
            ASKED_AT_ONCE
        };
        while under_way.len() < at_once && !hopeless {
            let Some(index) = rest.next() else { break };
            ask(&mut under_way, plan, asking.place, *index);
        }
        let Some(joined) = under_way.join_next().await else {
            break;
        };
        let (index, answer) = finished(joined);
        match answer {
            Ok(Some(looks)) => {
                answers += 1;
                undecided.extend(note(plan, &mut facts[index], index, &looks, asking));
            }
            // Somebody has deleted it.
            Ok(None) => facts[index].seen = None,
            // One that S3 shows only to those with its key, or not to us.
            Err(unanswered) if unanswered.is_about_the_object() => {
                refusals += 1;
                refused.get_or_insert(unanswered);
            }
            Err(unanswered) => return Err(unanswered),
        }
    }
    for (index, told) in read_all(plan, asking.root, undecided, asking.stop).await {
        if let Some(looked) = &mut facts[index].by_head {
            looked.content = told.by_checksum;
        }
    }
    for index in indices {
        facts[index].by_head.get_or_insert(Looked {
            content: Verdict::Unknown,
            properties: Verdict::Unknown,
        });
    }
    Ok(refused)
}

/// Notes what S3 says of an object, and gives what is to be read because of it.
fn note(
    plan: &Plan,
    facts: &mut Facts,
    index: usize,
    looks: &Looks,
    asking: Asking<'_>,
) -> Option<Task> {
    // An object that has come since the listing is one of which nothing is known.
    if facts.seen.is_none_or(|seen| Some(seen.etag) != looks.etag) {
        facts.by_etag = Some(Verdict::Unknown);
        return None;
    }
    facts.by_head = Some(Looked {
        content: Verdict::Unknown,
        properties: agree(&looks.shown, &plan.puts[index].properties),
    });
    if looks.opaque && facts.by_etag == Some(Verdict::Differs) {
        facts.by_etag = Some(Verdict::Unknown);
    }
    let undecided = facts.by_etag == Some(Verdict::Unknown) && asking.by_checksums;
    by_checksum(index, looks).filter(|_| undecided)
}

type Answer = (usize, Result<Option<Looks>, Unanswered>);

fn ask(under_way: &mut JoinSet<Answer>, plan: &Arc<Plan>, place: Place<'_>, index: usize) {
    let (plan, client) = (Arc::clone(plan), place.client.clone());
    let owner = place.owner.cloned();
    under_way.spawn(async move {
        let place = Place {
            client: &client,
            destination: &plan.destination,
            owner: owner.as_ref(),
        };
        let answer = look(place, plan.puts[index].file.key.as_str()).await;
        (index, answer)
    });
}

/// What must be read to compare a file with the checksum that S3 has, if S3 has
/// one of the whole object.
fn by_checksum(index: usize, looks: &Looks) -> Option<Task> {
    let crc64 = looks
        .crc64nvme
        .as_ref()
        .map(|sum| (Algorithm::Crc64Nvme, sum));
    let crc32 = looks.crc32c.as_ref().map(|sum| (Algorithm::Crc32C, sum));
    let (algorithm, sum) = crc64.or(crc32)?;
    Some(Task {
        index,
        etag: None,
        checksum: Some((algorithm, sum.clone())),
    })
}
