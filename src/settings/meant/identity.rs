//! The meaning of the variables that say who writes.

use std::time::Duration;

use super::Reader;
use crate::host::Host;
use crate::settings::choice::Oidc;
use crate::settings::identity::{
    HopSettings, IdTokenRequest, IdentitySettings, SessionPolicy, Start,
};
use crate::settings::mistake::Mistake;
use crate::settings::said::RawSettings;
use crate::types::{AccountId, Invalid, RoleArn, Secret, SessionTag, parse_duration};

pub(super) fn identity(
    read: &mut Reader,
    raw: &RawSettings,
    host: &Host,
) -> Option<IdentitySettings> {
    let roles = read.list(
        "DOCFERRY_ROLE_ARN",
        &arns(raw.role_arn.as_deref()),
        str::parse,
    );
    let hops = roles.and_then(|roles| hops(read, raw, host, roles));
    let start = start(read, raw, host);
    let tags = lines_or_commas(raw.session_tags.as_deref());
    let tags = read.list("DOCFERRY_SESSION_TAGS", &tags, str::parse::<SessionTag>);
    let source_identity = read.optional(
        "DOCFERRY_SOURCE_IDENTITY",
        raw.source_identity.as_deref(),
        str::parse,
    );
    let session_policy = read.optional(
        "DOCFERRY_SESSION_POLICY",
        raw.session_policy.as_deref(),
        session_policy,
    );
    let accounts = lines_or_commas(raw.allowed_accounts.as_deref());
    let accounts = read.list(
        "DOCFERRY_ALLOWED_ACCOUNTS",
        &accounts,
        str::parse::<AccountId>,
    );
    let settings = IdentitySettings {
        hops: hops?,
        start: start?,
        tags: tags?,
        source_identity: source_identity?,
        session_policy: session_policy?,
        allowed_accounts: accounts?,
    };
    check_together(read, raw, &settings);
    Some(settings)
}

/// One hop for each role, each with its own or the common external id, name
/// and duration.
fn hops(
    read: &mut Reader,
    raw: &RawSettings,
    host: &Host,
    roles: Vec<RoleArn>,
) -> Option<Vec<HopSettings>> {
    let count = roles.len();
    let ids = per_hop(
        read,
        "DOCFERRY_EXTERNAL_ID",
        raw.external_id.as_deref(),
        count,
        str::parse,
    );
    let names = per_hop(
        read,
        "DOCFERRY_SESSION_NAME",
        raw.session_name.as_deref(),
        count,
        str::parse,
    );
    let durations = per_hop(
        read,
        "DOCFERRY_SESSION_DURATION",
        raw.session_duration.as_deref(),
        count,
        session_duration,
    );
    let (ids, names, durations) = (ids?, names?, durations?);
    let values = ids.into_iter().zip(names).zip(durations);
    let hops = roles.into_iter().zip(values).enumerate();
    let hops: Vec<HopSettings> = hops
        .map(|(index, (role, ((external_id, name), duration)))| {
            check_chained(read, index, duration);
            HopSettings {
                role,
                external_id,
                session_name: name.unwrap_or_else(|| host.session_name()),
                duration,
            }
        })
        .collect();
    Some(hops)
}

/// "IAM roles: role chaining limits your session to a maximum of one hour"
/// ("Methods to assume a role", IAM User Guide).
fn check_chained(read: &mut Reader, index: usize, duration: Option<Duration>) {
    if index > 0 && duration.is_some_and(|duration| duration > Duration::from_hours(1)) {
        let reason = format!("is more than 1h for hop {}", index + 1);
        let mistake = Mistake::new("DOCFERRY_SESSION_DURATION", reason);
        read.mistakes.add(mistake.hint(
            "a session that is assumed from another one lasts 1h at most; docferry renews it by \
             itself while it is needed",
        ));
    }
}

/// One value stands for all hops; otherwise there is one for each, and an
/// empty one means none.
fn per_hop<T: Clone>(
    read: &mut Reader,
    variable: &str,
    said: Option<&str>,
    count: usize,
    parse: impl Fn(&str) -> Result<T, Invalid>,
) -> Option<Vec<Option<T>>> {
    let Some(said) = said else {
        return Some(vec![None; count]);
    };
    // These alphabets have commas of their own, so a single role's value is
    // never taken apart.
    let parts: Vec<&str> = match count {
        0 | 1 => vec![said],
        _ if said.contains('\n') => said.split('\n').map(str::trim).collect(),
        _ => said.split(',').map(str::trim).collect(),
    };
    if parts.len() == 1 {
        let value = read.value(variable, said, parse)?;
        return Some(vec![Some(value); count]);
    }
    if parts.len() != count {
        let reason = format!("has {} values for {count} roles", parts.len());
        let mistake = Mistake::new(variable, reason);
        read.mistakes
            .add(mistake.hint("give one value for all roles, or one for each"));
        return None;
    }
    let optional = |part: &&str| match part.is_empty() {
        true => Some(None),
        false => read.value(variable, part, &parse).map(Some),
    };
    parts.iter().map(optional).collect()
}

/// Role names may have commas, so the list is taken apart where the next ARN
/// begins.
fn arns(said: Option<&str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in said.unwrap_or_default().lines() {
        for part in line.split(',').map(str::trim) {
            match found.last_mut() {
                Some(arn) if !part.starts_with("arn:") && arn.contains(":role/") => {
                    arn.push(',');
                    arn.push_str(part);
                }
                _ if part.is_empty() => {}
                _ => found.push(part.to_owned()),
            }
        }
        for arn in &mut found {
            arn.truncate(arn.trim_end_matches(',').len());
        }
    }
    found
}

fn lines_or_commas(said: Option<&str>) -> Vec<String> {
    let parts = said.unwrap_or_default().split([',', '\n']).map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The limits are those of "AssumeRole" in the AWS Security Token Service API
/// Reference.
fn session_duration(text: &str) -> Result<Duration, Invalid> {
    let duration = parse_duration(text)?;
    let (least, most) = (Duration::from_mins(15), Duration::from_hours(12));
    if duration < least || duration > most || duration.subsec_nanos() != 0 {
        let reason = "is not a whole number of seconds between 15m and 12h";
        return Err(Invalid::new(reason).hint("STS takes nothing else, for no role"));
    }
    Ok(duration)
}

/// "An IAM policy in JSON format […] 2,048 characters" ("AssumeRole", AWS
/// Security Token Service API Reference).
const MOST_OF_A_POLICY: usize = 2048;

fn session_policy(text: &str) -> Result<SessionPolicy, Invalid> {
    const HINT: &str = "write `scoped`, or a policy document";
    if text.eq_ignore_ascii_case("scoped") {
        return Ok(SessionPolicy::Scoped);
    }
    let document: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| Invalid::new(format!("is not JSON: {error}")).hint(HINT))?;
    if document.get("Statement").is_none() {
        return Err(Invalid::new("has no Statement").hint(HINT));
    }
    // Without the spaces, which count, too.
    let compact = document.to_string();
    if compact.chars().count() > MOST_OF_A_POLICY {
        return Err(Invalid::new(format!(
            "has {} characters without its spaces, and STS takes {MOST_OF_A_POLICY}",
            compact.chars().count()
        )));
    }
    Ok(SessionPolicy::Document(compact))
}

fn start(read: &mut Reader, raw: &RawSettings, host: &Host) -> Option<Start> {
    let choice: Oidc = read.with_default("DOCFERRY_OIDC", raw.oidc.as_deref())?;
    let audience = raw.oidc_audience.as_deref();
    let audience = audience.unwrap_or(super::default_of("DOCFERRY_OIDC_AUDIENCE"));
    let github = || {
        host.id_token.as_ref().map(|(url, token)| IdTokenRequest {
            url: url.clone(),
            token: token.clone(),
            audience: audience.to_owned(),
        })
    };
    match (choice, raw.oidc_token.as_deref()) {
        (Oidc::Off, _) => Some(Start::Own),
        (Oidc::Auto | Oidc::On, Some(token)) if token.split('.').count() == 3 => {
            Some(Start::Token(Secret::new(token.to_owned())))
        }
        (Oidc::Auto | Oidc::On, Some(_)) => {
            let mistake = Mistake::new("DOCFERRY_OIDC_TOKEN", "is not a JSON Web Token");
            read.mistakes.add(mistake.hint(
                "in GitLab, name the variable below the job's `id_tokens:`; an undefined one \
                 arrives as its own name",
            ));
            None
        }
        (Oidc::Auto, None) => Some(github().map_or(Start::Own, Start::OwnElseGitHub)),
        (Oidc::On, None) => match github() {
            Some(request) => Some(Start::GitHub(request)),
            None => {
                read.mistakes.add(no_token(host));
                None
            }
        },
    }
}

fn no_token(host: &Host) -> Mistake {
    let mistake = Mistake::new("DOCFERRY_OIDC", "is on, but this job has no OIDC token");
    mistake.hint(match host.kind {
        crate::host::Kind::GitHub => {
            "give the job `permissions: id-token: write`; a pull request from a fork never gets a \
             token"
        }
        crate::host::Kind::GitLab => {
            "give the job `id_tokens: DOCFERRY_OIDC_TOKEN: aud: sts.amazonaws.com`"
        }
        crate::host::Kind::Plain => "set DOCFERRY_OIDC_TOKEN to the token",
    })
}

/// What makes sense only together with something else.
fn check_together(read: &mut Reader, raw: &RawSettings, settings: &IdentitySettings) {
    let oidc = matches!(settings.start, Start::Token(_) | Start::GitHub(_));
    if settings.hops.is_empty() {
        for (variable, said) in [
            ("DOCFERRY_EXTERNAL_ID", raw.external_id.is_some()),
            ("DOCFERRY_SESSION_DURATION", raw.session_duration.is_some()),
            ("DOCFERRY_SESSION_TAGS", !settings.tags.is_empty()),
            (
                "DOCFERRY_SOURCE_IDENTITY",
                settings.source_identity.is_some(),
            ),
            ("DOCFERRY_SESSION_POLICY", settings.session_policy.is_some()),
            ("DOCFERRY_OIDC_TOKEN", oidc),
        ] {
            if said {
                let mistake = Mistake::new(variable, "is set, but there is no role to assume");
                let hint = "set DOCFERRY_ROLE_ARN to the role that writes, or leave it out";
                read.mistakes.add(mistake.hint(hint));
            }
        }
    }
    if oidc && settings.hops.len() == 1 {
        for (variable, said) in [
            ("DOCFERRY_SESSION_TAGS", !settings.tags.is_empty()),
            (
                "DOCFERRY_SOURCE_IDENTITY",
                settings.source_identity.is_some(),
            ),
        ] {
            if said {
                let reason = "cannot be given to a role that is assumed with an OIDC token";
                let hint =
                    "the token's own claims say it; or add a second role to DOCFERRY_ROLE_ARN";
                read.mistakes.add(Mistake::new(variable, reason).hint(hint));
            }
        }
    }
    for hop in &settings.hops {
        let account = hop.role.account();
        if !settings.allowed_accounts.is_empty() && !settings.allowed_accounts.contains(account) {
            let reason = format!(
                "names a role of account {account}, which is not in DOCFERRY_ALLOWED_ACCOUNTS"
            );
            read.mistakes.add(Mistake::new("DOCFERRY_ROLE_ARN", reason));
        }
        if hop.role.partition() != settings.hops[0].role.partition() {
            let reason =
                "names roles of two partitions, and no role of one can assume one of the other";
            read.mistakes.add(Mistake::new("DOCFERRY_ROLE_ARN", reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_arns_may_have_commas_lines_and_commas_in_names() {
        let (a, b) = (
            "arn:aws:iam::111111111111:role/a,b",
            "arn:aws:iam::222222222222:role/c",
        );
        for said in [
            format!("{a},{b}"),
            format!("{a}\n{b}\n"),
            format!(" {a} , \n {b} ,"),
        ] {
            assert_eq!(arns(Some(&said)), [a, b], "{said:?}");
        }
        assert_eq!(arns(Some("docs-writer")), ["docs-writer"]);
        assert!(arns(None).is_empty());
    }
}
