//! The report in JSON: true, whole, and of the shape that is promised, however
//! a run ends.

use std::fs;
use std::path::PathBuf;

use docferry_sandbox::{Answer, Fault};
use serde_json::{Value, json};

use crate::harness::*;

/// Says whether a report is of the shape that is promised.
fn validate(report: &Value) -> Result<(), String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.schema.json");
    let mut schemas = boon::Schemas::new();
    let index = boon::Compiler::new().compile(path, &mut schemas).unwrap();
    let valid = schemas.validate(report, index);
    valid.map_err(|error| format!("{error:#}"))
}

fn path(world: &World) -> PathBuf {
    world.dir.path().join("report.json")
}

/// Runs a job that writes a report, and reads it.
#[track_caller]
fn report_of(world: &World, job: Job, code: i32) -> Value {
    drop(fs::remove_file(path(world)));
    let job = job.var("DOCFERRY_REPORT", path(world));
    job.run().exits(code);
    read(world, code)
}

#[track_caller]
fn read(world: &World, code: i32) -> Value {
    let text = fs::read_to_string(path(world)).unwrap();
    world.assert_no_secret_in(&text);
    let report: Value = serde_json::from_str(&text).unwrap();
    validate(&report).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(report["exit_code"], code);
    // Nothing half-written is left beside it.
    let beside = world.files_beside_the_source();
    assert_eq!(beside, ["report.json"]);
    report
}

#[test]
fn a_report_has_every_action_and_what_became_of_it() {
    let world = World::new();
    world.site();
    world.file("big", vec![1; 17 << 20]);
    let error = Fault::new("PutObject").key("*logo.png").nth(1);
    world.aws.fault(error.then(Answer::InternalError));
    let part = Fault::new("UploadPart").nth(2);
    world.aws.fault(part.then(Answer::InternalError));
    let job = world
        .job()
        .var("GITLAB_CI", "true")
        .var("CI_PROJECT_PATH", "acme/handbook")
        .var("CI_COMMIT_REF_NAME", "main")
        .var("CI_JOB_URL", "https://gitlab.example.org/-/jobs/7")
        .var("DOCFERRY_PUBLIC_URL", "https://docs.example.org/{ref}/");
    let report = report_of(&world, job, 0);
    assert_eq!(report["version"], 1);
    assert_eq!(report["docferry"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["command"], "upload");
    assert_eq!(report["outcome"], "done");
    assert_eq!(report["url"], "https://docs.example.org/main/");
    assert_eq!(report["destination"], "s3://example-docs/site/");
    assert_eq!(report["settings"]["AWS_SECRET_ACCESS_KEY"], "***");
    assert_eq!(report["settings"]["DOCFERRY_ROLE_ARN"], ROLE);
    assert_eq!(report["host"]["kind"], "gitlab");
    assert_eq!(report["host"]["ref"], "main");
    let identities = &report["identities"];
    assert_eq!(identities[0]["arn"], USER);
    assert_eq!(identities[0]["account"], DEVELOPMENT);
    assert_eq!(identities[1]["role"], ROLE);
    assert_eq!(identities[1]["account"], DOCUMENTATION);
    let totals = &report["totals"];
    assert_eq!(
        (&totals["uploaded"], &totals["retries"]),
        (&json!(4), &json!(2))
    );
    assert_eq!(totals["bytes"], (17 << 20) + 17 + 18 + 4);
    let actions = report["actions"].as_array().unwrap();
    let told: Vec<(&str, u64)> = actions
        .iter()
        .map(|action| {
            assert_eq!(action["action"], "put");
            assert_eq!(action["outcome"], "stored");
            assert!(action["seconds"].as_f64().unwrap() > 0.0, "{action}");
            let key = action["key"].as_str().unwrap();
            (key, action["attempts"].as_u64().unwrap())
        })
        .collect();
    let expected = [
        ("site/assets/logo.png", 2),
        ("site/assets/style.css", 1),
        ("site/big", 2),
        ("site/index.html", 1),
    ];
    assert_eq!(told, expected);
}

#[test]
fn every_end_of_a_run_has_its_report() {
    let world = World::new();
    // An empty source.
    let report = report_of(&world, world.job(), 4);
    assert_eq!(report["outcome"], "source");
    assert_eq!(report["actions"], json!([]));
    world.site();
    // A mistake in the settings.
    let job = world.job().var("DOCFERRY_PART_SIZE", "lots");
    let report = report_of(&world, job, 2);
    assert_eq!(report["outcome"], "settings");
    assert_eq!(report["error"]["headline"], "the settings have 1 mistake");
    assert_eq!(report.get("command"), None);
    // Looking ahead.
    let report = report_of(&world, world.job().argument("plan"), 0);
    assert_eq!(report["totals"]["not_sent"], 3);
    assert_eq!(report["actions"][0].get("attempts"), None);
    // Some objects that fail.
    let refused = Fault::new("PutObject").key("*index.html");
    world.aws.fault(refused.then(Answer::Error {
        status: 400,
        code: "InvalidRequest".to_owned(),
        message: "no\n##[error]forged".to_owned(),
    }));
    let report = report_of(&world, world.job(), 6);
    assert_eq!(report["totals"]["failed"], 1);
    assert_eq!(report["actions"][2]["outcome"], "failed");
    let error = report["actions"][2]["error"].as_str().unwrap();
    assert!(error.contains("InvalidRequest"), "{error}");
    world.aws.clear_faults();
    // A role that may not write.
    let _role = world.aws.role(ROLE).trust(trusts(Some(EXTERNAL_ID)));
    let report = report_of(&world, world.job(), 3);
    assert_eq!(report["outcome"], "identity");
    assert_eq!(report["identities"].as_array().unwrap().len(), 1);
    assert_eq!(report["totals"]["not_sent"], 3);
    let job = world.job().var("DOCFERRY_EXTERNAL_ID", EXTERNAL_ID);
    let report = report_of(&world, job, 0);
    assert_eq!(report["settings"]["DOCFERRY_EXTERNAL_ID"], "***");
    // A bucket of somebody else.
    let job = world
        .job()
        .var("DOCFERRY_EXTERNAL_ID", EXTERNAL_ID)
        .var("DOCFERRY_EXPECTED_BUCKET_OWNER", "333333333333");
    let report = report_of(&world, job, 5);
    assert!(!report["error"]["hints"].as_array().unwrap().is_empty());
    // What looks like credentials.
    world.file(
        ".env",
        "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYZZZZZZZZZZ",
    );
    let report = report_of(&world, world.job(), 7);
    assert_eq!(report["outcome"], "guard");
}

#[test]
fn a_run_that_is_stopped_reports_what_is_in_place() {
    let world = World::new();
    world.site();
    let stall = Fault::new("PutObject").key("*index.html");
    world.aws.fault(stall.then(Answer::Stall));
    let job = world.job().var("DOCFERRY_REPORT", path(&world));
    let running = job.start();
    wait_until("the others are in place", || world.keys().len() == 2);
    running.signal("TERM");
    running.wait().exits(143);
    let report = read(&world, 143);
    assert_eq!(report["outcome"], "terminated");
    assert_eq!(report["totals"]["uploaded"], 2);
    assert_eq!(report["totals"]["in_doubt"], 1);
    assert_eq!(report["actions"][2]["outcome"], "in_doubt");
}

#[test]
fn a_place_that_takes_no_report_is_told_before_the_run() {
    let world = World::new();
    world.site();
    let folder = world.dir.path().join("nowhere/report.json");
    world
        .job()
        .var("DOCFERRY_REPORT", &folder)
        .var("DOCFERRY_PART_SIZE", "lots")
        .run()
        .exits(2)
        .says("the settings have 2 mistakes")
        .says("DOCFERRY_REPORT = ")
        .says("cannot be written: No such file or directory")
        .says("its folder must exist");
    assert!(world.aws.requests().all().is_empty());
}

/// A disk that is full by then.
#[test]
fn a_run_that_went_well_but_left_no_report_has_failed() {
    let world = World::new();
    world.site();
    let full = |job: Job| job.var("DOCFERRY_REPORT", "/dev/full");
    let outcome = full(world.job()).run().exits(2);
    outcome
        .says("done       3 of 3 files")
        .says("DOCFERRY_REPORT = \"/dev/full\" cannot be written: No space left");
    world.assert_all_in_place();
    // Any other end stays what it is.
    let outcome = full(world.job().without("DOCFERRY_ROLE_ARN")).run();
    outcome
        .exits(5)
        .says("warning: DOCFERRY_REPORT = \"/dev/full\"");
}

#[test]
fn a_mirror_reports_what_it_kept_copied_deleted_and_could_not_delete() {
    let world = crate::sync::world();
    world.aws.role(ROLE).policy(crate::sync::may_read());
    let delete = json!({
        "Effect": "Allow", "Action": "s3:DeleteObject", "Resource": format!("arn:aws:s3:::{BUCKET}/site/gone"),
    });
    world.aws.role(ROLE).policy(policy(&delete));
    world.site();
    world.job().var("DOCFERRY_MODE", "mirror").run().exits(0);
    let bucket = world.aws.bucket(BUCKET);
    bucket.object("site/gone", b"x");
    bucket.object("site/stuck", b"x");
    world.file("index.html", "<h1>Handbuch</h1>");
    let job = || {
        let job = world.job().var("DOCFERRY_MODE", "mirror");
        let job = job.var("DOCFERRY_CACHE_CONTROL", "*.css=no-cache");
        job.var("GITHUB_ACTIONS", "true")
            .var("GITHUB_OUTPUT", world.dir.path().join("output"))
    };
    let plan = report_of_many(&world, job().argument("plan"), 0);
    assert_eq!(plan["totals"]["not_sent"], 4);
    let report = report_of_many(&world, job(), 6);
    let actions: Vec<[&str; 3]> = report["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| ["path", "action", "outcome"].map(|name| a[name].as_str().unwrap()))
        .collect();
    assert_eq!(
        actions,
        [
            ["assets/logo.png", "keep", "unchanged"],
            ["assets/style.css", "copy", "stored"],
            ["gone", "delete", "deleted"],
            ["index.html", "put", "stored"],
            ["stuck", "delete", "failed"],
        ]
    );
    assert!(
        report["actions"][4]["error"]
            .as_str()
            .unwrap()
            .contains("AccessDenied")
    );
    let totals = &report["totals"];
    let totals = ["uploaded", "unchanged", "deleted", "failed"].map(|name| &totals[name]);
    assert_eq!(totals, [2, 1, 1, 1]);
    let output = fs::read_to_string(world.dir.path().join("output")).unwrap();
    assert!(
        output.contains("deleted=1\n") && output.contains("unchanged=1\n"),
        "{output}"
    );
}

#[test]
fn a_comparison_that_fails_reports_what_was_to_be_sent() {
    let world = World::new();
    world.site();
    let job = || world.job().var("DOCFERRY_MODE", "mirror");
    let refused = report_of_many(&world, job(), 5);
    assert_eq!(refused["totals"]["not_sent"], 3);
    // What a guard stops is there with what it would have deleted.
    world.aws.role(ROLE).policy(crate::sync::may_compare());
    world.aws.bucket(BUCKET).object("site/old", b"x");
    let guarded = report_of_many(&world, job().var("DOCFERRY_MAX_DELETE", "0"), 7);
    let old = &guarded["actions"][3];
    assert_eq!(
        [&old["path"], &old["action"], &old["outcome"]],
        ["old", "delete", "not_sent"]
    );
}

/// The same as `report_of`, where other files stand beside the report.
fn report_of_many(world: &World, job: Job, code: i32) -> Value {
    let job = job.var("DOCFERRY_REPORT", path(world));
    job.run().exits(code);
    let report: Value = serde_json::from_str(&fs::read_to_string(path(world)).unwrap()).unwrap();
    validate(&report).unwrap_or_else(|error| panic!("{error}"));
    report
}

#[test]
fn the_schema_refuses_what_is_no_report() {
    let world = World::new();
    world.site();
    let report = report_of(&world, world.job(), 0);
    let breaks: [fn(&mut Value); 6] = [
        |report| report["version"] = json!(2),
        |report| report["exit_code"] = json!(9),
        |report| report["more"] = json!(true),
        |report| drop(report.as_object_mut().unwrap().remove("totals")),
        |report| report["actions"][0]["outcome"] = json!("lost"),
        |report| report["identities"][0]["kind"] = json!("user"),
    ];
    for (index, break_it) in breaks.into_iter().enumerate() {
        let mut broken = report.clone();
        break_it(&mut broken);
        assert!(validate(&broken).is_err(), "{index}");
    }
}
