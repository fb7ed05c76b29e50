//! Signals: nothing new is begun, nothing is left behind, and the report is
//! true.

use std::time::{Duration, Instant};

use docferry_sandbox::{Answer, Fault};

use crate::harness::*;

fn slow_world() -> World {
    let world = World::new();
    let _role = world.aws.role(ROLE).policy(may_abort());
    for index in 0..300 {
        world.file(&format!("page-{index:03}.html"), "x");
    }
    world.aws.latency(Duration::from_millis(40));
    world
}

#[test]
fn sigint_exits_130_and_sigterm_143_and_both_say_what_is_in_place() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let world = slow_world();
        let running = world.job().var("DOCFERRY_CONCURRENCY", "4").start();
        wait_until("some objects are in place", || world.keys().len() > 10);
        running.signal(signal);
        let begin = Instant::now();
        let outcome = running.wait().exits(code);
        assert!(begin.elapsed() < Duration::from_secs(4));
        let stored = world.keys().len();
        assert!(stored < 300);
        outcome
            .says(&format!("stopped by SIG{signal}"))
            .says(&format!("done       {stored} of 300 files"))
            .says(&format!("not sent   {} files", 300 - stored));
        // Nothing was begun after the signal but what was under way.
        assert_eq!(world.aws.requests().count("PutObject"), stored);
    }
}

#[test]
fn an_open_upload_in_parts_is_aborted() {
    let world = slow_world();
    world.file("big", vec![1; 64 << 20]);
    world
        .aws
        .fault(Fault::new("UploadPart").then(Answer::Delay(Duration::from_millis(300))));
    let running = world.job().var("DOCFERRY_CONCURRENCY", "2").start();
    wait_until("a part has arrived", || {
        world
            .aws
            .uploads(BUCKET)
            .iter()
            .any(|upload| !upload.parts.is_empty())
    });
    running.signal("TERM");
    running.wait().exits(143);
    assert!(world.aws.uploads(BUCKET).is_empty());
    assert!(world.aws.object(BUCKET, "site/big").is_none());
}

#[test]
fn a_request_that_hangs_is_dropped_and_said_to_be_in_doubt() {
    let world = World::new();
    world.site();
    world.aws.fault(
        Fault::new("PutObject")
            .key("*index.html")
            .then(Answer::Stall),
    );
    let running = world.job().start();
    wait_until("the others are in place", || world.keys().len() == 2);
    running.signal("TERM");
    let begin = Instant::now();
    let outcome = running.wait().exits(143);
    assert!(begin.elapsed() < Duration::from_secs(6));
    outcome.says("in doubt, S3 may have it or not: s3://example-docs/site/index.html");
}

#[test]
fn a_second_signal_stops_at_once() {
    let world = World::new();
    world.site();
    world.aws.fault(Fault::new("PutObject").then(Answer::Stall));
    let running = world.job().start();
    wait_until("the requests hang", || {
        world.aws.requests().count("sts:GetCallerIdentity") == 2
    });
    std::thread::sleep(Duration::from_millis(200));
    let begin = Instant::now();
    running.signal("INT");
    std::thread::sleep(Duration::from_millis(100));
    running.signal("INT");
    running.wait().exits(130);
    assert!(
        begin.elapsed() < Duration::from_millis(1500),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_signal_before_the_first_upload_changes_nothing() {
    let world = World::new();
    world.site();
    world
        .aws
        .fault(Fault::new("sts:AssumeRole").then(Answer::Stall));
    let running = world.job().start();
    wait_until("the principal is known", || {
        world.aws.requests().count("sts:GetCallerIdentity") == 1
    });
    running.signal("TERM");
    running.wait().exits(143);
    assert!(world.keys().is_empty());
}

#[test]
fn nothing_waits_for_a_second_time_of_grace() {
    let world = World::new();
    for index in 0..200 {
        world.file(&format!("{index}"), vec![7; 1_900_000]);
    }
    world
        .aws
        .fault(Fault::new("PutObject").then(Answer::StallInBody(1000)));
    let running = world.job().start();
    wait_until("the requests hang", || {
        world.aws.requests().count("sts:GetCallerIdentity") == 2
    });
    std::thread::sleep(Duration::from_millis(500));
    running.signal("INT");
    let begin = Instant::now();
    running.wait().exits(130);
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
}
