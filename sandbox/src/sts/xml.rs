//! Owns STS's XML.

use time::OffsetDateTime;

use crate::identity::{Caller, Session};
use crate::server::AwsError;
use crate::text;

use super::web_identity::Shown;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

fn element(name: &str, value: &str) -> String {
    format!("<{name}>{}</{name}>", text::xml(value))
}

fn response(action: &str, result: &str, request_id: &str) -> String {
    format!(
        "<{action}Response xmlns=\"{NAMESPACE}\">\n<{action}Result>{result}</{action}Result>\n<ResponseMetadata>{}</ResponseMetadata>\n</{action}Response>\n",
        element("RequestId", request_id)
    )
}

fn session_elements(session: &Session) -> String {
    let expires = OffsetDateTime::from_unix_timestamp(session.expires())
        .map(text::iso_date)
        .unwrap_or_default();
    format!(
        "<AssumedRoleUser>{}{}</AssumedRoleUser><Credentials>{}{}{}{}</Credentials>",
        element("AssumedRoleId", &session.user_id),
        element("Arn", &session.arn),
        element("AccessKeyId", &session.access_key_id),
        element("SecretAccessKey", &session.secret),
        element("SessionToken", &session.token),
        element("Expiration", &expires),
    )
}

fn source_identity(session: &Session) -> String {
    session
        .new
        .source_identity
        .as_deref()
        .map(|identity| element("SourceIdentity", identity))
        .unwrap_or_default()
}

pub(crate) fn assume_role(session: &Session, packed: Option<usize>, request_id: &str) -> String {
    let packed = packed
        .map(|percent| element("PackedPolicySize", &percent.to_string()))
        .unwrap_or_default();
    response(
        "AssumeRole",
        &format!(
            "{}{packed}{}",
            session_elements(session),
            source_identity(session)
        ),
        request_id,
    )
}

pub(crate) fn web_identity(shown: &Shown, request_id: &str) -> String {
    response(
        "AssumeRoleWithWebIdentity",
        &format!(
            "{}{}{}{}{}",
            element("SubjectFromWebIdentityToken", &shown.subject),
            element("Audience", &shown.audience),
            session_elements(&shown.session),
            element("Provider", &shown.provider),
            source_identity(&shown.session),
        ),
        request_id,
    )
}

pub(crate) fn caller_identity(caller: &Caller, request_id: &str) -> String {
    response(
        "GetCallerIdentity",
        &format!(
            "{}{}{}",
            element("Arn", &caller.arn),
            element("UserId", &caller.user_id),
            element("Account", &caller.account)
        ),
        request_id,
    )
}

pub(crate) fn error(error: &AwsError, request_id: &str) -> String {
    let kind = if error.status.is_server_error() {
        "Receiver"
    } else {
        "Sender"
    };
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\">\n<Error>{}{}{}</Error>\n{}\n</ErrorResponse>\n",
        element("Type", kind),
        element("Code", &error.code),
        element("Message", &error.message),
        element("RequestId", request_id)
    )
}
