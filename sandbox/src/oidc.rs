//! Owns web identity: providers, the tokens that tests mint, and the check of
//! a token against its provider's key.
//!
//! Sources: STS API Reference, "AssumeRoleWithWebIdentity"; IAM User Guide,
//! "Create an OpenID Connect (OIDC) identity provider in IAM".

use std::time::{Duration, SystemTime};

use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Map, Value, json};

use crate::clock::epoch;
use crate::secrets::Secrets;
use crate::text::{base64_url, unbase64_url};

/// Keys for tests only: whoever reads this repository has them.
const PROVIDER_KEY: &[u8] = include_bytes!("oidc/provider.der");
const STRANGER_KEY: &[u8] = include_bytes!("oidc/stranger.der");

/// An IAM OIDC provider.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    pub(crate) arn: String,
    pub(crate) account: String,
    /// The issuer as tokens carry it, with `https://`.
    pub(crate) issuer: String,
    /// The issuer as ARNs and condition keys carry it.
    pub(crate) name: String,
    pub(crate) audiences: Vec<String>,
    /// The provider turns every token down.
    pub(crate) rejects: bool,
}

impl Provider {
    pub(crate) fn new(partition: &str, account: &str, issuer: &str, audiences: &[&str]) -> Self {
        let name = issuer.strip_prefix("https://").unwrap_or_else(|| {
            panic!("{issuer:?}: an OIDC provider's URL must begin with https://")
        });
        Self {
            arn: format!("arn:{partition}:iam::{account}:oidc-provider/{name}"),
            account: account.to_owned(),
            issuer: issuer.to_owned(),
            name: name.to_owned(),
            audiences: audiences.iter().map(|&audience| audience.into()).collect(),
            rejects: false,
        }
    }
}

/// A web identity token in the making: an RS256-signed JWT.
#[derive(Debug, Clone)]
pub struct Token {
    claims: Map<String, Value>,
    stranger: bool,
    key_id: String,
    secrets: Secrets,
}

impl Token {
    pub(crate) fn new(issuer: &str, now: SystemTime, secrets: Secrets) -> Self {
        let start = epoch(now);
        let claims = json!({
            "iss": issuer,
            "aud": "sts.amazonaws.com",
            "sub": "repo:example/docs:ref:refs/heads/main",
            "iat": start,
            "nbf": start,
            "exp": start + 300,
        });
        Self {
            claims: claims.as_object().cloned().unwrap_or_default(),
            stranger: false,
            key_id: "sandbox".to_owned(),
            secrets,
        }
    }

    /// The subject.
    #[must_use]
    pub fn subject(self, subject: &str) -> Self {
        self.claim("sub", subject)
    }

    /// The audience.
    #[must_use]
    pub fn audience(self, audience: &str) -> Self {
        self.claim("aud", audience)
    }

    /// The moment of expiry.
    #[must_use]
    pub fn expires(self, at: SystemTime) -> Self {
        self.claim("exp", epoch(at))
    }

    /// The moment from which the token holds.
    #[must_use]
    pub fn not_before(self, at: SystemTime) -> Self {
        self.claim("nbf", epoch(at))
    }

    /// The life, counted from the moment of issue.
    #[must_use]
    pub fn life(self, life: Duration) -> Self {
        let issued = self.claims.get("iat").and_then(Value::as_i64).unwrap_or(0);
        let life = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
        self.claim("exp", issued.saturating_add(life))
    }

    /// Any claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a claim out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Signs with a key that the provider does not know.
    #[must_use]
    pub fn signed_by_a_stranger(mut self) -> Self {
        self.stranger = true;
        self
    }

    /// Names another key in the token's header.
    #[must_use]
    pub fn key_id(mut self, key_id: &str) -> Self {
        key_id.clone_into(&mut self.key_id);
        self
    }

    /// The signed token.
    ///
    /// # Panics
    /// Only if the sandbox's own key is broken.
    #[must_use]
    pub fn sign(&self) -> String {
        let header = json!({"alg": "RS256", "kid": self.key_id, "typ": "JWT"});
        let body = format!(
            "{}.{}",
            base64_url(header.to_string().as_bytes()),
            base64_url(Value::Object(self.claims.clone()).to_string().as_bytes())
        );
        let key = key(if self.stranger {
            STRANGER_KEY
        } else {
            PROVIDER_KEY
        });
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            body.as_bytes(),
            &mut signature,
        )
        .expect("the sandbox's key can sign");
        let token = format!("{body}.{}", base64_url(&signature));
        self.secrets.note(&token);
        token
    }
}

/// The public key as a JSON Web Key Set, for a listener that serves it.
#[must_use]
pub fn jwks() -> String {
    let public: PublicKeyComponents<Vec<u8>> = key(PROVIDER_KEY).public().into();
    json!({"keys": [{
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "sandbox",
        "n": base64_url(&public.n), "e": base64_url(&public.e),
    }]})
    .to_string()
}

fn key(der: &[u8]) -> RsaKeyPair {
    RsaKeyPair::from_der(der).expect("the sandbox's key is sound")
}

/// A token's claims before its signature is trusted.
#[derive(Debug)]
pub(crate) struct Unverified {
    signed: String,
    signature: Vec<u8>,
    header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
}

impl Unverified {
    /// Takes a compact JWT apart.
    pub(crate) fn parse(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let object = |part: &str| -> Option<Map<String, Value>> {
            serde_json::from_slice::<Value>(&unbase64_url(part)?)
                .ok()?
                .as_object()
                .cloned()
        };
        Some(Self {
            signed: format!("{header}.{claims}"),
            signature: unbase64_url(signature)?,
            header: object(header)?,
            claims: object(claims)?,
        })
    }

    /// True if the token names the provider's key.
    pub(crate) fn names_known_key(&self) -> bool {
        self.header.get("kid").and_then(Value::as_str) == Some("sandbox")
            && self.header.get("alg").and_then(Value::as_str) == Some("RS256")
    }

    /// True if the provider's key signed it.
    pub(crate) fn is_signed(&self) -> bool {
        let public: PublicKeyComponents<Vec<u8>> = key(PROVIDER_KEY).public().into();
        public
            .verify(
                &RSA_PKCS1_2048_8192_SHA256,
                self.signed.as_bytes(),
                &self.signature,
            )
            .is_ok()
    }

    pub(crate) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    pub(crate) fn number(&self, claim: &str) -> Option<i64> {
        self.claims.get(claim)?.as_i64()
    }

    /// A claim that is one string or a list of them.
    pub(crate) fn list(&self, claim: &str) -> Vec<String> {
        match self.claims.get(claim) {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(many)) => many
                .iter()
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect(),
            _ => Vec::new(),
        }
    }
}
