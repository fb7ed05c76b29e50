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
use std::time::Duration;

use aws_smithy_http_client::Connector;

use self::clock::Skew;
use self::line::{Answer, exchange};
use self::refusal::refusal;
use self::request::{Draft, Form, checksum_header};
use self::retry::Budget;
use self::sign::Signer;
use super::checksum::Checksum;
use super::content::Content;
use crate::aws::{Aws, AwsError, Cause, Retries, Site, limit, whole_story};
use crate::identity::Renewing;
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
}

/// What a server says of what it has taken.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) etag: Option<String>,
    /// The checksum that it repeats, and so has verified.
    pub(super) checksum: Option<String>,
}

impl Wire {
    /// Makes no connection yet.
    #[must_use]
    pub fn new(
        aws: &Aws,
        site: Site,
        owner: Option<String>,
        credentials: &Arc<Renewing>,
        retries: &Retries,
        max_attempts: u32,
    ) -> Self {
        Self {
            aws: aws.clone(),
            signer: Signer::new(&site.region, &site.service),
            line: aws.connector(),
            form: Form { site, owner },
            credentials: Arc::clone(credentials),
            skew: Skew::default(),
            budget: Budget::default(),
            retries: retries.clone(),
            max_attempts,
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
        self.send(&draft, content).await
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
        self.send(&draft, content).await
    }

    /// Sends a request until it is taken or there is no more sense in it.
    async fn send(&self, draft: &Draft<'_>, content: &Content) -> Result<Taken, AwsError> {
        let mut attempt = 1;
        loop {
            let failed = match self.attempt(draft, content).await {
                Ok(taken) => {
                    self.budget.earn();
                    return Ok(taken);
                }
                Err(failed) => failed,
            };
            if !failed.passes || attempt >= self.max_attempts || !self.budget.spend() {
                return Err(failed.error);
            }
            let reason = failed.error.to_string();
            tracing::debug!("attempt {attempt} failed: {}", printable(&reason));
            tokio::time::sleep(retry::pause(attempt, failed.asked)).await;
            self.retries.note();
            attempt += 1;
        }
    }

    async fn attempt(&self, draft: &Draft<'_>, content: &Content) -> Result<Taken, Failed> {
        let unsent = |message: String| AwsError::of_ours(Cause::Unsent, message);
        let credentials = self.credentials.fresh().await.map_err(|refusal| AwsError {
            identity: Some(refusal.clone()),
            ..unsent(refusal.what.clone())
        })?;
        let at = self.skew.apply(self.aws.now());
        let request = draft.sign(&self.signer, &credentials, at, content.body());
        let request = request.map_err(|error| unsent(whole_story(&*error)))?;
        let limit = limit(content.size());
        let answer = tokio::time::timeout(limit, exchange(&self.line, request)).await;
        let answer = answer.unwrap_or_else(|_| {
            let message = format!("no answer came within {} seconds", limit.as_secs());
            Err(AwsError::of_ours(Cause::TimedOut, message))
        })?;
        let Some(error) = refusal(&answer) else {
            return Ok(taken(&answer, draft.checksum));
        };
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
    }
}
