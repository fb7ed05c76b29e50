//! Deleting what is stale.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use crate::aws::AwsError;
use crate::remote::Place;
use crate::stop::Stop;
use crate::text::printable;

/// How many keys one request takes ("`DeleteObjects`", Amazon S3 API Reference).
const AT_ONCE: usize = 1_000;

/// What came of deleting.
#[derive(Debug, Clone, Default)]
pub struct Deleted {
    /// How many objects are gone.
    pub gone: usize,
    /// Those that are not, by their places in the plan, and why.
    pub failed: Vec<(usize, AwsError)>,
    /// How many were not tried any more, since the run was stopped or refused.
    pub left: usize,
}

/// Deletes objects by their keys relative to the prefix, so that no key outside
/// of it can even be said. In a versioned bucket only markers are made, since
/// no version is named ("Working with delete markers", Amazon S3 User Guide).
pub async fn delete(place: Place<'_>, keys: &[Box<str>], stop: &Stop) -> Deleted {
    let mut deleted = Deleted::default();
    for (number, some) in keys.chunks(AT_ONCE).enumerate() {
        let begin = number * AT_ONCE;
        let answer = match stop.is_requested() {
            true => None,
            false => Some(delete_some(place, some).await),
        };
        match answer {
            Some(Ok(failed)) => {
                deleted.gone += some.len() - failed.len();
                let failed = failed.into_iter();
                deleted
                    .failed
                    .extend(failed.map(|(index, error)| (begin + index, error)));
            }
            // Whoever may not delete the first thousand may not delete the next.
            Some(Err(error)) => {
                let all = (begin..).take(some.len());
                deleted
                    .failed
                    .extend(all.map(|index| (index, error.clone())));
                deleted.left = keys.len() - begin - some.len();
                break;
            }
            None => {
                deleted.left = keys.len() - begin;
                break;
            }
        }
    }
    deleted
}

async fn delete_some(
    place: Place<'_>,
    keys: &[Box<str>],
) -> Result<Vec<(usize, AwsError)>, AwsError> {
    let unsent = |error: &dyn std::error::Error| {
        AwsError::of_ours(crate::aws::Cause::Unsent, error.to_string())
    };
    let whole: Vec<String> = keys
        .iter()
        .map(|key| format!("{}{key}", place.destination.prefix))
        .collect();
    let objects = whole
        .iter()
        .map(|key| ObjectIdentifier::builder().key(key).build());
    let objects = objects
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| unsent(&e))?;
    let list = Delete::builder()
        .set_objects(Some(objects))
        .quiet(true)
        .build();
    let request = place
        .client
        .delete_objects()
        .bucket(place.destination.bucket.as_str())
        .delete(list.map_err(|e| unsent(&e))?)
        .set_expected_bucket_owner(place.owner.map(ToString::to_string));
    let answer = request.send().await.map_err(|e| AwsError::from_sdk(&e))?;
    let failed = answer.errors().iter().filter_map(|error| {
        let key = error.key()?;
        let index = whole.iter().position(|whole| whole == key)?;
        let mut reason = AwsError::of_ours(
            crate::aws::Cause::Answered,
            error.message().unwrap_or_default().to_owned(),
        );
        error
            .code()
            .unwrap_or("Unknown")
            .clone_into(&mut reason.code);
        crate::report::detail!(
            "not deleted {}: {}",
            printable(key),
            printable(&reason.to_string())
        );
        Some((index, reason))
    });
    Ok(failed.collect())
}
