//! Owns the way from JSON to a [`Document`]: strict, with a reason for each
//! refusal. Whatever AWS would refuse, or the sandbox does not model, is an
//! error here and never a statement that silently matches nothing.
//!
//! Source: IAM User Guide, "IAM JSON policy elements reference", "Grammar of
//! the IAM JSON policy language".

use serde_json::{Map, Value};

use super::condition::Condition;
use super::document::{Actions, Document, Effect, Kind, Principals, Resources, Statement};
use super::pattern::Pattern;
use super::principal::Named;

/// Actions that act on the bucket itself; every other `s3:` action of a bucket
/// policy needs an object's ARN.
const BUCKET_ACTIONS: &[&str] = &[
    "s3:listbucket",
    "s3:listbucketmultipartuploads",
    "s3:listbucketversions",
    "s3:getbucketlocation",
];

const OBJECT_ACTIONS: &[&str] = &[
    "s3:putobject",
    "s3:getobject",
    "s3:deleteobject",
    "s3:putobjectacl",
    "s3:getobjectacl",
    "s3:putobjecttagging",
    "s3:getobjecttagging",
    "s3:deleteobjecttagging",
    "s3:putobjectretention",
    "s3:putobjectlegalhold",
    "s3:abortmultipartupload",
    "s3:listmultipartuploadparts",
    "s3:getobjectversion",
    "s3:deleteobjectversion",
];

pub(crate) fn document(kind: Kind, json: &str) -> Result<Document, String> {
    let value: Value = serde_json::from_str(json).map_err(|error| format!("not JSON: {error}"))?;
    let Value::Object(top) = value else {
        return Err("a policy is a JSON object".to_owned());
    };
    for name in top.keys() {
        if !matches!(name.as_str(), "Version" | "Id" | "Statement") {
            return Err(format!("unknown element {name:?}"));
        }
    }
    // Without `Version`, AWS falls back to 2008-10-17, which knows no variables.
    let variables = match top.get("Version").map(|version| version.as_str()) {
        Some(Some("2012-10-17")) => true,
        None | Some(Some("2008-10-17")) => false,
        Some(other) => return Err(format!("unknown Version {other:?}")),
    };
    let statements = match top.get("Statement") {
        Some(Value::Array(list)) if !list.is_empty() => list.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => return Err("Statement is missing or empty".to_owned()),
    };
    Ok(Document {
        statements: statements
            .into_iter()
            .map(|value| statement(kind, value, variables))
            .collect::<Result<_, _>>()?,
    })
}

fn statement(kind: Kind, value: &Value, variables: bool) -> Result<Statement, String> {
    let Value::Object(fields) = value else {
        return Err("a statement is a JSON object".to_owned());
    };
    for name in fields.keys() {
        if !matches!(
            name.as_str(),
            "Sid"
                | "Effect"
                | "Principal"
                | "NotPrincipal"
                | "Action"
                | "NotAction"
                | "Resource"
                | "NotResource"
                | "Condition"
        ) {
            return Err(format!("unknown element {name:?} in a statement"));
        }
    }
    let effect = match fields.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        other => return Err(format!("Effect must be Allow or Deny, not {other:?}")),
    };
    let statement = Statement {
        effect,
        principals: principals(kind, effect, fields)?,
        actions: actions(fields)?,
        resources: resources(kind, fields, variables)?,
        conditions: conditions(fields, variables)?,
    };
    if kind == Kind::Bucket {
        check_bucket_statement(&statement)?;
    }
    if kind == Kind::Trust {
        check_trust_statement(&statement)?;
    }
    Ok(statement)
}

fn principals(
    kind: Kind,
    effect: Effect,
    fields: &Map<String, Value>,
) -> Result<Principals, String> {
    let (only, all_but) = (fields.get("Principal"), fields.get("NotPrincipal"));
    if let Kind::Identity | Kind::Session = kind {
        return match (only, all_but) {
            (None, None) => Ok(Principals::Holder),
            _ => Err("Policy document should not specify a principal.".to_owned()),
        };
    }
    match (only, all_but) {
        (Some(value), None) => Ok(Principals::Only(named(value)?)),
        (None, Some(value)) if effect == Effect::Deny => Ok(Principals::AllBut(named(value)?)),
        (None, Some(_)) => Err("NotPrincipal with Allow lets everybody in".to_owned()),
        (None, None) => Err("Missing required field Principal".to_owned()),
        (Some(_), Some(_)) => Err("Principal and NotPrincipal exclude each other".to_owned()),
    }
}

fn named(value: &Value) -> Result<Vec<Named>, String> {
    let by_kind = match value {
        Value::String(text) if text == "*" => return Ok(vec![Named::Everyone]),
        Value::Object(by_kind) if !by_kind.is_empty() => by_kind,
        _ => return Err(format!("Invalid principal in policy: {value}")),
    };
    let mut all = Vec::new();
    for (kind, entries) in by_kind {
        for entry in strings(kind, entries)? {
            all.push(match kind.as_str() {
                "AWS" => Named::aws(&entry)?,
                "Federated" => Named::Federated(entry),
                "Service" => Named::Service,
                _ => return Err(format!("unknown kind of principal {kind:?}")),
            });
        }
    }
    Ok(all)
}

fn actions(fields: &Map<String, Value>) -> Result<Actions, String> {
    let check = |name: &str, value: &Value| -> Result<Vec<String>, String> {
        strings(name, value)?
            .into_iter()
            .map(|action| {
                let sound = action == "*"
                    || action.split_once(':').is_some_and(|(service, name)| {
                        !name.is_empty()
                            && !service.is_empty()
                            && service
                                .bytes()
                                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    });
                if sound {
                    Ok(action.to_ascii_lowercase())
                } else {
                    // "Actions/Conditions must be prefaced by a vendor".
                    Err(format!("{name} {action:?} must be service:action or *"))
                }
            })
            .collect()
    };
    match (fields.get("Action"), fields.get("NotAction")) {
        (Some(value), None) => Ok(Actions::Only(check("Action", value)?)),
        (None, Some(value)) => Ok(Actions::AllBut(check("NotAction", value)?)),
        _ => Err("a statement has either Action or NotAction".to_owned()),
    }
}

fn resources(
    kind: Kind,
    fields: &Map<String, Value>,
    variables: bool,
) -> Result<Resources, String> {
    let (only, all_but) = (fields.get("Resource"), fields.get("NotResource"));
    if kind == Kind::Trust {
        return match (only, all_but) {
            (None, None) => Ok(Resources::Holder),
            _ => Err("Has prohibited field Resource".to_owned()),
        };
    }
    let check = |name: &str, value: &Value| -> Result<Vec<Pattern>, String> {
        strings(name, value)?
            .iter()
            .map(|text| {
                let arn = text.starts_with("arn:") && text.matches(':').count() >= 5;
                if text == "*" || arn {
                    Pattern::parse(text, variables)
                } else {
                    Err(format!("Resource {text} must be in ARN format or \"*\"."))
                }
            })
            .collect()
    };
    match (only, all_but) {
        (Some(value), None) => Ok(Resources::Only(check("Resource", value)?)),
        (None, Some(value)) => Ok(Resources::AllBut(check("NotResource", value)?)),
        _ => Err("a statement has either Resource or NotResource".to_owned()),
    }
}

fn conditions(fields: &Map<String, Value>, variables: bool) -> Result<Vec<Condition>, String> {
    let Some(value) = fields.get("Condition") else {
        return Ok(Vec::new());
    };
    let Value::Object(operators) = value else {
        return Err("Condition is a JSON object".to_owned());
    };
    let mut all = Vec::new();
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else {
            return Err(format!("Condition {operator:?} is a JSON object"));
        };
        for (key, values) in keys {
            let values = condition_values(key, values)?;
            all.push(Condition::parse(operator, key, &values, variables)?);
        }
    }
    Ok(all)
}

fn condition_values(key: &str, value: &Value) -> Result<Vec<String>, String> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(format!("condition {key:?} has a value that is no scalar"))
        }
    };
    match value {
        Value::Array(list) => list.iter().map(scalar).collect(),
        one => Ok(vec![scalar(one)?]),
    }
}

fn strings(name: &str, value: &Value) -> Result<Vec<String>, String> {
    let list = match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list
            .iter()
            .map(|entry| entry.as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    if list.is_empty() {
        return Err(format!("{name} is a string or a list of strings"));
    }
    Ok(list)
}

/// S3 refuses a bucket policy in which an action cannot act on any of its
/// resources, as `s3:PutObject` on a bucket without `/*`.
fn check_bucket_statement(statement: &Statement) -> Result<(), String> {
    let (Actions::Only(actions), Resources::Only(resources)) =
        (&statement.actions, &statement.resources)
    else {
        return Ok(());
    };
    let of_objects = resources.iter().any(|pattern| {
        let text = pattern.source();
        text == "*" || text.contains('/') || text.ends_with('*')
    });
    let of_bucket = resources.iter().any(|pattern| {
        let text = pattern.source();
        text == "*" || !text.contains('/')
    });
    for action in actions {
        let action = action.as_str();
        if (OBJECT_ACTIONS.contains(&action) && !of_objects)
            || (BUCKET_ACTIONS.contains(&action) && !of_bucket)
        {
            return Err(format!(
                "MalformedPolicy: Action does not apply to any resource(s) in statement ({action})"
            ));
        }
    }
    Ok(())
}

/// Issuers whose tokens all their customers can get; IAM refuses a trust that
/// does not say which subject (IAM User Guide, "Identity-provider controls for
/// shared OIDC providers").
const SHARED_ISSUERS: &[&str] = &["token.actions.githubusercontent.com", "gitlab.com"];

fn check_trust_statement(statement: &Statement) -> Result<(), String> {
    if let (Effect::Allow, Principals::Only(named)) = (statement.effect, &statement.principals) {
        for issuer in SHARED_ISSUERS {
            let trusted = named.iter().any(
                |one| matches!(one, Named::Federated(arn) if arn.ends_with(&format!("/{issuer}"))),
            );
            let subject = format!("{issuer}:sub");
            let asked = statement
                .conditions
                .iter()
                .any(|condition| condition.key().eq_ignore_ascii_case(&subject));
            if trusted && !asked {
                return Err(format!(
                    "MalformedPolicyDocument: missing a condition on {subject}"
                ));
            }
        }
    }
    let (Actions::Only(actions) | Actions::AllBut(actions)) = &statement.actions;
    for action in actions {
        if !action.starts_with("sts:") {
            return Err(format!(
                "MalformedPolicyDocument: AssumeRole policy may only specify STS AssumeRole actions ({action})"
            ));
        }
    }
    Ok(())
}
