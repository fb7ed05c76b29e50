//! What is carried: globs, symbolic links, the guard against secrets.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::*;

#[test]
fn include_and_exclude_select_and_exclude_wins() {
    let world = World::new();
    world.site();
    world.file("assets/app.js.map", "{}");
    world.file("drafts/secret-plan.html", "x");
    world
        .job()
        .var("DOCFERRY_EXCLUDE", "*.map\ndrafts/")
        .var("DOCFERRY_INCLUDE", "*.html, /assets/")
        .run()
        .exits(0);
    assert_eq!(
        world.keys(),
        [
            "site/assets/logo.png",
            "site/assets/style.css",
            "site/index.html"
        ]
    );
}

#[test]
fn a_selection_of_nothing_says_which_variables_made_it() {
    let world = World::new();
    world.site();
    world
        .job()
        .var("DOCFERRY_INCLUDE", "*.pdf")
        .run()
        .exits(4)
        .says("holds no file that is selected")
        .says("DOCFERRY_INCLUDE");
}

#[test]
fn the_source_may_be_written_with_a_slash_or_a_dot() {
    let world = World::new();
    world.site();
    for ending in ["/", "/.", "/./", "//"] {
        let source = format!("{}{ending}", world.source().display());
        world.job().var("DOCFERRY_SOURCE", source).run().exits(0);
        world.assert_all_in_place();
    }
}

#[test]
fn what_looks_like_credentials_stops_the_run_before_any_change() {
    let world = World::new();
    world.site();
    world.file(".env", "PASSWORD=hunter2");
    world.file("certs/tls.pem", "-----BEGIN PRIVATE KEY-----\nMII");
    world.file("certs/ca.pem", "-----BEGIN CERTIFICATE-----\nMII");
    for command in ["upload", "plan"] {
        world
            .job()
            .argument(command)
            .run()
            .exits(7)
            .says("2 files of the source look like credentials")
            .says("file      .env (an environment file)")
            .says("file      certs/tls.pem (a private key)")
            .says("DOCFERRY_EXCLUDE")
            .says("DOCFERRY_ALLOW_SECRETS")
            .says_nothing_of("ca.pem")
            .says_nothing_of("hunter2");
    }
    assert!(world.aws.requests().all().is_empty());
    let job = world.job().var("DOCFERRY_ALLOW_SECRETS", ".env");
    job.run().exits(7).says("1 file of the source looks like");
    world
        .job()
        .var("DOCFERRY_ALLOW_SECRETS", ".env, certs/")
        .run()
        .exits(0);
    world.assert_all_in_place();
}

/// A guard that cries wolf is turned off. Real sites have none of these names
/// and shapes: the toolchain's own documentation, if it is installed, and all
/// names of a Storybook build and of a Sphinx site.
#[test]
fn real_sites_are_not_suspected() {
    let world = World::new();
    for list in ["sphinx", "storybook"] {
        let path = format!("{}/tests/it/sites/{list}.txt", env!("CARGO_MANIFEST_DIR"));
        let names = fs::read_to_string(path).unwrap();
        assert!(names.lines().count() > 50, "{list}");
        for name in names.lines() {
            world.file(&format!("{list}/{name}"), "-----BEGIN PRIVATE KEY-----");
        }
    }
    world.job().argument("plan").run().exits(0);
    let sysroot = std::process::Command::new("rustc")
        .args(["--print", "sysroot"])
        .output();
    let sysroot = String::from_utf8(sysroot.unwrap().stdout).unwrap();
    let docs = std::path::Path::new(sysroot.trim()).join("share/doc/rust/html");
    if docs.is_dir() {
        let plan = world
            .job()
            .var("DOCFERRY_SOURCE", docs)
            .argument("plan")
            .run();
        let plan = plan.exits(0);
        assert!(plan.stdout.lines().count() > 10_000);
    }
}

#[test]
fn symbolic_links_are_followed_skipped_or_refused() {
    let world = World::new();
    world.site();
    symlink("assets", world.source().join("static")).unwrap();
    world.job().run().exits(0);
    assert!(world.keys().contains(&"site/static/style.css".to_owned()));
    let skip = world.job().var("DOCFERRY_SYMLINKS", "skip");
    let skip = skip.var("DOCFERRY_DESTINATION", format!("s3://{BUCKET}/site/skip/"));
    skip.run().exits(0).says("left 1 symbolic link behind");
    assert!(
        !world
            .keys()
            .contains(&"site/skip/static/style.css".to_owned())
    );
    world
        .job()
        .var("DOCFERRY_SYMLINKS", "refuse")
        .run()
        .exits(4)
        .says("\"static\": is a symbolic link to \"assets\", and DOCFERRY_SYMLINKS=refuse");
}

#[test]
fn names_that_look_the_same_are_told_apart_and_carried_both() {
    let world = World::new();
    world.file("caf\u{e9}.html", "composed");
    world.file("cafe\u{301}.html", "decomposed");
    world
        .job()
        .run()
        .exits(0)
        .says(r"two names look the same and are two objects: cafe\u{301}.html and caf\u{e9}.html");
    world.assert_all_in_place();
}

/// What a file really is counts, however one comes to it.
#[test]
fn links_and_single_files_are_no_way_around_the_guard() {
    let world = World::new();
    world.site();
    world.file(".aws/credentials", "x");
    world.file(".git/config", "token");
    symlink(".aws", world.source().join("static")).unwrap();
    symlink(".git", world.source().join("meta")).unwrap();
    symlink(".git/config", world.source().join("config.txt")).unwrap();
    let job = || world.job().var("DOCFERRY_EXCLUDE", ".aws/");
    job()
        .run()
        .exits(7)
        .says("static/credentials (AWS credentials)");
    let job = job().var("DOCFERRY_ALLOW_SECRETS", "static/");
    job.run().exits(0);
    let keys = world.keys();
    assert!(keys.contains(&"site/static/credentials".to_owned()));
    assert!(!keys.iter().any(|key| key.contains("config")), "{keys:?}");
    for source in [".aws/credentials", ".aws"] {
        let job = world
            .job()
            .var("DOCFERRY_SOURCE", world.source().join(source));
        job.run().exits(7).says("credentials (AWS credentials)");
    }
}

#[test]
fn a_folder_that_cannot_be_read_is_a_problem_even_where_globs_include() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    world.site();
    world.file("chapter/page.html", "x");
    let folder = world.source().join("chapter");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(world.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let job = || world.job().user(65534).var("DOCFERRY_INCLUDE", "*.html");
    let outcome = job().run();
    let left_out = job().var("DOCFERRY_EXCLUDE", "chapter/").run();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    outcome.exits(4).says("\"chapter\": may not be read");
    left_out.exits(0);
}
