//! The real program against the sandbox: the one integration test binary.

mod demo;
mod documents;
mod faults;
mod harness;
mod interruption;
mod plan;
mod promises;
mod refusals;
mod settings;
mod source;
mod upload;
