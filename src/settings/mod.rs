//! The settings: from what was said (texts) to what is meant (parsed types).
//!
//! Owns: the meaning of every variable, and telling all mistakes at once.
//! Never: the network, or a file.

mod choice;
mod identity;
mod meant;
mod mistake;
mod outputs;
mod quotes;
mod said;

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

pub use choice::{
    ChecksumChoice, Command, Compare, Compression, Lock, LogFormat, LogLevel, Mode, OnError,
    PathStyle, PlanFormat, Symlinks,
};
pub use identity::{HopSettings, IdTokenRequest, IdentitySettings, SessionPolicy, Start};
pub use mistake::{Mistake, Mistakes};
pub use outputs::{HIDDEN, OutputSettings};

use crate::globs::Globs;
use crate::host::Host;
use crate::plan::Order;
use crate::rules::ObjectRules;
use crate::types::{AccountId, Bytes, Destination, Secret};
use crate::walk::Selection;

/// What the user wants, as far as it can be known without asking anyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What to do.
    pub command: Command,
    /// The directory or file to upload.
    pub source: PathBuf,
    /// Where it goes.
    pub destination: Destination,
    /// Which of its files are carried.
    pub selection: Selection,
    /// How the objects look.
    pub objects: ObjectRules,
    /// Whether a source without files is fine.
    pub allow_empty: bool,
    /// Who writes.
    pub identity: IdentitySettings,
    /// Which account must own the bucket.
    pub expected_owner: ExpectedOwner,
    /// How the files travel.
    pub transfer: TransferSettings,
    /// Where the bucket's name stands in a URL.
    pub path_style: PathStyle,
    /// What is sent at all, and what is deleted.
    pub sync: SyncSettings,
    /// What is sent before what.
    pub order: Order,
    /// How a plan is printed.
    pub plan_format: PlanFormat,
    /// What people know this run by.
    pub run: String,
    /// Whether a plan that would change something has an exit code of its own.
    pub plan_exit_code: bool,
}

/// What is sent at all, and what is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncSettings {
    /// What the destination shall look like in the end.
    pub mode: Mode,
    /// How docferry finds out what is unchanged.
    pub compare: Compare,
    /// Objects that are never deleted.
    pub keep: Globs,
    /// How many objects may be deleted.
    pub max_delete: MaxDelete,
    /// What two runs do about each other.
    pub lock: Lock,
    /// What the manifest is sealed with.
    pub manifest_key: Option<Secret<String>>,
}

impl SyncSettings {
    /// Whether it matters what is at the destination.
    #[must_use]
    pub fn looks(&self) -> bool {
        match self.mode {
            Mode::Copy => false,
            Mode::Sync => self.compare != Compare::Always,
            Mode::Mirror => true,
        }
    }

    /// The actions on objects that it needs beside those of an upload.
    #[must_use]
    pub fn actions(&self) -> Vec<&'static str> {
        let reads = self.uses_manifest() || self.lock != Lock::Off;
        let reads = reads.then_some("s3:GetObject");
        let deletes = (self.mode == Mode::Mirror).then_some("s3:DeleteObject");
        reads.into_iter().chain(deletes).collect()
    }

    /// Whether docferry's own record is read and written.
    #[must_use]
    pub fn uses_manifest(&self) -> bool {
        self.mode != Mode::Copy && matches!(self.compare, Compare::Auto | Compare::Manifest)
    }
}

/// How many objects a run may delete; both limits hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxDelete {
    /// So many out of a hundred that are there.
    pub percent: Option<u8>,
    /// So many.
    pub number: Option<usize>,
}

/// Which account must own the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedOwner {
    /// The account of the identity that writes.
    Writer,
    /// This account.
    Account(AccountId),
    /// Any: the check is turned off.
    Unchecked,
}

/// How the files travel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferSettings {
    /// How many requests are under way at once.
    pub concurrency: Concurrency,
    /// From which size on a file is sent in parts.
    pub multipart_threshold: Bytes,
    /// How large a part is, unless that makes too many.
    pub part_size: Bytes,
    /// What the server verifies.
    pub checksum: ChecksumChoice,
    /// How often one request is tried.
    pub max_attempts: NonZeroU32,
    /// How many bytes go out in a second at most.
    pub max_bandwidth: Option<Bytes>,
    /// For how long a request may stand still.
    pub stall_timeout: Duration,
    /// For how long the run may last.
    pub timeout: Option<Duration>,
    /// What the failure of one object means for the others.
    pub on_error: OnError,
    /// How old an open upload of the same writer is before it is removed.
    pub abort_stale_uploads: Option<Duration>,
    /// Whether it is noted how long each object takes.
    pub timed: bool,
}

/// How many requests are under way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concurrency {
    /// As many as are good for the whole.
    Auto,
    /// So many.
    Fixed(usize),
}

impl Settings {
    /// Understands an environment. The only argument there may be is the command;
    /// it wins over `DOCFERRY_COMMAND`.
    pub fn read(
        environment: &[(OsString, OsString)],
        arguments: &[&str],
        host: &Host,
    ) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::default();
        let raw = said::listen(environment, host, &mut mistakes);
        meant::understand(&raw, environment, arguments, host, mistakes)
    }
}

/// How much to log. It is read apart from the other settings, so that their
/// mistakes can be logged; a level that makes no sense is reported with them.
#[must_use]
pub fn log_level(environment: &[(OsString, OsString)], host: &Host) -> LogLevel {
    let raw = said::listen(environment, host, &mut Mistakes::default());
    raw.log
        .and_then(|level| level.parse().ok())
        .unwrap_or(LogLevel::Info)
}
