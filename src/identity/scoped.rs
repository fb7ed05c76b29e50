//! The session policy that `scoped` stands for: a session can do what its role
//! may do and this policy allows, and nothing else ("Session policies", IAM
//! User Guide).

use serde_json::json;

use crate::rules::ObjectRules;
use crate::settings::SyncSettings;
use crate::types::Destination;

/// Just what an upload to this destination needs. Unless the settings name the
/// key of the encryption, any key may be used, but only by S3 and only where
/// the role and the key's policy allow it, too.
pub(super) fn policy(
    destination: &Destination,
    objects: &ObjectRules,
    sync: &SyncSettings,
    partition: &str,
    region: &str,
) -> String {
    let Destination { bucket, prefix } = destination;
    let mut actions = objects.actions();
    actions.extend(sync.actions());
    actions.push("s3:AbortMultipartUpload");
    // Only an ARN of a key, rather than of an alias, names a resource.
    let key = objects
        .kms_key()
        .filter(|key| key.starts_with("arn:") && key.contains(":key/"));
    let mut kms = json!({
        "Effect": "Allow",
        "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
        "Resource": key.unwrap_or("*"),
    });
    if key.is_none() {
        let suffix = match partition {
            "aws-cn" => "amazonaws.com.cn",
            _ => "amazonaws.com",
        };
        let service = format!("s3.{region}.{suffix}");
        kms["Condition"] = json!({"StringEquals": {"kms:ViaService": service}});
    }
    let mut statements = vec![
        json!({
            "Effect": "Allow",
            "Action": actions,
            "Resource": format!("arn:{partition}:s3:::{bucket}/{}*", literal(prefix.as_str())),
        }),
        kms,
    ];
    if sync.looks() {
        let below = format!("{}*", literal(prefix.as_str()));
        statements.push(json!({
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": format!("arn:{partition}:s3:::{bucket}"),
            "Condition": {"StringLike": {"s3:prefix": below}},
        }));
    }
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    ascii(&policy.to_string())
}

/// STS takes no character beyond U+00FF in a policy ("AssumeRole", AWS STS API
/// Reference); JSON has another way to write them.
fn ascii(json: &str) -> String {
    use std::fmt::Write as _;
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            ascii.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // A String takes everything.
            write!(ascii, "\\u{unit:04x}").unwrap_or_default();
        }
    }
    ascii
}

/// What would be a wildcard or a variable in a policy's resource, as itself
/// ("IAM policy elements: Variables and tags", IAM User Guide).
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '*' | '?' | '$' => literal.extend(["${", &c.to_string(), "}"]),
            _ => literal.push(c),
        }
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::globs::Globs;
    use crate::rules::Header;
    use crate::settings::{Compare, Lock, MaxDelete, Mode};

    #[test]
    fn the_policy_names_the_prefix_and_nothing_beside_it() {
        let destination = "s3://docs/a*b/".parse().unwrap();
        let mut objects = ObjectRules::default();
        let mut sync = SyncSettings {
            mode: Mode::Copy,
            compare: Compare::Auto,
            keep: Globs::default(),
            max_delete: MaxDelete {
                percent: None,
                number: None,
            },
            lock: Lock::Off,
            manifest_key: None,
        };
        let scoped_for = |objects: &ObjectRules, sync: &SyncSettings| {
            policy(&destination, objects, sync, "aws-cn", "cn-north-1")
        };
        let copy = sync.clone();
        let scoped = |objects: &ObjectRules| scoped_for(objects, &copy);
        let key = "arn:aws-cn:kms:cn-north-1:222222222222:key/1234";
        let without_key = scoped(&objects);
        objects.common = vec![
            Header::new("x-amz-server-side-encryption-aws-kms-key-id", key),
            Header::new("x-amz-acl", "private"),
        ];
        let with_key = scoped(&objects);
        assert!(with_key.contains(key) && !with_key.contains("kms:ViaService"));
        assert!(with_key.contains("s3:PutObjectAcl") && !without_key.contains("Acl"));
        let policy = without_key;
        assert!(policy.contains("arn:aws-cn:s3:::docs/a${*}b/*"), "{policy}");
        assert!(
            policy.contains("s3.cn-north-1.amazonaws.com.cn"),
            "{policy}"
        );
        assert!(!policy.contains("s3:GetObject") && !policy.contains("s3:ListBucket"));
        sync.mode = Mode::Sync;
        let with_sync = scoped_for(&objects, &sync);
        assert!(
            with_sync.contains(r#""s3:prefix":"a${*}b/*""#),
            "{with_sync}"
        );
        assert!(with_sync.contains("s3:GetObject") && !with_sync.contains("s3:DeleteObject"));
        sync.mode = Mode::Mirror;
        assert!(scoped_for(&objects, &sync).contains("s3:DeleteObject"));
        assert!(policy.len() < 2048);
        assert_eq!(ascii("\"文🚢\""), r#""\u6587\ud83d\udea2""#);
    }
}
