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
