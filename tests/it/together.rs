//! Several runs to one destination: at once, one after another, and broken off.

use std::time::Duration;

use docferry_sandbox::{Answer, Fault};
use serde_json::json;

use crate::harness::*;
use crate::sync::{MANIFEST, sync};

const LOCK: &str = "site/.docferry/lock";

/// Everything is allowed that a lock needs, and what `sync` needs.
fn world() -> World {
    let world = crate::sync::world();
    let lock = policy(&json!({
        "Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{BUCKET}/{LOCK}"),
    }));
    world.aws.role(ROLE).policy(lock);
    world
}

fn locked(world: &World, how: &str) -> Job {
    sync(world).var("DOCFERRY_LOCK", how)
}

/// Begins a run whose page takes its time. By then its mark has gone up, which
/// is in the stage before.
fn begin(world: &World, job: Job) -> Running {
    let slow = Answer::Delay(Duration::from_secs(4));
    world
        .aws
        .fault(Fault::new("PutObject").key("*slow.html").then(slow));
    world.file("slow.html", "slow");
    world.file("mark", "x");
    let running = job.start();
    wait_until("the first run is at work", || {
        world.aws.object(BUCKET, "site/mark").is_some()
    });
    std::thread::sleep(Duration::from_millis(100));
    world.aws.clear_faults();
    running
}

/// The same, with the lock.
fn begin_locked(world: &World) -> Running {
    let job = locked(world, "fail").var("GITLAB_CI", "true");
    let job = job.var(
        "CI_PIPELINE_URL",
        "https://gitlab.example.org/p/-/pipelines/7",
    );
    begin(world, job)
}

#[test]
fn a_run_that_was_overtaken_says_so_and_what_to_do() {
    let world = world();
    world.site();
    sync(&world).run().exits(0);
    // While the first one is at work, a second one begins and ends.
    let first = begin(&world, sync(&world));
    world.file("second.html", "second");
    sync(&world).run().exits(0);
    first
        .wait()
        .exits(6)
        .says("another run wrote to s3://example-docs/site/ at the same time")
        .says("DOCFERRY_LOCK=wait");
    // The truth of the second one is not lost, and a third finds all in place.
    sync(&world).run().exits(0).says("0 new");
    world.assert_content();
}

#[test]
fn one_of_two_first_runs_notices_the_other() {
    let world = world();
    let first = begin(&world, sync(&world));
    world.file("second.html", "second");
    sync(&world).run().exits(0);
    first.wait().exits(6).says("another run wrote to");
}

#[test]
fn a_lock_is_had_by_one_run_at_a_time() {
    let world = world();
    world.site();
    let first = begin_locked(&world);
    locked(&world, "fail")
        .run()
        .exits(7)
        .says("another run writes to s3://example-docs/site/")
        .says("run       https://gitlab.example.org/p/-/pipelines/7")
        .says("DOCFERRY_LOCK=wait");
    locked(&world, "wait")
        .run()
        .exits(0)
        .says("waiting    for https://gitlab.example.org/p/-/pipelines/7, which has the lock")
        .says("5 unchanged");
    first.wait().exits(0);
    // It was given back, so the next one does not wait.
    locked(&world, "fail").run().exits(0);
}

#[test]
fn a_lock_of_a_run_that_died_ends_by_itself() {
    let world = world();
    world.site();
    let first = begin_locked(&world);
    first.signal("KILL");
    first.wait();
    world.aws.clear_faults();
    locked(&world, "fail").run().exits(7);
    // By S3's clock, whatever the job's own one says.
    world.aws.clock().advance(Duration::from_secs(119));
    locked(&world, "fail").run().exits(7);
    world.aws.clock().advance(Duration::from_secs(10));
    locked(&world, "fail").run().exits(0);
    world.assert_content();
}

#[test]
fn a_lock_is_given_back_after_a_failure_and_after_a_signal() {
    let world = world();
    world.site();
    let first = begin_locked(&world);
    first.signal("TERM");
    first.wait().exits(143);
    world.aws.clear_faults();
    let denied = Answer::Error {
        status: 403,
        code: "AccessDenied".into(),
        message: "no".into(),
    };
    world.aws.fault(
        Fault::new("PutObject")
            .key("*index.html")
            .times(99)
            .then(denied),
    );
    locked(&world, "fail").run().exits(6);
    world.aws.clear_faults();
    locked(&world, "fail").run().exits(0);
}

#[test]
fn a_lock_whose_answer_got_lost_is_ours_all_the_same() {
    let world = world();
    world.site();
    world.aws.fault(
        Fault::new("PutObject")
            .key("*lock")
            .nth(1)
            .then(Answer::ResetAfter),
    );
    locked(&world, "fail").run().exits(0);
}

#[test]
fn a_lock_that_may_not_be_written_is_explained() {
    let world = world();
    world.site();
    let denied = json!({
        "Effect": "Deny", "Action": "s3:PutObject", "Resource": format!("arn:aws:s3:::{BUCKET}/{LOCK}"),
    });
    world.aws.role(ROLE).policy(policy(&denied));
    locked(&world, "wait")
        .run()
        .exits(5)
        .says("S3 refused docferry's own lock in bucket example-docs")
        .says("account   222222222222 writes")
        .says("action    s3:PutObject")
        .says("resource  s3://example-docs/site/.docferry/lock");
    // A plan changes nothing and needs no lock.
    locked(&world, "wait").argument("plan").run().exits(0);
    // One that is there and may not be read.
    let world = crate::sync::world();
    world.site();
    world.aws.bucket(BUCKET).object(LOCK, b"{}");
    locked(&world, "wait")
        .run()
        .exits(5)
        .says("S3 refused docferry's own lock in bucket example-docs")
        .says("action    s3:GetObject")
        .says("DOCFERRY_LOCK=off does without a lock")
        .says("\"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::example-docs/site/*\"")
        .says_nothing_of("DOCFERRY_COMPARE");
}

/// Longer than a lease: the lock is renewed, and a run that loses it stops.
#[test]
#[ignore = "takes two minutes: .ci/run runs it beside the soak"]
fn soak_of_the_lock() {
    let world = world();
    world.file("slow.bin", vec![7; 6 << 20]);
    let slow = |world: &World| locked(world, "fail").var("DOCFERRY_MAX_BANDWIDTH", "64KiB");
    let first = slow(&world).start();
    std::thread::sleep(Duration::from_secs(45));
    // It has been renewed by now, so it holds for two minutes more.
    let renewed = world.object(LOCK).last_modified;
    world.aws.clock().advance(Duration::from_secs(100));
    locked(&world, "fail").run().exits(7);
    assert_eq!(world.object(LOCK).last_modified, renewed);
    world.aws.bucket(BUCKET).object(LOCK, b"{}");
    let outcome = first.wait().exits(6);
    outcome.says("another run wrote to").says("in doubt");
    assert!(world.aws.object(BUCKET, MANIFEST).is_none());
    assert!(world.aws.object(BUCKET, "site/slow.bin").is_none());
}

/// Whenever a run is killed, the next one comes to the same end.
#[test]
fn a_killed_run_is_made_good_by_the_next() {
    let world = world();
    let delete = policy(&json!({
        "Effect": "Allow", "Action": "s3:DeleteObject", "Resource": format!("arn:aws:s3:::{BUCKET}/site/*"),
    }));
    world.aws.role(ROLE).policy(delete);
    let job = |world: &World| {
        sync(world)
            .var("DOCFERRY_MODE", "mirror")
            .var("DOCFERRY_MAX_DELETE", "none")
    };
    for index in 0..300 {
        world.file(&format!("{index}.txt"), index.to_string());
    }
    job(&world).run().exits(0);
    world.aws.latency(Duration::from_millis(3));
    for round in 0..20_u64 {
        // Every third file changes, some go, some come.
        for index in 0..300 {
            let path = world.source().join(format!("{index}.txt"));
            match (index + round) % 9 {
                0 | 3 | 6 => world.file(&format!("{index}.txt"), format!("{index} of {round}")),
                1 => drop(std::fs::remove_file(path)),
                _ => {}
            }
        }
        let running = job(&world).var("DOCFERRY_CONCURRENCY", "4").start();
        std::thread::sleep(Duration::from_millis(round * 17));
        running.signal("KILL");
        running.wait();
        job(&world).run().exits(0);
        world.assert_content();
        job(&world).run().exits(0).says("0 new and 0 changed");
    }
    assert!(world.aws.object(BUCKET, MANIFEST).is_some());
}
