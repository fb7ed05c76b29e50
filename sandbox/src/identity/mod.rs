//! Owns the accounts' principals: users, roles, access keys, sessions, and
//! what a request that shows a key is taken to be. Never decides permissions.

mod arn;
mod caller;
mod directory;
mod session;

pub(crate) use arn::Arn;
pub(crate) use caller::Caller;
pub(crate) use directory::{Directory, KeyHolder, User};
pub(crate) use session::{NewSession, Session};
