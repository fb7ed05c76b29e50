//! From outcomes to words.
//!
//! Owns: the lines that tell people how it goes and how it went, and where
//! they are written. Never: AWS.

mod log;
mod screen;
mod summary;

pub use log::start as start_log;
pub(crate) use log::{DETAIL, detail};
pub use screen::{Screen, Sum, watch};
pub use summary::tell;
