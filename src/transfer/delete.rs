//! Deleting what is stale.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use crate::aws::{AwsError, Cause};
use crate::remote::Place;
use crate::stop::Stop;
use crate::text::printable;

/// How many keys one request takes ("`DeleteObjects`", Amazon S3 API Reference).
const AT_ONCE: usize = 1_000;

/// What became of one object that was to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is there, and nobody was asked to delete it.
    NotTried,
    /// It is gone.
    Gone,
    /// It is there, since S3 refused.
    Refused,
    /// The run was stopped while it was being deleted.
    InDoubt,
}

/// What came of deleting.
#[derive(Debug, Clone, Default)]
pub struct Deleted {
    /// What became of each, in the order of the plan; none if it was not begun.
    pub ends: Vec<End>,
    /// Those that S3 refused, by their places in the plan, and why.
    pub failed: Vec<(usize, AwsError)>,
}

impl Deleted {
    /// How many objects are gone.
    #[must_use]
    pub fn gone(&self) -> usize {
        self.ends.iter().filter(|end| **end == End::Gone).count()
    }

    fn refused(&mut self, index: usize, error: AwsError) {
        self.ends[index] = End::Refused;
        self.failed.push((index, error));
    }
}

/// Deletes objects by their keys relative to the prefix, so that no key outside
/// of it can even be said. In a versioned bucket only markers are made, since
/// no version is named ("Working with delete markers", Amazon S3 User Guide).
pub async fn delete(place: Place<'_>, keys: &[Box<str>], stop: &Stop) -> Deleted {
    let mut deleted = Deleted {
        ends: vec![End::NotTried; keys.len()],
        failed: Vec::new(),
    };
    let (plain, odd): (Vec<usize>, Vec<usize>) =
        (0..keys.len()).partition(|index| !keys[*index].contains(is_unspeakable));
    for some in plain.chunks(AT_ONCE).chain(odd.chunks(1)) {
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
            answer = asked => Some(answer),
            () = stop.overdue() => None,
        };
        let end = match &answer {
            Some(Ok(_)) => End::Gone,
            Some(Err(_)) => End::Refused,
            None => End::InDoubt,
        };
        for index in some {
            deleted.ends[*index] = end;
        }
        match answer {
            Some(Ok(refused)) => {
                for (index, error) in refused {
                    deleted.refused(index.unwrap_or(some[0]), error);
                }
            }
            // Whoever may not delete the first thousand may not delete the next.
            Some(Err(error)) => {
                for index in some {
                    deleted.refused(*index, error.clone());
                }
                break;
            }
            None => break,
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
        .bucket(place.bucket())
        .key(place.whole(key))
        .set_expected_bucket_owner(place.owner());
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
        .bucket(place.bucket())
        .delete(list.map_err(|e| unsent(&e))?)
        .set_expected_bucket_owner(place.owner());
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
        crate::report::detail!(
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
