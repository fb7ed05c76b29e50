//! The transfer: bounded, cancellable work on a plan.
//!
//! Owns: how requests run side by side, how files are read and checked, and
//! that nothing is left behind. Never: what is sent, or why.

mod buffers;
mod checksum;
mod content;
mod copy;
mod delete;
mod ending;
mod failure;
mod flow;
mod gate;
mod memory;
mod multipart;
mod open;
mod press;
mod progress;
mod proof;
mod put;
mod stale;
mod tally;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

pub(crate) use checksum::{Algorithm, Running};
pub use delete::{Deleted, End, delete};
pub use failure::{Failure, Verdict};
pub(crate) use open::Opened;
pub use open::Root;
pub use progress::Progress;
pub use proof::Proof;
pub use stale::{Stale, abort_stale_uploads};
pub use tally::{Failed, Fate, Leftover, Tally};
pub use wire::Wire;

use crate::aws::{AwsError, Retries};
use crate::identity::Renewing;
use crate::plan::{Lanes, Method, Plan, Put};
use crate::settings::{OnError, TransferSettings};
use crate::stop::Stop;
use crate::types::AccountId;
use buffers::Buffers;
use checksum::Choice;
use copy::Copies;
use gate::{Gate, Pass};
use memory::Memory;

/// How many files may be sent in parts at once; their parts share the limit of
/// requests with everything else.
const OPEN_UPLOADS: usize = 8;

/// How many files are compressed at once: each takes a processor, and the
/// memory of an encoder.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |found| found.get().min(3))
}

/// What a transfer works with.
#[derive(Debug)]
pub struct Load {
    /// The client that writes.
    pub client: aws_sdk_s3::Client,
    /// What the bytes go over.
    pub wire: Arc<Wire>,
    /// The account that must own the bucket.
    pub owner: Option<AccountId>,
    /// Where the files are.
    pub root: Arc<Root>,
    /// What to do with them.
    pub plan: Arc<Plan>,
    /// How many attempts the client repeated.
    pub retries: Retries,
    /// What the client signs with.
    pub credentials: Arc<Renewing>,
    /// Whether it shall be known what was stored, for docferry's own record.
    pub records: bool,
    /// Whether a stage waits until all before it is in place, rather than done.
    pub holds_stages: bool,
}

/// Carries a plan out. It is shared by all requests that are under way.
#[derive(Debug)]
struct Courier {
    client: aws_sdk_s3::Client,
    wire: Arc<Wire>,
    owner: Option<String>,
    root: Arc<Root>,
    plan: Arc<Plan>,
    checksums: Choice,
    gate: Arc<Gate>,
    pressing: Semaphore,
    memory: Memory,
    buffers: Buffers,
    progress: Arc<Progress>,
    retries: Retries,
    credentials: Arc<Renewing>,
    records: bool,
    copies: Copies,
    max_attempts: u32,
    timed: bool,
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
    let begin = Instant::now();
    let tally = Tally::new(load.plan.puts.len(), load.records, settings.timed);
    let retries = load.retries.clone();
    let courier = Arc::new(Courier {
        client: load.client,
        owner: load.owner.map(|account| account.to_string()),
        root: load.root,
        plan: load.plan,
        checksums: Choice::new(settings.checksum),
        gate: Arc::clone(load.wire.gate()),
        wire: load.wire,
        pressing: Semaphore::new(processors()),
        memory: Memory::default(),
        buffers: Buffers::default(),
        progress: Arc::clone(progress),
        retries: load.retries,
        credentials: load.credentials,
        records: load.records,
        copies: Copies::default(),
        max_attempts: settings.max_attempts.get(),
        timed: settings.timed,
        stop: Arc::clone(stop),
    });
    let stages = courier.plan.stages();
    let mut work = Work {
        courier,
        large: Vec::new().into_iter(),
        under_way: JoinSet::new(),
        tally,
        on_error: settings.on_error,
    };
    for stage in stages {
        work.carry(stage).await;
        // What is missing may be what the next stage's pages need.
        let incomplete = load.holds_stages && !work.tally.failed.is_empty();
        if incomplete || work.courier.stop.is_requested() {
            break;
        }
    }
    let mut tally = work.tally;
    tally.retries = retries.counts();
    tally.repeated = retries.by_key();
    let limit = work.courier.gate.limit();
    crate::report::detail!("at the end, {limit} requests might be under way at once");
    tally.elapsed = begin.elapsed();
    tally.bytes = progress.bytes();
    tally
}

/// The work on both lanes.
struct Work {
    courier: Arc<Courier>,
    /// What is still to be begun of the large files.
    large: std::vec::IntoIter<usize>,
    under_way: JoinSet<Done>,
    tally: Tally,
    on_error: OnError,
}

impl Work {
    async fn carry(&mut self, Lanes { large, small }: Lanes) {
        self.large = large.into_iter();
        for _ in 0..OPEN_UPLOADS {
            self.begin_a_large_one();
        }
        for index in small {
            let courier = Arc::clone(&self.courier);
            let Some(pass) = self.pass(&courier).await else {
                break;
            };
            self.under_way.spawn(async move {
                let done = courier.put(index).await;
                // The connection goes back to its pool first, or the next
                // request would make a new one.
                tokio::task::yield_now().await;
                drop(pass);
                done
            });
            while let Some(done) = self.under_way.try_join_next() {
                self.record(finished(done));
            }
        }
        while let Some(done) = self.under_way.join_next().await {
            self.record(finished(done));
        }
    }

    /// Waits for a pass; meanwhile what is done is recorded, since a failure may
    /// be the last of the run.
    async fn pass(&mut self, courier: &Courier) -> Option<Pass> {
        let mut enter = std::pin::pin!(courier.stop.or(courier.gate.enter()));
        loop {
            tokio::select! {
                biased;
                pass = &mut enter => return pass,
                Some(done) = self.under_way.join_next() => self.record(finished(done)),
            }
        }
    }

    /// The parts of a large file go through the gate one by one.
    fn begin_a_large_one(&mut self) {
        if self.courier.stop.is_requested() {
            return;
        }
        if let Some(index) = self.large.next() {
            let courier = Arc::clone(&self.courier);
            self.under_way
                .spawn(async move { courier.put(index).await });
        }
    }

    fn record(&mut self, done: Done) {
        let was_large = self.courier.plan.puts[done.index]
            .method
            .part_size()
            .is_some();
        let Courier { plan, stop, .. } = &*self.courier;
        self.tally.record(done, plan, stop);
        if self.on_error == OnError::Stop && !self.tally.failed.is_empty() {
            stop.give_up();
        }
        if was_large {
            self.begin_a_large_one();
        }
    }
}

/// What became of the object of this index.
#[derive(Debug)]
struct Done {
    index: usize,
    result: Result<Option<Proof>, Failure>,
    leftovers: Vec<Leftover>,
    /// How long it took, where somebody wants to know.
    took: Option<Duration>,
}

impl Courier {
    async fn put(self: &Arc<Self>, index: usize) -> Done {
        let begin = self.timed.then(Instant::now);
        let put = &self.plan.puts[index];
        let mut leftovers = Vec::new();
        let mut unverified = false;
        let result = loop {
            let algorithm = self.checksums.current();
            let (result, left) = self.put_by(put, put.method, algorithm).await;
            leftovers.extend(left);
            let again = result == Err(Failure::Unverified) && !self.stop.is_requested();
            if !again || !self.checksums.step_down(algorithm) {
                // S3 may have what it has not verified.
                let stopped = unverified && result == Err(Failure::NotSent);
                break if stopped {
                    Err(Failure::Unverified)
                } else {
                    result
                };
            }
            unverified = true;
        };
        if result.is_ok() {
            self.progress.stored();
        }
        let result = match result {
            Err(Failure::Aws(error)) if self.wire.gave_up() && error.may_pass() => {
                Err(Failure::Outage(error))
            }
            result => result,
        };
        Done {
            index,
            result,
            leftovers,
            took: begin.map(|begin| begin.elapsed()),
        }
    }

    async fn put_by(
        self: &Arc<Self>,
        put: &Put,
        method: Method,
        algorithm: Algorithm,
    ) -> (Result<Option<Proof>, Failure>, Vec<Leftover>) {
        if let Method::Copy { of, .. } = method
            && let Some(copied) = self.copy(put, of).await
        {
            return (copied, Vec::new());
        }
        match method.otherwise() {
            Method::Parts(size) => self.put_parts(put, size, algorithm).await,
            Method::Single | Method::Copy { .. } => {
                (self.put_single(put, algorithm).await, Vec::new())
            }
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

/// What a task came to that nobody aborts.
pub(crate) fn finished<T>(joined: Result<T, JoinError>) -> T {
    match joined {
        Ok(done) => done,
        // Only a panic ends here: a bug, which goes on to where it can be seen.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
