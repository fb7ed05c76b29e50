//! Owns what a job finds beside AWS's own endpoints: the services on its host
//! and in its network that give it an identity. Decides no permissions.

mod container;
mod github;
mod metadata;
mod proxy;
mod rota;
mod visit;

pub use container::ContainerCredentials;
pub use github::GitHubTokens;
pub use metadata::Metadata;
pub use proxy::Proxy;

use crate::sandbox::Sandbox;
use crate::setup::OidcProvider;

impl Sandbox {
    /// The instance metadata service of an EC2 instance with this role, which
    /// is made if it is not there yet.
    #[must_use]
    pub fn instance_metadata(&self, role_arn: &str) -> Metadata {
        let _role = self.role(role_arn);
        Metadata::start(self, role_arn)
    }

    /// The credentials endpoint of a container whose task or pod has this role,
    /// which is made if it is not there yet. With a token, requests have to
    /// show it, as EKS Pod Identity asks for.
    #[must_use]
    pub fn container_credentials(
        &self,
        role_arn: &str,
        authorization_token: Option<&str>,
    ) -> ContainerCredentials {
        let _role = self.role(role_arn);
        ContainerCredentials::start(self, role_arn, authorization_token)
    }

    /// GitHub's endpoint for the tokens of one job with `id-token: write`: the
    /// provider signs them, for this subject.
    #[must_use]
    pub fn github_tokens(&self, provider: &OidcProvider, subject: &str) -> GitHubTokens {
        GitHubTokens::start(self, provider, subject)
    }

    /// A forward proxy that leads to loopback only, and where its routes say.
    #[must_use]
    pub fn proxy(&self) -> Proxy {
        Proxy::start(self)
    }
}
