//! Listing what is under the prefix, in several stretches side by side.
//!
//! Memory: a small record for each file of the source that has its object, and
//! the key of each object that has no file, if those are wanted.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::{EncodingType, Object};
use percent_encoding::percent_decode_str;
use tokio::task::JoinSet;

use super::span::Span;
use super::{Place, Unanswered, manifest};
use crate::aws::{AwsError, Cause};
use crate::plan::{Put, Seen, Strays, is_own};
use crate::transfer::finished;
use crate::types::{ETag, OWN_FOLDER};

/// How many stretches are listed at once.
const SIDE_BY_SIDE: usize = 16;
/// A stretch that goes on after so many pages is parted with those who are done.
const LONG: u32 = 2;

/// What is under the prefix.
#[derive(Debug, Default)]
pub struct Listing {
    /// The objects of the plan's files, in their order.
    pub seen: Vec<Option<Seen>>,
    /// Everything else, if it was wanted.
    pub strays: Strays,
    /// How many objects there are, without docferry's own.
    pub total: usize,
    /// Whether docferry's own record is there.
    pub has_manifest: bool,
}

/// A page, and the stretch that it belongs to.
struct Page {
    number: usize,
    answer: Result<ListObjectsV2Output, AwsError>,
}

/// Lists everything under the prefix. `puts` are sorted by key.
pub async fn list(
    place: Place<'_>,
    puts: &[Put],
    wants_strays: bool,
) -> Result<Listing, Unanswered> {
    let key_of = |index: usize| puts[index].file.key.as_str();
    let mut spans: Vec<Option<Span>> = Span::all(&key_of, puts.len(), SIDE_BY_SIDE)
        .into_iter()
        .map(Some)
        .collect();
    let mut listing = Listing {
        seen: vec![None; puts.len()],
        ..Listing::default()
    };
    let mut under_way = JoinSet::new();
    for (number, span) in spans.iter().enumerate() {
        if let Some(span) = span {
            ask(&mut under_way, place, number, span);
        }
    }
    while let Some(joined) = under_way.join_next().await {
        let page = finished(joined);
        let number = page.number;
        let answer = page.answer.map_err(|error| unanswered(place, error))?;
        if let Some(span) = spans[number].take() {
            let goes_on = listing.add(place, puts, span, &answer, wants_strays);
            spans[number] = goes_on.map_err(|error| unanswered(place, error))?;
        }
        if let Some(span) = &spans[number] {
            ask(&mut under_way, place, number, span);
        }
        while under_way.len() < SIDE_BY_SIDE {
            let Some(half) = longest(&mut spans).and_then(Span::split) else {
                break;
            };
            ask(&mut under_way, place, spans.len(), &half);
            spans.push(Some(half));
        }
    }
    listing.strays.keys.sort_unstable();
    Ok(listing)
}

fn unanswered(place: Place<'_>, error: AwsError) -> Unanswered {
    Unanswered {
        action: "s3:ListBucket",
        url: place.destination.to_string(),
        error: Box::new(error),
    }
}

/// The stretch that has had the most pages and goes on.
fn longest(spans: &mut [Option<Span>]) -> Option<&mut Span> {
    let going_on = spans.iter_mut().flatten();
    let long = going_on.filter(|span| span.pages >= LONG);
    let longest = long.max_by_key(|span| span.pages)?;
    // Its halves begin anew, or the same one would be parted for ever.
    longest.pages = 0;
    Some(longest)
}

fn ask(under_way: &mut JoinSet<Page>, place: Place<'_>, number: usize, span: &Span) {
    let request = place
        .client
        .list_objects_v2()
        .bucket(place.bucket())
        .prefix(place.destination.prefix.as_str())
        // XML cannot carry every key as it is.
        .encoding_type(EncodingType::Url)
        .set_expected_bucket_owner(place.owner())
        // Where a page has ended, S3 knows best; a stretch that has just been
        // parted begins at a key.
        .set_continuation_token(span.token.clone())
        .set_start_after(
            (span.token.is_none() && !span.after.is_empty()).then(|| place.whole(&span.after)),
        );
    under_way.spawn(async move {
        let answer = request.send().await;
        Page {
            number,
            answer: answer.map_err(|error| AwsError::from_sdk(&error)),
        }
    });
}

impl Listing {
    /// Takes a page in, and says where its stretch goes on, if it does.
    fn add(
        &mut self,
        place: Place<'_>,
        puts: &[Put],
        mut span: Span,
        page: &ListObjectsV2Output,
        wants_strays: bool,
    ) -> Result<Option<Span>, AwsError> {
        let encoded = page.encoding_type() == Some(&EncodingType::Url);
        let prefix = place.destination.prefix.as_str();
        for object in page.contents() {
            let Some(whole) = object.key().map(|key| decoded(key, encoded)) else {
                continue;
            };
            // A server that lists what was not asked for is not listened to:
            // nothing outside of the prefix is any of our business.
            let Some(key) = whole.strip_prefix(prefix) else {
                continue;
            };
            // The stretch may have been parted while the page was on its way.
            if !span.holds(key) {
                return Ok(None);
            }
            let is_first = key.is_empty() && span.after.is_empty();
            if is_first || *key > *span.after {
                self.take(puts, key, object, wants_strays);
                key.clone_into(&mut span.after);
            }
        }
        if !page.is_truncated().unwrap_or(false) {
            return Ok(None);
        }
        span.pages += 1;
        let before = span.token.take();
        span.token = page.next_continuation_token().map(str::to_owned);
        if span.token.is_some() && span.token != before {
            return Ok(Some(span));
        }
        // It would be asked for again for ever, and what is missing would be
        // taken for new.
        let message = "the listing says that it goes on, but not where".to_owned();
        Err(AwsError::of_ours(Cause::Answered, message))
    }

    fn take(&mut self, puts: &[Put], key: &str, object: &Object, wants_strays: bool) {
        if is_own(key) {
            self.has_manifest |= key == format!("{OWN_FOLDER}/{}", manifest::NAME);
            return;
        }
        self.total += 1;
        match puts.binary_search_by(|put| put.file.key.as_str().cmp(key)) {
            Ok(index) => self.seen[index] = seen(object),
            Err(_) if wants_strays => self.strays.keys.push(key.into()),
            Err(_) => {}
        }
    }
}

fn seen(object: &Object) -> Option<Seen> {
    Some(Seen {
        etag: ETag::from_server(object.e_tag()?),
        size: u64::try_from(object.size()?).ok()?,
        modified: object.last_modified()?.secs(),
    })
}

/// Keys come in the encoding of forms, where a space is a `+`.
fn decoded(key: &str, encoded: bool) -> String {
    if !encoded {
        return key.to_owned();
    }
    let spaced = key.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_as_forms_are() {
        for (key, encoded, expected) in [
            ("a+b%2Bc%C3%BC/d", true, "a b+cü/d"),
            ("a+b%2B", false, "a+b%2B"),
        ] {
            assert_eq!(decoded(key, encoded), expected);
        }
    }
}
