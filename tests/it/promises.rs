//! The promises that no other file shows.

use std::collections::BTreeSet;
use std::fs;

use crate::harness::*;

/// Least permission: the role may put objects and nothing else, and no call
/// asks for more.
#[test]
fn put_object_alone_is_enough_and_nothing_else_is_asked() {
    let world = World::new();
    world.site();
    world.file("big", vec![1; 17 << 20]);
    world.job().run().exits(0);
    let asked: BTreeSet<String> = world.aws.requests().counts().into_keys().collect();
    let allowed = [
        "CompleteMultipartUpload",
        "CreateMultipartUpload",
        "PutObject",
        "UploadPart",
        "sts:AssumeRole",
        "sts:GetCallerIdentity",
    ];
    assert_eq!(asked, allowed.map(str::to_owned).into());
    assert!(world.aws.requests().refused().is_empty());
}

#[test]
fn every_s3_request_names_the_account_that_must_own_the_bucket() {
    let world = World::new();
    world.site();
    world.file("big", vec![1; 17 << 20]);
    let owner_of_all = |expected: Option<&str>| {
        for request in world.aws.requests().all() {
            if !request.operation.starts_with("sts:") {
                let said = request.header("x-amz-expected-bucket-owner");
                assert_eq!(said, expected, "{}", request.operation);
            }
        }
        world.aws.forget_requests();
    };
    world.job().run().exits(0);
    owner_of_all(Some(DOCUMENTATION));
    let job = world.job().var("DOCFERRY_EXPECTED_BUCKET_OWNER", "none");
    job.run().exits(0);
    owner_of_all(None);
    let job = world
        .job()
        .var("DOCFERRY_EXPECTED_BUCKET_OWNER", "333333333333");
    job.run().exits(5);
    owner_of_all(Some("333333333333"));
}

/// Memory does not grow with the size of a file.
#[test]
fn a_large_file_costs_no_more_memory_than_a_small_one() {
    let world = World::new();
    let file = fs::File::create(world.source().join("sparse.img")).unwrap();
    file.set_len(600 << 20).unwrap();
    let running = world.job().start();
    let peak = running.peak_memory_while(|| world.keys().is_empty());
    running.wait().exits(0);
    world.assert_size("site/sparse.img", 600 << 20);
    assert!(peak < 64 << 10, "{peak} KiB");
}

#[test]
fn no_secret_is_printed_however_much_is_logged() {
    let world = World::new();
    world.site();
    let _role = world.aws.role(ROLE).trust(trusts(Some(EXTERNAL_ID)));
    for extra in ["DOCFERRY_LOG", "RUST_LOG", "AWS_SDK_LOG"] {
        let outcome = world
            .job()
            .var("DOCFERRY_EXTERNAL_ID", EXTERNAL_ID)
            .var("DOCFERRY_LOG", "debug")
            .var(extra, "debug")
            .run()
            .exits(0);
        let outcome = outcome
            .says_nothing_of(&world.key.secret)
            .says_nothing_of(EXTERNAL_ID)
            .says_nothing_of("Signature=");
        // The shape of STS's secrets and tokens: long runs of base64.
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        let base64 = |c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c));
        let secret = all
            .split(base64)
            .find(|word| word.len() >= 40 && !word.contains("//"));
        assert_eq!(secret, None);
    }
}

#[test]
fn a_file_name_or_a_servers_words_cannot_forge_a_line() {
    let world = World::new();
    world.file("a::error::forged", "x");
    world.file("::add-mask::x", "x");
    world.aws.fault(
        docferry_sandbox::Fault::new("PutObject")
            .key("*forged")
            .then(docferry_sandbox::Answer::Error {
                status: 400,
                code: "InvalidArgument".to_owned(),
                message: "no\n::error title=forged::by the server".to_owned(),
            }),
    );
    let job = world.job().var("DOCFERRY_LOG", "debug");
    let outcome = job.run().exits(6);
    for line in outcome.stderr.lines() {
        assert!(!line.trim_start().starts_with("::"), "{line}");
    }
}

#[test]
fn nothing_is_written_beside_the_source() {
    let world = World::new();
    world.site();
    let before = fs::read_dir(world.dir.path()).unwrap().count();
    world.job().run().exits(0);
    assert_eq!(fs::read_dir(world.dir.path()).unwrap().count(), before);
}
