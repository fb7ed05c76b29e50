//! Owns the shape of STS's parameters: lengths, alphabets, lists; several
//! mistakes are told at once, as AWS does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::identity::Arn;
use crate::policy::{Document, Kind};
use crate::server::AwsError;

use super::refusal::validation;

/// The parameters of a request, decoded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters(pub(crate) BTreeMap<String, String>);

impl Parameters {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `Name.member.1`, `Name.member.2`, …
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        (1..)
            .map_while(|n| self.get(&format!("{name}.member.{n}")))
            .collect()
    }
}

/// What `AssumeRole…` asks for, well-formed.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) role_text: String,
    pub(crate) role: Arn,
    pub(crate) session_name: String,
    pub(crate) duration: Option<Duration>,
    pub(crate) external_id: Option<String>,
    pub(crate) policy: Option<Arc<Document>>,
    pub(crate) policy_size: usize,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) transitive: Vec<String>,
    pub(crate) source_identity: Option<String>,
}

struct Checks(Vec<String>);

impl Checks {
    fn fail(&mut self, field: &str, value: Option<&str>, constraint: &str) {
        let value = value.map_or("null".to_owned(), |value| format!("'{value}'"));
        self.0.push(format!(
            "Value {value} at '{field}' failed to satisfy constraint: Member must {constraint}"
        ));
    }

    fn length(&mut self, field: &str, value: &str, least: usize, most: usize) {
        let length = value.chars().count();
        if length > most {
            self.fail(
                field,
                Some(value),
                &format!("have length less than or equal to {most}"),
            );
        }
        if length < least {
            self.fail(
                field,
                Some(value),
                &format!("have length greater than or equal to {least}"),
            );
        }
    }

    fn alphabet(&mut self, field: &str, value: &str, extra: &str, pattern: &str) {
        let fits = value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || extra.contains(c));
        if !fits {
            self.fail(
                field,
                Some(value),
                &format!("satisfy regular expression pattern: {pattern}"),
            );
        }
    }

    fn finish(self) -> Result<(), AwsError> {
        match self.0.len() {
            0 => Ok(()),
            1 => Err(validation(format!(
                "1 validation error detected: {}",
                self.0[0]
            ))),
            n => Err(validation(format!(
                "{n} validation errors detected: {}",
                self.0.join("; ")
            ))),
        }
    }
}

const NAME: &str = "[\\w+=,.@-]*";

/// Checks the parameters of `AssumeRole` and `AssumeRoleWithWebIdentity`.
pub(crate) fn wish(parameters: &Parameters, web_identity: bool) -> Result<Wish, AwsError> {
    let mut checks = Checks(Vec::new());
    let role_text = parameters.get("RoleArn");
    match role_text {
        None => checks.fail("roleArn", None, "not be null"),
        Some(role) => checks.length("roleArn", role, 20, 2048),
    }
    match parameters.get("RoleSessionName") {
        None => checks.fail("roleSessionName", None, "not be null"),
        Some(name) => {
            checks.alphabet("roleSessionName", name, "+=,.@-", NAME);
            checks.length("roleSessionName", name, 2, 64);
        }
    }
    if web_identity {
        match parameters.get("WebIdentityToken") {
            None => checks.fail("webIdentityToken", None, "not be null"),
            Some(token) => checks.length("webIdentityToken", token, 4, 20_000),
        }
    }
    if let Some(id) = parameters.get("ExternalId") {
        checks.alphabet("externalId", id, "+=,.@:/-", "[\\w+=,.@:\\/-]*");
        checks.length("externalId", id, 2, 1224);
    }
    if let Some(identity) = parameters.get("SourceIdentity") {
        checks.alphabet("sourceIdentity", identity, "+=,.@-", NAME);
        checks.length("sourceIdentity", identity, 2, 64);
    }
    let policy = parameters.get("Policy");
    if let Some(policy) = policy {
        checks.length("policy", policy, 1, 2048);
    }
    let mut duration = None;
    if let Some(text) = parameters.get("DurationSeconds") {
        match text.parse::<u64>() {
            Err(_) => {
                return Err(AwsError::new(
                    400,
                    "MalformedInput",
                    "Could not parse DurationSeconds",
                ));
            }
            Ok(seconds) if seconds < 900 => checks.fail(
                "durationSeconds",
                Some(text),
                "have value greater than or equal to 900",
            ),
            Ok(seconds) if seconds > 43_200 => checks.fail(
                "durationSeconds",
                Some(text),
                "have value less than or equal to 43200",
            ),
            Ok(seconds) => duration = Some(Duration::from_secs(seconds)),
        }
    }
    let tags = tags(parameters, &mut checks)?;
    checks.finish()?;

    let role_text = role_text.unwrap_or_default().to_owned();
    let role = Arn::parse(&role_text)
        .filter(|arn| arn.service == "iam" && arn.resource.starts_with("role/"))
        .ok_or_else(|| validation(format!("{role_text} is invalid")))?;
    if let Some(arn) = parameters.get("PolicyArns.member.1.arn") {
        return Err(validation(format!(
            "ARN {arn} does not exist or is not attachable."
        )));
    }
    Ok(Wish {
        role_text,
        role,
        session_name: parameters
            .get("RoleSessionName")
            .unwrap_or_default()
            .to_owned(),
        duration,
        external_id: parameters.get("ExternalId").map(str::to_owned),
        policy: policy.map(session_policy).transpose()?,
        policy_size: policy.map_or(0, str::len),
        tags,
        transitive: parameters
            .list("TransitiveTagKeys")
            .into_iter()
            .map(str::to_owned)
            .collect(),
        source_identity: parameters.get("SourceIdentity").map(str::to_owned),
    })
}

fn session_policy(text: &str) -> Result<Arc<Document>, AwsError> {
    Document::parse(Kind::Session, text)
        .map(Arc::new)
        .map_err(|reason| {
            AwsError::new(
                400,
                "MalformedPolicyDocument",
                format!("Syntax errors in policy. ({reason})"),
            )
        })
}

fn tags(
    parameters: &Parameters,
    checks: &mut Checks,
) -> Result<BTreeMap<String, String>, AwsError> {
    let mut tags = BTreeMap::new();
    for n in 1.. {
        let Some(key) = parameters.get(&format!("Tags.member.{n}.Key")) else {
            break;
        };
        let value = parameters
            .get(&format!("Tags.member.{n}.Value"))
            .unwrap_or_default();
        checks.length(&format!("tags.{n}.member.key"), key, 1, 128);
        checks.length(&format!("tags.{n}.member.value"), value, 0, 256);
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(AwsError::new(
                400,
                "InvalidParameterValue",
                "Tag keys that begin with aws: are reserved",
            ));
        }
        let twice = tags
            .keys()
            .any(|have: &String| have.eq_ignore_ascii_case(key));
        if twice {
            return Err(AwsError::new(
                400,
                "InvalidParameterValue",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    if tags.len() > 50 {
        checks.fail("tags", Some("..."), "have length less than or equal to 50");
    }
    Ok(tags)
}
