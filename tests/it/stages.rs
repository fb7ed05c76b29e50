//! What is sent before what.

use docferry_sandbox::{Answer, Fault};

use crate::harness::*;
use crate::sync::{changed, sync, world};

#[test]
fn pages_wait_for_what_they_need() {
    let world = world();
    for name in [
        "b.css",
        "z.js",
        "a.html",
        "sub/index.html",
        "index.html",
        "m.png",
    ] {
        world.file(name, name);
    }
    for mode in ["copy", "sync"] {
        world.empty_the_bucket();
        world.aws.forget_requests();
        world.job().var("DOCFERRY_MODE", mode).run().exits(0);
        let requests = world.aws.requests();
        let puts = requests.of("PutObject");
        let place = |name: &str| {
            let key = format!("site/{name}");
            puts.iter()
                .position(|put| put.key.as_deref() == Some(&key))
                .unwrap()
        };
        let (assets, pages) = (["b.css", "z.js", "m.png"], ["a.html", "sub/index.html"]);
        for (asset, page) in assets.iter().flat_map(|a| pages.map(|page| (*a, page))) {
            assert!(place(asset) < place(page), "{mode}: {asset} after {page}");
        }
        assert!(
            pages.iter().all(|page| place(page) < place("index.html")),
            "{mode}"
        );
    }
}

#[test]
fn no_page_goes_up_whose_assets_failed() {
    let world = world();
    world.site();
    let denied = Answer::Error {
        status: 400,
        code: "InvalidArgument".into(),
        message: "no".into(),
    };
    world
        .aws
        .fault(Fault::new("PutObject").key("*.css").times(99).then(denied));
    world.file("a.txt", "x");
    sync(&world)
        .run()
        .exits(6)
        .says("not sent   1 file")
        .says("1 object of 4 failed, and 1 was not sent; the others are in place")
        .says("in place   s3://example-docs/site/assets/logo.png");
    assert!(world.aws.object(BUCKET, "site/index.html").is_none());
    // What is in place is known the next time.
    world.aws.clear_faults();
    changed(&world);
    sync(&world).run().exits(0);
    assert_eq!(
        changed(&world),
        ["site/assets/style.css", "site/index.html"]
    );
}
