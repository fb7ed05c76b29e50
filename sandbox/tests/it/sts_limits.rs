//! Shapes and limits of `AssumeRole`: names, durations, policies, and what a
//! session policy does to the session.

use std::time::Duration;

use docferry_sandbox::{Answer, Fault, Sandbox};
use serde_json::json;

use crate::world::{CI, Client, WRITER, allow, trusts};

fn aws() -> (Sandbox, docferry_sandbox::AccessKey) {
    let aws = Sandbox::start();
    let key = aws.user(CI).policy(allow("sts:*", "*")).access_key();
    aws.role(WRITER).trust(trusts(CI));
    (aws, key)
}

#[test]
fn parameters_are_validated_in_awss_words() {
    let (aws, key) = aws();
    let client = Client::user(&aws, &key);
    let long = "x".repeat(65);
    let policy = "x".repeat(2049);
    let name = "[\\w+=,.@-]*";
    let fails = |field: &str, value: &str, must: &str| {
        format!(
            "1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: Member must {must}"
        )
    };
    let table: Vec<(&str, &str, String)> = vec![
        (
            "RoleSessionName",
            "a b",
            fails(
                "roleSessionName",
                "a b",
                &format!("satisfy regular expression pattern: {name}"),
            ),
        ),
        (
            "RoleSessionName",
            "job/7",
            fails(
                "roleSessionName",
                "job/7",
                &format!("satisfy regular expression pattern: {name}"),
            ),
        ),
        (
            "RoleSessionName",
            "a",
            fails(
                "roleSessionName",
                "a",
                "have length greater than or equal to 2",
            ),
        ),
        (
            "RoleSessionName",
            &long,
            fails(
                "roleSessionName",
                &long,
                "have length less than or equal to 64",
            ),
        ),
        (
            "DurationSeconds",
            "899",
            fails(
                "durationSeconds",
                "899",
                "have value greater than or equal to 900",
            ),
        ),
        (
            "DurationSeconds",
            "43201",
            fails(
                "durationSeconds",
                "43201",
                "have value less than or equal to 43200",
            ),
        ),
        (
            "ExternalId",
            "a b",
            fails("externalId", "a b", "satisfy regular expression pattern"),
        ),
        (
            "ExternalId",
            "a",
            fails("externalId", "a", "have length greater than or equal to 2"),
        ),
        (
            "Policy",
            &policy,
            fails("policy", &policy, "have length less than or equal to 2048"),
        ),
        (
            "RoleArn",
            "docs-writer",
            fails(
                "roleArn",
                "docs-writer",
                "have length greater than or equal to 20",
            ),
        ),
        (
            "RoleArn",
            "arn:aws:iam::222222222222:user/ci",
            "arn:aws:iam::222222222222:user/ci is invalid".into(),
        ),
        (
            "PolicyArns.member.1.arn",
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "ARN arn:aws:iam::aws:policy/ReadOnlyAccess does not exist".into(),
        ),
    ];
    for (field, value, message) in table {
        let mut parameters = vec![("RoleArn", WRITER), ("RoleSessionName", "job-7")];
        parameters.retain(|(name, _)| *name != field);
        parameters.push((field, value));
        client
            .sts("AssumeRole", &parameters)
            .refused(400, "ValidationError", &message);
    }
    client.sts("AssumeRole", &[("RoleArn", WRITER)]).refused(
        400,
        "ValidationError",
        "1 validation error detected: Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null",
    );
    client
        .sts(
            "AssumeRole",
            &[("RoleArn", WRITER), ("RoleSessionName", "a/")],
        )
        .ok_or_refused_contains("1 validation error detected");
    client
        .sts(
            "AssumeRole",
            &[("RoleArn", WRITER), ("RoleSessionName", "/")],
        )
        .refused(400, "ValidationError", "2 validation errors detected: ");
    client
        .sts(
            "AssumeRole",
            &[
                ("RoleArn", WRITER),
                ("RoleSessionName", "job-7"),
                ("Policy", "{"),
            ],
        )
        .refused(400, "MalformedPolicyDocument", "Syntax errors in policy.");
    client.sts("AssumeEverything", &[]).refused(
        400,
        "InvalidAction",
        "Could not find operation AssumeEverything for version 2011-06-15",
    );
}

impl crate::client::Response {
    #[track_caller]
    fn ok_or_refused_contains(&self, text: &str) {
        assert!(self.text().contains(text), "{}", self.text());
    }
}

#[test]
fn durations() {
    let (aws, key) = aws();
    let middle = "arn:aws:iam::111111111111:role/middle";
    aws.role(middle)
        .trust(trusts(CI))
        .policy(allow("sts:*", "*"));
    aws.role(WRITER)
        .trust(trusts(json!([CI, middle])))
        .max_session(Duration::from_hours(4));
    let client = Client::user(&aws, &key);
    let call = |client: &Client<'_>, role: &str, seconds: &str| {
        client.sts(
            "AssumeRole",
            &[
                ("RoleArn", role),
                ("RoleSessionName", "job-7"),
                ("DurationSeconds", seconds),
            ],
        )
    };
    let over = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    call(&client, middle, "3600").ok();
    call(&client, middle, "3601").refused(400, "ValidationError", over);
    call(&client, WRITER, "14400").ok();
    call(&client, WRITER, "14401").refused(400, "ValidationError", over);
    let chained = client.assume(middle, &[]);
    call(&chained, WRITER, "3600").ok();
    call(&chained, WRITER, "3601").refused(
        400,
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
    );
    // The credentials end when they say.
    let short = client.assume(WRITER, &[("DurationSeconds", "900")]);
    aws.clock().advance(Duration::from_mins(15));
    short
        .sts("GetCallerIdentity", &[])
        .refused(403, "ExpiredToken", "The security token");
}

#[test]
fn a_session_policy_narrows_and_never_widens() {
    let (aws, key) = aws();
    aws.bucket("docs");
    aws.role(WRITER)
        .policy(allow("s3:PutObject", "arn:aws:s3:::docs/*"));
    let client = Client::user(&aws, &key);
    let policy = allow(
        json!(["s3:PutObject", "s3:DeleteObject"]),
        "arn:aws:s3:::docs/site/*",
    )
    .to_string();
    let session = client.assume(WRITER, &[("Policy", &policy)]);
    session.put("/docs/site/a", b"x").send().ok();
    session.put("/docs/other", b"x").send().refused(
        403,
        "AccessDenied",
        "User: arn:aws:sts::222222222222:assumed-role/docs-writer/job-7 is not authorized to perform: s3:PutObject on resource: \"arn:aws:s3:::docs/other\" because no session policy allows the s3:PutObject action",
    );
    session.s3("DELETE", "/docs/site/a").send().refused(
        403,
        "AccessDenied",
        "User: arn:aws:sts::222222222222:assumed-role/docs-writer/job-7 is not authorized to perform: s3:DeleteObject on resource: \"arn:aws:s3:::docs/site/a\" because no identity-based policy allows the s3:DeleteObject action",
    );
}

#[test]
fn faults_reach_sts() {
    let (aws, key) = aws();
    let client = Client::user(&aws, &key);
    aws.fault(Fault::new("sts:AssumeRole").nth(1).then(Answer::SlowDown));
    aws.fault(
        Fault::new("sts:GetCallerIdentity")
            .nth(1)
            .then(Answer::InternalError),
    );
    let call = [("RoleArn", WRITER), ("RoleSessionName", "job-7")];
    client
        .sts("AssumeRole", &call)
        .refused(400, "Throttling", "Rate exceeded");
    client.sts("AssumeRole", &call).ok();
    client.sts("GetCallerIdentity", &[]).refused(
        500,
        "InternalFailure",
        "The request processing has failed",
    );
    let requests = aws.requests();
    assert_eq!(requests.count("sts:AssumeRole"), 2);
    assert_eq!(
        requests.of("sts:AssumeRole")[1].parameters["RoleSessionName"],
        "job-7"
    );
    assert_eq!(requests.of("sts:AssumeRole")[1].caller.as_deref(), Some(CI));
}
