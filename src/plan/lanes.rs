//! In which order things are sent.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Method, Plan};

/// The order of one stage of a plan: two lanes that are worked on side by side, so that
/// neither a large file is left alone at the end nor small ones wait for it.
/// The objects are named by their places in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lanes {
    /// What goes in parts, the largest first.
    pub large: Vec<usize>,
    /// What goes in one request: the larger ones first, by their sizes, and the
    /// small ones after them, by their keys.
    pub small: Vec<usize>,
}

/// Below this a file's size makes no difference to when it should be begun.
const SMALL: u64 = 256 * 1024;

impl Plan {
    /// Puts the plan into an order: its stages, one after another.
    #[must_use]
    pub fn stages(&self) -> Vec<Lanes> {
        let mut stages = BTreeMap::<u8, Vec<usize>>::new();
        for (index, put) in self.puts.iter().enumerate() {
            stages.entry(put.stage).or_default().push(index);
        }
        stages.into_values().map(|all| self.lanes(all)).collect()
    }

    fn lanes(&self, all: Vec<usize>) -> Lanes {
        let size = |index: &usize| self.puts[*index].file.size;
        let is_large = |index: &usize| matches!(self.puts[*index].method, Method::Parts(_));
        let (mut large, mut small): (Vec<usize>, Vec<usize>) = all.into_iter().partition(is_large);
        large.sort_by_key(|index| Reverse(size(index)));
        small.sort_by_key(|index| Reverse(size(index) / SMALL));
        Lanes { large, small }
    }
}
