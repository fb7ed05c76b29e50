//! In which order things are sent.

use super::{Method, Plan};

/// The order of a plan: two lanes that are worked on side by side, so that
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
    /// Puts the plan into an order.
    #[must_use]
    pub fn lanes(&self) -> Lanes {
        let size = |index: &usize| self.puts[*index].file.size;
        let is_small = |index: &usize| self.puts[*index].method == Method::Single;
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..self.puts.len()).partition(is_small);
        large.sort_by_key(|index| std::cmp::Reverse(size(index)));
        small.sort_by_key(|index| std::cmp::Reverse(size(index) / SMALL));
        Lanes { large, small }
    }
}
