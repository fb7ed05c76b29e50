//! AWS's own variables. Its SDK reads them, but does not say which of them it
//! could not make sense of.

use std::ffi::OsString;

use crate::settings::mistake::{Mistake, Mistakes};
use crate::settings::quotes;
use crate::types::Invalid;
use crate::vars::{self, Group};

/// Looks for values that cannot be meant.
pub(super) fn check(environment: &[(OsString, OsString)], mistakes: &mut Mistakes) {
    let get = |name: &str| {
        let found = environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.to_string_lossy())
    };
    let names = vars::ALL.iter().filter(|var| var.group == Group::Aws);
    for name in names.map(|var| var.name).chain(["AWS_DEFAULT_REGION"]) {
        if let Some(value) = get(name).filter(|value| !value.is_empty())
            && quotes::look(name, value.trim()).is_none()
            && let Err(invalid) = check_one(name, &value)
        {
            mistakes.add(Mistake::of_value(name, &value, invalid));
        }
    }
    quotes::look_at_awss(environment, mistakes);
    let is_set = |name| get(name).is_some_and(|value| !value.is_empty());
    let (key, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    for (missing, there) in [(key, secret), (secret, key)] {
        if is_set(there) && !is_set(missing) {
            let mistake = Mistake::new(missing, format!("is not set, but {there} is"));
            let hint = "a protected or masked variable may not reach this branch's jobs";
            mistakes.add(mistake.hint(hint));
        }
    }
}

fn check_one(name: &str, value: &str) -> Result<(), Invalid> {
    if value.trim() != value || value.chars().any(char::is_control) {
        let reason = "has a space or a line break that does not belong to it";
        return Err(Invalid::new(reason).hint("paste it anew, without what follows it"));
    }
    match name {
        "AWS_REGION" | "AWS_DEFAULT_REGION" => check_region(value),
        "AWS_ENDPOINT_URL" | "AWS_ENDPOINT_URL_S3" | "AWS_ENDPOINT_URL_STS" => check_url(value),
        "AWS_USE_FIPS_ENDPOINT" | "AWS_USE_DUALSTACK_ENDPOINT" => check_switch(value),
        _ => Ok(()),
    }
}

fn check_region(value: &str) -> Result<(), Invalid> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if value.chars().all(allowed) {
        return Ok(());
    }
    Err(Invalid::new("is not the name of a region").hint("write it as eu-central-1"))
}

fn check_url(value: &str) -> Result<(), Invalid> {
    let rest = value
        .strip_prefix("https://")
        .or(value.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', ':']).next());
    if host.is_some_and(|host| !host.is_empty() && !host.contains(char::is_whitespace)) {
        return Ok(());
    }
    Err(Invalid::new("is not a URL").hint("write it as https://s3.example.org"))
}

fn check_switch(value: &str) -> Result<(), Invalid> {
    if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") {
        return Ok(());
    }
    Err(Invalid::new("is not one of its words").hint("use one of `true`, `false`"))
}
