//! Owns the list of every secret that the sandbox has given out, so that a
//! test can search a program's whole output for them. Nothing leaves the list:
//! a secret that has expired must not be printed either.

use std::fmt;
use std::sync::{Arc, Mutex};

use crate::world::lock;

/// The secrets so far; clones share one list.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<Mutex<Vec<String>>>);

impl Secrets {
    /// Puts a secret on the list.
    pub(crate) fn note(&self, secret: &str) {
        let mut all = lock(&self.0);
        if !secret.is_empty() && !all.iter().any(|have| have == secret) {
            all.push(secret.to_owned());
        }
    }

    /// Every secret in the order of issue.
    pub(crate) fn all(&self) -> Vec<String> {
        lock(&self.0).clone()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", lock(&self.0).len())
    }
}
