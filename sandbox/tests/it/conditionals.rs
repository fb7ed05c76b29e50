//! Conditional writes and reads.

use docferry_sandbox::{Answer, Fault};

use crate::multipart::{complete, create, part};
use crate::world::{Client, allow, docs, with_policy, writer};

const FAILED: &str = "At least one of the pre-conditions you specified did not hold";

#[test]
fn puts() {
    let aws = docs();
    let client = writer(&aws);
    let put = |name: &str, value: &str| client.put("/docs/a", b"x").header(name, value).send();
    put("if-match", "\"abc\"").refused(404, "NoSuchKey", "The specified key does not exist.");
    put("if-none-match", "*").ok();
    put("if-none-match", "*").refused(412, "PreconditionFailed", FAILED);
    put("if-none-match", "\"abc\"").refused(501, "NotImplemented", "");
    put("if-match", "\"abc\"").refused(412, "PreconditionFailed", FAILED);
    let etag = aws.object("docs", "a").unwrap().etag.clone();
    put("if-match", &format!("\"{etag}\"")).ok();
    aws.fault(Fault::new("PutObject").nth(1).then(Answer::Error {
        status: 409,
        code: "ConditionalRequestConflict".into(),
        message: "The conditional request cannot succeed due to a conflicting operation against this resource.".into(),
    }));
    put("if-none-match", "*").refused(409, "ConditionalRequestConflict", "");
}

#[test]
fn completions() {
    let aws = docs();
    let client = writer(&aws);
    let id = create(&client, "a", &[]);
    let etag = part(&client, "a", &id, "1", b"x", &[]).ok();
    let etag = etag.header("etag").unwrap();
    client.put("/docs/a", b"x").send().ok();
    complete(
        &client,
        "a",
        &id,
        &[(1, etag, "")],
        &[("if-none-match", "*")],
    )
    .refused(412, "PreconditionFailed", FAILED);
    assert_eq!(aws.uploads("docs").len(), 1);
    client.s3("DELETE", "/docs/a").send().ok();
    complete(
        &client,
        "a",
        &id,
        &[(1, etag, "")],
        &[("if-none-match", "*")],
    )
    .ok();
}

#[test]
fn if_match_needs_the_right_to_read() {
    let aws = docs();
    writer(&aws).put("/docs/a", b"x").send().ok();
    let etag = format!("\"{}\"", aws.object("docs", "a").unwrap().etag);
    let only_put = with_policy(&aws, "p", allow("s3:PutObject", "arn:aws:s3:::docs/*"));
    let client = Client::session(&aws, &only_put);
    client
        .put("/docs/a", b"y")
        .header("if-none-match", "*")
        .send()
        .refused(412, "PreconditionFailed", FAILED);
    client
        .put("/docs/a", b"y")
        .header("if-match", &etag)
        .send()
        .refused(403, "AccessDenied", "User: arn:aws:sts::222222222222:assumed-role/p/s is not authorized to perform: s3:GetObject");
}

#[test]
fn reads() {
    let aws = docs();
    let client = writer(&aws);
    client.put("/docs/a", b"x").send().ok();
    let etag = format!("\"{}\"", aws.object("docs", "a").unwrap().etag);
    let get = |name: &str, value: &str| client.s3("GET", "/docs/a").header(name, value).send();
    get("if-match", &etag).ok();
    get("if-match", "\"abc\"").refused(412, "PreconditionFailed", FAILED);
    assert_eq!(get("if-none-match", &etag).status, 304);
    get("if-none-match", "\"abc\"").ok();
}
