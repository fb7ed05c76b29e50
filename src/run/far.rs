//! The far side: who we are there, and what we speak to it with.

use std::sync::Arc;

use super::stopped;
use crate::aws::{Aws, AwsError, Retries};
use crate::error::{Error, Refusal};
use crate::identity::{Identity, Writer};
use crate::plan::Plan;
use crate::refused::{self, Asked, Circumstances};
use crate::remote::{Desk, Place, Unanswered};
use crate::settings::{ExpectedOwner, Mistake, Mistakes, Mode, Settings};
use crate::stop::Stop;
use crate::transfer::{Failure, Load, Root, Verdict, Wire};
use crate::types::{AccountId, Destination};

/// All that is needed to write there.
pub(super) struct Far<'a> {
    pub(super) settings: &'a Settings,
    pub(super) aws: &'a Aws,
    pub(super) identity: Identity,
    pub(super) owner: Option<AccountId>,
    pub(super) client: aws_sdk_s3::Client,
    pub(super) wire: Arc<Wire>,
    region: String,
    retries: Retries,
}

impl<'a> Far<'a> {
    /// Finds the bucket's address, and makes what asks and what writes.
    pub(super) async fn reach(
        settings: &'a Settings,
        aws: &'a Aws,
        identity: Identity,
        region: String,
        stop: &Arc<Stop>,
    ) -> Result<Self, Error> {
        let owner = owner(&settings.expected_owner, &identity.writer)?;
        let retries = Retries::default();
        let bucket = settings.destination.bucket.as_str();
        let site = stop.or(aws.site(bucket, settings.path_style)).await;
        let site = site.ok_or_else(|| stopped(stop))?.map_err(|reason| {
            let refusal = refused::without_address(&settings.destination, aws.region(), reason);
            Error::Destination(Box::new(refusal))
        })?;
        let payer = settings.objects.request_payer;
        let wire = Wire::new(
            aws,
            site,
            (owner.as_ref().map(ToString::to_string), payer),
            &identity.credentials,
            &retries,
            &settings.transfer,
            stop,
        );
        let client = aws.s3(
            &identity.credentials,
            settings.path_style,
            &settings.transfer,
            payer,
            &retries,
        );
        Ok(Self {
            settings,
            aws,
            identity,
            owner,
            client,
            wire: Arc::new(wire),
            region,
            retries,
        })
    }

    /// All that the transfer works with.
    pub(super) fn load(&self, root: &Arc<Root>, plan: &Arc<Plan>, records: bool) -> Load {
        Load {
            client: self.client.clone(),
            wire: Arc::clone(&self.wire),
            owner: self.owner.clone(),
            root: Arc::clone(root),
            plan: Arc::clone(plan),
            retries: self.retries.clone(),
            credentials: Arc::clone(&self.identity.credentials),
            records,
            holds_stages: self.settings.sync.mode != Mode::Copy,
        }
    }

    pub(super) fn place(&self) -> Place<'_> {
        Place {
            client: &self.client,
            destination: &self.settings.destination,
            owner: self.owner.as_ref(),
        }
    }

    pub(super) fn desk(&self) -> Desk<'_> {
        Desk {
            place: self.place(),
            wire: &self.wire,
            objects: &self.settings.objects,
        }
    }

    /// The end of a run to which S3 did not answer a question.
    pub(super) fn explain(&self, unanswered: &Unanswered) -> Error {
        self.explain_as(unanswered, Asked::of(unanswered.action))
    }

    /// The same, for the lock.
    pub(super) fn explain_lock(&self, unanswered: &Unanswered) -> Error {
        self.explain_as(unanswered, Asked::Lock(unanswered.action))
    }

    fn explain_as(&self, unanswered: &Unanswered, asked: Asked) -> Error {
        let failure = Failure::from(AwsError::clone(&unanswered.error));
        let at = self.circumstances(unanswered.url.clone(), asked);
        let refusal = Box::new(refused::explain(&failure, &at));
        match failure.verdict(false) {
            Verdict::Identity => Error::Identity(refusal),
            Verdict::Destination | Verdict::Object => Error::Destination(refusal),
        }
    }

    pub(super) fn explain_failure(&self, failure: &Failure, url: String) -> Refusal {
        refused::explain(failure, &self.circumstances(url, Asked::Put))
    }

    pub(super) fn explain_delete(&self, error: &AwsError, url: String) -> Refusal {
        let failure = Failure::from(error.clone());
        refused::explain(&failure, &self.circumstances(url, Asked::Delete))
    }

    fn circumstances(&self, url: String, asked: Asked) -> Circumstances<'_> {
        Circumstances {
            identity: &self.identity.writer,
            destination: &self.settings.destination,
            url,
            narrowed: self.settings.identity.session_policy.is_some(),
            owner: self.owner.as_ref(),
            said_owner: &self.settings.expected_owner,
            region: &self.region,
            objects: &self.settings.objects,
            asked,
        }
    }
}

/// The end of a run that was not alone.
pub(super) fn overtaken(destination: &Destination) -> Error {
    let what = format!("another run wrote to {destination} at the same time");
    let refusal = Refusal::new(what)
        .fact("resource", destination.to_string())
        .hint("what is there may be a mixture of both: run the job of the newer commit again")
        .hint(
            "let one job at a time write there: by DOCFERRY_LOCK=wait in all of them, by GitLab's \
             resource_group, or by GitHub's concurrency",
        );
    Error::Unfinished(Box::new(refusal))
}

fn owner(said: &ExpectedOwner, identity: &Writer) -> Result<Option<AccountId>, Error> {
    match said {
        ExpectedOwner::Unchecked => Ok(None),
        ExpectedOwner::Account(account) => Ok(Some(account.clone())),
        ExpectedOwner::Writer => match identity.account() {
            Some(account) => Ok(Some(account.clone())),
            None => {
                let reason = "is not set, and STS does not say which account the job is in";
                let mistake = Mistake::new("DOCFERRY_EXPECTED_BUCKET_OWNER", reason);
                let hint = "set it to the account that owns the bucket, or to `none`";
                Err(Mistakes::from(mistake.hint(hint)).into())
            }
        },
    }
}
