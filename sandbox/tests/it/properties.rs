//! What a client may say about an object, and what S3 refuses.

use crate::world::{docs, writer};

#[test]
fn stored_and_given_back() {
    let aws = docs();
    let client = writer(&aws);
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "max-age=60"),
        ("content-disposition", "inline"),
        ("content-encoding", "br"),
        ("content-language", "de"),
        ("expires", "Thu, 01 Dec 2030 16:00:00 GMT"),
        ("x-amz-meta-commit", "abc123"),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-website-redirect-location", "/new"),
    ];
    let mut call = client.put("/docs/a", b"x");
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.header("x-amz-tagging", "team=docs&kind=a%20b")
        .send()
        .ok();
    let head = client.s3("HEAD", "/docs/a").send();
    for (name, value) in headers {
        assert_eq!(head.header(name), Some(value), "{name}");
    }
    assert_eq!(head.header("x-amz-server-side-encryption"), Some("AES256"));
    assert_eq!(head.header("content-length"), Some("1"));
    let tags = client.s3("GET", "/docs/a").query("tagging", "").send().ok();
    assert_eq!(tags.elements("Key"), ["kind", "team"]);
    assert_eq!(tags.elements("Value"), ["a b", "docs"]);
    client.put("/docs/b", b"x").send().ok();
    let plain = client.s3("HEAD", "/docs/b").send();
    assert_eq!(plain.header("content-type"), Some("binary/octet-stream"));
    assert!(plain.header("x-amz-storage-class").is_none());
}

#[test]
fn limits() {
    let aws = docs();
    let client = writer(&aws);
    let put = |name: &str, value: &str| client.put("/docs/a", b"x").header(name, value).send();
    put("x-amz-meta-a", &"x".repeat(2047)).ok();
    put("x-amz-meta-a", &"x".repeat(2048)).refused(
        400,
        "MetadataTooLarge",
        "Your metadata headers exceed the maximum allowed metadata size",
    );
    let tags = |n: usize| {
        (0..n)
            .map(|n| format!("k{n}=v"))
            .collect::<Vec<_>>()
            .join("&")
    };
    put("x-amz-tagging", &tags(10)).ok();
    put("x-amz-tagging", &tags(11)).refused(
        400,
        "BadRequest",
        "Object tags cannot be greater than 10",
    );
    put("x-amz-tagging", "a=1&a=2").refused(
        400,
        "InvalidArgument",
        "The header 'x-amz-tagging' shall be encoded",
    );
    put("x-amz-tagging", "a%7B=1").refused(
        400,
        "InvalidTag",
        "The TagKey you have provided is invalid",
    );
    put("x-amz-storage-class", "COLD").refused(
        400,
        "InvalidStorageClass",
        "The storage class you specified is not valid",
    );
    put("x-amz-acl", "everybody").refused(400, "InvalidArgument", "");
    put("x-amz-object-lock-legal-hold", "ON").refused(
        400,
        "InvalidRequest",
        "Bucket is missing Object Lock Configuration",
    );
}

#[test]
fn object_lock_where_it_is_on() {
    let aws = docs();
    aws.bucket("docs").object_lock(true);
    writer(&aws)
        .put("/docs/a", b"x")
        .header("x-amz-object-lock-mode", "GOVERNANCE")
        .header(
            "x-amz-object-lock-retain-until-date",
            "2030-01-01T00:00:00Z",
        )
        .send()
        .ok();
    let object = aws.object("docs", "a").unwrap();
    assert_eq!(object.properties.lock_mode.as_deref(), Some("GOVERNANCE"));
}
