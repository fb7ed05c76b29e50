//! Owns the shapes that answers have: errors, bodies, request ids.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};

use crate::store::Blob;
use crate::text;

pub(crate) type StdError = Box<dyn Error + Send + Sync + 'static>;
pub(crate) type Reply = UnsyncBoxBody<Bytes, StdError>;

/// The connection is to be cut instead of answering.
#[derive(Debug)]
pub(crate) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is cut by a fault")
    }
}

impl Error for Cut {}

/// An error as AWS answers it; each service renders it its own way.
#[derive(Debug, Clone)]
pub(crate) struct AwsError {
    pub(crate) status: StatusCode,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    /// More elements of S3's `<Error>`.
    pub(crate) extra: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Not an answer at all: the connection is cut.
    pub(crate) cut: bool,
}

impl AwsError {
    pub(crate) fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            code: code.into(),
            message: message.into(),
            extra: Vec::new(),
            headers: Vec::new(),
            cut: false,
        }
    }

    /// No answer: the connection goes down.
    pub(crate) fn cut() -> Self {
        Self {
            cut: true,
            ..Self::new(500, "Cut", "the connection is cut by a fault")
        }
    }

    pub(crate) fn with(mut self, element: &'static str, value: impl Into<String>) -> Self {
        self.extra.push((element, value.into()));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl Error for AwsError {}

pub(crate) fn full(bytes: impl Into<Bytes>) -> Reply {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

pub(crate) fn empty() -> Reply {
    full(Bytes::new())
}

/// A request id of the shape that S3 uses.
pub(crate) fn new_request_id() -> String {
    text::random_text(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ", 16)
}

/// A range of a stored body on its way out.
#[derive(Debug)]
pub(crate) struct BlobBody {
    blob: Blob,
    at: u64,
    end: u64,
}

impl BlobBody {
    const PIECE: u64 = 128 * 1024;

    pub(crate) fn new(blob: Blob, from: u64, length: u64) -> Self {
        Self {
            blob,
            at: from,
            end: from + length,
        }
    }
}

impl Body for BlobBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let left = self.end - self.at;
        if left == 0 {
            return Poll::Ready(None);
        }
        let piece = self.blob.read(self.at, left.min(Self::PIECE));
        Poll::Ready(Some(piece.map(|bytes| {
            self.at += bytes.len() as u64;
            Frame::data(bytes)
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.at == self.end
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.end - self.at)
    }
}
