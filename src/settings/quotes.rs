//! Values that came with their quotes: `docker run --env-file` passes them on
//! as part of the value, and so do the forms of CI hosts.

use std::ffi::OsString;

use super::mistake::{Mistake, Mistakes};
use super::outputs::without_a_password;
use crate::text::printable;
use crate::vars::{self, Group};

/// What AWS's SDK reads beside the variables of the table. What is in them is
/// never shown.
const BESIDE: [&str; 10] = [
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/// The mistake that a value in quotes is, if it stands in quotes.
pub(super) fn look(name: &str, value: &str) -> Option<Mistake> {
    let inner = ['"', '\''].into_iter().find_map(|quote| {
        let rest = value.strip_prefix(quote)?;
        rest.strip_suffix(quote)
    })?;
    let reason = "stands in quotes: docker's --env-file takes quotes literally";
    let hint = match vars::is_secret(name) || BESIDE.contains(&name) {
        true => format!("write {name}=… without them"),
        false => {
            let shown = without_a_password(inner);
            format!("write {name}={}", printable(&shown))
        }
    };
    Some(Mistake::new(name, reason).hint(hint))
}

/// Looks at AWS's variables, which its SDK reads by itself.
pub(super) fn look_at_awss(environment: &[(OsString, OsString)], mistakes: &mut Mistakes) {
    let of_table = vars::ALL.iter().filter(|var| var.group == Group::Aws);
    for name in of_table.map(|var| var.name).chain(BESIDE) {
        let found = environment.iter().find(|(known, _)| known == name);
        if let Some(mistake) = found.and_then(|(_, value)| look(name, value.to_str()?.trim())) {
            mistakes.add(mistake);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_around_a_value_are_named_and_taken_away() {
        for (value, hint) in [
            ("\"public\"", Some("write DOCFERRY_SOURCE=public")),
            ("'public'", Some("write DOCFERRY_SOURCE=public")),
            ("\"\"", Some("write DOCFERRY_SOURCE=")),
            (
                "\"a\n::error::b\"",
                Some(r"write DOCFERRY_SOURCE=a\n::error::b"),
            ),
            ("\"", None),
            ("\"public'", None),
            ("pub\"lic\"", None),
        ] {
            let found = look("DOCFERRY_SOURCE", value);
            assert_eq!(found.and_then(|mistake| mistake.hint).as_deref(), hint);
        }
        let secret = look("AWS_SECRET_ACCESS_KEY", "'hunter2'").unwrap();
        assert!(!secret.to_string().contains("hunter2"), "{secret}");
    }
}
