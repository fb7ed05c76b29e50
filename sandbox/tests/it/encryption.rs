//! Server-side encryption, and KMS keys of this and the other account.

use docferry_sandbox::{Encryption, Sandbox};
use serde_json::{Value, json};

use crate::multipart::{complete, create, part};
use crate::world::{CI, Client, OWNER, allow, docs, with_policy, writer};

const SSE: &str = "x-amz-server-side-encryption";
const SSE_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/1111-2222";

fn statements(list: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": list})
}

#[test]
fn headers_are_checked_and_echoed() {
    let aws = docs();
    let client = writer(&aws);
    let put = client
        .put("/docs/a", b"x")
        .header(SSE, "AES256")
        .send()
        .ok();
    assert_eq!(put.header(SSE), Some("AES256"));
    client
        .put("/docs/a", b"x")
        .header(SSE, "rot13")
        .send()
        .refused(
            400,
            "InvalidEncryptionAlgorithmError",
            "The Encryption request you specified is not valid",
        );
    for first in [None, Some("AES256")] {
        let mut call = client.put("/docs/a", b"x").header(SSE_KEY, KEY);
        if let Some(value) = first {
            call = call.header(SSE, value);
        }
        call.send().refused(
            400,
            "InvalidArgument",
            "Server Side Encryption with AWS KMS managed key requires HTTP header",
        );
    }
}

#[test]
fn a_key_needs_its_own_permissions() {
    let aws = docs();
    aws.kms_key(KEY);
    let put = |policy: Value| {
        let credentials = with_policy(&aws, "r", policy);
        Client::session(&aws, &credentials)
            .put("/docs/a", b"x")
            .header(SSE, "aws:kms")
            .header(SSE_KEY, KEY)
            .send()
    };
    put(allow("s3:*", "*")).refused(
        403,
        "AccessDenied",
        &format!("User: arn:aws:sts::222222222222:assumed-role/r/s is not authorized to perform: kms:GenerateDataKey on resource: {KEY} because no identity-based policy allows the kms:GenerateDataKey action"),
    );
    let done = put(allow(json!(["s3:PutObject", "kms:GenerateDataKey"]), "*")).ok();
    assert_eq!(done.header(SSE), Some("aws:kms"));
    assert_eq!(done.header(SSE_KEY), Some(KEY));
    // The ETag of such an object is not its MD5.
    assert_ne!(
        aws.object("docs", "a").unwrap().etag,
        "9dd4e461268c8034f5c8564e155c67a6"
    );
    // Reading needs kms:Decrypt; a multipart upload needs it, too.
    let reader = with_policy(
        &aws,
        "reader",
        allow(
            json!(["s3:GetObject", "s3:PutObject", "kms:GenerateDataKey"]),
            "*",
        ),
    );
    let reader = Client::session(&aws, &reader);
    reader.s3("GET", "/docs/a").send().refused(403, "AccessDenied", "User: arn:aws:sts::222222222222:assumed-role/reader/s is not authorized to perform: kms:Decrypt");
    reader
        .s3("POST", "/docs/m")
        .query("uploads", "")
        .header(SSE, "aws:kms")
        .header(SSE_KEY, KEY)
        .send()
        .refused(403, "AccessDenied", "User: arn:aws:sts::222222222222:assumed-role/reader/s is not authorized to perform: kms:Decrypt");
    // The key's own policy has the last word.
    aws.kms_key(KEY)
        .policy(statements(json!([{"Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::222222222222:role/other"},
        "Action": "kms:*", "Resource": "*"}])));
    put(allow("*", "*")).refused(
        403,
        "AccessDenied",
        &format!("User: arn:aws:sts::222222222222:assumed-role/r/s is not authorized to perform: kms:GenerateDataKey on resource: {KEY} because no resource-based policy allows the kms:GenerateDataKey action"),
    );
}

#[test]
fn keys_that_cannot_be_used() {
    let aws = docs();
    let credentials = with_policy(&aws, "r", allow("*", "*"));
    let client = Client::session(&aws, &credentials);
    let put = |key: &str| {
        client
            .put("/docs/a", b"x")
            .header(SSE, "aws:kms")
            .header(SSE_KEY, key)
            .send()
    };
    put(KEY).refused(
        400,
        "KMS.NotFoundException",
        &format!("Key '{KEY}' does not exist"),
    );
    put("1111-2222").refused(
        400,
        "KMS.NotFoundException",
        &format!("Key '{KEY}' does not exist"),
    );
    let far = "arn:aws:kms:eu-central-1:222222222222:key/1";
    aws.kms_key(far);
    put(far).refused(400, "KMS.NotFoundException", "Invalid arn eu-central-1");
    aws.kms_key(KEY);
    put("1111-2222").ok();
}

/// A user of account 1 writes into account 2's bucket without a role.
fn stranger(aws: &Sandbox) -> Client<'_> {
    aws.bucket("docs").owner(OWNER).policy(statements(
        json!([{"Effect": "Allow", "Principal": {"AWS": CI},
            "Action": "s3:PutObject", "Resource": "arn:aws:s3:::docs/*"}]),
    ));
    let key = aws
        .user(CI)
        .policy(allow(json!(["s3:*", "kms:*"]), "*"))
        .access_key();
    Client::user(aws, &key)
}

#[test]
fn the_managed_key_serves_its_own_account_only() {
    let aws = Sandbox::start();
    let client = stranger(&aws);
    aws.bucket("docs").encryption(Encryption::Kms(None));
    client
        .put("/docs/a", b"x")
        .send()
        .refused(403, "AccessDenied", "Access Denied");
    let own = with_policy(&aws, "own", allow("s3:PutObject", "*"));
    let put = Client::session(&aws, &own).put("/docs/a", b"x").send().ok();
    assert_eq!(
        put.header(SSE_KEY),
        Some("arn:aws:kms:us-east-1:222222222222:alias/aws/s3")
    );
}

#[test]
fn a_key_of_the_other_account_needs_both_sides() {
    let aws = Sandbox::start();
    let client = stranger(&aws);
    aws.kms_key(KEY);
    aws.bucket("docs")
        .encryption(Encryption::Kms(Some(KEY.to_owned())));
    client.put("/docs/a", b"x").send().refused(
        403,
        "AccessDenied",
        &format!("User: {CI} is not authorized to perform: kms:GenerateDataKey on resource: {KEY} because no resource-based policy allows"),
    );
    aws.kms_key(KEY)
        .policy(statements(json!([{"Effect": "Allow",
        "Principal": {"AWS": "111111111111"}, "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}}])));
    client.put("/docs/a", b"x").send().ok();
    let id = create(&client, "m", &[]);
    let etag = part(&client, "m", &id, "1", b"x", &[]).ok();
    complete(
        &client,
        "m",
        &id,
        &[(1, etag.header("etag").unwrap(), "")],
        &[],
    )
    .ok();
}

#[test]
fn two_layers_need_the_same_permissions() {
    let aws = docs();
    aws.kms_key(KEY);
    let put = |policy: Value, extra: &[(&str, &str)]| {
        let credentials = with_policy(&aws, "r", policy);
        let client = Client::session(&aws, &credentials);
        let mut call = client
            .put("/docs/a", b"x")
            .header(SSE, "aws:kms:dsse")
            .header(SSE_KEY, KEY);
        for (name, value) in extra {
            call = call.header(name, value);
        }
        call.send()
    };
    put(allow("s3:*", "*"), &[]).refused(
        403,
        "AccessDenied",
        "User: arn:aws:sts::222222222222:assumed-role/r/s is not authorized to perform: kms:GenerateDataKey",
    );
    let enough = || allow(json!(["s3:PutObject", "kms:GenerateDataKey"]), "*");
    let done = put(enough(), &[]).ok();
    assert_eq!(done.header(SSE), Some("aws:kms:dsse"));
    assert_eq!(done.header(SSE_KEY), Some(KEY));
    let object = aws.object("docs", "a").unwrap();
    assert_eq!(
        object.properties.encryption,
        Encryption::KmsDsse(Some(KEY.to_owned()))
    );
    assert_ne!(object.etag, "9dd4e461268c8034f5c8564e155c67a6");
    let bucket_key = "x-amz-server-side-encryption-bucket-key-enabled";
    put(enough(), &[(bucket_key, "false")]).ok();
    put(enough(), &[(bucket_key, "true")]).refused(
        400,
        "InvalidArgument",
        "S3 Bucket Keys aren't supported for DSSE-KMS.",
    );
    // Reading asks for kms:Decrypt, and so does a multipart upload.
    let reader = with_policy(&aws, "reader", allow("s3:*", "*"));
    Client::session(&aws, &reader)
        .s3("GET", "/docs/a")
        .send()
        .refused(403, "AccessDenied", "User: arn:aws:sts::222222222222:assumed-role/reader/s is not authorized to perform: kms:Decrypt");
    // As a bucket's default, it holds where the request says nothing.
    aws.bucket("docs")
        .encryption(Encryption::KmsDsse(Some(KEY.to_owned())));
    let all = with_policy(&aws, "all", allow("*", "*"));
    let client = Client::session(&aws, &all);
    let id = create(&client, "m", &[]);
    let etag = part(&client, "m", &id, "1", b"x", &[]).ok();
    assert_eq!(etag.header(SSE), Some("aws:kms:dsse"));
    let parts = [(1, etag.header("etag").unwrap(), "")];
    let done = complete(&client, "m", &id, &parts, &[]).ok();
    assert_eq!(done.header(SSE), Some("aws:kms:dsse"));
    let plain = client.put("/docs/a", b"x").header(SSE, "AES256").send();
    assert_eq!(plain.ok().header(SSE), Some("AES256"));
}

#[test]
fn a_key_has_four_names() {
    let aws = docs();
    aws.kms_key(KEY).alias("alias/docs");
    aws.kms_key("arn:aws:kms:us-east-1:111111111111:key/3333")
        .alias("alias/theirs");
    let credentials = with_policy(&aws, "r", allow("*", "*"));
    let client = Client::session(&aws, &credentials);
    let put = |key: &str| {
        client
            .put("/docs/a", b"x")
            .header(SSE, "aws:kms")
            .header(SSE_KEY, key)
            .send()
    };
    for key in [
        "1111-2222",
        KEY,
        "alias/docs",
        "arn:aws:kms:us-east-1:222222222222:alias/docs",
    ] {
        assert_eq!(put(key).ok().header(SSE_KEY), Some(KEY), "{key}");
    }
    put("alias/none").refused(
        400,
        "KMS.NotFoundException",
        "Alias arn:aws:kms:us-east-1:222222222222:alias/none is not found.",
    );
    // An alias is looked for in the account that asks, and no further.
    put("alias/theirs").refused(400, "KMS.NotFoundException", "Alias ");
    put("arn:aws:kms:us-east-1:111111111111:alias/theirs").refused(
        403,
        "AccessDenied",
        "Access Denied",
    );
    put("arn:aws:kms:eu-central-1:222222222222:alias/docs").refused(
        400,
        "KMS.NotFoundException",
        "Invalid arn eu-central-1",
    );
    put("arn:aws:kms:us-east-1:222222222222:grant/docs").refused(
        400,
        "InvalidArgument",
        "Invalid KMS keyId",
    );
    // Permissions are asked for the key, not for its alias.
    let alias = "arn:aws:kms:us-east-1:222222222222:alias/docs";
    for (resource, status) in [(alias, 403), (KEY, 200)] {
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"},
            {"Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": resource}]});
        let credentials = with_policy(&aws, "narrow", policy);
        let put = Client::session(&aws, &credentials)
            .put("/docs/a", b"x")
            .header(SSE, "aws:kms")
            .header(SSE_KEY, "alias/docs")
            .send();
        assert_eq!(put.status, status, "{resource}");
    }
}
