//! The session policy that `scoped` stands for: a session can do what its role
//! may do and this policy allows, and nothing else ("Session policies", IAM
//! User Guide).

use serde_json::json;

use crate::types::Destination;

/// Just what an upload to this destination needs. The key of the bucket's
/// encryption is not known here, so any key may be used, but only by S3 and
/// only where the role and the key's policy allow it, too.
pub(super) fn policy(destination: &Destination, partition: &str, region: &str) -> String {
    let Destination { bucket, prefix } = destination;
    let suffix = if partition == "aws-cn" {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
                "Resource": format!("arn:{partition}:s3:::{bucket}/{}*", literal(prefix.as_str())),
            },
            {
                "Effect": "Allow",
                "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
                "Resource": "*",
                "Condition": {"StringEquals": {"kms:ViaService": format!("s3.{region}.{suffix}")}},
            },
        ],
    })
    .to_string()
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

    #[test]
    fn the_policy_names_the_prefix_and_nothing_beside_it() {
        let destination = "s3://docs/a*b/".parse().unwrap();
        let policy = policy(&destination, "aws-cn", "cn-north-1");
        assert!(policy.contains("arn:aws-cn:s3:::docs/a${*}b/*"), "{policy}");
        assert!(
            policy.contains("s3.cn-north-1.amazonaws.com.cn"),
            "{policy}"
        );
        assert!(policy.len() < 2048);
    }
}
