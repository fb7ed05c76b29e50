//! Owns the handles of resources: buckets, KMS keys, OIDC providers.

use std::sync::{Arc, Mutex, RwLock};

use crate::identity::Arn;
use crate::oidc::{Provider, Token};
use crate::policy::Kind;
use crate::store::{self, BucketConfig, Encryption, Ownership};
use crate::world::{self, World, read, write};

use super::parse;

/// A bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    pub(super) world: Arc<World>,
    name: String,
    pub(super) stored: Arc<store::Bucket>,
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
                        requester_pays: false,
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
        let arn = self.stored.arn(&read(&self.stored.config).partition);
        if let Some(text) = document.foreign_resource(&arn) {
            panic!("bucket {}: Policy has invalid resource: {text}", self.name);
        }
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

    /// Requester Pays: whoever asks from another account has to say with
    /// `x-amz-request-payer: requester` that they know.
    pub fn requester_pays(self) -> Self {
        self.config(|config| config.requester_pays = true)
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

    /// Gives the key an alias in its account and region: `alias/docs`.
    pub fn alias(self, name: &str) -> Self {
        assert!(
            name.starts_with("alias/") && !name.starts_with("alias/aws/"),
            "{name:?} is no alias of a customer managed key"
        );
        let arn = self.arn.split(":key/").next().unwrap_or_default();
        write(&self.world.aliases).insert(format!("{arn}:{name}"), self.arn.clone());
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
        Token::new(&issuer, self.world.clock.now(), self.world.secrets.clone())
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
