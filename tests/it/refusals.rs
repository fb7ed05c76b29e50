//! Every refusal says which hop, identity, account, action and resource, and
//! what to change, where.

use std::time::Duration;

use serde_json::json;

use crate::harness::*;

const HOP: &str = "hop 1 of 1: STS refused to let the job assume the role";

#[test]
fn a_role_that_does_not_trust_us() {
    let world = World::new();
    world.site();
    let other = json!({
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111111111111:role/somebody"},
        "Action": "sts:AssumeRole",
    });
    let _role = world.aws.role(ROLE).trust(policy(&other));
    world
        .job()
        .run()
        .exits(3)
        .says(HOP)
        .says(&format!("identity  {USER} (account {DEVELOPMENT})"))
        .says("action    sts:AssumeRole")
        .says(&format!("resource  {ROLE} (account {DOCUMENTATION})"))
        .says("STS said  AccessDenied: User: arn:aws:iam::111111111111:user/ci is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::222222222222:role/docs-writer (request id ")
        .says("in account 222222222222, role docs-writer must exist and its trust policy must allow")
        .says(r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:user/ci"}, "Action": "sts:AssumeRole"}"#)
        .says("if the trust policy asks for sts:ExternalId, set DOCFERRY_EXTERNAL_ID");
    assert!(world.keys().is_empty());
}

#[test]
fn a_role_that_does_not_exist() {
    let world = World::new();
    world.site();
    let wrong = "arn:aws:iam::222222222222:role/docs-wirter";
    world
        .job()
        .var("DOCFERRY_ROLE_ARN", wrong)
        .run()
        .exits(3)
        .says(HOP)
        .says(wrong)
        .says("role docs-wirter must exist");
}

#[test]
fn a_caller_without_the_permission() {
    let world = World::new();
    world.site();
    let _user = world.aws.user(USER).without_policies();
    world
        .job()
        .run()
        .exits(3)
        .says(HOP)
        .says("in account 111111111111, a policy of arn:aws:iam::111111111111:user/ci must allow")
        .says(&format!(
            r#""Action": "sts:AssumeRole", "Resource": "{ROLE}""#
        ));
}

#[test]
fn an_external_id_that_is_missing_or_wrong() {
    let world = World::new();
    world.site();
    let _role = world.aws.role(ROLE).trust(trusts(Some(EXTERNAL_ID)));
    let job = || world.job();
    job()
        .run()
        .exits(3)
        .says("set DOCFERRY_EXTERNAL_ID, which is not");
    job()
        .var("DOCFERRY_EXTERNAL_ID", "handbook-7f3b")
        .run()
        .exits(3)
        .says(HOP)
        .says("it must equal the trust policy's sts:ExternalId letter by")
        .says_nothing_of("handbook-7f3b");
}

#[test]
fn a_session_longer_than_the_roles_maximum() {
    let world = World::new();
    world.site();
    world
        .job()
        .var("DOCFERRY_SESSION_DURATION", "2h")
        .run()
        .exits(3)
        .says(HOP)
        .says("lower DOCFERRY_SESSION_DURATION, or raise the maximum session duration of role docs-writer");
}

#[test]
fn keys_that_aws_does_not_know() {
    let world = World::new();
    world.site();
    world
        .job()
        .var("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .run()
        .exits(3)
        .says("STS does not accept the job's own AWS credentials")
        .says("InvalidClientTokenId")
        .says("AWS_ACCESS_KEY_ID is not known to AWS");
    world
        .job()
        .var(
            "AWS_SECRET_ACCESS_KEY",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        )
        .run()
        .exits(3)
        .says("SignatureDoesNotMatch")
        .says("AWS_SECRET_ACCESS_KEY does not belong to this access key")
        .says_nothing_of("wJalrXUtnFEMI");
}

#[test]
fn no_identity_at_all() {
    let world = World::new();
    world.site();
    world
        .job()
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY")
        .run()
        .exits(3)
        .says("the job has no AWS identity")
        .says("looked at variables: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set")
        .says("looked at profile: no file, or no such profile in it")
        .says("looked at web identity file: AWS_WEB_IDENTITY_TOKEN_FILE is not set")
        .says("looked at container: no AWS_CONTAINER_CREDENTIALS_… variable is set")
        .says("looked at instance metadata: turned off by AWS_EC2_METADATA_DISABLED")
        .says("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE");
}

#[test]
fn an_sts_that_cannot_be_reached() {
    let world = World::new();
    world.site();
    world
        .job()
        .var("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
        .run()
        .exits(3)
        .says("STS cannot be reached")
        .says("AWS_ENDPOINT_URL_STS");
}

#[test]
fn a_bucket_that_does_not_exist() {
    let world = World::new();
    world.site();
    let everywhere = json!({"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"});
    let _role = world.aws.role(ROLE).policy(policy(&everywhere));
    world
        .job()
        .var("DOCFERRY_DESTINATION", "s3://exmaple-docs/site/")
        .run()
        .exits(5)
        .says("there is no bucket exmaple-docs")
        .says("action    s3:PutObject")
        .says("S3 said   NoSuchBucket")
        .says("docferry creates no buckets");
}

#[test]
fn a_bucket_that_belongs_to_somebody_else() {
    let world = World::new();
    world.site();
    let _bucket = world.aws.bucket(BUCKET).owner("333333333333");
    world
        .job()
        .run()
        .exits(5)
        .says("S3 refused the upload to bucket example-docs")
        .says("account   222222222222 writes, 222222222222 must own the bucket")
        .says("the bucket must belong to account 222222222222, the account of the identity that writes")
        .says("DOCFERRY_EXPECTED_BUCKET_OWNER");
    assert!(world.keys().is_empty());
}

#[test]
fn a_bucket_in_another_region() {
    let world = World::new();
    world.site();
    let _bucket = world.aws.bucket(BUCKET).region("us-west-2");
    world
        .job()
        .run()
        .exits(5)
        .says("bucket example-docs is in another region than eu-central-1")
        .says("hint: set AWS_REGION=us-west-2");
    // A client that signs for the wrong region learns it another way.
    let world = World::new();
    world.site();
    world
        .job()
        .var("AWS_REGION", "us-east-1")
        .var("AWS_ENDPOINT_URL_STS", world.aws.endpoint_in("us-east-1"))
        .run()
        .exits(5)
        .says("AuthorizationHeaderMalformed")
        .says("hint: set AWS_REGION=eu-central-1");
}

#[test]
fn a_resource_without_its_star() {
    let world = World::new();
    world.site();
    let bucket_only = json!({
        "Effect": "Allow", "Action": "s3:PutObject", "Resource": format!("arn:aws:s3:::{BUCKET}"),
    });
    let role = world
        .aws
        .role(ROLE)
        .without_policies()
        .policy(policy(&bucket_only));
    world
        .job()
        .run()
        .exits(5)
        .says("identity  arn:aws:sts::222222222222:assumed-role/docs-writer/docferry")
        .says("account   222222222222 writes")
        .says("because no identity-based policy allows the s3:PutObject action")
        .says("in account 222222222222, a policy of role docs-writer must allow")
        .says(r#"{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::example-docs/site/*"}"#)
        .says("the resource ends in /*: without it the statement means the bucket");
    let _role = role.policy(may_put());
    world.job().run().exits(0);
}

#[test]
fn a_bucket_policy_that_denies() {
    let world = World::new();
    world.site();
    let deny = json!({
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
        "Resource": format!("arn:aws:s3:::{BUCKET}/*"),
    });
    let _bucket = world.aws.bucket(BUCKET).policy(policy(&deny));
    world
        .job()
        .run()
        .exits(5)
        .says("explicit deny in a resource-based policy")
        .says("the policy of bucket example-docs denies it");
}

#[test]
fn a_refusal_of_one_object_does_not_stop_the_others() {
    let world = World::new();
    world.site();
    world.file("private/x", "x");
    let deny = json!({
        "Effect": "Deny", "Action": "s3:PutObject",
        "Resource": format!("arn:aws:s3:::{BUCKET}/site/private/*"),
    });
    let _role = world.aws.role(ROLE).policy(policy(&deny));
    // With one request at a time the others are in place when it is refused.
    world
        .job()
        .var("DOCFERRY_CONCURRENCY", "1")
        .run()
        .exits(6)
        .says("error: s3://example-docs/site/private/x: AccessDenied")
        .says("request id")
        .says("done       3 of 4 files");
}

#[test]
fn credentials_that_end_in_mid_upload_end_the_run() {
    let world = World::new();
    for index in 0..200 {
        world.file(&format!("{index}.html"), "x");
    }
    let expired = docferry_sandbox::Answer::ExpiredToken;
    world.aws.fault(
        docferry_sandbox::Fault::new("PutObject")
            .after(50)
            .then(expired),
    );
    world
        .job()
        .var("DOCFERRY_CONCURRENCY", "4")
        .run()
        .exits(3)
        .says("the credentials ended while the files were on their way")
        .says("in place   … and")
        .says("not sent   ");
    assert!(world.keys().len() >= 50);
    assert!(world.aws.requests().count("PutObject") < 70);
}

#[test]
fn an_s3_that_cannot_be_reached() {
    let world = World::new();
    world.site();
    world
        .job()
        .var("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
        .var("DOCFERRY_MAX_ATTEMPTS", "2")
        .run()
        .exits(5)
        .says("S3 cannot be reached in region eu-central-1")
        .says("AWS_ENDPOINT_URL_S3");
}

#[test]
fn a_clock_that_is_far_off() {
    let world = World::new();
    world.site();
    world.aws.clock().advance(Duration::from_hours(3));
    let outcome = world.job().run();
    // The SDK corrects the clock by the server's date and signs again.
    outcome.exits(0);
}

#[test]
fn an_endpoint_that_is_no_address_names_the_variables_that_make_it() {
    let world = World::new();
    world.site();
    world
        .job()
        .var("AWS_ENDPOINT_URL_STS", world.aws.endpoint())
        .var("AWS_ENDPOINT_URL_S3", "https://[::1")
        .run()
        .exits(5)
        .says("bucket example-docs has no address")
        .says("action    s3:PutObject")
        .says("resource  s3://example-docs/site/")
        .says("region    eu-central-1")
        .says("hint: check AWS_ENDPOINT_URL_S3");
}
