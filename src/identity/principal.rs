//! The identity that the job has of its own: the places where every AWS tool
//! looks, in the same order ("Standardized credential providers", AWS SDKs and
//! Tools Reference Guide), each asked by itself so that it can be said why it
//! had nothing.

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use crate::aws::{Aws, whole_story};
use crate::error::Refusal;

/// An identity and the place where it was found.
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) provider: SharedCredentialsProvider,
    pub(super) credentials: Credentials,
}

/// A place where a job may have an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Variables,
    Profile,
    WebIdentityFile,
    Container,
    Instance,
}

impl Place {
    const ALL: [Self; 5] = [
        Self::Variables,
        Self::Profile,
        Self::WebIdentityFile,
        Self::Container,
        Self::Instance,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Variables => "variables",
            Self::Profile => "profile",
            Self::WebIdentityFile => "web identity file",
            Self::Container => "container",
            Self::Instance => "instance metadata",
        }
    }

    fn provider(self, aws: &Aws) -> SharedCredentialsProvider {
        let with = aws.provider_config();
        match self {
            Self::Variables => {
                SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())
            }
            Self::Profile => SharedCredentialsProvider::new(
                ProfileFileCredentialsProvider::builder()
                    .configure(&with)
                    .build(),
            ),
            Self::WebIdentityFile => SharedCredentialsProvider::new(
                WebIdentityTokenCredentialsProvider::builder()
                    .configure(&with)
                    .build(),
            ),
            Self::Container => SharedCredentialsProvider::new(
                EcsCredentialsProvider::builder().configure(&with).build(),
            ),
            Self::Instance => SharedCredentialsProvider::new(
                ImdsCredentialsProvider::builder()
                    .configure(&with)
                    .imds_client(aws.metadata_client())
                    .build(),
            ),
        }
    }
}

/// Asks one place after another. A place that holds something broken ends the
/// search: whoever put it there meant it to be used.
pub(super) async fn find(aws: &Aws) -> Result<Found, Search> {
    let mut looked = Vec::new();
    for place in Place::ALL {
        let provider = place.provider(aws);
        match provider.provide_credentials().await {
            Ok(credentials) => {
                return Ok(Found {
                    place,
                    provider,
                    credentials,
                });
            }
            Err(error) if is_nothing(&error) || place == Place::Instance => {
                looked.push((place, nothing_because(place, &error)));
            }
            Err(error) => return Err(Search::Broken(Box::new(broken(place, &error)))),
        }
    }
    Err(Search::Nothing(Box::new(nothing(&looked))))
}

/// How a search ends that finds no identity.
pub(super) enum Search {
    /// No place has one.
    Nothing(Box<Refusal>),
    /// A place has one that cannot be used.
    Broken(Box<Refusal>),
}

fn is_nothing(error: &CredentialsError) -> bool {
    matches!(error, CredentialsError::CredentialsNotLoaded(_))
}

fn nothing_because(place: Place, error: &CredentialsError) -> String {
    match place {
        Place::Variables => {
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set".to_owned()
        }
        Place::Profile => "no file, or no such profile in it".to_owned(),
        Place::WebIdentityFile => "AWS_WEB_IDENTITY_TOKEN_FILE is not set".to_owned(),
        Place::Container => "no AWS_CONTAINER_CREDENTIALS_… variable is set".to_owned(),
        Place::Instance => metadata_because(&whole_story(error)),
    }
}

fn metadata_because(story: &str) -> String {
    if story.contains("IMDS is disabled by") || story.contains("AWS_EC2_METADATA_DISABLED") {
        return "turned off by AWS_EC2_METADATA_DISABLED".to_owned();
    }
    story.to_owned()
}

fn nothing(looked: &[(Place, String)]) -> Refusal {
    let mut refusal = Refusal::new("the job has no AWS identity");
    for (place, reason) in looked {
        refusal = refusal.fact("looked at", format!("{}: {reason}", place.name()));
    }
    let metadata = looked.iter().any(|(place, reason)| {
        *place == Place::Instance && (reason.contains("timeout") || reason.contains("timed out"))
    });
    let refusal = refusal
        .hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, in this job");
    match metadata {
        true => refusal.hint(
            "if the runner has an instance role: a container is one hop further away, so raise the \
             instance's metadata hop limit to 2 (HttpPutResponseHopLimit)",
        ),
        false => refusal,
    }
}

fn broken(place: Place, error: &CredentialsError) -> Refusal {
    let what = format!("the job's AWS identity ({}) cannot be used", place.name());
    let refusal = Refusal::new(what).fact("reason", whole_story(error));
    refusal.hint(match place {
        Place::Variables => "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        Place::Profile => {
            "check AWS_PROFILE and the files AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE, by \
             default below ~/.aws"
        }
        Place::WebIdentityFile => {
            "check AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, and that the role's trust policy \
             names the token's issuer, subject and audience"
        }
        Place::Container => "check AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI",
        Place::Instance => "check the instance's role",
    })
}
