//! What the image is and what it weighs.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::container::{Container, image, podman};

/// Compressed by gzip, as the release compresses its layers.
const IMAGE_AT_MOST: usize = 6 << 20;
/// Relocations are short only where rustc brings its own linker.
const BINARY_AT_MOST: usize = if cfg!(target_arch = "x86_64") {
    10_000_000
} else {
    11_000_000
};
const FIRST_LINE_AT_MOST: Duration = Duration::from_millis(20);

#[test]
#[ignore = "needs the image: .ci/image"]
fn the_image_starts_anything_and_says_what_it_is() {
    let described: Value = serde_json::from_str(&podman(&["image", "inspect", &image()])).unwrap();
    let config = &described[0]["Config"];
    assert!(config["Entrypoint"].is_null(), "{config:#}");
    assert!(config["User"].is_null(), "{config:#}");
    assert_eq!(config["Cmd"], serde_json::json!(["docferry"]));
    let label = |name: &str| {
        let found = &config["Labels"][format!("org.opencontainers.image.{name}")];
        found.as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(label("title"), "docferry");
    assert_eq!(label("description"), env!("CARGO_PKG_DESCRIPTION"));
    assert_eq!(label("licenses"), "MIT OR Apache-2.0");
    assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(label("source"), "https://github.com/docferry/docferry");
    let revision = label("revision");
    assert!(revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit()));
}

#[test]
#[ignore = "needs the image: .ci/image"]
fn the_image_is_small() {
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("image.tar");
    podman(&["save", "--output", archive.to_str().unwrap(), &image()]);
    let compressed = Command::new("gzip").arg("-9c").arg(&archive).output();
    let size = compressed.unwrap().stdout.len();
    eprintln!("the image: {size} bytes, compressed");
    assert!((1 << 20..=IMAGE_AT_MOST).contains(&size), "{size} bytes");
}

#[test]
#[ignore = "needs the image: .ci/image"]
fn the_binary_is_small_and_holds_nothing_of_the_machine_that_built_it() {
    let binary = binary_of_the_image();
    eprintln!("the binary: {} bytes", binary.len());
    assert!(binary.len() <= BINARY_AT_MOST, "{} bytes", binary.len());
    assert!(
        contains(&binary, b"/cargo/registry/src/"),
        "paths are mapped"
    );
    for path in ["/usr/local/cargo", "/.cargo/", "/home/"] {
        assert_eq!(at(&binary, path.as_bytes()), None, "{path}");
    }
    assert_eq!(at(&binary, b"/src/src/"), None);
    assert_eq!(at(&binary, b"/src/target/"), None);
}

fn binary_of_the_image() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let made = podman(&["create", &image()]);
    let path = dir.path().join("docferry");
    podman(&[
        "cp",
        &format!("{}:/docferry", made.trim()),
        path.to_str().unwrap(),
    ]);
    podman(&["rm", made.trim()]);
    fs::read(Path::new(&path)).unwrap()
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    at(all, part).is_some()
}

fn at(all: &[u8], part: &[u8]) -> Option<usize> {
    all.windows(part.len()).position(|window| window == part)
}

/// From the moment that a shell in the container is told to start it.
#[test]
#[ignore = "needs the image: .ci/image"]
fn the_first_line_comes_in_20_ms() {
    let mut shell = Container::new()
        .option("--interactive")
        .option("--env=DOCFERRY_SOURCE=/nowhere")
        .option("--env=DOCFERRY_DESTINATION=s3://example-docs/")
        .command(&["sh"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = shell.stdin.take().unwrap();
    let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
    let mut say = |text: &[u8]| {
        stdin.write_all(text).unwrap();
        stdin.flush().unwrap();
        Instant::now()
    };
    say(b"echo ready\n");
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let begin = say(b"docferry plan 2>&1; echo end\n");
        let first = lines.next().unwrap().unwrap();
        best = best.min(begin.elapsed());
        assert!(
            first.contains("docferry") || first.contains("error"),
            "{first}"
        );
        while lines.next().unwrap().unwrap() != "end" {}
    }
    drop(stdin);
    shell.wait().unwrap();
    eprintln!("the first line: after {best:?}");
    assert!(best < FIRST_LINE_AT_MOST, "{best:?}");
}
