//! Deletes, and the answer for each key.

use serde_json::json;

use crate::client::Response;
use crate::world::{Client, allow, docs, with_policy, writer};

fn delete(client: &Client<'_>, xml: &str) -> Response {
    use md5::Digest as _;
    let md5 = md5::Md5::digest(xml.as_bytes());
    let md5 = base64(&md5);
    client
        .s3("POST", "/docs")
        .query("delete", "")
        .header("content-md5", &md5)
        .body(xml.as_bytes())
        .send()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn objects(keys: &[&str]) -> String {
    keys.iter()
        .map(|key| format!("<Object><Key>{key}</Key></Object>"))
        .collect()
}

#[test]
fn each_key_has_its_answer() {
    let aws = docs();
    let all = writer(&aws);
    for key in ["site/a", "site/b &amp; c", "other/a"] {
        all.put(&format!("/docs/{}", key.replace("&amp;", "&")), b"x")
            .send()
            .ok();
    }
    let some = with_policy(
        &aws,
        "some",
        allow("s3:DeleteObject", "arn:aws:s3:::docs/site/*"),
    );
    let client = Client::session(&aws, &some);
    let answer = delete(
        &client,
        &format!(
            "<Delete>{}</Delete>",
            objects(&["site/a", "site/b &amp; c", "site/none", "other/a"])
        ),
    )
    .ok();
    assert_eq!(answer.elements("Deleted").len(), 3);
    assert_eq!(answer.elements("Error").len(), 1);
    let error = &answer.elements("Error")[0];
    assert!(error.contains("<Code>AccessDenied</Code>"));
    assert!(error.contains("<Key>other/a</Key>"));
    assert_eq!(aws.keys("docs"), ["other/a"]);

    let quiet = delete(
        &client,
        &format!(
            "<Delete><Quiet>true</Quiet>{}</Delete>",
            objects(&["site/a", "other/a"])
        ),
    )
    .ok();
    assert_eq!(quiet.elements("Deleted").len(), 0);
    assert_eq!(quiet.elements("Error").len(), 1);
}

#[test]
fn the_request_is_checked() {
    let aws = docs();
    let client = writer(&aws);
    client
        .s3("POST", "/docs")
        .query("delete", "")
        .body(b"<Delete><Object><Key>a</Key></Object></Delete>")
        .send()
        .refused(
            400,
            "InvalidRequest",
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        );
    client
        .s3("POST", "/docs")
        .query("delete", "")
        .header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")
        .body(b"<Delete><Object><Key>a</Key></Object></Delete>")
        .send()
        .refused(400, "BadDigest", "The Content-MD5 you specified");
    delete(&client, "<Delete><Obj").refused(
        400,
        "MalformedXML",
        "The XML you provided was not well-formed",
    );
    let many: Vec<String> = (0..1001).map(|n| format!("k{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    delete(&client, &format!("<Delete>{}</Delete>", objects(&many))).refused(
        400,
        "MalformedXML",
        "",
    );
    let one = client.s3("DELETE", "/docs/none").send();
    assert_eq!((one.status, one.body.len()), (204, 0));
    let denied = with_policy(
        &aws,
        "putter",
        allow(json!(["s3:PutObject"]), "arn:aws:s3:::docs/*"),
    );
    Client::session(&aws, &denied)
        .s3("DELETE", "/docs/a")
        .send()
        .refused(403, "AccessDenied", "User: ");
}
