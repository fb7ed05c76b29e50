//! One run at a time, by an object that says who is at work.
//!
//! It is written on the condition that it is still what was read, so of two
//! runs only one gets it ("How to prevent object overwrites with conditional
//! writes", Amazon S3 User Guide). Whoever has it renews it; what nobody renews
//! is free after a while, by S3's clock rather than by the job's.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Unanswered;
use super::own::{self, Desk, Written, unanswered};
use crate::aws::{AwsError, Cause};
use crate::text::printable;

/// Its name in docferry's own folder.
const NAME: &str = "lock";
/// No honest one is larger.
const LARGEST: i64 = 64 * 1024;
const VERSION: u32 = 1;
/// For how long a lock holds that is not renewed.
const LEASE: Duration = Duration::from_mins(2);
/// How often it is renewed, so that a request or two may fail.
const RENEWAL: Duration = Duration::from_secs(40);
/// How often a lock that is free is asked for, before the server is to blame.
const ATTEMPTS: u64 = 10;
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

    /// Somebody whose words make no sense to us.
    fn unknown() -> Self {
        Self::new("a run of another docferry".to_owned())
    }
}

/// The lock as an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Paper {
    version: u32,
    /// None, if it was given back.
    holder: Option<Holder>,
    /// Each writing is another object.
    nonce: u64,
}

impl Paper {
    fn new(holder: Option<&Holder>) -> Self {
        Self {
            version: VERSION,
            holder: holder.cloned(),
            nonce: fastrand::u64(..),
        }
    }
}

/// A lock that this run has.
#[derive(Debug)]
pub struct Held {
    holder: Holder,
    etag: String,
    /// When it was last sure to be ours.
    since: Instant,
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
    /// None, if whoever had it may be followed.
    holder: Option<Holder>,
}

/// Takes the lock, if nobody has it.
pub async fn take(desk: Desk<'_>, holder: &Holder) -> Result<Taken, Unanswered> {
    // Writing comes first: a lock that is not there may not be asked about by
    // those who may list a prefix only.
    let mut before = None;
    for attempt in 1..=ATTEMPTS {
        let since = Instant::now();
        let etag = write(desk, before.as_deref(), Some(holder)).await?;
        let found = match etag {
            Written::Done(etag) => {
                let holder = holder.clone();
                return Ok(Taken::Held(Held {
                    holder,
                    etag,
                    since,
                }));
            }
            // Somebody has it, had it, or was faster; or an answer got lost.
            Written::Refused => read(desk).await?,
        };
        before = match found {
            Some(Current {
                holder: Some(other),
                ..
            }) if other != *holder => return Ok(Taken::Busy(other)),
            Some(current) => Some(current.etag),
            None => None,
        };
        let pause = fastrand::u64(20..=100) * attempt;
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    let message = "the lock is free, and yet its conditional write never succeeds".to_owned();
    let error = AwsError::of_ours(Cause::Answered, message);
    Err(unanswered(desk.place, "s3:PutObject", NAME, error))
}

/// Waits until nobody else has the lock, and takes it.
pub async fn wait(desk: Desk<'_>, holder: &Holder) -> Result<Held, Unanswered> {
    let mut told = None;
    loop {
        let other = match take(desk, holder).await? {
            Taken::Held(held) => return Ok(held),
            Taken::Busy(other) => other,
        };
        if told.is_none_or(|told: Instant| told.elapsed() >= WORD) {
            tracing::info!(
                "waiting    for {}, which has the lock",
                printable(&other.who)
            );
            told = Some(Instant::now());
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl Held {
    /// Renews the lock for as long as it is polled; comes back when it is not
    /// sure any more that nobody else has it.
    pub async fn keep(&mut self, desk: Desk<'_>) {
        loop {
            tokio::time::sleep(RENEWAL).await;
            let at = Instant::now();
            let left = LEASE.saturating_sub(self.since.elapsed());
            let renewed = tokio::time::timeout(left, self.renew(desk)).await;
            match renewed {
                Ok(Ok(true)) => self.since = at,
                Ok(Ok(false)) | Err(_) => return,
                Ok(Err(unanswered)) => {
                    let error = unanswered.error.to_string();
                    tracing::warn!("the lock could not be renewed: {}", printable(&error));
                    if self.since.elapsed() + RENEWAL >= LEASE {
                        return;
                    }
                }
            }
        }
    }

    /// Whether the lock is still ours.
    async fn renew(&mut self, desk: Desk<'_>) -> Result<bool, Unanswered> {
        for _ in 0..2 {
            let holder = self.holder.clone();
            if let Written::Done(etag) = write(desk, Some(&self.etag), Some(&holder)).await? {
                self.etag = etag;
                return Ok(true);
            }
            // An earlier renewal may have been done without an answer.
            match self.current(desk).await? {
                Some(etag) => self.etag = etag,
                None => return Ok(false),
            }
        }
        Ok(false)
    }

    /// The tag of the lock, if it is ours.
    async fn current(&self, desk: Desk<'_>) -> Result<Option<String>, Unanswered> {
        let current = match read(desk).await {
            // What is gone is refused to those who may list a prefix only.
            Err(denied) if denied.is_denied() => None,
            current => current?,
        };
        let ours = current.filter(|current| current.holder.as_ref() == Some(&self.holder));
        Ok(ours.map(|current| current.etag))
    }

    /// Gives the lock back. It is overwritten rather than deleted, since that
    /// needs no other permission.
    pub async fn release(mut self, desk: Desk<'_>) {
        let released = async {
            if write(desk, Some(&self.etag), None).await? == Written::Refused
                && let Some(etag) = self.current(desk).await?
            {
                self.etag = etag;
                write(desk, Some(&self.etag), None).await?;
            }
            Ok::<_, Unanswered>(())
        };
        if let Err(unanswered) = released.await {
            tracing::warn!(
                "the lock could not be given back ({}); it ends by itself in {} minutes",
                printable(&unanswered.error.to_string()),
                LEASE.as_secs() / 60
            );
        }
    }
}

/// Reads the lock.
async fn read(desk: Desk<'_>) -> Result<Option<Current>, Unanswered> {
    let Some(own) = own::read(desk.place, NAME, LARGEST).await? else {
        return Ok(None);
    };
    let lease = i64::try_from(LEASE.as_secs()).unwrap_or(i64::MAX);
    let over = match (own.read, own.written) {
        (Some(now), Some(written)) => now - written > lease,
        (None, _) | (_, None) => false,
    };
    let bytes = own.bytes.unwrap_or_default();
    let paper: Option<Paper> = serde_json::from_slice(&bytes).ok();
    let holder = match paper.filter(|paper| paper.version == VERSION) {
        Some(paper) => paper.holder,
        None => Some(Holder::unknown()),
    };
    Ok(Some(Current {
        etag: own.etag,
        holder: holder.filter(|_| !over),
    }))
}

async fn write(
    desk: Desk<'_>,
    before: Option<&str>,
    holder: Option<&Holder>,
) -> Result<Written, Unanswered> {
    let paper = serde_json::to_vec(&Paper::new(holder)).unwrap_or_default();
    let paper = Bytes::from(paper);
    own::write(desk, NAME, "application/json", before, &paper).await
}
