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
    Settings::read(&environment, &[], &Host::detect(|_| None))
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
    assert!(settings.identity.hops.is_empty());
    assert_eq!(settings.identity.start, Start::Own);
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
    let mistakes = Settings::read(&environment, &[], &Host::detect(|_| None)).unwrap_err();
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
            "write DOCFERRY_DESTINATION=s3://docs/",
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
    assert!(Settings::read(&environment, &[], &host).is_ok());
    environment.push(("DOCFERRY_EXTERNAL_ID".into(), bad()));
    let mistakes = Settings::read(&environment, &[], &host).unwrap_err();
    let first = mistakes.iter().next().unwrap().to_string();
    assert_eq!(first, "DOCFERRY_EXTERNAL_ID is not valid UTF-8");
}

#[test]
fn the_argument_wins_over_the_variable() {
    let environment: Vec<(OsString, OsString)> = MINIMAL
        .map(|(name, value)| (name.into(), value.into()))
        .into();
    let host = Host::detect(|_| None);
    let settings = Settings::read(&environment, &["plan"], &host).unwrap();
    assert_eq!(settings.command, Command::Plan);
    let mistakes = Settings::read(&environment, &["plann"], &host).unwrap_err();
    assert!(
        mistakes
            .iter()
            .next()
            .unwrap()
            .to_string()
            .starts_with("the command = \"plann\"")
    );
}

const TWO: &str = "arn:aws:iam::111111111111:role/out, arn:aws:iam::222222222222:role/in";

#[test]
fn hops_have_their_own_or_common_values() {
    let settings = read(&[
        ("DOCFERRY_ROLE_ARN", TWO),
        ("DOCFERRY_EXTERNAL_ID", ",handbook"),
        ("DOCFERRY_SESSION_NAME", "nightly"),
        ("DOCFERRY_SESSION_DURATION", "2h\n30m"),
    ]);
    let hops = settings.unwrap().identity.hops;
    assert_eq!(hops.len(), 2);
    assert_eq!(hops[0].external_id, None);
    assert_eq!(hops[1].external_id.as_ref().unwrap().reveal(), "handbook");
    assert!(
        hops.iter()
            .all(|hop| hop.session_name.as_str() == "nightly")
    );
    assert_eq!(hops[0].duration, Some(Duration::from_hours(2)));
    let one = ("DOCFERRY_ROLE_ARN", "arn:aws:iam::222222222222:role/in");
    let settings = read(&[one, ("DOCFERRY_EXTERNAL_ID", "a,b")]).unwrap();
    assert_eq!(
        settings.identity.hops[0]
            .external_id
            .as_ref()
            .unwrap()
            .reveal(),
        "a,b"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table is as long as it is")]
fn each_identity_that_cannot_be_is_refused_before_any_call() {
    const ROLE: (&str, &str) = ("DOCFERRY_ROLE_ARN", "arn:aws:iam::222222222222:role/w");
    let long = format!("{{\"Statement\": \"{}\"}}", "x".repeat(2048));
    for (vars, part) in [
        (
            vec![
                ("DOCFERRY_ROLE_ARN", TWO),
                ("DOCFERRY_SESSION_DURATION", "2h"),
            ],
            "is more than 1h for hop 2",
        ),
        (
            vec![
                ("DOCFERRY_ROLE_ARN", TWO),
                ("DOCFERRY_EXTERNAL_ID", "a,b,c"),
            ],
            "has 3 values for 2 roles",
        ),
        (
            vec![(
                "DOCFERRY_ROLE_ARN",
                "arn:aws:iam::111111111111:role/a,arn:aws-cn:iam::222222222222:role/b",
            )],
            "roles of two partitions",
        ),
        (
            vec![ROLE, ("DOCFERRY_ALLOWED_ACCOUNTS", "333333333333")],
            "not in DOCFERRY_ALLOWED_ACCOUNTS",
        ),
        (
            vec![ROLE, ("DOCFERRY_ALLOWED_ACCOUNTS", "acme")],
            "twelve digits",
        ),
        (
            vec![ROLE, ("DOCFERRY_SESSION_TAGS", "team")],
            "is not a key=value",
        ),
        (
            vec![ROLE, ("DOCFERRY_SESSION_POLICY", "narrow")],
            "write `scoped`",
        ),
        (
            vec![ROLE, ("DOCFERRY_SESSION_POLICY", "{}")],
            "has no Statement",
        ),
        (
            vec![ROLE, ("DOCFERRY_SESSION_POLICY", long.as_str())],
            "STS takes 2048",
        ),
        (
            vec![("DOCFERRY_SESSION_POLICY", "scoped")],
            "there is no role to assume",
        ),
        (
            vec![ROLE, ("DOCFERRY_OIDC", "on")],
            "this job has no OIDC token",
        ),
        (vec![ROLE, ("DOCFERRY_OIDC", "yes")], "`auto`, `on`, `off`"),
        (
            vec![ROLE, ("DOCFERRY_OIDC_TOKEN", "$DOCS_TOKEN")],
            "is not a JSON Web Token",
        ),
        (
            vec![("DOCFERRY_OIDC_TOKEN", "a.b.c")],
            "there is no role to assume",
        ),
        (
            vec![
                ROLE,
                ("DOCFERRY_OIDC_TOKEN", "a.b.c"),
                ("DOCFERRY_SESSION_TAGS", "a=b"),
            ],
            "cannot be given to a role that is assumed with an OIDC token",
        ),
        (
            vec![("AWS_ENDPOINT_URL_S3", "http://minio:9000")],
            "spoken to in the clear",
        ),
    ] {
        let mistakes = read(&vars)
            .err()
            .unwrap_or_else(|| panic!("{vars:?} was taken"));
        let text: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        assert!(text.join("\n").contains(part), "no {part:?} in {text:?}");
        assert!(!text.join("\n").contains("a.b.c"), "{text:?}");
    }
    let http = [
        ("AWS_ENDPOINT_URL_S3", "http://minio:9000"),
        ("DOCFERRY_ALLOW_HTTP", "true"),
    ];
    assert!(read(&http).is_ok());
}
