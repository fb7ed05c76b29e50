//! The list of secrets, and that none of them is in the journal.

use docferry_sandbox::{Sandbox, SessionWish};

use crate::client::{Request, send};
use crate::world::{CI, Client, WRITER, docs, sts_request, trusts, writer};

fn get(url: &str, header: (&str, &str)) -> String {
    let url = url.trim_start_matches("http://");
    let (address, path) = url.split_once('/').unwrap();
    let mut request = Request::new("GET", &format!("/{path}"));
    request.header("host", address);
    request.header(header.0, header.1);
    send(address, &request).unwrap().ok().text()
}

#[test]
fn every_secret_is_listed() {
    let aws = Sandbox::start();
    let key = aws.user(CI).access_key();
    let session = aws.issue_session(WRITER, SessionWish::default());
    let provider = aws.oidc_provider(
        "222222222222",
        "https://idp.example",
        &["sts.amazonaws.com"],
    );
    let jwt = provider.token().sign();
    let tokens = aws.github_tokens(&provider, "repo:example/docs:ref:refs/heads/main");
    let listed = aws.secrets();
    for secret in [
        &key.secret,
        &session.secret,
        &session.token,
        &jwt,
        &tokens.request_token().to_owned(),
    ] {
        assert!(listed.contains(secret));
    }
    // Ids are no secrets.
    assert!(!listed.contains(&key.id) && !listed.contains(&session.id));
    // A key that is gone stays on the list.
    aws.user(CI).delete_key(&key.id);
    assert_eq!(aws.secrets(), listed);
}

#[test]
fn the_journal_holds_none() {
    let aws = docs();
    let client = writer(&aws);
    client.put("/docs/a", b"x").send().ok();
    aws.role(WRITER).trust(trusts(CI));
    let key = aws.user(CI).access_key();
    let _refused = Client::user(&aws, &key).sts(
        "AssumeRole",
        &[("RoleArn", WRITER), ("RoleSessionName", "job-7")],
    );

    let provider = aws.oidc_provider(
        "222222222222",
        "https://idp.example",
        &["sts.amazonaws.com"],
    );
    let tokens = aws.github_tokens(&provider, "repo:example/docs:ref:refs/heads/main");
    let bearer = format!("bearer {}", tokens.request_token());
    let answer = get(&tokens.url(), ("authorization", &bearer));
    let jwt = answer.split('"').find(|part| part.len() > 100).unwrap();
    // Once in the body, once in the query.
    let address = client.address();
    let mut request = sts_request(
        &address,
        "AssumeRoleWithWebIdentity",
        &[
            ("RoleArn", WRITER),
            ("RoleSessionName", "run-1"),
            ("WebIdentityToken", jwt),
        ],
    );
    let _refused = send(&address, &request).unwrap();
    let token = ("WebIdentityToken".to_owned(), jwt.to_owned());
    request.query.push(token);
    let _refused = send(&address, &request).unwrap();

    let endpoint = aws.container_credentials(WRITER, Some("pod-token-0123456789"));
    get(
        endpoint.full_uri(),
        ("authorization", "pod-token-0123456789"),
    );

    let metadata = aws.instance_metadata(WRITER);
    let host = metadata.endpoint().trim_start_matches("http://");
    let mut request = Request::new("PUT", "/latest/api/token");
    request.header("host", host);
    request.header("x-aws-ec2-metadata-token-ttl-seconds", "60");
    let token = send(host, &request).unwrap().ok().text();
    let path = "latest/meta-data/iam/security-credentials/docs-writer";
    get(
        &format!("{}/{path}", metadata.endpoint()),
        ("x-aws-ec2-metadata-token", &token),
    );

    let journal = format!("{:?}", aws.requests());
    let secrets = aws.secrets();
    assert!(secrets.len() >= 11, "{}", secrets.len());
    for secret in &secrets {
        assert!(!journal.contains(secret.as_str()), "{secret}");
    }
    assert_eq!(aws.requests().all().len(), 8);
}
