use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::super::*;
use crate::host::Host;

const MINIMAL: [(&str, &str); 2] = [
    ("DOCFERRY_SOURCE", "public"),
    ("DOCFERRY_DESTINATION", "s3://docs/site/"),
];

fn read(extra: &[(&str, &str)]) -> Result<Settings, Mistakes> {
    let environment: Vec<(OsString, OsString)> = MINIMAL
        .iter()
        .filter(|(name, _)| extra.iter().all(|(said, _)| said != name))
        .chain(extra)
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    Settings::read(&environment, None, &Host::detect(|_| None))
}

fn refusal(variable: &str, value: &str) -> String {
    let mistakes = read(&[
        ("DOCFERRY_ROLE_ARN", "arn:aws:iam::222222222222:role/w"),
        (variable, value),
    ])
    .err()
    .unwrap_or_else(|| panic!("{variable}={value} was taken"));
    mistakes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn two_variables_are_enough() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.command, Command::Upload);
    assert_eq!(settings.destination.to_string(), "s3://docs/site/");
    assert_eq!(settings.transfer.multipart_threshold, Bytes::mib(16));
    assert_eq!(settings.expected_owner, ExpectedOwner::Writer);
    assert_eq!(settings.identity.session_name.as_str(), "docferry");
}

#[test]
fn all_mistakes_are_told_at_once_each_with_its_variable_value_and_hint() {
    let environment: Vec<(OsString, OsString)> = [
        ("DOCFERRY_DESTINATION", "docs/site"),
        ("DOCFERRY_ROLE_ARN", "docs-writer"),
        ("DOCFERRY_CONCURRENCY", "lots"),
        ("DOCFERRY_ROLE", "x"),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .into();
    let mistakes = Settings::read(&environment, None, &Host::detect(|_| None)).unwrap_err();
    let text: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    let text = text.join("\n");
    for part in [
        "DOCFERRY_SOURCE is not set",
        "DOCFERRY_DESTINATION = \"docs/site\" does not begin with s3://",
        "hint: write it as s3://bucket/prefix/",
        "DOCFERRY_ROLE_ARN = \"docs-writer\" is not an ARN",
        "DOCFERRY_CONCURRENCY = \"lots\" is not a number from 1 to 1024",
        "DOCFERRY_ROLE is not a variable that docferry knows",
        "hint: did you mean DOCFERRY_ROLE_ARN?",
    ] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
    assert_eq!(mistakes.iter().count(), 5, "{text}");
}

#[test]
fn each_bad_value_gets_its_reason() {
    for (variable, value, part) in [
        ("DOCFERRY_COMMAND", "sync", "use one of `upload`, `plan`"),
        ("DOCFERRY_ALLOW_EMPTY", "1", "use one of `true`, `false`"),
        ("DOCFERRY_SESSION_NAME", "a b", "the character ' '"),
        ("DOCFERRY_SESSION_NAME", "x", "2 to 64"),
        ("DOCFERRY_SESSION_DURATION", "900", "900s means 900 seconds"),
        ("DOCFERRY_SESSION_DURATION", "13h", "between 15m and 12h"),
        ("DOCFERRY_EXPECTED_BUCKET_OWNER", "acme", "or `none`"),
        ("DOCFERRY_CONCURRENCY", "0", "from 1 to 1024"),
        ("DOCFERRY_PART_SIZE", "4MiB", "between 5MiB and 5GiB"),
        (
            "DOCFERRY_MULTIPART_THRESHOLD",
            "6GiB",
            "between 5MiB and 5GiB",
        ),
        ("DOCFERRY_CHECKSUM", "sha1", "`crc64nvme`"),
        ("DOCFERRY_MAX_ATTEMPTS", "-1", "from 1 to 20"),
        ("DOCFERRY_PATH_STYLE", "yes", "`auto`"),
        ("DOCFERRY_PLAN_FORMAT", "xml", "`json`"),
        ("DOCFERRY_LOG", "trace", "`debug`"),
        (
            "DOCFERRY_DESTINATION",
            "\"s3://docs/\"",
            "leave out the quotes",
        ),
    ] {
        let text = refusal(variable, value);
        assert!(text.contains(variable) && text.contains(part), "{text}");
    }
}

#[test]
fn a_secret_value_is_never_repeated() {
    let text = refusal("DOCFERRY_EXTERNAL_ID", "hunter2 hunter2");
    assert!(text.contains("DOCFERRY_EXTERNAL_ID = (secret)"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_value_that_is_not_utf8_is_named_and_foreign_ones_are_left_alone() {
    let bad = || OsString::from_vec(vec![0xff]);
    let mut environment: Vec<(OsString, OsString)> = MINIMAL
        .map(|(name, value)| (name.into(), value.into()))
        .into();
    environment.push(("OTHER".into(), bad()));
    environment.push((bad(), "x".into()));
    let host = Host::detect(|_| None);
    assert!(Settings::read(&environment, None, &host).is_ok());
    environment.push(("DOCFERRY_EXTERNAL_ID".into(), bad()));
    let mistakes = Settings::read(&environment, None, &host).unwrap_err();
    let first = mistakes.iter().next().unwrap().to_string();
    assert_eq!(first, "DOCFERRY_EXTERNAL_ID is not valid UTF-8");
}

#[test]
fn the_argument_wins_over_the_variable() {
    let environment: Vec<(OsString, OsString)> = MINIMAL
        .map(|(name, value)| (name.into(), value.into()))
        .into();
    let host = Host::detect(|_| None);
    let settings = Settings::read(&environment, Some("plan"), &host).unwrap();
    assert_eq!(settings.command, Command::Plan);
    let mistakes = Settings::read(&environment, Some("plann"), &host).unwrap_err();
    assert!(
        mistakes
            .iter()
            .next()
            .unwrap()
            .to_string()
            .starts_with("the command = \"plann\"")
    );
}
