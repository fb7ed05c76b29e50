//! Owns STS: the query protocol, who may become whom, and the credentials.
//!
//! Sources: STS API Reference, "AssumeRole", "AssumeRoleWithWebIdentity",
//! "GetCallerIdentity", "Common Errors".

mod assume_role;
mod front;
mod refusal;
mod validate;
mod web_identity;
mod xml;

pub(crate) use front::Sts;
