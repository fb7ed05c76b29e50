//! Credentials that end while files are on their way.

use std::time::Duration;

use docferry_sandbox::{Answer, Fault};
use serde_json::json;

use crate::harness::*;
use crate::identities::*;

#[test]
fn a_session_is_renewed_before_its_end_while_files_are_on_their_way() {
    let world = World::new();
    for index in 0..400 {
        world.file(&format!("{index}"), "x");
    }
    // By the job's clock the session has four seconds to live, and is renewed
    // after three.
    let _role = world.aws.role(ROLE).max_session(Duration::from_hours(1));
    world.aws.clock().rewind(Duration::from_secs(15 * 60 - 4));
    world.aws.latency(Duration::from_millis(60));
    world
        .job()
        .var("DOCFERRY_SESSION_DURATION", "15m")
        .var("DOCFERRY_CONCURRENCY", "4")
        .run()
        .exits(0);
    world.assert_all_in_place();
    let assumed = world.aws.requests().count("sts:AssumeRole");
    assert!((2..=4).contains(&assumed), "assumed {assumed} times");
}

#[test]
fn a_session_that_s3_calls_expired_is_renewed_once_for_all_requests() {
    let world = World::new();
    for index in 0..300 {
        world.file(&format!("{index}"), "x");
    }
    world.file("big", vec![1; 40 << 20]);
    world.aws.latency(Duration::from_millis(20));
    let running = world.job().var("DOCFERRY_CONCURRENCY", "32").start();
    wait_until("some objects are in place", || world.keys().len() > 60);
    world.aws.expire_sessions();
    running.wait().exits(0);
    world.assert_all_in_place();
    assert_eq!(world.aws.requests().count("sts:AssumeRole"), 2);
}

#[test]
fn a_whole_chain_is_renewed_and_githubs_token_is_asked_for_anew() {
    let world = World::new();
    for index in 0..200 {
        world.file(&format!("{index}"), "x");
    }
    let provider = world
        .aws
        .oidc_provider(DOCUMENTATION, GITHUB, &["sts.amazonaws.com"]);
    let out = "arn:aws:iam::222222222222:role/out";
    let name = GITHUB.trim_start_matches("https://");
    let first = json!({
        "Effect": "Allow",
        "Principal": {"Federated": provider.arn()},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {format!("{name}:sub"): MAIN}},
    });
    let _out = world
        .aws
        .role(out)
        .trust(policy(&first))
        .policy(may_assume());
    trust(&world, out);
    let tokens = world.aws.github_tokens(&provider, MAIN);
    world.aws.latency(Duration::from_millis(20));
    let running = keyless(&world)
        .var("GITHUB_ACTIONS", "true")
        .var("ACTIONS_ID_TOKEN_REQUEST_URL", tokens.url())
        .var("ACTIONS_ID_TOKEN_REQUEST_TOKEN", tokens.request_token())
        .var("DOCFERRY_ROLE_ARN", format!("{out},{ROLE}"))
        .var("DOCFERRY_CONCURRENCY", "8")
        .start();
    wait_until("some objects are in place", || world.keys().len() > 40);
    world.aws.expire_sessions();
    running.wait().exits(0);
    world.assert_all_in_place();
    let asked = world.aws.requests();
    assert_eq!(asked.count("github:GetIdToken"), 2, "one for each session");
    let with_token = asked.of("sts:AssumeRoleWithWebIdentity");
    assert_eq!(with_token.iter().filter(|r| r.status == 200).count(), 2);
}

#[test]
fn a_token_that_ends_cannot_be_renewed_and_ends_the_run_as_a_whole() {
    let world = World::new();
    for index in 0..300 {
        world.file(&format!("{index}"), "x");
    }
    let provider = world
        .aws
        .oidc_provider(DOCUMENTATION, GITLAB, &["sts.amazonaws.com"]);
    trust_tokens(
        &world,
        GITLAB,
        "project_path:acme/handbook:ref_type:branch:ref:main",
    );
    let token = provider
        .token()
        .subject("project_path:acme/handbook:ref_type:branch:ref:main")
        .audience("sts.amazonaws.com")
        .life(Duration::from_secs(2));
    world.aws.latency(Duration::from_millis(100));
    let running = keyless(&world)
        .var("GITLAB_CI", "true")
        .var("DOCFERRY_OIDC_TOKEN", token.sign())
        .var("DOCFERRY_CONCURRENCY", "4")
        .start();
    wait_until("some objects are in place", || world.keys().len() > 20);
    std::thread::sleep(Duration::from_secs(2));
    world.aws.expire_sessions();
    running
        .wait()
        .exits(3)
        .says("hop 1 of 1: the OIDC token is past its end")
        .says("in place")
        .says("not sent");
}

#[test]
fn a_slow_sts_is_not_asked_twice_at_once() {
    let world = World::new();
    for index in 0..100 {
        world.file(&format!("{index}"), "x");
    }
    world.aws.latency(Duration::from_millis(10));
    let running = world.job().var("DOCFERRY_CONCURRENCY", "64").start();
    wait_until("some objects are in place", || world.keys().len() > 10);
    world
        .aws
        .fault(Fault::new("sts:AssumeRole").then(Answer::Delay(Duration::from_millis(400))));
    world.aws.expire_sessions();
    running.wait().exits(0);
    assert_eq!(world.aws.requests().count("sts:AssumeRole"), 2);
}

#[test]
fn a_token_that_will_end_too_early_is_told_early() {
    let world = World::new();
    for index in 0..2000 {
        world.file(&format!("{index}"), "x");
    }
    let provider = world
        .aws
        .oidc_provider(DOCUMENTATION, GITLAB, &["sts.amazonaws.com"]);
    let subject = "project_path:acme/handbook:ref_type:branch:ref:main";
    trust_tokens(&world, GITLAB, subject);
    // By the job's clock the session ends in 25 seconds, and the token sooner.
    let now = std::time::SystemTime::now();
    let token = provider
        .token()
        .subject(subject)
        .audience("sts.amazonaws.com");
    let earlier = now - Duration::from_hours(1);
    let seconds = earlier
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let token = token.not_before(earlier).claim("iat", seconds);
    let token = token.expires(now + Duration::from_secs(15)).sign();
    world.aws.clock().rewind(Duration::from_secs(15 * 60 - 25));
    world.aws.latency(Duration::from_millis(100));
    let running = keyless(&world)
        .var("GITLAB_CI", "true")
        .var("DOCFERRY_OIDC_TOKEN", token)
        .var("DOCFERRY_SESSION_DURATION", "15m")
        .var("DOCFERRY_CONCURRENCY", "2")
        .start();
    std::thread::sleep(Duration::from_secs(13));
    running.signal("TERM");
    running
        .wait()
        .exits(143)
        .says("warning: at this rate the upload needs")
        .says("cannot be renewed, since the OIDC token ends");
}
