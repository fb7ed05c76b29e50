//! Open uploads that nobody will complete any more.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::types::MultipartUpload;

use crate::aws::AwsError;
use crate::identity::Writer;
use crate::text::{count, printable, shell_word};
use crate::types::{AccountId, Destination};

/// Whose uploads are removed, and where.
#[derive(Debug)]
pub struct Stale<'a> {
    /// Below which prefix.
    pub destination: &'a Destination,
    /// Which account must own the bucket.
    pub owner: Option<&'a AccountId>,
    /// Who writes.
    pub writer: &'a Writer,
    /// The time.
    pub now: SystemTime,
    /// How old an upload must be.
    pub age: Duration,
}

/// Removes open uploads under the prefix that this writer began long ago; those
/// of others are left alone. What cannot be removed stops nothing: the files
/// are what the run is for.
pub async fn abort_stale_uploads(client: &aws_sdk_s3::Client, stale: &Stale<'_>) {
    let (mut aborted, mut others) = (0, 0);
    let mut from = Some((None, None));
    while let Some((key, id)) = from.take() {
        let asked = Some((key.clone(), id.clone()));
        let page = match list(client, stale, key, id).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(
                    "open uploads cannot be listed ({}): DOCFERRY_ABORT_STALE_UPLOADS needs \
                     s3:ListBucketMultipartUploads on the bucket",
                    printable(&error.to_string())
                );
                return;
            }
        };
        for upload in page.uploads().iter().filter(|u| is_old(u, stale)) {
            match is_own(upload, stale.writer) {
                true => aborted += usize::from(abort(client, stale, upload).await),
                false => others += 1,
            }
        }
        let next = (
            page.next_key_marker.clone(),
            page.next_upload_id_marker.clone(),
        );
        // A server that does not go on would be asked for ever.
        let goes_on = page.is_truncated().unwrap_or(false) && Some(&next) != asked.as_ref();
        from = goes_on.then_some(next);
    }
    if aborted > 0 {
        tracing::info!(
            "removed    {} that nobody completed",
            count(aborted, "open upload")
        );
    }
    if others > 0 {
        tracing::info!(
            "left       {} of others alone",
            count(others, "open upload")
        );
    }
}

async fn list(
    client: &aws_sdk_s3::Client,
    stale: &Stale<'_>,
    key: Option<String>,
    id: Option<String>,
) -> Result<ListMultipartUploadsOutput, AwsError> {
    let request = client
        .list_multipart_uploads()
        .bucket(stale.destination.bucket.as_str())
        .prefix(stale.destination.prefix.as_str())
        .set_expected_bucket_owner(stale.owner.map(ToString::to_string))
        .set_key_marker(key)
        .set_upload_id_marker(id);
    let answer = request.send().await;
    answer.map_err(|error| AwsError::from_sdk(&error))
}

fn is_old(upload: &MultipartUpload, stale: &Stale<'_>) -> bool {
    let begun = upload.initiated().map(|at| SystemTime::try_from(*at));
    let age = begun.and_then(|at| stale.now.duration_since(at.ok()?).ok());
    age.is_some_and(|age| age > stale.age)
}

/// Sessions of one role are one writer, whatever they are called.
fn is_own(upload: &MultipartUpload, writer: &Writer) -> bool {
    let initiator = upload.initiator().and_then(|initiator| initiator.id());
    let (Some(initiator), Some(caller)) = (initiator, &writer.caller) else {
        return false;
    };
    let session = |arn: &str| {
        let (role, _) = arn.rsplit_once('/')?;
        arn.contains(":assumed-role/").then(|| role.to_owned())
    };
    match (session(initiator), session(&caller.arn)) {
        (Some(one), Some(other)) => one == other,
        _ => initiator == caller.arn,
    }
}

async fn abort(client: &aws_sdk_s3::Client, stale: &Stale<'_>, upload: &MultipartUpload) -> bool {
    let (key, id) = (upload.key().unwrap_or_default(), upload.upload_id());
    let request = client
        .abort_multipart_upload()
        .bucket(stale.destination.bucket.as_str())
        .key(key)
        .set_upload_id(id.map(str::to_owned))
        .set_expected_bucket_owner(stale.owner.map(ToString::to_string));
    match request.send().await {
        Ok(_) => true,
        Err(error) => {
            let error = AwsError::from_sdk(&error);
            // Somebody was faster.
            if error.is(&["NoSuchUpload"]) {
                return false;
            }
            tracing::warn!(
                "the open upload of {} cannot be removed: {}",
                shell_word(key),
                printable(&error.to_string())
            );
            false
        }
    }
}
