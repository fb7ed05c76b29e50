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
mod server_time;
mod site;

pub use clients::Aws;
pub(crate) use clients::slowest;
pub use error::{AwsError, Cause};
pub(crate) use error::{code_in, code_of, whole_story};
pub use http::Fetched;
pub use retries::{Retries, Trouble};
pub(crate) use server_time::{ServerTime, time_of};
pub use site::Site;
