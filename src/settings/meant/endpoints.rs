//! Endpoints that would be spoken to in the clear.

use std::ffi::OsString;
use std::net::IpAddr;

use crate::settings::mistake::{Mistake, Mistakes};

const URLS: [&str; 4] = [
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
];

/// Refuses `http://` endpoints that are not on this machine: signed requests
/// can be repeated by whoever sees them, and tokens can be used.
pub(super) fn check(environment: &[(OsString, OsString)], mistakes: &mut Mistakes) {
    for (name, url) in environment {
        let Some(name) = URLS.iter().find(|known| name == **known) else {
            continue;
        };
        let url = url.to_string_lossy();
        let Some(rest) = url.strip_prefix("http://") else {
            continue;
        };
        if !is_here(host_of(rest)) {
            let reason = format!("= {url:?} would be spoken to in the clear");
            let mistake = Mistake::new(*name, reason);
            let hint = "use https://, or set DOCFERRY_ALLOW_HTTP=true in a network that you trust";
            mistakes.add(mistake.hint(hint));
        }
    }
}

fn host_of(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// "the name `localhost.` and any names falling within `.localhost.`" (RFC
/// 6761, section 6.3), and the loopback addresses.
fn is_here(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_be_spoken_to_in_the_clear() {
        for (url, fine) in [
            ("https://s3.example.org", true),
            ("http://127.0.0.1:9000/x", true),
            ("http://127.8.8.8", true),
            ("http://[::1]:9000", true),
            ("http://localhost", true),
            ("http://docs.localhost:80", true),
            ("http://minio:9000", false),
            ("http://10.0.0.1", false),
            ("http://localhost.example.org", false),
            ("http://127.0.0.1@example.org/", false),
            ("http://example.org?localhost", false),
        ] {
            let mut mistakes = Mistakes::default();
            check(&[("AWS_ENDPOINT_URL_S3".into(), url.into())], &mut mistakes);
            assert_eq!(mistakes.is_empty(), fine, "{url}");
        }
    }
}
