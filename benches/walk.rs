//! What it costs to know a source: the walk with rules and the guard over
//! 100,000 files, beside `find` that looks at the same files, in one run.
//!
//! `cargo bench --bench walk` shows times, and the memory that is held at most;
//! divided by the number of files it is the record of a file and its path.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark is test code"
)]

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};

use docferry::plan::{Order, Parting, Plan};
use docferry::rules::{Header, HeaderRules, ObjectRules, RuleList, Rules};
use docferry::walk::{Selection, walk};

const FILES: usize = 100_000;

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

/// A hundred folders of ten of a hundred files.
fn source() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for index in 0..FILES {
        let folder = format!("section-{:02}/chapter-{}", index / 1000, index / 100 % 10);
        let folder = dir.path().join(folder);
        if index % 100 == 0 {
            fs::create_dir_all(&folder).unwrap();
        }
        let ending = ["html", "html", "js", "svg", "png"][index % 5];
        fs::write(folder.join(format!("page-{index}.{ending}")), "x").unwrap();
    }
    dir
}

fn objects() -> ObjectRules {
    let rules = "*.html=no-cache\n/section-07/=no-store\nassets/=max-age=9\nmax-age=60";
    let list = RuleList::parse(rules, |value| Ok(vec![Header::new("cache-control", value)]));
    ObjectRules {
        headers: vec![HeaderRules {
            property: "cache-control",
            variable: "DOCFERRY_CACHE_CONTROL",
            list: list.unwrap(),
        }],
        ..ObjectRules::default()
    }
}

fn plan(source: &Path, objects: &ObjectRules) -> Plan {
    let selection = Selection {
        exclude: "*.map, drafts/".parse().unwrap(),
        ..Selection::default()
    };
    let found = walk(source, &selection).unwrap();
    assert!(found.suspects.is_empty());
    let parting = Parting {
        threshold: 16 << 20,
        part_size: 8 << 20,
    };
    let destination = "s3://docs/site/".parse().unwrap();
    let order = Order::none();
    let plan = Plan::new(
        destination,
        found.files,
        &mut Rules::new(objects),
        parting,
        &order,
    );
    plan.unwrap()
}

#[divan::bench(sample_count = 11, sample_size = 1)]
fn walk_with_rules_and_guard(bencher: divan::Bencher<'_, '_>) {
    let (dir, objects) = (source(), objects());
    assert_eq!(plan(dir.path(), &objects).puts.len(), FILES);
    bencher.bench_local(|| black_box(plan(dir.path(), &objects)));
}

#[divan::bench(sample_count = 11, sample_size = 1)]
fn find_with_stat(bencher: divan::Bencher<'_, '_>) {
    let dir = source();
    bencher.bench_local(|| {
        let found = Command::new("find")
            .arg(dir.path())
            .args(["-type", "f", "-printf", "%D %i %s %T@ %C@ %p\n"])
            .stdout(Stdio::null())
            .status();
        assert!(found.unwrap().success());
    });
}
