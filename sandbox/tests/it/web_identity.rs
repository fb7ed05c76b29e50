//! `AssumeRoleWithWebIdentity`: tokens, providers, trust, and the refusals.

use std::time::Duration;

use docferry_sandbox::{OidcProvider, Sandbox, Token};
use serde_json::{Value, json};

use crate::client::{Response, send};
use crate::world::{WRITER, sts_request};

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const SUBJECT: &str = "repo:example/docs:ref:refs/heads/main";

fn trust(provider: &OidcProvider, condition: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": provider.arn()},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition
    }]})
}

fn usual() -> Value {
    json!({"StringEquals": {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": SUBJECT
    }})
}

fn world() -> (Sandbox, OidcProvider) {
    let aws = Sandbox::start();
    let provider = aws.oidc_provider("222222222222", ISSUER, &["sts.amazonaws.com"]);
    aws.role(WRITER).trust(trust(&provider, usual()));
    (aws, provider)
}

fn assume(aws: &Sandbox, role: &str, token: &str) -> Response {
    let endpoint = aws.endpoint();
    let host = endpoint.trim_start_matches("http://");
    let request = sts_request(
        host,
        "AssumeRoleWithWebIdentity",
        &[
            ("RoleArn", role),
            ("RoleSessionName", "run-1"),
            ("WebIdentityToken", token),
        ],
    );
    send(host, &request).unwrap()
}

#[test]
fn a_sound_token_becomes_a_session() {
    let (aws, provider) = world();
    let answer = assume(&aws, WRITER, &provider.token().subject(SUBJECT).sign()).ok();
    assert_eq!(
        answer.element("Arn").unwrap(),
        "arn:aws:sts::222222222222:assumed-role/docs-writer/run-1"
    );
    assert_eq!(
        answer.element("SubjectFromWebIdentityToken").unwrap(),
        SUBJECT
    );
    assert_eq!(answer.element("Audience").unwrap(), "sts.amazonaws.com");
    assert_eq!(answer.element("Provider").unwrap(), provider.arn());
    assert!(answer.element("AccessKeyId").unwrap().starts_with("ASIA"));
    let record = aws.requests();
    let record = record.of("sts:AssumeRoleWithWebIdentity")[0];
    assert!(!record.parameters.contains_key("WebIdentityToken"));
}

#[test]
fn refusals() {
    let (aws, provider) = world();
    let token = || provider.token().subject(SUBJECT);
    let now = aws.clock().now();
    let minute = Duration::from_mins(1);
    let denied = (
        403,
        "AccessDenied",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    );
    let table: Vec<(&str, Token, (u16, &str, &str))> = vec![
        (
            "audience",
            token().audience("api.example"),
            (400, "InvalidIdentityToken", "Incorrect token audience"),
        ),
        (
            "subject",
            provider.token().subject("repo:example/fork:pull_request"),
            denied,
        ),
        (
            "expired",
            token().expires(now - minute),
            (
                400,
                "ExpiredTokenException",
                "Token expired: current date/time ",
            ),
        ),
        (
            "not yet",
            token().not_before(now + minute * 10),
            (400, "InvalidIdentityToken", ""),
        ),
        (
            "signed by a stranger",
            token().signed_by_a_stranger(),
            (400, "InvalidIdentityToken", ""),
        ),
        (
            "unknown key",
            token().key_id("other"),
            (
                400,
                "InvalidIdentityToken",
                "Couldn't retrieve verification key",
            ),
        ),
        (
            "no audience",
            token().without("aud"),
            (400, "InvalidIdentityToken", "Missing a required claim: aud"),
        ),
        (
            "no subject",
            token().without("sub"),
            (400, "InvalidIdentityToken", "Missing a required claim: sub"),
        ),
        (
            "unknown issuer",
            token().claim("iss", "https://gitlab.example"),
            (
                400,
                "InvalidIdentityToken",
                "No OpenIDConnect provider found in your account for https://gitlab.example",
            ),
        ),
    ];
    for (what, token, (status, code, message)) in table {
        println!("{what}");
        assume(&aws, WRITER, &token.sign()).refused(status, code, message);
    }
    assume(&aws, WRITER, "no-jwt").refused(
        400,
        "InvalidIdentityToken",
        "The ID Token provided is not a valid JWT.",
    );
    let mut forged = token().sign();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'E' } else { 'A' });
    assume(&aws, WRITER, &forged).refused(400, "InvalidIdentityToken", "");
    let (status, code, message) = denied;
    assume(
        &aws,
        "arn:aws:iam::222222222222:role/nobody",
        &token().sign(),
    )
    .refused(status, code, message);
    // The provider is looked for in the role's account.
    assume(
        &aws,
        "arn:aws:iam::111111111111:role/nobody",
        &token().sign(),
    )
    .refused(
        400,
        "InvalidIdentityToken",
        "No OpenIDConnect provider found in your account",
    );
    aws.clock().advance(Duration::from_mins(6));
    assume(
        &aws,
        WRITER,
        &Token::clone(&token().expires(now + minute * 5)).sign(),
    )
    .refused(400, "ExpiredTokenException", "Token expired: ");
    aws.clock().reset();
    let rejecting = provider.rejects(true);
    assume(&aws, WRITER, &rejecting.token().subject(SUBJECT).sign()).refused(
        403,
        "IDPRejectedClaim",
        "The identity provider (IdP) reported that authentication failed",
    );
}

#[test]
fn a_trust_in_aws_principals_does_not_let_tokens_in() {
    let (aws, provider) = world();
    aws.role(WRITER)
        .trust(json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:*"}]}));
    assume(&aws, WRITER, &provider.token().subject(SUBJECT).sign()).refused(
        403,
        "AccessDenied",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    );
}

#[test]
#[should_panic(expected = "token.actions.githubusercontent.com:sub")]
fn a_trust_in_github_needs_a_subject() {
    let aws = Sandbox::start();
    let provider = aws.oidc_provider("222222222222", ISSUER, &["sts.amazonaws.com"]);
    aws.role(WRITER).trust(trust(
        &provider,
        json!({"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}}),
    ));
}
