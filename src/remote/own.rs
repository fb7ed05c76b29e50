//! docferry's own objects: read as they are, and written on the condition that
//! they are still what was read.

use std::time::Duration;

use aws_smithy_types::DateTime;
use bytes::Bytes;

use super::{Place, Unanswered};
use crate::aws::{AwsError, Cause, ServerTime};
use crate::rules::ObjectRules;
use crate::transfer::Wire;

/// How long the body of an answer may take.
const BODY: Duration = Duration::from_mins(1);
/// How often a write is repeated that met another one ("How to prevent object
/// overwrites with conditional writes", Amazon S3 User Guide: 409).
const CONFLICTS: u32 = 5;

/// An object of docferry's own, as it was read.
#[derive(Debug)]
pub(super) struct Own {
    /// Which version of it this is.
    pub(super) etag: String,
    /// When it was written, in seconds since 1970 by S3's clock.
    pub(super) written: Option<i64>,
    /// When it was read, by the same clock.
    pub(super) read: Option<i64>,
    /// Its bytes; none, if there are more of them than were asked for.
    pub(super) bytes: Option<Bytes>,
}

/// What is needed to write one.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// Where it is.
    pub place: Place<'a>,
    /// What it is written with.
    pub wire: &'a Wire,
    /// How docferry's own objects look.
    pub objects: &'a ObjectRules,
}

/// What came of a conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// It is there, under this tag.
    Done(String),
    /// What was to be replaced is not there any more, or has been replaced; or
    /// an answer got lost, and it is this very write that is there.
    Refused,
}

/// An entity tag for a condition. Some servers compare it as it is, so it goes
/// without its quotes.
fn bare(etag: Option<&str>) -> String {
    etag.unwrap_or_default().trim_matches('"').to_owned()
}

/// Reads an object of at most so many bytes; none if it is not there, as far as
/// S3 tells.
pub(super) async fn read(
    place: Place<'_>,
    name: &str,
    most: i64,
) -> Result<Option<Own>, Unanswered> {
    let key = place.own(name);
    let refused = |error| unanswered(place, "s3:GetObject", name, error);
    let time = ServerTime::default();
    let request = place.client.get_object().bucket(place.bucket()).key(&key);
    let request = request.set_expected_bucket_owner(place.owner()).customize();
    let answer = match request.interceptor(time.clone()).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let error = AwsError::from_sdk(&error);
            return match error.is(&["NoSuchKey"]) {
                true => Ok(None),
                false => Err(refused(error)),
            };
        }
    };
    let mut own = Own {
        etag: bare(answer.e_tag()),
        written: answer.last_modified().map(DateTime::secs),
        read: time.last(),
        bytes: None,
    };
    if answer.content_length().is_some_and(|length| length <= most) {
        // Its length was told, so a body that is too short is an error.
        let body = tokio::time::timeout(BODY, answer.body.collect()).await;
        let broke = |cause, reason: String| refused(AwsError::of_ours(cause, reason));
        let body = body.map_err(|_| broke(Cause::TimedOut, "its body stands still".to_owned()))?;
        let body = body.map_err(|error| broke(Cause::Unreachable, error.to_string()))?;
        own.bytes = Some(body.into_bytes());
    }
    Ok(Some(own))
}

/// Writes an object in the place of this version, or of none.
pub(super) async fn write(
    desk: Desk<'_>,
    name: &str,
    content_type: &str,
    before: Option<&str>,
    bytes: &Bytes,
) -> Result<Written, Unanswered> {
    let key = desk.place.own(name);
    let condition = match before {
        Some(etag) => ("if-match", etag),
        None => ("if-none-match", "*"),
    };
    let mut headers = vec![("content-type", content_type), condition];
    headers.extend(desk.objects.headers_of_own_objects());
    let mut attempt = 1;
    loop {
        let written = desk.wire.put_bytes(&key, &headers, bytes.clone()).await;
        let error = match written {
            Ok(etag) => return Ok(Written::Done(bare(etag.as_deref()))),
            Err(error) => error,
        };
        match error.status {
            Some(409) if attempt < CONFLICTS => {}
            // 404: what was read is gone.
            Some(404 | 409 | 412) if !error.is(&["NoSuchBucket"]) => return Ok(Written::Refused),
            _ => return Err(unanswered(desk.place, "s3:PutObject", name, error)),
        }
        let pause = fastrand::u64(20..=200) * u64::from(attempt);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        attempt += 1;
    }
}

pub(super) fn unanswered(
    place: Place<'_>,
    action: &'static str,
    name: &str,
    error: AwsError,
) -> Unanswered {
    Unanswered {
        action,
        url: format!("s3://{}/{}", place.bucket(), place.own(name)),
        error: Box::new(error),
    }
}
