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
    walk(dir, &Selection::default()).unwrap_err().to_string()
}

#[test]
fn files_come_sorted_by_the_bytes_of_their_keys() {
    let dir = tree(&["b/a", "b-c", "b.d", "a/z", "ä", "Z", "b/ü/x"]);
    let source = walk(dir.path(), &Selection::default()).unwrap();
    assert_eq!(
        keys(&source),
        ["Z", "a/z", "b-c", "b.d", "b/a", "b/ü/x", "ä"]
    );
    assert_eq!(source.files[0].size, 1);
}

#[test]
fn a_single_file_is_a_source_too() {
    let dir = tree(&["sub/report.pdf"]);
    let source = walk(&dir.path().join("sub/report.pdf"), &Selection::default()).unwrap();
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
        keys(&walk(dir.path(), &Selection::default()).unwrap()),
        [".gitignore", ".well-known/z"]
    );
}

#[test]
fn links_inside_are_followed() {
    let dir = tree(&["v1/index.html"]);
    symlink("v1", dir.path().join("latest")).unwrap();
    let source = walk(dir.path(), &Selection::default()).unwrap();
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
    let before = walk(dir.path(), &Selection::default()).unwrap();
    fs::remove_file(dir.path().join("x")).unwrap();
    fs::write(dir.path().join("other"), "").unwrap();
    fs::write(dir.path().join("x"), "x").unwrap();
    let after = walk(dir.path(), &Selection::default()).unwrap();
    assert_ne!(before.files[0].stamp, after.files[1].stamp);
}

fn selection(include: &str, exclude: &str) -> Selection {
    Selection {
        include: include.parse().unwrap(),
        exclude: exclude.parse().unwrap(),
        ..Selection::default()
    }
}

#[test]
fn globs_select_and_what_excludes_wins() {
    let dir = tree(&[
        "a.html",
        "b.css",
        "drafts/c.html",
        "d/drafts/e.html",
        "d/f.map",
    ]);
    for (include, exclude, expected) in [
        (
            "",
            "",
            vec![
                "a.html",
                "b.css",
                "d/drafts/e.html",
                "d/f.map",
                "drafts/c.html",
            ],
        ),
        (
            "*.html",
            "",
            vec!["a.html", "d/drafts/e.html", "drafts/c.html"],
        ),
        ("*.html", "drafts/", vec!["a.html"]),
        (
            "",
            "/drafts,*.map",
            vec!["a.html", "b.css", "d/drafts/e.html"],
        ),
        ("d", "*.map", vec!["d/drafts/e.html"]),
        ("d/", "", vec!["d/drafts/e.html", "d/f.map"]),
        ("nothing", "", vec![]),
    ] {
        let source = walk(dir.path(), &selection(include, exclude)).unwrap();
        assert_eq!(keys(&source), expected, "{include:?} {exclude:?}");
    }
    let file = dir.path().join("a.html");
    let one = |include, exclude| {
        walk(&file, &selection(include, exclude))
            .unwrap()
            .files
            .len()
    };
    assert_eq!(
        [one("*.html", ""), one("*.css", ""), one("", "a*")],
        [1, 0, 0]
    );
}

#[test]
fn what_is_not_selected_is_no_problem() {
    let dir = tree(&["a.html"]);
    symlink("/proc/self/environ", dir.path().join("env")).unwrap();
    symlink("nowhere", dir.path().join("broken")).unwrap();
    let out = selection("", "env,broken");
    assert_eq!(keys(&walk(dir.path(), &out).unwrap()), ["a.html"]);
    let only = selection("*.html", "");
    assert_eq!(keys(&walk(dir.path(), &only).unwrap()), ["a.html"]);
}

#[test]
fn links_are_skipped_or_refused_where_asked_for() {
    let dir = tree(&["v1/index.html"]);
    symlink("v1", dir.path().join("latest")).unwrap();
    symlink("/etc/passwd", dir.path().join("out")).unwrap();
    let with = |symlinks| {
        let selection = Selection {
            symlinks,
            ..Selection::default()
        };
        walk(dir.path(), &selection)
    };
    let skipped = with(Symlinks::Skip).unwrap();
    assert_eq!(keys(&skipped), ["v1/index.html"]);
    assert_eq!(skipped.links_skipped, 2);
    let refused = with(Symlinks::Refuse).unwrap_err().to_string();
    assert!(
        refused.contains("\"latest\": is a symbolic link to \"v1\""),
        "{refused}"
    );
    assert!(refused.contains("\"out\": is a symbolic link to \"/etc/passwd\""));
}

#[test]
fn secrets_are_suspected_unless_allowed_or_left_behind() {
    let dir = tree(&[".env", "a/id_rsa", "index.html", "conf/.env.prod"]);
    symlink("conf/.env.prod", dir.path().join("readme.txt")).unwrap();
    let suspects = |selection: &Selection| {
        let source = walk(dir.path(), selection).unwrap();
        let mut keys: Vec<_> = source.suspects.iter().map(|s| s.key.to_string()).collect();
        keys.sort();
        keys
    };
    assert_eq!(
        suspects(&Selection::default()),
        [".env", "a/id_rsa", "conf/.env.prod", "readme.txt"]
    );
    let allowed = Selection {
        allowed_secrets: "/.env".parse().unwrap(),
        exclude: "conf".parse().unwrap(),
        ..Selection::default()
    };
    // The link's target is left behind, but what it holds is carried.
    assert_eq!(suspects(&allowed), ["a/id_rsa", "readme.txt"]);
}

proptest::proptest! {
    /// Every name that Linux allows and that is UTF-8 becomes a key that leads
    /// back to the file, or is refused.
    #[test]
    fn names_map_to_keys_and_back(names in proptest::collection::btree_set("[^/\0]{1,20}|[+% '\"\\~\u{301}\u{e9}a]{1,9}", 1..8)) {
        let dir = tree(&[]);
        let names: Vec<_> = names.iter().filter(|name| !matches!(name.as_str(), "." | ".." | ".git")).collect();
        for name in &names {
            // A name of more than 255 bytes is none.
            proptest::prop_assume!(fs::write(dir.path().join(name), name).is_ok());
        }
        let bad = names.iter().filter(|name| name.chars().any(char::is_control)).count();
        match walk(dir.path(), &Selection::default()) {
            Ok(source) => {
                proptest::prop_assert_eq!(bad, 0);
                proptest::prop_assert_eq!(source.files.len(), names.len());
                for file in &source.files {
                    let content = fs::read_to_string(source.path_of(&file.key)).unwrap();
                    proptest::prop_assert_eq!(content.as_str(), file.key.as_str());
                }
            }
            Err(error) => {
                proptest::prop_assert_eq!(error.problems.len(), bad);
                let shown = error.to_string();
                proptest::prop_assert!(shown.lines().all(|line| !line.contains(char::is_control)));
            }
        }
    }
}
