//! Owns the canonical request.

use http::HeaderMap;

use crate::text::{percent_decode, uri_encode};

/// The canonical request of the parts that were sent.
pub(crate) fn canonical_request(
    method: &str,
    canonical_uri: &str,
    query: &str,
    headers: &HeaderMap,
    signed_headers: &[String],
    payload_hash: &str,
) -> String {
    let mut text = format!("{method}\n{canonical_uri}\n{}\n", canonical_query(query));
    for name in signed_headers {
        text.push_str(name);
        text.push(':');
        text.push_str(&canonical_value(headers, name));
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&signed_headers.join(";"));
    text.push('\n');
    text.push_str(payload_hash);
    text
}

/// S3 encodes the path once: decoded as it was sent, then encoded by the book.
pub(crate) fn s3_uri(path: &str) -> String {
    uri_encode(&percent_decode(path), true)
}

fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (
                uri_encode(&percent_decode(name), false),
                uri_encode(&percent_decode(value), false),
            )
        })
        .collect();
    pairs.sort();
    pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("&")
}

/// Trimmed, inner runs of spaces made one, several headers joined by commas.
fn canonical_value(headers: &HeaderMap, name: &str) -> String {
    headers
        .get_all(name)
        .iter()
        .map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            text.split(' ')
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect::<Vec<_>>()
        .join(",")
}
