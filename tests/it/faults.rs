//! Servers and networks that fail.

use std::time::Duration;

use docferry_sandbox::{Answer, Fault};

use crate::harness::*;

fn many(world: &World) {
    for index in 0..120 {
        world.file(
            &format!("{}/page-{index}.html", index % 7),
            format!("page {index}"),
        );
    }
}

#[test]
fn what_fails_now_and_then_is_tried_again_and_counted() {
    for answer in [
        Answer::SlowDown,
        Answer::InternalError,
        Answer::ResetBeforeBody,
        Answer::ResetAfter,
        Answer::Truncate,
        Answer::InternalErrorAfter,
    ] {
        let world = World::new();
        many(&world);
        let fault = Fault::new("PutObject").percent(10, 7).then(answer.clone());
        world.aws.fault(fault);
        world.job().run().exits(0).says("tried again");
        world.assert_all_in_place();
        let sent = world.aws.requests().count("PutObject");
        assert!(sent > 120, "{answer:?} was never met");
    }
}

#[test]
fn parts_are_tried_again_alone() {
    let world = World::new();
    world.file(
        "big",
        (0..40 << 20).map(|i| (i % 249) as u8).collect::<Vec<_>>(),
    );
    world.aws.fault(
        Fault::new("UploadPart")
            .nth(2)
            .then(Answer::ResetInBody(1 << 20)),
    );
    world
        .aws
        .fault(Fault::new("UploadPart").nth(4).then(Answer::InternalError));
    world.job().run().exits(0);
    world.assert_all_in_place();
    assert_eq!(world.aws.requests().count("CreateMultipartUpload"), 1);
    assert_eq!(world.aws.requests().count("UploadPart"), 7);
}

#[test]
fn an_error_in_a_200_is_an_error() {
    let world = World::new();
    world.file("big", vec![1; 17 << 20]);
    let once = Fault::new("CompleteMultipartUpload")
        .nth(1)
        .then(Answer::ErrorBodyInOk);
    world.aws.fault(once);
    world.job().run().exits(0);
    world.assert_all_in_place();
    let world = World::new();
    let _role = world.aws.role(ROLE).policy(may_abort());
    world.file("big", vec![1; 17 << 20]);
    world
        .aws
        .fault(Fault::new("CompleteMultipartUpload").then(Answer::ErrorBodyInOk));
    world
        .job()
        .var("DOCFERRY_MAX_ATTEMPTS", "2")
        .run()
        .exits(6)
        .says("(InternalError: We encountered an internal error");
    assert!(world.keys().is_empty());
    assert!(world.aws.uploads(BUCKET).is_empty());
}

#[test]
fn an_object_that_fails_for_good_is_told_with_code_message_and_request_id() {
    let world = World::new();
    world.site();
    let broken = Fault::new("PutObject")
        .key("*logo.png")
        .then(Answer::InternalError);
    world.aws.fault(broken);
    world
        .job()
        .var("DOCFERRY_MAX_ATTEMPTS", "2")
        .run()
        .exits(6)
        .says("error: s3://example-docs/site/assets/logo.png: InternalError: We encountered an internal error")
        .says("(request id ")
        .says("1 failed")
        .says("in place   s3://example-docs/site/index.html");
}

#[test]
fn a_failed_upload_in_parts_leaves_nothing_behind_if_it_may_clean_up() {
    let world = World::new();
    let _role = world.aws.role(ROLE).policy(may_abort());
    world.file("big", vec![1; 33 << 20]);
    world.aws.fault(
        Fault::new("UploadPart")
            .after(2)
            .then(Answer::InternalError),
    );
    world.job().var("DOCFERRY_MAX_ATTEMPTS", "2").run().exits(6);
    assert!(world.aws.uploads(BUCKET).is_empty());
    assert!(world.aws.requests().count("AbortMultipartUpload") >= 1);
}

#[test]
fn and_says_what_remains_and_how_to_remove_it_if_it_may_not() {
    let world = World::new();
    world.file("big", vec![1; 33 << 20]);
    world.aws.fault(
        Fault::new("UploadPart")
            .after(2)
            .then(Answer::InternalError),
    );
    let outcome = world.job().var("DOCFERRY_MAX_ATTEMPTS", "2").run().exits(6);
    let left = world.aws.uploads(BUCKET);
    assert_eq!(left.len(), 1);
    outcome
        .says("S3 may keep parts of site/big that could not be removed (AccessDenied")
        .says("AccessDenied")
        .says("allow s3:AbortMultipartUpload")
        .says(&format!(
            "aws s3api abort-multipart-upload --bucket example-docs --key 'site/big' --upload-id '{}'",
            left[0].id
        ));
}

#[test]
fn a_slow_server_is_waited_for() {
    let world = World::new();
    many(&world);
    world.aws.latency(Duration::from_millis(30));
    world.job().run().exits(0);
    world.assert_all_in_place();
}

#[test]
fn an_upload_whose_beginning_got_no_answer_is_told() {
    let world = World::new();
    let _role = world.aws.role(ROLE).policy(may_abort());
    world.file("big", vec![1; 17 << 20]);
    let lost = Fault::new("CreateMultipartUpload")
        .nth(1)
        .then(Answer::ResetAfter);
    world.aws.fault(lost);
    world
        .job()
        .run()
        .exits(0)
        .says("S3 may keep parts of site/big that could not be removed (S3's answer to its beginning got lost)")
        .says("aws s3api list-multipart-uploads --bucket example-docs --prefix 'site/big'");
    assert_eq!(
        world.aws.uploads(BUCKET).len(),
        1,
        "the one that is told of"
    );
    assert!(world.aws.object(BUCKET, "site/big").is_some());
}

#[test]
fn an_answer_that_never_came_leaves_the_object_in_doubt() {
    let world = World::new();
    world.site();
    let lost = Fault::new("PutObject")
        .key("*index.html")
        .then(Answer::ResetAfter);
    world.aws.fault(lost);
    world
        .job()
        .var("DOCFERRY_MAX_ATTEMPTS", "2")
        .run()
        .exits(6)
        .says("in doubt, S3 may have it or not: s3://example-docs/site/index.html");
    assert!(world.aws.object(BUCKET, "site/index.html").is_some());
}

#[test]
fn a_slow_line_is_no_stalled_one() {
    let world = World::new();
    world.file("medium", vec![1; 3 << 20]);
    let slow = Fault::new("PutObject").then(Answer::Delay(Duration::from_secs(8)));
    world.aws.fault(slow);
    let outcome = world.job().run().exits(0);
    outcome.says_nothing_of("tried again");
    world.assert_all_in_place();
}
