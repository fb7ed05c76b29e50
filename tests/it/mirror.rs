//! `DOCFERRY_MODE=mirror`: what is not in the source is deleted, and nothing is
//! deleted by accident.

use std::fs;
use std::time::Duration;

use docferry_sandbox::{Answer, Fault};
use serde_json::json;

use crate::harness::*;
use crate::sync::{MANIFEST, changed, may_compare};

fn may_delete() -> serde_json::Value {
    policy(&json!({
        "Effect": "Allow",
        "Action": "s3:DeleteObject",
        "Resource": format!("arn:aws:s3:::{BUCKET}/site/*"),
    }))
}

/// A world with a mirrored site of 10 files.
fn world() -> World {
    let world = World::new();
    world
        .aws
        .role(ROLE)
        .policy(may_compare())
        .policy(may_delete());
    for index in 0..10 {
        world.file(&format!("{index}.html"), index.to_string());
    }
    mirror(&world).run().exits(0);
    changed(&world);
    world
}

fn mirror(world: &World) -> Job {
    world.job().var("DOCFERRY_MODE", "mirror")
}

fn remove(world: &World, name: &str) {
    fs::remove_file(world.source().join(name)).unwrap();
}

/// The keys under the prefix without docferry's own.
fn keys(world: &World) -> Vec<String> {
    let keys = world.keys().into_iter();
    keys.filter(|key| !key.contains("/.docferry/")).collect()
}

#[test]
fn what_is_not_in_the_source_is_deleted_after_everything_is_in_place() {
    let world = world();
    remove(&world, "3.html");
    remove(&world, "4.html");
    world.file("new.html", "new");
    mirror(&world)
        .run()
        .exits(0)
        .says("2 to delete")
        .says("8 unchanged, 2 deleted");
    assert_eq!(keys(&world).len(), 9);
    let operations: Vec<String> = world
        .aws
        .requests()
        .all()
        .iter()
        .map(|request| request.operation.clone())
        .filter(|operation| operation.starts_with("Put") || operation.starts_with("Delete"))
        .collect();
    // The page, the deletes, the record.
    assert_eq!(operations, ["PutObject", "DeleteObjects", "PutObject"]);
    mirror(&world).run().exits(0).says("9 unchanged");
}

#[test]
fn nothing_outside_of_the_prefix_is_touched() {
    let world = world();
    let bucket = world.aws.bucket(BUCKET);
    let others = ["site-old/a", "site", "sit", "site0/b", "other"];
    for key in others {
        bucket.object(key, b"x");
    }
    remove(&world, "0.html");
    mirror(&world).run().exits(0).says("1 deleted");
    for key in others {
        assert!(world.aws.object(BUCKET, key).is_some(), "{key}");
    }
    for request in world.aws.requests().of("ListObjectsV2") {
        assert!(
            request.query.contains("prefix=site%2F"),
            "{}",
            request.query
        );
    }
}

#[test]
fn too_many_deletes_stop_the_run_before_any_change() {
    let world = world();
    for index in 0..6 {
        remove(&world, &format!("{index}.html"));
    }
    world.file("new.html", "new");
    mirror(&world)
        .run()
        .exits(7)
        .says("6 objects of 10 would be deleted, and 5 may be")
        .says("stale     s3://example-docs/site/0.html")
        .says("DOCFERRY_MAX_DELETE=6")
        .says("DOCFERRY_KEEP");
    assert!(changed(&world).is_empty());
    assert_eq!(keys(&world).len(), 10);
    // A plan shows them all the same, and says what would happen.
    let plan = mirror(&world).argument("plan").run().exits(0);
    let plan = plan.says("an upload would be stopped: 6 objects of 10");
    assert_eq!(plan.stdout.matches("delete ").count(), 6);
    for (most, code) in [("5", 7), ("59%", 7), ("60%, 5", 7), ("0", 7), ("60%", 0)] {
        mirror(&world)
            .var("DOCFERRY_MAX_DELETE", most)
            .run()
            .exits(code);
    }
    assert_eq!(keys(&world).len(), 5);
}

#[test]
fn a_thousand_is_the_most_by_default() {
    let world = world();
    let bucket = world.aws.bucket(BUCKET);
    for index in 0..5_001 {
        bucket.object(&format!("site/old/{index}"), b"");
    }
    mirror(&world)
        .var("DOCFERRY_KEEP", "/old/0")
        .run()
        .exits(7)
        .says("and 1,000 may be");
    let most = mirror(&world).var("DOCFERRY_MAX_DELETE", "none");
    most.var("DOCFERRY_KEEP", "/old/0")
        .run()
        .exits(0)
        .says("5,000 deleted");
    assert_eq!(keys(&world).len(), 11);
    assert_eq!(world.aws.requests().count("DeleteObjects"), 5);
}

#[test]
fn an_empty_source_deletes_nothing_whatever_the_settings_say() {
    let world = world();
    fs::remove_dir_all(world.source()).unwrap();
    fs::create_dir(world.source()).unwrap();
    let job = || mirror(&world).var("DOCFERRY_MAX_DELETE", "none");
    for job in [
        job(),
        job().var("DOCFERRY_ALLOW_EMPTY", "true"),
        job().var("DOCFERRY_KEEP", "x"),
    ] {
        job.run()
            .exits(4)
            .says("A mirror of nothing would delete everything");
    }
    // What is not selected is no source either.
    world.file("a.txt", "x");
    job().var("DOCFERRY_INCLUDE", "*.html").run().exits(4);
    mirror(&world)
        .var("DOCFERRY_SOURCE", world.source().join("a.txt"))
        .run()
        .exits(4)
        .says("needs a directory");
    assert_eq!(keys(&world).len(), 10);
}

#[test]
fn after_a_failed_or_stopped_upload_nothing_is_deleted() {
    let world = world();
    remove(&world, "0.html");
    world.file("new.html", "new");
    let denied = Answer::Error {
        status: 403,
        code: "AccessDenied".into(),
        message: "no".into(),
    };
    world.aws.fault(
        Fault::new("PutObject")
            .key("*new.html")
            .times(99)
            .then(denied),
    );
    mirror(&world).run().exits(5);
    world.aws.clear_faults();
    // One object fails by itself, which stops nothing else.
    let bad = Answer::Error {
        status: 400,
        code: "InvalidArgument".into(),
        message: "no".into(),
    };
    let fault = Fault::new("PutObject").key("*new.html").times(99);
    world.aws.fault(fault.then(bad));
    mirror(&world).run().exits(6);
    world.aws.clear_faults();
    world
        .aws
        .fault(Fault::new("PutObject").key("*new.html").then(Answer::Stall));
    world.file("mark", "x");
    let running = mirror(&world).start();
    wait_until("the page is under way", || {
        world.aws.object(BUCKET, "site/mark").is_some()
    });
    running.signal("TERM");
    running.wait().exits(143);
    assert_eq!(world.aws.requests().count("DeleteObjects"), 0);
    assert!(keys(&world).contains(&"site/0.html".to_owned()));
}

#[test]
fn what_a_time_out_left_undeleted_is_told() {
    let world = world();
    remove(&world, "0.html");
    world.file("new.html", "new");
    // It is done within the time of grace.
    let slow = Answer::Delay(Duration::from_millis(2_500));
    world
        .aws
        .fault(Fault::new("PutObject").key("*new.html").then(slow));
    mirror(&world)
        .var("DOCFERRY_TIMEOUT", "1s")
        .run()
        .exits(6)
        .says("0 objects of 1 not in place, 1 stale object not deleted");
    assert_eq!(world.aws.requests().count("DeleteObjects"), 0);
    world.aws.clear_faults();
    mirror(&world).run().exits(0).says("1 deleted");
}

#[test]
fn keys_that_no_list_can_carry_are_deleted_one_by_one() {
    let world = world();
    let bucket = world.aws.bucket(BUCKET);
    for key in ["a\u{1}b", "c\nd", "plain", "other"] {
        bucket.object(&format!("site/{key}"), b"x");
    }
    mirror(&world).run().exits(0).says("4 deleted");
    assert_eq!(keys(&world).len(), 10);
}

#[test]
fn what_a_setting_keeps_is_kept() {
    let world = world();
    let bucket = world.aws.bucket(BUCKET);
    for key in [
        "archive/2019/a",
        "CNAME",
        "drafts/x.html",
        "notes.txt",
        "gone.html",
        "empty/",
    ] {
        bucket.object(&format!("site/{key}"), b"");
    }
    mirror(&world)
        .var("DOCFERRY_KEEP", "archive/, CNAME")
        .var("DOCFERRY_INCLUDE", "*.html")
        .var("DOCFERRY_EXCLUDE", "drafts/")
        .run()
        .exits(0)
        .says("kept       5 objects that no file is of")
        .says("1 deleted");
    assert!(!keys(&world).contains(&"site/gone.html".to_owned()));
    assert_eq!(keys(&world).len(), 15);
}

#[test]
fn a_destination_within_the_destination_is_left_alone() {
    let world = world();
    let below = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::{BUCKET}/site/pr-7/.docferry/*"),
    }]});
    world.aws.role(ROLE).policy(below);
    world
        .job()
        .var("DOCFERRY_MODE", "sync")
        .var("DOCFERRY_DESTINATION", format!("s3://{BUCKET}/site/pr-7/"))
        .run()
        .exits(0);
    world.aws.bucket(BUCKET).object("site/pr-8/a", b"");
    mirror(&world)
        .run()
        .exits(0)
        .says("left alone s3://example-docs/site/pr-7/, which is a destination of its own")
        .says("1 deleted");
    assert_eq!(keys(&world).len(), 20);
}

#[test]
fn a_versioned_bucket_gets_markers_and_loses_nothing() {
    let world = world();
    let bucket = world.aws.bucket(BUCKET).versioned(true);
    world.file("0.html", "second version");
    mirror(&world).run().exits(0);
    remove(&world, "0.html");
    mirror(&world).run().exits(0).says("1 deleted");
    assert!(world.aws.object(BUCKET, "site/0.html").is_none());
    assert_eq!(bucket.versions("site/0.html"), (3, true));
    for request in world.aws.requests().of("DeleteObjects") {
        assert!(!request.query.contains("versionId"));
    }
    // And a file that comes back is a new one.
    world.file("0.html", "second version");
    mirror(&world).run().exits(0).says("1 new");
}

#[test]
fn what_cannot_be_deleted_fails_the_run_and_is_explained() {
    let world = world();
    let denied = json!({
        "Effect": "Deny", "Action": "s3:DeleteObject", "Resource": format!("arn:aws:s3:::{BUCKET}/site/1.html"),
    });
    world.aws.role(ROLE).policy(policy(&denied));
    for name in ["0.html", "1.html", "2.html"] {
        remove(&world, name);
    }
    world.file("new.html", "new");
    mirror(&world)
        .run()
        .exits(6)
        .says("not deleted: s3://example-docs/site/1.html: AccessDenied")
        .says("1 stale object of 3 stay; everything else is in place")
        .says("action    s3:DeleteObject")
        .says("resource  s3://example-docs/site/1.html");
    assert_eq!(keys(&world).len(), 9);
    // Without the permission at all.
    let world = World::new();
    world.aws.role(ROLE).policy(may_compare());
    world.file("a", "a");
    world.file("b", "b");
    mirror(&world).run().exits(0);
    remove(&world, "b");
    mirror(&world)
        .run()
        .exits(6)
        .says("S3 refused to delete from bucket example-docs")
        .says("must allow\n        {\"Effect\": \"Allow\", \"Action\": \"s3:DeleteObject\"")
        .says("DOCFERRY_MODE=sync deletes nothing");
}

#[test]
fn a_mirror_without_a_listing_is_refused() {
    let world = World::new();
    world.site();
    for compare in ["auto", "always"] {
        mirror(&world)
            .var("DOCFERRY_COMPARE", compare)
            .run()
            .exits(5)
            .says("S3 refused to list bucket example-docs");
    }
    assert!(changed(&world).is_empty());
}

#[test]
fn the_manifest_makes_docferry_delete_nothing() {
    let world = world();
    let before = keys(&world);
    // Whatever it says, only what is listed and in no file is stale.
    world
        .aws
        .bucket(BUCKET)
        .object(MANIFEST, b"delete everything");
    mirror(&world).run().exits(0).says("is not used");
    assert_eq!(keys(&world), before);
}

#[test]
fn a_narrowed_session_can_mirror() {
    let world = world();
    remove(&world, "0.html");
    let scoped = mirror(&world).var("DOCFERRY_SESSION_POLICY", "scoped");
    scoped.run().exits(0).says("1 deleted");
}
