//! Owns the `aws-chunked` framing: chunks, their signatures, and the trailer.
//!
//! A push parser: bytes in, payload out. It keeps no chunk in memory; a chunk
//! is hashed as it passes and its signature checked at its end, so that the
//! caller must not act on the payload before [`Decoder::finish`].
//!
//! Sources: S3 API Reference, "Signature Calculations for the Authorization
//! Header: Transferring Payload in Multiple Chunks (Chunked Upload)", "...
//! Including Trailing Headers (Chunked Upload)".

use bytes::{Buf as _, Bytes, BytesMut};
use sha2::{Digest as _, Sha256};

use crate::text;

use super::{hmac, same, sha256_hex};

/// "The chunk size must be at least 8 KB", but for the last one.
const LEAST_CHUNK: u64 = 8 * 1024;
const MOST_LINE: usize = 16 * 1024;

/// What the chunk signatures are computed with.
#[derive(Debug, Clone)]
pub(crate) struct Signing {
    pub(crate) key: [u8; 32],
    pub(crate) date: String,
    pub(crate) scope: String,
    /// The signature before the next chunk; the first is the header's.
    pub(crate) previous: String,
}

/// Why the framing is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChunkError {
    Signature,
    Malformed,
    MalformedTrailer,
    /// A chunk below 8 KiB that is not the last.
    TooSmall,
    Incomplete,
}

#[derive(Debug)]
enum State {
    Header,
    Data { left: u64 },
    DataEnd,
    Trailer,
    Done,
}

#[derive(Debug)]
pub(crate) struct Decoder {
    state: State,
    buffer: BytesMut,
    signing: Option<Signing>,
    hasher: Sha256,
    chunk_signature: String,
    last_size: Option<u64>,
    /// The trailing headers that `x-amz-trailer` announces.
    announced: Vec<String>,
    trailers: Vec<(String, String)>,
    trailer_text: String,
    trailer_signature: Option<String>,
}

impl Decoder {
    /// `signing` is none for `STREAMING-UNSIGNED-PAYLOAD-TRAILER`.
    pub(crate) fn new(signing: Option<Signing>, announced: Vec<String>) -> Self {
        Self {
            state: State::Header,
            buffer: BytesMut::new(),
            signing,
            hasher: Sha256::new(),
            chunk_signature: String::new(),
            last_size: None,
            announced,
            trailers: Vec::new(),
            trailer_text: String::new(),
            trailer_signature: None,
        }
    }

    /// Takes bytes from the wire and gives the payload among them.
    pub(crate) fn push(&mut self, mut input: Bytes) -> Result<Vec<Bytes>, ChunkError> {
        let mut payload = Vec::new();
        while !input.is_empty() {
            match self.state {
                State::Data { left } => {
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    let data = input.split_to(take);
                    if self.signing.is_some() {
                        self.hasher.update(&data);
                    }
                    let left = left - take as u64;
                    payload.push(data);
                    self.state = if left == 0 {
                        self.end_chunk()?;
                        State::DataEnd
                    } else {
                        State::Data { left }
                    };
                }
                State::Header | State::DataEnd | State::Trailer => {
                    let Some(line) = self.line(&mut input)? else {
                        break;
                    };
                    self.take_line(&line)?;
                }
                State::Done => return Err(ChunkError::Malformed),
            }
        }
        Ok(payload)
    }

    /// Ends the body; gives the trailing headers.
    pub(crate) fn finish(self) -> Result<Vec<(String, String)>, ChunkError> {
        match self.state {
            State::Done => Ok(self.trailers),
            State::Header | State::Data { .. } | State::DataEnd | State::Trailer => {
                Err(ChunkError::Incomplete)
            }
        }
    }

    /// One line, without its CRLF, once all of it is there.
    fn line(&mut self, input: &mut Bytes) -> Result<Option<String>, ChunkError> {
        let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
            self.buffer.extend_from_slice(input);
            input.advance(input.len());
            if self.buffer.len() > MOST_LINE {
                return Err(ChunkError::Malformed);
            }
            return Ok(None);
        };
        self.buffer.extend_from_slice(&input.split_to(end + 1));
        let line = self.buffer.split();
        let text = line
            .strip_suffix(b"\r\n")
            .and_then(|line| std::str::from_utf8(line).ok())
            .ok_or(ChunkError::Malformed)?;
        Ok(Some(text.to_owned()))
    }

    fn take_line(&mut self, line: &str) -> Result<(), ChunkError> {
        match self.state {
            State::Header => self.header(line),
            State::DataEnd if line.is_empty() => {
                self.state = State::Header;
                Ok(())
            }
            State::Trailer => self.trailer(line),
            State::DataEnd | State::Data { .. } | State::Done => Err(ChunkError::Malformed),
        }
    }

    fn header(&mut self, line: &str) -> Result<(), ChunkError> {
        let (size, signature) = match line.split_once(";chunk-signature=") {
            Some((size, signature)) => (size, Some(signature)),
            None => (line, None),
        };
        let size = u64::from_str_radix(size, 16).map_err(|_| ChunkError::Malformed)?;
        if self.signing.is_some() != signature.is_some() {
            return Err(ChunkError::Malformed);
        }
        if size > 0 && self.last_size.is_some_and(|last| last < LEAST_CHUNK) {
            return Err(ChunkError::TooSmall);
        }
        self.last_size = Some(size);
        signature
            .unwrap_or_default()
            .clone_into(&mut self.chunk_signature);
        self.hasher = Sha256::new();
        if size == 0 {
            self.end_chunk()?;
            self.state = State::Trailer;
        } else {
            self.state = State::Data { left: size };
        }
        Ok(())
    }

    fn end_chunk(&mut self) -> Result<(), ChunkError> {
        let Some(signing) = &mut self.signing else {
            return Ok(());
        };
        let hash = text::hex(&std::mem::take(&mut self.hasher).finalize());
        let string_to_sign = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{}\n{}\n{hash}",
            signing.date,
            signing.scope,
            signing.previous,
            sha256_hex(b"")
        );
        let signature = text::hex(&hmac(&signing.key, string_to_sign.as_bytes()));
        if !same(&signature, &self.chunk_signature) {
            return Err(ChunkError::Signature);
        }
        signing.previous = signature;
        Ok(())
    }

    fn trailer(&mut self, line: &str) -> Result<(), ChunkError> {
        if line.is_empty() {
            return self.end_trailer();
        }
        let (name, value) = line.split_once(':').ok_or(ChunkError::MalformedTrailer)?;
        let name = name.trim().to_ascii_lowercase();
        let value = value.trim();
        if name == "x-amz-trailer-signature" {
            self.trailer_signature = Some(value.to_owned());
            return Ok(());
        }
        if !self.announced.contains(&name) || self.trailer_signature.is_some() {
            return Err(ChunkError::MalformedTrailer);
        }
        self.trailer_text.extend([&name, ":", value, "\n"]);
        self.trailers.push((name, value.to_owned()));
        Ok(())
    }

    fn end_trailer(&mut self) -> Result<(), ChunkError> {
        self.state = State::Done;
        if self.announced.is_empty() {
            return Ok(());
        }
        let complete = self
            .announced
            .iter()
            .all(|name| self.trailers.iter().any(|(sent, _)| sent == name));
        if !complete {
            return Err(ChunkError::MalformedTrailer);
        }
        let Some(signing) = &self.signing else {
            return Ok(());
        };
        let string_to_sign = format!(
            "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{}\n{}",
            signing.date,
            signing.scope,
            signing.previous,
            sha256_hex(self.trailer_text.as_bytes())
        );
        let signature = text::hex(&hmac(&signing.key, string_to_sign.as_bytes()));
        match &self.trailer_signature {
            Some(given) if same(&signature, given) => Ok(()),
            Some(_) | None => Err(ChunkError::Signature),
        }
    }
}
