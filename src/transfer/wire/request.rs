//! What a request says, before it is signed and sent.

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request};
use percent_encoding::{AsciiSet, utf8_percent_encode};

use super::sign::{Signable, Signer, sha256, stamp};
use crate::aws::Site;
use crate::text::{RESERVED, percent_encoded};
use crate::transfer::checksum::{Algorithm, Checksum};
use crate::transfer::content::Content;

/// In a key, slashes stay.
const KEY: &AsciiSet = &RESERVED.remove(b'/');

/// The header that a checksum goes into, and comes back in.
pub(super) const fn checksum_header(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Crc64Nvme => "x-amz-checksum-crc64nvme",
        Algorithm::Crc32C => "x-amz-checksum-crc32c",
        Algorithm::Md5 => "content-md5",
    }
}

/// A part has no type of its own, but the SDK names this one.
const OCTETS: (&str, &str) = ("content-type", "application/octet-stream");

/// What all requests of a run say alike.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) site: Site,
    pub(super) owner: Option<String>,
    /// Whether the sender pays ("Using Requester Pays general purpose buckets",
    /// Amazon S3 User Guide).
    pub(super) payer: bool,
}

impl Form {
    pub(super) fn put_object<'a>(
        &'a self,
        key: &str,
        headers: &'a [(&'a str, &'a str)],
        content: &Content,
        checksum: &'a Checksum,
    ) -> Draft<'a> {
        let query = "x-id=PutObject".to_owned();
        self.draft(key, query, headers, content, checksum)
    }

    pub(super) fn upload_part<'a>(
        &'a self,
        key: &str,
        upload_id: &str,
        number: i32,
        content: &Content,
        checksum: &'a Checksum,
    ) -> Draft<'a> {
        let id = percent_encoded(upload_id);
        let query = format!("partNumber={number}&uploadId={id}&x-id=UploadPart");
        self.draft(key, query, &[OCTETS], content, checksum)
    }

    fn draft<'a>(
        &'a self,
        key: &str,
        query: String,
        headers: &'a [(&'a str, &'a str)],
        content: &Content,
        checksum: &'a Checksum,
    ) -> Draft<'a> {
        Draft {
            form: self,
            path: format!("{}{}", self.site.base, utf8_percent_encode(key, KEY)),
            query,
            headers,
            length: content.size().to_string(),
            checksum,
            hash: match content {
                Content::Kept(bytes) if !self.site.is_secure() => sha256(bytes),
                // TLS protects it, or it is too long to be read once more.
                Content::Kept(_) | Content::Streamed(_) | Content::Pressed(_) => {
                    "UNSIGNED-PAYLOAD".to_owned()
                }
            },
        }
    }
}

/// A `PUT` that is not tied to a moment or to credentials yet.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    form: &'a Form,
    path: String,
    /// In the order of its names.
    query: String,
    headers: &'a [(&'a str, &'a str)],
    length: String,
    pub(super) checksum: &'a Checksum,
    /// The body's SHA-256, or `UNSIGNED-PAYLOAD`.
    hash: String,
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
            ("host", &self.form.site.host),
            (
                checksum_header(self.checksum.algorithm),
                &self.checksum.base64,
            ),
            ("x-amz-content-sha256", &self.hash),
            ("x-amz-date", &stamp),
        ]);
        let owner = self.form.owner.as_deref();
        headers.extend(owner.map(|id| ("x-amz-expected-bucket-owner", id)));
        let payer = self.form.payer.then_some("requester");
        headers.extend(payer.map(|who| ("x-amz-request-payer", who)));
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
        let uri = format!("{}{}?{}", self.form.site.origin, self.path, self.query);
        let mut request = Request::builder().method(Method::PUT).uri(uri).body(body)?;
        let fields = request.headers_mut();
        fields.reserve(16);
        // The client writes the host itself, as the version of HTTP has it.
        for (name, value) in headers.into_iter().filter(|(name, _)| *name != "host") {
            let value = HeaderValue::from_bytes(value.as_bytes())?;
            fields.append(HeaderName::from_bytes(name.as_bytes())?, value);
        }
        fields.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        fields.insert(AUTHORIZATION, authorization.try_into()?);
        Ok(HttpRequest::try_from(request)?)
    }
}

const AGENT: &str = concat!("docferry/", env!("CARGO_PKG_VERSION"), " app/docferry");
