//! A client of the plainest kind: one connection for each request, so that
//! tests see every byte.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::signer::encode;

/// A request in the making.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Encoded, as it goes over the wire.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn header(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.headers
            .iter()
            .find(|(have, _)| have == name)
            .map(|(_, value)| value.clone())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.wire("connection: close\r\n")
    }

    fn wire(&self, connection: &str) -> Vec<u8> {
        let query = self
            .query
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name, false), encode(value, false)))
            .collect::<Vec<_>>()
            .join("&");
        let target = if query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{query}", self.path)
        };
        let mut text = format!("{} {target} HTTP/1.1\r\n", self.method);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(connection);
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(have, _)| have == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The text of the first such XML element.
    pub(crate) fn element(&self, name: &str) -> Option<String> {
        let text = self.text();
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    }

    /// The texts of all such XML elements.
    pub(crate) fn elements(&self, name: &str) -> Vec<String> {
        self.text()
            .split(&format!("<{name}>"))
            .skip(1)
            .filter_map(|rest| Some(rest.split_once(&format!("</{name}>"))?.0.to_owned()))
            .collect()
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!(
            (200..300).contains(&self.status),
            "{} {}",
            self.status,
            self.text()
        );
        self
    }

    /// Asserts a refusal: status, code, and the message's beginning.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str, message: &str) {
        let text = self.text();
        assert_eq!(
            (self.status, self.element("Code").as_deref()),
            (status, Some(code)),
            "{text}"
        );
        let said = self.element("Message").unwrap_or_default();
        let said = said.replace("&quot;", "\"").replace("&apos;", "'");
        assert!(said.starts_with(message), "{said:?}");
        assert!(self.element("RequestId").is_some_and(|id| id.len() >= 16));
    }
}

/// Sends a request; an error is a connection that was cut.
pub(crate) fn send(address: &str, request: &Request) -> std::io::Result<Response> {
    send_bytes(address, &request.bytes(), request.method == "HEAD")
}

pub(crate) fn send_bytes(address: &str, bytes: &[u8], head: bool) -> std::io::Result<Response> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    // The server may answer before it has read everything.
    let sent = stream.write_all(bytes);
    let mut all = Vec::new();
    let read = stream.read_to_end(&mut all);
    if all.is_empty() {
        sent?;
        read?;
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    parse(&all, head)
}

/// A connection for one request after the other.
#[derive(Debug)]
pub(crate) struct KeptAlive(TcpStream);

impl KeptAlive {
    pub(crate) fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Self(stream)
    }

    /// Sends a request and reads all that comes until the connection ends.
    pub(crate) fn send_raw(&mut self, request: &Request) -> (Vec<u8>, std::io::Result<usize>) {
        self.0.write_all(&request.wire("")).unwrap();
        self.wait()
    }

    /// Reads until the server ends the connection.
    pub(crate) fn wait(&mut self) -> (Vec<u8>, std::io::Result<usize>) {
        let mut all = Vec::new();
        let end = self.0.read_to_end(&mut all);
        (all, end)
    }

    /// Sends a request and reads its answer, which has to tell its length.
    pub(crate) fn send(&mut self, request: &Request) -> std::io::Result<Response> {
        self.0.write_all(&request.wire(""))?;
        let mut all = Vec::new();
        let mut piece = [0; 16 * 1024];
        loop {
            let n = self.0.read(&mut piece)?;
            if n == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            all.extend_from_slice(&piece[..n]);
            if let Ok(response) = parse(&all, request.method == "HEAD") {
                return Ok(response);
            }
        }
    }
}

pub(crate) fn parse(all: &[u8], head: bool) -> std::io::Result<Response> {
    let cut = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let end = all
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or_else(cut)?;
    let text = String::from_utf8_lossy(&all[..end]).into_owned();
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .ok_or_else(cut)?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut response = Response {
        status,
        headers,
        body: all[end + 4..].to_vec(),
    };
    if response.header("transfer-encoding") == Some("chunked") {
        response.body = unchunk(&response.body).ok_or_else(cut)?;
    } else if let Some(length) = response.header("content-length")
        && !head
        && status != 304
        && length.parse::<usize>().unwrap() != response.body.len()
    {
        return Err(cut());
    }
    Ok(response)
}

fn unchunk(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).ok()?, 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(body.get(end + 2..end + 2 + size)?);
        body = body.get(end + 4 + size..)?;
    }
}
