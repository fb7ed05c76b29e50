//! What the host says about the job.

use super::Kind;

/// The facts, as far as the host has them ("Store information in variables",
/// GitHub Docs; "Predefined CI/CD variables reference", GitLab Docs).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The project with its owner or groups.
    pub project: Option<String>,
    /// The branch or tag.
    pub reference: Option<String>,
    /// The commit.
    pub sha: Option<String>,
    /// The tag, in a pipeline for one.
    pub tag: Option<String>,
    /// The number of the pipeline or workflow run.
    pub pipeline: Option<String>,
    /// The name of the job.
    pub job: Option<String>,
    /// Where people see the pipeline.
    pub pipeline_url: Option<String>,
    /// Where people see the job; GitHub does not say.
    pub job_url: Option<String>,
}

impl Facts {
    pub(super) fn read(kind: Kind, get: &dyn Fn(&str) -> Option<String>) -> Self {
        match kind {
            Kind::GitHub => Self {
                project: get("GITHUB_REPOSITORY"),
                reference: get("GITHUB_REF_NAME"),
                sha: get("GITHUB_SHA"),
                tag: get("GITHUB_REF_NAME")
                    .filter(|_| get("GITHUB_REF_TYPE").as_deref() == Some("tag")),
                pipeline: get("GITHUB_RUN_ID"),
                job: get("GITHUB_JOB"),
                pipeline_url: github_run(get),
                job_url: None,
            },
            Kind::GitLab => Self {
                project: get("CI_PROJECT_PATH"),
                reference: get("CI_COMMIT_REF_NAME"),
                sha: get("CI_COMMIT_SHA"),
                tag: get("CI_COMMIT_TAG"),
                pipeline: get("CI_PIPELINE_ID"),
                job: get("CI_JOB_NAME"),
                pipeline_url: get("CI_PIPELINE_URL"),
                job_url: get("CI_JOB_URL"),
            },
            Kind::Plain => Self::default(),
        }
    }
}

fn github_run(get: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let (server, project) = (get("GITHUB_SERVER_URL")?, get("GITHUB_REPOSITORY")?);
    Some(format!(
        "{server}/{project}/actions/runs/{}",
        get("GITHUB_RUN_ID")?
    ))
}
