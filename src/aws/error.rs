//! From the SDK's errors, whose `Display` says "service error", to one that
//! says what happened.

use std::error::Error as StdError;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::Refusal;

/// Who is to blame, as far as the SDK can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The server answered, with an error.
    Answered,
    /// No connection, or one that broke.
    Unreachable,
    /// Nothing came in time.
    TimedOut,
    /// The request could not even be made.
    Unsent,
}

/// What a call to AWS came to when it did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    /// Who is to blame.
    pub cause: Cause,
    /// AWS's code, such as `AccessDenied`, or ours for what never got there.
    pub code: String,
    /// AWS's words.
    pub message: String,
    /// What AWS's support asks for first.
    pub request_id: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The bucket's region, where the answer names it.
    pub region: Option<String>,
    /// Why the credentials could not be had, if that is what failed.
    pub identity: Option<Box<Refusal>>,
    /// Whether an attempt may have been done although nothing said so.
    pub in_doubt: bool,
}

impl AwsError {
    /// Takes an SDK's error apart.
    #[must_use]
    pub fn from_sdk<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let cause = cause_of(error);
        let response = error.raw_response();
        let header = |name: &str| {
            response
                .and_then(|r| r.headers().get(name))
                .map(str::to_owned)
        };
        let metadata = error.as_service_error().map(ProvideErrorMetadata::meta);
        let status = response.map(|response| response.status().as_u16());
        Self {
            cause,
            code: metadata
                .and_then(|meta| meta.code())
                .map(str::to_owned)
                .or_else(|| response.and_then(|response| code_in(response.body().bytes()?)))
                .unwrap_or_else(|| code_of(status, cause)),
            message: metadata
                .and_then(|meta| meta.message())
                .map(str::to_owned)
                // An answer to HEAD has no body, and so no words.
                .or_else(|| Some(format!("HTTP status {}", wordless(response)?)))
                .unwrap_or_else(|| whole_story(error)),
            request_id: header("x-amz-request-id").or_else(|| header("x-amzn-requestid")),
            status,
            in_doubt: false,
            region: header("x-amz-bucket-region"),
            identity: find::<Refusal>(error).map(|refusal| Box::new(refusal.clone())),
        }
    }

    /// An error that no SDK reported.
    #[must_use]
    pub fn of_ours(cause: Cause, message: String) -> Self {
        Self {
            cause,
            code: code_of(None, cause),
            message,
            request_id: None,
            status: None,
            region: None,
            identity: None,
            in_doubt: false,
        }
    }

    /// Whether the server may have done what it was asked for, though it did
    /// not say so.
    #[must_use]
    pub fn may_have_been_done(&self) -> bool {
        let connected = !["connect error", "dns error", "ConnectTimeout"]
            .iter()
            .any(|part| self.message.contains(part));
        matches!(self.cause, Cause::TimedOut | Cause::Unreachable) && connected
    }

    /// The same, where a 5xx counts, too: it says that the server failed, not
    /// that it did nothing. One that asks for less has not begun.
    #[must_use]
    pub fn leaves_doubt(&self) -> bool {
        let failed = self
            .status
            .is_some_and(|status| status == 200 || status >= 500 && status != 503);
        failed || self.may_have_been_done()
    }

    /// Whether the same request may succeed a little later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        let later = self
            .status
            .is_some_and(|status| status >= 500 || status == 429);
        later
            || matches!(self.cause, Cause::TimedOut | Cause::Unreachable)
            || self.is(&["ExpiredToken", "RequestTimeout", "SlowDown"])
    }

    /// Whether the server answered with one of these codes.
    #[must_use]
    pub fn is(&self, codes: &[&str]) -> bool {
        codes.contains(&self.code.as_str())
    }

    /// Whether the job's clock and the server's differ too much.
    #[must_use]
    pub fn is_about_the_clock(&self) -> bool {
        self.is(&["RequestTimeTooSkewed", "RequestExpired"])
    }

    /// Whether the bucket has no Object Lock, which only its words say.
    #[must_use]
    pub fn is_about_object_lock(&self) -> bool {
        self.is(&["InvalidRequest"]) && self.message.contains("Object Lock Configuration")
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        if let Some(status) = self.status.filter(|_| self.code == "Unknown") {
            write!(f, " (HTTP status {status})")?;
        }
        match &self.request_id {
            Some(id) => write!(f, " (request id {id})"),
            None => Ok(()),
        }
    }
}

/// The status of an error without any words.
fn wordless(response: Option<&HttpResponse>) -> Option<u16> {
    let response = response?;
    let empty = response.body().bytes().is_some_and(<[u8]>::is_empty);
    empty.then(|| response.status().as_u16())
}

fn cause_of<E>(error: &SdkError<E, HttpResponse>) -> Cause {
    if error.raw_response().is_some() {
        return Cause::Answered;
    }
    if let SdkError::DispatchFailure(failure) = error {
        return match failure.is_timeout() {
            true => Cause::TimedOut,
            false if failure.is_user() => Cause::Unsent,
            false => Cause::Unreachable,
        };
    }
    if matches!(error, SdkError::TimeoutError(_)) {
        return Cause::TimedOut;
    }
    Cause::Unsent
}

/// The code in an error document that is not shaped as the SDK expects it:
/// servers that are not AWS's answer STS requests as S3 answers its own.
pub(crate) fn code_in(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let plain = !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    plain.then(|| code.to_owned())
}

/// A code of ours where nobody gave one: nothing answered, or a server that is
/// not AWS answered without one.
pub(crate) fn code_of(status: Option<u16>, cause: Cause) -> String {
    match (status, cause) {
        (Some(403), _) => "AccessDenied",
        (Some(503), _) => "ServiceUnavailable",
        (_, Cause::Answered) => "Unknown",
        (_, Cause::Unreachable) => "Unreachable",
        (_, Cause::TimedOut) => "TimedOut",
        (_, Cause::Unsent) => "NotSent",
    }
    .to_owned()
}

/// The innermost errors say the most: "dispatch failure" alone helps nobody.
pub(crate) fn whole_story(error: &(dyn StdError + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if parts.last().is_none_or(|last| !last.contains(&text)) {
            parts.push(text);
        }
        next = error.source();
    }
    parts.join(": ")
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_a_document_of_another_shape() {
        let body = b"<?xml version=\"1.0\"?><Error><Code>NoSuchEntity</Code></Error>";
        assert_eq!(code_in(body).as_deref(), Some("NoSuchEntity"));
        for body in [&b"<Code></Code>"[..], b"<Code>a\nb</Code>", b"{}", b"\xff"] {
            assert_eq!(code_in(body), None);
        }
    }
}
