//! The recipe for GitLab, as it stands, run by gitlab-ci-local, which `.ci/hosts`
//! installs. Only where AWS is comes from outside.

use std::fs;
use std::process::Command;

use crate::harness::*;
use crate::identities::{GITLAB, trust_tokens};

const SUBJECT: &str = "project_path:acme/handbook:ref_type:branch:ref:main";

/// Runs a job of the example, and the one that it needs, in a project of its own.
fn run(world: &World, job: &str, variables: &[(&str, &str)]) -> Outcome {
    let project = world.dir.path().join(job);
    fs::create_dir(&project).unwrap();
    let example = include_str!("../../.gitlab-ci.example.yml");
    fs::write(project.join(".gitlab-ci.yml"), example).unwrap();
    for words in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "."],
        &["commit", "--quiet", "--message=example"],
    ] {
        let done = Command::new("git")
            .args(["-c", "user.name=test", "-c", "user.email=test@example.org"])
            .args(words)
            .current_dir(&project)
            .status();
        assert!(done.unwrap().success());
    }
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_docferry"));
    let tool =
        std::env::var("GITLAB_CI_LOCAL").unwrap_or_else(|_| panic!("`.ci/hosts` says where it is"));
    let path = format!(
        "{}:{tool}:/usr/bin:/bin",
        program.parent().unwrap().display()
    );
    let mut command = Command::new("gitlab-ci-local");
    command
        .args([job, "--needs", "--force-shell-executor", "--no-color"])
        .current_dir(&project)
        .env_clear()
        .env("PATH", &path)
        .env("HOME", world.dir.path());
    let endpoint = world.aws.endpoint();
    let always = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("DOCFERRY_DESTINATION", "s3://example-docs/site/"),
    ];
    for (name, value) in always.iter().chain(variables) {
        command.arg("--variable").arg(format!("{name}={value}"));
    }
    let outcome = world.job().start_by(command, "").wait();
    assert_left_behind(&project);
    outcome
}

/// What the recipe declares as artifacts is there.
fn assert_left_behind(project: &std::path::Path) {
    for (name, part) in [
        ("docferry-report.json", "\"outcome\": \"done\""),
        (
            "docferry.env",
            "DOCFERRY_URL=https://docs.example.org/handbook/\n",
        ),
        (
            "docferry-annotations.json",
            "https://docs.example.org/handbook/",
        ),
    ] {
        let left = walkdir::WalkDir::new(project)
            .into_iter()
            .map(Result::unwrap);
        let texts: Vec<String> = left
            .filter(|entry| entry.file_name() == name)
            .map(|entry| fs::read_to_string(entry.path()).unwrap())
            .collect();
        assert!(
            texts.iter().any(|text| text.contains(part)),
            "{name}: {texts:?}"
        );
    }
}

fn assert_arrived(world: &World) {
    assert_eq!(world.keys(), ["site/index.html"]);
    let page = world.object("site/index.html");
    assert_eq!(page.bytes().as_ref(), b"<h1>Handbook</h1>\n");
}

#[test]
#[ignore = "needs gitlab-ci-local: .ci/hosts"]
fn the_gitlab_example_publishes_with_a_token_and_with_a_key() {
    let world = World::new();
    let provider = world
        .aws
        .oidc_provider(DOCUMENTATION, GITLAB, &["sts.amazonaws.com"]);
    trust_tokens(&world, GITLAB, SUBJECT);
    let token = provider.token().subject(SUBJECT);
    let token = token.audience("sts.amazonaws.com").sign();
    run(&world, "publish", &[("DOCFERRY_OIDC_TOKEN", &token)]).exits(0);
    assert_arrived(&world);

    let world = World::new();
    let key = [
        ("AWS_ACCESS_KEY_ID", world.key.id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", world.key.secret.as_str()),
    ];
    run(&world, "publish-with-a-key", &key).exits(0);
    assert_arrived(&world);
}
