//! Owns reading ARNs: partition, account, kind, and name.

/// An ARN, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arn {
    pub(crate) partition: String,
    pub(crate) service: String,
    pub(crate) region: String,
    pub(crate) account: String,
    /// `role/path/name`
    pub(crate) resource: String,
}

impl Arn {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        let mut next = || parts.next().map(str::to_owned);
        let arn = Self {
            partition: next()?,
            service: next()?,
            region: next()?,
            account: next()?,
            resource: next()?,
        };
        let partition = matches!(arn.partition.as_str(), "aws" | "aws-cn" | "aws-us-gov");
        (partition && !arn.resource.is_empty()).then_some(arn)
    }

    /// An IAM ARN of this kind (`user`, `role`), for set-up: a mistake panics.
    pub(crate) fn iam(text: &str, kind: &str) -> Self {
        let arn = Self::parse(text)
            .filter(|arn| arn.service == "iam" && arn.region.is_empty())
            .filter(|arn| arn.account.len() == 12)
            .filter(|arn| {
                arn.resource
                    .strip_prefix(kind)
                    .is_some_and(|rest| rest.starts_with('/') && rest.len() > 1)
            });
        arn.unwrap_or_else(|| {
            panic!("{text:?} is no ARN like arn:aws:iam::111111111111:{kind}/name")
        })
    }

    /// The last part of the resource: the name without kind and path.
    pub(crate) fn name(&self) -> &str {
        self.resource.rsplit('/').next().unwrap_or_default()
    }
}
