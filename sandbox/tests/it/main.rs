//! The sandbox from outside: over the wire, signed as AWS's documentation
//! says, by a signer that shares no code with the sandbox.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]
#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    clippy::large_stack_arrays,
    clippy::needless_pass_by_value,
    clippy::too_many_lines,
    clippy::type_complexity,
    reason = "tables and small requests read best as they are"
)]

mod client;
mod signer;
mod world;

mod authentication;
mod browsing;
mod checksums;
mod conditionals;
mod container;
mod copies;
mod deletes;
mod encryption;
mod endpoints;
mod faults;
mod github;
mod keys;
mod lists;
mod metadata;
mod multipart;
mod object_lock;
mod owners;
mod pace;
mod policy_table;
mod properties;
mod proxy;
mod reads;
mod requester_pays;
mod secrets;
mod speed;
mod sts_decisions;
mod sts_limits;
mod web_identity;
