//! The sandbox from outside: over the wire, signed as AWS's documentation
//! says, by a signer that shares no code with the sandbox.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod client;
mod signer;
mod world;

mod authentication;
mod browsing;
mod checksums;
mod conditionals;
mod copies;
mod deletes;
mod encryption;
mod faults;
mod keys;
mod lists;
mod multipart;
mod owners;
mod policy_table;
mod properties;
mod reads;
mod sts_decisions;
mod sts_limits;
mod web_identity;
