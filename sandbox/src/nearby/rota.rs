//! Owns the turn of credentials that a host hands to its job: the same ones
//! until they are near their end, then new ones.
//!
//! Source: EC2 User Guide, "Retrieve security credentials from instance
//! metadata": "We make new credentials available at least five minutes before
//! the expiration of the old credentials."

use std::sync::{Arc, Mutex};
use std::time::Duration;

use time::OffsetDateTime;

use crate::clock::epoch;
use crate::identity::{Arn, NewSession, Session};
use crate::text;
use crate::world::{World, lock, write};

const EARLY: Duration = Duration::from_mins(5);

/// The sessions of one role on one host.
#[derive(Debug)]
pub(super) struct Rota {
    pub(super) arn: Arn,
    pub(super) role_arn: String,
    session_name: String,
    turn: Mutex<Turn>,
}

#[derive(Debug)]
struct Turn {
    life: Duration,
    session: Option<Arc<Session>>,
}

impl Rota {
    pub(super) fn new(role_arn: &str, session_name: &str) -> Self {
        Self {
            arn: Arn::iam(role_arn, "role"),
            role_arn: role_arn.to_owned(),
            session_name: session_name.to_owned(),
            turn: Mutex::new(Turn {
                life: Duration::from_hours(6),
                session: None,
            }),
        }
    }

    /// From now on sessions live this long; the present one is given up.
    pub(super) fn set_life(&self, life: Duration) {
        *lock(&self.turn) = Turn {
            life,
            session: None,
        };
    }

    /// The session whose turn it is; none if the role was deleted.
    pub(super) fn session(&self, world: &World) -> Option<Arc<Session>> {
        let now = world.clock.now();
        let mut turn = lock(&self.turn);
        // Short lives are for tests of renewal, which want to see a session
        // twice as well.
        let early = EARLY.min(turn.life / 2);
        if let Some(session) = &turn.session
            && !session.is_expired(now + early)
        {
            return Some(Arc::clone(session));
        }
        let mut directory = write(&world.directory);
        let id = directory.roles.get(&self.role_arn)?.id.clone();
        let session = directory.add_session(Session::issue(
            &self.arn,
            &id,
            now,
            NewSession {
                name: self.session_name.clone(),
                duration: turn.life,
                ..NewSession::default()
            },
        ));
        turn.session = Some(Arc::clone(&session));
        Some(session)
    }
}

/// A session's moment of issue and of expiry, as the hosts write them.
pub(super) fn times(session: &Session) -> (String, String) {
    let date = |seconds| {
        OffsetDateTime::from_unix_timestamp(seconds)
            .map(text::iso_date)
            .unwrap_or_default()
    };
    (date(epoch(session.issued)), date(session.expires()))
}
