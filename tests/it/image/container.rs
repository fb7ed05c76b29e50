//! `podman run`, with what a test gives to it.

use std::fs;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::harness::*;

/// The image that `.ci/image` has built.
pub(super) fn image() -> String {
    std::env::var("DOCFERRY_IMAGE").unwrap_or_else(|_| panic!("`.ci/image` says which image"))
}

/// What podman prints, if it succeeds.
#[track_caller]
pub(super) fn podman(arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new("podman").args(arguments).output().unwrap();
    assert!(
        status.success(),
        "podman {arguments:?}: {}",
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8(stdout).unwrap()
}

/// One container, which goes when its program ends. It shares the network with
/// the sandbox.
pub(super) struct Container {
    pub(super) name: String,
    options: Vec<String>,
}

impl Container {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("docferry-{}-{count}", std::process::id());
        Self {
            options: ["run", "--rm", "--network", "host", "--name", &name]
                .map(str::to_owned)
                .into(),
            name,
        }
    }

    pub(super) fn option(mut self, option: impl Into<String>) -> Self {
        self.options.push(option.into());
        self
    }

    /// The job's variables as the file that `--env-file` reads.
    pub(super) fn env_file(self, world: &World, job: &Job) -> Self {
        let path = world.dir.path().join("job.env");
        let lines = job.vars().map(|(name, value)| format!("{name}={value}\n"));
        fs::write(&path, lines.collect::<String>()).unwrap();
        self.option(format!("--env-file={}", path.display()))
    }

    /// The job's variables one by one, whatever is in them.
    pub(super) fn env(self, job: &Job) -> Self {
        job.vars().fold(self, |container, (name, value)| {
            container.option(format!("--env={name}={value}"))
        })
    }

    /// The source, for the container to read only.
    pub(super) fn site(self, world: &World) -> Self {
        self.option(format!("--volume={}:/site:ro", world.source().display()))
    }

    /// Runs the image's own command, or the one that is given.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("podman");
        command.args(&self.options).arg(image()).args(words);
        command
    }
}

/// A job whose source is mounted at `/site`.
pub(super) fn job_at_site(world: &World) -> Job {
    world.job().without("HOME").var("DOCFERRY_SOURCE", "/site")
}
