//! The forward proxy, and AWS's host names through it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use docferry_sandbox::{Proxy, Sandbox};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::{Request, Response, parse, send_bytes};
use crate::world::{CI, Client, docs, sts_request, writer};

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.url().trim_start_matches("http://")).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

/// Asks for a tunnel: the status, the head, and the stream behind it.
fn tunnel(proxy: &Proxy, target: &str, more: &str) -> (u16, String, TcpStream) {
    let mut stream = connect(proxy);
    let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{more}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, stream)
}

fn through_tls(aws: &Sandbox, stream: TcpStream, name: &str, bytes: &[u8]) -> Option<Response> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(aws.ca_file()).unwrap();
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(bytes).ok()?;
    let mut all = Vec::new();
    // The server closes without a word of TLS.
    let _closed = stream.read_to_end(&mut all);
    parse(&all, false).ok()
}

#[test]
fn aws_names_lead_to_the_sandbox() {
    let aws = Sandbox::builder().tls(true).region("eu-north-1").start();
    let key = aws.user(CI).access_key();
    let proxy = aws
        .proxy()
        .route("sts.eu-north-1.amazonaws.com:443", aws.port());
    let host = "sts.eu-north-1.amazonaws.com";
    let mut request = sts_request(host, "GetCallerIdentity", &[]);
    let mut signer = Client::user(&aws, &key).signer;
    "sts".clone_into(&mut signer.service);
    signer.sign(&mut request);

    let (status, _, stream) = tunnel(&proxy, &format!("{host}:443"), "");
    assert_eq!(status, 200);
    let answer = through_tls(&aws, stream, host, &request.bytes()).unwrap();
    assert_eq!(answer.ok().element("Arn").unwrap(), CI);
    assert_eq!(proxy.seen(), [format!("{host}:443")]);
    // Another port is not routed.
    let (status, _, _) = tunnel(&proxy, &format!("{host}:80"), "");
    assert_eq!(status, 403);
}

#[test]
fn the_certificate_has_awss_names() {
    let aws = Sandbox::builder().tls(true).region("sa-east-1").start();
    let proxy = aws.proxy().route("*", aws.port());
    let good = |name: &str| {
        let (status, _, stream) = tunnel(&proxy, &format!("{name}:443"), "");
        assert_eq!(status, 200);
        let bytes = format!("GET / HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n");
        through_tls(&aws, stream, name, bytes.as_bytes()).is_some()
    };
    for name in [
        "sts.amazonaws.com",
        "s3.amazonaws.com",
        "docs.s3.amazonaws.com",
        "sts.eu-central-1.amazonaws.com",
        "s3.eu-central-1.amazonaws.com",
        "docs.s3.eu-central-1.amazonaws.com",
        "docs.s3.sa-east-1.amazonaws.com",
        "docs.s3-fips.us-west-2.amazonaws.com",
        "s3.dualstack.sa-east-1.amazonaws.com",
        "docs.s3.dualstack.sa-east-1.amazonaws.com",
        "sts.sa-east-1.api.aws",
        "sts.cn-north-1.amazonaws.com.cn",
        "docs.s3.cn-north-1.amazonaws.com.cn",
        "vpce-0a-1.sts.sa-east-1.vpce.amazonaws.com",
        "docs.bucket.vpce-0123456789abcdef0-sandbox1.s3.sa-east-1.vpce.amazonaws.com",
        "run-actions-1.actions.githubusercontent.com",
        "docs.s3.localhost",
    ] {
        assert!(good(name), "{name}");
    }
    // A wildcard stands for one label, for AWS as well.
    for name in [
        "docs.example.s3.sa-east-1.amazonaws.com",
        "sts.ap-south-1.amazonaws.com",
        "sts.example",
    ] {
        assert!(!good(name), "{name}");
    }
}

#[test]
fn plain_http_goes_by_absolute_urls() {
    let aws = docs();
    let client = writer(&aws);
    let proxy = aws
        .proxy()
        .route("docs.s3.us-east-1.amazonaws.com", aws.port());
    let mut request = Request::new("PUT", "/k");
    request.header("host", "docs.s3.us-east-1.amazonaws.com");
    request.header("content-length", "5");
    request.body = b"hello".to_vec();
    client.signer.sign(&mut request);
    let absolute = "http://docs.s3.us-east-1.amazonaws.com/k";
    absolute.clone_into(&mut request.path);
    request.header("proxy-connection", "keep-alive");
    let address = proxy.url().trim_start_matches("http://").to_owned();
    send_bytes(&address, &request.bytes(), false).unwrap().ok();
    assert_eq!(proxy.seen(), [absolute]);
    assert!(aws.object("docs", "k").is_some());
    let requests = aws.requests();
    let record = requests.of("PutObject")[0];
    assert_eq!(record.header("via"), Some("1.1 sandbox"));
    assert_eq!(record.header("proxy-connection"), None);
}

#[test]
fn it_leads_to_loopback_only() {
    let aws = Sandbox::start();
    let proxy = aws.proxy();
    for (target, expected) in [
        (format!("127.0.0.1:{}", aws.port()), 200),
        (format!("localhost:{}", aws.port()), 200),
        (format!("docs.localhost:{}", aws.port()), 200),
        ("127.0.0.1:1".to_owned(), 502),
        ("169.254.169.254:80".to_owned(), 403),
        ("10.0.0.1:443".to_owned(), 403),
        ("[2001:db8::1]:443".to_owned(), 403),
        ("sts.amazonaws.com:443".to_owned(), 403),
    ] {
        let (status, _, _) = tunnel(&proxy, &target, "");
        assert_eq!(status, expected, "{target}");
        assert_eq!(proxy.seen().last(), Some(&target));
    }
    let (status, _, _) = tunnel(&proxy, "localhost", "");
    assert_eq!(status, 400);
    for target in ["/", "https://sts.amazonaws.com/", "http://u:p@localhost/"] {
        let address = proxy.url().trim_start_matches("http://").to_owned();
        let answer = send_bytes(&address, &Request::new("GET", target).bytes(), false).unwrap();
        assert_eq!(answer.status, 400, "{target}");
    }
    assert_eq!(proxy.seen().len(), 8);
}

#[test]
fn it_refuses_and_asks_for_a_password() {
    let aws = Sandbox::start();
    let target = format!("127.0.0.1:{}", aws.port());
    let proxy = aws.proxy().require("ci", "pass word");
    assert!(proxy.url_for("ci", "pass word").contains("ci:pass%20word@"));
    for shown in [
        "",
        "Proxy-Authorization: Basic Y2k6b3RoZXI=\r\n",
        "Proxy-Authorization: Bearer Y2k6cGFzcyB3b3Jk\r\n",
        "Authorization: Basic Y2k6cGFzcyB3b3Jk\r\n",
    ] {
        let (status, head, _) = tunnel(&proxy, &target, shown);
        assert_eq!(status, 407, "{shown}");
        assert!(head.contains("proxy-authenticate: Basic realm="));
    }
    let right = "Proxy-Authorization: basic Y2k6cGFzcyB3b3Jk\r\n";
    assert_eq!(tunnel(&proxy, &target, right).0, 200);
    for status in [403, 407] {
        let proxy = aws.proxy().refuse(status);
        assert_eq!(tunnel(&proxy, &target, right).0, status);
        assert_eq!(proxy.seen(), [target.as_str()]);
    }
    let silent = aws.proxy().stall();
    let mut stream = connect(&silent);
    stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let head = format!("CONNECT {target} HTTP/1.1\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let silence = stream.read(&mut [0]).unwrap_err();
    assert!(matches!(
        silence.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut
    ));
}
