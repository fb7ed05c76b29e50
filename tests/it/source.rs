//! Sources that cannot be carried, or not as a whole.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Duration;

use docferry_sandbox::{Answer, Fault};

use crate::harness::*;

#[test]
fn a_missing_source_is_an_error_before_anyone_is_asked() {
    let world = World::new();
    world
        .job()
        .var("DOCFERRY_SOURCE", "no/such/directory")
        .run()
        .exits(4)
        .says("\"no/such/directory\": is not there")
        .says("hint: DOCFERRY_SOURCE is relative to the working directory of the job");
    assert!(world.aws.requests().all().is_empty());
}

#[test]
fn an_empty_source_is_an_error_unless_it_is_allowed() {
    let world = World::new();
    let job = || world.job();
    job()
        .run()
        .exits(4)
        .says("holds no file")
        .says("DOCFERRY_ALLOW_EMPTY=true");
    job()
        .var("DOCFERRY_ALLOW_EMPTY", "true")
        .run()
        .exits(0)
        .says("0 of 0 files");
}

#[test]
fn a_directory_that_may_not_be_read_is_named() {
    let world = World::new();
    world.site();
    world.file("secret/x", "x");
    let _restore = Unreadable::new(&world.source().join("secret"));
    world
        .job()
        .user(NOBODY)
        .run()
        .exits(4)
        .says("\"secret\": may not be read by this user");
    assert!(world.keys().is_empty());
}

#[test]
fn a_file_that_may_not_be_read_fails_alone() {
    let world = World::new();
    world.site();
    let _restore = Unreadable::new(&world.source().join("index.html"));
    world
        .job()
        .user(NOBODY)
        .run()
        .exits(6)
        .says("s3://example-docs/site/index.html: the file may not be read by this user")
        .says("done       2 of 3 files")
        .says("1 object of 3 failed; the others are in place");
    assert_eq!(
        world.keys(),
        ["site/assets/logo.png", "site/assets/style.css"]
    );
}

/// The superuser may read everything, so these tests run the program as
/// somebody else, for whom the files around it must be open.
const NOBODY: u32 = 65534;

struct Unreadable(std::path::PathBuf);

impl Unreadable {
    fn new(path: &std::path::Path) -> Self {
        for dir in path
            .ancestors()
            .skip(1)
            .take_while(|dir| dir.starts_with(std::env::temp_dir()))
        {
            if dir != std::env::temp_dir() {
                fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
        Self(path.to_owned())
    }
}

impl Drop for Unreadable {
    fn drop(&mut self) {
        drop(fs::set_permissions(
            &self.0,
            fs::Permissions::from_mode(0o755),
        ));
    }
}

#[test]
fn names_that_cannot_be_keys_stop_the_run_before_any_change() {
    let world = World::new();
    world.site();
    for name in [&b"bad-\xff"[..], b"two\nlines"] {
        fs::write(world.source().join(OsStr::from_bytes(name)), "").unwrap();
    }
    world
        .job()
        .run()
        .exits(4)
        .says(r#""bad-\xFF": has a name that is not valid UTF-8"#)
        .says(r#""two\nlines": has the control character '\n'"#);
    assert!(world.aws.requests().all().is_empty());
}

#[test]
fn a_key_may_have_1024_bytes_with_its_prefix_and_no_more() {
    let world = World::new();
    let deep = vec!["d".repeat(200); 5].join("/");
    world.file(&format!("{deep}/{}", "f".repeat(14)), "x");
    world.job().run().exits(0);
    assert_eq!(world.keys()[0].len(), 1024);
    world.file(&format!("{deep}/{}", "f".repeat(15)), "x");
    world
        .job()
        .run()
        .exits(4)
        .says("makes a key of 1025 bytes under \"site/\"");
}

#[test]
fn a_symbolic_link_never_leads_out() {
    let world = World::new();
    world.file("v1/index.html", "one");
    symlink("v1", world.source().join("latest")).unwrap();
    world.job().run().exits(0);
    assert_eq!(
        world.keys(),
        ["site/latest/index.html", "site/v1/index.html"]
    );
    symlink("/proc/self/environ", world.source().join("env.txt")).unwrap();
    world.aws.forget_requests();
    world
        .job()
        .run()
        .exits(4)
        .says("\"env.txt\": is a symbolic link out of the source, to \"/proc/");
    assert!(world.aws.requests().all().is_empty());
}

/// Starts a job that is held up at its first request, changes the source, and
/// lets it go on.
fn run_while(world: &World, change: impl FnOnce()) -> Outcome {
    let hold = Answer::Delay(Duration::from_millis(700));
    world
        .aws
        .fault(Fault::new("sts:GetCallerIdentity").nth(1).then(hold));
    let running = world.job().start();
    wait_until("the job is at its first request", || {
        !world.aws.requests().all().is_empty() || {
            std::thread::sleep(Duration::from_millis(300));
            true
        }
    });
    change();
    running.wait()
}

#[test]
fn a_file_that_vanishes_shrinks_grows_or_is_rewritten_fails_with_that_reason() {
    for (what, change, reason) in [
        (
            "vanishes",
            "remove",
            "the file vanished after it was planned",
        ),
        ("shrinks", "shrink", "it had 1000 bytes and has 10"),
        ("grows", "grow", "it had 1000 bytes and has 1001"),
        (
            "is rewritten",
            "rewrite",
            "changed after it was planned or while it was read",
        ),
        (
            "is replaced",
            "replace",
            "changed after it was planned or while it was read",
        ),
    ] {
        let world = World::new();
        world.site();
        world.file("victim", [b'v'; 1000]);
        let victim = world.source().join("victim");
        let outcome = run_while(&world, || match change {
            "remove" => fs::remove_file(&victim).unwrap(),
            "shrink" => File::options()
                .write(true)
                .open(&victim)
                .unwrap()
                .set_len(10)
                .unwrap(),
            "grow" => File::options()
                .append(true)
                .open(&victim)
                .unwrap()
                .write_all(b"!")
                .unwrap(),
            "rewrite" => fs::write(&victim, [b'w'; 1000]).unwrap(),
            _ => {
                fs::write(world.dir.path().join("other"), [b'o'; 1000]).unwrap();
                fs::rename(world.dir.path().join("other"), &victim).unwrap();
            }
        });
        outcome
            .exits(6)
            .says("s3://example-docs/site/victim")
            .says(reason);
        assert!(world.aws.object(BUCKET, "site/victim").is_none(), "{what}");
        assert_eq!(world.keys().len(), 3, "{what}");
    }
}

#[test]
fn a_large_file_that_changes_between_its_parts_never_becomes_an_object() {
    let world = World::new();
    let _role = world.aws.role(ROLE).policy(may_abort());
    world.file("big", vec![1; 24 << 20]);
    world
        .aws
        .fault(Fault::new("UploadPart").then(Answer::Delay(Duration::from_millis(500))));
    let running = world.job().var("DOCFERRY_CONCURRENCY", "1").start();
    wait_until("the first part is under way", || {
        world.aws.requests().count("CreateMultipartUpload") == 1
    });
    let mut file = File::options()
        .write(true)
        .open(world.source().join("big"))
        .unwrap();
    file.write_all(&[2; 100]).unwrap();
    running.wait().exits(6).says("the file changed");
    assert!(world.keys().is_empty());
    assert!(
        world.aws.uploads(BUCKET).is_empty(),
        "parts were left behind"
    );
}
