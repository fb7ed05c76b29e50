//! Decisions of the policy engine, each with the page of AWS's documentation
//! that it comes from.

use std::sync::Arc;

use docferry_sandbox::policy::{
    Authority, Context, Decision, Document, Kind, Policies, Request, Requester, Side, evaluate,
};
use serde_json::{Value, json};

const LOGIC: &str = "Policy evaluation logic";
const WITHIN: &str = "Policy evaluation for requests within a single account";
const ACROSS: &str = "Cross-account policy evaluation logic";
const PRINCIPAL: &str = "AWS JSON policy elements: Principal";
const RESOURCE: &str = "IAM JSON policy elements: Resource";
const ACTION: &str = "IAM JSON policy elements: Action";
const OPERATORS: &str = "IAM JSON policy elements: Condition operators";
const SETS: &str = "Set operators for multi-valued context keys";
const VARIABLES: &str = "IAM policy elements: Variables and tags";
const SESSIONS: &str = "Policies and permissions in AWS Identity and Access Management";
const TRUST: &str = "How to use trust policies with IAM roles";
const KEY: &str = "Key policies in AWS KMS";

const OBJECT: &str = "arn:aws:s3:::docs/site/index.html";
const ROLE: &str = "arn:aws:iam::222222222222:role/writer";
const SESSION: &str = "arn:aws:sts::222222222222:assumed-role/writer/job";

struct Row {
    page: &'static str,
    what: &'static str,
    who: Requester,
    action: &'static str,
    resource: &'static str,
    owner: &'static str,
    identity: Vec<Value>,
    session: Option<Value>,
    on_resource: Option<(Kind, Value)>,
    keys: Vec<(&'static str, Vec<&'static str>)>,
    expected: Decision,
}

fn user(account: &str) -> Requester {
    Requester::User {
        arn: format!("arn:aws:iam::{account}:user/ci"),
        account: account.to_owned(),
    }
}

fn session() -> Requester {
    Requester::Session {
        session_arn: SESSION.to_owned(),
        role_arn: ROLE.to_owned(),
        account: "222222222222".to_owned(),
    }
}

/// A user of the owner's account puts an object; nothing allows it.
fn row(page: &'static str, what: &'static str) -> Row {
    Row {
        page,
        what,
        who: user("222222222222"),
        action: "s3:PutObject",
        resource: OBJECT,
        owner: "222222222222",
        identity: Vec::new(),
        session: None,
        on_resource: None,
        keys: Vec::new(),
        expected: Decision::ImplicitDeny(Side::Identity),
    }
}

impl Row {
    fn who(mut self, who: Requester) -> Self {
        self.who = who;
        self
    }

    fn action(mut self, action: &'static str) -> Self {
        self.action = action;
        self
    }

    fn resource(mut self, resource: &'static str) -> Self {
        self.resource = resource;
        self
    }

    fn identity(mut self, statement: Value) -> Self {
        self.identity.push(document(statement));
        self
    }

    fn session(mut self, statement: Value) -> Self {
        self.session = Some(document(statement));
        self
    }

    fn bucket(mut self, statement: Value) -> Self {
        self.on_resource = Some((Kind::Bucket, document(statement)));
        self
    }

    fn key_policy(mut self, statement: Value) -> Self {
        self.on_resource = Some((Kind::Key, document(statement)));
        self
    }

    fn trust(mut self, statement: Value) -> Self {
        self.on_resource = Some((Kind::Trust, document(statement)));
        self
    }

    fn key(mut self, key: &'static str, values: &[&'static str]) -> Self {
        self.keys.push((key, values.to_vec()));
        self
    }

    fn allowed(mut self) -> Self {
        self.expected = Decision::Allow;
        self
    }

    fn gives(mut self, decision: Decision) -> Self {
        self.expected = decision;
        self
    }
}

fn document(statement: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": statement})
}

fn allow() -> Value {
    json!({"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::docs/*"})
}

fn allow_if(condition: Value) -> Value {
    let mut statement = allow();
    statement["Condition"] = condition;
    statement
}

fn grant(principal: Value) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::docs/*"})
}

fn deny() -> Value {
    json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"})
}

fn check(rows: Vec<Row>) {
    for row in rows {
        let parse = |kind, value: &Value| {
            Document::parse(kind, &value.to_string())
                .unwrap_or_else(|reason| panic!("{}: {}: {reason}", row.page, row.what))
        };
        let identity: Vec<Arc<Document>> = row
            .identity
            .iter()
            .map(|value| Arc::new(parse(Kind::Identity, value)))
            .collect();
        let session = row
            .session
            .as_ref()
            .map(|value| parse(Kind::Session, value));
        let resource = row
            .on_resource
            .as_ref()
            .map(|(kind, value)| parse(*kind, value));
        let authority = match row.on_resource {
            Some((Kind::Key | Kind::Trust, _)) => Authority::ResourceMustAllow,
            _ => Authority::EitherSide,
        };
        let mut context = Context::new();
        for (key, values) in &row.keys {
            context.set_all(key, values.iter().map(|&value| value.to_owned()).collect());
        }
        let decision = evaluate(
            Request {
                requester: &row.who,
                action: row.action,
                resource: row.resource,
                resource_account: row.owner,
                context: &context,
            },
            Policies {
                identity: &identity,
                session: session.as_ref(),
                resource: resource.as_ref(),
            },
            authority,
        );
        assert_eq!(decision, row.expected, "{}: {}", row.page, row.what);
    }
}

#[test]
fn one_account() {
    let arn = || json!({"AWS": "arn:aws:iam::222222222222:user/ci"});
    check(vec![
        row(LOGIC, "nothing allows: implicit deny"),
        row(LOGIC, "an identity policy allows")
            .identity(allow())
            .allowed(),
        row(LOGIC, "an explicit deny overrides the allow")
            .identity(allow())
            .identity(deny())
            .gives(Decision::ExplicitDeny(Side::Identity)),
        row(
            LOGIC,
            "a deny of the bucket policy overrides the identity's allow",
        )
        .identity(allow())
        .bucket(json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*",
                "Resource": "arn:aws:s3:::docs/*"}))
        .gives(Decision::ExplicitDeny(Side::Resource)),
        row(WITHIN, "a resource policy that names the user suffices")
            .bucket(grant(arn()))
            .allowed(),
        row(
            PRINCIPAL,
            "naming the account only delegates to its identity policies",
        )
        .bucket(grant(json!({"AWS": "arn:aws:iam::222222222222:root"}))),
        row(
            PRINCIPAL,
            "an account id is the same as its root ARN, now with an identity policy",
        )
        .bucket(grant(json!({"AWS": "222222222222"})))
        .identity(allow())
        .allowed(),
        row(PRINCIPAL, "another user's ARN is nothing to us").bucket(grant(
            json!({"AWS": "arn:aws:iam::222222222222:user/other"}),
        )),
        row(PRINCIPAL, "NotPrincipal with Deny spares the named, with his account")
            .identity(allow())
            .bucket(
                json!({"Effect": "Deny", "NotPrincipal": {"AWS": ["arn:aws:iam::222222222222:user/ci", "222222222222"]}, "Action": "s3:*",
                "Resource": "arn:aws:s3:::docs/*"}),
            )
            .allowed(),
        row(
            "AWS JSON policy elements: NotPrincipal",
            "the user without his account is not spared",
        )
        .identity(allow())
        .bucket(
            json!({"Effect": "Deny", "NotPrincipal": arn(), "Action": "s3:*",
                "Resource": "arn:aws:s3:::docs/*"}),
        )
        .gives(Decision::ExplicitDeny(Side::Resource)),
        row(PRINCIPAL, "NotPrincipal with Deny hits all others")
            .identity(allow())
            .bucket(json!({"Effect": "Deny",
                "NotPrincipal": {"AWS": "arn:aws:iam::222222222222:user/other"},
                "Action": "s3:*", "Resource": "arn:aws:s3:::docs/*"}))
            .gives(Decision::ExplicitDeny(Side::Resource)),
        row(PRINCIPAL, "a service principal is not us")
            .bucket(grant(json!({"Service": "cloudfront.amazonaws.com"}))),
    ]);
}

#[test]
fn sessions() {
    let by_role = || json!({"AWS": ROLE});
    check(vec![
        row(SESSIONS, "identity and session policy both allow")
            .who(session())
            .identity(allow())
            .session(allow())
            .allowed(),
        row(SESSIONS, "the session policy is silent")
            .who(session())
            .identity(allow())
            .session(json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}))
            .gives(Decision::ImplicitDeny(Side::Session)),
        row(SESSIONS, "a session policy gives nothing by itself")
            .who(session())
            .session(allow()),
        row(SESSIONS, "a session policy may deny")
            .who(session())
            .identity(allow())
            .session(deny())
            .gives(Decision::ExplicitDeny(Side::Session)),
        row(WITHIN, "a grant to the role's ARN needs no identity policy")
            .who(session())
            .bucket(grant(by_role()))
            .allowed(),
        row(
            WITHIN,
            "a grant to the role's ARN is limited by the session policy",
        )
        .who(session())
        .bucket(grant(by_role()))
        .session(json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}))
        .gives(Decision::ImplicitDeny(Side::Session)),
        row(WITHIN, "a grant to the session's ARN is not")
            .who(session())
            .bucket(grant(json!({"AWS": SESSION})))
            .session(json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}))
            .allowed(),
        row(WITHIN, "a deny for the role's ARN hits its sessions")
            .who(session())
            .identity(allow())
            .bucket(
                json!({"Effect": "Deny", "Principal": by_role(), "Action": "s3:*",
                "Resource": "arn:aws:s3:::docs/*"}),
            )
            .gives(Decision::ExplicitDeny(Side::Resource)),
        row(
            PRINCIPAL,
            "another session of the role is not the one that is named",
        )
        .who(session())
        .bucket(grant(json!({"AWS":
                "arn:aws:sts::222222222222:assumed-role/writer/other"}))),
    ]);
}

#[test]
fn two_accounts() {
    let stranger = || user("111111111111");
    let named = || grant(json!({"AWS": "arn:aws:iam::111111111111:user/ci"}));
    check(vec![
        row(ACROSS, "both sides allow")
            .who(stranger())
            .identity(allow())
            .bucket(named())
            .allowed(),
        row(
            ACROSS,
            "the account is named, and its identity policy allows",
        )
        .who(stranger())
        .identity(allow())
        .bucket(grant(json!({"AWS": "111111111111"})))
        .allowed(),
        row(ACROSS, "the resource's side alone does not suffice")
            .who(stranger())
            .bucket(named()),
        row(ACROSS, "the identity's side alone does not suffice")
            .who(stranger())
            .identity(allow())
            .gives(Decision::ImplicitDeny(Side::Resource)),
        row(ACROSS, "another account is named")
            .who(stranger())
            .identity(allow())
            .bucket(grant(json!({"AWS": "333333333333"})))
            .gives(Decision::ImplicitDeny(Side::Resource)),
        row(
            ACROSS,
            "the session policy limits the identity's side, even for a named session",
        )
        .who(Requester::Session {
            session_arn: "arn:aws:sts::111111111111:assumed-role/ci/job".into(),
            role_arn: "arn:aws:iam::111111111111:role/ci".into(),
            account: "111111111111".into(),
        })
        .identity(allow())
        .session(json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}))
        .bucket(grant(
            json!({"AWS": "arn:aws:sts::111111111111:assumed-role/ci/job"}),
        ))
        .gives(Decision::ImplicitDeny(Side::Session)),
        row(PRINCIPAL, "nobody in particular, named by the star")
            .who(Requester::Anonymous)
            .bucket(grant(json!("*")))
            .allowed(),
        row(PRINCIPAL, "nobody in particular, not named")
            .who(Requester::Anonymous)
            .bucket(grant(json!({"AWS": "111111111111"})))
            .gives(Decision::ImplicitDeny(Side::Resource)),
    ]);
}

#[test]
fn where_the_resource_must_allow() {
    let assume = || json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE});
    let trusts = |principal: &str| json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"});
    let at = |what| row(TRUST, what).action("sts:AssumeRole").resource(ROLE);
    let key = "arn:aws:kms:us-east-1:222222222222:key/k";
    let use_key = || json!({"Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": "*"});
    check(vec![
        at("one account: named by the trust policy, no identity policy needed")
            .trust(trusts("arn:aws:iam::222222222222:user/ci"))
            .allowed(),
        at("one account: by the account, with an identity policy")
            .trust(trusts("222222222222"))
            .identity(assume())
            .allowed(),
        at("one account: by the account, without an identity policy").trust(trusts("222222222222")),
        at("one account: an identity policy does not replace the trust")
            .trust(trusts("111111111111"))
            .identity(assume())
            .gives(Decision::ImplicitDeny(Side::Resource)),
        at("two accounts: both sides")
            .who(user("111111111111"))
            .trust(trusts("111111111111"))
            .identity(assume())
            .allowed(),
        at("two accounts: the trust alone")
            .who(user("111111111111"))
            .trust(trusts("arn:aws:iam::111111111111:user/ci")),
        at("a web identity is let in by its provider only")
            .who(Requester::Federated {
                provider_arn: "arn:aws:iam::222222222222:oidc-provider/issuer.example".into(),
                account: "222222222222".into(),
            })
            .action("sts:AssumeRoleWithWebIdentity")
            .trust(json!({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:*"}))
            .gives(Decision::ImplicitDeny(Side::Resource)),
        row(
            KEY,
            "a key policy that names the account lets identity policies decide",
        )
        .action("kms:GenerateDataKey")
        .resource(key)
        .key_policy(json!({"Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
                "Action": "kms:*", "Resource": "*"}))
        .identity(use_key())
        .allowed(),
        row(KEY, "without the key policy, an identity policy is nothing")
            .action("kms:GenerateDataKey")
            .resource(key)
            .key_policy(json!({"Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::222222222222:user/other"},
                "Action": "kms:*", "Resource": "*"}))
            .identity(use_key())
            .gives(Decision::ImplicitDeny(Side::Resource)),
    ]);
}

#[test]
fn actions_and_resources() {
    let at = |page, what, action: &str, resource: &str| {
        row(page, what).identity(json!({"Effect": "Allow", "Action": action, "Resource": resource}))
    };
    check(vec![
        at(ACTION, "names are not case-sensitive", "S3:putobject", "*").allowed(),
        at(ACTION, "a star in an action", "s3:Put*", "*").allowed(),
        at(ACTION, "a question mark in an action", "s3:?utObject", "*").allowed(),
        at(ACTION, "another service's star", "sts:*", "*"),
        at(
            ACTION,
            "PutObject is not PutObjectAcl",
            "s3:PutObjectAcl",
            "*",
        ),
        at(
            RESOURCE,
            "a bucket's ARN without /* is no object",
            "s3:PutObject",
            "arn:aws:s3:::docs",
        ),
        at(
            RESOURCE,
            "a prefix that lacks the object",
            "s3:PutObject",
            "arn:aws:s3:::docs/other/*",
        ),
        at(
            RESOURCE,
            "a star spans slashes",
            "s3:PutObject",
            "arn:aws:s3:::docs/*.html",
        )
        .allowed(),
        at(
            RESOURCE,
            "a question mark is one character",
            "s3:PutObject",
            "arn:aws:s3:::doc?/site/index.htm?",
        )
        .allowed(),
        at(
            RESOURCE,
            "resources are case-sensitive",
            "s3:PutObject",
            "arn:aws:s3:::Docs/*",
        ),
        at(
            RESOURCE,
            "a star within one part of the ARN",
            "s3:PutObject",
            "arn:aws:*:::*",
        )
        .allowed(),
        at(
            RESOURCE,
            "another partition",
            "s3:PutObject",
            "arn:aws-cn:s3:::docs/*",
        ),
        row(ACTION, "NotAction allows all others")
            .identity(json!({"Effect": "Allow", "NotAction": "s3:DeleteObject", "Resource": "*"}))
            .allowed(),
        row(RESOURCE, "NotResource denies all others")
            .identity(allow())
            .identity(json!({"Effect": "Deny", "Action": "s3:*",
                "NotResource": "arn:aws:s3:::docs/other/*"}))
            .gives(Decision::ExplicitDeny(Side::Identity)),
        row(RESOURCE, "the bucket itself, for s3:ListBucket")
            .action("s3:ListBucket")
            .resource("arn:aws:s3:::docs")
            .identity(json!({"Effect": "Allow", "Action": "s3:ListBucket",
                "Resource": "arn:aws:s3:::docs/*"})),
    ]);
}

#[test]
fn conditions() {
    let at = |page, what, condition: Value| row(page, what).identity(allow_if(condition));
    let acl = "s3:x-amz-acl";
    let tag = "aws:PrincipalTag/team";
    check(vec![
        at(
            OPERATORS,
            "StringEquals, equal",
            json!({"StringEquals": {acl: "private"}}),
        )
        .key(acl, &["private"])
        .allowed(),
        at(
            OPERATORS,
            "StringEquals, several values are alternatives",
            json!({"StringEquals": {acl: ["x", "private"]}}),
        )
        .key(acl, &["private"])
        .allowed(),
        at(
            OPERATORS,
            "StringEquals takes no wildcards",
            json!({"StringEquals": {acl: "priv*"}}),
        )
        .key(acl, &["private"]),
        at(
            OPERATORS,
            "StringEquals, absent key",
            json!({"StringEquals": {acl: "private"}}),
        ),
        at(
            OPERATORS,
            "StringEqualsIfExists, absent key",
            json!({"StringEqualsIfExists": {acl: "private"}}),
        )
        .allowed(),
        at(
            OPERATORS,
            "StringEqualsIfExists, wrong value",
            json!({"StringEqualsIfExists": {acl: "private"}}),
        )
        .key(acl, &["public-read"]),
        at(
            OPERATORS,
            "StringNotEquals, absent key: true",
            json!({"StringNotEquals": {acl: "public-read"}}),
        )
        .allowed(),
        at(
            OPERATORS,
            "StringNotEquals, none of several may be equal",
            json!({"StringNotEquals": {acl: ["a", "b"]}}),
        )
        .key(acl, &["b"]),
        at(
            OPERATORS,
            "StringEqualsIgnoreCase",
            json!({"StringEqualsIgnoreCase": {acl: "PRIVATE"}}),
        )
        .key(acl, &["private"])
        .allowed(),
        at(
            OPERATORS,
            "StringLike",
            json!({"StringLike": {acl: "priv?t*"}}),
        )
        .key(acl, &["private"])
        .allowed(),
        at(
            OPERATORS,
            "StringNotLike",
            json!({"StringNotLike": {acl: "pub*"}}),
        )
        .key(acl, &["public-read"]),
        at(
            OPERATORS,
            "several keys must all hold",
            json!({"StringEquals": {acl: "private", "aws:username": "ci"}}),
        )
        .key(acl, &["private"])
        .key("aws:username", &["other"]),
        at(
            OPERATORS,
            "several operators must all hold",
            json!({"StringEquals": {acl: "private"}, "Bool": {"aws:SecureTransport": "true"}}),
        )
        .key(acl, &["private"])
        .key("aws:SecureTransport", &["false"]),
        at(
            OPERATORS,
            "NumericLessThanEquals",
            json!({"NumericLessThanEquals": {"s3:max-keys": "10"}}),
        )
        .key("s3:max-keys", &["10"])
        .allowed(),
        at(
            OPERATORS,
            "NumericGreaterThan compares numbers, not text",
            json!({"NumericGreaterThan": {"s3:max-keys": "9"}}),
        )
        .key("s3:max-keys", &["10"])
        .allowed(),
        at(
            OPERATORS,
            "DateLessThan",
            json!({"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}),
        )
        .key("aws:CurrentTime", &["2025-12-31T23:59:59Z"])
        .allowed(),
        at(
            OPERATORS,
            "DateGreaterThan, too early",
            json!({"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}),
        )
        .key("aws:CurrentTime", &["2025-12-31T23:59:59Z"]),
        at(
            OPERATORS,
            "IpAddress in a range",
            json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        )
        .key("aws:SourceIp", &["10.9.8.7"])
        .allowed(),
        at(
            OPERATORS,
            "IpAddress outside",
            json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        )
        .key("aws:SourceIp", &["11.0.0.1"]),
        at(
            OPERATORS,
            "NotIpAddress",
            json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        )
        .key("aws:SourceIp", &["10.9.8.7"]),
        at(
            OPERATORS,
            "ArnLike",
            json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/w*"}}),
        )
        .key("aws:PrincipalArn", &[ROLE])
        .allowed(),
        at(
            OPERATORS,
            "ArnEquals takes wildcards, too",
            json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::2222*:role/writer"}}),
        )
        .key("aws:PrincipalArn", &[ROLE])
        .allowed(),
        at(
            OPERATORS,
            "ArnLike: a star does not pass a colon",
            json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:*:role/writer"}}),
        )
        .key("aws:PrincipalArn", &[ROLE]),
        at(
            OPERATORS,
            "Null true: the key must be absent",
            json!({"Null": {acl: "true"}}),
        )
        .allowed(),
        at(
            OPERATORS,
            "Null true, present",
            json!({"Null": {acl: "true"}}),
        )
        .key(acl, &["private"]),
        at(
            OPERATORS,
            "Null false: the key must be present",
            json!({"Null": {acl: "false"}}),
        ),
        at(
            SETS,
            "ForAllValues, all fit",
            json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}),
        )
        .key("aws:TagKeys", &["a", "b"])
        .allowed(),
        at(
            SETS,
            "ForAllValues, one does not",
            json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}),
        )
        .key("aws:TagKeys", &["a", "c"]),
        at(
            SETS,
            "ForAllValues, absent key: true",
            json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}),
        )
        .allowed(),
        at(
            SETS,
            "ForAnyValue, one fits",
            json!({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}}),
        )
        .key("aws:TagKeys", &["c", "a"])
        .allowed(),
        at(
            SETS,
            "ForAnyValue, absent key: false",
            json!({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}}),
        ),
        row(VARIABLES, "a principal tag in the resource")
            .identity(json!({"Effect": "Allow", "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::docs/${aws:PrincipalTag/team}/*"}))
            .key(tag, &["site"])
            .allowed(),
        row(
            VARIABLES,
            "a variable without a value lets the statement match nothing",
        )
        .identity(json!({"Effect": "Allow", "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::docs/${aws:PrincipalTag/team}/*"})),
        row(VARIABLES, "a default value")
            .identity(json!({"Effect": "Allow", "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::docs/${aws:PrincipalTag/team, 'site'}/*"}))
            .allowed(),
        row(VARIABLES, "a star in the value is no wildcard")
            .identity(json!({"Effect": "Allow", "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::docs/${aws:PrincipalTag/team}"}))
            .key(tag, &["*"]),
        row(VARIABLES, "${*} is the character itself")
            .identity(json!({"Effect": "Allow", "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::docs/${*}"})),
        at(
            VARIABLES,
            "a variable in a condition",
            json!({"StringEquals": {"s3:prefix": "home/${aws:username}"}}),
        )
        .key("s3:prefix", &["home/ci"])
        .key("aws:username", &["ci"])
        .allowed(),
    ]);
}

#[test]
fn version_2008_knows_no_variables() {
    let policy = json!({"Version": "2008-10-17", "Statement": [{"Effect": "Allow",
        "Action": "s3:PutObject", "Resource": "arn:aws:s3:::docs/${aws:PrincipalTag/team}/*"}]});
    let identity = [Arc::new(
        Document::parse(Kind::Identity, &policy.to_string()).unwrap(),
    )];
    let mut context = Context::new();
    context.set("aws:PrincipalTag/team", "site");
    let decision = evaluate(
        Request {
            requester: &user("222222222222"),
            action: "s3:PutObject",
            resource: OBJECT,
            resource_account: "222222222222",
            context: &context,
        },
        Policies {
            identity: &identity,
            ..Policies::default()
        },
        Authority::EitherSide,
    );
    assert!(!decision.is_allow());
}

#[test]
fn what_is_not_modelled_is_refused_at_set_up() {
    let statement = |extra: Value| {
        let mut statement = allow();
        for (name, value) in extra.as_object().unwrap() {
            statement[name] = value.clone();
        }
        document(statement)
    };
    let table: Vec<(Kind, Value, &str)> = vec![
        (
            Kind::Identity,
            statement(json!({"Condition": {"StringMatches": {"s3:prefix": "x"}}})),
            "unknown condition operator",
        ),
        (
            Kind::Identity,
            statement(json!({"Condition": {"StringEquals": {"aws:Moon": "x"}}})),
            "unknown condition key",
        ),
        (
            Kind::Identity,
            statement(json!({"Resource": "arn:aws:s3:::docs/${aws:Moon}"})),
            "unknown policy variable",
        ),
        (
            Kind::Identity,
            statement(json!({"Condition": {"NumericEquals": {"s3:max-keys": "ten"}}})),
            "cannot take the value",
        ),
        (
            Kind::Identity,
            statement(json!({"Actions": "s3:*"})),
            "unknown element",
        ),
        (
            Kind::Identity,
            statement(json!({"Principal": "*"})),
            "should not specify a principal",
        ),
        (
            Kind::Identity,
            statement(json!({"Resource": "docs/*"})),
            "must be in ARN format",
        ),
        (
            Kind::Identity,
            statement(json!({"Action": "PutObject"})),
            "must be service:action",
        ),
        (
            Kind::Identity,
            json!({"Version": "2012-10-18", "Statement": [allow()]}),
            "unknown Version",
        ),
        (
            Kind::Identity,
            json!({"Version": "2012-10-17"}),
            "Statement is missing",
        ),
        (
            Kind::Bucket,
            document(allow()),
            "Missing required field Principal",
        ),
        (
            Kind::Bucket,
            document(grant(json!({"AWS": "arn:aws:iam::111111111111:role/w*"}))),
            "wildcard cannot match part",
        ),
        (
            Kind::Bucket,
            document(
                json!({"Effect": "Allow", "Principal": {"AWS": "111111111111"},
            "Action": "s3:PutObject", "Resource": "arn:aws:s3:::docs"}),
            ),
            "does not apply to any resource",
        ),
        (
            Kind::Bucket,
            document(json!({"Effect": "Allow",
            "NotPrincipal": {"AWS": "111111111111"}, "Action": "s3:*", "Resource": "arn:aws:s3:::docs/*"})),
            "NotPrincipal with Allow",
        ),
        (
            Kind::Trust,
            document(
                json!({"Effect": "Allow", "Principal": {"AWS": "111111111111"},
            "Action": "sts:AssumeRole", "Resource": "*"}),
            ),
            "prohibited field Resource",
        ),
        (
            Kind::Trust,
            document(
                json!({"Effect": "Allow", "Principal": {"AWS": "111111111111"},
            "Action": "s3:PutObject"}),
            ),
            "may only specify STS",
        ),
    ];
    for (kind, policy, reason) in table {
        let error = Document::parse(kind, &policy.to_string()).expect_err(reason);
        assert!(error.contains(reason), "{reason:?} in {error:?}");
    }
}

#[test]
#[should_panic(expected = "unknown condition operator")]
fn an_unknown_operator_panics() {
    let aws = docferry_sandbox::Sandbox::start();
    aws.user("arn:aws:iam::111111111111:user/ci")
        .policy(document(allow_if(
            json!({"StringEqual": {"s3:prefix": "x"}}),
        )));
}

#[test]
#[should_panic(expected = "Policy has invalid resource")]
fn a_bucket_policy_for_another_bucket_panics() {
    let aws = docferry_sandbox::Sandbox::start();
    aws.bucket("other")
        .policy(document(grant(json!({"AWS": "111111111111"}))));
}

#[test]
#[should_panic(expected = "Block Public Access")]
fn a_public_bucket_policy_panics() {
    let aws = docferry_sandbox::Sandbox::start();
    aws.bucket("docs").policy(document(grant(json!("*"))));
}
