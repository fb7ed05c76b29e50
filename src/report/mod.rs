//! From outcomes to words.
//!
//! Owns: the lines that tell people how it goes and how it went, the files that
//! tell programs and CI hosts, and where all of it is written. Never: AWS.

mod details;
mod document;
mod ended;
mod entries;
mod file;
mod github;
mod gitlab;
mod json;
mod log;
mod page;
mod publish;
mod record;
mod screen;
mod summary;

use std::time::SystemTime;

pub use details::Details;
pub(crate) use log::{DETAIL, detail};
pub use log::{END, Style, start as start_log};
pub use publish::{publish, try_out};
pub use record::Record;
pub use screen::{Screen, Sum, watch};
pub use summary::tell;

/// The time for people, which nothing is decided by.
#[expect(
    clippy::disallowed_methods,
    reason = "a log has the time of the machine that writes it"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
