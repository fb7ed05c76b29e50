//! Compressing a file on its way.
//!
//! Nothing is written to a disk. What a file becomes is counted and kept in
//! memory while it is small; a larger one is compressed a second time as it is
//! sent. The same file always becomes the same bytes, so both times agree, and
//! an unchanged file stays an unchanged object.

use std::io::{self, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_smithy_types::body::SdkBody;
use brotli::enc::backward_references::BrotliEncoderParams;
use bytes::Bytes;
use flate2::write::GzEncoder;
use http_body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use super::checksum::{Algorithm, Checksum, Running};
use super::content::{Content, KEPT, Range, blocking};
use crate::settings::Compression;

/// A file of which another form is sent.
#[derive(Debug, Clone)]
pub(super) struct Pressed {
    range: Range,
    codec: Compression,
    pub(super) length: u64,
    pub(super) checksum: Checksum,
}

/// What a file becomes, unless that is hardly smaller than the file itself.
pub(super) async fn press(
    range: Range,
    codec: Compression,
    algorithm: Algorithm,
) -> io::Result<Option<(Content, Checksum)>> {
    blocking(move || {
        let size = range.end - range.begin;
        let (kept, length, checksum) = measure(&range, codec, algorithm)?;
        if length > size - size / 20 {
            return Ok(None);
        }
        let content = kept.map_or_else(
            || {
                Content::Pressed(Pressed {
                    range,
                    codec,
                    length,
                    checksum: checksum.clone(),
                })
            },
            Content::Kept,
        );
        Ok(Some((content, checksum)))
    })
    .await
}

/// Compresses a file, keeping what comes out only while it is small.
fn measure(
    range: &Range,
    codec: Compression,
    algorithm: Algorithm,
) -> io::Result<(Option<Bytes>, u64, Checksum)> {
    let mut pressing = Pressing::new(range.clone(), codec)?;
    let mut running = Running::new(algorithm);
    let (mut kept, mut length) = (Some(Vec::new()), 0);
    loop {
        let chunk = pressing.next()?;
        if chunk.is_empty() {
            break;
        }
        running.update(&chunk);
        length += chunk.len() as u64;
        kept = kept.filter(|_| length <= KEPT).map(|mut kept| {
            kept.extend_from_slice(&chunk);
            kept
        });
    }
    Ok((kept.map(Bytes::from), length, running.finish()))
}

/// Levels at which a site is compressed in seconds on a CI runner. Zstandard's
/// window stays below the 8 MiB that browsers accept (RFC 9659).
const GZIP: u32 = 9;
const BROTLI: i32 = 9;
const ZSTD: i32 = 12;

/// The binary logarithm of Brotli's window, 64 KiB to 4 MiB.
fn window(size: u64) -> i32 {
    let log = u64::BITS - size.leading_zeros();
    i32::try_from(log.clamp(16, 22)).unwrap_or(22)
}

enum Encoder {
    // Without a name and a time in its header, gzip is deterministic.
    Gzip(GzEncoder<Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    /// Everything was put in and taken out.
    Ended,
}

impl Encoder {
    /// `size` is that of the file: small ones need small tables.
    fn new(codec: Compression, size: u64) -> io::Result<Self> {
        Ok(match codec {
            Compression::Gzip => Self::Gzip(
                flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::new(GZIP)),
            ),
            Compression::Brotli => {
                let params = BrotliEncoderParams {
                    quality: BROTLI,
                    lgwin: window(size),
                    size_hint: usize::try_from(size).unwrap_or(usize::MAX),
                    ..BrotliEncoderParams::default()
                };
                let writer = brotli::CompressorWriter::with_params(Vec::new(), 32 * 1024, &params);
                Self::Brotli(Box::new(writer))
            }
            Compression::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD)?;
                encoder.set_pledged_src_size(Some(size))?;
                Self::Zstd(encoder)
            }
            Compression::Off => {
                return Err(io::Error::other("nothing to compress with"));
            }
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Brotli(encoder) => encoder.write_all(bytes),
            Self::Zstd(encoder) => encoder.write_all(bytes),
            Self::Ended => Ok(()),
        }
    }

    fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Gzip(encoder) => std::mem::take(encoder.get_mut()),
            Self::Brotli(encoder) => std::mem::take(encoder.get_mut()),
            Self::Zstd(encoder) => std::mem::take(encoder.get_mut()),
            Self::Ended => Vec::new(),
        }
    }

    /// What is left in the encoder.
    fn end(&mut self) -> io::Result<Vec<u8>> {
        match std::mem::replace(self, Self::Ended) {
            Self::Gzip(encoder) => encoder.finish(),
            Self::Brotli(encoder) => Ok(encoder.into_inner()),
            Self::Zstd(encoder) => encoder.finish(),
            Self::Ended => Ok(Vec::new()),
        }
    }
}

/// A file that is being compressed.
struct Pressing {
    range: Range,
    encoder: Encoder,
}

impl Pressing {
    fn new(range: Range, codec: Compression) -> io::Result<Self> {
        let encoder = Encoder::new(codec, range.end - range.begin)?;
        Ok(Self { range, encoder })
    }

    /// The next bytes of the compressed form; none at its end.
    fn next(&mut self) -> io::Result<Bytes> {
        loop {
            let Range { begin, end, .. } = self.range;
            if begin == end {
                return self.encoder.end().map(Bytes::from);
            }
            let chunk = self.range.chunk(begin)?;
            self.encoder.write(chunk.as_ref())?;
            self.range.begin += chunk.as_ref().len() as u64;
            let out = self.encoder.take();
            if !out.is_empty() {
                return Ok(out.into());
            }
        }
    }
}

impl Pressed {
    /// A body for one attempt.
    pub(super) fn body(&self) -> SdkBody {
        SdkBody::from_body_1_x(PressedBody {
            left: self.length,
            begin: Some((self.range.clone(), self.codec)),
            pressing: None,
            working: None,
        })
    }
}

type Work = JoinHandle<io::Result<(Pressing, Bytes)>>;

/// A body that is compressed as it is sent.
struct PressedBody {
    left: u64,
    begin: Option<(Range, Compression)>,
    pressing: Option<Pressing>,
    working: Option<Work>,
}

impl PressedBody {
    fn work(&mut self) -> Work {
        let (begin, pressing) = (self.begin.take(), self.pressing.take());
        spawn_blocking(move || {
            let mut pressing = match (pressing, begin) {
                (Some(pressing), _) => pressing,
                (None, Some((range, codec))) => Pressing::new(range, codec)?,
                (None, None) => return Err(io::Error::other("the body has ended")),
            };
            let chunk = pressing.next()?;
            Ok((pressing, chunk))
        })
    }
}

impl Body for PressedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut working = match self.working.take() {
            Some(working) => working,
            None => self.work(),
        };
        let Poll::Ready(done) = Pin::new(&mut working).poll(context) else {
            self.working = Some(working);
            return Poll::Pending;
        };
        let (pressing, chunk) = done.map_err(io::Error::other)??;
        self.pressing = Some(pressing);
        // A file that changed makes another length; what was announced is kept
        // to, and the server refuses the checksum.
        let size = chunk.len() as u64;
        if chunk.is_empty() || size > self.left {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        self.left -= size;
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::Arc;

    use super::*;
    use crate::transfer::buffers::Buffers;

    const CODECS: [Compression; 3] = [Compression::Gzip, Compression::Brotli, Compression::Zstd];

    fn range(bytes: &[u8]) -> Range {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Range {
            file: Arc::new(file),
            buffers: Buffers::default(),
            begin: 0,
            end: bytes.len() as u64,
        }
    }

    fn unpack(codec: Compression, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match codec {
            Compression::Gzip => flate2::read::GzDecoder::new(bytes).read_to_end(&mut out),
            Compression::Brotli => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut out),
            Compression::Zstd => zstd::Decoder::new(bytes).unwrap().read_to_end(&mut out),
            Compression::Off => unreachable!(),
        }
        .unwrap();
        out
    }

    /// Half text, half noise, so that it shrinks but not to nothing.
    fn mixed(size: usize) -> Vec<u8> {
        let mut state = 1_u64;
        (0..size)
            .map(|index| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                if index % 2 == 0 {
                    b'a'
                } else {
                    state.to_be_bytes()[0]
                }
            })
            .collect()
    }

    #[tokio::test]
    async fn what_is_sent_unpacks_to_the_file_and_is_the_same_each_time() {
        for size in [2_000, 300_000, 2_500_000] {
            let bytes = mixed(size);
            for codec in CODECS {
                let pressed = press(range(&bytes), codec, Algorithm::Crc64Nvme);
                let (content, checksum) = pressed.await.unwrap().unwrap();
                let kept = matches!(content, Content::Kept(_));
                let mut sent = Vec::new();
                for _ in 0..2 {
                    let body = content.body();
                    let announced = body.content_length();
                    let stream = aws_smithy_types::byte_stream::ByteStream::new(body);
                    sent = stream.collect().await.unwrap().to_vec();
                    assert_eq!(announced, Some(sent.len() as u64));
                    assert_eq!(Checksum::of(Algorithm::Crc64Nvme, &sent), checksum);
                }
                assert_eq!(kept, sent.len() as u64 <= KEPT, "{codec} {size}");
                assert!(sent.len() < bytes.len() * 19 / 20, "{codec} {size}");
                assert!(unpack(codec, &sent) == bytes, "{codec} {size}");
            }
        }
    }

    #[tokio::test]
    async fn what_does_not_become_smaller_is_left_as_it_is() {
        let noise: Vec<u8> = mixed(40_000).into_iter().skip(1).step_by(2).collect();
        for codec in CODECS {
            let pressed = press(range(&noise), codec, Algorithm::Crc64Nvme);
            assert!(pressed.await.unwrap().is_none(), "{codec}");
        }
    }
}
