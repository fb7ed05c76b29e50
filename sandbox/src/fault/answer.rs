//! Owns the list of what can go wrong with a request.

use std::time::Duration;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// 503 `SlowDown` (S3), 400 `Throttling` (STS), or 429 (the services beside
    /// a job), without doing the work.
    SlowDown,
    /// 500 `InternalError`, without doing the work.
    InternalError,
    /// This status with a `Retry-After`, without doing the work: 500 with the
    /// code of [`Answer::InternalError`], any other (503, 429) with that of
    /// [`Answer::SlowDown`].
    RetryAfter {
        /// The HTTP status.
        status: u16,
        /// How long the client is asked to wait.
        seconds: u64,
    },
    /// 400 `ExpiredToken` (STS: 403; the services beside a job: 401), without
    /// doing the work.
    ExpiredToken,
    /// 307 `TemporaryRedirect` to this endpoint (`http://host:port`).
    TemporaryRedirect(String),
    /// Any error, without doing the work.
    Error {
        /// The HTTP status.
        status: u16,
        /// The error code.
        code: String,
        /// The message.
        message: String,
    },
    /// Resets the connection before the body is read.
    ResetBeforeBody,
    /// Resets the connection after this many bytes of the body.
    ResetInBody(u64),
    /// Reads the whole body, then resets the connection without doing the work.
    ResetAfterBody,
    /// Does the work, then resets the connection instead of answering.
    ResetAfter,
    /// Waits, then goes on as if nothing were.
    Delay(Duration),
    /// Does the work, then waits before it answers.
    DelayAfter(Duration),
    /// Does the work, but cuts the answer's body in half and then the connection.
    Truncate,
    /// Does the work, but closes the connection after this many bytes of the
    /// answer: a few of them are not even a whole head.
    TruncateAt(u64),
    /// 200 with an `<Error>` of `InternalError` as the body, without doing the
    /// work: as S3 does when `CompleteMultipartUpload` or `CopyObject` fails late.
    ErrorBodyInOk,
    /// Does the work, and yet answers as [`Answer::ErrorBodyInOk`].
    ErrorBodyInOkAfter,
    /// Does the work, and yet answers 500 `InternalError`.
    InternalErrorAfter,
    /// Never answers; the connection stays open.
    Stall,
    /// Does the work, and yet never answers; the connection stays open.
    StallAfter,
    /// Reads this many bytes of the body, then neither reads nor answers.
    StallInBody(u64),
}

impl Answer {
    /// Whether a service that takes small bodies whole breaks off before it has
    /// done anything.
    pub(crate) fn ends_before_work(&self) -> bool {
        matches!(
            self,
            Self::ResetBeforeBody
                | Self::ResetInBody(_)
                | Self::ResetAfterBody
                | Self::StallInBody(_)
        )
    }
}
