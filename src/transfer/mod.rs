//! The transfer: bounded, cancellable work on a plan.
//!
//! Owns: how requests run side by side, how files are read and checked, and
//! that nothing is left behind. Never: what is sent, or why.

mod buffers;
mod checksum;
mod content;
mod failure;
mod memory;
mod multipart;
mod open;
mod progress;
mod put;
mod tally;
mod wire;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};

pub use failure::{Failure, Verdict};
pub use progress::Progress;
pub use tally::{Failed, Fate, Leftover, Tally};
pub use wire::Wire;

use crate::aws::{AwsError, Retries};
use crate::identity::Renewing;
use crate::plan::{Method, Plan, Put};
use crate::settings::TransferSettings;
use crate::stop::Stop;
use crate::types::AccountId;
use crate::walk::Source;
use buffers::Buffers;
use checksum::Choice;
use memory::Memory;

/// How many files may be sent in parts at once; their parts share the limit of
/// requests with everything else.
const OPEN_UPLOADS: usize = 8;

/// What a transfer works with.
#[derive(Debug)]
pub struct Load {
    /// The client that writes.
    pub client: aws_sdk_s3::Client,
    /// What the bytes go over.
    pub wire: Wire,
    /// The account that must own the bucket.
    pub owner: Option<AccountId>,
    /// Where the files are.
    pub source: Source,
    /// What to do with them.
    pub plan: Arc<Plan>,
    /// How many attempts the client repeated.
    pub retries: Retries,
    /// What the client signs with.
    pub credentials: Arc<Renewing>,
}

/// Carries a plan out. It is shared by all requests that are under way.
#[derive(Debug)]
struct Courier {
    client: aws_sdk_s3::Client,
    wire: Wire,
    owner: Option<String>,
    source: Source,
    plan: Arc<Plan>,
    checksums: Choice,
    requests: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    memory: Memory,
    buffers: Buffers,
    progress: Arc<Progress>,
    retries: Retries,
    credentials: Arc<Renewing>,
    max_attempts: u32,
    stop: Arc<Stop>,
}

/// Sends everything that is planned, as far as it can be sent, and says what
/// became of each object. It comes back when no request is under way any more.
pub async fn carry(
    load: Load,
    settings: &TransferSettings,
    progress: &Arc<Progress>,
    stop: &Arc<Stop>,
) -> Tally {
    let begin = tokio::time::Instant::now();
    let mut tally = Tally::new(load.plan.puts.len());
    let courier = Arc::new(Courier {
        client: load.client,
        wire: load.wire,
        owner: load.owner.map(|account| account.to_string()),
        source: load.source,
        plan: load.plan,
        checksums: Choice::new(settings.checksum),
        requests: Arc::new(Semaphore::new(settings.concurrency)),
        uploads: Arc::new(Semaphore::new(OPEN_UPLOADS)),
        memory: Memory::default(),
        buffers: Buffers::default(),
        progress: Arc::clone(progress),
        retries: load.retries.clone(),
        credentials: load.credentials,
        max_attempts: settings.max_attempts.get(),
        stop: Arc::clone(stop),
    });
    let mut under_way = JoinSet::new();
    for index in 0..courier.plan.puts.len() {
        let Some(permit) = stop.or(courier.enter(index)).await else {
            break;
        };
        under_way.spawn(Arc::clone(&courier).put_then(index, permit));
        while let Some(done) = under_way.try_join_next() {
            tally.record(finished(done), &courier.plan, stop);
        }
    }
    while let Some(done) = under_way.join_next().await {
        tally.record(finished(done), &courier.plan, stop);
    }
    tally.retries = load.retries.count();
    tally.elapsed = begin.elapsed();
    tally.bytes = progress.bytes();
    tally
}

/// What became of the object of this index.
#[derive(Debug)]
struct Done {
    index: usize,
    result: Result<(), Failure>,
    leftovers: Vec<Leftover>,
}

impl Courier {
    /// Waits until the next object may be begun. Only the semaphores' closing
    /// could fail here, and nobody closes them.
    async fn enter(&self, index: usize) -> Option<OwnedSemaphorePermit> {
        let gate = match self.plan.puts[index].method {
            Method::Single => &self.requests,
            Method::Parts(_) => &self.uploads,
        };
        Arc::clone(gate).acquire_owned().await.ok()
    }

    async fn put_then(self: Arc<Self>, index: usize, permit: Option<OwnedSemaphorePermit>) -> Done {
        let done = self.put(index).await;
        drop(permit);
        done
    }

    async fn put(self: &Arc<Self>, index: usize) -> Done {
        let put = &self.plan.puts[index];
        let mut leftovers = Vec::new();
        let result = loop {
            let algorithm = self.checksums.current();
            let (result, left) = match put.method {
                Method::Single => (self.put_single(put, algorithm).await, Vec::new()),
                Method::Parts(size) => self.put_parts(put, size, algorithm).await,
            };
            leftovers.extend(left);
            let again = result == Err(Failure::Unverified) && !self.stop.is_requested();
            if !again || !self.checksums.step_down(algorithm) {
                break result;
            }
        };
        if result.is_ok() {
            self.progress.stored();
        }
        Done {
            index,
            result,
            leftovers,
        }
    }

    /// Whether trying again makes sense as far as the credentials go.
    fn may_renew(&self, error: &AwsError) -> bool {
        error.code != "ExpiredToken" || self.credentials.may_help()
    }

    fn bucket(&self) -> &str {
        self.plan.destination.bucket.as_str()
    }

    fn key_of(&self, put: &Put) -> String {
        self.plan.destination.prefix.join(&put.file.key)
    }
}

fn finished(joined: Result<Done, JoinError>) -> Done {
    match joined {
        Ok(done) => done,
        // Nobody aborts these tasks, so only a panic ends here: a bug, which
        // goes on to where it can be seen.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
