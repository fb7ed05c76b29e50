//! The two requests that carry bytes, without the SDK: it spends more on each
//! of them than everything else together.
//!
//! Owns: how `PutObject` and `UploadPart` are written, signed, sent, and tried
//! again. Never: what is sent, or what a refusal means for the run.

mod clock;
mod line;
mod refusal;
mod request;
mod retry;
mod sign;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_smithy_http_client::Connector;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use self::clock::Skew;
use self::line::{Answer, exchange};
use self::refusal::refusal;
use self::request::{Draft, Form, checksum_header};
use self::retry::Budget;
use self::sign::Signer;
use super::checksum::{Algorithm, Checksum};
use super::content::Content;
use super::flow::{Flowing, Meter, Pace};
use super::gate::Gate;
use crate::aws::{Aws, AwsError, Cause, Retries, Site, Trouble, slowest, time_of, whole_story};
use crate::identity::Renewing;
use crate::settings::TransferSettings;
use crate::stop::Stop;
use crate::text::printable;

/// What all of these requests have in common.
#[derive(Debug)]
pub struct Wire {
    aws: Aws,
    form: Form,
    credentials: Arc<Renewing>,
    signer: Signer,
    line: Connector,
    skew: Skew,
    budget: Budget,
    retries: Retries,
    max_attempts: u32,
    stall: Duration,
    pace: Option<Arc<Pace>>,
    gate: Arc<Gate>,
    stop: Arc<Stop>,
}

/// What a server says of what it has taken.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) etag: Option<String>,
    /// The checksum that it repeats, and so has verified.
    pub(super) checksum: Option<String>,
    /// When it answered, by its own clock.
    pub(super) at: Option<i64>,
}

impl Wire {
    /// Makes no connection yet.
    #[must_use]
    pub fn new(
        aws: &Aws,
        site: Site,
        (owner, payer): (Option<String>, bool),
        credentials: &Arc<Renewing>,
        retries: &Retries,
        settings: &TransferSettings,
        stop: &Arc<Stop>,
    ) -> Self {
        Self {
            aws: aws.clone(),
            signer: Signer::new(&site.region, &site.service),
            line: aws.connector(),
            form: Form { site, owner, payer },
            credentials: Arc::clone(credentials),
            skew: Skew::default(),
            budget: Budget::default(),
            retries: retries.clone(),
            max_attempts: settings.max_attempts.get(),
            stall: settings.stall_timeout,
            pace: settings
                .max_bandwidth
                .map(|rate| Arc::new(Pace::new(rate.0))),
            gate: Arc::new(Gate::new(settings.concurrency)),
            stop: Arc::clone(stop),
        }
    }

    /// Puts an object. The names of `headers` have small letters.
    pub(super) async fn put_object(
        &self,
        key: &str,
        headers: &[(&str, &str)],
        content: &Content,
        checksum: &Checksum,
    ) -> Result<Taken, AwsError> {
        let draft = self.form.put_object(key, headers, content, checksum);
        self.send(key, &draft, content).await
    }

    /// Puts an object of docferry's own, and gives its entity tag. MD5 is what
    /// every server verifies.
    pub async fn put_bytes(
        &self,
        key: &str,
        headers: &[(&str, &str)],
        bytes: Bytes,
    ) -> Result<Option<String>, AwsError> {
        let checksum = Checksum::of(Algorithm::Md5, &bytes);
        let content = Content::Kept(bytes);
        let taken = self.put_object(key, headers, &content, &checksum).await?;
        Ok(taken.etag)
    }

    /// Uploads a part.
    pub(super) async fn upload_part(
        &self,
        key: &str,
        upload_id: &str,
        number: i32,
        content: &Content,
        checksum: &Checksum,
    ) -> Result<Taken, AwsError> {
        let form = &self.form;
        let draft = form.upload_part(key, upload_id, number, content, checksum);
        self.send(key, &draft, content).await
    }

    /// Sends a request until it is taken or there is no more sense in it.
    async fn send(
        &self,
        key: &str,
        draft: &Draft<'_>,
        content: &Content,
    ) -> Result<Taken, AwsError> {
        let (mut attempt, mut in_doubt) = (1, false);
        loop {
            let mut failed = match self.attempt(draft, content).await {
                Ok(taken) => {
                    self.budget.earn();
                    return Ok(taken);
                }
                Err(failed) => failed,
            };
            // What an earlier attempt may have done is not undone by a no.
            in_doubt |= failed.error.leaves_doubt();
            failed.error.in_doubt = in_doubt;
            let trouble = Trouble::of(&failed.error);
            let paid = !failed.passes || self.budget.spend();
            if !failed.passes || attempt >= self.attempts(trouble) || !paid {
                return Err(failed.error);
            }
            let reason = failed.error.to_string();
            crate::report::detail!("attempt {attempt} failed: {}", printable(&reason));
            let pause = tokio::time::sleep(retry::pause(attempt, failed.asked));
            if self.stop.or(pause).await.is_none() {
                // It was answered, and nothing is under way.
                return Err(failed.error);
            }
            self.retries.note_of(key, trouble);
            attempt += 1;
        }
    }

    /// A server that asks for less is asked more often: it will come to it.
    fn attempts(&self, trouble: Trouble) -> u32 {
        match trouble {
            Trouble::SlowDown => self.max_attempts.saturating_mul(3),
            Trouble::Server | Trouble::Connection | Trouble::TimeOut | Trouble::Credentials => {
                self.max_attempts
            }
        }
    }

    /// The gate that all requests of the run go through.
    pub(super) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Pays for trying something again that does not go over this wire.
    pub(super) fn may_try_again(&self) -> bool {
        self.budget.spend()
    }

    /// Something succeeded that did not go over this wire.
    pub(super) fn has_succeeded(&self) {
        self.budget.earn();
    }

    /// The time, by the clock that is signed with.
    pub(super) fn now(&self) -> SystemTime {
        self.aws.now()
    }

    /// Whether S3 failed so often that there is no more sense in trying.
    pub(super) fn gave_up(&self) -> bool {
        self.budget.is_broken()
    }

    async fn attempt(&self, draft: &Draft<'_>, content: &Content) -> Result<Taken, Failed> {
        let unsent = |message: String| AwsError::of_ours(Cause::Unsent, message);
        let (body, meter, limit) = self.body(content).await;
        let credentials = self.credentials.fresh().await.map_err(|refusal| AwsError {
            identity: Some(refusal.clone()),
            ..unsent(refusal.what.clone())
        })?;
        let at = self.skew.apply(self.aws.now());
        let request = draft.sign(&self.signer, &credentials, at, body);
        let request = request.map_err(|error| unsent(whole_story(&*error)))?;
        let sent = self.gate.sent();
        let answer = tokio::select! {
            answer = exchange(&self.line, request) => answer,
            () = meter.stands_still(limit) => {
                let message = format!("nothing moved for {} seconds", limit.as_secs());
                Err(AwsError::of_ours(Cause::TimedOut, message))
            }
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                sent.refused();
                return Err(error.into());
            }
        };
        let Some(error) = refusal(&answer) else {
            sent.answered();
            return Ok(taken(&answer, draft.checksum));
        };
        if Trouble::of(&error) == Trouble::SlowDown {
            sent.refused();
        }
        let expired = error.is(&["ExpiredToken"]);
        if expired {
            self.credentials.expire(credentials.access_key_id());
        }
        let skewed = self
            .skew
            .explains(&error, &answer.headers, at, self.aws.now());
        Err(Failed {
            passes: skewed || retry::passes(&error) || (expired && self.credentials.may_help()),
            asked: retry::asked(&answer.headers),
            error,
        })
    }
}

impl Wire {
    /// A body for one attempt, and how long it may stand still. The movement of
    /// one that is in memory cannot be seen, so it gets time by its size.
    async fn body(&self, content: &Content) -> (SdkBody, Meter, Duration) {
        if let Content::Kept(bytes) = content {
            if let Some(pace) = &self.pace {
                tokio::time::sleep_until(pace.reserve(bytes.len() as u64)).await;
            }
            let limit = self.stall + slowest(bytes.len() as u64);
            return (content.body(), Meter::new(), limit);
        }
        let meter = Meter::new();
        let body = Flowing::body(content.body(), &meter, self.pace.as_ref());
        // What the HTTP client has taken is not on the wire yet.
        (body, meter, self.stall + self.stall.min(slowest(BUFFERED)))
    }
}

/// So much of a body may be between us and the line.
const BUFFERED: u64 = 512 * 1024;

/// An attempt that came to nothing.
struct Failed {
    error: AwsError,
    /// Whether the next one may succeed.
    passes: bool,
    /// How long the server asks to be left alone.
    asked: Option<Duration>,
}

impl From<AwsError> for Failed {
    fn from(error: AwsError) -> Self {
        Self {
            passes: retry::passes(&error),
            asked: None,
            error,
        }
    }
}

fn taken(answer: &Answer, checksum: &Checksum) -> Taken {
    let header = |name: &str| answer.headers.get(name).map(str::to_owned);
    Taken {
        etag: header("etag"),
        checksum: header(checksum_header(checksum.algorithm)),
        at: time_of(answer.headers.get("date")),
    }
}
