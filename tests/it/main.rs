//! The real program against the sandbox: the one integration test binary.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::format_push_string,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::needless_pass_by_value,
    clippy::must_use_candidate,
    missing_docs,
    unreachable_pub,
    reason = "this is all test code: what is wrong here should stop the test at once"
)]

mod ceph;
mod copies;
mod demo;
mod documents;
mod endurance;
mod faults;
mod harness;
mod hosts;
mod identities;
mod identity;
mod image;
mod interruption;
mod manifest;
mod mirror;
mod network;
mod objects;
mod plan;
mod promises;
mod recipes;
mod refusals;
mod renewal;
mod report;
mod selection;
mod settings;
mod source;
mod stages;
mod sync;
mod terminal;
mod together;
mod tokens;
mod upload;
