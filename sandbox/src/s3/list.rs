//! Owns listings: byte order of UTF-8, pages of 1,000, prefixes, delimiters.
//!
//! Source: S3 API Reference, "ListObjectsV2", "ListObjects".

use std::ops::Bound;

use s3s::S3Response;
use s3s::dto::{
    ChecksumAlgorithm, ChecksumType as ChecksumTypeDto, CommonPrefix, ETag, EncodingType,
    ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output,
    Object as ObjectDto, ObjectStorageClass, Owner,
};

use crate::server::AwsError;
use crate::store::Object;
use crate::text;
use crate::world::lock;

use super::cx::Cx;
use super::multipart::canonical_id;
use super::properties::kind_name;
use super::refusal::invalid_argument;
use super::service::Done;

/// One page of a listing.
#[derive(Debug, Default)]
struct Page {
    objects: Vec<ObjectDto>,
    prefixes: Vec<String>,
    /// The last key or common prefix of a page that is not the last.
    next: Option<String>,
}

struct Query<'a> {
    prefix: &'a str,
    delimiter: Option<&'a str>,
    /// Names up to and with this one are left out.
    after: &'a str,
    most: usize,
    encode: bool,
    owners: bool,
}

fn most(given: Option<i32>) -> Result<usize, AwsError> {
    let given = given.unwrap_or(1000);
    usize::try_from(given)
        .map(|most| most.min(1000))
        .map_err(|_| {
            invalid_argument(
                "max-keys",
                &given.to_string(),
                "Argument maxKeys must be an integer between 0 and 2147483647",
            )
        })
}

fn encoding(given: Option<&EncodingType>) -> Result<bool, AwsError> {
    match given.map(EncodingType::as_str) {
        None => Ok(false),
        Some("url") => Ok(true),
        Some(other) => Err(invalid_argument(
            "encoding-type",
            other,
            "Invalid Encoding Method specified in Request",
        )),
    }
}

pub(crate) fn list_objects_v2(cx: &Cx, input: ListObjectsV2Input) -> Done<ListObjectsV2Output> {
    cx.allow_on_bucket("s3:ListBucket")?;
    let encode = encoding(input.encoding_type.as_ref())?;
    let most = most(input.max_keys)?;
    let after = match &input.continuation_token {
        Some(token) => text::unbase64_url(token)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| Some(text.strip_prefix("after:")?.to_owned()))
            .ok_or_else(|| {
                invalid_argument(
                    "continuation-token",
                    token,
                    "The continuation token provided is incorrect",
                )
            })?,
        None => input.start_after.clone().unwrap_or_default(),
    };
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().filter(|text| !text.is_empty());
    let page = page(
        cx,
        &Query {
            prefix: &prefix,
            delimiter: delimiter.as_deref(),
            after: &after,
            most,
            encode,
            owners: input.fetch_owner == Some(true),
        },
    );
    let shown = |text: String| if encode { encoded(&text) } else { text };
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(cx.bucket.name.clone()),
        prefix: Some(shown(prefix)),
        max_keys: i32::try_from(most).ok(),
        key_count: i32::try_from(page.objects.len() + page.prefixes.len()).ok(),
        continuation_token: input.continuation_token,
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page
            .next
            .map(|last| text::base64_url(format!("after:{last}").as_bytes())),
        contents: (!page.objects.is_empty()).then_some(page.objects),
        common_prefixes: common(page.prefixes),
        delimiter: delimiter.map(shown),
        encoding_type: input.encoding_type,
        start_after: input.start_after.map(shown),
        ..ListObjectsV2Output::default()
    }))
}

pub(crate) fn list_objects(cx: &Cx, input: ListObjectsInput) -> Done<ListObjectsOutput> {
    cx.allow_on_bucket("s3:ListBucket")?;
    let encode = encoding(input.encoding_type.as_ref())?;
    let most = most(input.max_keys)?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().filter(|text| !text.is_empty());
    let marker = input.marker.clone().unwrap_or_default();
    let page = page(
        cx,
        &Query {
            prefix: &prefix,
            delimiter: delimiter.as_deref(),
            after: &marker,
            most,
            encode,
            owners: true,
        },
    );
    let shown = |text: String| if encode { encoded(&text) } else { text };
    Ok(S3Response::new(ListObjectsOutput {
        name: Some(cx.bucket.name.clone()),
        prefix: Some(shown(prefix)),
        marker: Some(shown(marker)),
        max_keys: i32::try_from(most).ok(),
        is_truncated: Some(page.next.is_some()),
        // "This element is returned only if you have the delimiter request
        // parameter specified."
        next_marker: page.next.filter(|_| delimiter.is_some()).map(shown),
        contents: (!page.objects.is_empty()).then_some(page.objects),
        common_prefixes: common(page.prefixes),
        delimiter: delimiter.map(shown),
        encoding_type: input.encoding_type,
        ..ListObjectsOutput::default()
    }))
}

fn common(prefixes: Vec<String>) -> Option<Vec<CommonPrefix>> {
    (!prefixes.is_empty()).then(|| {
        prefixes
            .into_iter()
            .map(|prefix| CommonPrefix {
                prefix: Some(prefix),
            })
            .collect()
    })
}

fn page(cx: &Cx, query: &Query<'_>) -> Page {
    let mut page = Page::default();
    let mut last: Option<String> = None;
    let mut group: Option<String> = None;
    // A token that is a common prefix stands for all keys below it.
    if query.delimiter.is_some_and(|delimiter| {
        query.after.len() > query.prefix.len() && query.after.ends_with(delimiter)
    }) {
        group = Some(query.after.to_owned());
    }
    let start = if query.after >= query.prefix {
        Bound::Excluded(query.after.to_owned())
    } else {
        Bound::Included(query.prefix.to_owned())
    };
    let state = lock(&cx.bucket.state);
    for (key, versions) in state.objects.range::<String, _>((start, Bound::Unbounded)) {
        if !key.starts_with(query.prefix) {
            break;
        }
        let Some(object) = versions.last().and_then(|entry| entry.object()) else {
            continue;
        };
        if group.as_ref().is_some_and(|group| key.starts_with(group)) {
            continue;
        }
        let below = query.delimiter.and_then(|delimiter| {
            let rest = &key[query.prefix.len()..];
            let end = rest.find(delimiter)? + delimiter.len();
            Some(key[..query.prefix.len() + end].to_owned())
        });
        if page.objects.len() + page.prefixes.len() >= query.most {
            // "max-keys=0" gives an empty page that is the last.
            page.next = last;
            break;
        }
        match below {
            Some(prefix) => {
                page.prefixes.push(if query.encode {
                    encoded(&prefix)
                } else {
                    prefix.clone()
                });
                last = Some(prefix.clone());
                group = Some(prefix);
            }
            None => {
                page.objects.push(listed(object, query));
                last = Some(key.clone());
            }
        }
    }
    page
}

fn listed(object: &Object, query: &Query<'_>) -> ObjectDto {
    ObjectDto {
        key: Some(if query.encode {
            encoded(&object.key)
        } else {
            object.key.clone()
        }),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        size: i64::try_from(object.size).ok(),
        last_modified: Some(object.last_modified.into()),
        storage_class: Some(ObjectStorageClass::from(
            object
                .properties
                .storage_class
                .clone()
                .unwrap_or_else(|| "STANDARD".to_owned()),
        )),
        checksum_algorithm: Some(vec![ChecksumAlgorithm::from_static(
            object.checksum.algorithm.name(),
        )]),
        checksum_type: Some(ChecksumTypeDto::from_static(kind_name(
            object.checksum.kind,
        ))),
        owner: query.owners.then(|| Owner {
            display_name: None,
            id: Some(canonical_id(&object.owner)),
        }),
        ..ObjectDto::default()
    }
}

/// `encoding-type=url`: form encoding, with `/` as it is.
fn encoded(text: &str) -> String {
    text::uri_encode(text.as_bytes(), true)
        .replace("%20", "+")
        .replace("%2A", "*")
        .replace('~', "%7E")
}
