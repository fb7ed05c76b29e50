use proptest::prelude::*;

use super::*;
use crate::rules::ObjectRules;
use crate::walk::{Selection, Sniffed, walk};

const PARTING: Parting = Parting {
    threshold: Bytes::mib(16).0,
    part_size: Bytes::mib(8).0,
};

pub(super) fn file(key: &str, size: u64) -> LocalFile {
    let any = std::fs::metadata("/").unwrap();
    LocalFile {
        key: key.parse().unwrap(),
        size,
        stamp: (&any).into(),
        sniffed: Sniffed::Unknown,
    }
}

fn plan(prefix: &str, files: Vec<LocalFile>) -> Result<Plan, SourceError> {
    let destination = format!("s3://docs/{prefix}").parse().unwrap();
    let objects = ObjectRules::default();
    let order = Order::none();
    Plan::new(
        destination,
        files,
        &mut Rules::new(&objects),
        PARTING,
        &order,
    )
}

#[test]
fn two_files_for_one_key_are_refused() {
    let error = plan("", vec![file("a", 1), file("b", 1), file("b", 2)]).unwrap_err();
    assert_eq!(error.problems.len(), 1);
    assert_eq!(error.problems[0].path, "\"b\"");
}

#[test]
fn the_prefix_counts_towards_the_longest_key() {
    let prefix = "p/".repeat(100);
    assert!(plan(&prefix, vec![file(&"k".repeat(824), 1)]).is_ok());
    let error = plan(&prefix, vec![file(&"k".repeat(825), 1)]).unwrap_err();
    assert!(error.problems[0].reason.contains("1025 bytes"));
}

#[test]
fn a_file_is_parted_from_the_threshold_on() {
    for (size, method) in [
        (0, Method::Single),
        (PARTING.threshold - 1, Method::Single),
        (PARTING.threshold, Method::Parts(PARTING.part_size)),
        // 5 TiB in 10,000 parts: 525 MiB each.
        (Bytes::gib(5 * 1024).0, Method::Parts(Bytes::mib(525).0)),
    ] {
        assert_eq!(PARTING.method(size).unwrap(), method, "{size}");
    }
    assert!(PARTING.method(Bytes::gib(51_000).0).is_err());
}

#[test]
fn the_json_plan_holds_what_the_text_shows() {
    let plan = plan(
        "site",
        vec![file("a/index.html", 5), file("big.bin", PARTING.threshold)],
    );
    let mut json = Vec::new();
    let plan = plan.unwrap();
    plan.write_json(&mut json).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["destination"], "s3://docs/site/");
    assert_eq!(json["totals"]["put"], 2);
    assert_eq!(json["actions"][0]["key"], "site/a/index.html");
    assert_eq!(
        json["actions"][0]["content_type"],
        "text/html; charset=utf-8"
    );
    assert_eq!(json["actions"][0].get("part_size"), None);
    assert_eq!(json["actions"][1]["part_size"], PARTING.part_size);
    let mut text = Vec::new();
    plan.write_text(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("s3://docs/site/a/index.html"), "{text}");
    assert!(
        text.ends_with("2 files, 16.0 MiB, to s3://docs/site/\n"),
        "{text}"
    );
}

#[test]
fn a_plan_of_a_directory_is_the_same_each_time() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let one = plan("x", walk(&here, &Selection::default()).unwrap().files).unwrap();
    assert_eq!(
        one,
        plan("x", walk(&here, &Selection::default()).unwrap().files).unwrap()
    );
    assert!(one.puts.len() > 10);
}

#[test]
fn names_that_look_alike_are_found_and_kept_as_they_are() {
    let (composed, decomposed) = ("caf\u{e9}.html", "cafe\u{301}.html");
    let files = vec![file(decomposed, 1), file("cafe.html", 1), file(composed, 1)];
    let plan = plan("", files).unwrap();
    assert_eq!(plan.lookalikes(), [(decomposed, composed)]);
    assert_eq!(plan.puts[0].file.key.as_str(), decomposed);
}

#[test]
fn the_largest_goes_first_and_the_small_by_their_keys() {
    let (mib, huge) = (Bytes::mib(1).0, PARTING.threshold);
    let sizes = [
        ("a", 10),
        ("b", huge),
        ("c", 3 * mib),
        ("d", 5),
        ("e", 2 * huge),
        ("f", 9 * mib),
    ];
    let plan = plan("", sizes.map(|(key, size)| file(key, size)).to_vec()).unwrap();
    let keys = |lane: &[usize]| -> String {
        lane.iter()
            .map(|index| plan.puts[*index].file.key.as_str())
            .collect()
    };
    let stages = plan.stages();
    let [lanes] = &stages[..] else {
        panic!("{stages:?}")
    };
    assert_eq!(keys(&lanes.large), "eb");
    assert_eq!(keys(&lanes.small), "fcad");
}

proptest! {
    #[test]
    fn parts_cover_the_file_within_s3s_limits(
        size in 0..=Bytes::gib(5 * 1024).0,
        threshold in Bytes::mib(5).0..=Bytes::gib(5).0,
        part_size in Bytes::mib(5).0..=Bytes::gib(5).0,
    ) {
        match (Parting { threshold, part_size }).method(size).unwrap() {
            Method::Single => prop_assert!(size < threshold),
            Method::Copy { .. } => prop_assert!(false),
            Method::Parts(part) => {
                prop_assert!(size >= threshold);
                prop_assert!(part >= part_size && part <= MAX_PART.0);
                prop_assert!(size.div_ceil(part) <= MAX_PARTS);
            }
        }
    }
}
