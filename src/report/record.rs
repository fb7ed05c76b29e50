//! What a run comes to, noted while it goes, so that it can be told of
//! wherever it ends.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::now;
use crate::identity::Way;
use crate::plan::Plan;
use crate::transfer::Tally;
use crate::walk::Source;

/// What is known of a run so far.
#[derive(Debug)]
pub struct Record {
    /// When it began.
    pub started: SystemTime,
    begin: Instant,
    /// Who it has been.
    pub way: Way,
    plan: OnceCell<Arc<Plan>>,
    of_one_file: Cell<bool>,
    tally: OnceCell<Tally>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            started: now(),
            begin: Instant::now(),
            way: Way::default(),
            plan: OnceCell::new(),
            of_one_file: Cell::new(false),
            tally: OnceCell::new(),
        }
    }
}

impl Record {
    /// Keeps what the source is.
    pub fn keep_source(&self, source: &Source) {
        self.of_one_file.set(source.is_file());
    }

    /// Keeps what is planned.
    pub fn keep_plan(&self, plan: Plan) -> Arc<Plan> {
        Arc::clone(self.plan.get_or_init(|| Arc::new(plan)))
    }

    /// Keeps what became of it.
    pub fn keep_tally(&self, tally: Tally) -> &Tally {
        self.tally.get_or_init(|| tally)
    }

    /// What was planned, if it came to that.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.get().map(AsRef::as_ref)
    }

    /// What became of it, if it came to that.
    #[must_use]
    pub fn tally(&self) -> Option<&Tally> {
        self.tally.get()
    }

    /// Whether the source is a single file.
    #[must_use]
    pub fn is_of_one_file(&self) -> bool {
        self.of_one_file.get()
    }

    /// How long it has taken so far.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }
}
