//! OIDC tokens: whose they are, when they are taken, and what is said when they
//! are refused.

use std::time::Duration;

use serde_json::json;

use crate::harness::*;
use crate::identities::*;

#[test]
fn githubs_token_is_asked_for_and_masked_and_hops_may_follow() {
    let world = World::new();
    world.site();
    let provider = world
        .aws
        .oidc_provider(DOCUMENTATION, GITHUB, &["sts.amazonaws.com"]);
    trust_tokens(&world, GITHUB, MAIN);
    let tokens = world.aws.github_tokens(&provider, MAIN);
    let job = || {
        keyless(&world)
            .var("GITHUB_ACTIONS", "true")
            .var("ACTIONS_ID_TOKEN_REQUEST_URL", tokens.url())
            .var("ACTIONS_ID_TOKEN_REQUEST_TOKEN", tokens.request_token())
    };
    for choice in ["auto", "on"] {
        let outcome = job().var("DOCFERRY_OIDC", choice).run().exits(0);
        let outcome = outcome.says(&format!(
            "identity   GitHub's OIDC token of {MAIN:?} for \"sts.amazonaws.com\""
        ));
        assert_masked(&world, &outcome);
        world.assert_all_in_place();
    }
    job()
        .var("DOCFERRY_OIDC", "off")
        .run()
        .exits(3)
        .says("the job has no AWS identity");
    // From the token to a first role, and from there to the writer.
    let out = "arn:aws:iam::222222222222:role/out";
    trust_tokens(&world, GITHUB, MAIN);
    let name = GITHUB.trim_start_matches("https://");
    let first = json!({
        "Effect": "Allow",
        "Principal": {"Federated": provider.arn()},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {format!("{name}:sub"): MAIN, format!("{name}:aud"): "sts.amazonaws.com"}},
    });
    let _out = world
        .aws
        .role(out)
        .trust(policy(&first))
        .policy(may_assume());
    trust(&world, out);
    job()
        .var("DOCFERRY_ROLE_ARN", format!("{out}\n{ROLE}"))
        .run()
        .exits(0)
        .says("hop 1/2    arn:aws:sts::222222222222:assumed-role/out/docferry");
}

/// What GitHub's runner hides is what stands in a mask before anything else
/// says it.
fn assert_masked(world: &World, outcome: &Outcome) {
    let mut masked = Vec::new();
    for line in outcome.stderr.lines() {
        if let Some(secret) = line.strip_prefix("::add-mask::") {
            masked.push(secret);
            continue;
        }
        for secret in world.aws.secrets() {
            assert!(!line.contains(&secret), "a secret in: {line}");
        }
    }
    assert!(!masked.is_empty());
    assert_eq!(outcome.stdout, "");
}

#[test]
fn githubs_token_never_takes_the_place_of_credentials_that_the_job_has() {
    let world = World::new();
    world.site();
    runner(&world);
    let provider = world
        .aws
        .oidc_provider(DOCUMENTATION, GITHUB, &["sts.amazonaws.com"]);
    let tokens = world.aws.github_tokens(&provider, MAIN);
    let metadata = world.aws.instance_metadata(RUNNER);
    on_instance(&world, &metadata)
        .var("GITHUB_ACTIONS", "true")
        .var("ACTIONS_ID_TOKEN_REQUEST_URL", tokens.url())
        .var("ACTIONS_ID_TOKEN_REQUEST_TOKEN", tokens.request_token())
        .run()
        .exits(0)
        .says("identity   arn:aws:sts::111111111111:assumed-role/runner/")
        .says("GitHub's OIDC token is left alone, since the job has AWS credentials of its own (instance metadata)");
    assert_eq!(world.aws.requests().count("github:GetIdToken"), 0);
    world.assert_all_in_place();
}

#[test]
fn gitlabs_token_is_taken_from_its_variable() {
    let world = World::new();
    world.site();
    let provider = world
        .aws
        .oidc_provider(DOCUMENTATION, GITLAB, &["sts.amazonaws.com"]);
    let subject = "project_path:acme/handbook:ref_type:branch:ref:main";
    trust_tokens(&world, GITLAB, subject);
    let jwt = provider
        .token()
        .subject(subject)
        .audience("sts.amazonaws.com")
        .sign();
    // The user's keys are there for another purpose and are left alone.
    world
        .job()
        .var("GITLAB_CI", "true")
        .var("DOCFERRY_OIDC_TOKEN", &jwt)
        .run()
        .exits(0)
        .says(&format!("identity   DOCFERRY_OIDC_TOKEN of {subject:?}"))
        .says_nothing_of(&jwt);
    world.assert_all_in_place();
    assert_eq!(world.aws.requests().count("sts:AssumeRole"), 0);
}

fn token_world() -> (World, docferry_sandbox::OidcProvider) {
    let world = World::new();
    world.site();
    let provider = world
        .aws
        .oidc_provider(DOCUMENTATION, GITHUB, &["sts.amazonaws.com"]);
    trust_tokens(&world, GITHUB, MAIN);
    (world, provider)
}

#[test]
fn a_token_that_sts_refuses_is_told_with_its_claims() {
    let (world, provider) = token_world();
    let good = || provider.token().subject(MAIN).audience("sts.amazonaws.com");
    for (token, parts) in [
        (
            good().subject("repo:acme/handbook:pull_request").sign(),
            [
                "subject \"repo:acme/handbook:pull_request\"",
                "\"token.actions.githubusercontent.com:sub\": \"repo:acme/handbook:pull_request\"",
                "compare the subject letter by letter",
            ],
        ),
        (
            good().audience("https://github.com/acme").sign(),
            [
                "audience \"https://github.com/acme\"",
                "list the audience \"https://github.com/acme\"",
                "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com",
            ],
        ),
        (
            good().signed_by_a_stranger().sign(),
            [
                "InvalidIdentityToken",
                "the identity provider",
                "must exist",
            ],
        ),
    ] {
        keyless(&world)
            .var("DOCFERRY_OIDC_TOKEN", &token)
            .run()
            .exits(3)
            .says("hop 1 of 1: STS refused to let the job assume the role")
            .says("action    sts:AssumeRoleWithWebIdentity")
            .says(parts[0])
            .says(parts[1])
            .says(parts[2])
            .says_nothing_of(&token);
    }
}

#[test]
fn a_token_that_has_ended_is_told_before_sts_is_asked() {
    let (world, provider) = token_world();
    let token = provider.token().subject(MAIN).audience("sts.amazonaws.com");
    let ended = token
        .expires(std::time::SystemTime::now() - Duration::from_mins(1))
        .sign();
    keyless(&world)
        .var("DOCFERRY_OIDC_TOKEN", ended)
        .run()
        .exits(3)
        .says("hop 1 of 1: the OIDC token is past its end");
    assert!(world.aws.requests().all().is_empty());
}

#[test]
fn a_pull_request_from_a_fork_has_no_token_and_is_told_why() {
    let world = World::new();
    world.site();
    keyless(&world)
        .var("GITHUB_ACTIONS", "true")
        .var("DOCFERRY_OIDC", "on")
        .run()
        .exits(2)
        .says("DOCFERRY_OIDC is on, but this job has no OIDC token")
        .says("`permissions: id-token: write`; a pull request from a fork never gets a token");
}

#[test]
fn a_token_endpoint_that_fails_is_tried_again_and_one_that_refuses_is_told() {
    let (world, provider) = token_world();
    let tokens = world.aws.github_tokens(&provider, MAIN).fail_times(2, 503);
    let job = || {
        keyless(&world)
            .var("GITHUB_ACTIONS", "true")
            .var("ACTIONS_ID_TOKEN_REQUEST_URL", tokens.url())
    };
    job()
        .var("ACTIONS_ID_TOKEN_REQUEST_TOKEN", tokens.request_token())
        .run()
        .exits(0);
    job()
        .var("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hunter2")
        .run()
        .exits(3)
        .says("GitHub gave no OIDC token")
        .says("HTTP status 401")
        .says("a pull request from a fork never has it")
        .says_nothing_of("hunter2");
}
