//! What GitHub and GitLab are told, and that no name can forge any of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use docferry_sandbox::{Answer, Fault};
use serde_json::{Value, json};

use crate::harness::*;

const URL: &str = "https://docs.example.org/handbook/";

/// What no host may take for its own words.
const NAMES: [&str; 6] = [
    "::error::forged.html",
    "::set-output name=url::forged",
    "##[error]forged",
    "<script>alert(1)</script>",
    "</td></table>`|\"'&lt;[x](https://forged.example.org)",
    "DOCFERRY_URL=https://forged.example.org",
];

struct GitHub {
    output: PathBuf,
    summary: PathBuf,
}

impl GitHub {
    fn new(world: &World) -> Self {
        let path = |name: &str| world.dir.path().join(name);
        let files = Self {
            output: path("output"),
            summary: path("summary"),
        };
        // An earlier step's, or an earlier command's of this one.
        fs::write(&files.output, "before=1\n").unwrap();
        fs::write(&files.summary, "before\n").unwrap();
        files
    }

    fn job(&self, job: Job) -> Job {
        job.var("GITHUB_ACTIONS", "true")
            .var("GITHUB_OUTPUT", &self.output)
            .var("GITHUB_STEP_SUMMARY", &self.summary)
    }

    /// The outputs, read as the runner does.
    fn outputs(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(&self.output).unwrap();
        let mut lines = text.lines();
        let mut outputs = BTreeMap::new();
        while let Some(line) = lines.next() {
            let equals = line.find('=').unwrap_or(usize::MAX);
            let (name, value) = match line.find("<<").filter(|at| *at < equals) {
                None => line.split_once('=').unwrap(),
                Some(at) => {
                    let end = &line[at + 2..];
                    let value: Vec<&str> = lines.by_ref().take_while(|l| *l != end).collect();
                    outputs.insert(line[..at].to_owned(), value.join("\n"));
                    continue;
                }
            };
            outputs.insert(name.to_owned(), value.to_owned());
        }
        assert_eq!(outputs.remove("before").as_deref(), Some("1"));
        outputs
    }

    fn page(&self) -> String {
        let text = fs::read_to_string(&self.summary).unwrap();
        let pages = text.strip_prefix("before\n").unwrap();
        let page = pages.trim_start().replace("\n\n\n<h3>", "\n<h3>");
        let page = page.trim_end().to_owned();
        // An empty line would end the block of HTML, and Markdown would begin.
        assert!(!page.contains("\n\n"), "{page}");
        page
    }
}

#[test]
fn githubs_steps_get_outputs_and_people_a_page() {
    let world = World::new();
    world.site();
    let github = GitHub::new(&world);
    let report = world.dir.path().join("report\nof=the run.json");
    let job = world
        .job()
        .var("INPUT_PUBLIC-URL", URL)
        .var("DOCFERRY_REPORT", &report);
    github.job(job).run().exits(0);
    let expected = [
        ("bytes", "39"),
        ("deleted", "0"),
        ("destination", "s3://example-docs/site/"),
        ("failed", "0"),
        ("report", report.to_str().unwrap()),
        ("unchanged", "0"),
        ("uploaded", "3"),
        ("url", URL),
    ];
    let outputs = github.outputs();
    let outputs: Vec<(&str, &str)> = outputs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(outputs, expected);
    let page = github.page();
    for part in [
        "<h3>docferry uploaded 3 files</h3>",
        "<tr><td>what</td><td>3 files, 39 B, from <code>",
        "<code>s3://example-docs/site/</code> as <a href=\"https://docs.example.org/handbook/\">",
        "<code>arn:aws:iam::111111111111:user/ci</code> → <code>arn:aws:iam::222222222222:role/docs-writer</code>",
        "<a href=\"https://docs.example.org/handbook/assets/logo.png\"><code>assets/logo.png</code></a>",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    let github = GitHub::new(&world);
    let outcome = github.job(world.job()).argument("plan").run().exits(0);
    assert!(!outcome.stdout.contains("::") && outcome.stdout.contains("put"));
    let page = github.page();
    assert!(
        page.contains("<h3>docferry would change 3 objects</h3>") && !page.contains("objects</td>"),
        "{page}"
    );
    // Without GitHub nobody gets anything.
    let github = GitHub::new(&world);
    let job = github.job(world.job()).without("GITHUB_ACTIONS");
    job.run().exits(0);
    assert_eq!((github.outputs().len(), github.page().len()), (0, 0));
}

#[test]
fn githubs_page_and_annotations_say_why_a_run_failed() {
    let world = World::new();
    world.site();
    let github = GitHub::new(&world);
    let job = || github.job(world.job());
    let outcome = job().var("DOCFERRY_PART_SIZE", "lots").run().exits(2);
    outcome.says("::error title=docferry failed::the settings have 1 mistake%0A  DOCFERRY_PART_SIZE = \"lots\"");
    let page = github.page();
    assert!(
        page.contains("<h3>docferry failed (exit code 2)</h3>"),
        "{page}"
    );
    assert!(
        page.contains("DOCFERRY_PART_SIZE = &quot;lots&quot; is not a size"),
        "{page}"
    );
    let _role = world.aws.role(ROLE).trust(trusts(Some(EXTERNAL_ID)));
    let outcome = job().run().exits(3);
    let outcome = outcome.says("::error title=docferry failed::hop 1 of 1: STS refused");
    // It is said once, and nothing but commands begins with colons.
    assert_eq!(outcome.stderr.matches("STS refused").count(), 1);
    assert!(
        github
            .page()
            .contains("hint: in account 222222222222, role docs-writer must exist")
    );
}

#[test]
fn secrets_are_masked_before_anything_else_is_printed_and_never_into_a_file() {
    let world = World::new();
    world.site();
    let _role = world.aws.role(ROLE).trust(trusts(Some(EXTERNAL_ID)));
    let github = GitHub::new(&world);
    let job = || {
        github
            .job(world.job())
            .var("INPUT_EXTERNAL-ID", EXTERNAL_ID)
    };
    let outcome = job().run().exits(0);
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(lines[0], format!("::add-mask::{EXTERNAL_ID}"));
    assert_eq!(lines[1], format!("::add-mask::{}", world.key.secret));
    assert!(!lines[2].starts_with("::"), "{lines:?}");
    for path in [&github.output, &github.summary] {
        world.assert_no_secret_in(&fs::read_to_string(path).unwrap());
    }
    // An output that holds one would be taken away by the runner, unsaid.
    let url = format!("https://docs.example.org/{EXTERNAL_ID}/");
    let outcome = job().var("DOCFERRY_PUBLIC_URL", url).run().exits(0);
    outcome.says("the output url is left out, since it holds a secret");
    world.assert_no_secret_in(&fs::read_to_string(&github.output).unwrap());
    // No other file holds one either.
    let path = |name: &str| world.dir.path().join(name);
    let url = format!("https://docs.example.org/{EXTERNAL_ID}/");
    let job_with_files = job().var("DOCFERRY_PUBLIC_URL", url);
    job_with_files
        .var("DOCFERRY_REPORT", path("report.json"))
        .var("DOCFERRY_DOTENV", path("dotenv"))
        .var("DOCFERRY_ANNOTATIONS", path("links"))
        .run()
        .exits(0);
    for file in ["report.json", "dotenv", "links"] {
        let text = fs::read_to_string(path(file)).unwrap();
        assert!(!text.contains(EXTERNAL_ID), "{file}: {text}");
    }
    assert!(
        !fs::read_to_string(&github.summary)
            .unwrap()
            .contains(EXTERNAL_ID)
    );
    // A file is no runner: it would keep the secret.
    let log = world.dir.path().join("log.txt");
    let running = job().start_with_stderr(fs::File::create(&log).unwrap());
    running.wait().exits(0);
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("done       3 of 3 files"), "{log}");
    world.assert_no_secret_in(&log);
}

/// Ten annotations at most, of which the last is the one that counts, and the
/// rest in a group in which the runner obeys nothing.
#[test]
fn many_failures_make_few_annotations_and_a_small_page() {
    let world = World::new();
    for index in 0..150 {
        world.file(&format!("{index:03}<b>.html"), "x");
    }
    world.file("fine", "x");
    let refused = Fault::new("PutObject").key("*html");
    world.aws.fault(refused.then(Answer::Error {
        status: 400,
        code: "InvalidRequest".to_owned(),
        message: "<i>".repeat(2000),
    }));
    let github = GitHub::new(&world);
    let outcome = github.job(world.job()).run().exits(6);
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    let place = |begin: &str| {
        lines
            .iter()
            .position(|line| line.starts_with(begin))
            .unwrap()
    };
    let errors = lines.iter().filter(|line| line.starts_with("::error "));
    assert_eq!(errors.count(), 10);
    let (group, stop) = (
        place("::group::more that failed"),
        place("::stop-commands::"),
    );
    assert_eq!(stop, group + 1);
    let token = lines[stop].strip_prefix("::stop-commands::").unwrap();
    let (go, end) = (place(&format!("::{token}::")), place("::endgroup::"));
    assert_eq!(end, go + 1);
    for line in &lines[stop + 1..go] {
        assert!(!line.trim_start().starts_with("::"), "{line}");
    }
    assert!(
        lines
            .last()
            .unwrap()
            .starts_with("::error title=docferry failed::150 objects of 151 failed")
    );
    let page = github.page();
    assert!(
        page.len() < 300 << 10 && page.contains("… and 100 more"),
        "{}",
        page.len()
    );
    assert!(!page.contains("<b>.") && !page.contains("<i"));
}

/// Each name fails once and succeeds once, on each host and in each output.
#[test]
fn no_name_can_forge_an_output() {
    let world = World::new();
    for (index, name) in NAMES.iter().enumerate() {
        let name = name.replace('/', "\u{2044}");
        world.file(&format!("{index}/{name}"), "x");
        world.file(&name, "x");
    }
    let forged = Fault::new("PutObject").key("site/?/*");
    world.aws.fault(forged.then(Answer::Error {
        status: 400,
        code: "InvalidRequest".to_owned(),
        message: "no\r\n::error::forged\n##[error]forged<script>\n\n# forged".to_owned(),
    }));
    let github = GitHub::new(&world);
    let path = |name: &str| world.dir.path().join(name);
    let job = || {
        github
            .job(world.job())
            .var("DOCFERRY_LOG", "debug")
            .var("DOCFERRY_REPORT", path("report.json"))
            .var("DOCFERRY_DOTENV", path("dotenv"))
            .var("DOCFERRY_PUBLIC_URL", URL)
            .var("DOCFERRY_ANNOTATIONS", path("links"))
    };
    let on_github = job().run().exits(6).stderr;
    let ours = [
        "add-mask",
        "error title=docferry",
        "group",
        "endgroup",
        "stop-commands",
    ];
    for line in on_github.lines() {
        let command = line.trim_start().strip_prefix("::");
        let known = |c: &str| ours.iter().any(|own| c.starts_with(own)) || c.len() == 34;
        assert!(command.is_none_or(known), "{line}");
    }
    let on_gitlab = job().without("GITHUB_ACTIONS").var("GITLAB_CI", "true");
    let on_gitlab = on_gitlab.run().exits(6).stderr;
    let in_json = job()
        .without("GITHUB_ACTIONS")
        .var("DOCFERRY_LOG_FORMAT", "json");
    let in_json = in_json.run().exits(6).stderr;
    for log in [&on_github, &on_gitlab, &in_json] {
        assert!(!log.contains("##[") && !log.contains("\x1b[2K"), "{log}");
    }
    for line in in_json.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["message"].is_string() && line["timestamp"].is_string());
    }
    let page = github.page();
    assert!(
        page.contains("forged&lt;script&gt;"),
        "the server's words are gone"
    );
    for bad in [
        "<script",
        "</td></table>`",
        "[x](https://forged.example.org)</code></a></td></table>",
        "\x1b",
        "##[",
    ] {
        assert!(!page.contains(bad), "{bad} in {page}");
    }
    assert_eq!(github.outputs()["url"], URL);
    let dotenv = fs::read_to_string(path("dotenv")).unwrap();
    assert!(!dotenv.contains("forged"), "{dotenv}");
    let report = fs::read_to_string(path("report.json")).unwrap();
    assert!(
        !report.contains("##[") && !report.contains('\x1b'),
        "{report}"
    );
    assert!(report.lines().all(|line| line.starts_with([' ', '{', '}'])));
    let links: Value = serde_json::from_str(&fs::read_to_string(path("links")).unwrap()).unwrap();
    assert_eq!(links, json!({"docferry": []}));
}

/// A line break in a name stops the run, and is seen by nobody as one.
#[test]
fn a_line_break_in_a_name_is_none_in_any_output() {
    let world = World::new();
    world.site();
    world.file("a\n::error::forged\n##[error]\u{1b}[2K<b>", "x");
    let github = GitHub::new(&world);
    let outcome = github.job(world.job()).run().exits(4);
    for line in outcome.stderr.lines() {
        assert!(!line.trim_start().starts_with("::error::"), "{line}");
    }
    let page = github.page();
    assert!(page.contains("forged") && !page.contains("<b>\""), "{page}");
    for text in [&outcome.stderr, &page] {
        assert!(!text.contains("\n::error::") && !text.contains("##[") && !text.contains('\x1b'));
    }
}

#[test]
fn gitlabs_later_jobs_get_variables_that_are_no_settings() {
    let world = World::new();
    world.site();
    let (dotenv, links) = (world.dir.path().join("env"), world.dir.path().join("links"));
    let job = || world.job().var("GITLAB_CI", "true");
    let outcome = job()
        .var("DOCFERRY_DOTENV", &dotenv)
        .var("DOCFERRY_ANNOTATIONS", &links)
        .var("DOCFERRY_PUBLIC_URL", URL)
        .run()
        .exits(0);
    assert!(
        outcome
            .stderr
            .contains("\x1b[1mdone       \x1b[0m3 of 3 files")
    );
    let text = fs::read_to_string(&dotenv).unwrap();
    let expected = format!(
        "DOCFERRY_RESULT=done\nDOCFERRY_UPLOADED=3\nDOCFERRY_UNCHANGED=0\nDOCFERRY_DELETED=0\n\
         DOCFERRY_FAILED=0\nDOCFERRY_BYTES=39\nDOCFERRY_UPLOADED_TO=s3://example-docs/site/\n\
         DOCFERRY_URL={URL}\n"
    );
    assert_eq!(text, expected);
    let links: Value = serde_json::from_str(&fs::read_to_string(links).unwrap()).unwrap();
    let link = json!({"external_link": {"label": "The published files", "url": URL}});
    assert_eq!(links, json!({"docferry": [link]}));
    // A later job has all of them, and docferry in it goes its own way.
    let later = |skip: usize| {
        let told = text
            .lines()
            .skip(skip)
            .map(|line| line.split_once('=').unwrap());
        let job = job().var("DOCFERRY_DESTINATION", "s3://example-docs/site/later/");
        told.fold(job, |job, (name, value)| job.var(name, value))
    };
    world.empty_the_bucket();
    later(0).run().exits(0);
    assert!(
        world
            .keys()
            .iter()
            .all(|key| key.starts_with("site/later/"))
    );
    // What looks the same and is not from a dotenv is a typing mistake.
    later(1)
        .run()
        .exits(2)
        .says("DOCFERRY_URL is not a variable that docferry knows");
}

#[test]
fn gitlabs_log_is_folded_and_coloured_unless_colours_are_not_wanted() {
    let world = World::new();
    world.site();
    let refused = Fault::new("PutObject").key("*index.html");
    world.aws.fault(refused.then(Answer::Error {
        status: 400,
        code: "InvalidRequest".to_owned(),
        message: "no".to_owned(),
    }));
    let job = || world.job().var("GITLAB_CI", "true");
    let coloured = job().run().exits(6).stderr;
    let plain = job().var("NO_COLOR", "1").run().exits(6).stderr;
    for text in [&coloured, &plain] {
        let start = text.find("\x1b[0Ksection_start:").unwrap();
        let end = text.find("\x1b[0Ksection_end:").unwrap();
        let header = ":docferry_what_is_in_place[collapsed=true]\r\x1b[0Kwhat is in place\n";
        assert!(text[start..end].contains(header), "{text}");
        assert!(text[start..end].contains("s3://example-docs/site/assets/logo.png"));
    }
    assert!(coloured.contains("\x1b[1;31merror: \x1b[0m"));
    assert_eq!(without_colours(&plain), plain);
}

#[test]
fn the_log_is_json_where_that_is_asked_for() {
    let world = World::new();
    world.site();
    for (host, code) in [("GITLAB_CI", 0), ("GITHUB_ACTIONS", 0), ("X", 0)] {
        let job = world
            .job()
            .var(host, "true")
            .var("DOCFERRY_LOG_FORMAT", "json");
        let outcome = job.run().exits(code);
        let messages: Vec<String> = outcome
            .stderr
            .lines()
            .filter(|line| !line.starts_with("::add-mask::"))
            .map(|line| {
                let line: Value = serde_json::from_str(line).unwrap();
                let keys: Vec<&str> = line
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(String::as_str)
                    .collect();
                assert_eq!(keys, ["fields", "level", "message", "timestamp"]);
                assert_eq!(line["level"], "info");
                line["message"].as_str().unwrap().to_owned()
            })
            .collect();
        assert!(
            messages
                .last()
                .unwrap()
                .starts_with("done       3 of 3 files")
        );
    }
    let job = world.job().var("DOCFERRY_LOG_FORMAT", "xml");
    job.run().exits(2).says("use one of `text`, `json`");
}

#[test]
fn a_secret_with_spaces_is_one_secret_and_a_plan_with_changes_is_no_failure() {
    let world = World::new();
    world.site();
    let github = GitHub::new(&world);
    let job = || {
        github
            .job(world.job())
            .var("DOCFERRY_MANIFEST_KEY", "a docs key 1")
    };
    let outcome = job().run().exits(0).says("::add-mask::a docs key 1\n");
    assert!(
        !outcome.stderr.contains("::add-mask::docs"),
        "{}",
        outcome.stderr
    );
    assert_eq!(github.outputs()["destination"], "s3://example-docs/site/");
    let plan = job()
        .argument("plan")
        .var("DOCFERRY_PLAN_EXIT_CODE", "true");
    plan.run()
        .exits(8)
        .says("the plan changes 3 objects")
        .says_nothing_of("::error");
    let quoted = job().var("AWS_ENDPOINT_URL", "\"https://me:hunter2@s3.example.org\"");
    quoted
        .run()
        .exits(2)
        .says("write AWS_ENDPOINT_URL=https://***@s3")
        .says_nothing_of("hunter2");
}

#[test]
fn a_line_for_each_object_stands_in_a_part_of_its_own() {
    let world = World::new();
    world.site();
    let github = GitHub::new(&world);
    let job = || github.job(world.job());
    let outcome = job().var("DOCFERRY_LOG", "debug").run().exits(0);
    let (_, after) = outcome.stderr.split_once("::group::each object\n").unwrap();
    let (group, _) = after.split_once("::endgroup::\n").unwrap();
    assert_eq!(
        group.matches("stored s3://example-docs/site/").count(),
        3,
        "{group}"
    );
    job().run().exits(0).says_nothing_of("each object");
}

#[test]
fn a_single_file_is_linked_itself_and_a_link_needs_an_address() {
    let world = World::new();
    world.file("hand book.pdf", "x");
    let github = GitHub::new(&world);
    let job = || {
        github
            .job(world.job())
            .var("DOCFERRY_SOURCE", world.source().join("hand book.pdf"))
    };
    let url = job().var("DOCFERRY_PUBLIC_URL", "https://docs.example.org/{ref}");
    url.var("GITHUB_REF_NAME", "fix/#1").run().exits(0);
    let found = &github.outputs()["url"];
    assert_eq!(found, "https://docs.example.org/fix--1/hand%20book.pdf");
    // Without an address there is no link, and nothing fails for it.
    let links = world.dir.path().join("links");
    let job = job().var("DOCFERRY_ANNOTATIONS", &links);
    job.run().exits(0);
    assert_eq!(fs::read_to_string(links).unwrap(), "{\"docferry\":[]}\n");
    let mistaken = world.job().var("DOCFERRY_PUBLIC_URL", "docs.example.org");
    mistaken
        .run()
        .exits(2)
        .says("DOCFERRY_PUBLIC_URL = \"docs.example.org\" begins with neither");
}

#[test]
fn a_value_in_quotes_is_shown_without_them() {
    let world = World::new();
    for (name, value, part) in [
        (
            "DOCFERRY_DESTINATION",
            "\"s3://example-docs/site/\"",
            "write DOCFERRY_DESTINATION=s3://example-docs/site/",
        ),
        ("DOCFERRY_LOG", "'debug'", "write DOCFERRY_LOG=debug"),
        (
            "AWS_ACCESS_KEY_ID",
            "'AKIA'",
            "write AWS_ACCESS_KEY_ID=AKIA",
        ),
        (
            "AWS_SECRET_ACCESS_KEY",
            "\"hunter2\"",
            "write AWS_SECRET_ACCESS_KEY=… without them",
        ),
        ("AWS_ROLE_ARN", "\"arn\"", "AWS_ROLE_ARN stands in quotes"),
    ] {
        let outcome = world.job().var(name, value).run().exits(2);
        outcome
            .says("the settings have 1 mistake")
            .says(&format!(
                "{name} stands in quotes: docker's --env-file takes quotes literally"
            ))
            .says(part)
            .says_nothing_of("hunter2");
    }
}
