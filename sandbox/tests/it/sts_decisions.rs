//! Who may become whom: caller's side, role's side, external id, tags, source
//! identity, chains; and the texts of the refusals.

use docferry_sandbox::{Sandbox, SessionWish};
use serde_json::{Value, json};

use crate::client::send;
use crate::world::{CI, Client, WRITER, allow, sts_request, trusts};

const DENIED: &str = "User: arn:aws:iam::111111111111:user/ci is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::222222222222:role/docs-writer";

struct Case {
    what: &'static str,
    caller: Option<Value>,
    trust: Option<Value>,
    parameters: Vec<(&'static str, &'static str)>,
    refused: Option<(u16, &'static str, &'static str)>,
}

fn trust_if(actions: Value, condition: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": CI}, "Action": actions, "Condition": condition
    }]})
}

#[test]
fn both_sides_decide() {
    let may = || Some(allow("sts:*", WRITER));
    let external = || {
        Some(trust_if(
            json!("sts:AssumeRole"),
            json!({"StringEquals": {"sts:ExternalId": "docs-42"}}),
        ))
    };
    let denied = Some((403, "AccessDenied", DENIED));
    let tag_denied = "User: arn:aws:iam::111111111111:user/ci is not authorized to perform: sts:TagSession on resource: arn:aws:iam::222222222222:role/docs-writer";
    let tags = || {
        vec![
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "web"),
        ]
    };
    let case = |what, caller, trust, parameters, refused| Case {
        what,
        caller,
        trust,
        parameters,
        refused,
    };
    let table = vec![
        case(
            "both allow, user named",
            may(),
            Some(trusts(CI)),
            vec![],
            None,
        ),
        case(
            "both allow, account named",
            may(),
            Some(trusts("111111111111")),
            vec![],
            None,
        ),
        case(
            "caller lacks sts:AssumeRole",
            None,
            Some(trusts(CI)),
            vec![],
            denied,
        ),
        case(
            "caller may another role only",
            Some(allow(
                "sts:AssumeRole",
                "arn:aws:iam::222222222222:role/other",
            )),
            Some(trusts(CI)),
            vec![],
            denied,
        ),
        case("role trusts nobody", may(), None, vec![], denied),
        case(
            "role trusts another account",
            may(),
            Some(trusts("333333333333")),
            vec![],
            denied,
        ),
        case(
            "role trusts another user",
            may(),
            Some(trusts("arn:aws:iam::111111111111:user/x")),
            vec![],
            denied,
        ),
        case(
            "external id right",
            may(),
            external(),
            vec![("ExternalId", "docs-42")],
            None,
        ),
        case(
            "external id wrong",
            may(),
            external(),
            vec![("ExternalId", "docs-43")],
            denied,
        ),
        case("external id missing", may(), external(), vec![], denied),
        case(
            "external id not asked for is no harm",
            may(),
            Some(trusts(CI)),
            vec![("ExternalId", "x1")],
            None,
        ),
        case(
            "tags, but the trust lacks sts:TagSession",
            may(),
            Some(trusts(CI)),
            tags(),
            Some((403, "AccessDenied", tag_denied)),
        ),
        case(
            "tags, but the caller lacks sts:TagSession",
            Some(allow("sts:AssumeRole", WRITER)),
            Some(trust_if(
                json!(["sts:AssumeRole", "sts:TagSession"]),
                json!({}),
            )),
            tags(),
            Some((403, "AccessDenied", tag_denied)),
        ),
        case(
            "tags, both allow",
            may(),
            Some(trust_if(
                json!(["sts:AssumeRole", "sts:TagSession"]),
                json!({}),
            )),
            tags(),
            None,
        ),
        case(
            "the trust asks for a tag's value",
            may(),
            Some(trust_if(
                json!(["sts:AssumeRole", "sts:TagSession"]),
                json!({"StringEquals": {"aws:RequestTag/team": "docs"}}),
            )),
            tags(),
            denied,
        ),
        case(
            "source identity without sts:SetSourceIdentity",
            may(),
            Some(trusts(CI)),
            vec![("SourceIdentity", "ann")],
            Some((
                403,
                "AccessDenied",
                "User: arn:aws:iam::111111111111:user/ci is not authorized to perform: sts:SetSourceIdentity",
            )),
        ),
        case(
            "source identity with it",
            may(),
            Some(trust_if(
                json!(["sts:AssumeRole", "sts:SetSourceIdentity"]),
                json!({}),
            )),
            vec![("SourceIdentity", "ann")],
            None,
        ),
        case(
            "the trust asks for a session name",
            may(),
            Some(trust_if(
                json!("sts:AssumeRole"),
                json!({"StringLike": {"sts:RoleSessionName": "docs-*"}}),
            )),
            vec![],
            denied,
        ),
        case(
            "explicit deny of the caller",
            Some(json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "sts:*", "Resource": "*"},
                {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": WRITER}]})),
            Some(trusts(CI)),
            vec![],
            denied,
        ),
    ];
    let aws = Sandbox::start();
    let key = aws.user(CI).access_key();
    let client = Client::user(&aws, &key);
    for case in table {
        let user = aws.user(CI).without_policies();
        if let Some(policy) = &case.caller {
            user.policy(policy);
        }
        let role = aws.role(WRITER);
        match &case.trust {
            Some(trust) => drop(role.trust(trust)),
            None => {
                role.delete();
                aws.role(WRITER);
            }
        }
        let mut parameters = vec![("RoleArn", WRITER), ("RoleSessionName", "job-7")];
        parameters.extend(case.parameters);
        let answer = client.sts("AssumeRole", &parameters);
        println!("{}", case.what);
        match case.refused {
            None => {
                answer.ok();
            }
            Some((status, code, message)) => answer.refused(status, code, message),
        }
    }
}

#[test]
fn a_missing_role_is_answered_as_one_that_does_not_trust_us() {
    let aws = Sandbox::start();
    let key = aws.user(CI).policy(allow("sts:*", "*")).access_key();
    let client = Client::user(&aws, &key);
    client
        .sts(
            "AssumeRole",
            &[("RoleArn", WRITER), ("RoleSessionName", "job-7")],
        )
        .refused(403, "AccessDenied", DENIED);
    // The same for a role of another partition.
    let foreign = "arn:aws-cn:iam::222222222222:role/docs-writer";
    aws.role(foreign)
        .trust(json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}));
    client
        .sts(
            "AssumeRole",
            &[("RoleArn", foreign), ("RoleSessionName", "job-7")],
        )
        .refused(
            403,
            "AccessDenied",
            "User: arn:aws:iam::111111111111:user/ci",
        );
}

#[test]
fn credentials_have_the_shape_of_aws() {
    let aws = Sandbox::start();
    let key = aws.user(CI).policy(allow("sts:*", "*")).access_key();
    aws.role("arn:aws:iam::222222222222:role/ci/docs-writer")
        .trust(trusts(CI));
    let client = Client::user(&aws, &key);
    let answer = client
        .sts(
            "AssumeRole",
            &[
                ("RoleArn", "arn:aws:iam::222222222222:role/ci/docs-writer"),
                ("RoleSessionName", "job-7"),
            ],
        )
        .ok();
    assert!(
        answer
            .text()
            .contains("<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">")
    );
    assert_eq!(
        answer.element("Arn").unwrap(),
        "arn:aws:sts::222222222222:assumed-role/docs-writer/job-7"
    );
    let id = answer.element("AssumedRoleId").unwrap();
    assert!(id.starts_with("AROA") && id.ends_with(":job-7"));
    assert!(answer.element("AccessKeyId").unwrap().starts_with("ASIA"));
    assert_eq!(answer.element("SecretAccessKey").unwrap().len(), 40);
    assert!(answer.element("SessionToken").unwrap().len() > 300);
    assert!(answer.element("Expiration").unwrap().ends_with('Z'));
    assert_eq!(answer.header("content-type"), Some("text/xml"));
    assert_eq!(
        answer.header("x-amzn-requestid").map(str::to_owned),
        answer.element("RequestId")
    );

    let session = client.assume("arn:aws:iam::222222222222:role/ci/docs-writer", &[]);
    let me = session.sts("GetCallerIdentity", &[]).ok();
    assert_eq!(
        me.element("Arn").unwrap(),
        "arn:aws:sts::222222222222:assumed-role/docs-writer/job-7"
    );
    assert_eq!(me.element("Account").unwrap(), "222222222222");
    assert!(me.element("UserId").unwrap().ends_with(":job-7"));
}

#[test]
fn who_am_i_needs_no_permission_but_sound_credentials() {
    let aws = Sandbox::start();
    let user = aws
        .user(CI)
        .policy(json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Action": "*", "Resource": "*"}]}));
    let key = user.access_key();
    let mut client = Client::user(&aws, &key);
    let me = client.sts("GetCallerIdentity", &[]).ok();
    assert_eq!(me.element("Arn").unwrap(), CI);
    assert!(me.element("UserId").unwrap().starts_with("AIDA"));

    client.signer.secret.push('x');
    client.sts("GetCallerIdentity", &[]).refused(
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    );
    client.signer.secret.pop();
    client.signer.token = Some("stale".into());
    client.sts("GetCallerIdentity", &[]).refused(
        403,
        "InvalidClientTokenId",
        "The security token included in the request is invalid",
    );
    client.signer.token = None;
    user.delete_key(&key.id);
    client.sts("GetCallerIdentity", &[]).refused(
        403,
        "InvalidClientTokenId",
        "The security token included in the request is invalid",
    );
    let unsigned = sts_request(&client.address(), "GetCallerIdentity", &[]);
    send(&client.address(), &unsigned).unwrap().refused(
        403,
        "MissingAuthenticationToken",
        "Request is missing Authentication Token",
    );
}

#[test]
fn region_and_clock_are_checked() {
    let aws = Sandbox::start();
    let key = aws.user(CI).access_key();
    Client::user(&aws, &key)
        .region("eu-central-1")
        .sts("GetCallerIdentity", &[])
        .refused(
            403,
            "SignatureDoesNotMatch",
            "Credential should be scoped to a valid region, not 'eu-central-1'.",
        );
    let client = Client::user(&aws, &key);
    for (forward, minutes, begins) in [
        (true, 4, None),
        (true, 6, Some("Signature expired: ")),
        (false, 6, Some("Signature not yet current: ")),
    ] {
        let shift = std::time::Duration::from_mins(minutes);
        let mut request = sts_request(&client.address(), "GetCallerIdentity", &[]);
        let mut signer = client.signer.clone();
        signer.service = "sts".into();
        signer.time = aws.clock().now();
        signer.sign(&mut request);
        if forward {
            aws.clock().advance(shift);
        } else {
            aws.clock().rewind(shift);
        }
        let answer = send(&client.address(), &request).unwrap();
        match begins {
            None => {
                answer.ok();
            }
            Some(text) => answer.refused(403, "SignatureDoesNotMatch", text),
        }
        aws.clock().reset();
    }
}

#[test]
fn an_expired_session_is_told_so() {
    let aws = Sandbox::start();
    let session = aws.issue_session(
        WRITER,
        SessionWish::new("s").duration(std::time::Duration::from_mins(15)),
    );
    let client = Client::session(&aws, &session);
    client.sts("GetCallerIdentity", &[]).ok();
    aws.clock().advance(std::time::Duration::from_secs(899));
    client.sts("GetCallerIdentity", &[]).ok();
    aws.clock().advance(std::time::Duration::from_secs(2));
    client.sts("GetCallerIdentity", &[]).refused(
        403,
        "ExpiredToken",
        "The security token included in the request is expired",
    );
}

#[test]
fn tags_and_source_identity_travel_along_a_chain() {
    let middle = "arn:aws:iam::111111111111:role/middle";
    let aws = Sandbox::start();
    let key = aws.user(CI).policy(allow("sts:*", "*")).access_key();
    let all = json!(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]);
    aws.role(middle)
        .policy(allow("sts:*", "*"))
        .trust(json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": CI}, "Action": all}]}));
    let chained = |actions: Value| {
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": middle}, "Action": actions,
            "Condition": {"StringEquals": {"aws:RequestTag/team": "web"}}}]})
    };
    let client = Client::user(&aws, &key);
    let first = client.assume(
        middle,
        &[
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "web"),
            ("TransitiveTagKeys.member.1", "team"),
            ("SourceIdentity", "ann"),
        ],
    );
    let call = [("RoleArn", WRITER), ("RoleSessionName", "job-7")];
    // What is passed on needs the same permissions as what is given.
    aws.role(WRITER).trust(chained(json!("sts:AssumeRole")));
    first
        .sts("AssumeRole", &call)
        .refused(403, "AccessDenied", "User: arn:aws:sts::111111111111:assumed-role/middle/job-7 is not authorized to perform: sts:TagSession");
    aws.role(WRITER).trust(chained(all));
    let answer = first.sts("AssumeRole", &call).ok();
    assert_eq!(answer.element("SourceIdentity").unwrap(), "ann");
    first
        .sts(
            "AssumeRole",
            &[
                call[0],
                call[1],
                ("Tags.member.1.Key", "Team"),
                ("Tags.member.1.Value", "x"),
            ],
        )
        .refused(
            400,
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set",
        );
}
