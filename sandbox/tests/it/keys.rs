//! Keys are kept byte for byte, whatever is in them.

use crate::world::{docs, writer};

#[test]
fn byte_for_byte() {
    let aws = docs();
    let client = writer(&aws);
    let keys = [
        "a",
        "a/b",
        "x//y",
        "/leading",
        "trailing/",
        "//",
        "a+b c",
        "100%25",
        "a%2Fb",
        "ünï/çödé/日本",
        "q?x=1&y#z",
        "~!*'();:@,$=",
        "tab\tnl",
    ];
    for key in keys {
        client
            .put(&format!("/docs/{key}"), key.as_bytes())
            .send()
            .ok();
    }
    let mut sorted: Vec<&str> = keys.to_vec();
    sorted.sort_unstable();
    assert_eq!(aws.keys("docs"), sorted);
    for key in keys {
        let got = client.s3("GET", &format!("/docs/{key}")).send().ok();
        assert_eq!(got.text(), *key);
        client.s3("DELETE", &format!("/docs/{key}")).send().ok();
    }
    assert!(aws.keys("docs").is_empty());
}

#[test]
fn length_is_limited_in_bytes() {
    let aws = docs();
    let client = writer(&aws);
    let longest = "é".repeat(512);
    client.put(&format!("/docs/{longest}"), b"x").send().ok();
    let refused = client.put(&format!("/docs/{longest}a"), b"x").send();
    refused.refused(400, "KeyTooLongError", "Your key is too long");
    assert_eq!(refused.element("Size").unwrap(), "1025");
    assert_eq!(refused.element("MaxSizeAllowed").unwrap(), "1024");
}

#[test]
fn the_bucket_may_be_in_the_host() {
    let aws = docs();
    let client = writer(&aws);
    for host in [
        "docs.localhost",
        "docs.s3.localhost",
        "docs.s3.us-east-1.amazonaws.com",
    ] {
        let host = format!("{host}:{}", aws.port());
        let mut call = client.put("/dir//file one", b"x");
        call.request.headers[0].1 = host;
        call.send().ok();
        assert_eq!(aws.keys("docs"), ["dir//file one"]);
        client.s3("DELETE", "/docs/dir//file one").send().ok();
    }
}
