//! OIDC tokens: given in a variable, or asked from GitHub.
//!
//! Source: "OpenID Connect reference", GitHub Docs; RFC 7519 for the claims.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_smithy_types::base64;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::aws::{Aws, Fetched};
use crate::error::Refusal;
use crate::settings::IdTokenRequest;
use crate::text::percent_encoded;
use crate::types::Secret;

/// Where tokens come from.
#[derive(Debug)]
pub(super) enum Tokens {
    /// The one that was given, which cannot be renewed.
    Given(Secret<String>),
    /// GitHub, which gives a new one each time. The first one has been asked
    /// for already, to say whose it is.
    GitHub(IdTokenRequest, Mutex<Option<Secret<String>>>),
}

/// A token, and what it says of itself.
pub(super) struct Token {
    pub(super) jwt: Secret<String>,
    pub(super) claims: Claims,
}

/// The claims that matter to us. They are not verified here: STS does that.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Claims {
    #[serde(default)]
    pub(super) sub: String,
    #[serde(default)]
    pub(super) iss: String,
    #[serde(default)]
    aud: Audience,
    exp: Option<u64>,
}

/// One audience or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Claims {
    fn of(jwt: &str) -> Self {
        let read = || {
            let payload = jwt.split('.').nth(1)?;
            // The SDK's base64 wants the standard alphabet and its padding.
            let mut text = payload.replace('-', "+").replace('_', "/");
            text.push_str(&"===="[..(4 - text.len() % 4) % 4]);
            serde_json::from_slice(&base64::decode(text).ok()?).ok()
        };
        read().unwrap_or_default()
    }

    pub(super) fn audience(&self) -> String {
        match &self.aud {
            Audience::One(one) => one.clone(),
            Audience::Many(many) => many.join(", "),
        }
    }

    pub(super) fn end(&self) -> Option<SystemTime> {
        self.exp
            .map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }
}

impl Tokens {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Given(_) => "DOCFERRY_OIDC_TOKEN",
            Self::GitHub(..) => "GitHub's OIDC token",
        }
    }

    /// When the last token ends that there will be, if that is known.
    pub(super) fn end(&self) -> Option<SystemTime> {
        match self {
            Self::Given(jwt) => Claims::of(jwt.reveal()).end(),
            Self::GitHub(..) => None,
        }
    }

    pub(super) async fn get(&self, aws: &Aws) -> Result<Token, Box<Refusal>> {
        let jwt = match self {
            Self::Given(jwt) => jwt.clone(),
            Self::GitHub(request, first) => {
                let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
                match first {
                    Some(jwt) => jwt,
                    None => ask_github(request, aws).await?,
                }
            }
        };
        let claims = Claims::of(jwt.reveal());
        Ok(Token { jwt, claims })
    }

    /// GitHub's tokens, of which the first is asked for now.
    pub(super) async fn of_github(
        request: &IdTokenRequest,
        aws: &Aws,
    ) -> Result<Self, Box<Refusal>> {
        let first = ask_github(request, aws).await?;
        Ok(Self::GitHub(request.clone(), Mutex::new(Some(first))))
    }

    /// What the next token says of itself.
    pub(super) fn claims(&self) -> Claims {
        match self {
            Self::Given(jwt) => Claims::of(jwt.reveal()),
            Self::GitHub(_, first) => {
                let first = first.lock().unwrap_or_else(PoisonError::into_inner);
                first
                    .as_ref()
                    .map(|jwt| Claims::of(jwt.reveal()))
                    .unwrap_or_default()
            }
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    value: String,
}

async fn ask_github(request: &IdTokenRequest, aws: &Aws) -> Result<Secret<String>, Box<Refusal>> {
    let join = if request.url.contains('?') { '&' } else { '?' };
    let url = format!(
        "{}{join}audience={}",
        request.url,
        percent_encoded(&request.audience)
    );
    let authorization = Zeroizing::new(format!("bearer {}", request.token.reveal()));
    let refused = |reason: String| {
        Box::new(
            Refusal::new("GitHub gave no OIDC token")
                .fact("action", "GET ACTIONS_ID_TOKEN_REQUEST_URL")
                .fact("audience", request.audience.clone())
                .fact("reason", reason)
                .hint("check that the job has `permissions: id-token: write`; a pull request from a fork never has it"),
        )
    };
    let Fetched { status, body } = aws.get(&url, &authorization).await.map_err(refused)?;
    let body = Zeroizing::new(body);
    if status != 200 {
        return Err(refused(format!("HTTP status {status}")));
    }
    match serde_json::from_slice::<Answer>(&body) {
        Ok(answer) => {
            let jwt = Secret::new(answer.value);
            aws.mask(jwt.reveal());
            Ok(jwt)
        }
        Err(error) => Err(refused(format!(
            "its answer is not what it should be: {error}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_claims_are_read_and_a_broken_token_has_none() {
        // {"sub":"repo:acme/handbook:ref:refs/heads/main","aud":"sts.amazonaws.com","exp":1700000000}
        let jwt = "x.eyJzdWIiOiJyZXBvOmFjbWUvaGFuZGJvb2s6cmVmOnJlZnMvaGVhZHMvbWFpbiIsImF1ZCI6InN0cy5hbWF6b25hd3MuY29tIiwiZXhwIjoxNzAwMDAwMDAwfQ.y";
        let claims = Claims::of(jwt);
        assert_eq!(claims.sub, "repo:acme/handbook:ref:refs/heads/main");
        assert_eq!(claims.audience(), "sts.amazonaws.com");
        assert_eq!(
            claims.end(),
            Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000))
        );
        for broken in ["", "x", "x.%%%.y", "x.e30.y"] {
            assert_eq!(Claims::of(broken).end(), None);
        }
    }

    #[test]
    fn an_audience_is_encoded() {
        assert_eq!(
            percent_encoded("https://a.b/c d"),
            "https%3A%2F%2Fa.b%2Fc%20d"
        );
    }
}
