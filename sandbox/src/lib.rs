//! An in-process AWS of two accounts, for the tests and the demo of docferry.
//!
//! S3 and STS on one loopback port, with the signatures, permissions, and
//! refusals of the real ones, and faults on demand. Beside them what a job
//! finds on its host: instance metadata, container credentials, GitHub's
//! tokens, a company's proxy. Where AWS's behaviour is
//! in doubt, the sandbox denies: what passes here should pass there.
//!
//! ```
//! use docferry_sandbox::Sandbox;
//! use serde_json::json;
//!
//! let aws = Sandbox::start();
//! let key = aws
//!     .user("arn:aws:iam::111111111111:user/ci")
//!     .policy(json!({"Version": "2012-10-17", "Statement": [{
//!         "Effect": "Allow",
//!         "Action": "sts:AssumeRole",
//!         "Resource": "arn:aws:iam::222222222222:role/docs-writer"
//!     }]}))
//!     .access_key();
//! aws.role("arn:aws:iam::222222222222:role/docs-writer")
//!     .trust(json!({"Version": "2012-10-17", "Statement": [{
//!         "Effect": "Allow",
//!         "Principal": {"AWS": "arn:aws:iam::111111111111:user/ci"},
//!         "Action": "sts:AssumeRole"
//!     }]}))
//!     .policy(json!({"Version": "2012-10-17", "Statement": [{
//!         "Effect": "Allow",
//!         "Action": "s3:PutObject",
//!         "Resource": "arn:aws:s3:::docs/site/*"
//!     }]}));
//! aws.bucket("docs").owner("222222222222");
//! assert!(key.id.starts_with("AKIA"));
//! assert!(aws.objects("docs").is_empty());
//! ```

#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a mistake of a test's author in setting up the sandbox should stop the test at once"
)]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "most faults concern one place only; the others let them pass"
)]

mod clock;
mod endpoint;
mod fault;
mod gate;
mod identity;
mod journal;
mod load;
mod nearby;
mod oidc;
pub mod policy;
mod s3;
mod sandbox;
mod secrets;
mod server;
mod setup;
mod sigv4;
mod store;
mod sts;
mod text;
mod website;
mod world;

pub use clock::Clock;
pub use fault::{Answer, Fault};
pub use journal::{Record, Requests};
pub use nearby::{ContainerCredentials, GitHubTokens, Metadata, Proxy};
pub use oidc::{Token, jwks};
pub use sandbox::{Builder, Sandbox};
pub use setup::{AccessKey, Bucket, Credentials, KmsKey, OidcProvider, Role, SessionWish, User};
pub use store::{
    Algorithm, Checksum, ChecksumType, Encryption, Object, Ownership, Part, Properties, Upload,
};
