//! Making the SDK's clients.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::identity::IdentityCache;
use aws_config::imds;
use aws_config::meta::region::RegionProviderChain;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_s3::config::{
    AppName, RequestChecksumCalculation, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::Connector;
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::http::HttpConnectorSettings;
use aws_types::service_config::ServiceConfigKey;

use super::Retries;
use super::expiry::{Again, Watch};
use super::http::{CONNECT, Fetched, Network};
use super::payer::Payer;
use crate::host::{self, Kind};
use crate::identity::Renewing;
use crate::settings::{Mistakes, PathStyle, TransferSettings};

/// A request may be as slow as this before it counts as hung, in bytes a
/// second: many requests share one line.
const SLOWEST: u64 = 8 * 1024;
/// STS answers in well under a second.
const STS_ATTEMPT: Duration = Duration::from_secs(15);
/// The instance's metadata is a link-local hop away: what takes longer is not
/// there, or is behind a hop limit.
const METADATA: Duration = Duration::from_secs(1);

/// What every client has in common.
#[derive(Debug, Clone)]
pub struct Aws {
    pub(super) config: SdkConfig,
    network: Network,
    http: SharedHttpClient,
    pub(super) s3_endpoint: Option<String>,
    host: Kind,
}

impl Aws {
    /// Finds the job's own configuration as every AWS tool does. `get` reads a
    /// variable.
    pub async fn load<F: Fn(&str) -> Option<String>>(get: F, host: Kind) -> Result<Self, Mistakes> {
        let network = Network::new(&get)?;
        let http = network.client();
        let region = RegionProviderChain::first_try(
            aws_config::environment::EnvironmentVariableRegionProvider::new(),
        )
        .or_else(aws_config::profile::ProfileFileRegionProvider::new())
        .or_else(
            imds::region::ImdsRegionProvider::builder()
                .configure(&provider_config(&http))
                .imds_client(metadata_client(&http))
                .build(),
        );
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http.clone())
            .region(region)
            // Each client is given its own.
            .no_credentials()
            .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).build());
        if let Ok(name) = AppName::new("docferry") {
            loader = loader.app_name(name);
        }
        let config = loader.load().await;
        let s3_endpoint = s3_endpoint(&config);
        Ok(Self {
            config,
            network,
            http,
            s3_endpoint,
            host,
        })
    }

    /// The region, if any source named one.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref)
    }

    /// What the places of the job's own identity are asked with.
    pub(crate) fn provider_config(&self) -> ProviderConfig {
        provider_config(&self.http).with_region(self.config.region().cloned())
    }

    /// A client for the instance's metadata that knows soon when there is none.
    pub(crate) fn metadata_client(&self) -> imds::Client {
        metadata_client(&self.http)
    }

    /// The time, by the clock that the SDK signs with.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.config
            .time_source()
            .map_or_else(|| SystemTime::UNIX_EPOCH, |clock| clock.now())
    }

    /// Gets a small document that is not AWS's.
    pub(crate) async fn get(&self, url: &str, authorization: &str) -> Result<Fetched, String> {
        self.network.get(url, authorization).await
    }

    /// Connections for requests that are made without the SDK; their trust and
    /// their proxies are those of its own.
    pub(crate) fn connector(&self) -> Connector {
        let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT);
        self.network.connector(Some(settings.build()))
    }

    /// Keeps a secret out of the CI host's log, whoever prints it.
    pub(crate) fn mask(&self, secret: &str) {
        host::mask(self.host, secret);
    }

    /// An STS client; without credentials it can only use tokens.
    #[must_use]
    pub fn sts(&self, credentials: Option<&Arc<Renewing>>) -> aws_sdk_sts::Client {
        let mut builder = aws_sdk_sts::config::Builder::from(&self.config)
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT)
                    .operation_attempt_timeout(STS_ATTEMPT)
                    .build(),
            );
        if let Some(credentials) = credentials {
            builder = builder
                .credentials_provider(credentials.provider())
                .interceptor(Watch(Arc::clone(credentials)))
                .retry_classifier(Again(Arc::clone(credentials)))
                .identity_cache(IdentityCache::no_cache());
        }
        aws_sdk_sts::Client::from_conf(builder.build())
    }

    /// An S3 client for a run.
    #[must_use]
    pub fn s3(
        &self,
        credentials: &Arc<Renewing>,
        path_style: PathStyle,
        transfer: &TransferSettings,
        request_payer: bool,
        retries: &Retries,
    ) -> aws_sdk_s3::Client {
        let builder = aws_sdk_s3::config::Builder::from(&self.config)
            .credentials_provider(credentials.provider())
            // The credentials cache and renew themselves.
            .identity_cache(IdentityCache::no_cache())
            .interceptor(Watch(Arc::clone(credentials)))
            .retry_classifier(Again(Arc::clone(credentials)))
            .force_path_style(self.wants_path_style(path_style))
            .timeout_config(patience())
            // Where many requests share a slow line, each of them stalls now
            // and then; what hangs for good runs into the time-out.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .retry_config(retry_config(transfer.max_attempts))
            .retry_partition(retry_budget())
            // docferry computes each checksum itself, while it reads.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .interceptor(retries.clone());
        let builder = match request_payer {
            true => builder.interceptor(Payer),
            false => builder,
        };
        aws_sdk_s3::Client::from_conf(builder.build())
    }

    pub(super) fn wants_path_style(&self, path_style: PathStyle) -> bool {
        match path_style {
            PathStyle::Always => true,
            PathStyle::Never => false,
            PathStyle::Auto => self.s3_endpoint.as_deref().is_some_and(is_foreign),
        }
    }
}

/// How long a body of this size may take on the slowest of lines.
pub(crate) const fn slowest(size: u64) -> Duration {
    Duration::from_secs(size / SLOWEST)
}

/// How long an attempt of the SDK's may take, whose bodies are small.
fn patience() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(Duration::from_mins(1) + slowest(1024 * 1024))
        .build()
}

/// Whether an endpoint is not AWS's. Such servers seldom have a DNS name for
/// each bucket.
fn is_foreign(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    ![".amazonaws.com", ".amazonaws.com.cn", ".api.aws"]
        .iter()
        .any(|aws| host.ends_with(aws))
}

fn retry_config(max_attempts: NonZeroU32) -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(max_attempts.get())
        .with_initial_backoff(Duration::from_millis(250))
        .with_max_backoff(Duration::from_secs(20))
}

/// How many failures the whole run may meet before it stops to try again: the
/// SDK's own budget is made for a service's few requests, and would be spent
/// by 1% of errors in a tree of 10,000 files.
fn retry_budget() -> RetryPartition {
    let bucket = TokenBucket::builder()
        .capacity(2_000)
        .retry_cost(1)
        .throttling_retry_cost(1)
        .timeout_retry_cost(1)
        .success_reward(0.5)
        .build();
    RetryPartition::custom("docferry")
        .token_bucket(bucket)
        .build()
}

/// The endpoint that the S3 client will use by the variables or the profile, if
/// any ("Service-specific endpoints", AWS SDKs and Tools Reference Guide).
fn s3_endpoint(config: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id("S3")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let own = config
        .service_config()
        .and_then(|found| found.load_config(key));
    own.or_else(|| config.endpoint_url().map(str::to_owned))
}

fn provider_config(http: &SharedHttpClient) -> ProviderConfig {
    ProviderConfig::without_region().with_http_client(http.clone())
}

fn metadata_client(http: &SharedHttpClient) -> imds::Client {
    imds::Client::builder()
        .configure(&provider_config(http))
        .max_attempts(2)
        .connect_timeout(METADATA)
        .read_timeout(METADATA)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_of_awss_is_told_from_others() {
        for (url, foreign) in [
            ("https://s3.eu-central-1.amazonaws.com", false),
            (
                "https://bucket.vpce-1a-2b.s3.us-east-1.vpce.amazonaws.com/",
                false,
            ),
            ("https://s3.cn-north-1.amazonaws.com.cn", false),
            ("http://127.0.0.1:9000", true),
            ("http://localhost:9000/", true),
            ("https://minio.example.org", true),
            ("https://amazonaws.com.example.org", true),
        ] {
            assert_eq!(is_foreign(url), foreign, "{url}");
        }
    }
}
