//! The way to the identity that writes, noted while it is gone: where it ends
//! early, it can still be told how far it led.

use std::cell::RefCell;

use super::{Caller, Claims, Tokens};
use crate::types::RoleArn;

/// One identity on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The AWS identity that the job has.
    Principal {
        /// What STS says.
        caller: Option<Caller>,
        /// Where its credentials were found.
        place: String,
    },
    /// An OIDC token.
    Token {
        /// Where it came from.
        name: &'static str,
        /// What it says of itself, which STS verifies.
        subject: String,
        /// Who issued it.
        issuer: String,
        /// Whom it is for.
        audience: String,
    },
    /// A role that was assumed.
    Role {
        /// The role.
        role: RoleArn,
        /// What STS says of the session.
        caller: Option<Caller>,
    },
}

impl Step {
    /// Who that is, in one word.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Principal {
                caller: Some(caller),
                ..
            } => caller.arn.clone(),
            Self::Principal { caller: None, .. } => "the job's own identity".to_owned(),
            Self::Token { subject, .. } => subject.clone(),
            Self::Role { role, .. } => role.to_string(),
        }
    }
}

/// The steps that were taken.
#[derive(Debug, Default)]
pub struct Way(RefCell<Vec<Step>>);

impl Way {
    /// So far.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.0.borrow().clone()
    }

    pub(super) fn principal(&self, caller: Option<&Caller>, place: &str) {
        self.0.borrow_mut().push(Step::Principal {
            caller: caller.cloned(),
            place: place.to_owned(),
        });
    }

    pub(super) fn token(&self, tokens: &Tokens, claims: &Claims) {
        self.0.borrow_mut().push(Step::Token {
            name: tokens.name(),
            subject: claims.sub.clone(),
            issuer: claims.iss.clone(),
            audience: claims.audience(),
        });
    }

    pub(super) fn role(&self, role: &RoleArn, caller: Option<&Caller>) {
        self.0.borrow_mut().push(Step::Role {
            role: role.clone(),
            caller: caller.cloned(),
        });
    }
}
