//! Owns the text of the `Authorization` header.

/// The credential scope: `20261122/us-east-1/s3/aws4_request`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

impl Scope {
    pub(crate) fn text(&self) -> String {
        format!(
            "{}/{}/{}/aws4_request",
            self.date, self.region, self.service
        )
    }
}

/// A parsed `Authorization` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authorization {
    pub(crate) access_key_id: String,
    pub(crate) scope: Scope,
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: String,
}

impl Authorization {
    pub(crate) const ALGORITHM: &'static str = "AWS4-HMAC-SHA256";

    /// Parses the header.
    ///
    /// # Errors
    /// The reason, as it follows "The authorization header is malformed; ".
    pub(crate) fn parse(header: &str) -> Result<Self, String> {
        let fields = header
            .strip_prefix(Self::ALGORITHM)
            .filter(|rest| rest.starts_with(' '))
            .ok_or("the algorithm is not AWS4-HMAC-SHA256.")?;
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for field in fields.split(',') {
            match field.trim().split_once('=') {
                Some(("Credential", value)) => credential = Some(value),
                Some(("SignedHeaders", value)) => signed_headers = Some(value),
                Some(("Signature", value)) => signature = Some(value),
                _ => return Err(format!("the field {field:?} is unknown.")),
            }
        }
        let credential = credential.ok_or("Credential is missing.")?;
        let mut parts = credential.split('/');
        let mut next = || parts.next().filter(|part| !part.is_empty());
        let malformed = "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";
        let access_key_id = next().ok_or(malformed)?.to_owned();
        let scope = Scope {
            date: next().ok_or(malformed)?.to_owned(),
            region: next().ok_or(malformed)?.to_owned(),
            service: next().ok_or(malformed)?.to_owned(),
        };
        if next() != Some("aws4_request") || next().is_some() {
            return Err(malformed.to_owned());
        }
        Ok(Self {
            access_key_id,
            scope,
            signed_headers: signed_headers
                .ok_or("SignedHeaders is missing.")?
                .split(';')
                .map(str::to_owned)
                .collect(),
            signature: signature.ok_or("Signature is missing.")?.to_owned(),
        })
    }
}
