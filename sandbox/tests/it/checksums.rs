//! Checksums of every kind, in headers and trailers, and framed bodies.

use docferry_sandbox::{Algorithm, ChecksumType};

use crate::client::{Request, Response, send};
use crate::signer::{Seed, hex, hmac, sha256};
use crate::world::{Call, Client, docs, writer};

// Checksums of "123456789", the check values of the algorithms' catalogues,
// in base64.
const BODY: &[u8] = b"123456789";
const KNOWN: [(&str, &str); 5] = [
    ("crc32", "y/Q5Jg=="),
    ("crc32c", "4waSgw=="),
    ("crc64nvme", "rosUhgp5mIg="),
    ("sha1", "98O8HYCOBHMq32eZZczDTKeuNEE="),
    ("sha256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
];
const MD5: &str = "JfnnlDI7RTiF9RgfG2JNCw==";

#[test]
fn given_in_a_header() {
    let aws = docs();
    let client = writer(&aws);
    for (name, value) in KNOWN {
        let header = format!("x-amz-checksum-{name}");
        let put = client
            .put("/docs/a", BODY)
            .header(&header, value)
            .send()
            .ok();
        assert_eq!(put.header(&header), Some(value));
        assert_eq!(put.header("x-amz-checksum-type"), Some("FULL_OBJECT"));
        let object = aws.object("docs", "a").unwrap();
        assert_eq!(object.checksum.value, value);
        assert_eq!(object.checksum.algorithm, Algorithm::find(name).unwrap());
        let head = client
            .s3("HEAD", "/docs/a")
            .header("x-amz-checksum-mode", "ENABLED")
            .send();
        assert_eq!(head.header(&header), Some(value));
        assert!(
            client
                .s3("HEAD", "/docs/a")
                .send()
                .header(&header)
                .is_none()
        );

        let wrong = client
            .put("/docs/bad", b"123456780")
            .header(&header, value)
            .send();
        wrong.refused(
            400,
            "BadDigest",
            &format!(
                "The {} you specified did not match the calculated checksum.",
                name.to_uppercase()
            ),
        );
        let invalid = client.put("/docs/bad", BODY).header(&header, "AAA=").send();
        invalid.refused(
            400,
            "InvalidRequest",
            &format!("Value for {header} header is invalid."),
        );
    }
    assert_eq!(aws.keys("docs"), ["a"]);
}

#[test]
fn computed_if_none_is_given() {
    let aws = docs();
    let client = writer(&aws);
    let put = client.put("/docs/a", BODY).send().ok();
    assert_eq!(put.header("x-amz-checksum-crc64nvme"), Some("rosUhgp5mIg="));
    assert_eq!(
        put.header("etag"),
        Some("\"25f9e794323b453885f5181f1b624d0b\"")
    );
    let checksum = aws.object("docs", "a").unwrap().checksum.clone();
    assert_eq!(checksum.algorithm, Algorithm::Crc64Nvme);
    assert_eq!(checksum.kind, ChecksumType::FullObject);
}

#[test]
fn content_md5() {
    let aws = docs();
    let client = writer(&aws);
    client
        .put("/docs/a", BODY)
        .header("content-md5", MD5)
        .send()
        .ok();
    client
        .put("/docs/b", b"123456780")
        .header("content-md5", MD5)
        .send()
        .refused(
            400,
            "BadDigest",
            "The Content-MD5 you specified did not match what we received.",
        );
    client
        .put("/docs/b", BODY)
        .header("content-md5", "abc")
        .send()
        .refused(
            400,
            "InvalidDigest",
            "The Content-MD5 you specified was invalid.",
        );
    assert_eq!(aws.keys("docs"), ["a"]);
}

#[test]
fn contradictions() {
    let aws = docs();
    let client = writer(&aws);
    client
        .put("/docs/a", BODY)
        .header("x-amz-checksum-crc32", KNOWN[0].1)
        .header("x-amz-checksum-sha1", KNOWN[3].1)
        .send()
        .refused(
            400,
            "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        );
    client
        .put("/docs/a", BODY)
        .header("x-amz-sdk-checksum-algorithm", "CRC32")
        .send()
        .refused(
            400,
            "InvalidRequest",
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
        );
    client
        .put("/docs/a", BODY)
        .without_length()
        .header("transfer-encoding", "chunked")
        .send()
        .refused(
            411,
            "MissingContentLength",
            "You must provide the Content-Length HTTP header.",
        );
    assert!(aws.keys("docs").is_empty());
}

/// A framed body in the making.
struct Framed<'a> {
    client: &'a Client<'a>,
    mode: &'static str,
    chunks: Vec<Vec<u8>>,
    trailer: Option<(&'static str, String)>,
    decoded: Option<usize>,
}

impl Framed<'_> {
    fn send(&self, spoil: impl Fn(&mut Vec<u8>)) -> Response {
        let length: usize = self.chunks.iter().map(Vec::len).sum();
        let mut call = self
            .client
            .put("/docs/framed", b"")
            .header("x-amz-content-sha256", self.mode)
            .header("content-encoding", "gzip")
            .header("content-encoding", "aws-chunked")
            .header(
                "x-amz-decoded-content-length",
                &self.decoded.unwrap_or(length).to_string(),
            );
        if let Some((name, _)) = &self.trailer {
            call = call.header("x-amz-trailer", name);
        }
        let mut request = self.sized(call, length);
        let mut signer = self.client.signer.clone();
        signer.time = self.client.aws.clock().now();
        let seed = signer.sign(&mut request);
        let mut body = self.frame(&seed);
        spoil(&mut body);
        assert_eq!(
            request.get("content-length").unwrap(),
            body.len().to_string()
        );
        request.body = body;
        send(&self.client.address(), &request).unwrap()
    }

    /// The length of the framed body has to be known before it is signed.
    fn sized(&self, call: Call<'_>, _: usize) -> Request {
        let seed = Seed {
            key: vec![0; 32],
            date: String::new(),
            scope: String::new(),
            signature: String::new(),
        };
        let mut request = call.request;
        request.header("content-length", &self.frame(&seed).len().to_string());
        request
    }

    fn frame(&self, seed: &Seed) -> Vec<u8> {
        let signed = !self.mode.contains("UNSIGNED");
        let mut previous = seed.signature.clone();
        let mut body = Vec::new();
        let mut chunks = self.chunks.clone();
        chunks.push(Vec::new());
        for chunk in &chunks {
            let mut head = format!("{:x}", chunk.len());
            if signed {
                previous = hex(&hmac(
                    &seed.key,
                    &format!(
                        "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{previous}\n{}\n{}",
                        seed.date,
                        seed.scope,
                        sha256(b""),
                        sha256(chunk)
                    ),
                ));
                head.push_str(&format!(";chunk-signature={previous}"));
            }
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(b"\r\n");
            if !chunk.is_empty() {
                body.extend_from_slice(chunk);
                body.extend_from_slice(b"\r\n");
            }
        }
        if let Some((name, value)) = &self.trailer {
            body.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
            if signed {
                let signature = hex(&hmac(
                    &seed.key,
                    &format!(
                        "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{previous}\n{}",
                        seed.date,
                        seed.scope,
                        sha256(format!("{name}:{value}\n").as_bytes())
                    ),
                ));
                body.extend_from_slice(
                    format!("x-amz-trailer-signature:{signature}\r\n").as_bytes(),
                );
            }
        }
        body.extend_from_slice(b"\r\n");
        body
    }
}

fn framed<'a>(client: &'a Client<'a>, mode: &'static str) -> Framed<'a> {
    Framed {
        client,
        mode,
        chunks: vec![vec![b'a'; 8192], vec![b'b'; 10]],
        trailer: mode
            .ends_with("TRAILER")
            .then(|| ("x-amz-checksum-crc32", crc32_of_chunks())),
        decoded: None,
    }
}

/// CRC-32 bit by bit, so that nothing here depends on the sandbox's crates.
fn crc32_of_chunks() -> String {
    let mut crc = u32::MAX;
    for byte in std::iter::repeat_n(b'a', 8192).chain(std::iter::repeat_n(b'b', 10)) {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 };
        }
    }
    let [a, b, c, d] = (!crc).to_be_bytes();
    // Base64 of four bytes.
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let pick = |value: u32| char::from(alphabet[(value & 63) as usize]);
    let first = (u32::from(a) << 16) | (u32::from(b) << 8) | u32::from(c);
    let last = u32::from(d) << 16;
    [
        pick(first >> 18),
        pick(first >> 12),
        pick(first >> 6),
        pick(first),
        pick(last >> 18),
        pick(last >> 12),
        '=',
        '=',
    ]
    .iter()
    .collect()
}

const SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

#[test]
fn framed_bodies_are_unframed() {
    for mode in [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER] {
        let aws = docs();
        let client = writer(&aws);
        framed(&client, mode).send(|_| ()).ok();
        let object = aws.object("docs", "framed").unwrap();
        assert_eq!(object.size, 8202);
        assert_eq!(object.bytes()[8190..8194], *b"aabb");
        // The framing is no property of the object.
        assert_eq!(object.properties.content_encoding.as_deref(), Some("gzip"));
        let algorithm = if mode == SIGNED {
            Algorithm::Crc64Nvme
        } else {
            Algorithm::Crc32
        };
        assert_eq!(object.checksum.algorithm, algorithm);
    }
}

#[test]
fn a_changed_chunk_or_trailer_is_refused() {
    let aws = docs();
    let client = writer(&aws);
    let mismatch = "The request signature we calculated";
    for mode in [SIGNED, SIGNED_TRAILER] {
        framed(&client, mode)
            .send(|body| body[5000] = b'x')
            .refused(403, "SignatureDoesNotMatch", mismatch);
        // The last chunk, which is empty, is signed as well.
        framed(&client, mode)
            .send(|body| {
                let at = find(body, b"0;chunk-signature=") + 20;
                body[at] ^= 1;
            })
            .refused(403, "SignatureDoesNotMatch", mismatch);
    }
    framed(&client, SIGNED_TRAILER)
        .send(|body| {
            let at = find(body, b"x-amz-trailer-signature:") + 30;
            body[at] ^= 1;
        })
        .refused(403, "SignatureDoesNotMatch", mismatch);
    framed(&client, UNSIGNED_TRAILER)
        .send(|body| body[5000] = b'x')
        .refused(
            400,
            "BadDigest",
            "The CRC32 you specified did not match the calculated checksum.",
        );
    let mut other = framed(&client, SIGNED_TRAILER);
    other.trailer = Some(("x-amz-checksum-crc32", "AAAAAA==".into()));
    other.send(|_| ()).refused(400, "BadDigest", "The CRC32");
    assert!(aws.keys("docs").is_empty());
}

#[test]
fn framing_is_strict() {
    let aws = docs();
    let client = writer(&aws);
    let mut small = framed(&client, UNSIGNED_TRAILER);
    small.chunks = vec![vec![b'a'; 100], vec![b'b'; 10]];
    small.send(|_| ()).refused(
        403,
        "InvalidChunkSizeError",
        "Only the last chunk is allowed to have a size less than 8192 bytes",
    );
    let mut short = framed(&client, UNSIGNED_TRAILER);
    short.decoded = Some(9000);
    short.send(|_| ()).refused(400, "IncompleteBody", "");
    let mut long = framed(&client, UNSIGNED_TRAILER);
    long.decoded = Some(10);
    long.send(|_| ()).refused(400, "IncompleteBody", "");
    // A trailer comes that was not announced.
    framed(&client, UNSIGNED_TRAILER)
        .send(|body| {
            let at = find(body, b"x-amz-checksum-crc32");
            body[at] = b'y';
        })
        .refused(400, "MalformedTrailerError", "");
    // The trailer that was announced does not come; the body's length stays.
    framed(&client, UNSIGNED_TRAILER)
        .send(|body| {
            let at = find(body, b"0\r\nx-amz-checksum-crc32");
            let removed = body.len() - at - 5;
            body.truncate(at);
            body.splice(0..0, std::iter::repeat_n(b'0', removed));
            body.extend_from_slice(b"0\r\n\r\n");
        })
        .refused(400, "MalformedTrailerError", "");
    client
        .put("/docs/a", b"")
        .header("x-amz-content-sha256", "STREAMING-EVERYTHING")
        .send()
        .refused(400, "InvalidArgument", "x-amz-content-sha256 must be");
    assert!(aws.keys("docs").is_empty());
}

fn find(body: &[u8], what: &[u8]) -> usize {
    body.windows(what.len())
        .position(|window| window == what)
        .unwrap()
}
