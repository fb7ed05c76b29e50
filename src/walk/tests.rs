use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use super::*;

fn tree(files: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    dir
}

fn keys(source: &Source) -> Vec<&str> {
    source.files.iter().map(|f| f.key.as_str()).collect()
}

fn problems(dir: &Path) -> String {
    walk(dir).unwrap_err().to_string()
}

#[test]
fn files_come_sorted_by_the_bytes_of_their_keys() {
    let dir = tree(&["b/a", "b-c", "b.d", "a/z", "ä", "Z", "b/ü/x"]);
    let source = walk(dir.path()).unwrap();
    assert_eq!(
        keys(&source),
        ["Z", "a/z", "b-c", "b.d", "b/a", "b/ü/x", "ä"]
    );
    assert_eq!(source.files[0].size, 1);
}

#[test]
fn a_single_file_is_a_source_too() {
    let dir = tree(&["sub/report.pdf"]);
    let source = walk(&dir.path().join("sub/report.pdf")).unwrap();
    assert_eq!(keys(&source), ["report.pdf"]);
    assert!(source.path_of(&source.files[0].key).is_file());
}

#[test]
fn version_control_is_left_behind_and_other_hidden_files_are_carried() {
    let dir = tree(&[
        ".git/config",
        "a/.svn/x",
        ".hg/y",
        ".well-known/z",
        ".gitignore",
    ]);
    assert_eq!(
        keys(&walk(dir.path()).unwrap()),
        [".gitignore", ".well-known/z"]
    );
}

#[test]
fn links_inside_are_followed() {
    let dir = tree(&["v1/index.html"]);
    symlink("v1", dir.path().join("latest")).unwrap();
    let source = walk(dir.path()).unwrap();
    assert_eq!(keys(&source), ["latest/index.html", "v1/index.html"]);
}

#[test]
fn links_that_lead_out_loop_or_dangle_name_both_ends() {
    let dir = tree(&["a/x"]);
    symlink("/proc/self/environ", dir.path().join("env")).unwrap();
    symlink("/etc", dir.path().join("etc")).unwrap();
    symlink("..", dir.path().join("a/loop")).unwrap();
    symlink("nowhere", dir.path().join("broken")).unwrap();
    let text = problems(dir.path());
    for part in [
        "4 problems",
        "\"env\": is a symbolic link out of the source, to \"/proc/",
        "\"etc\": is a symbolic link out of the source, to \"/etc\"",
        "\"a/loop\": is a symbolic link back to",
        "\"broken\": is a symbolic link to \"nowhere\", which is not there",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
}

#[test]
fn names_that_cannot_be_keys_are_all_told_escaped() {
    let dir = tree(&["good"]);
    for name in [&b"bad\xff"[..], b"line\nbreak"] {
        fs::write(dir.path().join(OsStr::from_bytes(name)), "").unwrap();
    }
    let text = problems(dir.path());
    assert!(
        text.contains(r#""bad\xFF": has a name that is not valid UTF-8"#),
        "{text}"
    );
    assert!(
        text.contains(r#""line\nbreak": has the control character"#),
        "{text}"
    );
}

#[test]
fn a_socket_is_not_carried() {
    let dir = tree(&[]);
    let _listener = std::os::unix::net::UnixListener::bind(dir.path().join("s")).unwrap();
    assert!(problems(dir.path()).contains("\"s\": is neither a file nor a directory"));
}

#[test]
fn a_missing_source_is_named_with_a_hint() {
    let text = problems(Path::new("/no/such/dir"));
    assert!(text.contains("\"/no/such/dir\": is not there"), "{text}");
    assert!(text.contains("relative to the working directory"), "{text}");
}

#[test]
fn the_stamp_changes_with_the_file() {
    let dir = tree(&["x"]);
    let before = walk(dir.path()).unwrap();
    fs::remove_file(dir.path().join("x")).unwrap();
    fs::write(dir.path().join("other"), "").unwrap();
    fs::write(dir.path().join("x"), "x").unwrap();
    let after = walk(dir.path()).unwrap();
    assert_ne!(before.files[0].stamp, after.files[1].stamp);
}
