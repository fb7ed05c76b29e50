//! Owns GitHub's endpoint for the web identity tokens of one job.
//!
//! Sources: GitHub Docs, "OpenID Connect reference" (claims, requesting the
//! token with the environment variables) and "OpenID Connect" (the example
//! token: good for five minutes from its issue, not before ten minutes ago).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::json;

use crate::journal::Record;
use crate::oidc::Token;
use crate::sandbox::Sandbox;
use crate::server::{AwsError, Cut, Host, Reply, Resetter};
use crate::setup::OidcProvider;
use crate::sigv4::same;
use crate::text;
use crate::world::{World, lock};

use super::visit::{answer, silence, visit};

/// The token endpoint of one job. Each call takes effect at once.
#[derive(Debug, Clone)]
pub struct GitHubTokens {
    service: Arc<Service>,
    origin: String,
    port: u16,
}

#[derive(Debug)]
struct Service {
    world: Arc<World>,
    region: String,
    provider: OidcProvider,
    subject: String,
    path: String,
    request_token: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    life: Duration,
    /// So many more failures with this status.
    failures: (usize, u16),
    stalls: bool,
    requests: usize,
}

impl GitHubTokens {
    pub(super) fn start(sandbox: &Sandbox, provider: &OidcProvider, subject: &str) -> Self {
        let world = sandbox.world();
        // GitHub's own is a JWT too, long and opaque to the job.
        let mut bytes = [0_u8; 300];
        text::random(&mut bytes);
        let request_token = format!("eyJ0eXAiOiJKV1QifQ.{}", text::base64_url(&bytes));
        world.secrets.note(&request_token);
        let service = Arc::new(Service {
            world,
            region: sandbox.region().to_owned(),
            provider: provider.clone(),
            subject: subject.to_owned(),
            path: format!(
                "/{}//idtoken/{}/{}",
                text::random_text(b"0123456789", 4),
                text::uuid(),
                text::uuid()
            ),
            request_token,
            state: Mutex::new(State {
                life: Duration::from_mins(5),
                failures: (0, 500),
                stalls: false,
                requests: 0,
            }),
        });
        let tls = sandbox.tls();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = sandbox.bind(Arc::clone(&service), tls);
        Self {
            service,
            origin: format!("{scheme}://{address}"),
            port: address.port(),
        }
    }

    /// For `ACTIONS_ID_TOKEN_REQUEST_URL`. As GitHub's, it has a query, to
    /// which `&audience=…` is to be added. With https if the sandbox has it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}?api-version=2.0", self.origin, self.service.path)
    }

    /// The same URL under a host name that a proxy leads to [`Self::port`]:
    /// `run-actions-1.actions.githubusercontent.com`.
    #[must_use]
    pub fn url_at(&self, host: &str) -> String {
        let scheme = self.origin.split(':').next().unwrap_or_default();
        format!("{scheme}://{host}{}?api-version=2.0", self.service.path)
    }

    /// The port of [`Self::url`].
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// For `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    #[must_use]
    pub fn request_token(&self) -> &str {
        &self.service.request_token
    }

    /// How many requests came, refused ones too.
    #[must_use]
    pub fn requests(&self) -> usize {
        lock(&self.service.state).requests
    }

    /// The life of the tokens; five minutes if not set.
    #[must_use]
    pub fn life(self, life: Duration) -> Self {
        self.change(|state| state.life = life)
    }

    /// The next n requests get this status instead of a token.
    #[must_use]
    pub fn fail_times(self, n: usize, status: u16) -> Self {
        self.change(|state| state.failures = (n, status))
    }

    /// Takes connections, but never answers.
    #[must_use]
    pub fn stall(self) -> Self {
        self.change(|state| state.stalls = true)
    }

    /// Ends [`Self::stall`] and [`Self::fail_times`].
    #[must_use]
    pub fn as_usual(self) -> Self {
        self.change(|state| {
            state.stalls = false;
            state.failures.0 = 0;
        })
    }

    fn change(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut lock(&self.service.state));
        self
    }
}

impl Host for Service {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        _: SocketAddr,
        reset: Resetter,
    ) -> Result<Response<Reply>, Cut> {
        let mut record = Record::new(&request, &self.world, &self.region);
        "github:GetIdToken".clone_into(&mut record.operation);
        let stalls = {
            let mut state = lock(&self.state);
            state.requests += 1;
            state.stalls
        };
        if stalls {
            return silence(&self.world, record).await;
        }
        visit(&self.world, record, &reset, refusal, || {
            self.serve(&request)
        })
        .await
    }
}

impl Service {
    fn serve(&self, request: &Request<Incoming>) -> Result<Response<Reply>, AwsError> {
        if let Some(status) = self.failure() {
            return Err(AwsError::new(
                status,
                "Failure",
                "The service is not available.",
            ));
        }
        if request.uri().path() != self.path {
            return Err(AwsError::new(404, "NotFound", "Not Found"));
        }
        if request.method() != Method::GET {
            return Err(AwsError::new(405, "MethodNotAllowed", "Method Not Allowed"));
        }
        if !self.knows(request.headers()) {
            return Err(AwsError::new(401, "Unauthorized", "Unauthorized")
                .header("www-authenticate", "Bearer"));
        }
        let query = text::form_pairs(request.uri().query().unwrap_or_default());
        let value = |name: &str| {
            query
                .iter()
                .find(|(have, _)| have == name)
                .map(|(_, value)| value.as_str())
        };
        // A client that puts its own query in place of the URL's is wrong.
        if value("api-version") != Some("2.0") {
            return Err(AwsError::new(
                400,
                "VersionNotSpecified",
                "No api-version was supplied for the request.",
            ));
        }
        let token = self.token(value("audience").filter(|audience| !audience.is_empty()));
        // The count is that of the characters.
        let body = json!({"count": token.len(), "value": token});
        Ok(answer(
            StatusCode::OK,
            "application/json; charset=utf-8; api-version=2.0",
            &[],
            body.to_string(),
        ))
    }

    fn failure(&self) -> Option<u16> {
        let mut state = lock(&self.state);
        let (left, status) = state.failures;
        state.failures.0 = left.checked_sub(1)?;
        Some(status)
    }

    /// "Authorization: bearer TOKEN"; the scheme's case does not matter.
    fn knows(&self, headers: &HeaderMap) -> bool {
        headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .is_some_and(|(scheme, token)| {
                scheme.eq_ignore_ascii_case("bearer") && same(token, &self.request_token)
            })
    }

    fn token(&self, audience: Option<&str>) -> String {
        let now = self.world.clock.now();
        let life = lock(&self.state).life;
        let job = Job::of(&self.subject);
        // "By default, this is the URL of the repository owner."
        let owner_url = format!("https://github.com/{}", job.owner);
        let token: Token = self
            .provider
            .token()
            .subject(&self.subject)
            .audience(audience.unwrap_or(&owner_url))
            .not_before(now - Duration::from_mins(10))
            .life(life)
            .claim("jti", text::uuid())
            .claim("repository", format!("{}/{}", job.owner, job.repository))
            .claim("repository_owner", job.owner)
            .claim("actor", job.owner)
            .claim("event_name", "push")
            .claim("ref", job.reference)
            .claim("ref_type", "branch")
            .claim("repository_visibility", "private")
            .claim("run_attempt", "1")
            .claim("run_id", "1234567890")
            .claim("run_number", "10")
            .claim("runner_environment", "github-hosted")
            .claim("workflow", "docs");
        token.sign()
    }
}

/// What a subject tells of its job.
struct Job<'a> {
    owner: &'a str,
    repository: &'a str,
    reference: &'a str,
}

impl<'a> Job<'a> {
    /// Reads `repo:OWNER/NAME:ref:refs/heads/main`; owner and name may have
    /// their immutable ids behind an `@`.
    fn of(subject: &'a str) -> Self {
        let without_id = |text: &'a str| text.split('@').next().unwrap_or_default();
        let mut parts = subject.splitn(3, ':').skip(1);
        let (owner, repository) = parts
            .next()
            .and_then(|repository| repository.split_once('/'))
            .unwrap_or(("example", "docs"));
        let reference = parts
            .next()
            .and_then(|rest| rest.strip_prefix("ref:"))
            .unwrap_or("refs/heads/main");
        Self {
            owner: without_id(owner),
            repository: without_id(repository),
            reference,
        }
    }
}

fn refusal(error: &AwsError) -> Response<Reply> {
    let body = json!({
        "$id": "1",
        "message": error.message,
        "typeKey": error.code,
        "errorCode": 0,
    });
    answer(
        error.status,
        "application/json; charset=utf-8",
        &error.headers,
        body.to_string(),
    )
}
