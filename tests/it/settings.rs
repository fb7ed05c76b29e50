//! Settings, as a person meets them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::harness::*;

#[test]
fn all_mistakes_come_at_once_before_anyone_is_asked() {
    let world = World::new();
    world
        .job()
        .without("DOCFERRY_SOURCE")
        .var("DOCFERRY_DESTINATION", "example-docs/site")
        .var("DOCFERRY_CONCURENCY", "4")
        .var("DOCFERRY_PART_SIZE", "8")
        .run()
        .exits(2)
        .says("error: the settings have 4 mistakes")
        .says("DOCFERRY_SOURCE is not set")
        .says("DOCFERRY_DESTINATION = \"example-docs/site\" does not begin with s3://")
        .says("did you mean DOCFERRY_CONCURRENCY?")
        .says("DOCFERRY_PART_SIZE = \"8\" is not between 5MiB and 5GiB");
    assert!(world.aws.requests().all().is_empty());
}

#[test]
fn a_foreign_variable_that_is_not_utf8_is_no_business_of_ours() {
    let world = World::new();
    world.site();
    let bad = OsString::from_vec(vec![b'x', 0xff]);
    world.job().var("SOMETHING", &bad).run().exits(0);
    world
        .job()
        .var("DOCFERRY_EXTERNAL_ID", &bad)
        .run()
        .exits(2)
        .says("DOCFERRY_EXTERNAL_ID is not valid UTF-8");
}

#[test]
fn a_missing_region_is_named() {
    let world = World::new();
    world.site();
    world
        .job()
        .without("AWS_REGION")
        .run()
        .exits(2)
        .says("AWS_REGION is not set")
        .says("set it to the bucket's region");
}

#[test]
fn help_and_version_need_no_settings() {
    let help = Job::new().argument("--help").run().exits(0);
    assert!(help.stdout.contains("DOCFERRY_DESTINATION  (required)"));
    assert!(help.stdout.contains("Exit codes"));
    let version = Job::new().argument("--version").run().exits(0);
    assert_eq!(
        version.stdout,
        concat!("docferry ", env!("CARGO_PKG_VERSION"), "\n")
    );
    Job::new()
        .argument("uplaod")
        .run()
        .exits(2)
        .says("the command = \"uplaod\"");
}

#[test]
fn the_log_level_is_obeyed() {
    let world = World::new();
    world.site();
    let quiet = world.job().var("DOCFERRY_LOG", "error").run().exits(0);
    assert_eq!(quiet.stderr, "");
    world
        .job()
        .var("DOCFERRY_LOG", "debug")
        .run()
        .exits(0)
        .says("debug: stored s3://example-docs/site/index.html");
}

#[test]
fn an_actions_inputs_are_settings() {
    let world = World::new();
    world.site();
    world
        .job_of_the_user()
        .var("GITHUB_ACTIONS", "true")
        .var("INPUT_ROLE-ARN", ROLE)
        .var("INPUT_EXTERNAL-ID", "")
        .run()
        .exits(0);
    world.assert_all_in_place();
}

#[test]
fn only_one_word_is_taken() {
    let world = World::new();
    world.site();
    world
        .job()
        .argument("upload")
        .argument("--dry-run")
        .run()
        .exits(2)
        .says("the command line has \"--dry-run\" beside the command");
    assert!(world.aws.requests().all().is_empty());
}

#[test]
fn empty_means_unset_for_awss_variables_too() {
    let world = World::new();
    world.site();
    world
        .job()
        .var("AWS_REGION", "")
        .var("AWS_DEFAULT_REGION", "eu-central-1")
        .var("AWS_ENDPOINT_URL_S3", "")
        .var("AWS_PROFILE", "")
        .var("AWS_SESSION_TOKEN", "")
        .run()
        .exits(0);
    world.assert_all_in_place();
}

#[test]
fn awss_variables_are_looked_at_with_the_others() {
    let world = World::new();
    let job = || world.job().without("DOCFERRY_SOURCE");
    for (name, value, part) in [
        (
            "AWS_REGION",
            "\"eu-central-1\"",
            "write AWS_REGION=eu-central-1",
        ),
        ("AWS_REGION", "eu-central-1 ", "has a space or a line break"),
        ("AWS_ENDPOINT_URL", "127.0.0.1:9000", "is not a URL"),
        ("AWS_ENDPOINT_URL_S3", "http://minio:9000", "in the clear"),
        ("AWS_USE_FIPS_ENDPOINT", "yes", "use one of `true`, `false`"),
        (
            "AWS_ACCESS_KEY_ID",
            "AKIAIOSFODNN7EXAMPLE\n",
            "AWS_ACCESS_KEY_ID",
        ),
        (
            "AWS_SECRET_ACCESS_KEY",
            "hunter2hunter2\r",
            "AWS_SECRET_ACCESS_KEY = (secret)",
        ),
        (
            "AWS_SECRET_ACCESS_KEY",
            "",
            "is not set, but AWS_ACCESS_KEY_ID is",
        ),
    ] {
        job()
            .var(name, value)
            .run()
            .exits(2)
            .says("DOCFERRY_SOURCE is not set")
            .says(part)
            .says_nothing_of("hunter2");
    }
}

#[test]
fn what_nobody_filled_in_is_no_destination() {
    let world = World::new();
    for (name, value, part) in [
        (
            "DOCFERRY_DESTINATION",
            "s3://example-docs/$CI_COMMIT_REF_SLUG/",
            "nobody filled in",
        ),
        (
            "DOCFERRY_DESTINATION",
            "s3://example-docs/handbook/*",
            "nobody filled in",
        ),
        (
            "DOCFERRY_SOURCE",
            "'public'",
            "write DOCFERRY_SOURCE=public",
        ),
    ] {
        world.job().var(name, value).run().exits(2).says(part);
    }
    let job = world.job().var("DOCFERRY_SOURCE", "~/site/*");
    job.run().exits(4).says("docferry is no shell");
}

#[test]
fn a_plan_that_cannot_be_written_is_no_bug() {
    let world = World::new();
    world.site();
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let running = world.job().argument("plan").start_with_stdout(full);
    running
        .wait()
        .exits(5)
        .says("the plan cannot be written to standard output");
}
