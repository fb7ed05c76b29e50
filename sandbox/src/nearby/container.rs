//! Owns the credentials endpoint of a container: an ECS task's role, or a pod's
//! with EKS Pod Identity, which has to show a token.
//!
//! Sources: AWS SDKs and Tools Reference Guide, "Container credential
//! provider"; ECS Developer Guide, "Amazon ECS task IAM role"; EKS User Guide,
//! "Understand how EKS Pod Identity works".

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::json;

use crate::journal::Record;
use crate::sandbox::Sandbox;
use crate::server::{AwsError, Cut, Host, Reply, Resetter};
use crate::sigv4::same;
use crate::text;
use crate::world::{World, lock};

use super::rota::{Rota, times};
use super::visit::{answer, silence, visit};

/// The credentials endpoint of one container. Each call takes effect at once.
#[derive(Debug, Clone)]
pub struct ContainerCredentials {
    agent: Arc<Agent>,
    full_uri: String,
}

#[derive(Debug)]
struct Agent {
    world: Arc<World>,
    region: String,
    path: String,
    rota: Rota,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    token: Option<String>,
    stalls: bool,
}

impl ContainerCredentials {
    pub(super) fn start(sandbox: &Sandbox, role_arn: &str, token: Option<&str>) -> Self {
        let world = sandbox.world();
        let path = if let Some(token) = token {
            world.secrets.note(token);
            "/v1/credentials".to_owned()
        } else {
            format!("/v2/credentials/{}", text::uuid())
        };
        let agent = Arc::new(Agent {
            world,
            region: sandbox.region().to_owned(),
            path,
            // The session is named after the task, whose id is 32 digits.
            rota: Rota::new(role_arn, &text::random_text(b"0123456789abcdef", 32)),
            state: Mutex::new(State {
                token: token.map(str::to_owned),
                stalls: false,
            }),
        });
        let address = sandbox.bind(Arc::clone(&agent), None);
        Self {
            full_uri: format!("http://{address}{}", agent.path),
            agent,
        }
    }

    /// For `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    #[must_use]
    pub fn full_uri(&self) -> &str {
        &self.full_uri
    }

    /// Asks for another token from now on, as when the token file of a pod is
    /// written anew.
    #[must_use]
    pub fn authorization_token(self, token: &str) -> Self {
        self.agent.world.secrets.note(token);
        lock(&self.agent.state).token = Some(token.to_owned());
        self
    }

    /// The life of the sessions, six hours if not set. New ones are there five
    /// minutes before the old ones end, or halfway if that is later.
    #[must_use]
    pub fn session_life(self, life: Duration) -> Self {
        self.agent.rota.set_life(life);
        self
    }

    /// Takes connections, but never answers.
    #[must_use]
    pub fn stall(self) -> Self {
        lock(&self.agent.state).stalls = true;
        self
    }
}

impl Host for Agent {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        _: SocketAddr,
        reset: Resetter,
    ) -> Result<Response<Reply>, Cut> {
        let mut record = Record::new(&request, &self.world, &self.region);
        "container:GetCredentials".clone_into(&mut record.operation);
        let stalls = lock(&self.state).stalls;
        if stalls {
            return silence(&self.world, record).await;
        }
        visit(&self.world, record, &reset, refusal, || {
            self.serve(&request)
        })
        .await
    }
}

impl Agent {
    fn serve(&self, request: &Request<Incoming>) -> Result<Response<Reply>, AwsError> {
        if request.uri().path() != self.path {
            return Err(AwsError::new(404, "NotFound", "404 page not found"));
        }
        if request.method() != Method::GET {
            return Err(AwsError::new(405, "MethodNotAllowed", "Method Not Allowed"));
        }
        let wanted = lock(&self.state).token.clone();
        if let Some(wanted) = wanted {
            // "The SDK will set the Authorization header on the HTTP request
            // with the environment variable's value": as it is, no scheme.
            let shown = request.headers().get(header::AUTHORIZATION);
            let shown = shown.ok_or_else(|| {
                AwsError::new(401, "Unauthorized", "Service account token cannot be empty")
            })?;
            if !shown.to_str().is_ok_and(|shown| same(shown, &wanted)) {
                return Err(AwsError::new(
                    403,
                    "AccessDeniedException",
                    "The service account token is not accepted",
                ));
            }
        }
        let session = self.rota.session(&self.world).ok_or_else(|| {
            AwsError::new(
                400,
                "InvalidIdInRequest",
                "CredentialsV2Request: Credentials not found",
            )
        })?;
        let (_, expires) = times(&session);
        let body = json!({
            "RoleArn": session.role_arn,
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret,
            "Token": session.token,
            "Expiration": expires,
        });
        let kind = "application/json";
        Ok(answer(StatusCode::OK, kind, &[], body.to_string()))
    }
}

/// "Credentials errors MAY be returned with a code and message field."
fn refusal(error: &AwsError) -> Response<Reply> {
    let body = json!({
        "code": error.code,
        "message": error.message,
        "HTTPErrorCode": error.status.as_u16(),
    });
    answer(error.status, "application/json", &[], body.to_string())
}
