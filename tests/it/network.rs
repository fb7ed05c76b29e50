//! Company networks: proxies, private CAs, metadata that is out of reach.

use std::time::{Duration, Instant};

use docferry_sandbox::Sandbox;
use serde_json::json;

use crate::harness::*;
use crate::identities::on_instance;

/// A job that knows nothing but AWS's own host names and a proxy.
fn job_behind(world: &World, proxy: &docferry_sandbox::Proxy) -> Job {
    world
        .job()
        .without("AWS_ENDPOINT_URL")
        .var("HTTPS_PROXY", proxy.url())
        .var("AWS_CA_BUNDLE", world.aws.ca_file())
}

#[test]
fn everything_goes_through_the_proxy_by_awss_regional_names() {
    let world = World::with(Sandbox::builder().tls(true));
    world.site();
    let proxy = world.aws.proxy();
    let proxy = proxy.route("*.amazonaws.com:443", world.aws.port());
    job_behind(&world, &proxy).run().exits(0);
    world.assert_all_in_place();
    let seen = proxy.seen();
    assert!(
        seen.iter()
            .any(|to| to.contains("sts.eu-central-1.amazonaws.com:443")),
        "{seen:?}"
    );
    assert!(
        seen.iter()
            .any(|to| to.contains("example-docs.s3.eu-central-1.amazonaws.com:443")),
        "{seen:?}"
    );
    // What is exempt does not go through it.
    let exempt = world.aws.proxy();
    let job = world
        .job()
        .var("HTTPS_PROXY", exempt.url())
        .var("NO_PROXY", "127.0.0.1");
    job.var("AWS_CA_BUNDLE", world.aws.ca_file()).run().exits(0);
    assert!(exempt.seen().is_empty(), "{:?}", exempt.seen());
}

#[test]
fn fips_and_dual_stack_names_are_used_when_asked_for() {
    for (name, sts, s3) in [
        (
            "AWS_USE_FIPS_ENDPOINT",
            "sts-fips.eu-central-1.amazonaws.com",
            "example-docs.s3-fips.eu-central-1.amazonaws.com",
        ),
        (
            "AWS_USE_DUALSTACK_ENDPOINT",
            "sts.eu-central-1.api.aws",
            "example-docs.s3.dualstack.eu-central-1.amazonaws.com",
        ),
    ] {
        let world = World::with(Sandbox::builder().tls(true));
        world.site();
        let proxy = world.aws.proxy();
        let proxy = proxy.route("*:443", world.aws.port());
        job_behind(&world, &proxy).var(name, "true").run().exits(0);
        let seen = proxy.seen();
        for host in [sts, s3] {
            assert!(seen.iter().any(|to| to.contains(host)), "{host}: {seen:?}");
        }
        world.assert_all_in_place();
    }
}

#[test]
fn a_proxy_that_refuses_is_named() {
    let world = World::with(Sandbox::builder().tls(true));
    world.site();
    let proxy = world.aws.proxy().refuse(403);
    job_behind(&world, &proxy)
        .run()
        .exits(3)
        .says("STS cannot be reached")
        .says("HTTPS_PROXY")
        .says("the proxy in HTTPS_PROXY refused");
}

#[test]
fn a_private_ca_that_is_not_known_is_named() {
    let world = World::with(Sandbox::builder().tls(true));
    world.site();
    world
        .job()
        .run()
        .exits(3)
        .says("UnknownIssuer")
        .says("give its file in AWS_CA_BUNDLE");
    world
        .job()
        .var("AWS_CA_BUNDLE", world.aws.ca_file())
        .run()
        .exits(0);
    world.assert_all_in_place();
    let job = || world.job();
    job()
        .var("AWS_CA_BUNDLE", "/no/such/file.pem")
        .run()
        .exits(2)
        .says("AWS_CA_BUNDLE = \"/no/such/file.pem\" is not there");
    job()
        .var("AWS_CA_BUNDLE", world.dir.path().join("public/index.html"))
        .run()
        .exits(2)
        .says("holds no PEM certificate");
}

#[test]
fn metadata_out_of_reach_is_known_in_seconds_with_the_hop_limit_named() {
    let world = World::new();
    world.site();
    let metadata = world
        .aws
        .instance_metadata("arn:aws:iam::111111111111:role/runner");
    let metadata = metadata.out_of_reach();
    let begin = Instant::now();
    on_instance(&world, &metadata)
        .run()
        .exits(3)
        .says("the job has no AWS identity")
        .says("raise the instance's metadata hop limit to 2");
    assert!(
        begin.elapsed() < Duration::from_secs(8),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn an_instance_without_a_role_is_told_from_one_out_of_reach() {
    let world = World::new();
    world.site();
    let metadata = world
        .aws
        .instance_metadata("arn:aws:iam::111111111111:role/runner");
    let metadata = metadata.without_role();
    let outcome = on_instance(&world, &metadata).run();
    outcome
        .exits(3)
        .says("looked at instance metadata:")
        .says_nothing_of("hop limit");
}

#[test]
fn a_role_of_another_partition_is_an_error_before_any_call() {
    let world = World::new();
    world.site();
    world
        .job()
        .var(
            "DOCFERRY_ROLE_ARN",
            "arn:aws-cn:iam::222222222222:role/docs-writer",
        )
        .run()
        .exits(2)
        .says("is in partition `aws-cn`, and AWS_REGION eu-central-1 is in `aws`");
    assert!(world.aws.requests().all().is_empty());
}

#[test]
fn a_wish_for_a_longer_chained_session_is_an_error_before_the_call() {
    let world = World::new();
    world.site();
    let runner = "arn:aws:iam::111111111111:role/runner";
    let ec2 = json!({
        "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole",
    });
    let _runner = world
        .aws
        .role(runner)
        .trust(policy(&ec2))
        .policy(may_assume());
    let metadata = world.aws.instance_metadata(runner);
    on_instance(&world, &metadata)
        .var("DOCFERRY_SESSION_DURATION", "2h")
        .run()
        .exits(2)
        .says("the job's own identity is itself a role session");
    assert_eq!(world.aws.requests().count("sts:AssumeRole"), 0);
}
