//! Signatures, tokens, clocks, and regions of S3 requests.

use std::time::Duration;

use docferry_sandbox::{Sandbox, SessionWish};

use crate::client::{Request, send};
use crate::world::{CI, Client, WRITER, allow, docs, writer};

#[test]
fn whose_key_it_is() {
    let aws = docs();
    let good = writer(&aws);
    good.put("/docs/a", b"x").send().ok();

    let mut client = writer(&aws);
    client.signer.secret.push('x');
    client.put("/docs/a", b"x").send().refused(
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    );
    let mut client = writer(&aws);
    client.signer.token = None;
    client.put("/docs/a", b"x").send().refused(
        403,
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
    );
    let mut client = writer(&aws);
    client.signer.token = writer(&aws).signer.token;
    client.put("/docs/a", b"x").send().refused(
        400,
        "InvalidToken",
        "The provided token is malformed or otherwise invalid.",
    );
    let key = aws.user(CI).access_key();
    let mut client = Client::user(&aws, &key);
    client.signer.token = Some("left over".into());
    client
        .put("/docs/a", b"x")
        .send()
        .refused(400, "InvalidToken", "The provided token");
    let mut client = writer(&aws);
    client.signer.id = "AKIAIOSFODNN7EXAMPLE".into();
    client
        .put("/docs/a", b"x")
        .send()
        .refused(403, "InvalidAccessKeyId", "The AWS Access Key Id");
    let anonymous = {
        let mut request = Request::new("GET", "/docs/a");
        request.header("host", &good.address());
        send(&good.address(), &request).unwrap()
    };
    anonymous.refused(403, "AccessDenied", "Access Denied");
}

#[test]
fn whatever_is_sent_must_be_what_was_signed() {
    let aws = docs();
    let client = writer(&aws);
    let tampered = |change: fn(&mut Request)| {
        let mut request = client
            .put("/docs/a", b"hello")
            .header("content-type", "text/html")
            .signed();
        change(&mut request);
        send(&client.address(), &request).unwrap()
    };
    tampered(|_| ()).ok();
    tampered(|request| request.path = "/docs/b".into()).refused(403, "SignatureDoesNotMatch", "");
    tampered(|request| request.query.push(("acl".into(), String::new()))).refused(
        403,
        "SignatureDoesNotMatch",
        "",
    );
    tampered(|request| {
        for (name, value) in &mut request.headers {
            if name == "content-type" {
                *value = "text/plain".into();
            }
        }
    })
    .refused(403, "SignatureDoesNotMatch", "");
    tampered(|request| request.body = b"hellx".to_vec()).refused(
        400,
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
    tampered(|request| request.header("x-amz-tagging", "a=b")).refused(
        403,
        "AccessDenied",
        "There were headers present in the request which were not signed",
    );
    assert!(aws.keys("docs") == ["a"]);
}

#[test]
fn a_short_body_is_no_object() {
    let aws = docs();
    let client = writer(&aws);
    let mut request = client.put("/docs/a", b"hello").signed();
    request.body.truncate(3);
    // The client closes before all is sent: no answer, and no object.
    let address = client.address();
    let answer = std::thread::spawn(move || {
        use std::io::Write as _;
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let mut text = format!("PUT {} HTTP/1.1\r\n", request.path);
        for (name, value) in &request.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(text.as_bytes()).unwrap();
        stream.write_all(b"\r\nhel").unwrap();
    });
    answer.join().unwrap();
    client.put("/docs/b", b"x").send().ok();
    assert_eq!(aws.keys("docs"), ["b"]);
}

#[test]
fn time_is_the_sandboxs() {
    let aws = docs();
    let client = writer(&aws);
    let request = client.put("/docs/a", b"x").signed();
    aws.clock().advance(Duration::from_mins(14));
    send(&client.address(), &request).unwrap().ok();
    aws.clock().advance(Duration::from_mins(2));
    send(&client.address(), &request).unwrap().refused(
        403,
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
    );
    // Signed anew by the same clock, all is well until the session ends.
    client.put("/docs/a", b"x").send().ok();
    aws.clock().advance(Duration::from_mins(45));
    let answer = client.put("/docs/a", b"x").send();
    answer.refused(400, "ExpiredToken", "The provided token has expired.");
    let hour = std::time::SystemTime::now() + Duration::from_hours(1);
    aws.clock().set(hour);
    assert!(aws.clock().now() >= hour);
}

#[test]
fn sessions_can_be_ended_at_once() {
    let aws = docs();
    let old = writer(&aws);
    aws.expire_sessions();
    old.put("/docs/a", b"x")
        .send()
        .refused(400, "ExpiredToken", "The provided token has expired.");
    writer(&aws).put("/docs/a", b"x").send().ok();
}

#[test]
fn regions() {
    let aws = Sandbox::builder().region("eu-central-1").start();
    aws.bucket("near");
    aws.bucket("far").region("us-west-2");
    let _role = aws.role(WRITER).policy(allow("s3:*", "*"));
    let session = aws.issue_session(WRITER, SessionWish::new("s"));
    let client = Client::session(&aws, &session);
    client.put("/near/a", b"x").send().ok();

    let moved = client.put("/far/a", b"x").send();
    moved.refused(
        301,
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint.",
    );
    assert_eq!(moved.header("x-amz-bucket-region"), Some("us-west-2"));
    assert_eq!(
        moved.element("Endpoint").unwrap(),
        "far.s3.us-west-2.amazonaws.com"
    );
    let moved = client.s3("HEAD", "/far").send();
    assert_eq!((moved.status, moved.body.len()), (301, 0));
    assert_eq!(moved.header("x-amz-bucket-region"), Some("us-west-2"));

    let client = Client::session(&aws, &session).region("us-east-1");
    let wrong = client.put("/near/a", b"x").send();
    wrong.refused(
        400,
        "AuthorizationHeaderMalformed",
        "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-central-1'",
    );
    assert_eq!(wrong.element("Region").unwrap(), "eu-central-1");

    let mut client = Client::session(&aws, &session).region("us-west-2");
    client.endpoint = aws.endpoint_in("us-west-2");
    client.put("/far/a", b"x").send().ok();

    let located = Client::session(&aws, &session);
    let located = located.s3("GET", "/near").query("location", "").send().ok();
    assert!(located.text().contains("eu-central-1"));
}

#[test]
fn other_ways_to_sign_are_refused() {
    let aws = docs();
    let client = writer(&aws);
    let mut request = Request::new("GET", "/docs/a");
    request.header("host", &client.address());
    request.header(
        "authorization",
        "AWS AKIAIOSFODNN7EXAMPLE:qgk2+6Sv9/oM7G3qLEjTH1a1l1g=",
    );
    request.header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    send(&client.address(), &request).unwrap().refused(
        400,
        "InvalidRequest",
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    );
    client
        .s3("GET", "/docs/a")
        .query("X-Amz-Signature", "00")
        .send()
        .refused(501, "NotImplemented", "");
}

#[test]
fn every_answer_has_its_ids() {
    let aws = docs();
    let client = writer(&aws);
    for answer in [
        client.put("/docs/a", b"x").send(),
        client.s3("GET", "/docs/none").send(),
    ] {
        assert_eq!(answer.header("x-amz-request-id").unwrap().len(), 16);
        assert!(answer.header("x-amz-id-2").is_some());
        assert_eq!(answer.header("server"), Some("AmazonS3"));
    }
    let missing = client.put("/nothere/a", b"x").send();
    missing.refused(404, "NoSuchBucket", "The specified bucket does not exist");
    assert_eq!(missing.element("BucketName").unwrap(), "nothere");
    assert!(missing.element("HostId").is_some());
}

#[test]
fn requests_are_counted_and_kept() {
    let aws = docs();
    let client = writer(&aws);
    client
        .put("/docs/a b", b"hello")
        .header("x-amz-expected-bucket-owner", "222222222222")
        .header("user-agent", "docferry/1")
        .send()
        .ok();
    client.s3("GET", "/docs/none").send();
    let requests = aws.requests();
    assert_eq!(requests.count("PutObject"), 1);
    assert_eq!(requests.count("*Object"), 2);
    let put = requests.of("PutObject")[0];
    assert_eq!(put.bucket.as_deref(), Some("docs"));
    assert_eq!(put.key.as_deref(), Some("a b"));
    assert_eq!(put.status, 200);
    assert_eq!(put.bytes_in, 5);
    assert_eq!(
        put.caller.as_deref(),
        Some("arn:aws:sts::222222222222:assumed-role/docs-writer/job-7")
    );
    assert_eq!(put.header("User-Agent"), Some("docferry/1"));
    assert_eq!(
        put.header("x-amz-expected-bucket-owner"),
        Some("222222222222")
    );
    assert!(put.header("authorization").is_none());
    assert!(put.header("x-amz-security-token").is_none());
    let refused = requests.refused();
    assert_eq!(refused[0].error_code.as_deref(), Some("NoSuchKey"));
    aws.forget_requests();
    assert!(aws.requests().all().is_empty());
}
