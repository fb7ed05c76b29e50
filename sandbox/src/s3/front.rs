//! Owns the way of an S3 request: target, faults, signature, bucket, region,
//! owner, body; then s3s and the operation; then the answer.

use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, Request, Response, header};
use hyper::body::Incoming;
use s3s::service::{S3Service, S3ServiceBuilder};

use crate::fault::{Answer, spoil, strike};
use crate::gate::drain;
use crate::identity::Caller;
use crate::journal::Record;
use crate::server::{AwsError, Cut, Intake, Plan, Reply, Resetter, Shared};
use crate::sigv4::{AuthError, Signed, Verified, verify};
use crate::store::{Bucket, BucketConfig};
use crate::text;
use crate::world::{Link, World, lock, read};

use super::access::add_keys;
use super::answer::{self, Ids};
use super::cx::Cx;
use super::older;
use super::payer;
use super::plan::{payload_hash, plan};
use super::refusal;
use super::service::Operations;
use super::target::{Target, operation};
use super::trouble::{error_in_ok, refuse_by_fault, swallow};

pub(crate) struct S3 {
    world: Arc<World>,
    service: S3Service,
}

/// A request's head, read once.
struct Asked {
    method: Method,
    path: String,
    query_text: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    target: Target,
    operation: &'static str,
}

impl S3 {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Self {
            world,
            service: S3ServiceBuilder::new(Operations).build(),
        }
    }

    /// Answers a request; an error cuts the connection.
    pub(crate) async fn answer(
        &self,
        link: &Link,
        request: Request<Incoming>,
        record: &mut Record,
        reset: &Resetter,
    ) -> Result<Response<Reply>, Cut> {
        let ids = Ids::new(&record.request_id);
        let head = request.method() == Method::HEAD;
        let expects = request.headers().contains_key(header::EXPECT);
        let shared = Arc::new(Shared::default());
        let mut fault = None;
        let done = self.work(link, request, record, &shared, &mut fault).await;
        record.bytes_in = *lock(&shared.seen);
        let late = match &fault {
            Some(Answer::InternalErrorAfter) => Some(Err(refusal::internal())),
            Some(Answer::ErrorBodyInOkAfter) => Some(Ok(error_in_ok(&ids))),
            _ => None,
        };
        // The work was done, and yet the answer says otherwise.
        let done = match (done, late) {
            (Ok(_), Some(late)) => late,
            (done, _) => done,
        };
        let mut response = match done {
            Ok(response) => response,
            Err(error) if error.cut => {
                reset.reset();
                return Err(Cut);
            }
            Err(error) => {
                record.error_code = Some(error.code.clone().into_owned());
                record.error_message = Some(error.message.clone());
                if matches!(fault, Some(Answer::ErrorBodyInOk)) {
                    error_in_ok(&ids)
                } else {
                    answer::error(&error, &ids, head)
                }
            }
        };
        // A client that waits for "100 Continue" has sent nothing yet.
        if !expects {
            let unread = lock(&shared.rest).take();
            drain(unread).await;
        }
        older::leave_out(&lock(&self.world.unknown_checksums), response.headers_mut());
        answer::finish(&mut response, &ids, &text::http_date(self.world.now()));
        match fault {
            Some(fault) => spoil(&fault, response, record, reset, &self.world).await,
            None => Ok(response),
        }
    }

    async fn work(
        &self,
        link: &Link,
        request: Request<Incoming>,
        record: &mut Record,
        shared: &Arc<Shared>,
        fault: &mut Option<Answer>,
    ) -> Result<Response<Reply>, AwsError> {
        let (parts, body) = request.into_parts();
        *lock(&shared.rest) = Some(body);
        let host = parts
            .headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        let target = Target::parse(host, parts.uri.path())?;
        let query_text = parts.uri.query().unwrap_or_default().to_owned();
        let query = text::form_pairs(&query_text);
        let mut asked = Asked {
            operation: operation(&parts.method, &target, &query, &parts.headers),
            path: parts.uri.path().to_owned(),
            method: parts.method,
            headers: parts.headers,
            query_text,
            query,
            target,
        };
        asked.operation.clone_into(&mut record.operation);
        record.bucket.clone_from(&asked.target.bucket);
        record.key.clone_from(&asked.target.key);

        *fault = strike(&self.world, record).await;
        refuse_by_fault(fault.as_ref())?;

        let verified = self.authenticate(link, &asked)?;
        older::ignore(&lock(&self.world.unknown_checksums), &mut asked.headers);
        record.caller = Some(verified.caller.arn.clone());
        let (bucket, config) = self.bucket(link, &asked, &verified.caller)?;
        let charged = payer::pays(&verified.caller, &config);
        let mut plan = plan(asked.operation, &asked.headers, &verified)?;
        match fault {
            Some(Answer::ResetInBody(at)) => plan.reset_at = Some(*at),
            Some(Answer::StallInBody(at)) => plan.stall_at = Some(*at),
            Some(Answer::ResetAfterBody) => {
                swallow(shared).await;
                return Err(AwsError::cut());
            }
            _ => {}
        }
        let cx = Arc::new(self.cx(link, &asked, verified.caller, bucket, config, shared));
        let mut response = self.call(&asked, plan, &cx).await?;
        if charged {
            payer::tell(response.headers_mut());
        }
        Ok(response)
    }

    /// Who asks. Anonymous requests get nowhere: buckets block public access.
    fn authenticate(&self, link: &Link, asked: &Asked) -> Result<Verified, AwsError> {
        if asked
            .query
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("X-Amz-Signature") || name == "Signature")
        {
            return Err(AwsError::new(
                501,
                "NotImplemented",
                "The sandbox does not serve presigned URLs.",
            ));
        }
        if !asked.headers.contains_key(header::AUTHORIZATION) {
            self.existing(asked)?;
            return Err(refusal::auth(AuthError::Missing, &link.region));
        }
        verify(
            &self.world,
            Signed {
                method: asked.method.as_str(),
                path: &asked.path,
                query: &asked.query_text,
                headers: &asked.headers,
                payload_hash: payload_hash(&asked.headers)?,
                service: "s3",
                region: &link.region,
                skew: time::Duration::minutes(15),
            },
        )
        .map_err(|error| {
            let mut refused = refusal::auth(error, &link.region);
            // `HeadBucket` tells the bucket's region even when it refuses.
            if asked.operation == "HeadBucket"
                && let Ok(bucket) = self.existing(asked)
            {
                let region = read(&bucket.config).region.clone();
                refused = refused.header("x-amz-bucket-region", region);
            }
            refused
        })
    }

    fn existing(&self, asked: &Asked) -> Result<Arc<Bucket>, AwsError> {
        let name = asked
            .target
            .bucket
            .as_deref()
            .ok_or_else(refusal::access_denied)?;
        self.world
            .bucket(name)
            .ok_or_else(|| refusal::no_such_bucket(name))
    }

    /// The bucket, if it is here and belongs to whom the client expects.
    fn bucket(
        &self,
        link: &Link,
        asked: &Asked,
        caller: &Caller,
    ) -> Result<(Arc<Bucket>, BucketConfig), AwsError> {
        let bucket = self.existing(asked)?;
        let config = read(&bucket.config).clone();
        if config.region != link.region {
            return Err(refusal::wrong_region(&bucket.name, &config.region));
        }
        check_owner(&asked.headers, "x-amz-expected-bucket-owner", &config)?;
        payer::check(&asked.headers, caller, &config).map_err(|refused| {
            if asked.operation == "HeadBucket" {
                refused.header("x-amz-bucket-region", config.region.clone())
            } else {
                refused
            }
        })?;
        Ok((bucket, config))
    }

    fn cx(
        &self,
        link: &Link,
        asked: &Asked,
        caller: Caller,
        bucket: Arc<Bucket>,
        config: BucketConfig,
        shared: &Arc<Shared>,
    ) -> Cx {
        let user_agent = asked
            .headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok());
        let mut context = self.world.request_context(link, user_agent);
        context.extend(&caller.context);
        add_keys(
            &mut context,
            asked.operation,
            &asked.headers,
            &asked.query,
            &config,
            link.secure,
        );
        Cx {
            world: Arc::clone(&self.world),
            operation: asked.operation,
            headers: asked.headers.clone(),
            query: asked.query.clone(),
            bucket,
            config,
            key: asked.target.key.clone(),
            caller,
            context,
            shared: Arc::clone(shared),
            failure: Mutex::new(None),
            now: whole_second(self.world.now()),
        }
    }

    /// Hands the request to s3s: as a plain one, for all that concerns
    /// signatures and framing is done by then.
    async fn call(
        &self,
        asked: &Asked,
        plan: Plan,
        cx: &Arc<Cx>,
    ) -> Result<Response<Reply>, AwsError> {
        let mut uri = asked.target.path.clone();
        if !asked.query_text.is_empty() {
            uri.push('?');
            uri.push_str(&asked.query_text);
        }
        let wire = lock(&cx.shared.rest).take().ok_or_else(refusal::internal)?;
        let headers = plain_headers(&asked.headers, plan.length);
        let intake = Intake::new(wire, plan, Arc::clone(&cx.shared));
        let mut request = Request::builder()
            .method(asked.method.clone())
            .uri(uri)
            .body(s3s::Body::http_body_unsync(intake))
            .map_err(|_| AwsError::new(400, "InvalidURI", "Couldn't parse the specified URI."))?;
        *request.headers_mut() = headers;
        request.extensions_mut().insert(Arc::clone(cx));

        let response = self
            .service
            .call(request)
            .await
            .map_err(|_| refusal::internal())?;
        let broken_body = lock(&cx.shared.failure).take();
        let refused = lock(&cx.failure).take();
        if let Some(error) = broken_body.or(refused) {
            return Err(error);
        }
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            return Err(answer::from_s3s(status, response.into_body()).await);
        }
        Ok(response.map(http_body_util::BodyExt::boxed_unsync))
    }
}

/// S3 keeps times to the second.
fn whole_second(now: time::OffsetDateTime) -> std::time::SystemTime {
    now.replace_nanosecond(0).unwrap_or(now).into()
}

/// "If the account ID that you provide does not match the actual owner of the
/// bucket, the request fails with the HTTP status code 403 Forbidden."
pub(crate) fn check_owner(
    headers: &HeaderMap,
    name: &str,
    config: &BucketConfig,
) -> Result<(), AwsError> {
    let Some(expected) = headers.get(name).and_then(|value| value.to_str().ok()) else {
        return Ok(());
    };
    if expected.len() != 12 || !expected.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AwsError::new(
            400,
            "InvalidBucketOwnerAWSAccountID",
            "The value of the expected bucket owner parameter must be an AWS Account ID",
        ));
    }
    if expected == config.owner {
        Ok(())
    } else {
        Err(refusal::access_denied())
    }
}

/// The headers without what concerns signature, framing, and connection, and
/// without those that our operations read themselves: s3s refuses values
/// there that S3 takes or ignores.
fn plain_headers(headers: &HeaderMap, length: Option<u64>) -> HeaderMap {
    let mut plain = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if matches!(
            name.as_str(),
            "authorization"
                | "content-encoding"
                | "content-length"
                | "content-md5"
                | "expect"
                | "expires"
                | "if-match"
                | "if-modified-since"
                | "if-none-match"
                | "if-unmodified-since"
                | "range"
                | "transfer-encoding"
                | "x-amz-content-sha256"
                | "x-amz-date"
                | "x-amz-decoded-content-length"
                | "x-amz-object-lock-legal-hold"
                | "x-amz-object-lock-mode"
                | "x-amz-object-lock-retain-until-date"
                | "x-amz-security-token"
                | "x-amz-trailer"
        ) {
            continue;
        }
        plain.append(name.clone(), value.clone());
    }
    if let Some(length) = length {
        plain.insert(header::CONTENT_LENGTH, length.into());
    }
    plain
}
