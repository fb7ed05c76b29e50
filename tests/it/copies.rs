//! New properties for objects whose content stays.

use std::time::Duration;

use docferry_sandbox::{Answer, Fault};

use crate::harness::*;
use crate::sync::{changed, may_read, put_by_another, sync, world};

#[test]
fn changed_properties_are_set_without_the_content() {
    let world = world();
    world.aws.role(ROLE).policy(may_read());
    world.site();
    world.file("big.bin", vec![7; 20 << 20]);
    sync(&world).run().exits(0);
    changed(&world);
    let with = |rules: &str| sync(&world).var("DOCFERRY_CACHE_CONTROL", rules);
    with("*.css=max-age=60\n*.bin=no-store")
        .run()
        .exits(0)
        .says("0 new and 2 changed, 0 B");
    let requests = world.aws.requests();
    assert_eq!(requests.count("CopyObject"), 2);
    // The manifest alone.
    assert_eq!(requests.count("PutObject"), 1);
    assert_eq!(requests.count("CreateMultipartUpload"), 0);
    let css = world.object("site/assets/style.css");
    assert_eq!(css.properties.cache_control.as_deref(), Some("max-age=60"));
    assert_eq!(css.content_type(), "text/css; charset=utf-8");
    assert_eq!(css.bytes(), "h1 { color: teal }");
    assert_eq!(world.object("site/big.bin").bytes(), vec![7; 20 << 20]);
    changed(&world);
    with("*.css=max-age=60\n*.bin=no-store")
        .run()
        .exits(0)
        .says("4 unchanged");
    assert!(changed(&world).is_empty());
    // And taken away again.
    sync(&world).run().exits(0).says("0 new and 2 changed");
    assert_eq!(
        world
            .object("site/assets/style.css")
            .properties
            .cache_control,
        None
    );
}

#[test]
fn without_the_permission_to_copy_the_file_is_sent() {
    let world = world();
    world.site();
    sync(&world).run().exits(0);
    changed(&world);
    sync(&world)
        .var("DOCFERRY_CACHE_CONTROL", "*.css=max-age=60")
        .run()
        .exits(0)
        .says("s3:GetObject on them would save that");
    let css = world.object("site/assets/style.css");
    assert_eq!(css.properties.cache_control.as_deref(), Some("max-age=60"));
    sync(&world)
        .var("DOCFERRY_CACHE_CONTROL", "*.css=max-age=60")
        .run()
        .exits(0)
        .says("3 unchanged");
}

#[test]
fn copies_and_their_failures_need_no_second_turn() {
    for (concurrency, may_copy) in [("1", true), ("1", false), ("3", false)] {
        let world = world();
        if may_copy {
            world.aws.role(ROLE).policy(may_read());
        }
        for name in ["a.css", "b.css", "c.css", "d.css"] {
            world.file(name, name);
        }
        world.file("big.css", vec![b' '; 17 << 20]);
        sync(&world).run().exits(0);
        sync(&world)
            .var("DOCFERRY_CACHE_CONTROL", "no-cache")
            .var("DOCFERRY_CONCURRENCY", concurrency)
            .var("DOCFERRY_TIMEOUT", "60s")
            .run()
            .exits(0);
        for object in world.aws.objects(BUCKET) {
            if !object.key.contains(".docferry") {
                assert_eq!(object.properties.cache_control.as_deref(), Some("no-cache"));
            }
        }
    }
}

#[test]
fn an_object_that_was_replaced_meanwhile_is_not_copied() {
    let world = world();
    world.aws.role(ROLE).policy(may_read());
    world.site();
    sync(&world).run().exits(0);
    // The page is copied in the stage after the style sheet.
    let slow = Answer::Delay(Duration::from_secs(2));
    world
        .aws
        .fault(Fault::new("CopyObject").key("*.css").then(slow));
    let running = sync(&world)
        .var("DOCFERRY_CACHE_CONTROL", "no-cache")
        .start();
    std::thread::sleep(Duration::from_secs(1));
    put_by_another(&world, "site/index.html", b"<h1>Handbooj</h1>");
    running.wait().exits(0);
    let page = world.object("site/index.html");
    assert_eq!(page.bytes(), "<h1>Handbook</h1>");
    assert_eq!(page.properties.cache_control.as_deref(), Some("no-cache"));
}
