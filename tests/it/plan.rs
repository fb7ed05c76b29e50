//! `docferry plan`: everything is decided, nothing is touched.

use serde_json::Value;

use crate::harness::*;

#[test]
fn a_plan_touches_nothing_and_asks_nobody() {
    let world = World::new();
    world.site();
    let outcome = world.job().argument("plan").run().exits(0);
    assert!(
        outcome
            .stdout
            .contains("s3://example-docs/site/assets/style.css")
    );
    assert!(outcome.stdout.contains("text/css; charset=utf-8"));
    assert!(
        outcome
            .stdout
            .ends_with("3 files, 39 B, to s3://example-docs/site/\n"),
        "{}",
        outcome.stdout
    );
    assert!(world.aws.requests().all().is_empty());
}

#[test]
fn the_json_plan_is_what_an_upload_then_does() {
    let world = World::new();
    world.site();
    let outcome = world
        .job()
        .var("DOCFERRY_COMMAND", "plan")
        .var("DOCFERRY_PLAN_FORMAT", "json")
        .run()
        .exits(0);
    let plan: Value = serde_json::from_str(&outcome.stdout).unwrap();
    world.job().run().exits(0);
    let actions = plan["actions"].as_array().unwrap();
    let planned: Vec<&str> = actions.iter().map(|a| a["key"].as_str().unwrap()).collect();
    assert_eq!(planned, world.keys());
    for action in actions {
        let object = world.object(action["key"].as_str().unwrap());
        assert_eq!(action["content_type"], object.content_type());
        assert_eq!(action["size"], object.size);
        assert_eq!(action["action"], "put");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let world = World::new();
    for index in 0..3000 {
        world.file(&format!("some/long/directory/name/{index}"), "");
    }
    let mut running = world.job().argument("plan").start();
    running.close_stdout();
    running.wait().exits(0);
}
