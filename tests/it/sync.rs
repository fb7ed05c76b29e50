//! `DOCFERRY_MODE=sync`: what is unchanged is not sent, and what changed is.

use std::time::Duration;

use docferry_sandbox::{Encryption, Sandbox};
use serde_json::{Value, json};

use crate::harness::*;

pub const MANIFEST: &str = "site/.docferry/manifest";

/// What `sync` needs beside `s3:PutObject`, and nothing more.
pub fn may_compare() -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": format!("arn:aws:s3:::{BUCKET}"),
            "Condition": {"StringLike": {"s3:prefix": "site/*"}},
        },
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": format!("arn:aws:s3:::{BUCKET}/{MANIFEST}"),
        },
    ]})
}

/// What lets docferry look at objects of others, and copy its own.
pub fn may_read() -> Value {
    policy(&json!({
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::{BUCKET}/site/*"),
    }))
}

/// A world in which everything is allowed that `sync` needs.
pub fn world() -> World {
    let world = World::new();
    world.aws.role(ROLE).policy(may_compare());
    world
}

pub fn sync(world: &World) -> Job {
    world.job().var("DOCFERRY_MODE", "sync")
}

/// The keys that were put or copied since the last look, without docferry's
/// own. Nothing may have been deleted.
pub fn changed(world: &World) -> Vec<String> {
    let requests = world.aws.requests();
    let mut keys = Vec::new();
    assert_eq!(
        requests.count("DeleteObjects") + requests.count("DeleteObject"),
        0
    );
    for operation in ["PutObject", "CopyObject", "CreateMultipartUpload"] {
        for request in requests.of(operation) {
            keys.extend(
                request
                    .key
                    .clone()
                    .filter(|key| !key.contains("/.docferry/")),
            );
        }
    }
    keys.sort();
    world.aws.forget_requests();
    keys
}

pub fn put_by_another(world: &World, key: &str, bytes: &[u8]) {
    world.aws.bucket(BUCKET).object(key, bytes);
}

#[test]
fn what_is_unchanged_is_not_sent_and_what_changed_is() {
    let world = world();
    world.site();
    world.file("big.bin", vec![7; 20 << 20]);
    sync(&world).run().exits(0).says("4 new and 0 changed");
    assert_eq!(changed(&world).len(), 4);
    // Every file is as new as a checkout makes it, and none has changed.
    world.site();
    world.file("big.bin", vec![7; 20 << 20]);
    sync(&world)
        .run()
        .exits(0)
        .says("0 new and 0 changed, 0 B, 4 unchanged")
        .says("done       0 of 0 files, 4 unchanged");
    let requests = world.aws.requests();
    assert!(requests.of("PutObject").is_empty(), "not even the manifest");
    assert!(changed(&world).is_empty());
    // A corrected typo of equal length.
    world.file("index.html", "<h1>Handbuch</h1>");
    let mut big = vec![7; 20 << 20];
    big[9 << 20] = 8;
    world.file("big.bin", &big);
    sync(&world).run().exits(0).says("0 new and 2 changed");
    assert_eq!(changed(&world), ["site/big.bin", "site/index.html"]);
    assert_eq!(world.object("site/index.html").bytes(), "<h1>Handbuch</h1>");
    assert_eq!(world.object("site/big.bin").bytes(), big);
}

#[test]
fn objects_of_others_are_compared_by_what_s3_tells() {
    let world = world();
    world.aws.role(ROLE).policy(may_read());
    world.site();
    world.file("big.bin", vec![7; 20 << 20]);
    // A plain copy leaves no manifest.
    world.job().run().exits(0);
    assert!(world.aws.object(BUCKET, MANIFEST).is_none());
    changed(&world);
    world.file("index.html", "<h1>Handbuch</h1>");
    sync(&world).run().exits(0).says("0 new and 1 changed");
    assert_eq!(changed(&world), ["site/index.html"]);
    sync(&world).run().exits(0).says("4 unchanged");
    assert!(changed(&world).is_empty());
}

#[test]
fn what_cannot_be_compared_is_sent_and_the_permission_that_would_help_is_named() {
    let world = world();
    world.site();
    world.job().run().exits(0);
    changed(&world);
    sync(&world)
        .run()
        .exits(0)
        .says("s3:GetObject on s3://example-docs/site/")
        .says("3 files of which docferry has no record yet are sent again");
    assert_eq!(changed(&world).len(), 3);
    sync(&world)
        .run()
        .exits(0)
        .says("3 unchanged")
        .says_nothing_of("s3:GetObject");
    assert!(changed(&world).is_empty());
}

#[test]
fn entity_tags_that_are_no_md5_are_compared_by_checksums() {
    const KEY: &str = "arn:aws:kms:eu-central-1:222222222222:key/1234";
    let world = World::new();
    let _key = world.aws.kms_key(KEY);
    let kms = json!({"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": KEY});
    let role = world.aws.role(ROLE).policy(may_compare());
    role.policy(may_read()).policy(policy(&kms));
    let encrypted = Encryption::Kms(Some(KEY.to_owned()));
    let _bucket = world.aws.bucket(BUCKET).encryption(encrypted);
    world.site();
    world.job().run().exits(0);
    changed(&world);
    world.file("index.html", "<h1>Handbuch</h1>");
    sync(&world).run().exits(0).says("0 new and 1 changed");
    assert_eq!(changed(&world), ["site/index.html"]);
    // By entity tags alone they cannot be compared.
    let by_tags = sync(&world).var("DOCFERRY_COMPARE", "etag");
    by_tags.run().exits(0).says("0 new and 3 changed");
}

#[test]
fn each_way_to_compare_does_what_it_says() {
    for (compare, changed_size, same_size, header) in [
        ("auto", true, true, true),
        ("manifest", true, true, true),
        ("etag", true, true, false),
        ("size", true, false, false),
        ("always", true, true, true),
    ] {
        let world = world();
        world.aws.role(ROLE).policy(may_read());
        world.site();
        world.file("same", "a");
        sync(&world).run().exits(0);
        changed(&world);
        world.file("index.html", "longer than before");
        world.file("assets/logo.png", [0x89, b'P', b'N', b'X']);
        sync(&world)
            .var("DOCFERRY_COMPARE", compare)
            .var("DOCFERRY_CACHE_CONTROL", "*.css=no-cache")
            .run()
            .exits(0);
        let changed = changed(&world);
        let has = |key: &str| changed.contains(&format!("site/{key}"));
        let found = (
            has("index.html"),
            has("assets/logo.png"),
            has("assets/style.css"),
        );
        assert_eq!(found, (changed_size, same_size, header), "{compare}");
        assert_eq!(has("same"), compare == "always", "{compare}");
    }
}

#[test]
fn an_object_that_somebody_else_wrote_is_not_taken_for_the_recorded_one() {
    let world = world();
    world.aws.role(ROLE).policy(may_read());
    world.site();
    sync(&world).run().exits(0);
    changed(&world);
    put_by_another(&world, "site/index.html", b"<h1>Handbooj</h1>");
    sync(&world).run().exits(0).says("0 new and 1 changed");
    assert_eq!(world.object("site/index.html").bytes(), "<h1>Handbook</h1>");
    changed(&world);
    // The same bytes, but without a content type: later than the manifest.
    world.aws.clock().advance(Duration::from_secs(5));
    put_by_another(&world, "site/index.html", b"<h1>Handbook</h1>");
    sync(&world).run().exits(0).says("0 new and 1 changed");
    assert_eq!(
        world.object("site/index.html").content_type(),
        "text/html; charset=utf-8"
    );
    // It leaves the source, somebody else brings it back there, and it comes back.
    std::fs::remove_file(world.source().join("index.html")).unwrap();
    sync(&world).run().exits(0);
    world.aws.clock().advance(Duration::from_secs(5));
    put_by_another(&world, "site/index.html", b"<h1>Handbook</h1>");
    world.file("new", "x");
    sync(&world).run().exits(0).says("1 new");
    world.file("index.html", "<h1>Handbook</h1>");
    sync(&world).run().exits(0).says("0 new and 1 changed");
    assert_eq!(
        world.object("site/index.html").content_type(),
        "text/html; charset=utf-8"
    );
    world.aws.bucket(BUCKET).remove("site/assets/style.css");
    sync(&world).run().exits(0).says("1 new and 0 changed");
}

#[test]
fn files_that_are_compressed_on_their_way_are_known_again() {
    let world = world();
    world.file("big.txt", "words ".repeat(10_000));
    world.file(
        "noise.txt",
        (0..5_000_u32)
            .flat_map(u32::to_le_bytes)
            .collect::<Vec<_>>(),
    );
    let job = || sync(&world).var("DOCFERRY_COMPRESS", "*.txt=gzip");
    job().run().exits(0);
    changed(&world);
    job().run().exits(0).says("2 unchanged");
    assert!(changed(&world).is_empty());
    world.file("big.txt", "Words ".repeat(10_000));
    job().run().exits(0).says("0 new and 1 changed");
    assert_eq!(changed(&world), ["site/big.txt"]);
    // Without compression the object is another one.
    sync(&world).run().exits(0).says("0 new and 2 changed");
    assert_eq!(
        world.object("site/big.txt").properties.content_encoding,
        None
    );
}

#[test]
fn the_stamp_of_a_commit_changes_nothing_by_itself() {
    let world = world();
    world.site();
    let job = |sha: &str| {
        sync(&world)
            .var("GITLAB_CI", "true")
            .var("CI_COMMIT_SHA", sha)
            .var("DOCFERRY_STAMP", "true")
    };
    job("a1").run().exits(0);
    changed(&world);
    job("b2").run().exits(0).says("3 unchanged");
    assert!(changed(&world).is_empty());
    world.file("index.html", "new");
    job("c3").run().exits(0);
    let commit = |key: &str| world.object(key).properties.metadata["commit"].clone();
    assert_eq!(commit("site/index.html"), "c3");
    assert_eq!(commit("site/assets/style.css"), "a1");
}

#[test]
fn what_is_missing_is_named_and_what_happens_then_is_a_setting() {
    let world = World::new();
    world.site();
    // Neither listing nor reading: everything is sent, and it is said why.
    sync(&world)
        .run()
        .exits(0)
        .says("s3:ListBucket on s3://example-docs/site/ is not allowed")
        .says("every file is sent");
    assert_eq!(changed(&world).len(), 3);
    for compare in ["manifest", "etag", "size"] {
        let refused = sync(&world).var("DOCFERRY_COMPARE", compare).run().exits(5);
        refused
            .says("S3 refused to list bucket example-docs")
            .says("action    s3:ListBucket")
            .says("account   222222222222 writes")
            .says(r#""Resource": "arn:aws:s3:::example-docs", "Condition": {"StringLike": {"s3:prefix": "site/*"}}"#)
            .says("DOCFERRY_COMPARE=always");
    }
    assert!(changed(&world).is_empty());
    sync(&world)
        .var("DOCFERRY_COMPARE", "always")
        .run()
        .exits(0);
    assert!(world.aws.requests().of("ListObjectsV2").is_empty());
    // Listing, but not reading the manifest.
    let list = policy(&json!({
        "Effect": "Allow", "Action": "s3:ListBucket", "Resource": format!("arn:aws:s3:::{BUCKET}"),
    }));
    world.aws.role(ROLE).policy(list);
    sync(&world).run().exits(0);
    assert!(world.aws.object(BUCKET, MANIFEST).is_some());
    sync(&world)
        .run()
        .exits(0)
        .says("s3:GetObject on s3://example-docs/site/.docferry/manifest is not allowed");
    sync(&world)
        .var("DOCFERRY_COMPARE", "manifest")
        .run()
        .exits(5)
        .says("S3 refused docferry's own record in bucket example-docs")
        .says("action    s3:GetObject");
}

#[test]
fn all_pages_of_a_listing_are_seen() {
    let world = world();
    // More than a page in the source, and many pages that it knows nothing of.
    for index in 0..2_500 {
        world.file(&format!("a/{index:04}"), [index as u8]);
    }
    sync(&world).run().exits(0).says("2,500 new");
    let bucket = world.aws.bucket(BUCKET);
    for index in 0..9_000 {
        bucket.object(&format!("site/b/{index:05} +ü"), b"x");
    }
    changed(&world);
    sync(&world).run().exits(0).says("2,500 unchanged");
    assert!(changed(&world).is_empty());
    let plan = world.job().var("DOCFERRY_MODE", "mirror").argument("plan");
    let plan = plan.var("DOCFERRY_PLAN_FORMAT", "json").run().exits(0);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(
        plan["totals"],
        json!({"put": 0, "copy": 0, "keep": 2500, "delete": 9000, "bytes": 0})
    );
    assert_eq!(plan["actions"][2500]["path"], "b/00000 +ü");
}

#[test]
fn a_plan_tells_each_action_and_why() {
    let world = world();
    world.site();
    world.file("gone", "x");
    sync(&world).run().exits(0);
    std::fs::remove_file(world.source().join("gone")).unwrap();
    world.file("index.html", "<h1>Handbuch</h1>");
    world.file("new", "x");
    changed(&world);
    let job = || {
        let job = world.job().var("DOCFERRY_MODE", "mirror").argument("plan");
        job.var("DOCFERRY_CACHE_CONTROL", "*.css=no-cache")
    };
    let text = job().run().exits(0).stdout;
    for line in [
        "change",
        "(its content differs)",
        "(its properties differ)",
        "add ",
        "keep ",
        "delete",
        "1 new and 2 changed, 18 B, 1 unchanged, 1 to delete, at s3://example-docs/site/",
    ] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
    let json = job()
        .var("DOCFERRY_PLAN_FORMAT", "json")
        .run()
        .exits(0)
        .stdout;
    let plan: Value = serde_json::from_str(&json).unwrap();
    let actions: Vec<[&str; 4]> = plan["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| ["path", "action", "effect", "reason_code"].map(|name| a[name].as_str().unwrap()))
        .collect();
    assert_eq!(
        actions,
        [
            ["assets/logo.png", "keep", "keep", "unchanged"],
            ["assets/style.css", "copy", "change", "properties_differ"],
            ["gone", "delete", "delete", "stale"],
            ["index.html", "put", "change", "content_differs"],
            ["new", "put", "add", "new"],
        ]
    );
    job()
        .var("DOCFERRY_PLAN_EXIT_CODE", "true")
        .run()
        .exits(8)
        .says("the plan changes 4 objects");
    assert!(changed(&world).is_empty());
    let job = || world.job().argument("plan").var("DOCFERRY_MODE", "sync");
    sync(&world).run().exits(0);
    job().var("DOCFERRY_PLAN_EXIT_CODE", "true").run().exits(0);
}

#[test]
fn many_files_are_compared_in_bounded_memory() {
    let aws = Sandbox::builder();
    let world = World::with(aws);
    world.aws.role(ROLE).policy(may_compare());
    for index in 0..20_000 {
        world.file(&format!("{}/{index}", index % 100), index.to_string());
    }
    sync(&world).run().exits(0);
    let running = sync(&world).start();
    let begin = std::time::Instant::now();
    let peak = running.peak_memory_while(|| begin.elapsed() < Duration::from_secs(3));
    running.wait().exits(0).says("20,000 unchanged");
    assert!(peak < 96 * 1024, "{peak} KiB");
}
