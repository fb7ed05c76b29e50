//! The website listener of the demo, and the CA of TLS.

use docferry_sandbox::Sandbox;

use crate::client::{Request, send};
use crate::world::{docs, writer};

#[test]
fn objects_are_served_to_browsers() {
    let aws = docs();
    let client = writer(&aws);
    client
        .put("/docs/site/index.html", b"<h1>hi</h1>")
        .header("content-type", "text/html")
        .header("cache-control", "max-age=60")
        .send()
        .ok();
    client.put("/docs/site/a b/index.html", b"x").send().ok();
    client.put("/docs/secret", b"x").send().ok();
    let url = aws.website("docs", "site/");
    let host = url
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    let get = |method: &str, path: &str| {
        let mut request = Request::new(method, path);
        request.header("host", &host);
        send(&host, &request).unwrap()
    };
    let page = get("GET", "/").ok();
    assert_eq!(page.text(), "<h1>hi</h1>");
    assert_eq!(page.header("content-type"), Some("text/html"));
    assert_eq!(page.header("cache-control"), Some("max-age=60"));
    let moved = get("GET", "/a%20b");
    assert_eq!(
        (moved.status, moved.header("location")),
        (301, Some("/a%20b/"))
    );
    get("GET", "/a%20b/").ok();
    assert_eq!(get("GET", "/none").status, 404);
    assert_eq!(get("GET", "/../secret").status, 404);
    assert_eq!(get("PUT", "/x").status, 405);
}

#[test]
fn headers_are_served_as_they_were_put() {
    let aws = docs();
    let client = writer(&aws);
    let headers = [
        ("cache-control", "public, max-age=31536000, immutable"),
        ("content-disposition", "attachment; filename=\"a b.txt\""),
        ("content-encoding", "gzip,br"),
        ("content-language", "de, en"),
        ("content-type", "text/html; charset=utf-8"),
        ("expires", "0"),
    ];
    let mut call = client.put("/docs/a", b"x");
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.send().ok();
    let url = aws.website("docs", "");
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut request = Request::new("GET", "/a");
    request.header("host", host);
    let page = send(host, &request).unwrap().ok();
    for (name, value) in headers {
        assert_eq!(page.header(name), Some(value));
        for method in ["HEAD", "GET"] {
            let read = client.s3(method, "/docs/a").send().ok();
            assert_eq!(read.header(name), Some(value), "{method}");
        }
    }
}

#[test]
fn a_redirect_is_one_on_the_website_only() {
    let aws = docs();
    let client = writer(&aws);
    client
        .put("/docs/old", b"moved")
        .header("x-amz-website-redirect-location", "/new?x=1")
        .send()
        .ok();
    let url = aws.website("docs", "");
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    for method in ["GET", "HEAD"] {
        let mut request = Request::new(method, "/old");
        request.header("host", host);
        let page = send(host, &request).unwrap();
        assert_eq!(
            (page.status, page.header("location")),
            (301, Some("/new?x=1"))
        );
    }
    let object = client.s3("GET", "/docs/old").send().ok();
    assert_eq!(object.text(), "moved");
}

#[test]
fn tls_has_its_own_ca() {
    let aws = Sandbox::builder().tls(true).start();
    assert!(aws.endpoint().starts_with("https://127.0.0.1:"));
    let pem = std::fs::read_to_string(aws.ca_file()).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(docferry_sandbox::jwks().contains("\"kty\":\"RSA\""));
}
