//! Object Lock: which headers are taken, with what permission and checksum.

use crate::client::Response;
use crate::multipart::{complete, create, part};
use crate::world::{Client, allow, docs, with_policy, writer};

const MODE: &str = "x-amz-object-lock-mode";
const UNTIL: &str = "x-amz-object-lock-retain-until-date";
const HOLD: &str = "x-amz-object-lock-legal-hold";
const LATER: &str = "2130-01-01T00:00:00Z";
/// Of the one byte `x`.
const MD5: (&str, &str) = ("content-md5", "ndTkYSaMgDT1yFZOFVxnpg==");
const CRC32: (&str, &str) = ("x-amz-checksum-crc32", "jNwWgw==");

fn put(client: &Client<'_>, headers: &[(&str, &str)]) -> Response {
    let mut call = client.put("/docs/a", b"x");
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.send()
}

#[test]
fn a_bucket_without_it_takes_no_such_header() {
    let aws = docs();
    let client = writer(&aws);
    for (name, value) in [(MODE, "GOVERNANCE"), (UNTIL, LATER), (HOLD, "ON")] {
        put(&client, &[(name, value)]).refused(
            400,
            "InvalidRequest",
            "Bucket is missing Object Lock Configuration",
        );
    }
}

#[test]
fn what_it_refuses() {
    let aws = docs();
    aws.bucket("docs").object_lock(true);
    let client = writer(&aws);
    let both = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be";
    let future = "The retain until date must be in the future!";
    let table: &[(&[(&str, &str)], &str)] = &[
        (&[(MODE, "GOVERNANCE")], both),
        (&[(UNTIL, LATER)], both),
        (&[(MODE, "governance"), (UNTIL, LATER)], "Unknown wormMode"),
        (
            &[(HOLD, "on")],
            "Legal Hold must be either of 'ON' or 'OFF'",
        ),
        (
            &[(MODE, "COMPLIANCE"), (UNTIL, "2020-01-01T00:00:00Z")],
            future,
        ),
        (
            &[(MODE, "COMPLIANCE"), (UNTIL, "tomorrow")],
            "The retain until date must be provided",
        ),
        (
            &[(MODE, "COMPLIANCE"), (UNTIL, "06/06/2130")],
            "The retain until date must be provided",
        ),
    ];
    for (headers, message) in table {
        println!("{headers:?}");
        put(&client, headers).refused(400, "InvalidArgument", message);
    }
    // The sandbox's clock says what the past is.
    aws.clock()
        .set(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_hours(24 * 365 * 80));
    let lock = [(MODE, "GOVERNANCE"), (UNTIL, "2049-12-01T00:00:00Z"), CRC32];
    put(&writer(&aws), &lock).refused(400, "InvalidArgument", future);
}

#[test]
fn bytes_to_lock_come_with_a_checksum() {
    let aws = docs();
    aws.bucket("docs").object_lock(true);
    let client = writer(&aws);
    for lock in [&[(MODE, "GOVERNANCE"), (UNTIL, LATER)][..], &[(HOLD, "ON")]] {
        put(&client, lock).refused(
            400,
            "InvalidRequest",
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters",
        );
        for sum in [MD5, CRC32] {
            put(&client, &[lock, &[sum]].concat()).ok();
        }
        let id = create(&client, "m", lock);
        part(&client, "m", &id, "1", b"x", &[]).refused(
            400,
            "InvalidRequest",
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Part requests",
        );
        let etag = part(&client, "m", &id, "1", b"x", &[MD5]).ok();
        let parts = [(1, etag.header("etag").unwrap(), "")];
        complete(&client, "m", &id, &parts, &[]).ok();
        let head = client.s3("HEAD", "/docs/m").send().ok();
        for (name, value) in lock {
            assert_eq!(head.header(name), Some(*value));
        }
    }
}

#[test]
fn each_lock_has_its_permission() {
    let aws = docs();
    aws.bucket("docs").object_lock(true);
    for (lock, action) in [
        (
            &[(MODE, "GOVERNANCE"), (UNTIL, LATER), MD5][..],
            "s3:PutObjectRetention",
        ),
        (&[(HOLD, "OFF"), MD5][..], "s3:PutObjectLegalHold"),
    ] {
        let less = with_policy(&aws, "less", allow("s3:PutObject", "*"));
        put(&Client::session(&aws, &less), lock).refused(
            403,
            "AccessDenied",
            &format!("User: arn:aws:sts::222222222222:assumed-role/less/s is not authorized to perform: {action}"),
        );
        let both = with_policy(&aws, "both", allow(vec!["s3:PutObject", action], "*"));
        put(&Client::session(&aws, &both), lock).ok();
    }
    let object = aws.object("docs", "a").unwrap();
    assert_eq!(object.properties.legal_hold.as_deref(), Some("OFF"));
}
