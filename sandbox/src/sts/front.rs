//! Owns the way of an STS request: parameters, faults, signature, action.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, header, request::Parts};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

use crate::fault::{Answer, spoil, strike, with_status};
use crate::identity::Caller;
use crate::journal::Record;
use crate::server::{AwsError, Cut, Reply, Resetter, full};
use crate::sigv4::{Signed, sha256_hex, verify};
use crate::text;
use crate::world::{Link, World};

use super::validate::{Parameters, wish};
use super::{assume_role, refusal, web_identity, xml};

const VERSION: &str = "2011-06-15";

pub(crate) struct Sts {
    world: Arc<World>,
}

impl Sts {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Self { world }
    }

    /// True if a request is meant for STS, which shares its port with S3.
    pub(crate) fn is_for_me<B>(request: &Request<B>) -> bool {
        let header = |name| {
            request
                .headers()
                .get(name)
                .and_then(|value: &http::HeaderValue| value.to_str().ok())
        };
        if let Some(authorization) = header(header::AUTHORIZATION) {
            return authorization.contains("/sts/aws4_request");
        }
        let host = header(header::HOST).unwrap_or_default();
        let form = header(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        host.starts_with("sts.")
            || (request.uri().path() == "/" && request.method() == Method::POST && form)
    }

    pub(crate) async fn answer(
        &self,
        link: &Link,
        request: Request<Incoming>,
        record: &mut Record,
        reset: &Resetter,
    ) -> Result<Response<Reply>, Cut> {
        record.request_id = text::uuid();
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, 256 * 1024)
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        let Ok(body) = body else {
            reset.reset();
            return Err(Cut);
        };
        let parameters = parameters(&parts, &body);
        record.operation = format!("sts:{}", parameters.get("Action").unwrap_or("Unknown"));
        record.parameters = parameters
            .0
            .iter()
            .filter(|(name, _)| *name != "WebIdentityToken")
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        record.bytes_in = body.len() as u64;

        let fault = strike(&self.world, record).await;
        if fault.as_ref().is_some_and(Answer::ends_before_work) {
            reset.reset();
            return Err(Cut);
        }
        let done = match fault_error(fault.as_ref()) {
            Some(error) => Err(error),
            None => self.act(link, &parts, &body, &parameters, record),
        };
        let done = match (&fault, done) {
            (Some(Answer::InternalErrorAfter), Ok(_)) => Err(internal()),
            (_, done) => done,
        };
        let (status, text) = match done {
            Ok(text) => (http::StatusCode::OK, text),
            Err(error) => {
                record.error_code = Some(error.code.clone().into_owned());
                record.error_message = Some(error.message.clone());
                (error.status, xml::error(&error, &record.request_id))
            }
        };
        let mut response = Response::new(full(text));
        *response.status_mut() = status;
        let date = text::http_date(self.world.now());
        for (name, value) in [
            ("content-type", "text/xml"),
            ("x-amzn-requestid", &record.request_id),
            ("date", &date),
        ] {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        match fault {
            Some(fault) => spoil(&fault, response, record, reset, &self.world).await,
            None => Ok(response),
        }
    }

    fn act(
        &self,
        link: &Link,
        parts: &Parts,
        body: &Bytes,
        parameters: &Parameters,
        record: &mut Record,
    ) -> Result<String, AwsError> {
        let action = parameters.get("Action").unwrap_or_default();
        let known = matches!(
            action,
            "AssumeRole" | "AssumeRoleWithWebIdentity" | "GetCallerIdentity"
        );
        if !known || parameters.get("Version") != Some(VERSION) {
            return Err(AwsError::new(
                400,
                "InvalidAction",
                format!(
                    "Could not find operation {action} for version {}",
                    parameters.get("Version").unwrap_or("NO_VERSION_SPECIFIED")
                ),
            ));
        }
        let user_agent = parts
            .headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok());
        let context = self.world.request_context(link, user_agent);
        if action == "AssumeRoleWithWebIdentity" {
            // "Calling AssumeRoleWithWebIdentity does not require the use of
            // AWS security credentials."
            let wish = wish(parameters, true)?;
            let token = parameters.get("WebIdentityToken").unwrap_or_default();
            let shown = web_identity::assume_role(&self.world, token, wish, context)?;
            return Ok(xml::web_identity(&shown, &record.request_id));
        }
        let caller = self.authenticate(link, parts, body)?;
        record.caller = Some(caller.arn.clone());
        if action == "GetCallerIdentity" {
            // "No permissions are required to perform this operation."
            return Ok(xml::caller_identity(&caller, &record.request_id));
        }
        let wish = wish(parameters, false)?;
        let packed = packed_percent(wish.policy_size, &wish.tags)?;
        let session = assume_role::assume_role(&self.world, &caller, wish, context)?;
        Ok(xml::assume_role(&session, packed, &record.request_id))
    }

    fn authenticate(&self, link: &Link, parts: &Parts, body: &Bytes) -> Result<Caller, AwsError> {
        verify(
            &self.world,
            Signed {
                method: parts.method.as_str(),
                path: parts.uri.path(),
                query: parts.uri.query().unwrap_or_default(),
                headers: &parts.headers,
                payload_hash: &sha256_hex(body),
                service: "sts",
                region: &link.region,
                skew: time::Duration::minutes(5),
            },
        )
        .map(|verified| verified.caller)
        .map_err(refusal::auth)
    }
}

/// How full the packed form of policy and tags is. AWS does not publish the
/// format; the sandbox counts one byte for each, against 4,096.
fn packed_percent(
    policy: usize,
    tags: &BTreeMap<String, String>,
) -> Result<Option<usize>, AwsError> {
    let size = policy
        + tags
            .iter()
            .map(|(key, value)| key.len() + value.len() + 2)
            .sum::<usize>();
    let percent = size.div_ceil(41);
    if percent > 100 {
        return Err(AwsError::new(
            400,
            "PackedPolicyTooLarge",
            format!(
                "Packed policy consumes {percent}% of allotted space, please use smaller policy."
            ),
        ));
    }
    Ok((size > 0).then_some(percent))
}

fn parameters(parts: &Parts, body: &Bytes) -> Parameters {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    all.extend(text::form_pairs(parts.uri.query().unwrap_or_default()));
    all.extend(text::form_pairs(&String::from_utf8_lossy(body)));
    Parameters(all)
}

fn throttling() -> AwsError {
    AwsError::new(400, "Throttling", "Rate exceeded")
}

fn internal() -> AwsError {
    AwsError::new(
        500,
        "InternalFailure",
        "The request processing has failed because of an unknown error, exception or failure.",
    )
}

fn fault_error(fault: Option<&Answer>) -> Option<AwsError> {
    Some(match fault? {
        Answer::SlowDown => throttling(),
        Answer::RetryAfter { status, .. } => with_status(*status, throttling(), internal()),
        Answer::InternalError | Answer::ErrorBodyInOk => internal(),
        Answer::ExpiredToken => refusal::expired_token(),
        Answer::Error {
            status,
            code,
            message,
        } => AwsError::new(*status, code.clone(), message.clone()),
        _ => return None,
    })
}
