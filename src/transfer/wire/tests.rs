//! Our requests are the SDK's own, word for word.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::endpoint::Params;
use aws_sdk_s3::config::{BehaviorVersion, Config, Region, RequestChecksumCalculation};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::date_time::Format;

use super::request::{Form, checksum_header};
use super::sign::{Signable, Signer};
use crate::aws::Site;
use crate::transfer::buffers::Buffers;
use crate::transfer::checksum::{Algorithm, Checksum};
use crate::transfer::content::Content;

const KEYS: [&str; 8] = [
    "index.html",
    "a b/c+d/e%20f/g~h.txt",
    "it's (1)/[2]/{3}!*,;=:@&$",
    "größe/日本語/🚢.html",
    "a\"<>\\^`|#?b",
    "double//slash/",
    "\u{7f}\u{1}tab\there",
    "-._~0AZaz",
];

/// Keeps the requests that would have been sent.
#[derive(Debug, Clone, Default)]
struct Tap(Arc<Mutex<Vec<HttpRequest>>>);

impl HttpConnector for Tap {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.0.lock().unwrap().push(request);
        let status = 200.try_into().unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::empty())))
    }
}

/// A place, and how it is spoken to.
#[derive(Debug, Clone, Copy)]
struct Place {
    endpoint: Option<&'static str>,
    path_style: bool,
    token: bool,
    owner: Option<&'static str>,
    algorithm: Algorithm,
}

const fn place(endpoint: Option<&'static str>, path_style: bool) -> Place {
    Place {
        endpoint,
        path_style,
        token: true,
        owner: Some("111122223333"),
        algorithm: Algorithm::Crc64Nvme,
    }
}

const PLACES: [Place; 7] = [
    place(None, false),
    place(None, true),
    place(Some("http://127.0.0.1:9000"), true),
    place(Some("http://minio.example.org"), false),
    place(Some("https://minio.example.org:443/store"), true),
    Place {
        token: false,
        algorithm: Algorithm::Crc32C,
        ..place(None, false)
    },
    Place {
        owner: None,
        algorithm: Algorithm::Md5,
        ..place(Some("http://[::1]:9000"), true)
    },
];

impl Place {
    fn credentials(&self) -> Credentials {
        let token = self.token.then(|| "to/ken+with=signs".to_owned());
        Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", token, None, "test")
    }

    fn is_secure(&self) -> bool {
        !self.endpoint.is_some_and(|url| url.starts_with("http:"))
    }

    fn client(&self) -> (Client, Tap) {
        let tap = Tap::default();
        let connector = SharedHttpConnector::new(tap.clone());
        let connect = move |_: &HttpConnectorSettings, _: &RuntimeComponents| connector.clone();
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(self.credentials())
            .http_client(http_client_fn(connect))
            .force_path_style(self.path_style)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        config.set_endpoint_url(self.endpoint.map(str::to_owned));
        (Client::from_conf(config.build()), tap)
    }

    async fn form(&self) -> Form {
        let params = Params::builder()
            .bucket("example-docs")
            .region("eu-central-1")
            .set_endpoint(self.endpoint.map(str::to_owned))
            .force_path_style(self.path_style);
        Form {
            site: Site::find(&params.build().unwrap()).await.unwrap(),
            owner: self.owner.map(str::to_owned),
            payer: false,
        }
    }
}

const HEADERS: [(&str, &str); 3] = [
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "max-age=60,  public"),
    ("x-amz-meta-a", "b"),
];

async fn put_by_sdk(place: &Place, key: &str, content: &Content, sum: &Checksum) -> HttpRequest {
    let (client, tap) = place.client();
    let request = client
        .put_object()
        .bucket("example-docs")
        .key(key)
        .set_expected_bucket_owner(place.owner.map(str::to_owned))
        .content_type(HEADERS[0].1)
        .cache_control(HEADERS[1].1)
        .metadata("a", "b")
        .set_checksum_crc64_nvme(sum.value_for(Algorithm::Crc64Nvme))
        .set_checksum_crc32_c(sum.value_for(Algorithm::Crc32C))
        .set_content_md5(sum.value_for(Algorithm::Md5))
        .body(ByteStream::new(content.body()))
        .customize();
    let request = match place.is_secure() {
        true => request.disable_payload_signing(),
        false => request,
    };
    drop(request.send().await);
    tap.0.lock().unwrap().remove(0)
}

async fn part_by_sdk(place: &Place, key: &str, content: &Content, sum: &Checksum) -> HttpRequest {
    let (client, tap) = place.client();
    let request = client
        .upload_part()
        .bucket("example-docs")
        .key(key)
        .upload_id("Vx+/=~ä")
        .part_number(17)
        .set_expected_bucket_owner(place.owner.map(str::to_owned))
        .set_checksum_crc64_nvme(sum.value_for(Algorithm::Crc64Nvme))
        .set_checksum_crc32_c(sum.value_for(Algorithm::Crc32C))
        .set_content_md5(sum.value_for(Algorithm::Md5))
        .body(ByteStream::new(content.body()))
        .customize();
    let request = match place.is_secure() {
        true => request.disable_payload_signing(),
        false => request,
    };
    drop(request.send().await);
    tap.0.lock().unwrap().remove(0)
}

/// A request without what is the SDK's alone.
fn essence(request: &HttpRequest) -> BTreeMap<String, String> {
    let url: http::Uri = request.uri().parse().unwrap();
    let authority = url.authority().unwrap().as_str();
    let mut query: Vec<_> = url.query().unwrap_or_default().split('&').collect();
    query.sort_unstable();
    let mut all = BTreeMap::from([
        (":method".to_owned(), request.method().to_owned()),
        (":authority".to_owned(), authority.to_owned()),
        (":scheme".to_owned(), url.scheme_str().unwrap().to_owned()),
        (":path".to_owned(), url.path().to_owned()),
        (":query".to_owned(), query.join("&")),
    ]);
    for (name, value) in request.headers() {
        let own = name.starts_with("amz-sdk-")
            || ["x-amz-user-agent", "user-agent", "authorization", "host"].contains(&name);
        if !own {
            all.insert(name.to_owned(), value.to_owned());
        }
    }
    all
}

fn at(request: &HttpRequest) -> DateTime {
    let date = request.headers().get("x-amz-date").unwrap();
    let (day, time) = date.split_once('T').unwrap();
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &day[..4],
        &day[4..6],
        &day[6..],
        &time[..2],
        &time[2..4],
        &time[4..6]
    );
    DateTime::from_str(&text, Format::DateTime).unwrap()
}

/// What our signer makes of a request of the SDK's.
fn signed_by_us(request: &HttpRequest, form: &Form, credentials: &Credentials) -> String {
    let authorization = request.headers().get("authorization").unwrap();
    let (_, names) = authorization.split_once("SignedHeaders=").unwrap();
    let names = names.split(',').next().unwrap();
    let headers: Vec<_> = names
        .split(';')
        .map(|name| match name {
            "host" => (name, form.site.host.as_str()),
            name => (name, request.headers().get(name).unwrap()),
        })
        .collect();
    let essence = essence(request);
    let it = Signable {
        method: request.method(),
        path: &essence[":path"],
        query: &essence[":query"],
        headers: &headers,
        payload: request.headers().get("x-amz-content-sha256").unwrap(),
    };
    let stamp = request.headers().get("x-amz-date").unwrap();
    Signer::new(&form.site.region, &form.site.service).sign(&it, credentials, stamp)
}

#[tokio::test]
async fn our_requests_say_what_the_sdks_say_and_are_signed_alike() {
    use std::io::Write;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&vec![7; 2 * 1024 * 1024]).unwrap();
    let (file, buffers) = (Arc::new(file), Buffers::default());
    let small = Content::read(&file, &buffers, 0, 1000).await.unwrap();
    let large = Content::read(&file, &buffers, 0, 2 * 1024 * 1024)
        .await
        .unwrap();
    let none = Content::read(&file, &buffers, 0, 0).await.unwrap();
    for (place, content) in PLACES
        .iter()
        .flat_map(|place| [(place, &small), (place, &large), (place, &none)])
    {
        let (form, credentials) = (place.form().await, place.credentials());
        let signer = Signer::new(&form.site.region, &form.site.service);
        let sum = content.checksum(place.algorithm).await.unwrap();
        for key in KEYS {
            let put = form.put_object(key, &HEADERS, content, &sum);
            let part = form.upload_part(key, "Vx+/=~ä", 17, content, &sum);
            for (draft, theirs) in [
                (put, put_by_sdk(place, key, content, &sum).await),
                (part, part_by_sdk(place, key, content, &sum).await),
            ] {
                let ours = draft.sign(&signer, &credentials, at(&theirs), content.body());
                let ours = ours.unwrap();
                assert_eq!(essence(&ours), essence(&theirs), "{place:?} {key}");
                let expected = theirs.headers().get("authorization").unwrap();
                assert_eq!(signed_by_us(&theirs, &form, &credentials), expected);
                assert!(
                    ours.headers()
                        .get(checksum_header(place.algorithm))
                        .is_some()
                );
            }
        }
    }
}

#[tokio::test]
async fn a_key_is_made_anew_for_each_day_and_each_identity() {
    let form = PLACES[0].form().await;
    let signer = Signer::new("eu-central-1", "s3");
    let content = Content::Kept(bytes::Bytes::new());
    let sum = Checksum::of(Algorithm::Md5, &[]);
    let draft = form.put_object("a", &[], &content, &sum);
    let other = Credentials::new("AKIDEXAMPLE", "another", None, None, "test");
    let sign = |signer: &Signer, credentials: &Credentials, at: DateTime| {
        let request = draft.sign(signer, credentials, at, content.body());
        let headers = request.unwrap();
        headers.headers().get("authorization").unwrap().to_owned()
    };
    let (now, day) = (DateTime::from(SystemTime::UNIX_EPOCH), 24 * 60 * 60);
    for (credentials, at) in [
        (&PLACES[0].credentials(), now),
        (&PLACES[0].credentials(), DateTime::from_secs(day)),
        (&other, DateTime::from_secs(day)),
        (&other, now),
    ] {
        let fresh = Signer::new("eu-central-1", "s3");
        assert_eq!(
            sign(&signer, credentials, at),
            sign(&fresh, credentials, at)
        );
    }
}
