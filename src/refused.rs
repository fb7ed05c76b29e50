//! What to say when the destination refuses: who wrote where, what S3
//! answered, and what to change in whose account.
//!
//! Owns: the hints for S3's codes. Never: I/O; the same answer always gets the
//! same words.

use crate::aws::{AwsError, Cause};
use crate::error::Refusal;
use crate::identity::Writer;
use crate::rules::ObjectRules;
use crate::settings::ExpectedOwner;
use crate::transfer::Failure;
use crate::types::{AccountId, Destination, policy_principal};

/// What is known about the request that was refused.
#[derive(Debug)]
pub struct Circumstances<'a> {
    /// Who asked.
    pub identity: &'a Writer,
    /// Where the object should have gone.
    pub destination: &'a Destination,
    /// Its `s3://` address.
    pub url: String,
    /// Whether a session policy narrows what the identity may do.
    pub narrowed: bool,
    /// Which account had to own the bucket.
    pub owner: Option<&'a AccountId>,
    /// Whether somebody said so.
    pub said_owner: &'a ExpectedOwner,
    /// The region that was asked.
    pub region: &'a str,
    /// What the objects should have looked like.
    pub objects: &'a ObjectRules,
    /// What was asked for.
    pub asked: Asked,
}

/// What S3 was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To take an object.
    Put,
    /// To list the prefix.
    List,
    /// To give an object of docferry's own.
    Own,
    /// To delete objects.
    Delete,
    /// To give or to take the lock, which needs this action.
    Lock(&'static str),
}

impl Asked {
    /// What an action is needed for.
    #[must_use]
    pub fn of(action: &str) -> Self {
        match action {
            "s3:ListBucket" => Self::List,
            "s3:GetObject" => Self::Own,
            "s3:DeleteObject" => Self::Delete,
            _ => Self::Put,
        }
    }

    const fn action(self) -> &'static str {
        match self {
            Self::Put => "s3:PutObject",
            Self::List => "s3:ListBucket",
            Self::Own => "s3:GetObject",
            Self::Delete => "s3:DeleteObject",
            Self::Lock(action) => action,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Put => "the upload to",
            Self::List => "to list",
            Self::Own => "docferry's own record in",
            Self::Delete => "to delete from",
            Self::Lock(_) => "docferry's own lock in",
        }
    }
}

/// Explains the failure that ended a run.
#[must_use]
pub fn explain(failure: &Failure, at: &Circumstances<'_>) -> Refusal {
    match failure {
        Failure::Aws(error) => answer(error, at),
        Failure::Outage(error) => outage(error, at),
        Failure::File(_)
        | Failure::InDoubt
        | Failure::NotSent
        | Failure::Unverified
        | Failure::Lost { .. } => {
            Refusal::new(failure.to_string()).fact("resource", at.url.clone())
        }
    }
}

/// S3 is there and knows us, but does not work.
fn outage(error: &AwsError, at: &Circumstances<'_>) -> Refusal {
    Refusal::new(format!(
        "S3 in region {} has failed so often that trying on makes no sense",
        at.region
    ))
    .fact("identity", at.identity.name())
    .fact("account", account_of(at))
    .fact("action", at.asked.action())
    .fact("resource", at.url.clone())
    .fact("the last", error.to_string())
    .hint("run the job again when it is over; what is in place is simply put again")
    .hint("https://health.aws.amazon.com says how AWS's services are")
}

fn answer(error: &AwsError, at: &Circumstances<'_>) -> Refusal {
    if let Some(refusal) = &error.identity {
        return Refusal::clone(refusal);
    }
    if error.cause != Cause::Answered {
        return unreachable(error, at);
    }
    let refusal = Refusal::new(headline(error, at))
        .fact("identity", at.identity.name())
        .fact("account", account_of(at))
        .fact("action", action(&error.message, at))
        .fact("resource", at.url.clone())
        .fact("S3 said", error.to_string());
    hints(error, at).into_iter().fold(refusal, Refusal::hint)
}

/// The action that S3 names, which may be one that a property needs.
fn action(message: &str, at: &Circumstances<'_>) -> String {
    let named = message.split_once("not authorized to perform: ");
    let named = named.and_then(|(_, rest)| rest.split_whitespace().next());
    named.unwrap_or(at.asked.action()).to_owned()
}

fn account_of(at: &Circumstances<'_>) -> String {
    let writer = at.identity.account().map_or("unknown", AccountId::as_str);
    match at.owner {
        Some(owner) => format!("{writer} writes, {owner} must own the bucket"),
        None => format!("{writer} writes, whoever owns the bucket"),
    }
}

fn headline(error: &AwsError, at: &Circumstances<'_>) -> String {
    let bucket = &at.destination.bucket;
    if right_region(error).is_some() || error.is(&["PermanentRedirect", "TemporaryRedirect"]) {
        return format!("bucket {bucket} is in another region than {}", at.region);
    }
    match error.code.as_str() {
        "AccessDenied" => format!("S3 refused {} bucket {bucket}", at.asked.text()),
        "NoSuchBucket" => format!("there is no bucket {bucket}"),
        "ExpiredToken" => "the credentials ended while the files were on their way".to_owned(),
        code => format!("S3 refused {} bucket {bucket} ({code})", at.asked.text()),
    }
}

fn hints(error: &AwsError, at: &Circumstances<'_>) -> Vec<String> {
    if let Some(region) = right_region(error) {
        return vec![format!("set AWS_REGION={region}")];
    }
    match error.code.as_str() {
        "AccessDenied" => access_denied(&error.message, at),
        "NoSuchBucket" => vec![
            "check the bucket's name in DOCFERRY_DESTINATION; docferry creates no buckets"
                .to_owned(),
        ],
        "PermanentRedirect" | "TemporaryRedirect" => {
            vec!["set AWS_REGION to the bucket's region".to_owned()]
        }
        "AccessControlListNotSupported" => vec![
            "the bucket's Object Ownership is `Bucket owner enforced`, which takes no ACL: unset \
             DOCFERRY_ACL"
                .to_owned(),
        ],
        _ if error.is_about_object_lock() => vec![
            "the bucket has no Object Lock: unset DOCFERRY_OBJECT_LOCK_MODE, _UNTIL and _LEGAL_HOLD"
                .to_owned(),
        ],
        "ExpiredToken" => vec![
            "raise DOCFERRY_SESSION_DURATION, or give the job credentials that last longer"
                .to_owned(),
        ],
        "RequestTimeTooSkewed" => vec!["set the clock of the machine that runs the job".to_owned()],
        "InvalidAccessKeyId" | "InvalidToken" | "SignatureDoesNotMatch" => vec![
            "S3 does not know these credentials: are they of another partition or service?"
                .to_owned(),
        ],
        code if code.starts_with("KMS.") => {
            vec!["the bucket's encryption key is disabled or gone: ask its owner".to_owned()]
        }
        _ => Vec::new(),
    }
}

/// S3 names the right region in a header, in the error, or only in its words.
fn right_region(error: &AwsError) -> Option<String> {
    let in_words = || {
        let (_, rest) = error.message.split_once("expecting '")?;
        rest.split('\'').next().map(str::to_owned)
    };
    match error.code.as_str() {
        "PermanentRedirect" | "TemporaryRedirect" | "IllegalLocationConstraintException" => {
            error.region.clone()
        }
        "AuthorizationHeaderMalformed" => error.region.clone().or_else(in_words),
        _ => None,
    }
}

/// What S3's words tell for sure.
fn the_one_reason(message: &str, at: &Circumstances<'_>) -> Option<String> {
    let bucket = &at.destination.bucket;
    if message.contains("kms:") {
        return Some(kms(at));
    }
    if message.contains("explicit deny in a resource-based policy") {
        return Some(format!(
            "the policy of bucket {bucket} denies it: look for the statement with \"Effect\": \"Deny\""
        ));
    }
    if message.contains("explicit deny") {
        return Some(
            "a policy denies it outright: look for the statement with \"Effect\": \"Deny\""
                .to_owned(),
        );
    }
    if message.contains("no session policy allows") {
        return Some(format!(
            "DOCFERRY_SESSION_POLICY, or the policy of the job's own session, must allow \
             {} on {}, too",
            actions(at).replace('"', ""),
            objects(at)
        ));
    }
    if message.contains("VPC endpoint policy") {
        return Some(format!(
            "the policy of the network's VPC endpoint must allow {} on {}",
            actions(at).replace('"', ""),
            objects(at)
        ));
    }
    None
}

/// S3 says "Access Denied" alike for several reasons; where its words tell
/// them apart, only the one that applies is told.
fn access_denied(message: &str, at: &Circumstances<'_>) -> Vec<String> {
    if let Some(hint) = the_one_reason(message, at) {
        return vec![hint];
    }
    let bucket = &at.destination.bucket;
    let mut hints = Vec::new();
    let own = objects_own_action(&action(message, at));
    hints.extend(own.or_else(|| public_acl(at)).map(str::to_owned));
    hints.extend(without_it(at).map(str::to_owned));
    if at.identity.role.is_none() {
        hints.push(
            "DOCFERRY_ROLE_ARN is not set, so the job's own identity wrote: set it if a role of \
             the bucket's account should"
                .to_owned(),
        );
    }
    let said = matches!(at.said_owner, ExpectedOwner::Account(_));
    hints.extend(owner_hint(at).filter(|_| said));
    hints.push(identity_policy(at));
    if message.contains("no identity-based policy allows") {
        return hints;
    }
    if at.identity.account() != at.owner {
        hints.push(bucket_policy(at));
    }
    if at.narrowed {
        hints.push(format!(
            "DOCFERRY_SESSION_POLICY is set, and must allow {} on {}, too",
            actions(at).replace('"', ""),
            objects(at)
        ));
    }
    hints.extend(owner_hint(at).filter(|_| !said));
    if matches!(at.asked, Asked::Put | Asked::Own | Asked::Lock(_)) {
        hints.push(format!(
            "if bucket {bucket} is encrypted with a KMS key: {}",
            kms(at)
        ));
    }
    hints
}

/// Which variable asked for more than `s3:PutObject`.
fn objects_own_action(action: &str) -> Option<&'static str> {
    Some(match action {
        "s3:PutObjectTagging" => "DOCFERRY_TAGS is set, which needs s3:PutObjectTagging",
        "s3:PutObjectAcl" => "DOCFERRY_ACL is set, which needs s3:PutObjectAcl",
        "s3:PutObjectRetention" => {
            "DOCFERRY_OBJECT_LOCK_MODE is set, which needs s3:PutObjectRetention"
        }
        "s3:PutObjectLegalHold" => {
            "DOCFERRY_OBJECT_LOCK_LEGAL_HOLD is set, which needs s3:PutObjectLegalHold"
        }
        _ => return None,
    })
}

/// How to do without the permission.
fn without_it(at: &Circumstances<'_>) -> Option<&'static str> {
    match at.asked {
        Asked::Put => None,
        Asked::List => Some(
            "DOCFERRY_MODE=sync with DOCFERRY_COMPARE=always, or DOCFERRY_MODE=copy, sends every \
             file and lists nothing",
        ),
        Asked::Own => Some("DOCFERRY_COMPARE=etag does without docferry's own record"),
        Asked::Delete => Some("DOCFERRY_MODE=sync deletes nothing"),
        Asked::Lock(_) => Some("DOCFERRY_LOCK=off does without a lock"),
    }
}

/// "Blocking public access to your Amazon S3 storage", Amazon S3 User Guide: it
/// is on for every new bucket.
fn public_acl(at: &Circumstances<'_>) -> Option<&'static str> {
    const PUBLIC: [&str; 3] = ["public-read", "public-read-write", "authenticated-read"];
    let common = &at.objects.common;
    if at.asked != Asked::Put {
        return None;
    }
    let acl = common.iter().find(|header| header.name == "x-amz-acl")?;
    PUBLIC.contains(&acl.value.as_str()).then_some(
        "DOCFERRY_ACL is one for everyone, which S3's Block Public Access refuses where it is on",
    )
}

fn identity_policy(at: &Circumstances<'_>) -> String {
    let account = at
        .identity
        .account()
        .map_or("of the job", AccountId::as_str);
    let whose = match &at.identity.role {
        Some(role) => format!("a policy of role {}", role.name()),
        None => format!("a policy of {}", at.identity.name()),
    };
    format!(
        "in account {account}, {whose} must allow\n{{\"Effect\": \"Allow\", \"Action\": \
         {}, \"Resource\": \"{}\"{}}}\n{}",
        actions(at),
        objects(at),
        condition(at),
        match at.asked {
            Asked::List => "(the resource is the bucket itself, without a /*)",
            Asked::Put | Asked::Own | Asked::Delete | Asked::Lock(_) =>
                "(the resource ends in /*: without it the statement means the bucket, not its objects)",
        }
    )
}

fn bucket_policy(at: &Circumstances<'_>) -> String {
    let principal = principal(at);
    format!(
        "in the bucket's account, the policy of bucket {} must allow, too\n{{\"Effect\": \"Allow\", \
         \"Principal\": {{\"AWS\": \"{principal}\"}}, \"Action\": {}, \"Resource\": \
         \"{}\"{}}}",
        at.destination.bucket,
        actions(at),
        objects(at),
        condition(at)
    )
}

/// What the writer must be allowed, as a policy says it.
fn actions(at: &Circumstances<'_>) -> String {
    if at.asked != Asked::Put {
        return format!("\"{}\"", at.asked.action());
    }
    match &at.objects.actions()[..] {
        [one] => format!("\"{one}\""),
        several => format!("[\"{}\"]", several.join("\", \"")),
    }
}

/// Who writes, as a policy names it.
fn principal(at: &Circumstances<'_>) -> String {
    match &at.identity.role {
        Some(role) => role.to_string(),
        None => policy_principal(&at.identity.name()),
    }
}

fn owner_hint(at: &Circumstances<'_>) -> Option<String> {
    let owner = at.owner?;
    let why = match at.said_owner {
        ExpectedOwner::Account(_) => "as DOCFERRY_EXPECTED_BUCKET_OWNER says",
        ExpectedOwner::Writer | ExpectedOwner::Unchecked => {
            "the account of the identity that writes; if another one owns it, say so in \
             DOCFERRY_EXPECTED_BUCKET_OWNER"
        }
    };
    Some(format!("the bucket must belong to account {owner}, {why}"))
}

fn kms(at: &Circumstances<'_>) -> String {
    let writer = principal(at);
    format!(
        "{writer} needs kms:GenerateDataKey on the key (and kms:Decrypt for uploads in parts), by \
         its own policy and by the key's"
    )
}

fn objects(at: &Circumstances<'_>) -> String {
    let writer = principal(at);
    let partition = writer.split(':').nth(1).unwrap_or("aws");
    let Destination { bucket, prefix } = at.destination;
    match at.asked {
        Asked::List => format!("arn:{partition}:s3:::{bucket}"),
        Asked::Put | Asked::Own | Asked::Delete | Asked::Lock(_) => {
            format!("arn:{partition}:s3:::{bucket}/{prefix}*")
        }
    }
}

/// Listing is allowed for a prefix by a condition ("Actions, resources, and
/// condition keys for Amazon S3", Service Authorization Reference).
fn condition(at: &Circumstances<'_>) -> String {
    let prefix = at.destination.prefix.as_str();
    match at.asked {
        Asked::List if !prefix.is_empty() => {
            format!(", \"Condition\": {{\"StringLike\": {{\"s3:prefix\": \"{prefix}*\"}}}}")
        }
        Asked::Put | Asked::List | Asked::Own | Asked::Delete | Asked::Lock(_) => String::new(),
    }
}

/// No endpoint can be made of the settings, so nobody could be asked.
#[must_use]
pub fn without_address(destination: &Destination, region: Option<&str>, reason: String) -> Refusal {
    Refusal::new(format!("bucket {} has no address", destination.bucket))
        .fact("action", "s3:PutObject")
        .fact("resource", destination.to_string())
        .fact("region", region.unwrap_or("unknown"))
        .fact("reason", reason)
        .hint(
            "check AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and AWS_REGION, and whether \
             AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT fit to them",
        )
}

fn unreachable(error: &AwsError, at: &Circumstances<'_>) -> Refusal {
    Refusal::new(format!("S3 cannot be reached in region {}", at.region))
        .fact("action", at.asked.action())
        .fact("resource", at.url.clone())
        .fact("reason", error.to_string())
        .hint("check AWS_REGION, AWS_ENDPOINT_URL_S3 and the network of the runner (VPC endpoint, proxy, DNS)")
}

#[cfg(test)]
mod tests;
