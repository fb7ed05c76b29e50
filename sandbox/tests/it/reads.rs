//! Reading: ranges, missing keys, heads, and what a missing permission hides.

use crate::world::{Client, allow, docs, with_policy, writer};
use serde_json::json;

#[test]
fn ranges() {
    let aws = docs();
    let client = writer(&aws);
    client.put("/docs/a", b"0123456789").send().ok();
    for (range, status, body, content_range) in [
        ("bytes=2-4", 206, "234", Some("bytes 2-4/10")),
        ("bytes=8-", 206, "89", Some("bytes 8-9/10")),
        ("bytes=-3", 206, "789", Some("bytes 7-9/10")),
        ("bytes=5-100", 206, "56789", Some("bytes 5-9/10")),
        ("bytes=4-2", 200, "0123456789", None),
        ("bytes=0-1,3-4", 200, "0123456789", None),
        ("lines=1-2", 200, "0123456789", None),
    ] {
        let got = client.s3("GET", "/docs/a").header("range", range).send();
        assert_eq!((got.status, got.text().as_str()), (status, body), "{range}");
        assert_eq!(got.header("content-range"), content_range);
    }
    client
        .s3("GET", "/docs/a")
        .header("range", "bytes=10-")
        .send()
        .refused(
            416,
            "InvalidRange",
            "The requested range is not satisfiable",
        );
}

#[test]
fn bodies_on_disk_are_read_back() {
    let aws = docs();
    let client = writer(&aws);
    let body: Vec<u8> = (0..300_000_u32).flat_map(u32::to_be_bytes).collect();
    client.put("/docs/big", &body).send().ok();
    assert_eq!(aws.object("docs", "big").unwrap().bytes(), body);
    assert_eq!(client.s3("GET", "/docs/big").send().ok().body, body);
}

#[test]
fn a_missing_key_is_hidden_without_list_bucket() {
    let aws = docs();
    writer(&aws).s3("GET", "/docs/none").send().refused(
        404,
        "NoSuchKey",
        "The specified key does not exist.",
    );
    let blind = with_policy(&aws, "blind", allow("s3:GetObject", "arn:aws:s3:::docs/*"));
    let blind = Client::session(&aws, &blind);
    blind
        .s3("GET", "/docs/none")
        .send()
        .refused(403, "AccessDenied", "User: arn:aws:sts::222222222222:assumed-role/blind/s is not authorized to perform: s3:ListBucket");
    let head = blind.s3("HEAD", "/docs/none").send();
    assert_eq!((head.status, head.body.len()), (403, 0));
    let head = writer(&aws).s3("HEAD", "/docs/none").send();
    assert_eq!((head.status, head.body.len()), (404, 0));
    let none = with_policy(&aws, "none", allow("s3:ListBucket", "arn:aws:s3:::docs"));
    Client::session(&aws, &none)
        .s3("GET", "/docs/none")
        .send()
        .refused(403, "AccessDenied", "User: ");
}

#[test]
fn heads_of_buckets() {
    let aws = docs();
    let head = writer(&aws).s3("HEAD", "/docs").send();
    assert_eq!(head.status, 200);
    assert_eq!(head.header("x-amz-bucket-region"), Some("us-east-1"));
    let none = with_policy(&aws, "none", allow("s3:PutObject", "arn:aws:s3:::docs/*"));
    assert_eq!(
        Client::session(&aws, &none)
            .s3("HEAD", "/docs")
            .send()
            .status,
        403
    );
    assert_eq!(writer(&aws).s3("HEAD", "/nope").send().status, 404);
}

#[test]
fn attributes() {
    let aws = docs();
    let client = writer(&aws);
    client.put("/docs/a", b"123456789").send().ok();
    let got = client
        .s3("GET", "/docs/a")
        .query("attributes", "")
        .header(
            "x-amz-object-attributes",
            "ETag,Checksum,ObjectSize,StorageClass",
        )
        .send()
        .ok();
    assert_eq!(got.element("ChecksumCRC64NVME").unwrap(), "rosUhgp5mIg=");
    assert_eq!(got.element("ObjectSize").unwrap(), "9");
    assert_eq!(got.element("StorageClass").unwrap(), "STANDARD");
}

#[test]
fn versions() {
    let aws = docs();
    aws.bucket("docs").versioned(true);
    let client = writer(&aws);
    let first = client.put("/docs/a", b"1").send().ok();
    let first = first.header("x-amz-version-id").unwrap();
    client.put("/docs/a", b"2").send().ok();
    assert_eq!(client.s3("GET", "/docs/a").send().ok().text(), "2");
    let old = client.s3("GET", "/docs/a").query("versionId", first).send();
    assert_eq!(old.ok().text(), "1");
    let gone = client.s3("DELETE", "/docs/a").send();
    assert_eq!(gone.header("x-amz-delete-marker"), Some("true"));
    let missing = client.s3("GET", "/docs/a").send();
    missing.refused(404, "NoSuchKey", "");
    assert_eq!(missing.header("x-amz-delete-marker"), Some("true"));
    assert!(aws.keys("docs").is_empty());
    let old = with_policy(
        &aws,
        "r",
        allow(json!(["s3:GetObject", "s3:ListBucket"]), "*"),
    );
    Client::session(&aws, &old)
        .s3("GET", "/docs/a")
        .query("versionId", first)
        .send()
        .refused(403, "AccessDenied", "User: ");
}
