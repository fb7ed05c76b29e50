//! docferry carries the files that a CI job built into an S3 bucket of another
//! AWS account, in one step. This library is the program without its process;
//! `ARCHITECTURE.md` is its map.

pub mod aws;
pub mod error;
pub mod globs;
pub mod help;
pub mod host;
pub mod identity;
pub mod inspect;
pub mod plan;
pub mod refused;
pub mod remote;
pub mod report;
pub mod rules;
pub mod run;
pub mod settings;
pub mod stop;
pub mod text;
pub mod transfer;
pub mod types;
pub mod vars;
pub mod walk;
