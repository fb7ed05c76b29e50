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
use crate::transfer::{Algorithm, Root};
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

/// Decides about each put of a plan.
pub async fn compare(
    plan: &Arc<Plan>,
    mut facts: Vec<Facts>,
    how: Compare,
    root: &Arc<Root>,
    place: Place<'_>,
    stop: &Arc<Stop>,
) -> Result<Compared, Unanswered> {
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
    let unanswered = heads(
        plan,
        &mut facts,
        of_objects.map(|(index, _)| *index).collect(),
        root,
        place,
        stop,
    )
    .await?;
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

/// Asks S3 about objects. Once it refuses to tell, no other one is asked about:
/// all of them are alike in that.
async fn heads(
    plan: &Arc<Plan>,
    facts: &mut [Facts],
    indices: Vec<usize>,
    root: &Arc<Root>,
    place: Place<'_>,
    stop: &Arc<Stop>,
) -> Result<Option<Unanswered>, Unanswered> {
    let (mut refused, mut undecided) = (None, Vec::new());
    let mut under_way = JoinSet::new();
    let mut rest = indices.iter();
    loop {
        while under_way.len() < ASKED_AT_ONCE && refused.is_none() {
            let Some(index) = rest.next() else { break };
            ask(&mut under_way, plan, place, *index);
        }
        let Some(joined) = under_way.join_next().await else {
            break;
        };
        // Nobody aborts these tasks, so only a panic ends here, which goes on.
        let (index, answer) =
            joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        match answer {
            Ok(Some(looks)) => {
                let by_etag = facts[index].by_etag;
                facts[index].by_head = Some(Looked {
                    content: Verdict::Unknown,
                    properties: agree(&looks.shown, &plan.puts[index].properties),
                });
                if looks.opaque && by_etag == Some(Verdict::Differs) {
                    facts[index].by_etag = Some(Verdict::Unknown);
                }
                if by_etag != Some(Verdict::Same) {
                    undecided.extend(by_checksum(index, &looks));
                }
            }
            // Somebody has deleted it.
            Ok(None) => facts[index].seen = None,
            Err(unanswered) if unanswered.is_denied() => {
                refused.get_or_insert(unanswered);
            }
            Err(unanswered) => return Err(unanswered),
        }
    }
    for (index, told) in read_all(plan, root, undecided, stop).await {
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
