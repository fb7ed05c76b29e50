//! Requester Pays: who has to say that they pay.

use docferry_sandbox::Sandbox;
use serde_json::json;

use crate::multipart::{complete, create, part};
use crate::world::{CI, Client, allow, docs, writer};

const PAYER: (&str, &str) = ("x-amz-request-payer", "requester");
const CHARGED: &str = "x-amz-request-charged";

/// A user of account 1 whom the bucket of account 2 lets in.
fn stranger(aws: &Sandbox) -> Client<'_> {
    aws.bucket("docs").requester_pays().policy(json!({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"AWS": CI}, "Action": "s3:*",
            "Resource": ["arn:aws:s3:::docs", "arn:aws:s3:::docs/*"]}]}));
    let key = aws.user(CI).policy(allow("s3:*", "*")).access_key();
    Client::user(aws, &key)
}

#[test]
fn another_account_has_to_agree_each_time() {
    let aws = docs();
    let client = stranger(&aws);
    let put = |headers: &[(&str, &str)]| {
        let mut call = client.put("/docs/a", b"x");
        for (name, value) in headers {
            call = call.header(name, value);
        }
        call.send()
    };
    put(&[]).refused(403, "AccessDenied", "Access Denied");
    put(&[(PAYER.0, "owner")]).refused(403, "AccessDenied", "Access Denied");
    assert!(aws.keys("docs").is_empty());
    assert_eq!(put(&[PAYER]).ok().header(CHARGED), Some("requester"));
    for method in ["HEAD", "GET", "DELETE"] {
        assert_eq!(client.s3(method, "/docs/a").send().status, 403, "{method}");
        let paid = client.s3(method, "/docs/a").header(PAYER.0, PAYER.1).send();
        assert_eq!(paid.ok().header(CHARGED), Some("requester"), "{method}");
    }
    let bucket = client.s3("HEAD", "/docs").send();
    assert_eq!(bucket.status, 403);
    assert_eq!(bucket.header("x-amz-bucket-region"), Some("us-east-1"));
    client
        .s3("HEAD", "/docs")
        .header(PAYER.0, PAYER.1)
        .send()
        .ok();
    let list = client.s3("GET", "/docs").query("list-type", "2");
    list.send().refused(403, "AccessDenied", "Access Denied");
}

#[test]
fn each_step_of_a_multipart_upload_is_paid_for() {
    let aws = docs();
    let client = stranger(&aws);
    let id = create(&client, "a", &[PAYER]);
    part(&client, "a", &id, "1", b"x", &[]).refused(403, "AccessDenied", "");
    let etag = part(&client, "a", &id, "1", b"x", &[PAYER]).ok();
    let parts = [(1, etag.header("etag").unwrap(), "")];
    complete(&client, "a", &id, &parts, &[]).refused(403, "AccessDenied", "");
    let done = complete(&client, "a", &id, &parts, &[PAYER]).ok();
    assert_eq!(done.header(CHARGED), Some("requester"));
    let requests = aws.requests();
    let unpaid = requests
        .all()
        .iter()
        .filter(|record| record.header(PAYER.0) != Some(PAYER.1));
    assert_eq!(unpaid.count(), 2);
}

#[test]
fn the_owners_account_does_not_pay_for_requests() {
    let aws = docs();
    aws.bucket("docs").requester_pays();
    let client = writer(&aws);
    client.put("/docs/a", b"x").send().ok();
    let put = client.put("/docs/a", b"x").header(PAYER.0, PAYER.1).send();
    assert_eq!(put.ok().header(CHARGED), None);
    // Nor does anybody where the bucket's owner pays.
    let aws = docs();
    let put = writer(&aws)
        .put("/docs/a", b"x")
        .header(PAYER.0, PAYER.1)
        .send();
    assert_eq!(put.ok().header(CHARGED), None);
}

#[test]
fn a_copys_source_is_paid_for_too() {
    let aws = docs();
    let client = stranger(&aws);
    client
        .put("/docs/a", b"x")
        .header(PAYER.0, PAYER.1)
        .send()
        .ok();
    aws.bucket("mine").owner("111111111111");
    let copy = || {
        client
            .put("/mine/a", b"")
            .header("x-amz-copy-source", "docs/a")
    };
    copy().send().refused(403, "AccessDenied", "Access Denied");
    let copied = copy().header(PAYER.0, PAYER.1).send().ok();
    assert_eq!(copied.header(CHARGED), Some("requester"));
}
