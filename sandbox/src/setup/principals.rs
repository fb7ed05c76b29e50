//! Owns the handles of principals: users and roles.

use std::sync::Arc;
use std::time::Duration;

use crate::policy::Kind;
use crate::world::{World, write};

use super::{AccessKey, parse};

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
