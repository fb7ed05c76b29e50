//! Owns what is stored: buckets, objects, open uploads, and the bytes.
//! Knows nothing of HTTP or permissions.

mod bucket;
mod checksum;
mod object;
mod spool;

pub(crate) use bucket::{Bucket, BucketConfig, Entry, State};
pub use bucket::{Encryption, Ownership};
pub(crate) use checksum::Hasher;
pub use checksum::{Algorithm, Checksum, ChecksumType};
pub use object::{Object, Part, Properties, Upload};
pub(crate) use spool::{Blob, Spool};
