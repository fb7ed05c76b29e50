//! What a request says, before it is signed and sent.

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::sign::{Signable, Signer, stamp};
use crate::transfer::checksum::{Algorithm, Checksum};

/// What stays as it is in a key.
const KEY: &AsciiSet = &QUERY.remove(b'/');
/// What stays as it is in a value of a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The path of a key, as it is sent and signed.
pub(super) fn path(base: &str, key: &str) -> String {
    format!("{base}{}", utf8_percent_encode(key, KEY))
}

/// A value of a query, as it is sent and signed.
pub(super) fn value(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, QUERY)
}

/// The header that a checksum goes into, and comes back in.
pub(super) const fn checksum_header(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Crc64Nvme => "x-amz-checksum-crc64nvme",
        Algorithm::Crc32C => "x-amz-checksum-crc32c",
        Algorithm::Md5 => "content-md5",
    }
}

/// A `PUT` that is not tied to a moment or to credentials yet.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) origin: &'a str,
    pub(super) host: &'a str,
    pub(super) path: String,
    /// In the order of its names.
    pub(super) query: String,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) owner: Option<&'a str>,
    pub(super) length: String,
    pub(super) checksum: &'a Checksum,
    /// The body's SHA-256, or `UNSIGNED-PAYLOAD`.
    pub(super) hash: String,
}

impl Draft<'_> {
    /// Signs it for a moment with credentials.
    pub(super) fn sign(
        &self,
        signer: &Signer,
        credentials: &Credentials,
        at: DateTime,
        body: SdkBody,
    ) -> Result<HttpRequest, BoxError> {
        let stamp = stamp(at);
        let mut headers = Vec::with_capacity(16);
        headers.extend_from_slice(self.headers);
        headers.extend([
            ("content-length", self.length.as_str()),
            ("host", self.host),
            (
                checksum_header(self.checksum.algorithm),
                &self.checksum.base64,
            ),
            ("x-amz-content-sha256", &self.hash),
            ("x-amz-date", &stamp),
        ]);
        headers.extend(self.owner.map(|id| ("x-amz-expected-bucket-owner", id)));
        let token = credentials.session_token();
        headers.extend(token.map(|token| ("x-amz-security-token", token)));
        headers.sort_unstable();
        let signable = Signable {
            method: "PUT",
            path: &self.path,
            query: &self.query,
            headers: &headers,
            payload: &self.hash,
        };
        let authorization = signer.sign(&signable, credentials, &stamp);
        let uri = format!("{}{}?{}", self.origin, self.path, self.query);
        let mut request = Request::builder().method(Method::PUT).uri(uri).body(body)?;
        let fields = request.headers_mut();
        fields.reserve(headers.len() + 2);
        for (name, value) in headers {
            fields.append(HeaderName::from_bytes(name.as_bytes())?, value.parse()?);
        }
        fields.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        fields.insert(AUTHORIZATION, authorization.try_into()?);
        Ok(HttpRequest::try_from(request)?)
    }
}

const AGENT: &str = concat!("docferry/", env!("CARGO_PKG_VERSION"), " app/docferry");
