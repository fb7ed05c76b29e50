//! Reading files beside the requests: each once, for all that is asked of it.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;

use super::parts::ETags;
use crate::plan::{Plan, Verdict};
use crate::stop::Stop;
use crate::transfer::{Algorithm, Opened, Root, Running};
use crate::types::{Digest, ETag};

/// How much is read at once. BLAKE3 is at its best from 16 KiB on.
const CHUNK: usize = 256 * 1024;

/// A file to read.
#[derive(Debug)]
pub(super) struct Task {
    /// Its number in the plan.
    pub(super) index: usize,
    /// The entity tag that it may have.
    pub(super) etag: Option<ETag>,
    /// The checksum that it may have, in Base64.
    pub(super) checksum: Option<(Algorithm, String)>,
}

/// What a file turned out to be.
#[derive(Debug)]
pub(super) struct Told {
    /// None, if it could not be read.
    pub(super) digest: Option<Digest>,
    pub(super) by_etag: Verdict,
    pub(super) by_checksum: Verdict,
}

/// Reads files, on as many threads as there are processors. It ends early when
/// the run is stopped, since nobody waits for the rest any more.
pub(super) async fn read_all(
    plan: &Arc<Plan>,
    root: &Arc<Root>,
    tasks: Vec<Task>,
    stop: &Arc<Stop>,
) -> Vec<(usize, Told)> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(8).min(tasks.len());
    let (tasks, next) = (Arc::new(tasks), Arc::new(AtomicUsize::new(0)));
    let mut workers = JoinSet::new();
    for _ in 0..threads {
        let (plan, root) = (Arc::clone(plan), Arc::clone(root));
        let (tasks, next) = (Arc::clone(&tasks), Arc::clone(&next));
        let stop = Arc::clone(stop);
        workers.spawn_blocking(move || {
            let mut buffer = vec![0; CHUNK];
            let mut told = Vec::new();
            while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                if stop.is_requested() {
                    break;
                }
                let opened = root.open(&plan.puts[task.index].file);
                let read = opened.map(|opened| read(&opened, task, &plan, &mut buffer));
                if let Ok(Ok(read)) = read {
                    told.push((task.index, read));
                }
            }
            told
        });
    }
    let told = workers.join_all().await;
    told.into_iter().flatten().collect()
}

fn read(opened: &Opened, task: &Task, plan: &Plan, buffer: &mut [u8]) -> io::Result<Told> {
    let size = opened.size();
    let mut digest = blake3::Hasher::new();
    let mut etags = task
        .etag
        .map(|etag| ETags::new(etag, size, &plan.puts[task.index].method));
    let mut running = task
        .checksum
        .as_ref()
        .map(|(algorithm, _)| Running::new(*algorithm));
    let mut at = 0;
    while at < size {
        let length = usize::try_from(size - at).unwrap_or(CHUNK).min(CHUNK);
        let bytes = &mut buffer[..length];
        opened.file.read_exact_at(bytes, at)?;
        digest.update(bytes);
        if let Some(etags) = &mut etags {
            etags.update(bytes);
        }
        if let Some(running) = &mut running {
            running.update(bytes);
        }
        at += length as u64;
    }
    let same = |is_same: bool| {
        if is_same {
            Verdict::Same
        } else {
            Verdict::Differs
        }
    };
    let by_checksum = running.zip(task.checksum.as_ref());
    Ok(Told {
        digest: Some(digest.finalize().into()),
        by_etag: etags.map_or(Verdict::Unknown, ETags::finish),
        by_checksum: by_checksum.map_or(Verdict::Unknown, |(running, (_, sum))| {
            same(running.finish().base64 == *sum)
        }),
    })
}
