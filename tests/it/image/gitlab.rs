//! As GitLab's runner (`shells/bash.go` of gitlab-runner, Docker executor) uses a
//! job's image: it looks for a shell by `sh`, says the job's script to that, and
//! ends a cancelled job by a signal to every process but the first.

use std::process::Command;
use std::time::{Duration, Instant};

use super::container::{Container, job_at_site};
use crate::harness::*;

const SHELLS: [&str; 7] = [
    "/usr/local/bin/bash",
    "/usr/bin/bash",
    "/bin/bash",
    "/usr/local/bin/sh",
    "/usr/bin/sh",
    "/bin/sh",
    "/busybox/sh",
];

/// The command that the job's container is started with.
fn find_a_shell() -> String {
    let mut script = String::from("if false; then :\n");
    for shell in SHELLS {
        script += &format!("elif [ -x {shell} ]; then\n\texec {shell} \n");
    }
    script + "else\n\techo shell not found\n\texit 1\nfi\n\n"
}

/// A text as `$'…'`, which is how the runner quotes.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("$'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted += "\\n",
            '\u{1b}' => quoted += "\\x1b",
            c => quoted.push(c),
        }
    }
    quoted + "'"
}

/// The script of a job in this folder: its variables, files that earlier steps
/// have left variables in, and its lines.
fn script(folder: &str, job: &Job, lines: &[&str]) -> String {
    let mut body = String::new();
    for (name, value) in job.vars() {
        body += &format!("export {name}={}\n", quoted(value));
    }
    body += "mkdir -p \"/tmp/project.tmp\"\n\
             printf '%s' $'a file variable' > \"/tmp/project.tmp/KUBECONFIG\"\n\
             touch \"/tmp/project.tmp/gitlab_runner_env\"\n\
             while read -r line; do export \"$line\"; done < \"/tmp/project.tmp/gitlab_runner_env\"\n";
    body += &format!("cd {}\n", quoted(folder));
    for line in lines {
        let shown = quoted(&format!("\u{1b}[32;1m$ {line}\u{1b}[0;m"));
        body += &format!("echo {shown}\n{line}\n");
    }
    format!(
        "#!/usr/bin/env bash\n\ntrap exit 1 TERM\n\n\
         if set -o | grep pipefail > /dev/null; then set -o pipefail; fi; set -o errexit\n\
         set +o noclobber\n: | eval {}\nexit 0\n",
        quoted(&body)
    )
}

/// What the runner does in the container when somebody cancels the job.
const CANCEL: &str = "for P in $(cd /proc && ls -rvd [0-9]*); do
  if [ $$ -ne $P ] && [ $P -ne 1 ]; then
    kill -TERM $P 2>/dev/null && N=6 &&
    while [ -e /proc/$P ] && [ $N -gt 0 ]; do sleep 1 && N=$((N-1)); done
  fi
done";

#[test]
#[ignore = "needs the image: .ci/image"]
fn a_gitlab_job_runs_in_the_image() {
    let world = World::new();
    world.site();
    let job = job_at_site(&world)
        .var("GITLAB_CI", "true")
        .var("CI_PROJECT_DIR", "/builds/acme/handbook")
        .var("CI_COMMIT_MESSAGE", "It's \"done\" \\ and\n$(touch /oops)")
        .var("DOCFERRY_SOURCE", "public");
    let text = script("/builds/acme/handbook", &job, &["ls public", "docferry"]);
    let container = Container::new()
        .env(&job)
        .option(format!(
            "--volume={}:/builds/acme/handbook/public",
            world.source().display()
        ))
        .option("--interactive");
    let outcome = job.start_by(container.command(&["sh", "-c", &find_a_shell()]), &text);
    let outcome = outcome.wait().exits(0);
    assert!(outcome.stdout.contains("index.html"), "{}", outcome.stdout);
    world.assert_all_in_place();
}

#[test]
#[ignore = "needs the image: .ci/image"]
fn a_gitlab_job_fails_with_docferry() {
    let world = World::new();
    let job = job_at_site(&world).var("GITLAB_CI", "true");
    let text = script("/site", &job, &["docferry", "echo went on"]);
    let container = Container::new().site(&world).option("--interactive");
    let outcome = job.start_by(container.command(&["sh", "-c", &find_a_shell()]), &text);
    outcome.wait().exits(4).says_nothing_of("\nwent on");
}

#[test]
#[ignore = "needs the image: .ci/image"]
fn a_cancelled_gitlab_job_leaves_nothing_behind() {
    let world = World::new();
    let _role = world.aws.role(ROLE).policy(may_abort());
    world.file("big", vec![1; 64 << 20]);
    for index in 0..300 {
        world.file(&format!("page-{index:03}.html"), "x");
    }
    world.aws.latency(Duration::from_millis(40));
    let job = job_at_site(&world)
        .var("GITLAB_CI", "true")
        .var("DOCFERRY_CONCURRENCY", "2");
    let text = script("/site", &job, &["docferry", "echo went on"]);
    let container = Container::new().site(&world).option("--interactive");
    let running = job.start_by(container.command(&["sh", "-c", &find_a_shell()]), &text);
    wait_until("an upload in parts is open", || {
        !world.aws.uploads(BUCKET).is_empty()
    });
    let begin = Instant::now();
    // It ends with the container, at the latest.
    let words = ["exec", &container.name, "sh", "-c", CANCEL];
    let said = Command::new("podman").args(words).output().unwrap();
    let said = String::from_utf8_lossy(&said.stderr);
    assert!(!said.contains("not found"), "{said}");
    let outcome = running.wait();
    assert!(begin.elapsed() < Duration::from_secs(15));
    assert_ne!(outcome.code, Some(0));
    outcome
        .says("stopped by SIGTERM")
        .says_nothing_of("\nwent on");
    assert!(world.aws.uploads(BUCKET).is_empty());
}
