//! Owns what all requests share: clock, principals, buckets, keys, faults,
//! journal. Locks are short and never held across a body.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::fault::Faults;
use crate::identity::Directory;
use crate::journal::Journal;
use crate::load::Load;
use crate::oidc::Provider;
use crate::policy::{Context, Document};
use crate::secrets::Secrets;
use crate::store::{Algorithm, Bucket, Spool};
use crate::text;

/// A customer managed KMS key.
#[derive(Debug, Clone)]
pub(crate) struct KmsKey {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) policy: Arc<Document>,
}

/// The state behind all listeners.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) directory: RwLock<Directory>,
    pub(crate) buckets: RwLock<HashMap<String, Arc<Bucket>>>,
    pub(crate) keys: RwLock<HashMap<String, KmsKey>>,
    /// The key's ARN by the alias's ARN.
    pub(crate) aliases: RwLock<HashMap<String, String>>,
    pub(crate) providers: RwLock<HashMap<String, Provider>>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) unknown_checksums: Mutex<Vec<Algorithm>>,
    pub(crate) journal: Journal,
    pub(crate) load: Load,
    /// How long a connection may be idle before the server closes it.
    pub(crate) idle_limit: watch::Sender<Option<Duration>>,
    pub(crate) secrets: Secrets,
    pub(crate) spool: Spool,
}

impl World {
    pub(crate) fn new(memory_below: u64) -> Self {
        let secrets = Secrets::default();
        Self {
            clock: Clock::default(),
            directory: RwLock::new(Directory::new(secrets.clone())),
            buckets: RwLock::default(),
            keys: RwLock::default(),
            aliases: RwLock::default(),
            providers: RwLock::default(),
            faults: Mutex::default(),
            unknown_checksums: Mutex::default(),
            journal: Journal::default(),
            load: Load::default(),
            idle_limit: watch::Sender::default(),
            secrets,
            spool: Spool::new(memory_below),
        }
    }

    pub(crate) fn bucket(&self, name: &str) -> Option<Arc<Bucket>> {
        read(&self.buckets).get(name).cloned()
    }

    /// The condition keys that every request has.
    pub(crate) fn request_context(&self, link: &Link, user_agent: Option<&str>) -> Context {
        let now = self.clock.utc();
        let mut context = Context::new();
        context.set("aws:CurrentTime", text::iso_date(now));
        context.set("aws:EpochTime", now.unix_timestamp().to_string());
        context.set("aws:SourceIp", link.peer.ip().to_string());
        context.set("aws:SecureTransport", link.secure.to_string());
        context.set("aws:RequestedRegion", link.region.as_str());
        context.set("aws:ViaAWSService", "false");
        context.set("aws:PrincipalIsAWSService", "false");
        context.set_some("aws:UserAgent", user_agent);
        context
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.utc()
    }
}

/// What is known of the connection that a request came by.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) peer: SocketAddr,
    pub(crate) secure: bool,
    /// The region whose endpoint this listener stands for.
    pub(crate) region: String,
}

// A panic in one request must not take the whole sandbox down: the data under
// these locks is changed in single steps.
pub(crate) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
