//! Signature Version 4, written from the documentation: IAM User Guide,
//! "Create a signed AWS API request", and S3 API Reference, "Signature
//! Calculations for the Authorization Header".

use std::time::SystemTime;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::client::Request;

/// Whoever signs.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) time: SystemTime,
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn sha256(data: &[u8]) -> String {
    hex(&Sha256::digest(data))
}

pub(crate) fn hmac(key: &[u8], data: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(data.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub(crate) fn encode(text: &str, keep_slash: bool) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            b'/' if keep_slash => "/".to_owned(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// What a signature leaves behind for the chunks of a body.
#[derive(Debug, Clone)]
pub(crate) struct Seed {
    pub(crate) key: Vec<u8>,
    pub(crate) date: String,
    pub(crate) scope: String,
    pub(crate) signature: String,
}

impl Signer {
    /// Adds date, token, and `Authorization` to a request that is otherwise
    /// whole; gives the seed for chunk signatures.
    pub(crate) fn sign(&self, request: &mut Request) -> Seed {
        let now = OffsetDateTime::from(self.time);
        let date = format!(
            "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
            now.year(),
            u8::from(now.month()),
            now.day(),
            now.hour(),
            now.minute(),
            now.second()
        );
        request.header("x-amz-date", &date);
        if let Some(token) = &self.token {
            request.header("x-amz-security-token", token);
        }
        let payload = match request.get("x-amz-content-sha256") {
            Some(value) => value,
            None => sha256(&request.body),
        };
        if self.service == "s3" && request.get("x-amz-content-sha256").is_none() {
            request.header("x-amz-content-sha256", &payload);
        }
        let mut headers: Vec<(String, String)> = request
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.trim().to_owned()))
            .collect();
        // Stable, so that two headers of one name stay in the order in which
        // they are sent.
        headers.sort_by(|a, b| a.0.cmp(&b.0));
        headers.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 = format!("{},{}", kept.1, next.1);
            }
            same
        });
        let names = headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>()
            .join(";");
        let mut query: Vec<(String, String)> = request
            .query
            .iter()
            .map(|(name, value)| (encode(name, false), encode(value, false)))
            .collect();
        query.sort();
        let query = query
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("&");
        let lines: String = headers
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect();
        let canonical = format!(
            "{}\n{}\n{query}\n{lines}\n{names}\n{payload}",
            request.method, request.path
        );
        let day = &date[..8];
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
            sha256(canonical.as_bytes())
        );
        let key = hmac(
            &hmac(
                &hmac(
                    &hmac(format!("AWS4{}", self.secret).as_bytes(), day),
                    &self.region,
                ),
                &self.service,
            ),
            "aws4_request",
        );
        let signature = hex(&hmac(&key, &to_sign));
        request.header(
            "authorization",
            &format!(
                "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
                self.id
            ),
        );
        Seed {
            key,
            date,
            scope,
            signature,
        }
    }
}
