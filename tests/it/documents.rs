//! The documents are held to the code. `DOCFERRY_RENEW=1` writes them anew.

use std::fs;
use std::path::PathBuf;

use docferry::error::ExitCode;
use docferry::vars::{self, Group, Unset, Var};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Asserts that a file is as it should be, or makes it so.
fn hold(name: &str, expected: &str) {
    if std::env::var_os("DOCFERRY_RENEW").is_some() {
        fs::write(path(name), expected).unwrap();
    }
    assert!(
        read(name) == expected,
        "{name} does not agree with the code; renew it with\n  \
         DOCFERRY_RENEW=1 cargo test --test it documents"
    );
}

fn between(text: &str, mark: &str, inner: &str) -> String {
    let (begin, end) = (
        format!("<!-- {mark}: begin -->\n"),
        format!("<!-- {mark}: end -->"),
    );
    let (before, rest) = text
        .split_once(&begin)
        .unwrap_or_else(|| panic!("no {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
    format!("{before}{begin}{inner}{end}{after}")
}

#[test]
fn the_readmes_tables_are_the_codes() {
    let mut variables = String::new();
    for group in Group::ALL {
        variables += &format!(
            "\n### {}\n\n| variable | default | what it is for |\n| --- | --- | --- |\n",
            group.title()
        );
        for var in vars::ALL.iter().filter(|var| var.group == group) {
            variables += &format!(
                "| `{}` | {} | {}, e.g. `{}` |\n",
                var.name,
                default(var),
                var.doc,
                example(var)
            );
        }
    }
    variables += "\n";
    let mut codes = "\n| code | meaning |\n| --- | --- |\n".to_owned();
    for code in ExitCode::ALL {
        codes += &format!("| {} | {} |\n", code.number(), code.meaning());
    }
    codes += "\n";
    let text = between(&read("README.md"), "variables", &variables);
    hold("README.md", &between(&text, "exit codes", &codes));
}

fn default(var: &Var) -> String {
    match var.default {
        Unset::Required => "**required**".to_owned(),
        Unset::None => String::new(),
        Unset::Value(text) => format!("`{text}`"),
        Unset::Derived(text) => text.to_owned(),
    }
}

fn example(var: &Var) -> &str {
    if var.secret { "…" } else { var.example }
}

#[test]
fn the_actions_inputs_are_the_variables() {
    let mut text = "\
# The inputs are docferry's own variables, without their prefix; AWS's variables
# are given by `env`. This list is held to src/vars.rs by a test.
name: docferry
description: Carries the files that a job built into an S3 bucket of another AWS account
author: The docferry authors
branding:
  icon: upload-cloud
  color: blue

inputs:
"
    .to_owned();
    for var in vars::own() {
        let name = var
            .name
            .trim_start_matches(vars::PREFIX)
            .to_lowercase()
            .replace('_', "-");
        let doc = match var.default {
            Unset::Value(text) => format!("{} (default {text})", var.doc),
            Unset::Derived(text) => format!("{} (default: {text})", var.doc),
            Unset::Required | Unset::None => var.doc.to_owned(),
        };
        let required = var.default == Unset::Required;
        text += &format!("  {name}:\n    description: {doc:?}\n    required: {required}\n");
    }
    text += "\noutputs:\n";
    for (name, doc) in vars::OUTPUTS {
        text += &format!("  {name}:\n    description: {doc:?}\n");
    }
    // The image of this very version: a Dockerfile would be built in every job.
    let image = concat!("ghcr.io/docferry/docferry:", env!("CARGO_PKG_VERSION"));
    text += &format!("\nruns:\n  using: docker\n  image: docker://{image}\n");
    hold("action.yml", &text);
}

#[test]
fn every_variable_that_a_document_names_exists() {
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "docs/accounts.md",
        "docs/objects.md",
        "docs/sync.md",
        "docs/performance.md",
        ".gitlab-ci.example.yml",
        "Dockerfile",
        "action.yml",
        ".github/workflows/ci.yml",
        ".github/workflows/release.yml",
        "templates/docferry/template.yml",
    ] {
        let text = read(name);
        for word in
            text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        {
            let known = vars::ALL.iter().any(|var| var.name == word) || vars::TOLD.contains(&word);
            let ours = word.starts_with(vars::PREFIX) && word.len() > vars::PREFIX.len();
            assert!(
                known || !ours || word == "DOCFERRY_RENEW",
                "{name} names {word}"
            );
        }
    }
}

#[test]
fn the_readmes_recipe_is_the_example_that_is_tested() {
    let (readme, example) = (read("README.md"), read(".gitlab-ci.example.yml"));
    let (_, rest) = readme
        .split_once("<!-- recipe: .gitlab-ci.example.yml -->\n```yaml\n")
        .unwrap();
    let (recipe, _) = rest.split_once("```").unwrap();
    assert!(
        example.contains(recipe),
        "the GitLab recipe differs from the example file"
    );
}

/// What the documents tell people to use is what this version is released as.
#[test]
fn the_documents_name_the_image_and_the_action_of_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    let (minor, _) = version.rsplit_once('.').unwrap();
    let mut named = 0;
    for name in [
        "README.md",
        ".gitlab-ci.example.yml",
        "templates/docferry/template.yml",
    ] {
        for (mark, expected) in [
            ("ghcr.io/docferry/docferry:", vec![minor, version]),
            ("uses: docferry/docferry@v", vec![version]),
        ] {
            for part in read(name).split(mark).skip(1) {
                let end = part.find(|c: char| !(c.is_ascii_digit() || c == '.'));
                let tag = part[..end.unwrap_or(part.len())].trim_end_matches('.');
                assert!(expected.contains(&tag), "{name} names {mark}{tag}");
                named += 1;
            }
        }
    }
    assert!(named >= 4, "{named} are named");
}

/// Every example of settings in YAML is one that docferry takes.
#[test]
fn the_settings_that_the_documents_show_are_legal() {
    let mut shown = 0;
    for name in ["README.md", "docs/objects.md"] {
        let text = read(name);
        for block in text.split("```yaml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            if !block.starts_with("DOCFERRY_") {
                continue;
            }
            shown += settings_of(block).len();
            let mut job = crate::harness::Job::new()
                .argument("plan")
                .var("GITLAB_CI", "true")
                .var("CI_COMMIT_REF_NAME", "main")
                .var("CI_PIPELINE_ID", "7")
                .var("DOCFERRY_SOURCE", path("docs"))
                .var("DOCFERRY_DESTINATION", "s3://example-docs/");
            for (name, value) in settings_of(block) {
                job = job.var(&name, value);
            }
            // Those that select no file of `docs` are legal, too.
            let outcome = job.run();
            assert!(
                matches!(outcome.code, Some(0 | 4)),
                "{block}\n{}",
                outcome.stderr
            );
        }
    }
    assert!(shown > 15, "{shown} settings are shown");
}

/// `NAME: value` and `NAME: |` with the lines below it.
fn settings_of(block: &str) -> Vec<(String, String)> {
    let mut settings: Vec<(String, String)> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("  "), line.split_once(": ")) {
            (Some(more), _) => {
                let (_, value) = settings.last_mut().unwrap();
                value.push_str(more);
                value.push('\n');
            }
            (None, Some((name, value))) => {
                let value = value.trim_matches(['|', '"']);
                settings.push((name.to_owned(), value.to_owned()));
            }
            (None, None) => panic!("{line:?} is no setting"),
        }
    }
    settings
}

#[test]
fn the_architecture_names_every_room_and_every_test_that_it_promises() {
    let text = read("ARCHITECTURE.md");
    for line in read("src/lib.rs").lines() {
        if let Some(room) = line.strip_prefix("pub mod ") {
            let room = room.trim_end_matches(';');
            assert!(
                text.contains(&format!("`{room}`")),
                "ARCHITECTURE.md does not name {room}"
            );
        }
    }
    let tests: String = fs::read_dir(path("tests/it"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let (_, promises) = text.split_once("## Promises").unwrap();
    let mut named = 0;
    for row in promises
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
    {
        for test in row
            .rsplit('|')
            .nth(1)
            .unwrap()
            .split('`')
            .skip(1)
            .step_by(2)
        {
            assert!(
                tests.contains(&format!("fn {test}(")),
                "there is no test {test}"
            );
            named += 1;
        }
    }
    assert!(named >= 8, "{named} tests are named");
}
