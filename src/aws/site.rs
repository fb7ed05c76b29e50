//! Where a bucket is, by the SDK's own rules.

use aws_sdk_s3::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_smithy_types::Document;
use aws_smithy_types::endpoint::{Endpoint, EndpointAuthScheme};
use http::Uri;
use http::uri::{Authority, Scheme};

use super::Aws;
use super::error::whole_story;
use crate::settings::PathStyle;

/// Where the requests of a run go, and what they are signed for.
#[derive(Debug, Clone)]
pub struct Site {
    /// The scheme and the authority alone, as a URL begins.
    pub(crate) origin: String,
    /// What the `host` header says.
    pub(crate) host: String,
    /// What comes before a key; it ends in `/`.
    pub(crate) base: String,
    /// The region that a signature is good for.
    pub(crate) region: String,
    /// The service that a signature is good for.
    pub(crate) service: String,
}

impl Aws {
    /// Asks the SDK where a bucket is, as it asks itself for each request: the
    /// answer is the same for all keys.
    pub async fn site(&self, bucket: &str, path_style: PathStyle) -> Result<Site, String> {
        let params = Params::builder()
            .bucket(bucket)
            .set_region(self.region().map(str::to_owned))
            .set_use_fips(self.config.use_fips())
            .set_use_dual_stack(self.config.use_dual_stack())
            .set_endpoint(self.s3_endpoint.clone())
            .force_path_style(self.wants_path_style(path_style))
            .build()
            .map_err(|error| whole_story(&error))?;
        Site::find(&params).await
    }
}

impl Site {
    pub(crate) async fn find(params: &Params) -> Result<Self, String> {
        let endpoint = DefaultResolver::new().resolve_endpoint(params).await;
        Self::from_endpoint(&endpoint.map_err(|error| whole_story(&*error))?)
    }

    /// Whether TLS protects what is sent there.
    pub(crate) fn is_secure(&self) -> bool {
        self.origin.starts_with("https:")
    }

    fn from_endpoint(endpoint: &Endpoint) -> Result<Self, String> {
        let unfit = |what: &str| format!("the endpoint {} {what}", endpoint.url());
        let uri: Uri = endpoint
            .url()
            .parse()
            .map_err(|error| unfit(&format!("is no URL: {error}")))?;
        let parts = uri.clone().into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(unfit("names no host"));
        };
        let mut base = uri.path().to_owned();
        if !base.ends_with('/') {
            base.push('/');
        }
        let (region, service) = signed_for(endpoint).ok_or_else(|| {
            unfit("wants to be spoken to with a signature that docferry does not write")
        })?;
        Ok(Self {
            origin: format!("{scheme}://{authority}"),
            host: host_of(&scheme, &authority),
            base,
            region,
            service,
        })
    }
}

/// The region and the service in the endpoint's own words.
fn signed_for(endpoint: &Endpoint) -> Option<(String, String)> {
    let text = |value: Option<&Document>| value.and_then(Document::as_string).map(str::to_owned);
    let both =
        |get: &dyn Fn(&str) -> Option<String>| Some((get("signingRegion")?, get("signingName")?));
    let typed = |scheme: &EndpointAuthScheme| both(&|name| text(scheme.get(name)));
    if let Some(scheme) = endpoint.auth_schemes().iter().find(|s| s.name() == "sigv4") {
        return typed(scheme);
    }
    let listed = endpoint.properties().get("authSchemes")?.as_array()?;
    let scheme = listed
        .iter()
        .filter_map(Document::as_object)
        .find(|scheme| text(scheme.get("name")).as_deref() == Some("sigv4"))?;
    both(&|name| text(scheme.get(name)))
}

/// A port goes without saying where it is the scheme's own.
fn host_of(scheme: &Scheme, authority: &Authority) -> String {
    let own = match *scheme == Scheme::HTTPS {
        true => 443,
        false => 80,
    };
    match authority.port_u16() {
        Some(port) if port != own => format!("{}:{port}", authority.host()),
        _ => authority.host().to_owned(),
    }
}
