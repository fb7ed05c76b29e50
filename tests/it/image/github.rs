//! As GitHub's runner starts a Docker action: "Docker container action", its
//! documentation of `runs.using: docker`, and what users see in their logs.

use std::fs;
use std::path::PathBuf;

use super::container::Container;
use crate::harness::*;

/// The files that a step may write to, by the variable that names them.
const FILES: [(&str, &str); 5] = [
    ("GITHUB_OUTPUT", "set_output"),
    ("GITHUB_ENV", "set_env"),
    ("GITHUB_PATH", "add_path"),
    ("GITHUB_STATE", "save_state"),
    ("GITHUB_STEP_SUMMARY", "step_summary"),
];

/// A step of a workflow: what the runner has on its own disk for it.
struct Step {
    folder: PathBuf,
    container: Container,
}

impl Step {
    fn new(world: &World) -> Self {
        let folder = world.dir.path().join("runner");
        let mut container = Container::new()
            .option("--workdir=/github/workspace")
            .option("--env=HOME=/github/home")
            .option("--env=CI=true")
            .option("--env=GITHUB_ACTIONS=true")
            .option("--env=GITHUB_WORKSPACE=/github/workspace")
            .option("--env=GITHUB_REPOSITORY=acme/handbook")
            .option("--env=GITHUB_REF=refs/heads/main")
            .option("--env=GITHUB_REF_NAME=main")
            .option("--env=GITHUB_RUN_ID=7");
        let commands = folder.join("file_commands");
        fs::create_dir_all(&commands).unwrap();
        for (name, file) in FILES {
            fs::write(commands.join(file), "").unwrap();
            container = container.option(format!("--env={name}=/github/file_commands/{file}"));
        }
        for at in ["home", "workflow", "workspace", "file_commands"] {
            let path = folder.join(at);
            fs::create_dir_all(&path).unwrap();
            container = container.option(format!("--volume={}:/github/{at}", path.display()));
        }
        Self { folder, container }
    }

    /// All inputs of `action.yml`, those without a value as empty ones.
    fn with(mut self, given: &[(&str, &str)]) -> Self {
        let action = include_str!("../../../action.yml");
        let (_, inputs) = action.split_once("\ninputs:\n").unwrap();
        let (inputs, _) = inputs.split_once("\noutputs:").unwrap();
        let known: Vec<&str> = inputs
            .lines()
            .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
            .filter(|name| !name.starts_with(' '))
            .collect();
        for (name, _) in given {
            assert!(known.contains(name), "{name} is no input of action.yml");
        }
        for name in known {
            let value = given.iter().find(|(given, _)| *given == name);
            let value = value.map_or("", |(_, value)| value);
            let name = name.to_uppercase().replace(' ', "_");
            self.container = self.container.option(format!("--env=INPUT_{name}={value}"));
        }
        self
    }
}

#[test]
#[ignore = "needs the image: .ci/image"]
fn a_github_step_reads_its_inputs_with_their_dashes() {
    let world = World::new();
    world.site();
    let _role = world
        .aws
        .role(ROLE)
        .trust(trusts(Some(EXTERNAL_ID)))
        .policy(may_put());
    let step = Step::new(&world).with(&[
        ("source", "public"),
        ("destination", "s3://example-docs/site/"),
        ("role-arn", ROLE),
        ("external-id", EXTERNAL_ID),
        (
            "cache-control",
            "*.html=no-cache\n/assets/=public, max-age=60",
        ),
    ]);
    let workspace = step.folder.join("workspace/public");
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .args([&world.source(), &workspace])
        .status();
    assert!(copied.unwrap().success());
    let job = world
        .job_of_the_user()
        .without("HOME")
        .without("DOCFERRY_SOURCE")
        .without("DOCFERRY_DESTINATION");
    let container = step.container.env(&job);
    let outcome = job.start_by(container.command(&[]), "").wait().exits(0);
    assert!(
        outcome.stderr.starts_with("::add-mask::"),
        "{}",
        outcome.stderr
    );
    let written =
        |name: &str| fs::read_to_string(step.folder.join("file_commands").join(name)).unwrap();
    let output = written("set_output");
    assert!(output.contains("uploaded=3\n"), "{output}");
    assert!(written("step_summary").contains("docferry uploaded 3 files"));
    world.assert_all_in_place();
    let page = world.object("site/index.html");
    assert_eq!(page.properties.cache_control.as_deref(), Some("no-cache"));
}
