//! AWS's clients and AWS's errors.
//!
//! Owns: how a client is made (HTTP, endpoints, retries, time-outs) and how an
//! SDK's error becomes one of ours. Never: what an error means for the run.

mod clients;
mod error;
mod expiry;
mod http;
mod payer;
mod retries;

pub use clients::Aws;
pub(crate) use clients::{SMALL, patience};
pub(crate) use error::whole_story;
pub use error::{AwsError, Cause};
pub use http::Fetched;
pub use retries::Retries;
