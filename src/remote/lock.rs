//! One run at a time, by an object that says who is at work.
//!
//! It is written on the condition that it is still what was read, so of two
//! runs only one gets it ("How to prevent object overwrites with conditional
//! writes", Amazon S3 User Guide). Whoever has it renews it; what nobody renews
//! is free after a while, by S3's clock rather than by the job's.

mod clock;

use std::time::Duration;

use aws_smithy_types::DateTime;
use serde::{Deserialize, Serialize};

use self::clock::{ServerTime, ServerTimes};
use super::{Place, Unanswered};
use crate::aws::AwsError;
use crate::rules::ObjectRules;
use crate::transfer::Wire;

/// Its name in docferry's own folder.
const NAME: &str = "lock";
/// For how long a lock holds that is not renewed.
const LEASE: Duration = Duration::from_mins(2);
/// How often it is renewed, so that two requests may fail.
const RENEWAL: Duration = Duration::from_secs(40);
/// How often one who waits looks.
const LOOK: Duration = Duration::from_secs(3);
/// How often one who waits says so.
const WORD: Duration = Duration::from_mins(1);

/// Who holds a lock, in the words of its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// What people know the run by, such as the address of its job.
    pub who: String,
    /// What tells it from every other run.
    id: String,
}

impl Holder {
    /// A run that people know by this.
    #[must_use]
    pub fn new(who: String) -> Self {
        let id = std::iter::repeat_with(fastrand::alphanumeric);
        Self {
            who,
            id: id.take(20).collect(),
        }
    }
}

/// The lock as an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Paper {
    version: u32,
    /// None, if it was given back.
    holder: Option<Holder>,
    /// How often it was renewed, so that each writing is another object.
    renewed: u64,
}

/// A lock that this run has.
#[derive(Debug)]
pub struct Held {
    holder: Holder,
    etag: String,
    renewed: u64,
}

/// What came of asking for the lock.
#[derive(Debug)]
pub enum Taken {
    /// This run has it.
    Held(Held),
    /// This one has it.
    Busy(Holder),
}

/// What is in the lock's place.
struct Current {
    etag: String,
    /// None, if whoever may have it is free to be followed.
    holder: Option<Holder>,
}

/// What is needed to write one.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// Where it is.
    pub place: Place<'a>,
    /// What it is written with.
    pub wire: &'a Wire,
    /// How docferry's own objects look.
    pub objects: &'a ObjectRules,
}

/// Takes the lock, if nobody has it.
pub async fn take(desk: Desk<'_>, holder: &Holder) -> Result<Taken, Unanswered> {
    // Writing comes first: a lock that is not there may not be asked about by
    // those who may list a prefix only.
    let (mut before, mut renewed) = (None, 0);
    loop {
        let paper = Paper {
            version: 1,
            holder: Some(holder.clone()),
            renewed,
        };
        if let Some(etag) = write(desk, before.as_deref(), &paper).await? {
            return Ok(Taken::Held(Held {
                holder: holder.clone(),
                etag,
                renewed,
            }));
        }
        // Somebody has it, had it, or was faster.
        (before, renewed) = match read(desk.place).await? {
            None => (None, 0),
            Some((
                Current {
                    holder: Some(other),
                    ..
                },
                _,
            )) if other != *holder => {
                return Ok(Taken::Busy(other));
            }
            Some((Current { etag, .. }, renewed)) => (Some(etag), renewed + 1),
        };
    }
}

/// Waits until nobody else has the lock, and takes it.
pub async fn wait(desk: Desk<'_>, holder: &Holder) -> Result<Held, Unanswered> {
    let mut quiet = WORD;
    loop {
        match take(desk, holder).await? {
            Taken::Held(held) => return Ok(held),
            Taken::Busy(other) if quiet >= WORD => {
                tracing::info!(
                    "waiting    for {}, which has the lock",
                    crate::text::printable(&other.who)
                );
                quiet = Duration::ZERO;
            }
            Taken::Busy(_) => {}
        }
        tokio::time::sleep(LOOK).await;
        quiet += LOOK;
    }
}

impl Held {
    /// Renews the lock for as long as it is polled; comes back when somebody
    /// else has it.
    pub async fn keep(&mut self, desk: Desk<'_>) {
        loop {
            tokio::time::sleep(RENEWAL).await;
            let paper = self.paper(true);
            match write(desk, Some(&self.etag), &paper).await {
                Ok(Some(etag)) => {
                    self.etag = etag;
                    self.renewed = paper.renewed;
                }
                Ok(None) => return,
                // The lease is long enough for another attempt.
                Err(unanswered) => {
                    let error = unanswered.error.to_string();
                    tracing::warn!(
                        "the lock could not be renewed: {}",
                        crate::text::printable(&error)
                    );
                }
            }
        }
    }

    /// Gives the lock back. It is overwritten rather than deleted, since that
    /// needs no other permission.
    pub async fn release(self, desk: Desk<'_>) {
        if let Err(unanswered) = write(desk, Some(&self.etag), &self.paper(false)).await {
            tracing::warn!(
                "the lock could not be given back ({}); it ends by itself in {} minutes",
                crate::text::printable(&unanswered.error.to_string()),
                LEASE.as_secs() / 60
            );
        }
    }

    fn paper(&self, held: bool) -> Paper {
        Paper {
            version: 1,
            holder: held.then(|| self.holder.clone()),
            renewed: self.renewed + 1,
        }
    }
}

/// Reads the lock. One that makes no sense belongs to nobody.
async fn read(place: Place<'_>) -> Result<Option<(Current, u64)>, Unanswered> {
    let key = place.own(NAME);
    let times = ServerTimes::default();
    let request = place.client.get_object().bucket(place.bucket()).key(&key);
    let request = request.set_expected_bucket_owner(place.owner()).customize();
    let answer = request.interceptor(ServerTime(times.clone())).send().await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let error = AwsError::from_sdk(&error);
            return match error.is(&["NoSuchKey"]) {
                true => Ok(None),
                false => Err(unanswered(place, "s3:GetObject", error)),
            };
        }
    };
    let etag = answer.e_tag().unwrap_or_default().to_owned();
    let written = answer.last_modified().map(DateTime::secs);
    let lease = i64::try_from(LEASE.as_secs()).unwrap_or(i64::MAX);
    let over = match (times.last(), written) {
        (Some(now), Some(written)) => now - written > lease,
        _ => false,
    };
    let small = answer
        .content_length()
        .is_some_and(|length| length < 64 * 1024);
    let bytes = if small {
        answer.body.collect().await.ok()
    } else {
        None
    };
    let paper = bytes.and_then(|bytes| serde_json::from_slice::<Paper>(&bytes.to_vec()).ok());
    let renewed = paper.as_ref().map_or(0, |paper| paper.renewed);
    let holder = paper.and_then(|paper| paper.holder).filter(|_| !over);
    Ok(Some((Current { etag, holder }, renewed)))
}

/// Writes the lock in the place of what was read; none, if that has changed.
async fn write(
    desk: Desk<'_>,
    before: Option<&str>,
    paper: &Paper,
) -> Result<Option<String>, Unanswered> {
    let key = desk.place.own(NAME);
    let condition = match before {
        Some(etag) => ("if-match", etag),
        None => ("if-none-match", "*"),
    };
    let mut headers = vec![("content-type", "application/json"), condition];
    headers.extend(desk.objects.headers_of_own_objects());
    let bytes = serde_json::to_vec(paper).unwrap_or_default();
    let error = match desk.wire.put_bytes(&key, &headers, bytes).await {
        Ok(etag) => return Ok(etag),
        Err(error) => error,
    };
    if !matches!(error.status, Some(404 | 409 | 412)) || error.is(&["NoSuchBucket"]) {
        return Err(unanswered(desk.place, "s3:PutObject", error));
    }
    // An answer that got lost may have been a yes, and then it is ours.
    let found = read(desk.place).await?;
    let ours = found.filter(|(current, renewed)| {
        current.holder == paper.holder && *renewed == paper.renewed && paper.holder.is_some()
    });
    Ok(ours.map(|(current, _)| current.etag))
}

fn unanswered(place: Place<'_>, action: &'static str, error: AwsError) -> Unanswered {
    Unanswered {
        action,
        url: format!("s3://{}/{}", place.bucket(), place.own(NAME)),
        error: Box::new(error),
    }
}
