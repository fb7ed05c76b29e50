//! Owns HTTP: listeners, connections, and the way of each request from the
//! wire to the service that answers it. Decides nothing about S3 or STS.

mod connection;
mod intake;
mod listener;
mod reply;
mod serve;

pub(crate) use connection::Resetter;
pub(crate) use intake::{Intake, Plan, Received, Shared};
pub(crate) use listener::{Host, Tls, listen};
pub(crate) use reply::{AwsError, BlobBody, Cut, Reply, StdError, empty, full, new_request_id};
