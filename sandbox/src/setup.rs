//! Owns the handles with which a test sets up accounts. Each call takes effect
//! at once; a mistake panics with its reason.

#![allow(
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "each call takes effect by itself; the handle is given back for the next one"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "policies are written in place, as text or as json!"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, SystemTime};

use crate::clock::epoch;
use crate::identity::{Arn, Session};
use crate::oidc::{Provider, Token};
use crate::policy::{Document, Kind};
use crate::store::{self, BucketConfig, Encryption, Ownership};
use crate::world::{self, World, read, write};

fn parse(kind: Kind, policy: &impl ToString, whose: &str) -> Arc<Document> {
    let text = policy.to_string();
    Arc::new(
        Document::parse(kind, &text)
            .unwrap_or_else(|reason| panic!("policy of {whose}: {reason}\n{text}")),
    )
}

/// A long-term access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// `AKIA…`
    pub id: String,
    /// The secret.
    pub secret: String,
}

/// Temporary credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `ASIA…`
    pub id: String,
    /// The secret.
    pub secret: String,
    /// The session token.
    pub token: String,
    /// The moment of expiry, in seconds since the epoch.
    pub expires: i64,
    /// The session's ARN.
    pub arn: String,
}

impl Credentials {
    pub(crate) fn of(session: &Session) -> Self {
        Self {
            id: session.access_key_id.clone(),
            secret: session.secret.clone(),
            token: session.token.clone(),
            expires: session.expires(),
            arn: session.arn.clone(),
        }
    }
}

/// What a session from the hand is to be.
#[derive(Debug, Clone)]
pub struct SessionWish {
    pub(crate) name: String,
    pub(crate) duration: Duration,
    pub(crate) policy: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) source_identity: Option<String>,
}

impl Default for SessionWish {
    fn default() -> Self {
        Self::new("test")
    }
}

impl SessionWish {
    /// A session of one hour with this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            duration: Duration::from_hours(1),
            policy: None,
            tags: BTreeMap::new(),
            source_identity: None,
        }
    }

    /// Its life.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// Its session policy.
    #[must_use]
    pub fn policy(mut self, policy: impl ToString) -> Self {
        self.policy = Some(policy.to_string());
        self
    }

    /// A session tag.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Its source identity.
    #[must_use]
    pub fn source_identity(mut self, identity: &str) -> Self {
        self.source_identity = Some(identity.to_owned());
        self
    }
}

/// An IAM user.
#[derive(Debug, Clone)]
pub struct User {
    world: Arc<World>,
    arn: String,
}

impl User {
    pub(crate) fn new(world: Arc<World>, arn: &str) -> Self {
        Self {
            world,
            arn: arn.to_owned(),
        }
    }

    /// Attaches one more identity policy.
    pub fn policy(self, policy: impl ToString) -> Self {
        let document = parse(Kind::Identity, &policy, &self.arn);
        write(&self.world.directory)
            .user(&self.arn)
            .policies
            .push(document);
        self
    }

    /// Detaches all policies.
    pub fn without_policies(self) -> Self {
        write(&self.world.directory)
            .user(&self.arn)
            .policies
            .clear();
        self
    }

    /// Tags the user.
    pub fn tag(self, key: &str, value: &str) -> Self {
        write(&self.world.directory)
            .user(&self.arn)
            .tags
            .insert(key.to_owned(), value.to_owned());
        self
    }

    /// Makes an access key.
    #[must_use]
    pub fn access_key(&self) -> AccessKey {
        let (id, secret) = write(&self.world.directory).new_key(&self.arn);
        AccessKey { id, secret }
    }

    /// Deletes an access key.
    pub fn delete_key(&self, id: &str) {
        write(&self.world.directory).keys.remove(id);
    }

    /// The user's ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }
}

/// A role.
#[derive(Debug, Clone)]
pub struct Role {
    world: Arc<World>,
    arn: String,
}

impl Role {
    pub(crate) fn new(world: Arc<World>, arn: &str) -> Self {
        Self {
            world,
            arn: arn.to_owned(),
        }
    }

    /// Sets the trust policy.
    pub fn trust(self, policy: impl ToString) -> Self {
        let document = parse(Kind::Trust, &policy, &self.arn);
        write(&self.world.directory).role(&self.arn).trust = Some(document);
        self
    }

    /// Attaches one more identity policy.
    pub fn policy(self, policy: impl ToString) -> Self {
        let document = parse(Kind::Identity, &policy, &self.arn);
        write(&self.world.directory)
            .role(&self.arn)
            .policies
            .push(document);
        self
    }

    /// Detaches all policies.
    pub fn without_policies(self) -> Self {
        write(&self.world.directory)
            .role(&self.arn)
            .policies
            .clear();
        self
    }

    /// The longest session; one hour if not set, twelve at most.
    pub fn max_session(self, longest: Duration) -> Self {
        let hours = 3600..=43_200;
        assert!(
            hours.contains(&longest.as_secs()),
            "a role's maximum session is 1 to 12 hours"
        );
        write(&self.world.directory).role(&self.arn).max_session = longest;
        self
    }

    /// Tags the role.
    pub fn tag(self, key: &str, value: &str) -> Self {
        write(&self.world.directory)
            .role(&self.arn)
            .tags
            .insert(key.to_owned(), value.to_owned());
        self
    }

    /// Deletes the role; its sessions lose their permissions.
    pub fn delete(self) {
        write(&self.world.directory).roles.remove(&self.arn);
    }

    /// The role's ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }
}

/// A bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    world: Arc<World>,
    name: String,
    stored: Arc<store::Bucket>,
    public: bool,
}

impl Bucket {
    pub(crate) fn new(world: Arc<World>, name: &str, region: &str) -> Self {
        assert!(
            s3s::path::check_bucket_name(name),
            "{name:?} is no bucket name of S3"
        );
        let stored = Arc::clone(write(&world.buckets).entry(name.to_owned()).or_insert_with(
            || {
                Arc::new(store::Bucket {
                    name: name.to_owned(),
                    config: RwLock::new(BucketConfig {
                        owner: "222222222222".to_owned(),
                        region: region.to_owned(),
                        partition: partition_of(region).to_owned(),
                        policy: None,
                        ownership: Ownership::default(),
                        versioned: false,
                        encryption: Encryption::default(),
                        object_lock: false,
                    }),
                    state: Mutex::default(),
                })
            },
        ));
        Self {
            world,
            name: name.to_owned(),
            stored,
            public: false,
        }
    }

    fn config(self, change: impl FnOnce(&mut BucketConfig)) -> Self {
        change(&mut write(&self.stored.config));
        self
    }

    /// The account that owns the bucket.
    pub fn owner(self, account: &str) -> Self {
        self.config(|config| account.clone_into(&mut config.owner))
    }

    /// The region where the bucket is.
    pub fn region(self, region: &str) -> Self {
        self.config(|config| {
            region.clone_into(&mut config.region);
            partition_of(region).clone_into(&mut config.partition);
        })
    }

    /// Switches Block Public Access off, which otherwise refuses a policy that
    /// lets everybody in.
    pub fn allow_public_policy(mut self) -> Self {
        self.public = true;
        self
    }

    /// Sets the bucket policy.
    pub fn policy(self, policy: impl ToString) -> Self {
        let document = parse(Kind::Bucket, &policy, &self.name);
        assert!(
            self.public || !document.is_public(),
            "bucket {}: Block Public Access, on by default, refuses a policy that lets everybody in",
            self.name
        );
        self.config(|config| config.policy = Some(document))
    }

    /// Removes the bucket policy.
    pub fn without_policy(self) -> Self {
        self.config(|config| config.policy = None)
    }

    /// Object Ownership.
    pub fn ownership(self, ownership: Ownership) -> Self {
        self.config(|config| config.ownership = ownership)
    }

    /// Keeps versions.
    pub fn versioned(self, versioned: bool) -> Self {
        self.config(|config| config.versioned = versioned)
    }

    /// Default encryption.
    pub fn encryption(self, encryption: Encryption) -> Self {
        self.config(|config| config.encryption = encryption)
    }

    /// Object Lock.
    pub fn object_lock(self, on: bool) -> Self {
        self.config(|config| {
            config.object_lock = on;
            config.versioned |= on;
        })
    }

    /// Deletes the bucket with all that it holds.
    pub fn delete(self) {
        write(&self.world.buckets).remove(&self.name);
    }

    /// The bucket's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn partition_of(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// A customer managed KMS key.
#[derive(Debug, Clone)]
pub struct KmsKey {
    world: Arc<World>,
    arn: String,
}

impl KmsKey {
    pub(crate) fn new(world: Arc<World>, text: &str) -> Self {
        let arn = Arn::parse(text)
            .filter(|arn| arn.service == "kms" && arn.resource.starts_with("key/"))
            .unwrap_or_else(|| {
                panic!("{text:?} is no ARN like arn:aws:kms:eu-central-1:222222222222:key/id")
            });
        let default = format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow",
                "Principal": {{"AWS": "arn:{}:iam::{}:root"}}, "Action": "kms:*", "Resource": "*"}}]}}"#,
            arn.partition, arn.account
        );
        let policy = parse(Kind::Key, &default, text);
        write(&world.keys)
            .entry(text.to_owned())
            .or_insert(world::KmsKey {
                account: arn.account,
                region: arn.region,
                policy,
            });
        Self {
            world,
            arn: text.to_owned(),
        }
    }

    /// Sets the key policy.
    pub fn policy(self, policy: impl ToString) -> Self {
        let document = parse(Kind::Key, &policy, &self.arn);
        if let Some(key) = write(&self.world.keys).get_mut(&self.arn) {
            key.policy = document;
        }
        self
    }

    /// The key's ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }
}

/// An OIDC provider of an account.
#[derive(Debug, Clone)]
pub struct OidcProvider {
    world: Arc<World>,
    arn: String,
}

impl OidcProvider {
    pub(crate) fn new(world: Arc<World>, account: &str, issuer: &str, audiences: &[&str]) -> Self {
        let provider = Provider::new("aws", account, issuer, audiences);
        let arn = provider.arn.clone();
        write(&world.providers).insert(arn.clone(), provider);
        Self { world, arn }
    }

    /// The provider's ARN, for the `Federated` principal of a trust policy.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// A token that the provider signs, issued now and good for five minutes.
    #[must_use]
    pub fn token(&self) -> Token {
        let issuer = read(&self.world.providers)
            .get(&self.arn)
            .map(|provider| provider.issuer.clone())
            .unwrap_or_default();
        Token::new(&issuer, self.world.clock.now())
    }

    /// Lets the provider turn every token down (`IDPRejectedClaim`).
    #[must_use]
    pub fn rejects(self, rejects: bool) -> Self {
        if let Some(provider) = write(&self.world.providers).get_mut(&self.arn) {
            provider.rejects = rejects;
        }
        self
    }
}

impl Credentials {
    /// The moment of expiry.
    #[must_use]
    pub fn expiry(&self) -> SystemTime {
        let seconds = u64::try_from(self.expires).unwrap_or_default();
        debug_assert_eq!(
            epoch(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
            self.expires
        );
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }
}
