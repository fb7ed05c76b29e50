//! GitHub's endpoint for web identity tokens.

use std::time::Duration;

use docferry_sandbox::{GitHubTokens, Sandbox};
use serde_json::{Value, json};

use crate::client::{Request, Response, send};
use crate::world::{WRITER, sts_request};

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const SUBJECT: &str = "repo:example@11/docs@22:ref:refs/heads/main";

fn world() -> (Sandbox, GitHubTokens) {
    let aws = Sandbox::start();
    let provider = aws.oidc_provider("222222222222", ISSUER, &["sts.amazonaws.com"]);
    aws.role(WRITER)
        .trust(json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": provider.arn()},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": SUBJECT
            }}
        }]}));
    let tokens = aws.github_tokens(&provider, SUBJECT);
    (aws, tokens)
}

fn ask(url: &str, authorization: Option<&str>) -> Response {
    let url = url.trim_start_matches("http://");
    let (address, path) = url.split_once('/').unwrap();
    let mut request = Request::new("GET", &format!("/{path}"));
    request.header("host", address);
    if let Some(authorization) = authorization {
        request.header("authorization", authorization);
    }
    send(address, &request).unwrap()
}

fn token(tokens: &GitHubTokens, audience: &str) -> String {
    let url = format!("{}{audience}", tokens.url());
    let answer = ask(&url, Some(&format!("bearer {}", tokens.request_token()))).ok();
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    let token = answer["value"].as_str().unwrap().to_owned();
    assert_eq!(answer["count"], token.len());
    token
}

fn claims(token: &str) -> Value {
    let body = token.split('.').nth(1).unwrap();
    let mut bits = (0_u32, 0_u32);
    let mut bytes = Vec::new();
    for c in body.bytes() {
        let digit = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'-' => 62,
            _ => 63,
        };
        bits = ((bits.0 << 6 | u32::from(digit)) & 0xffff, bits.1 + 6);
        if bits.1 >= 8 {
            bits.1 -= 8;
            bytes.push(u8::try_from(bits.0 >> bits.1 & 0xff).unwrap());
        }
    }
    serde_json::from_slice(&bytes).unwrap()
}

fn assume(aws: &Sandbox, token: &str) -> Response {
    let endpoint = aws.endpoint();
    let host = endpoint.trim_start_matches("http://");
    let request = sts_request(
        host,
        "AssumeRoleWithWebIdentity",
        &[
            ("RoleArn", WRITER),
            ("RoleSessionName", "run-1"),
            ("WebIdentityToken", token),
        ],
    );
    send(host, &request).unwrap()
}

#[test]
fn a_job_gets_tokens_that_sts_takes() {
    let (aws, tokens) = world();
    assert!(tokens.url().ends_with("?api-version=2.0"));
    let first = token(&tokens, "&audience=sts.amazonaws.com");
    assume(&aws, &first).ok();
    let second = token(&tokens, "&audience=sts.amazonaws.com");
    assert_ne!(first, second);
    let claims = claims(&first);
    assert_eq!(claims["sub"], SUBJECT);
    assert_eq!(claims["aud"], "sts.amazonaws.com");
    assert_eq!(claims["repository"], "example/docs");
    let seconds = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(seconds("exp") - seconds("iat"), 300);
    assert_eq!(tokens.requests(), 2);
    assert_eq!(aws.requests().count("github:GetIdToken"), 2);
    aws.clock().advance(Duration::from_mins(5));
    assume(&aws, &first).refused(400, "ExpiredTokenException", "Token expired: ");
}

#[test]
fn the_audience_is_the_one_asked_for() {
    let (aws, tokens) = world();
    let other = token(&tokens, "&audience=https%3A%2F%2Fvault.example%2Fa+b");
    assert_eq!(claims(&other)["aud"], "https://vault.example/a b");
    assume(&aws, &other).refused(400, "InvalidIdentityToken", "Incorrect token audience");
    for none in ["", "&audience="] {
        let token = token(&tokens, none);
        assert_eq!(claims(&token)["aud"], "https://github.com/example");
    }
    let brief = token(&tokens.life(Duration::from_secs(20)), "");
    let brief = claims(&brief);
    assert_eq!(
        brief["exp"].as_i64().unwrap() - brief["iat"].as_i64().unwrap(),
        20
    );
}

#[test]
fn only_the_jobs_own_request_is_answered() {
    let (aws, tokens) = world();
    let url = tokens.url();
    let request_token = tokens.request_token();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        ask(&url, Some(&format!("{scheme} {request_token}"))).ok();
    }
    for wrong in [
        None,
        Some("bearer eyJ.other".to_owned()),
        Some(format!("token {request_token}")),
        Some(request_token.to_owned()),
    ] {
        let answer = ask(&url, wrong.as_deref());
        assert_eq!(answer.status, 401);
        assert!(!answer.text().contains(request_token));
    }
    let bearer = format!("bearer {request_token}");
    let without_query = url.split('?').next().unwrap();
    let replaced = format!("{without_query}?audience=sts.amazonaws.com");
    assert_eq!(ask(&replaced, Some(&bearer)).status, 400);
    let elsewhere = url.replace("/idtoken/", "/token/");
    assert_eq!(ask(&elsewhere, Some(&bearer)).status, 404);
    assert_eq!(aws.requests().refused().len(), 6);
}

#[test]
fn the_endpoint_fails_for_a_while() {
    let (_aws, tokens) = world();
    let tokens = tokens.fail_times(2, 503);
    let bearer = format!("bearer {}", tokens.request_token());
    assert_eq!(ask(&tokens.url(), Some(&bearer)).status, 503);
    assert_eq!(ask(&tokens.url(), Some(&bearer)).status, 503);
    ask(&tokens.url(), Some(&bearer)).ok();
    assert_eq!(tokens.requests(), 3);
}
