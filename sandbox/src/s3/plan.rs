//! Owns what a request's headers promise about its body.
//!
//! Sources: S3 API Reference, "Authenticating Requests: Using the
//! Authorization Header" (values of `x-amz-content-sha256`), "PutObject"
//! (checksum headers); S3 User Guide, "Using trailing checksums".

use http::HeaderMap;

use crate::server::{AwsError, Plan};
use crate::sigv4::{Decoder, Signing, Verified};
use crate::store::Algorithm;
use crate::text;

use super::refusal::{invalid_argument, invalid_request};

/// "Objects up to 5 GB in a single PUT."
const MOST_IN_ONE_PUT: u64 = 5 * 1024 * 1024 * 1024;

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The value that the canonical request holds for the payload.
pub(crate) fn payload_hash(headers: &HeaderMap) -> Result<&str, AwsError> {
    let value = header(headers, "x-amz-content-sha256").ok_or_else(|| {
        invalid_request("Missing required header for this request: x-amz-content-sha256")
    })?;
    let known = matches!(
        value,
        "UNSIGNED-PAYLOAD"
            | "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
            | "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
            | "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    );
    let is_hash = value.len() == 64
        && value
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if known || is_hash {
        return Ok(value);
    }
    Err(invalid_argument(
        "x-amz-content-sha256",
        value,
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
    ))
}

/// The plan for a request's body.
pub(crate) fn plan(
    operation: &str,
    headers: &HeaderMap,
    verified: &Verified,
) -> Result<Plan, AwsError> {
    let stores = matches!(operation, "PutObject" | "UploadPart");
    let hash = payload_hash(headers)?;
    let mut plan = Plan {
        object: stores,
        ..Plan::default()
    };
    if hash.starts_with("STREAMING-") {
        let signing = (!hash.contains("UNSIGNED")).then(|| Signing {
            key: verified.signing_key,
            date: verified.date.clone(),
            scope: verified.scope.clone(),
            previous: verified.signature.clone(),
        });
        plan.decoder = Some(Decoder::new(signing, trailers(headers, hash)?));
        plan.length = Some(length(headers, "x-amz-decoded-content-length")?);
    } else if headers.contains_key("content-length") {
        plan.length = Some(length(headers, "content-length")?);
    } else if stores {
        return Err(missing_length());
    }
    if stores && !headers.contains_key("content-length") {
        return Err(missing_length());
    }
    if stores && plan.length.is_some_and(|length| length > MOST_IN_ONE_PUT) {
        return Err(AwsError::new(
            400,
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
        )
        .with("MaxSizeAllowed", MOST_IN_ONE_PUT.to_string()));
    }
    if hash.len() == 64 {
        plan.sha256 = Some(hash.to_owned());
    }
    if let Some(given) = header(headers, "content-md5") {
        let md5 = text::unbase64(given).filter(|bytes| bytes.len() == 16);
        plan.md5 = Some(md5.ok_or_else(|| {
            AwsError::new(
                400,
                "InvalidDigest",
                "The Content-MD5 you specified was invalid.",
            )
            .with("Content-MD5", given)
        })?);
    }
    // On these two the checksum headers speak of the object, not of the body.
    if !matches!(
        operation,
        "CompleteMultipartUpload" | "CreateMultipartUpload" | "CopyObject"
    ) {
        plan.declared = declared(headers)?;
    }
    if operation == "DeleteObjects" && plan.md5.is_none() && plan.declared.is_none() {
        return Err(invalid_request(
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        ));
    }
    Ok(plan)
}

fn missing_length() -> AwsError {
    AwsError::new(
        411,
        "MissingContentLength",
        "You must provide the Content-Length HTTP header.",
    )
}

fn length(headers: &HeaderMap, name: &str) -> Result<u64, AwsError> {
    header(headers, name)
        .and_then(|value| value.parse().ok())
        .ok_or_else(missing_length)
}

/// The trailing headers that `x-amz-trailer` announces.
fn trailers(headers: &HeaderMap, hash: &str) -> Result<Vec<String>, AwsError> {
    let names: Vec<String> = header(headers, "x-amz-trailer")
        .map(|names| {
            names
                .split(',')
                .map(|name| name.trim().to_ascii_lowercase())
                .collect()
        })
        .unwrap_or_default();
    let is_checksum = |name: &String| {
        Algorithm::ALL
            .iter()
            .any(|algorithm| algorithm.header() == name)
    };
    if !names.iter().all(is_checksum) {
        return Err(invalid_request(
            "The value specified in the x-amz-trailer header is not supported",
        ));
    }
    if hash.ends_with("-TRAILER") == names.is_empty() {
        return Err(invalid_request(
            "The x-amz-trailer header does not fit x-amz-content-sha256",
        ));
    }
    Ok(names)
}

fn declared(headers: &HeaderMap) -> Result<Option<(Algorithm, Option<String>)>, AwsError> {
    let mut found = Vec::new();
    for name in headers.keys() {
        let Some(rest) = name.as_str().strip_prefix("x-amz-checksum-") else {
            continue;
        };
        match Algorithm::find(rest) {
            Some(algorithm) => {
                found.push((algorithm, header(headers, name.as_str()).map(str::to_owned)));
            }
            None if matches!(rest, "algorithm" | "mode" | "type") => {}
            None => {
                return Err(invalid_request(format!(
                    "Value for x-amz-checksum-{rest} header is invalid."
                )));
            }
        }
    }
    if let Some(names) = header(headers, "x-amz-trailer") {
        for name in names.split(',') {
            let rest = name.trim().to_ascii_lowercase();
            let rest = rest.strip_prefix("x-amz-checksum-").unwrap_or_default();
            found.extend(Algorithm::find(rest).map(|algorithm| (algorithm, None)));
        }
    }
    if found.len() > 1 {
        return Err(invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        ));
    }
    let found = found.pop();
    if let Some(said) = header(headers, "x-amz-sdk-checksum-algorithm") {
        let said = Algorithm::find(said).ok_or_else(|| {
            invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.")
        })?;
        match &found {
            None => {
                return Err(invalid_request(
                    "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
                ));
            }
            Some((have, _)) if *have != said => {
                return Err(invalid_request(
                    "Value for x-amz-sdk-checksum-algorithm header is invalid.",
                ));
            }
            Some(_) => {}
        }
    }
    Ok(found)
}
