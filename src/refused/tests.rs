use super::*;
use crate::identity::Caller;

fn identity(role: bool) -> Writer {
    let arn = "arn:aws:iam::111111111111:user/ci".to_owned();
    let account = "111111111111".parse().unwrap();
    let role = role.then(|| {
        "arn:aws:iam::222222222222:role/docs-writer"
            .parse()
            .unwrap()
    });
    Writer {
        caller: Some(Caller { arn, account }),
        role,
    }
}

fn told(code: &str, message: &str, region: Option<&str>, role: bool) -> String {
    let error = AwsError {
        cause: Cause::Answered,
        code: code.to_owned(),
        message: message.to_owned(),
        request_id: Some("REQ1".to_owned()),
        status: Some(403),
        region: region.map(str::to_owned),
        identity: None,
        in_doubt: false,
    };
    let owner: AccountId = "222222222222".parse().unwrap();
    explain(
        &Failure::from(error),
        &Circumstances {
            identity: &identity(role),
            destination: &"s3://docs/site/".parse().unwrap(),
            url: "s3://docs/site/a".to_owned(),
            narrowed: true,
            owner: Some(&owner),
            said_owner: &ExpectedOwner::Writer,
            region: "us-east-1",
            objects: &ObjectRules::default(),
            asked: Asked::Put,
        },
    )
    .to_string()
}

#[test]
fn every_refusal_names_who_what_where_and_the_next_step() {
    for (code, message, region, role, parts) in [
        (
            "AccessDenied",
            "Access Denied",
            None,
            true,
            vec![
                "\"Resource\": \"arn:aws:s3:::docs/site/*\"",
                "in account 222222222222, a policy of role docs-writer",
                "must belong to account 222222222222",
                "DOCFERRY_SESSION_POLICY is set",
                "kms:GenerateDataKey",
            ],
        ),
        (
            "AccessDenied",
            "Access Denied",
            None,
            false,
            vec![
                "in the bucket's account, the policy of bucket docs must allow, too",
                "\"AWS\": \"arn:aws:iam::111111111111:user/ci\"",
                "DOCFERRY_EXPECTED_BUCKET_OWNER",
            ],
        ),
        (
            "AccessDenied",
            "… with an explicit deny in a resource-based policy",
            None,
            true,
            vec!["the policy of bucket docs denies it"],
        ),
        (
            "NoSuchBucket",
            "",
            None,
            true,
            vec!["there is no bucket docs"],
        ),
        (
            "PermanentRedirect",
            "",
            Some("eu-central-1"),
            true,
            vec![
                "another region than us-east-1",
                "set AWS_REGION=eu-central-1",
            ],
        ),
        (
            "AuthorizationHeaderMalformed",
            "the region 'us-east-1' is wrong; expecting 'eu-west-1'",
            None,
            true,
            vec!["set AWS_REGION=eu-west-1"],
        ),
        (
            "ExpiredToken",
            "",
            None,
            true,
            vec!["DOCFERRY_SESSION_DURATION"],
        ),
    ] {
        let text = told(code, message, region, role);
        let always = [
            "identity",
            "222222222222",
            "s3:PutObject",
            "s3://docs/site/a",
            "REQ1",
        ];
        for part in parts.into_iter().chain(always) {
            assert!(text.contains(part), "{code}: no {part:?} in\n{text}");
        }
    }
}

#[test]
fn what_s3_says_outright_is_not_drowned_in_guesses() {
    let text = told(
        "AccessDenied",
        "User: x is not authorized to perform: s3:PutObject because no identity-based policy allows it",
        None,
        true,
    );
    assert_eq!(text.matches("hint:").count(), 1, "{text}");
}
