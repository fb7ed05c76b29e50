//! Whose bucket, whose object: expected owners, accounts, ACLs, and the texts
//! of refusals.

use docferry_sandbox::{Ownership, Sandbox, SessionWish};
use serde_json::{Value, json};

use crate::multipart::create;
use crate::world::{CI, Client, OWNER, allow, docs, with_policy, writer};

#[test]
fn the_expected_owner_is_honoured_everywhere() {
    let aws = docs();
    let client = writer(&aws);
    client.put("/docs/a", b"x").send().ok();
    let id = create(&client, "m", &[]);
    let calls = || {
        vec![
            client.put("/docs/b", b"x"),
            client.s3("GET", "/docs/a"),
            client.s3("GET", "/docs/a").query("tagging", ""),
            client.s3("GET", "/docs").query("list-type", "2"),
            client.s3("GET", "/docs").query("location", ""),
            client.s3("GET", "/docs").query("uploads", ""),
            client.s3("POST", "/docs/n").query("uploads", ""),
            client
                .put("/docs/m", b"x")
                .query("partNumber", "1")
                .query("uploadId", &id),
            client.s3("GET", "/docs/m").query("uploadId", &id),
            client
                .put("/docs/copy", b"")
                .header("x-amz-copy-source", "docs/a"),
            client
                .s3("POST", "/docs/m")
                .query("uploadId", &id)
                .body(b"<CompleteMultipartUpload/>"),
            client
                .s3("POST", "/docs")
                .query("delete", "")
                .header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
            client.s3("DELETE", "/docs/m").query("uploadId", &id),
            client.s3("DELETE", "/docs/a"),
        ]
    };
    for call in calls() {
        call.header("x-amz-expected-bucket-owner", "111111111111")
            .send()
            .refused(403, "AccessDenied", "Access Denied");
    }
    let head = client
        .s3("HEAD", "/docs")
        .header("x-amz-expected-bucket-owner", "111111111111")
        .send();
    assert_eq!((head.status, head.body.len()), (403, 0));
    client
        .put("/docs/b", b"x")
        .header("x-amz-expected-bucket-owner", "me")
        .send()
        .refused(400, "InvalidBucketOwnerAWSAccountID", "");
    client
        .put("/docs/copy", b"")
        .header("x-amz-copy-source", "docs/a")
        .header("x-amz-source-expected-bucket-owner", "111111111111")
        .send()
        .refused(403, "AccessDenied", "Access Denied");
    client
        .put("/docs/b", b"x")
        .header("x-amz-expected-bucket-owner", OWNER)
        .send()
        .ok();
    assert_eq!(aws.keys("docs"), ["a", "b"]);
    assert_eq!(aws.uploads("docs").len(), 1);
}

#[test]
fn refusals_say_more_inside_the_account() {
    let aws = docs();
    let who = "User: arn:aws:sts::222222222222:assumed-role/r/s is not authorized to perform: s3:PutObject on resource: \"arn:aws:s3:::docs/k\"";
    let put = |policy: Value| {
        let credentials = with_policy(&aws, "r", policy);
        Client::session(&aws, &credentials)
            .put("/docs/k", b"x")
            .send()
    };
    // A resource without `/*` is the bucket, not its objects.
    put(allow("s3:PutObject", "arn:aws:s3:::docs")).refused(
        403,
        "AccessDenied",
        &format!("{who} because no identity-based policy allows the s3:PutObject action"),
    );
    put(json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}]}))
    .refused(
        403,
        "AccessDenied",
        &format!("{who} with an explicit deny in an identity-based policy"),
    );
    aws.bucket("docs")
        .policy(json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::docs/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}));
    put(allow("s3:*", "*")).refused(
        403,
        "AccessDenied",
        &format!("{who} with an explicit deny in a resource-based policy"),
    );
}

/// A user of account 1 and a bucket of account 2 whose policy lets him put.
fn bucket_policy_way(ownership: Ownership, actions: Value) -> Sandbox {
    let aws = Sandbox::start();
    aws.bucket("docs").owner(OWNER).ownership(ownership).policy(
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": CI}, "Action": actions,
            "Resource": "arn:aws:s3:::docs/*"}]}),
    );
    aws
}

#[test]
fn across_accounts_both_sides_must_allow() {
    let aws = bucket_policy_way(Ownership::default(), json!("s3:PutObject"));
    let user = aws.user(CI);
    let key = user.access_key();
    let client = Client::user(&aws, &key);
    client
        .put("/docs/a", b"x")
        .send()
        .refused(403, "AccessDenied", "Access Denied");
    let user = user.policy(allow("s3:*", "*"));
    client.put("/docs/a", b"x").send().ok();
    let object = aws.object("docs", "a").unwrap();
    assert_eq!(object.owner, OWNER);
    assert_eq!(object.uploader, CI);
    client
        .s3("DELETE", "/docs/a")
        .send()
        .refused(403, "AccessDenied", "Access Denied");
    aws.bucket("docs").without_policy();
    client
        .put("/docs/a", b"x")
        .send()
        .refused(403, "AccessDenied", "Access Denied");
    assert_eq!(user.arn(), CI);
}

#[test]
fn ownership_settings() {
    let full = ("x-amz-acl", "bucket-owner-full-control");
    let table = [
        (Ownership::BucketOwnerEnforced, None, Ok(OWNER)),
        (Ownership::BucketOwnerEnforced, Some(full), Ok(OWNER)),
        (
            Ownership::BucketOwnerEnforced,
            Some(("x-amz-acl", "private")),
            Err("The bucket does not allow ACLs"),
        ),
        (
            Ownership::BucketOwnerEnforced,
            Some(("x-amz-grant-read", "id=abc")),
            Err("The bucket does not allow ACLs"),
        ),
        (Ownership::BucketOwnerPreferred, None, Ok("111111111111")),
        (Ownership::BucketOwnerPreferred, Some(full), Ok(OWNER)),
        (Ownership::ObjectWriter, None, Ok("111111111111")),
        (Ownership::ObjectWriter, Some(full), Ok("111111111111")),
    ];
    for (ownership, acl, expected) in table {
        let aws = bucket_policy_way(ownership, json!(["s3:PutObject", "s3:PutObjectAcl"]));
        let key = aws.user(CI).policy(allow("s3:*", "*")).access_key();
        let client = Client::user(&aws, &key);
        let mut call = client.put("/docs/a", b"x");
        if let Some((name, value)) = acl {
            call = call.header(name, value);
        }
        let answer = call.send();
        match expected {
            Ok(owner) => {
                answer.ok();
                assert_eq!(
                    aws.object("docs", "a").unwrap().owner,
                    owner,
                    "{ownership:?} {acl:?}"
                );
            }
            Err(text) => answer.refused(400, "AccessControlListNotSupported", text),
        }
    }
}

#[test]
fn an_object_of_another_account_is_closed_to_the_buckets_owner() {
    let aws = bucket_policy_way(
        Ownership::ObjectWriter,
        json!(["s3:PutObject", "s3:PutObjectAcl"]),
    );
    let key = aws.user(CI).policy(allow("s3:*", "*")).access_key();
    let uploader = Client::user(&aws, &key);
    uploader.put("/docs/mine", b"x").send().ok();
    uploader
        .put("/docs/shared", b"x")
        .header("x-amz-acl", "bucket-owner-full-control")
        .send()
        .ok();
    let reader = with_policy(&aws, "r", allow("s3:*", "*"));
    let reader = Client::session(&aws, &reader);
    reader
        .s3("GET", "/docs/mine")
        .send()
        .refused(403, "AccessDenied", "Access Denied");
    reader.s3("GET", "/docs/shared").send().ok();
}

#[test]
fn headers_need_permissions_of_their_own() {
    let aws = docs();
    let only_put = with_policy(&aws, "p", allow("s3:PutObject", "arn:aws:s3:::docs/*"));
    let client = Client::session(&aws, &only_put);
    for (name, value, action) in [
        ("x-amz-acl", "bucket-owner-full-control", "s3:PutObjectAcl"),
        ("x-amz-tagging", "a=b", "s3:PutObjectTagging"),
        (
            "x-amz-object-lock-legal-hold",
            "ON",
            "s3:PutObjectLegalHold",
        ),
        (
            "x-amz-object-lock-mode",
            "GOVERNANCE",
            "s3:PutObjectRetention",
        ),
    ] {
        for call in [
            client.put("/docs/a", b"x"),
            client.s3("POST", "/docs/a").query("uploads", ""),
        ] {
            call.header(name, value).send().refused(
                403,
                "AccessDenied",
                &format!("User: arn:aws:sts::222222222222:assumed-role/p/s is not authorized to perform: {action} on resource: \"arn:aws:s3:::docs/a\""),
            );
        }
    }
    client.put("/docs/a", b"x").send().ok();
}

#[test]
fn conditions_see_the_request() {
    let aws = docs();
    let table: Vec<(Value, Vec<(&str, &str)>, bool)> = vec![
        (
            json!({"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}),
            vec![],
            false,
        ),
        (
            json!({"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}),
            vec![("x-amz-acl", "bucket-owner-full-control")],
            true,
        ),
        (
            json!({"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}}),
            vec![],
            false,
        ),
        (
            json!({"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}}),
            vec![("x-amz-server-side-encryption", "AES256")],
            true,
        ),
        (
            json!({"StringEquals": {"s3:RequestObjectTag/team": "web"}}),
            vec![("x-amz-tagging", "team=ops")],
            false,
        ),
        (
            json!({"StringEquals": {"s3:RequestObjectTag/team": "web"}}),
            vec![("x-amz-tagging", "team=web")],
            true,
        ),
        (
            json!({"StringEquals": {"s3:ResourceAccount": "222222222222"}}),
            vec![],
            true,
        ),
        (
            json!({"StringEquals": {"s3:ResourceAccount": "111111111111"}}),
            vec![],
            false,
        ),
        (
            json!({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}),
            vec![],
            true,
        ),
        (
            json!({"Bool": {"aws:SecureTransport": "true"}}),
            vec![],
            false,
        ),
        (
            json!({"Null": {"s3:if-none-match": "false"}}),
            vec![],
            false,
        ),
        (
            json!({"Null": {"s3:if-none-match": "false"}}),
            vec![("if-none-match", "*")],
            true,
        ),
        (
            json!({"StringEquals": {"aws:PrincipalTag/team": "docs"}}),
            vec![],
            true,
        ),
        (
            json!({"StringEquals": {"aws:PrincipalTag/team": "web"}}),
            vec![],
            false,
        ),
        (
            json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/conditional"}}),
            vec![],
            true,
        ),
        (
            json!({"StringEquals": {"aws:PrincipalAccount": "222222222222"}}),
            vec![],
            true,
        ),
    ];
    for (n, (condition, headers, allowed)) in table.into_iter().enumerate() {
        let arn = "arn:aws:iam::222222222222:role/conditional";
        let _role = aws.role(arn).without_policies().policy(json!({
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Put*",
                "Resource": "arn:aws:s3:::docs/*", "Condition": condition}]}));
        let session = aws.issue_session(arn, SessionWish::new("s").tag("team", "docs"));
        let client = Client::session(&aws, &session);
        let mut call = client.put(&format!("/docs/{n}"), b"x");
        for (name, value) in headers {
            call = call.header(name, value);
        }
        assert_eq!(
            call.send().status,
            if allowed { 200 } else { 403 },
            "{condition}"
        );
    }
}
