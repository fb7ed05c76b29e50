//! Parsed types: a value of one of these types has been checked, so no later
//! room needs to ask again whether a bucket name or an ARN makes sense.
//!
//! Owns: what a well-formed value is, and what to say about a malformed one.
//! Never: which variable a value came from; that is `settings`' business.

mod account;
mod bucket;
mod destination;
mod digest;
mod etag;
mod invalid;
mod key;
mod quantity;
mod secret;
mod session;
mod tag;

pub use account::{AccountId, RoleArn, policy_principal};
pub use bucket::BucketName;
pub use destination::{Destination, OWN_FOLDER};
pub use digest::Digest;
pub use etag::ETag;
pub use invalid::Invalid;
pub use key::{KeyPrefix, MAX_KEY_BYTES, ObjectKey};
pub use quantity::{Bytes, parse_duration};
pub use secret::Secret;
pub use session::{ExternalId, SessionName};
pub use tag::SessionTag;
