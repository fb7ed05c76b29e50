//! The manifest as an object of the bucket.

use bytes::Bytes;

use super::own::{self, Desk, Written};
use super::record::{Distrust, Manifest, Row, Seal};
use super::{Place, Unanswered};
use crate::types::Digest;

/// Its name in docferry's own folder.
pub(super) const NAME: &str = "manifest";
/// A packed manifest has about 60 bytes for each object.
const LARGEST: i64 = 128 * 1024 * 1024;

/// The manifest that is there.
#[derive(Debug)]
pub struct Found {
    /// Which version of it this is.
    pub etag: String,
    packed: Option<Bytes>,
}

impl Found {
    /// Gives what it says, which may be believed only if all of it could be read.
    pub fn rows(
        &self,
        place: Place<'_>,
        seal: &Seal,
        take: impl FnMut(Row<'_>),
    ) -> Result<(), Distrust> {
        let manifest = Manifest {
            destination: place.destination,
            seal,
        };
        let packed = self.packed.as_ref().ok_or(Distrust::TooLarge)?;
        manifest.read(packed, take)
    }
}

/// Fetches the manifest, if there is one.
pub async fn read(place: Place<'_>) -> Result<Option<Found>, Unanswered> {
    let own = own::read(place, NAME, LARGEST).await?;
    Ok(own.map(|own| Found {
        etag: own.etag,
        packed: own.bytes,
    }))
}

/// What came of storing the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// It is there.
    Done,
    /// Another run stored its own in the meantime.
    Overtaken,
}

/// Stores a manifest in the place of the version that was read, or of none.
pub async fn store(
    desk: Desk<'_>,
    before: Option<&str>,
    packed: Vec<u8>,
) -> Result<Stored, Unanswered> {
    let packed = Bytes::from(packed);
    let written = own::write(desk, NAME, "application/zstd", before, &packed).await?;
    if written != Written::Refused {
        return Ok(Stored::Done);
    }
    let ours = Digest::of(&packed);
    drop(packed);
    match read(desk.place).await {
        // An answer that got lost was a yes.
        Ok(Some(Found {
            packed: Some(found),
            ..
        })) if Digest::of(&found) == ours => Ok(Stored::Done),
        Ok(_) => Ok(Stored::Overtaken),
        // What is gone is refused, too, to those who may list a prefix only.
        Err(denied) if denied.is_denied() => Ok(Stored::Overtaken),
        Err(unanswered) => Err(unanswered),
    }
}
