//! Owns an EC2 instance's metadata service, version 2 only: session tokens,
//! the role's credentials, and the little else that a job asks for.
//!
//! Sources: EC2 User Guide, "Use the Instance Metadata Service to access
//! instance metadata", "Configure the Instance Metadata Service options",
//! "Retrieve security credentials from instance metadata", "Instance identity
//! documents for Amazon EC2 instances".

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use crate::clock::epoch;
use crate::journal::Record;
use crate::sandbox::Sandbox;
use crate::server::{AwsError, Cut, Host, Reply, Resetter};
use crate::text;
use crate::world::{World, lock};

use super::rota::{Rota, times};
use super::visit::{answer, silence, visit};

const TOKEN: &str = "/latest/api/token";
const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials";
const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";

/// The metadata service of one instance. Each call takes effect at once.
#[derive(Debug, Clone)]
pub struct Metadata {
    instance: Arc<Instance>,
    endpoint: String,
}

#[derive(Debug)]
struct Instance {
    world: Arc<World>,
    region: String,
    id: String,
    started: SystemTime,
    rota: Rota,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    out_of_reach: bool,
    disabled: bool,
    without_role: bool,
    /// The tokens with their moments of expiry.
    tokens: HashMap<String, SystemTime>,
}

impl Metadata {
    pub(super) fn start(sandbox: &Sandbox, role_arn: &str) -> Self {
        let world = sandbox.world();
        let id = format!("i-0{}", text::random_text(b"0123456789abcdef", 16));
        let instance = Arc::new(Instance {
            region: sandbox.region().to_owned(),
            started: world.clock.now(),
            // The session of an instance's role is named after the instance.
            rota: Rota::new(role_arn, &id),
            id,
            world,
            state: Mutex::default(),
        });
        let address = sandbox.bind(Arc::clone(&instance), None);
        Self {
            instance,
            endpoint: format!("http://{address}"),
        }
    }

    /// For `AWS_EC2_METADATA_SERVICE_ENDPOINT`: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// `i-0…`, which is also the name of the role's sessions.
    #[must_use]
    pub fn instance_id(&self) -> &str {
        &self.instance.id
    }

    /// As a container behind a hop limit of 1 sees it: the connection stands,
    /// but the answer to the request for a token never arrives.
    #[must_use]
    pub fn out_of_reach(self) -> Self {
        self.change(|state| state.out_of_reach = true)
    }

    /// The service is turned off: 403 on everything.
    #[must_use]
    pub fn disabled(self) -> Self {
        self.change(|state| state.disabled = true)
    }

    /// The instance has no instance profile: 404 for its credentials.
    #[must_use]
    pub fn without_role(self) -> Self {
        self.change(|state| state.without_role = true)
    }

    /// Within reach, turned on, and with its role again.
    #[must_use]
    pub fn as_usual(self) -> Self {
        self.change(|state| {
            state.out_of_reach = false;
            state.disabled = false;
            state.without_role = false;
        })
    }

    /// The life of the role's sessions, six hours if not set. New ones are
    /// there five minutes before the old ones end, or halfway if that is later.
    #[must_use]
    pub fn session_life(self, life: Duration) -> Self {
        self.instance.rota.set_life(life);
        self
    }

    fn change(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut lock(&self.instance.state));
        self
    }
}

impl Host for Instance {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        _: SocketAddr,
        reset: Resetter,
    ) -> Result<Response<Reply>, Cut> {
        let (method, path) = (request.method(), request.uri().path());
        let mut record = Record::new(&request, &self.world, &self.region);
        operation(method, path).clone_into(&mut record.operation);
        let out_of_reach = lock(&self.state).out_of_reach;
        // The hop limit holds for the answers to PUT only: it is their packets
        // that die on the way into the container.
        if out_of_reach && method == Method::PUT {
            return silence(&self.world, record).await;
        }
        visit(&self.world, record, &reset, refusal, || {
            self.serve(method, path, request.headers())
        })
        .await
    }
}

impl Instance {
    fn serve(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Response<Reply>, AwsError> {
        if lock(&self.state).disabled {
            return Err(forbidden());
        }
        // The service refuses to give a token to a request that came through a
        // proxy. What holds for PUT holds for the rest here, to be on the safe
        // side.
        if headers.contains_key("x-forwarded-for") {
            return Err(forbidden());
        }
        if path == TOKEN {
            if method != Method::PUT {
                return Err(AwsError::new(405, "MethodNotAllowed", "Method Not Allowed"));
            }
            return self.token(headers);
        }
        if method != Method::GET {
            return Err(AwsError::new(405, "MethodNotAllowed", "Method Not Allowed"));
        }
        let left = self.token_left(headers).ok_or_else(|| {
            // "The GET request uses an invalid token", or none: version 1.
            AwsError::new(401, "Unauthorized", "Unauthorized")
        })?;
        let (kind, body) = self
            .page(path)
            .ok_or_else(|| AwsError::new(404, "NotFound", "Not Found"))?;
        let left = (TTL, left.as_secs().to_string());
        Ok(answer(StatusCode::OK, kind, &[left], body))
    }

    fn token(&self, headers: &HeaderMap) -> Result<Response<Reply>, AwsError> {
        // One second at least, six hours at most.
        let seconds = headers
            .get(TTL)
            .and_then(|value| value.to_str().ok())
            .filter(|value| value.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|value| value.parse::<u64>().ok())
            .filter(|seconds| (1..=21_600).contains(seconds))
            .ok_or_else(|| AwsError::new(400, "BadRequest", "Bad Request"))?;
        let mut bytes = [0_u8; 39];
        text::random(&mut bytes);
        let token = format!("AQAEA{}==", text::base64_url(&bytes));
        self.world.secrets.note(&token);
        let expires = self.world.clock.now() + Duration::from_secs(seconds);
        lock(&self.state).tokens.insert(token.clone(), expires);
        let life = (TTL, seconds.to_string());
        Ok(answer(StatusCode::OK, "text/plain", &[life], token))
    }

    /// How long the request's token still holds; none if it does not.
    fn token_left(&self, headers: &HeaderMap) -> Option<Duration> {
        let token = headers.get("x-aws-ec2-metadata-token")?.to_str().ok()?;
        let expires = *lock(&self.state).tokens.get(token)?;
        expires
            .duration_since(self.world.clock.now())
            .ok()
            .filter(|left| !left.is_zero())
    }

    fn page(&self, path: &str) -> Option<(&'static str, String)> {
        let plain = |text: &str| Some(("text/plain", text.to_owned()));
        if let Some(rest) = path.strip_prefix(CREDENTIALS) {
            return self.credentials(rest);
        }
        let has_role = !lock(&self.state).without_role;
        match path.strip_suffix('/').unwrap_or(path) {
            "/latest" => plain("dynamic\nmeta-data"),
            "/latest/meta-data" if has_role => plain("iam/\ninstance-id\nplacement/"),
            "/latest/meta-data" => plain("instance-id\nplacement/"),
            "/latest/meta-data/iam" if has_role => plain("info\nsecurity-credentials/"),
            "/latest/meta-data/iam/info" if has_role => Some(("text/plain", self.info())),
            "/latest/meta-data/instance-id" => plain(&self.id),
            "/latest/meta-data/placement" => plain("availability-zone\nregion"),
            "/latest/meta-data/placement/availability-zone" => plain(&format!("{}a", self.region)),
            "/latest/meta-data/placement/region" => plain(&self.region),
            "/latest/dynamic" => plain("instance-identity/"),
            "/latest/dynamic/instance-identity" => plain("document"),
            "/latest/dynamic/instance-identity/document" => Some(("text/plain", self.document())),
            _ => None,
        }
    }

    /// The role's name, or under its name the credentials.
    fn credentials(&self, rest: &str) -> Option<(&'static str, String)> {
        let name = self.rota.arn.name();
        if lock(&self.state).without_role {
            return None;
        }
        if matches!(rest, "" | "/") {
            return Some(("text/plain", name.to_owned()));
        }
        if rest.strip_prefix('/')? != name {
            return None;
        }
        let session = self.rota.session(&self.world)?;
        let (updated, expires) = times(&session);
        let body = json!({
            "Code": "Success",
            "LastUpdated": updated,
            "Type": "AWS-HMAC",
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret,
            "Token": session.token,
            "Expiration": expires,
        });
        Some(("text/plain", format!("{body:#}")))
    }

    fn info(&self) -> String {
        let arn = &self.rota.arn;
        let body = json!({
            "Code": "Success",
            "LastUpdated": self.date(),
            "InstanceProfileArn": format!(
                "arn:{}:iam::{}:instance-profile/{}", arn.partition, arn.account, arn.name()
            ),
            "InstanceProfileId": "AIPASANDBOXSANDBOXSAN",
        });
        format!("{body:#}")
    }

    /// An instance is in the account of its role.
    fn document(&self) -> String {
        let body = json!({
            "accountId": self.rota.arn.account,
            "architecture": "x86_64",
            "availabilityZone": format!("{}a", self.region),
            "billingProducts": null,
            "devpayProductCodes": null,
            "imageId": "ami-0123456789abcdef0",
            "instanceId": self.id,
            "instanceType": "t3.micro",
            "kernelId": null,
            "marketplaceProductCodes": null,
            "pendingTime": self.date(),
            "privateIp": "10.0.0.7",
            "ramdiskId": null,
            "region": self.region,
            "version": "2017-09-30",
        });
        format!("{body:#}")
    }

    fn date(&self) -> String {
        time::OffsetDateTime::from_unix_timestamp(epoch(self.started))
            .map(text::iso_date)
            .unwrap_or_default()
    }
}

fn operation(method: &Method, path: &str) -> &'static str {
    if path == TOKEN {
        return if method == Method::PUT {
            "imds:PutToken"
        } else {
            "imds:Unknown"
        };
    }
    match path.strip_prefix(CREDENTIALS) {
        Some("" | "/") => "imds:GetRoleName",
        Some(_) => "imds:GetCredentials",
        None if path.starts_with("/latest/meta-data") => "imds:GetMetadata",
        None if path.starts_with("/latest/dynamic/instance-identity/") => {
            "imds:GetIdentityDocument"
        }
        None => "imds:Unknown",
    }
}

/// "The request is not allowed or the IMDS is turned off."
fn forbidden() -> AwsError {
    AwsError::new(403, "Forbidden", "Forbidden")
}

/// The service answers its errors as small pages, not as JSON.
fn refusal(error: &AwsError) -> Response<Reply> {
    let title = format!("{} - {}", error.status.as_u16(), text::xml(&error.message));
    let page = format!(
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n\
         <!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n\
         \t\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n\
         <html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n \
         <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n </body>\n</html>\n"
    );
    answer(error.status, "text/html", &[], page)
}
