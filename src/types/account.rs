//! AWS account ids and the ARNs of IAM roles.

use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// The twelve digits that name an AWS account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(String);

impl AccountId {
    /// The twelve digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The account in the fifth field of any ARN, if it has one.
    #[must_use]
    pub fn of_arn(arn: &str) -> Option<Self> {
        arn.split(':').nth(4)?.parse().ok()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AccountId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Self(text.to_owned()));
        }
        let digits: String = text.chars().filter(|c| *c != '-' && *c != ' ').collect();
        let invalid = Invalid::new("is not an AWS account id, which has twelve digits");
        if digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid.hint(format!("write it without separators: {digits}")));
        }
        if digits.len() < 12 && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid.hint("YAML drops leading zeros of a number: put it in quotes"));
        }
        Err(invalid)
    }
}

/// The ARN of an IAM role: `arn:PARTITION:iam::ACCOUNT:role/[PATH/]NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleArn {
    text: String,
    account: AccountId,
}

impl RoleArn {
    /// The whole ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The account that the role belongs to.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The partition: `aws`, `aws-cn`, `aws-us-gov`, …
    #[must_use]
    pub fn partition(&self) -> &str {
        self.text.split(':').nth(1).unwrap_or("aws")
    }

    /// The role's name without its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or(&self.text)
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

const SHAPE: &str = "a role's ARN looks like arn:aws:iam::222222222222:role/docs-writer";

impl FromStr for RoleArn {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let fields: Vec<&str> = text.splitn(6, ':').collect();
        let &["arn", partition, service, region, account, resource] = fields.as_slice() else {
            return Err(Invalid::new("is not an ARN").hint(SHAPE));
        };
        if !is_partition(partition) {
            let reason = format!("has the partition `{partition}`, which is none of AWS's");
            return Err(Invalid::new(reason).hint(SHAPE));
        }
        if service == "sts" && resource.starts_with("assumed-role/") {
            let name = resource.split('/').nth(1).unwrap_or_default();
            let reason = "is the ARN of a session, not of the role itself";
            return Err(Invalid::new(reason).hint(format!(
                "without a path the role is arn:{partition}:iam::{account}:role/{name}"
            )));
        }
        if service != "iam" || !region.is_empty() {
            return Err(Invalid::new("is not the ARN of an IAM role").hint(SHAPE));
        }
        let account: AccountId = account
            .parse()
            .map_err(|invalid: Invalid| Invalid::new(invalid.reason).hint(SHAPE))?;
        let Some(path) = resource.strip_prefix("role/") else {
            let reason = format!("names `{resource}`, which is not a role");
            return Err(Invalid::new(reason).hint(SHAPE));
        };
        check_role_path(path)?;
        Ok(Self {
            text: text.to_owned(),
            account,
        })
    }
}

fn is_partition(text: &str) -> bool {
    text == "aws"
        || text.strip_prefix("aws-").is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        })
}

/// IAM's own alphabet and lengths, as the page "IAM and AWS STS quotas" of the
/// IAM User Guide has them: 64 characters for the name, 512 for the path.
fn check_role_path(path: &str) -> Result<(), Invalid> {
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.is_empty() || name.len() > 64 || path.len() - name.len() > 512 {
        let reason = "has a role name that is empty or too long (64 characters at most)";
        return Err(Invalid::new(reason).hint(SHAPE));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if let Some(bad) = name.chars().find(|c| !allowed(*c)) {
        let reason = format!("has the character {bad:?} in the role's name");
        return Err(Invalid::new(reason).hint(SHAPE));
    }
    if let Some(bad) = path.chars().find(|c| !c.is_ascii_graphic()) {
        return Err(Invalid::new(format!(
            "has the character {bad:?} in the role's path"
        )));
    }
    Ok(())
}

/// A policy names a role, not the session that a job has of it. A session's ARN
/// does not tell the path of its role, so one with a path has to be completed.
#[must_use]
pub fn policy_principal(arn: &str) -> String {
    let Some((head, resource)) = arn.split_once(":assumed-role/") else {
        return arn.to_owned();
    };
    let name = resource.split('/').next().unwrap_or(resource);
    format!("{}:role/{name}", head.replacen(":sts:", ":iam:", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_arn_gives_its_parts() {
        let arn: RoleArn = "arn:aws-cn:iam::222222222222:role/team/docs-writer"
            .parse()
            .unwrap();
        assert_eq!(arn.account().as_str(), "222222222222");
        assert_eq!(arn.partition(), "aws-cn");
        assert_eq!(arn.name(), "docs-writer");
    }

    #[test]
    fn what_is_not_a_role_arn_is_refused_with_what_to_write() {
        for (text, part) in [
            ("docs-writer", "not an ARN"),
            ("arn:aws:s3:::bucket", "not the ARN of an IAM role"),
            ("arn:amazon:iam::222222222222:role/x", "partition `amazon`"),
            ("arn:aws:iam::2222:role/x", "twelve digits"),
            ("arn:aws:iam::222222222222:user/x", "not a role"),
            ("arn:aws:iam::222222222222:role/", "empty or too long"),
            ("arn:aws:iam::222222222222:role/a b", "character ' '"),
            (
                "arn:aws:sts::222222222222:assumed-role/x/session",
                "a session, not of the role",
            ),
        ] {
            let invalid = text.parse::<RoleArn>().unwrap_err();
            assert!(invalid.reason.contains(part), "{text}: {}", invalid.reason);
            assert!(invalid.hint.is_some(), "{text} has no hint");
        }
    }

    #[test]
    fn an_account_id_mangled_by_yaml_is_explained() {
        let invalid = "12345678901".parse::<AccountId>().unwrap_err();
        assert!(invalid.hint.unwrap().contains("quotes"));
        let invalid = "2222-2222-2222".parse::<AccountId>().unwrap_err();
        assert!(invalid.hint.unwrap().contains("222222222222"));
    }

    #[test]
    fn a_sessions_policy_principal_is_its_role() {
        assert_eq!(
            policy_principal("arn:aws:sts::111111111111:assumed-role/runner/i-0abc"),
            "arn:aws:iam::111111111111:role/runner"
        );
        let user = "arn:aws:iam::111111111111:user/ci";
        assert_eq!(policy_principal(user), user);
    }
}
