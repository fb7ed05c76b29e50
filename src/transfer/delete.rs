//! Deleting what is stale.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use crate::aws::{AwsError, Cause};
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
    let (plain, odd): (Vec<usize>, Vec<usize>) =
        (0..keys.len()).partition(|index| !keys[*index].contains(is_unspeakable));
    let batches = plain.chunks(AT_ONCE).chain(odd.chunks(1));
    deleted.left = keys.len();
    for some in batches {
        if stop.is_requested() {
            break;
        }
        let asked = async {
            match some {
                [one] => delete_one(place, &keys[*one]).await,
                _ => delete_some(place, some, keys).await,
            }
        };
        let answer = tokio::select! {
            biased;
            answer = asked => answer,
            // Nobody knows what becomes of these.
            () = stop.overdue() => break,
        };
        deleted.left -= some.len();
        match answer {
            Ok(refused) => {
                deleted.gone += some.len() - refused.len();
                let refused = refused.into_iter();
                let placed = refused.map(|(index, error)| (index.unwrap_or(some[0]), error));
                deleted.failed.extend(placed);
            }
            // Whoever may not delete the first thousand may not delete the next.
            Err(error) => {
                let all = some.iter();
                deleted
                    .failed
                    .extend(all.map(|index| (*index, error.clone())));
                break;
            }
        }
    }
    deleted
}

/// What XML 1.0 cannot carry, so that no list of keys can have it ("Naming
/// Amazon S3 objects", Amazon S3 User Guide).
fn is_unspeakable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// Those that are refused, by their places if these are known, each once.
type Refused = Vec<(Option<usize>, AwsError)>;

async fn delete_one(place: Place<'_>, key: &str) -> Result<Refused, AwsError> {
    let request = place
        .client
        .delete_object()
        .bucket(place.destination.bucket.as_str())
        .key(place.whole(key))
        .set_expected_bucket_owner(place.owner.map(ToString::to_string));
    let answer = request.send().await;
    answer.map_err(|error| AwsError::from_sdk(&error))?;
    Ok(Vec::new())
}

async fn delete_some(
    place: Place<'_>,
    some: &[usize],
    keys: &[Box<str>],
) -> Result<Refused, AwsError> {
    let unsent =
        |error: &dyn std::error::Error| AwsError::of_ours(Cause::Unsent, error.to_string());
    let whole: BTreeMap<String, usize> = some
        .iter()
        .map(|index| (place.whole(&keys[*index]), *index))
        .collect();
    let objects = whole
        .keys()
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
    // One that fits to no key fails all the same, in nobody's place.
    let mut refused = BTreeMap::new();
    for (number, error) in answer.errors().iter().enumerate() {
        let key = error.key().unwrap_or_default();
        let index = whole.get(key).copied();
        let message = error.message().unwrap_or_default().to_owned();
        let mut reason = AwsError::of_ours(Cause::Answered, message);
        error
            .code()
            .unwrap_or("Unknown")
            .clone_into(&mut reason.code);
        tracing::debug!(
            "not deleted {}: {}",
            printable(key),
            printable(&reason.to_string())
        );
        let number = if index.is_some() { 0 } else { number };
        refused.insert((index, number), reason);
    }
    let refused = refused.into_iter().take(some.len());
    Ok(refused
        .map(|((index, _), reason)| (index, reason))
        .collect())
}
