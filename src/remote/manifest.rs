//! The manifest as an object of the bucket.

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_smithy_types::DateTime;

use super::record::{Distrust, Manifest, Row, Seal};
use super::{Place, Unanswered};
use crate::aws::AwsError;
use crate::rules::ObjectRules;
use crate::transfer::Wire;

/// Its name in docferry's own folder.
pub(super) const NAME: &str = "manifest";
/// A packed manifest has about 60 bytes for each object.
const LARGEST: i64 = 512 * 1024 * 1024;

/// The manifest that is there.
#[derive(Debug)]
pub struct Found {
    /// Which version of it this is.
    pub etag: String,
    /// When it was written, in seconds since 1970 by S3's clock.
    pub written: i64,
    packed: Vec<u8>,
}

/// What came of reading the manifest.
#[derive(Debug)]
pub enum Read {
    /// There is none.
    None,
    /// It is there; whether it can be believed comes out later.
    Found(Found),
}

impl Found {
    /// Gives what it says, which may be believed only if all of it could be read.
    pub fn rows(
        &self,
        place: Place<'_>,
        seal: &Seal,
        take: impl FnMut(Row<'_>),
    ) -> Result<(), Distrust> {
        if self.packed.is_empty() {
            return Err(Distrust::TooLarge);
        }
        let manifest = Manifest {
            destination: place.destination,
            seal,
        };
        manifest.read(&self.packed, take)
    }
}

/// Fetches the manifest.
pub async fn read(place: Place<'_>) -> Result<Read, Unanswered> {
    let key = place.own(NAME);
    let refused = |error: AwsError| Unanswered {
        action: "s3:GetObject",
        url: format!("s3://{}/{key}", place.bucket()),
        error: Box::new(error),
    };
    let request = place.client.get_object().bucket(place.bucket()).key(&key);
    let request = request.set_expected_bucket_owner(place.owner());
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => {
            let error = AwsError::from_sdk(&error);
            return match error.is(&["NoSuchKey"]) {
                true => Ok(Read::None),
                false => Err(refused(error)),
            };
        }
    };
    let etag = answer.e_tag().unwrap_or_default().to_owned();
    let written = answer.last_modified().map_or(i64::MIN, DateTime::secs);
    let packed = body(answer).await.map_err(refused)?;
    Ok(Read::Found(Found {
        etag,
        written,
        packed,
    }))
}

/// Its bytes; none, if there are more than any manifest has.
async fn body(answer: GetObjectOutput) -> Result<Vec<u8>, AwsError> {
    if answer
        .content_length()
        .is_none_or(|length| length > LARGEST)
    {
        return Ok(Vec::new());
    }
    let bytes = answer.body.collect().await.map_err(|error| {
        AwsError::of_ours(
            crate::aws::Cause::Unreachable,
            format!("its body broke off: {error}"),
        )
    })?;
    Ok(bytes.to_vec())
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
    place: Place<'_>,
    wire: &Wire,
    objects: &ObjectRules,
    before: Option<&str>,
    packed: Vec<u8>,
) -> Result<Stored, Unanswered> {
    let key = place.own(NAME);
    let condition = match before {
        Some(etag) => ("if-match", etag),
        None => ("if-none-match", "*"),
    };
    let mut headers = vec![("content-type", "application/zstd"), condition];
    headers.extend(objects.headers_of_own_objects());
    let ours = packed.clone();
    let Err(error) = wire.put_bytes(&key, &headers, packed).await else {
        return Ok(Stored::Done);
    };
    // 404: the version that was read is gone. 409: another one is being stored.
    if !matches!(error.status, Some(404 | 409 | 412)) || error.is(&["NoSuchBucket"]) {
        return Err(Unanswered {
            action: "s3:PutObject",
            url: format!("s3://{}/{key}", place.bucket()),
            error: Box::new(error),
        });
    }
    // An answer that got lost may have been a yes, and then it is ours.
    match read(place).await {
        Ok(Read::Found(found)) if found.packed == ours => Ok(Stored::Done),
        Ok(_) => Ok(Stored::Overtaken),
        // What is gone is refused, too, to those who may list a prefix only.
        Err(denied) if denied.is_denied() => Ok(Stored::Overtaken),
        Err(unanswered) => Err(unanswered),
    }
}
