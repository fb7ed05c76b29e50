//! Credentials that renew themselves, whatever they are made from.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use tokio::sync::Mutex;

use super::hop::Hop;
use crate::aws::{Aws, whole_story};
use crate::error::Refusal;

/// Credentials are renewed this long before their end, so that a request that
/// is signed now is still good when it arrives; short ones at three quarters of
/// their life, so that they are not renewed for each request.
const MARGIN: Duration = Duration::from_mins(5);
/// How long a renewal may take, and how long while the old credentials last.
const PATIENCE: Duration = Duration::from_mins(2);
const SPARE: Duration = Duration::from_secs(10);
/// How long to wait after a renewal that failed.
const RETRY: Duration = Duration::from_secs(10);

/// Where credentials come from.
#[derive(Debug)]
pub(super) enum Source {
    /// One of the places where a job has its own identity.
    Own(SharedCredentialsProvider),
    /// An `AssumeRole…` call.
    Hop(Box<Hop>),
}

/// Credentials and the time from which on they should be renewed.
#[derive(Debug)]
struct Held {
    credentials: Credentials,
    renew_at: SystemTime,
}

/// An answer that has to look through a whole chain.
type LastEnd<'a> = Pin<Box<dyn Future<Output = Option<SystemTime>> + Send + 'a>>;

/// Credentials that are fetched when they are needed and kept while they are
/// good.
pub struct Renewing {
    aws: Aws,
    source: Source,
    // One lock for reading and renewing: of many requests that find the
    // credentials old, the first renews them and the others wait for it.
    current: Mutex<Option<Held>>,
    // What servers say of the keys, whatever our clock says.
    complaints: StdMutex<Complaints>,
}

/// A server that calls one new key after the other expired cannot be helped.
#[derive(Debug, Default)]
struct Complaints {
    expired: Option<String>,
    count: u32,
    first: Option<SystemTime>,
}

/// So many keys may be called expired in so much time.
const MOST_COMPLAINTS: u32 = 3;
const COMPLAINTS_WITHIN: Duration = Duration::from_mins(5);

impl Renewing {
    /// Begins with the credentials that showed that the source has any.
    pub(super) fn new(aws: &Aws, source: Source, first: Credentials) -> Self {
        Self {
            aws: aws.clone(),
            source,
            current: Mutex::new(Some(Held::new(first, aws.now()))),
            complaints: StdMutex::default(),
        }
    }

    /// Notes that a server called this access key expired. Whoever asks next
    /// gets a new one; later complaints about the old one change nothing.
    pub fn expire(&self, access_key_id: &str) {
        let now = self.aws.now();
        let mut complaints = self.complaints();
        if complaints.expired.as_deref() == Some(access_key_id) {
            return;
        }
        let long_ago = |first: SystemTime| {
            now.duration_since(first)
                .is_ok_and(|age| age > COMPLAINTS_WITHIN)
        };
        if complaints.first.is_none_or(long_ago) {
            (complaints.first, complaints.count) = (Some(now), 0);
        }
        complaints.count += 1;
        complaints.expired = Some(access_key_id.to_owned());
    }

    /// Whether new credentials may help against what servers complain of.
    #[must_use]
    pub fn may_help(&self) -> bool {
        self.complaints().count < MOST_COMPLAINTS
    }

    fn complaints(&self) -> MutexGuard<'_, Complaints> {
        self.complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when the credentials last that are held now.
    pub async fn end(&self) -> Option<SystemTime> {
        let current = self.current.lock().await;
        current.as_ref().and_then(|held| held.credentials.expiry())
    }

    /// How long there will be credentials, if that is known.
    pub async fn time_left(&self) -> Option<Duration> {
        let end = self.last_end().await?;
        Some(end.duration_since(self.aws.now()).unwrap_or_default())
    }

    /// When there will be no credentials any more, if that is known: the last
    /// session that can be had will have ended. It is not known to be later
    /// than this.
    pub(super) fn last_end(&self) -> LastEnd<'_> {
        Box::pin(async {
            let last_renewal = match &self.source {
                Source::Own(_) => None,
                Source::Hop(hop) => hop.last_renewal().await,
            }?;
            let current = self.current.lock().await;
            let held = current.as_ref()?;
            let end = held.credentials.expiry()?;
            Some(match held.renew_at <= last_renewal {
                true => end.max(last_renewal),
                false => end,
            })
        })
    }

    pub(crate) async fn fresh(&self) -> Result<Credentials, Box<Refusal>> {
        let mut current = self.current.lock().await;
        let now = self.aws.now();
        let usable = |held: &&mut Held| !self.is_expired(&held.credentials);
        if let Some(held) = current.as_mut().filter(usable)
            && now < held.renew_at
        {
            return Ok(held.credentials.clone());
        }
        let lasts = current
            .as_mut()
            .filter(usable)
            .is_some_and(|held| held.lasts(now));
        match self
            .fetch_within(if lasts { SPARE } else { PATIENCE })
            .await
        {
            Ok(credentials) => {
                crate::report::detail!("new credentials from {:?}", self.source);
                let held = current.insert(Held::new(credentials, now));
                Ok(held.credentials.clone())
            }
            // A renewal may fail while the old session has still some life in
            // it; one of the next requests will try again.
            Err(refusal) => match current.as_mut().filter(usable).filter(|h| h.lasts(now)) {
                Some(held) => {
                    tracing::warn!("the credentials are not renewed yet: {}", refusal.what);
                    held.renew_at = self.aws.now() + RETRY;
                    Ok(held.credentials.clone())
                }
                None => Err(refusal),
            },
        }
    }

    fn is_expired(&self, credentials: &Credentials) -> bool {
        self.complaints().expired.as_deref() == Some(credentials.access_key_id())
    }

    async fn fetch_within(&self, limit: Duration) -> Result<Credentials, Box<Refusal>> {
        match tokio::time::timeout(limit, self.fetch()).await {
            Ok(fetched) => fetched,
            Err(_) => {
                let what = format!("{:?} gave no credentials in {limit:?}", self.source);
                Err(Box::new(Refusal::new(what)))
            }
        }
    }

    async fn fetch(&self) -> Result<Credentials, Box<Refusal>> {
        match &self.source {
            Source::Own(provider) => provider.provide_credentials().await.map_err(|error| {
                let what = "the job's own AWS credentials could not be renewed";
                Box::new(Refusal::new(what).fact("reason", whole_story(&error)))
            }),
            Source::Hop(hop) => hop.take().await.map(|taken| taken.credentials),
        }
    }

    /// As the SDK wants it.
    #[must_use]
    pub fn provider(self: &Arc<Self>) -> SharedCredentialsProvider {
        let provider: Arc<dyn ProvideCredentials> = Arc::clone(self) as _;
        SharedCredentialsProvider::new(provider)
    }
}

impl Held {
    fn new(credentials: Credentials, now: SystemTime) -> Self {
        let forever = credentials.expiry().is_none();
        let life = credentials
            .expiry()
            .and_then(|expiry| expiry.duration_since(now).ok());
        // An end that is past already speaks of our clock, not of them.
        let life = life.unwrap_or(2 * MARGIN);
        let renew_at = match forever {
            true => now + Duration::from_hours(24 * 365),
            false => now + (life * 3 / 4).max(life.saturating_sub(MARGIN)),
        };
        Self {
            credentials,
            renew_at,
        }
    }

    fn lasts(&self, at: SystemTime) -> bool {
        self.credentials.expiry().is_none_or(|expiry| expiry > at)
    }
}

impl ProvideCredentials for Renewing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            let fresh = self.fresh().await;
            fresh.map_err(|refusal| CredentialsError::provider_error(*refusal))
        })
    }
}

/// Nothing of credentials is fit to be printed.
impl fmt::Debug for Renewing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Renewing({:?})", self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_renewed_before_their_end_but_not_for_each_request() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let hour = Duration::from_hours(1);
        for (expiry, renew) in [
            (now + hour, hour.checked_sub(MARGIN).unwrap()),
            (
                now + Duration::from_mins(15),
                Duration::from_secs(11 * 60 + 15),
            ),
            (now + Duration::from_secs(8), Duration::from_secs(6)),
            (now - hour, Duration::from_secs(450)),
        ] {
            let credentials = Credentials::new("id", "secret", None, Some(expiry), "test");
            assert_eq!(Held::new(credentials, now).renew_at, now + renew);
        }
    }
}
