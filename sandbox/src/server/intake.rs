//! Owns the receiving of a body: its framing, its hashes, and whether it is
//! what the request's headers say. A body that is not ends in the error that
//! S3 would answer, so that no operation can store it.
//!
//! Source: S3 User Guide, "Checking object integrity for data uploads".

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use md5::Md5;
use sha2::{Digest as _, Sha256};

use crate::sigv4::{ChunkError, Decoder};
use crate::store::{Algorithm, Hasher};
use crate::text;
use crate::world::lock;

use super::reply::AwsError;

/// What a body is to be checked for.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// `aws-chunked` framing, if the body has it.
    pub(crate) decoder: Option<Decoder>,
    /// The hash that `x-amz-content-sha256` gives.
    pub(crate) sha256: Option<String>,
    /// The payload's length: `x-amz-decoded-content-length` or `Content-Length`.
    pub(crate) length: Option<u64>,
    /// `Content-MD5`, decoded.
    pub(crate) md5: Option<Vec<u8>>,
    /// The checksum that the client declares, with its value unless it comes
    /// in the trailer.
    pub(crate) declared: Option<(Algorithm, Option<String>)>,
    /// Also compute what an object's storage needs.
    pub(crate) object: bool,
    /// Cut the connection after this many bytes of the wire.
    pub(crate) reset_at: Option<u64>,
    /// Stop reading after this many bytes of the wire.
    pub(crate) stall_at: Option<u64>,
}

/// What a whole body turned out to be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received {
    pub(crate) md5: [u8; 16],
    pub(crate) sums: Vec<(Algorithm, Vec<u8>)>,
    /// The algorithm that the client chose.
    pub(crate) declared: Option<Algorithm>,
    pub(crate) length: u64,
}

impl Received {
    pub(crate) fn sum(&self, algorithm: Algorithm) -> Option<&[u8]> {
        self.sums
            .iter()
            .find(|(have, _)| *have == algorithm)
            .map(|(_, value)| value.as_slice())
    }
}

/// What outlives the body: the result, and the wire for draining.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) received: Mutex<Option<Received>>,
    pub(crate) rest: Mutex<Option<Incoming>>,
    pub(crate) seen: Mutex<u64>,
    /// Why the body was refused: s3s would turn it into an internal error.
    pub(crate) failure: Mutex<Option<AwsError>>,
}

/// A request's body on its way in.
pub(crate) struct Intake {
    wire: Option<Incoming>,
    shared: Arc<Shared>,
    plan: Plan,
    sha256: Option<Sha256>,
    md5: Option<Md5>,
    hashers: Vec<(Algorithm, Hasher)>,
    wire_bytes: u64,
    payload_bytes: u64,
    queue: VecDeque<Bytes>,
    ended: bool,
}

impl Intake {
    pub(crate) fn new(wire: Incoming, plan: Plan, shared: Arc<Shared>) -> Self {
        let mut wanted: Vec<Algorithm> = plan.declared.iter().map(|(one, _)| *one).collect();
        if plan.object && !wanted.contains(&Algorithm::Crc64Nvme) {
            wanted.push(Algorithm::Crc64Nvme);
        }
        Self {
            wire: Some(wire),
            shared,
            sha256: plan.sha256.is_some().then(Sha256::new),
            md5: (plan.object || plan.md5.is_some()).then(Md5::new),
            hashers: wanted.into_iter().map(|one| (one, one.hasher())).collect(),
            plan,
            wire_bytes: 0,
            payload_bytes: 0,
            queue: VecDeque::new(),
            ended: false,
        }
    }

    fn take(&mut self, data: Bytes) -> Result<(), AwsError> {
        self.wire_bytes += data.len() as u64;
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(&data);
        }
        match &mut self.plan.decoder {
            Some(decoder) => {
                for piece in decoder.push(data).map_err(chunk_error)? {
                    self.payload(piece);
                }
            }
            None => self.payload(data),
        }
        if self
            .plan
            .length
            .is_some_and(|most| self.payload_bytes > most)
        {
            return Err(incomplete());
        }
        Ok(())
    }

    fn payload(&mut self, piece: Bytes) {
        self.payload_bytes += piece.len() as u64;
        if let Some(md5) = &mut self.md5 {
            md5.update(&piece);
        }
        for (_, hasher) in &mut self.hashers {
            hasher.update(&piece);
        }
        self.queue.push_back(piece);
    }

    /// All bytes are in: are they what was announced?
    fn finish(&mut self) -> Result<(), AwsError> {
        let mut trailers = Vec::new();
        if let Some(decoder) = self.plan.decoder.take() {
            trailers = decoder.finish().map_err(chunk_error)?;
        }
        if self
            .plan
            .length
            .is_some_and(|length| length != self.payload_bytes)
        {
            return Err(incomplete());
        }
        if let (Some(expected), Some(sha256)) = (&self.plan.sha256, self.sha256.take()) {
            let computed = text::hex(&sha256.finalize());
            if *expected != computed {
                return Err(AwsError::new(
                    400,
                    "XAmzContentSHA256Mismatch",
                    "The provided 'x-amz-content-sha256' header does not match what was computed.",
                )
                .with("ClientComputedContentSHA256", expected.clone())
                .with("S3ComputedContentSHA256", computed));
            }
        }
        let mut received = Received {
            length: self.payload_bytes,
            declared: self.plan.declared.as_ref().map(|(one, _)| *one),
            ..Received::default()
        };
        if let Some(md5) = self.md5.take() {
            received.md5 = md5.finalize().into();
        }
        if self
            .plan
            .md5
            .as_ref()
            .is_some_and(|given| *given != received.md5)
        {
            return Err(AwsError::new(
                400,
                "BadDigest",
                "The Content-MD5 you specified did not match what we received.",
            )
            .with(
                "ExpectedDigest",
                self.plan.md5.as_deref().map(text::hex).unwrap_or_default(),
            )
            .with("CalculatedDigest", text::base64(&received.md5)));
        }
        for (algorithm, hasher) in std::mem::take(&mut self.hashers) {
            received.sums.push((algorithm, hasher.finish()));
        }
        self.check_declared(&received, &trailers)?;
        *lock(&self.shared.received) = Some(received);
        Ok(())
    }

    fn check_declared(
        &self,
        received: &Received,
        trailers: &[(String, String)],
    ) -> Result<(), AwsError> {
        let Some((algorithm, value)) = &self.plan.declared else {
            return Ok(());
        };
        let value = value.as_deref().or_else(|| {
            trailers
                .iter()
                .find(|(name, _)| name == algorithm.header())
                .map(|(_, value)| value.as_str())
        });
        let given = value
            .and_then(text::unbase64)
            .filter(|bytes| bytes.len() == algorithm.length())
            .ok_or_else(|| invalid_checksum(*algorithm))?;
        if received.sum(*algorithm) != Some(given.as_slice()) {
            return Err(AwsError::new(
                400,
                "BadDigest",
                format!(
                    "The {} you specified did not match the calculated checksum.",
                    algorithm.name()
                ),
            ));
        }
        Ok(())
    }
}

pub(crate) fn invalid_checksum(algorithm: Algorithm) -> AwsError {
    AwsError::new(
        400,
        "InvalidRequest",
        format!("Value for {} header is invalid.", algorithm.header()),
    )
}

fn incomplete() -> AwsError {
    AwsError::new(
        400,
        "IncompleteBody",
        "The request body terminated unexpectedly",
    )
}

fn chunk_error(error: ChunkError) -> AwsError {
    match error {
        ChunkError::Signature => AwsError::new(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        ),
        ChunkError::Malformed | ChunkError::Incomplete => incomplete(),
        ChunkError::MalformedTrailer => AwsError::new(
            400,
            "MalformedTrailerError",
            "The request contained trailing data that was not well-formed or did not conform to our published schema.",
        ),
        ChunkError::TooSmall => AwsError::new(
            403,
            "InvalidChunkSizeError",
            "Only the last chunk is allowed to have a size less than 8192 bytes",
        ),
    }
}

impl Body for Intake {
    type Data = Bytes;
    type Error = AwsError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AwsError>>> {
        loop {
            if let Some(piece) = self.queue.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            if self.plan.reset_at.is_some_and(|at| self.wire_bytes >= at) {
                self.ended = true;
                *lock(&self.shared.failure) = Some(AwsError::cut());
                return Poll::Ready(Some(Err(AwsError::cut())));
            }
            if self.plan.stall_at.is_some_and(|at| self.wire_bytes >= at) {
                return Poll::Pending;
            }
            let Some(wire) = self.wire.as_mut() else {
                self.ended = true;
                return Poll::Ready(None);
            };
            let step = match ready!(Pin::new(wire).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.take(data),
                    Err(_) => Ok(()),
                },
                // The client went away: there is nobody to answer.
                Some(Err(_)) => Err(AwsError::cut()),
                // A fault in the body strikes a shorter body at its end.
                None if self.plan.reset_at.is_some() => Err(AwsError::cut()),
                None if self.plan.stall_at.is_some() => return Poll::Pending,
                None => {
                    self.ended = true;
                    self.finish()
                }
            };
            if let Err(error) = step {
                self.ended = true;
                self.queue.clear();
                *lock(&self.shared.failure) = Some(error.clone());
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.plan
            .length
            .map(SizeHint::with_exact)
            .unwrap_or_default()
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        *lock(&self.shared.seen) = self.payload_bytes;
        *lock(&self.shared.rest) = self.wire.take();
    }
}
