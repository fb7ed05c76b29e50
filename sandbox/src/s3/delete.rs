//! Owns deletes: one by one, and up to 1,000 at once with an answer per key.
//!
//! Source: S3 API Reference, "DeleteObject", "DeleteObjects".

use s3s::S3Response;
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    Error,
};

use crate::server::AwsError;
use crate::store::Entry;
use crate::text;
use crate::world::lock;

use super::answer::set;
use super::cx::Cx;
use super::refusal;
use super::service::Done;

/// What became of a key.
#[derive(Debug, Default)]
struct Gone {
    version_id: Option<String>,
    marker: bool,
}

pub(crate) fn delete_object(cx: &Cx, _: DeleteObjectInput) -> Done<DeleteObjectOutput> {
    if cx.header("if-match").is_some() {
        return Err(refusal::not_implemented());
    }
    let key = cx.key()?;
    let gone = delete(cx, key, cx.query("versionId"))?;
    let mut headers = http::HeaderMap::new();
    if let Some(version) = &gone.version_id {
        set(&mut headers, "x-amz-version-id", version);
    }
    if gone.marker {
        set(&mut headers, "x-amz-delete-marker", "true");
    }
    let mut response = S3Response::with_headers(DeleteObjectOutput::default(), headers);
    response.status = Some(http::StatusCode::NO_CONTENT);
    Ok(response)
}

fn delete(cx: &Cx, key: &str, version: Option<&str>) -> Result<Gone, AwsError> {
    let action = match version {
        Some(_) => "s3:DeleteObjectVersion",
        None => "s3:DeleteObject",
    };
    cx.allow_on_object(action, key)?;
    let mut state = lock(&cx.bucket.state);
    let Some(version) = version else {
        if !cx.config.versioned {
            state.objects.remove(key);
            return Ok(Gone::default());
        }
        let version_id = text::random_text(text::BASE32, 32);
        state
            .objects
            .entry(key.to_owned())
            .or_default()
            .push(Entry::DeleteMarker {
                version_id: version_id.clone(),
            });
        return Ok(Gone {
            version_id: Some(version_id),
            marker: true,
        });
    };
    let mut marker = false;
    if let Some(versions) = state.objects.get_mut(key) {
        versions.retain(|entry| {
            let this = entry.version_id().unwrap_or("null") == version;
            marker |= this && entry.object().is_none();
            !this
        });
        if versions.is_empty() {
            state.objects.remove(key);
        }
    }
    Ok(Gone {
        version_id: Some(version.to_owned()),
        marker,
    })
}

pub(crate) fn delete_objects(cx: &Cx, input: DeleteObjectsInput) -> Done<DeleteObjectsOutput> {
    let objects = input.delete.objects;
    if objects.is_empty() || objects.len() > 1000 {
        return Err(AwsError::new(
            400,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        ));
    }
    let quiet = input.delete.quiet == Some(true);
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in objects {
        let outcome = if object.key.len() > 1024 {
            Err(AwsError::new(
                400,
                "KeyTooLongError",
                "Your key is too long",
            ))
        } else {
            delete(cx, &object.key, object.version_id.as_deref())
        };
        match outcome {
            Ok(_) if quiet => {}
            Ok(gone) => deleted.push(DeletedObject {
                delete_marker: gone.marker.then_some(true),
                delete_marker_version_id: gone.version_id.filter(|_| gone.marker),
                key: Some(object.key),
                version_id: object.version_id,
            }),
            Err(error) => errors.push(Error {
                code: Some(error.code.into_owned()),
                message: Some(error.message),
                key: Some(object.key),
                version_id: object.version_id,
            }),
        }
    }
    Ok(S3Response::new(DeleteObjectsOutput {
        deleted: (!deleted.is_empty()).then_some(deleted),
        errors: (!errors.is_empty()).then_some(errors),
        request_charged: None,
    }))
}
