//! What a run survives, and that it tells the truth about it each time.

use std::time::{Duration, Instant};

use docferry_sandbox::{Answer, Fault};

use crate::harness::*;

/// Small files, middling ones that are streamed, and one in parts.
fn site(world: &World, small: usize) {
    for index in 0..small {
        let path = format!("{}/page-{index}.html", index % 7);
        world.file(&path, format!("page {index} ").repeat(index % 40));
    }
    let bytes = |size: usize| (0..size).map(|i| (i % 251) as u8).collect::<Vec<_>>();
    for index in 0..4 {
        world.file(
            &format!("middling-{index}.bin"),
            bytes((1 << 20) + 1 + 70_001 * index),
        );
    }
    world.file("large.bin", bytes(21 << 20));
}

/// Compares what the run said, what it sent and what is there.
#[track_caller]
fn assert_told_the_truth(world: &World, outcome: &Outcome) {
    let planned = world.files_of_the_source();
    let present = world.keys().len();
    let done = outcome
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("done       "));
    let done = done.unwrap_or_else(|| panic!("no sum in {}", outcome.stderr));
    let said: usize = done
        .split(' ')
        .next()
        .unwrap()
        .replace(',', "")
        .parse()
        .unwrap();
    let doubtful = outcome.stderr.matches("in doubt").count();
    assert!(
        said <= present && present <= said + doubtful,
        "{present} are there, {doubtful} in doubt: {}",
        outcome.stderr
    );
    world.assert_no_object_differs();
    // What stays open is told: an upload whose beginning got no answer has no
    // name to abort it by.
    let told = outcome.stderr.contains("S3 may keep parts");
    assert!(
        told || world.aws.uploads(BUCKET).is_empty(),
        "{}",
        outcome.stderr
    );
    assert_eq!(
        outcome.code == Some(0),
        said == planned,
        "{}",
        outcome.stderr
    );
}

/// To look what came of an upload whose end nobody told.
fn may_get() -> serde_json::Value {
    policy(&serde_json::json!({
        "Effect": "Allow", "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::{BUCKET}/site/*"),
    }))
}

#[test]
fn a_server_that_refuses_much_gets_everything_in_the_end() {
    for percent in [1, 10, 50] {
        let world = World::new();
        let _role = world.aws.role(ROLE).policy(may_abort());
        site(&world, 150);
        for operation in [
            "PutObject",
            "UploadPart",
            "CreateMultipartUpload",
            "CompleteMultipartUpload",
        ] {
            let fault = Fault::new(operation).percent(percent, 11);
            world.aws.fault(fault.then(Answer::SlowDown));
        }
        let outcome = world.job().run().exits(0);
        assert_told_the_truth(&world, &outcome);
        world.assert_all_in_place();
        let refused = world.aws.requests().refused_with("SlowDown").len();
        let told = outcome.stderr.split("tried again (").nth(1);
        let told = told.and_then(|rest| rest.split(' ').next()?.parse().ok());
        assert_eq!(told.unwrap_or(0), refused, "{}", outcome.stderr);
    }
}

#[test]
fn connections_that_break_anywhere_lose_nothing() {
    for answer in [
        Answer::ResetBeforeBody,
        Answer::ResetInBody(3000),
        Answer::ResetAfterBody,
        Answer::ResetAfter,
        Answer::Truncate,
        Answer::TruncateAt(40),
    ] {
        let world = World::new();
        let _role = world.aws.role(ROLE).policy(may_abort()).policy(may_get());
        site(&world, 60);
        for operation in ["PutObject", "UploadPart", "CompleteMultipartUpload"] {
            let fault = Fault::new(operation).percent(20, 5).then(answer.clone());
            world.aws.fault(fault);
        }
        let outcome = world.job().run();
        assert_eq!(outcome.code, Some(0), "{answer:?}: {}", outcome.stderr);
        let outcome = outcome.says("tried again");
        assert_told_the_truth(&world, &outcome);
        world.assert_all_in_place();
    }
}

#[test]
fn a_request_that_stands_still_is_tried_again() {
    for answer in [
        Answer::Stall,
        Answer::StallAfter,
        Answer::StallInBody(200_000),
    ] {
        let world = World::new();
        site(&world, 10);
        let fault = Fault::new("PutObject").key("*middling*").times(2);
        world.aws.fault(fault.then(answer.clone()));
        world
            .aws
            .fault(Fault::new("UploadPart").times(1).then(answer));
        let begin = Instant::now();
        let job = world.job().var("DOCFERRY_STALL_TIMEOUT", "1s");
        job.run().exits(0).says("time-out");
        world.assert_all_in_place();
        assert!(begin.elapsed() < Duration::from_secs(30));
    }
}

#[test]
fn a_proxy_that_closes_idle_connections_is_no_trouble() {
    let world = World::new();
    site(&world, 100);
    world
        .aws
        .close_idle_connections_after(Duration::from_millis(30));
    world.aws.latency(Duration::from_millis(60));
    world.job().var("DOCFERRY_CONCURRENCY", "8").run().exits(0);
    world.assert_all_in_place();
}

#[test]
fn retry_after_is_obeyed() {
    let world = World::new();
    world.site();
    let asked = Answer::RetryAfter {
        status: 503,
        seconds: 2,
    };
    world
        .aws
        .fault(Fault::new("PutObject").times(1).then(asked));
    let begin = Instant::now();
    world
        .job()
        .run()
        .exits(0)
        .says("1 tried again (1 slow down)");
    assert!(begin.elapsed() >= Duration::from_secs(2));
}

/// An outage ends in one clear word instead of thousands.
#[test]
fn an_outage_ends_the_run_with_one_explanation() {
    let world = World::new();
    for index in 0..3000 {
        world.file(&format!("{}/{index}", index % 50), "x");
    }
    world.aws.fault(
        Fault::new("PutObject")
            .after(500)
            .then(Answer::InternalError),
    );
    let outcome = world.job().run().exits(5);
    // Three examples, the number of the others, and the explanation.
    let errors = outcome.stderr.matches("error:").count();
    assert!(errors <= 5, "{}", outcome.stderr);
    let outcome = outcome
        .says("has failed so often that trying on makes no sense")
        .says("identity  arn:aws:sts::222222222222:assumed-role/docs-writer/docferry")
        .says("account   222222222222 writes")
        .says("action    s3:PutObject")
        .says("resource  s3://example-docs/site/")
        .says("hint: run the job again");
    assert_told_the_truth(&world, &outcome);
}

/// The answer to the end of an upload gets lost: what is in its place is looked
/// up, and where that is not allowed, the abort tells.
#[test]
fn the_end_of_an_upload_is_looked_up_and_not_guessed() {
    for (answer, stored) in [
        (Answer::ResetAfter, true),
        (Answer::ErrorBodyInOkAfter, true),
        (Answer::InternalErrorAfter, true),
        (Answer::ErrorBodyInOk, false),
    ] {
        let world = World::new();
        let _role = world.aws.role(ROLE).policy(may_abort()).policy(may_get());
        world.file("large.bin", vec![7; 17 << 20]);
        let fault = Fault::new("CompleteMultipartUpload").then(answer.clone());
        world.aws.fault(fault);
        let job = || world.job().var("DOCFERRY_MAX_ATTEMPTS", "2");
        let outcome = job().run();
        assert_eq!(
            outcome.code == Some(0),
            stored,
            "{answer:?}: {}",
            outcome.stderr
        );
        assert_told_the_truth(&world, &outcome);
        // Without the permission to look, a run says what it does not know.
        let world = World::new();
        let _role = world.aws.role(ROLE).policy(may_abort());
        world.file("large.bin", vec![7; 17 << 20]);
        world
            .aws
            .fault(Fault::new("CompleteMultipartUpload").then(answer.clone()));
        let job = world.job().var("DOCFERRY_MAX_ATTEMPTS", "2");
        let outcome = job.run().exits(6);
        let outcome = outcome.says("allow s3:GetObject").says("in doubt");
        assert_told_the_truth(&world, &outcome);
    }
}

/// An older object with the same bytes is not what this upload became.
#[test]
fn an_object_of_before_is_not_taken_for_the_new_one() {
    let world = World::new();
    let _role = world.aws.role(ROLE).policy(may_abort()).policy(may_get());
    world.file("large.bin", vec![7; 17 << 20]);
    world.aws.clock().rewind(Duration::from_hours(2));
    world.job().run().exits(0);
    world.aws.clock().reset();
    let fault = Fault::new("CompleteMultipartUpload").then(Answer::ErrorBodyInOk);
    world.aws.fault(fault);
    let job = world.job().var("DOCFERRY_MAX_ATTEMPTS", "2");
    let job = job.var("DOCFERRY_CACHE_CONTROL", "no-cache");
    job.run().exits(6).says("large.bin: InternalError");
    assert!(world.aws.uploads(BUCKET).is_empty());
    assert_eq!(
        world.object("site/large.bin").properties.cache_control,
        None
    );
}

/// A no does not undo what an earlier attempt may have done.
#[test]
fn doubt_of_an_earlier_attempt_is_not_forgotten() {
    let world = World::new();
    world.file("index.html", "x");
    world
        .aws
        .fault(Fault::new("PutObject").times(1).then(Answer::ResetAfter));
    world
        .aws
        .fault(Fault::new("PutObject").then(Answer::SlowDown));
    let job = world.job().var("DOCFERRY_MAX_ATTEMPTS", "2");
    let outcome = job.run();
    assert!(matches!(outcome.code, Some(5 | 6)), "{}", outcome.stderr);
    outcome.says("in doubt, S3 may have it or not: s3://example-docs/site/index.html");
    assert_eq!(world.keys().len(), 1);
}

/// Encoders take dozens of megabytes, so there are only a few of them.
#[test]
fn many_files_that_are_compressed_on_their_way_take_bounded_memory() {
    let world = World::new();
    let mut state = 1_u64;
    let half_noise: Vec<u8> = (0..3 << 20)
        .map(|i| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            if i % 2 == 0 {
                b'a'
            } else {
                state.to_be_bytes()[0]
            }
        })
        .collect();
    for index in 0..24 {
        world.file(&format!("{index}.txt"), &half_noise);
    }
    world.aws.latency(Duration::from_millis(300));
    let running = world.job().var("DOCFERRY_COMPRESS", "zstd").start();
    let peak = running.peak_memory_while(|| world.keys().len() < 24);
    running.wait().exits(0);
    assert!(peak < 250 << 10, "{peak} KiB");
}

#[test]
fn stop_ends_at_the_first_failure_and_continue_carries_the_rest() {
    let world = World::new();
    site(&world, 200);
    world.aws.latency(Duration::from_millis(20));
    let fault = Fault::new("PutObject")
        .key("*page-3.html")
        .then(Answer::InternalError);
    world.aws.fault(fault);
    let job = |on_error| {
        let job = world.job().var("DOCFERRY_MAX_ATTEMPTS", "1");
        job.var("DOCFERRY_CONCURRENCY", "4")
            .var("DOCFERRY_ON_ERROR", on_error)
    };
    let outcome = job("stop")
        .run()
        .exits(6)
        .says("page-3.html: InternalError")
        .says("not sent");
    assert_told_the_truth(&world, &outcome);
    assert!(world.keys().len() < 150);
    let outcome = job("continue").run().exits(6);
    assert_told_the_truth(&world, &outcome);
    assert_eq!(world.keys().len(), world.files_of_the_source() - 1);
}

#[test]
fn the_time_for_the_run_is_kept() {
    let world = World::new();
    let _role = world.aws.role(ROLE).policy(may_abort());
    site(&world, 300);
    world.aws.latency(Duration::from_millis(400));
    let begin = Instant::now();
    let job = world
        .job()
        .var("DOCFERRY_TIMEOUT", "2s")
        .var("DOCFERRY_CONCURRENCY", "4");
    let outcome = job
        .run()
        .exits(6)
        .says("the 2s of DOCFERRY_TIMEOUT were over")
        .says("not sent");
    assert!(begin.elapsed() < Duration::from_secs(9));
    assert_told_the_truth(&world, &outcome);
}

#[test]
fn a_bandwidth_is_kept_by_small_and_large_files_together() {
    let world = World::new();
    site(&world, 100);
    let bytes: u64 = walkdir::WalkDir::new(world.source())
        .into_iter()
        .map(|entry| entry.unwrap().metadata().unwrap())
        .filter(std::fs::Metadata::is_file)
        .map(|meta| meta.len())
        .sum();
    let begin = Instant::now();
    world
        .job()
        .var("DOCFERRY_MAX_BANDWIDTH", "8MiB/s")
        .run()
        .exits(0);
    let (took, should) = (begin.elapsed(), Duration::from_millis((bytes * 1000) >> 23));
    assert!(took >= should * 9 / 10, "{took:?} of {should:?}");
    world.assert_all_in_place();
}

#[test]
fn stale_uploads_of_the_same_writer_are_removed_and_no_others() {
    let world = World::new();
    let uploads = serde_json::json!({
        "Effect": "Allow", "Action": "s3:ListBucketMultipartUploads",
        "Resource": format!("arn:aws:s3:::{BUCKET}"),
    });
    world.file("large.bin", vec![7; 17 << 20]);
    // A run that may not clean up leaves an upload behind; so does another one.
    world.aws.clock().rewind(Duration::from_hours(2));
    world
        .aws
        .fault(Fault::new("UploadPart").then(Answer::InternalError));
    world.job().var("DOCFERRY_MAX_ATTEMPTS", "1").run().exits(6);
    let other = "arn:aws:iam::222222222222:role/other-writer";
    world.aws.role(other).trust(trusts(None)).policy(may_put());
    let may = policy(
        &serde_json::json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": other}),
    );
    let _user = world.aws.user(USER).policy(may);
    let by_other = world
        .job()
        .var("DOCFERRY_ROLE_ARN", other)
        .var("DOCFERRY_MAX_ATTEMPTS", "1");
    by_other.run().exits(6);
    world.aws.clear_faults();
    world.aws.clock().reset();
    assert_eq!(world.aws.uploads(BUCKET).len(), 2);
    let tidy = || world.job().var("DOCFERRY_ABORT_STALE_UPLOADS", "24h");
    tidy().run().exits(0).says("s3:ListBucketMultipartUploads");
    let _role = world
        .aws
        .role(ROLE)
        .policy(may_abort())
        .policy(policy(&uploads));
    tidy().run().exits(0);
    assert_eq!(world.aws.uploads(BUCKET).len(), 2, "they are not old yet");
    let sooner = world.job().var("DOCFERRY_ABORT_STALE_UPLOADS", "1h");
    sooner
        .run()
        .exits(0)
        .says("removed    1 open upload")
        .says("left       1 open upload of others alone");
    assert_eq!(world.aws.uploads(BUCKET).len(), 1);
    world.assert_no_object_differs();
}

/// Descriptors run out: the run uses fewer of them and loses nothing.
#[test]
fn few_descriptors_are_enough() {
    let world = World::new();
    site(&world, 400);
    world.aws.latency(Duration::from_millis(30));
    let outcome = world.job().descriptors(40).run().exits(0);
    assert_told_the_truth(&world, &outcome);
    world.assert_all_in_place();
}

/// A job whose log has no room any more still carries its files.
#[test]
fn a_log_that_cannot_be_written_is_no_reason_to_fail() {
    let world = World::new();
    site(&world, 20);
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    world.job().start_with_stderr(full).wait().exits(0);
    world.assert_all_in_place();
}

/// Forty signals at random moments of a run.
#[test]
fn a_signal_at_any_moment_leaves_nothing_behind_and_a_true_report() {
    let world = World::new();
    let _role = world.aws.role(ROLE).policy(may_abort());
    site(&world, 80);
    world.aws.latency(Duration::from_millis(15));
    let mut state = 88_172_645_463_325_252_u64;
    let mut amid = 0;
    for round in 0..40 {
        world.empty_the_bucket();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let running = world.job().var("DOCFERRY_CONCURRENCY", "8").start();
        std::thread::sleep(Duration::from_millis(20 + state % 500));
        running.signal("TERM");
        let outcome = running.wait();
        assert!(
            matches!(outcome.code, Some(0 | 143)),
            "round {round}: {:?} {}",
            outcome.code,
            outcome.stderr
        );
        if outcome.stderr.contains("done  ") {
            assert_told_the_truth(&world, &outcome);
        } else {
            assert!(world.keys().is_empty(), "round {round}");
        }
        let present = world.keys().len();
        amid += usize::from(0 < present && present < world.files_of_the_source());
        assert!(world.aws.uploads(BUCKET).is_empty(), "round {round}");
    }
    assert!(amid >= 5, "only {amid} signals came amid a run");
}

/// Everything at once, again and again: `.ci/run` lets this run for two
/// minutes.
#[test]
#[ignore = "takes two minutes: .ci/run runs it"]
fn soak() {
    let begin = Instant::now();
    let mut state = 2_463_534_242_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut rounds = 0;
    while begin.elapsed() < Duration::from_mins(2) {
        let world = World::new();
        let _role = world.aws.role(ROLE).policy(may_abort());
        site(&world, usize::try_from(50 + random() % 400).unwrap());
        world.aws.latency(Duration::from_millis(random() % 40));
        for answer in [
            Answer::SlowDown,
            Answer::InternalError,
            Answer::ResetBeforeBody,
            Answer::ResetInBody(1000),
            Answer::ResetAfter,
            Answer::ExpiredToken,
            Answer::TruncateAt(30),
            Answer::Delay(Duration::from_millis(300)),
        ] {
            for operation in [
                "PutObject",
                "UploadPart",
                "CreateMultipartUpload",
                "CompleteMultipartUpload",
            ] {
                let percent = u8::try_from(random() % 6).unwrap();
                let fault = Fault::new(operation).percent(percent, random());
                // A third new key that is called expired at once ends a run.
                let fault = match matches!(answer, Answer::ExpiredToken) {
                    true => fault.times(1),
                    false => fault,
                };
                world.aws.fault(fault.then(answer.clone()));
            }
        }
        let running = world.job().start();
        if random() % 3 == 0 {
            std::thread::sleep(Duration::from_millis(random() % 1500));
            running.signal(if random() % 2 == 0 { "TERM" } else { "INT" });
        }
        let outcome = running.wait();
        assert!(
            matches!(outcome.code, Some(0 | 6 | 130 | 143)),
            "{}",
            outcome.stderr
        );
        if outcome.stderr.contains("done  ") {
            assert_told_the_truth(&world, &outcome);
        }
        rounds += 1;
    }
    assert!(rounds > 10, "{rounds} rounds");
}
