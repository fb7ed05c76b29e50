//! docferry's own record: when it is believed, and when it is there.

use std::time::Duration;

use docferry_sandbox::{Answer, Fault};
use serde_json::json;

use crate::harness::*;
use crate::sync::{MANIFEST, changed, may_read, put_by_another, sync, world};

#[test]
fn a_manifest_that_is_not_honest_is_not_believed() {
    let world = world();
    world.aws.role(ROLE).policy(may_read());
    world.site();
    sync(&world).run().exits(0);
    let honest = world.object(MANIFEST).bytes();
    let text = String::from_utf8(zstd::stream::decode_all(&honest[..]).unwrap()).unwrap();
    let pack = |text: &str| zstd::stream::encode_all(text.as_bytes(), 3).unwrap();
    // It says of the changed page what is true of the file, so that it is kept.
    world.file("index.html", "<h1>Handbuch</h1>");
    let elsewhere = text.replace("docs/site/", "docs/sito/");
    let newer = text.replace("manifest\t1\t", "manifest\t2\t");
    let cut = &honest[..honest.len() / 2];
    for (bytes, why) in [
        (
            pack(&swap_digest(&text, "<h1>Handbuch</h1>")),
            "its seal does not fit",
        ),
        (pack(&elsewhere), "another destination"),
        (pack(&newer), "version 2"),
        (cut.to_vec(), "cut off"),
        (b"{}".to_vec(), "cannot be unpacked"),
        (Vec::new(), "cut off"),
    ] {
        put_by_another(&world, "site/index.html", b"<h1>Handbook</h1>");
        put_by_another(&world, MANIFEST, &bytes);
        changed(&world);
        let said = sync(&world).run().exits(0).says("is not used").stderr;
        assert!(said.contains(why), "{why}: {said}");
        assert_eq!(
            world.object("site/index.html").bytes(),
            "<h1>Handbuch</h1>",
            "{why}"
        );
        // And it is honest again.
        sync(&world)
            .run()
            .exits(0)
            .says("3 unchanged")
            .says_nothing_of("is not used");
    }
}

/// Puts the digest of another content into the record of the page.
fn swap_digest(text: &str, content: &str) -> String {
    let digest = blake3::hash(content.as_bytes()).to_hex();
    let lines = text.split_inclusive('\n').map(|line| {
        let mut fields: Vec<&str> = line.split('\t').collect();
        if fields.get(1) == Some(&"index.html") {
            fields[4] = &digest[..32];
        }
        fields.join("\t")
    });
    lines.collect()
}

#[test]
fn a_sealed_manifest_cannot_be_made_by_others() {
    let world = world();
    world.aws.role(ROLE).policy(may_read());
    world.site();
    // Whoever knows the format can make a manifest without a secret.
    sync(&world).run().exits(0);
    let sealed = || sync(&world).var("DOCFERRY_MANIFEST_KEY", "hunter2-hunter2");
    sealed()
        .run()
        .exits(0)
        .says("DOCFERRY_MANIFEST_KEY is another one")
        .says_nothing_of("hunter2");
    sealed()
        .run()
        .exits(0)
        .says("3 unchanged")
        .says_nothing_of("is not used");
    sync(&world).run().exits(0).says("its seal does not fit");
}

#[test]
fn a_record_that_cannot_be_stored_does_not_spoil_the_run() {
    let world = world();
    world.site();
    let denied = json!({
        "Effect": "Deny", "Action": "s3:PutObject", "Resource": format!("arn:aws:s3:::{BUCKET}/site/.docferry/*"),
    });
    world.aws.role(ROLE).policy(policy(&denied));
    sync(&world)
        .run()
        .exits(0)
        .says("docferry's record cannot be stored at s3://example-docs/site/.docferry/manifest");
}

#[test]
fn a_time_out_leaves_a_record_of_what_is_in_place() {
    let world = world();
    world.site();
    let slow = Answer::Delay(Duration::from_secs(30));
    world
        .aws
        .fault(Fault::new("PutObject").key("*index.html").then(slow));
    sync(&world).var("DOCFERRY_TIMEOUT", "1s").run().exits(6);
    world.aws.clear_faults();
    changed(&world);
    sync(&world).run().exits(0);
    assert_eq!(changed(&world), ["site/index.html"]);
}

#[test]
fn a_record_survives_an_answer_that_got_lost() {
    let world = world();
    world.site();
    world.aws.fault(
        Fault::new("PutObject")
            .key("*manifest")
            .nth(1)
            .then(Answer::ResetAfter),
    );
    sync(&world).run().exits(0).says_nothing_of("another run");
    sync(&world).run().exits(0).says("3 unchanged");
}

#[test]
fn a_source_with_docferrys_own_folder_is_refused() {
    let world = world();
    world.file(".docferry/manifest", "x");
    sync(&world).run().exits(4).says("docferry's own");
}
