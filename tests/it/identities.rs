//! The identities that tests begin with, and the trust that they need.

use serde_json::json;

use crate::harness::*;

pub const RUNNER: &str = "arn:aws:iam::111111111111:role/runner";
pub const GITHUB: &str = "https://token.actions.githubusercontent.com";
pub const GITLAB: &str = "https://gitlab.example.org";
pub const MAIN: &str = "repo:acme/handbook:ref:refs/heads/main";

/// A role of the development account that may assume the writer, which trusts
/// it.
pub fn runner(world: &World) {
    let ec2 = json!({
        "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole",
    });
    let _runner = world
        .aws
        .role(RUNNER)
        .trust(policy(&ec2))
        .policy(may_assume());
    trust(world, RUNNER);
}

pub fn trust(world: &World, principal: &str) {
    let trust =
        json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"});
    let _writer = world.aws.role(ROLE).trust(policy(&trust));
}

pub fn trust_tokens(world: &World, issuer: &str, subject: &str) {
    let name = issuer.trim_start_matches("https://");
    let trust = json!({
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::{DOCUMENTATION}:oidc-provider/{name}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            format!("{name}:aud"): "sts.amazonaws.com",
            format!("{name}:sub"): subject,
        }},
    });
    let _writer = world.aws.role(ROLE).trust(policy(&trust));
}

/// A job without any key in a variable.
pub fn keyless(world: &World) -> Job {
    world
        .job()
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY")
}

/// A keyless job on an instance with this metadata.
pub fn on_instance(world: &World, metadata: &docferry_sandbox::Metadata) -> Job {
    keyless(world)
        .without("AWS_EC2_METADATA_DISABLED")
        .var("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.endpoint())
}
