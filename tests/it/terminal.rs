//! A person at a terminal sees a bar; a job's log gets lines.

use std::fs::File;
use std::io::Read as _;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::harness::*;

/// Runs a job whose standard error is a terminal of this kind, and gives what
/// that terminal was sent.
fn seen(world: &World, kind: &str) -> String {
    without_colours(&seen_with(world, kind, ""))
}

fn seen_with(world: &World, kind: &str, no_colour: &str) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let size = Winsize {
        ws_row: 24,
        ws_col: 100,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&slave, size).unwrap();
    let running = world
        .job()
        .var("TERM", kind)
        .var("NO_COLOR", no_colour)
        .var("DOCFERRY_CONCURRENCY", "2")
        .start_with_stderr(slave);
    let mut all = Vec::new();
    // Reading fails when the last one who could write is gone.
    drop(File::from(master).read_to_end(&mut all));
    running.wait().exits(0);
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn colours_are_for_terminals_that_show_them_to_people_who_want_them() {
    let world = World::new();
    world.site();
    for (kind, no_colour, coloured) in [
        ("xterm", "", true),
        ("xterm", "1", false),
        ("dumb", "", false),
    ] {
        let text = seen_with(&world, kind, no_colour);
        let found = text.contains("\x1b[1mdone       \x1b[0m3 of 3 files");
        assert_eq!(found, coloured, "{kind} {no_colour:?}: {text}");
        assert!(
            coloured || text.contains("done       3 of 3 files"),
            "{text}"
        );
    }
}

#[test]
fn a_terminal_gets_a_bar_and_a_dumb_one_only_lines() {
    let world = World::new();
    for index in 0..60 {
        world.file(&format!("{index}"), "x");
    }
    world.aws.latency(Duration::from_millis(20));
    let text = seen(&world, "xterm");
    assert!(text.contains("of 60 files"), "{text}");
    assert!(text.contains('\u{2588}'), "no bar in {text}");
    assert!(text.contains("done       60 of 60 files"), "{text}");
    let text = seen(&world, "dumb");
    assert!(!text.contains('\u{2588}'), "{text}");
    assert!(text.contains("done       60 of 60 files"), "{text}");
}
