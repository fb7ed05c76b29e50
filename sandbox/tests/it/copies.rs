//! Copies inside and between buckets, and the permissions that they need.

use serde_json::json;

use crate::world::{Client, allow, docs, with_policy, writer};

#[test]
fn a_copy_is_as_its_source_unless_told() {
    let aws = docs();
    let client = writer(&aws);
    client
        .put("/docs/a b+c", b"hello")
        .header("content-type", "text/html")
        .header("x-amz-meta-x", "1")
        .header("x-amz-tagging", "team=web")
        .send()
        .ok();
    client
        .put("/docs/copy", b"")
        .header("x-amz-copy-source", "/docs/a%20b%2Bc")
        .send()
        .ok();
    let copy = aws.object("docs", "copy").unwrap();
    assert_eq!(copy.content_type(), "text/html");
    assert_eq!(copy.properties.metadata["x"], "1");
    assert_eq!(copy.properties.tags["team"], "web");
    assert_eq!(&copy.bytes()[..], b"hello");
    client
        .put("/docs/copy", b"")
        .header("x-amz-copy-source", "docs/copy")
        .send()
        .refused(
            400,
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself",
        );
    client
        .put("/docs/copy", b"")
        .header("x-amz-copy-source", "docs/copy")
        .header("x-amz-metadata-directive", "REPLACE")
        .header("content-type", "text/plain")
        .send()
        .ok();
    let copy = aws.object("docs", "copy").unwrap();
    assert_eq!(copy.content_type(), "text/plain");
    assert!(copy.properties.metadata.is_empty());
    assert_eq!(copy.properties.tags["team"], "web");
    client
        .put("/docs/z", b"")
        .header("x-amz-copy-source", "docs/none")
        .send()
        .refused(404, "NoSuchKey", "");
    client
        .put("/docs/z", b"")
        .header("x-amz-copy-source", "docs/copy")
        .header("x-amz-copy-source-if-match", "\"abc\"")
        .send()
        .refused(412, "PreconditionFailed", "");
}

#[test]
fn both_ends_need_permission() {
    let aws = docs();
    aws.bucket("other");
    let all = writer(&aws);
    all.put("/docs/plain", b"x").send().ok();
    all.put("/docs/tagged", b"x")
        .header("x-amz-tagging", "a=b")
        .send()
        .ok();
    let copy = |policy, key: &str| {
        let credentials = with_policy(&aws, "copier", policy);
        Client::session(&aws, &credentials)
            .put("/other/k", b"")
            .header("x-amz-copy-source", &format!("docs/{key}"))
            .send()
    };
    copy(allow("s3:PutObject", "arn:aws:s3:::other/*"), "plain").refused(
        403,
        "AccessDenied",
        "User: arn:aws:sts::222222222222:assumed-role/copier/s is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::docs/plain\"",
    );
    copy(allow("s3:GetObject", "arn:aws:s3:::docs/*"), "plain").refused(
        403,
        "AccessDenied",
        "User: arn:aws:sts::222222222222:assumed-role/copier/s is not authorized to perform: s3:PutObject on resource: \"arn:aws:s3:::other/k\"",
    );
    let both = || allow(json!(["s3:GetObject", "s3:PutObject"]), "*");
    copy(both(), "plain").ok();
    copy(both(), "tagged").refused(
        403,
        "AccessDenied",
        "User: arn:aws:sts::222222222222:assumed-role/copier/s is not authorized to perform: s3:GetObjectTagging",
    );
}
