//! Owns the demo's website: what is in a bucket, as a browser sees it.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::server::{BlobBody, Cut, Host, Reply, Resetter, empty, full};
use crate::store::{Bucket, Object};
use crate::text;
use crate::world::lock;

pub(crate) struct Website {
    bucket: Arc<Bucket>,
    prefix: String,
}

impl Website {
    pub(crate) fn new(bucket: Arc<Bucket>, prefix: &str) -> Self {
        Self {
            bucket,
            prefix: prefix.to_owned(),
        }
    }

    fn find(&self, key: &str) -> Option<Arc<Object>> {
        lock(&self.bucket.state).current(key).cloned()
    }

    fn page(&self, path: &str, head: bool) -> Response<Reply> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = String::from_utf8_lossy(&text::percent_decode(path)).into_owned();
        let mut key = format!("{}{path}", self.prefix);
        if key.is_empty() || key.ends_with('/') {
            key.push_str("index.html");
        }
        let Some(object) = self.find(&key) else {
            // A directory without its slash, as web servers treat it.
            if self.find(&format!("{key}/index.html")).is_some() {
                let target = format!("/{}/", text::uri_encode(path.as_bytes(), true));
                return answer(
                    StatusCode::MOVED_PERMANENTLY,
                    &[("location", &target)],
                    empty(),
                );
            }
            return answer(
                StatusCode::NOT_FOUND,
                &[("content-type", "text/plain; charset=utf-8")],
                full("404: there is no such object\n"),
            );
        };
        let properties = &object.properties;
        // "The website then interprets the object as 301 redirect" (S3 User
        // Guide, "(Optional) Configuring a webpage redirect").
        if let Some(location) = &properties.website_redirect_location {
            let headers = [("location", location.as_str())];
            return answer(StatusCode::MOVED_PERMANENTLY, &headers, empty());
        }
        let length = object.size.to_string();
        let mut headers = vec![
            ("content-type", object.content_type()),
            ("content-length", length.as_str()),
        ];
        for (name, value) in [
            ("cache-control", &properties.cache_control),
            ("content-disposition", &properties.content_disposition),
            ("content-encoding", &properties.content_encoding),
            ("content-language", &properties.content_language),
            ("expires", &properties.expires),
        ] {
            headers.extend(value.as_deref().map(|value| (name, value)));
        }
        let etag = format!("\"{}\"", object.etag);
        headers.push(("etag", &etag));
        let body = if head {
            empty()
        } else {
            BlobBody::new(object.blob.clone(), 0, object.size)
                .map_err(Into::into)
                .boxed_unsync()
        };
        answer(StatusCode::OK, &headers, body)
    }
}

fn answer(status: StatusCode, headers: &[(&str, &str)], body: Reply) -> Response<Reply> {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body).unwrap_or_default()
}

impl Host for Website {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        _: SocketAddr,
        _: Resetter,
    ) -> Result<Response<Reply>, Cut> {
        let head = request.method() == Method::HEAD;
        if !head && request.method() != Method::GET {
            return Ok(answer(StatusCode::METHOD_NOT_ALLOWED, &[], empty()));
        }
        Ok(self.page(request.uri().path(), head))
    }
}
