//! Owns the decision: who may do what on which resource, by IAM's rules.
//!
//! Pure: no I/O, no clock, no store. A [`Document`] is parsed strictly once,
//! a [`Context`] carries what AWS knows about the request, and [`evaluate()`]
//! answers with the reason that AWS's messages name.
//!
//! Sources: IAM User Guide, "Policy evaluation logic", "Policy evaluation for
//! requests within a single account", "Cross-account policy evaluation logic",
//! "IAM JSON policy elements reference".

mod condition;
mod context;
mod document;
mod evaluate;
mod keys;
mod parse;
mod pattern;
mod principal;

pub use context::Context;
pub use document::{Document, Kind};
pub use evaluate::{Authority, Decision, Policies, Request, Side, evaluate};
pub use principal::Requester;

pub(crate) use pattern::glob;
