//! How many bytes may be on their way at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies of small files and chunks of large ones share this much.
const LIMIT: u64 = 12 * 1024 * 1024;

/// The memory for bodies.
#[derive(Debug)]
pub(super) struct Memory(Arc<Semaphore>);

impl Default for Memory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(
            usize::try_from(LIMIT).unwrap_or(Semaphore::MAX_PERMITS),
        )))
    }
}

impl Memory {
    /// Waits until there is room. The semaphore is never closed, so there is
    /// always a permit in the end.
    pub(super) async fn reserve(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes.min(LIMIT)).unwrap_or(u32::MAX);
        Arc::clone(&self.0).acquire_many_owned(bytes).await.ok()
    }
}
