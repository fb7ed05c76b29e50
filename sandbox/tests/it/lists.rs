//! Listings: order, pages, prefixes, delimiters, and permissions on them.

use serde_json::json;

use crate::client::Response;
use crate::world::{Client, docs, with_policy, writer};

fn list(client: &Client<'_>, query: &[(&str, &str)]) -> Response {
    let mut call = client.s3("GET", "/docs").query("list-type", "2");
    for (name, value) in query {
        call = call.query(name, value);
    }
    call.send()
}

#[test]
fn pages_of_a_thousand() {
    let aws = docs();
    let client = writer(&aws);
    for n in 0..1002 {
        client.put(&format!("/docs/k{n:04}"), b"").send().ok();
    }
    let first = list(&client, &[]).ok();
    assert_eq!(first.elements("Key").len(), 1000);
    assert_eq!(first.element("IsTruncated").unwrap(), "true");
    assert_eq!(first.element("KeyCount").unwrap(), "1000");
    let token = first.element("NextContinuationToken").unwrap();
    let second = list(&client, &[("continuation-token", &token)]).ok();
    assert_eq!(second.elements("Key"), ["k1000", "k1001"]);
    assert_eq!(second.element("IsTruncated").unwrap(), "false");
    assert!(second.element("NextContinuationToken").is_none());
    let more = list(&client, &[("max-keys", "5000")]).ok();
    assert_eq!(more.elements("Key").len(), 1000);
    list(&client, &[("continuation-token", "rubbish")]).refused(
        400,
        "InvalidArgument",
        "The continuation token provided is incorrect",
    );
}

#[test]
fn order_prefix_delimiter() {
    let aws = docs();
    let client = writer(&aws);
    for key in [
        "a",
        "a/b",
        "a.b",
        "a/c/d",
        "b",
        "é",
        "\u{10000}",
        "\u{ff5e}",
    ] {
        client.put(&format!("/docs/{key}"), b"x").send().ok();
    }
    let keys = |query: &[(&str, &str)]| list(&client, query).ok().elements("Key");
    // By the bytes of UTF-8, not by UTF-16 units.
    assert_eq!(
        keys(&[]),
        [
            "a",
            "a.b",
            "a/b",
            "a/c/d",
            "b",
            "é",
            "\u{ff5e}",
            "\u{10000}"
        ]
    );
    assert_eq!(keys(&[("prefix", "a/")]), ["a/b", "a/c/d"]);
    assert_eq!(keys(&[("start-after", "a/b"), ("prefix", "a")]), ["a/c/d"]);
    let rolled = list(&client, &[("delimiter", "/")]).ok();
    assert_eq!(
        rolled.elements("Key"),
        ["a", "a.b", "b", "é", "\u{ff5e}", "\u{10000}"]
    );
    assert_eq!(rolled.elements("CommonPrefixes"), ["<Prefix>a/</Prefix>"]);
    // A common prefix counts as one, also where a page ends with it.
    let page = list(&client, &[("delimiter", "/"), ("max-keys", "3")]).ok();
    assert_eq!(page.elements("Key"), ["a", "a.b"]);
    let token = page.element("NextContinuationToken").unwrap();
    assert_eq!(
        keys(&[
            ("delimiter", "/"),
            ("max-keys", "2"),
            ("continuation-token", &token)
        ]),
        ["b", "é"]
    );
    assert!(keys(&[("max-keys", "0")]).is_empty());
    client.put("/docs/s p+ü/x", b"").send().ok();
    assert_eq!(
        keys(&[("encoding-type", "url"), ("prefix", "s")]),
        ["s+p%2B%C3%BC/x"]
    );
    let old = client
        .s3("GET", "/docs")
        .query("prefix", "a")
        .query("max-keys", "1")
        .send()
        .ok();
    assert_eq!(old.elements("Key"), ["a"]);
}

#[test]
fn a_prefix_can_be_all_that_is_allowed() {
    let aws = docs();
    let credentials = with_policy(
        &aws,
        "lister",
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::docs",
            "Condition": {"StringLike": {"s3:prefix": "site/*"}}}]}),
    );
    let client = Client::session(&aws, &credentials);
    list(&client, &[("prefix", "site/v1/")]).ok();
    list(&client, &[]).refused(403, "AccessDenied", "User: arn:aws:sts::222222222222:assumed-role/lister/s is not authorized to perform: s3:ListBucket on resource: \"arn:aws:s3:::docs\"");
    list(&client, &[("prefix", "sit")]).refused(403, "AccessDenied", "User: ");
    let wrong = with_policy(
        &aws,
        "w",
        crate::world::allow("s3:ListBucket", "arn:aws:s3:::docs/*"),
    );
    list(&Client::session(&aws, &wrong), &[]).refused(403, "AccessDenied", "User: ");
}
