//! HTTP: trust, proxies, time-outs, and the one request that is not AWS's.

use std::time::Duration;

use aws_sdk_s3::config::SharedHttpClient;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use crate::settings::{Mistake, Mistakes};

/// S3 closes idle connections after a while; a connection that is thrown away
/// first is one that never breaks under a request.
const IDLE: Duration = Duration::from_secs(15);
pub(super) const CONNECT: Duration = Duration::from_secs(5);

/// What all connections have in common.
#[derive(Debug, Clone)]
pub(super) struct Network {
    tls: TlsContext,
    proxy: ProxyConfig,
}

/// An answer that was read whole.
#[derive(Debug)]
pub struct Fetched {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Network {
    /// Reads the variables that every tool knows. The system's own CAs are
    /// always trusted (with `SSL_CERT_FILE` and `SSL_CERT_DIR`, as OpenSSL
    /// has them); `AWS_CA_BUNDLE` adds to them.
    pub(super) fn new(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, Mistakes> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let mut trust = TrustStore::default();
        if let Some(path) = get("AWS_CA_BUNDLE") {
            trust.add_pem_certificate(bundle(&path)?);
        }
        let tls = TlsContext::builder().with_trust_store(trust).build();
        let tls =
            tls.map_err(|error| Mistake::new("AWS_CA_BUNDLE", format!("is of no use: {error}")))?;
        let proxy = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
        let proxy = match proxy.iter().find_map(|name| Some((name, get(name)?))) {
            None => ProxyConfig::disabled(),
            // A proxy for https:// alone: the metadata of instances and
            // containers is http://, and must never be asked for through one.
            Some((name, url)) => ProxyConfig::https(with_scheme(&url))
                .map_err(|error| Mistake::new(*name, format!("is not a proxy's URL: {error}")))?
                .no_proxy(
                    get("NO_PROXY")
                        .or_else(|| get("no_proxy"))
                        .unwrap_or_default(),
                ),
        };
        Ok(Self { tls, proxy })
    }

    pub(super) fn client(&self) -> SharedHttpClient {
        let network = self.clone();
        Builder::new()
            .build_with_connector_fn(move |settings, _| network.connector(settings.cloned()))
    }

    pub(super) fn connector(&self, settings: Option<HttpConnectorSettings>) -> Connector {
        let mut builder = Connector::builder()
            .pool_idle_timeout(IDLE)
            .proxy_config(self.proxy.clone())
            .sleep_impl(TokioSleep::new());
        builder.set_connector_settings(settings);
        builder
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(self.tls.clone())
            .build()
    }

    /// Gets a small document, trying again where that may help.
    pub(super) async fn get(&self, url: &str, authorization: &str) -> Result<Fetched, String> {
        const ATTEMPTS: u32 = 4;
        let settings = HttpConnectorSettings::builder()
            .connect_timeout(CONNECT)
            .read_timeout(Duration::from_secs(10));
        let connector = self.connector(Some(settings.build()));
        let mut last = String::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(250) * 2_u32.pow(attempt)).await;
            }
            match get_once(&connector, url, authorization).await {
                Ok(fetched) if fetched.status < 500 && fetched.status != 429 => return Ok(fetched),
                Ok(fetched) => last = format!("HTTP status {}", fetched.status),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

async fn get_once(
    connector: &Connector,
    url: &str,
    authorization: &str,
) -> Result<Fetched, String> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_uri(url).map_err(|error| error.to_string())?;
    let headers = request.headers_mut();
    headers
        .try_insert("authorization", authorization.to_owned())
        .map_err(|_| "the request token is no header's value".to_owned())?;
    headers.insert("accept", "application/json");
    let answer = connector.call(request).await;
    let answer = answer.map_err(|error| super::error::whole_story(&error))?;
    let status = answer.status().as_u16();
    let body = ByteStream::new(answer.into_body()).collect().await;
    let body = body.map_err(|error| error.to_string())?.to_vec();
    Ok(Fetched { status, body })
}

fn bundle(path: &str) -> Result<Vec<u8>, Mistake> {
    let refused = |reason: String| {
        let mistake = Mistake::new("AWS_CA_BUNDLE", format!("= {path:?} {reason}"));
        mistake
            .hint("give a file of PEM certificates that is there inside the job's container, too")
    };
    let pem = std::fs::read(path).map_err(|error| refused(crate::walk::reason_of(&error)))?;
    let begin = b"-----BEGIN CERTIFICATE-----";
    if !pem.windows(begin.len()).any(|window| window == begin) {
        return Err(refused("holds no PEM certificate".to_owned()));
    }
    Ok(pem)
}

/// `proxy.example.org:3128` is how many write it.
fn with_scheme(url: &str) -> String {
    match url.contains("://") {
        true => url.to_owned(),
        false => format!("http://{url}"),
    }
}
