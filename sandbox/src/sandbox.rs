//! Owns the sandbox's life: its thread, its listeners, and what a test can
//! ask of it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder as RuntimeBuilder, Handle};
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::endpoint::certificate_names;
use crate::fault::Fault;
use crate::gate::Gate;
use crate::identity::{Arn, KeyHolder, NewSession, Session};
use crate::journal::Requests;
use crate::policy::Document;
use crate::server::{Host, Tls, listen};
use crate::setup::{Bucket, Credentials, KmsKey, OidcProvider, Role, SessionWish, User};
use crate::store::{Algorithm, Object, Upload};
use crate::website::Website;
use crate::world::{World, lock, read, write};

/// How a sandbox is to be.
#[derive(Debug, Clone)]
pub struct Builder {
    tls: bool,
    region: String,
    memory_below: u64,
}

impl Builder {
    /// Serves https with a certificate of a private CA; see [`Sandbox::ca_file`].
    /// It is good for loopback and for AWS's own host names, which a proxy can
    /// lead here.
    #[must_use]
    pub fn tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// The region that [`Sandbox::endpoint`] stands for, and where buckets are
    /// unless they say otherwise; `us-east-1` if not set.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    /// Bodies of this many bytes or more go to a temporary file; 16 KiB if not
    /// set.
    #[must_use]
    pub fn disk_above(mut self, bytes: u64) -> Self {
        self.memory_below = bytes;
        self
    }

    /// Starts the sandbox.
    #[must_use]
    pub fn start(self) -> Sandbox {
        Sandbox::with(&self)
    }
}

/// A running sandbox; it ends when it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    world: Arc<World>,
    handle: Handle,
    tls: Option<Tls>,
    region: String,
    endpoints: Mutex<HashMap<String, SocketAddr>>,
    files: tempfile::TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts a sandbox on plain http in `us-east-1`.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A builder, for other ways to start.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            tls: false,
            region: "us-east-1".to_owned(),
            memory_below: 16 * 1024,
        }
    }

    fn with(builder: &Builder) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("aws-sandbox".to_owned())
            .spawn(move || {
                let runtime = RuntimeBuilder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime can be built");
                tell.send(runtime.handle().clone())
                    .expect("the starter waits for this");
                // The sender's end, dropped or used, is the sandbox's end.
                let _ended = runtime.block_on(stopped);
            })
            .expect("a thread can be started");
        let sandbox = Self {
            world: Arc::new(World::new(builder.memory_below)),
            handle: told.recv().expect("the thread tells its runtime"),
            tls: builder
                .tls
                .then(|| Tls::new(certificate_names(&builder.region))),
            region: builder.region.clone(),
            endpoints: Mutex::default(),
            files: tempfile::tempdir().expect("a temporary directory can be made"),
            stop: Some(stop),
            thread: Some(thread),
        };
        if let Some(tls) = &sandbox.tls {
            std::fs::write(sandbox.files.path().join("ca.pem"), &tls.ca_pem)
                .expect("the CA's certificate can be written");
        }
        let _bound = sandbox.endpoint();
        sandbox
    }

    /// Does something on the sandbox's thread and waits for what it gives.
    pub(crate) fn on_thread<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let (tell, told) = std::sync::mpsc::channel();
        drop(self.handle.spawn(async move {
            // Nobody waits any more if the starter panicked.
            let _ignored = tell.send(work.await);
        }));
        told.recv().expect("the listener's port is free")
    }

    pub(crate) fn bind<H: Host>(&self, host: Arc<H>, tls: Option<Tls>) -> SocketAddr {
        self.on_thread(async move { listen(host, tls.as_ref(), 0).await })
    }

    pub(crate) fn world(&self) -> Arc<World> {
        Arc::clone(&self.world)
    }

    pub(crate) fn tls(&self) -> Option<Tls> {
        self.tls.clone()
    }

    /// The URL of S3 and STS: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.endpoint_in(&self.region)
    }

    /// The URL of another region's endpoint. Requests to it have to be signed
    /// for that region; buckets elsewhere are answered with a redirect.
    #[must_use]
    pub fn endpoint_in(&self, region: &str) -> String {
        let mut endpoints = lock(&self.endpoints);
        let address = *endpoints.entry(region.to_owned()).or_insert_with(|| {
            let gate = Gate::new(Arc::clone(&self.world), region, self.tls.is_some());
            self.bind(Arc::new(gate), self.tls.clone())
        });
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }

    /// The sandbox's default region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The port of [`Sandbox::endpoint`], for `http://BUCKET.localhost:PORT`.
    #[must_use]
    pub fn port(&self) -> u16 {
        let _bound = self.endpoint();
        lock(&self.endpoints)[&self.region].port()
    }

    /// The PEM file of the private CA behind the https listeners.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        assert!(self.tls.is_some(), "only a sandbox with tls has a CA");
        self.files.path().join("ca.pem")
    }

    /// A directory that ends with the sandbox, for a test's own files.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.files.path()
    }

    /// The IAM user with this ARN; made if it is not there yet.
    pub fn user(&self, arn: &str) -> User {
        let _made = write(&self.world.directory).user(arn);
        User::new(Arc::clone(&self.world), arn)
    }

    /// The role with this ARN; made if it is not there yet. Without a trust
    /// policy nobody can assume it.
    pub fn role(&self, arn: &str) -> Role {
        let _made = write(&self.world.directory).role(arn);
        Role::new(Arc::clone(&self.world), arn)
    }

    /// The bucket of this name; made if it is not there yet, owned by account
    /// `222222222222`.
    pub fn bucket(&self, name: &str) -> Bucket {
        Bucket::new(Arc::clone(&self.world), name, &self.region)
    }

    /// The customer managed KMS key with this ARN; its policy at first lets in
    /// its own account.
    pub fn kms_key(&self, arn: &str) -> KmsKey {
        KmsKey::new(Arc::clone(&self.world), arn)
    }

    /// An OIDC provider in an account: `https://token.actions.githubusercontent.com`
    /// with the audiences that it accepts.
    #[must_use]
    pub fn oidc_provider(&self, account: &str, issuer: &str, audiences: &[&str]) -> OidcProvider {
        OidcProvider::new(Arc::clone(&self.world), account, issuer, audiences)
    }

    /// Temporary credentials straight from the hand, without any permission
    /// asked.
    #[must_use]
    pub fn issue_session(&self, role_arn: &str, wish: SessionWish) -> Credentials {
        let arn = Arn::iam(role_arn, "role");
        let mut directory = write(&self.world.directory);
        let id = directory.role(role_arn).id.clone();
        let session = Session::issue(
            &arn,
            &id,
            self.world.clock.now(),
            NewSession {
                name: wish.name,
                duration: wish.duration,
                policy: wish.policy.map(|text| {
                    Arc::new(
                        Document::parse(crate::policy::Kind::Session, &text)
                            .unwrap_or_else(|reason| panic!("session policy: {reason}\n{text}")),
                    )
                }),
                tags: wish.tags,
                source_identity: wish.source_identity,
                ..NewSession::default()
            },
        );
        Credentials::of(&directory.add_session(session))
    }

    /// Ends all temporary credentials that were issued so far, by now: whoever
    /// uses them gets `ExpiredToken`.
    pub fn expire_sessions(&self) {
        let now = self.world.clock.now();
        for holder in read(&self.world.directory).keys.values() {
            if let KeyHolder::Session(session) = holder {
                session.expire_at(now);
            }
        }
    }

    /// The sandbox's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.world.clock
    }

    /// The objects of a bucket, current versions only, by key.
    #[must_use]
    pub fn objects(&self, bucket: &str) -> Vec<Arc<Object>> {
        let bucket = self.existing(bucket);
        let state = lock(&bucket.state);
        state
            .objects
            .values()
            .filter_map(|versions| versions.last()?.object().cloned())
            .collect()
    }

    /// One object.
    #[must_use]
    pub fn object(&self, bucket: &str, key: &str) -> Option<Arc<Object>> {
        lock(&self.existing(bucket).state).current(key).cloned()
    }

    /// The keys of a bucket, in order.
    #[must_use]
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.objects(bucket)
            .iter()
            .map(|object| object.key.clone())
            .collect()
    }

    /// The multipart uploads of a bucket that are still open.
    #[must_use]
    pub fn uploads(&self, bucket: &str) -> Vec<Upload> {
        lock(&self.existing(bucket).state)
            .uploads
            .values()
            .cloned()
            .collect()
    }

    fn existing(&self, bucket: &str) -> Arc<crate::store::Bucket> {
        self.world
            .bucket(bucket)
            .unwrap_or_else(|| panic!("the sandbox has no bucket {bucket:?}"))
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.world.journal.snapshot()
    }

    /// Forgets the requests so far, and how many there were at once.
    pub fn forget_requests(&self) {
        self.world.journal.clear();
        self.world.load.forget();
    }

    /// The greatest number of S3 requests that were under way at once, each
    /// from its head to the moment when its answer was ready.
    #[must_use]
    pub fn max_in_flight(&self) -> usize {
        self.world.load.most()
    }

    /// Every secret that the sandbox has given out so far: secret access keys,
    /// session tokens, web identity tokens, and the tokens that the services
    /// beside a job ask for. None of them belongs into any output.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.world.secrets.all()
    }

    /// Adds a fault; earlier ones are looked at first.
    pub fn fault(&self, fault: Fault) {
        lock(&self.world.faults).add(fault);
    }

    /// Removes all faults, the latency, and the limits on rate and idleness.
    pub fn clear_faults(&self) {
        lock(&self.world.faults).clear();
        self.world.idle_limit.send_replace(None);
    }

    /// Lets every request wait this long first.
    pub fn latency(&self, latency: Duration) {
        lock(&self.world.faults).latency = Some(latency);
    }

    /// From now on S3 ignores checksums of this algorithm, as servers do that do
    /// not know it: `CRC64NVME`, `CRC32C`, …
    pub fn forget_checksum(&self, name: &str) {
        let algorithm = Algorithm::find(name)
            .unwrap_or_else(|| panic!("there is no checksum algorithm {name}"));
        lock(&self.world.unknown_checksums).push(algorithm);
    }

    /// Answers `SlowDown` to S3 requests above this rate, as S3 does for a
    /// prefix; all keys count as one. Up to one second's worth may come at once.
    pub fn slow_down_above(&self, requests_per_second: u32) {
        lock(&self.world.faults).slow_down_above(requests_per_second);
    }

    /// Closes connections to S3 and STS that were idle for this long, without
    /// notice, as proxies do; those that are open already, too.
    pub fn close_idle_connections_after(&self, idle: Duration) {
        self.world.idle_limit.send_replace(Some(idle));
    }

    /// Serves the objects below a prefix to a browser, read-only and without
    /// signatures, with `index.html` for directories. Gives the URL.
    #[must_use]
    pub fn website(&self, bucket: &str, prefix: &str) -> String {
        self.website_on(bucket, prefix, 0)
    }

    /// The same on a fixed port.
    #[must_use]
    pub fn website_on(&self, bucket: &str, prefix: &str, port: u16) -> String {
        let website = Website::new(self.existing(bucket), prefix);
        let address = self.on_thread(async move { listen(Arc::new(website), None, port).await });
        format!("http://{address}/")
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the sandbox's thread was printed already.
            let _ignored = thread.join();
        }
    }
}
