//! The instance metadata service.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use docferry_sandbox::{Answer, Credentials, Fault, Metadata, Sandbox};
use serde_json::Value;

use crate::client::{Request, Response, send};
use crate::world::{Client, allow};

const ROLE: &str = "arn:aws:iam::111111111111:role/runners/ci-runner";
const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials/";

fn ask(metadata: &Metadata, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let address = metadata.endpoint().trim_start_matches("http://");
    let mut request = Request::new(method, path);
    request.header("host", address);
    for (name, value) in headers {
        request.header(name, value);
    }
    send(address, &request).unwrap()
}

fn put_token(metadata: &Metadata, ttl: &str) -> Response {
    let header = ("x-aws-ec2-metadata-token-ttl-seconds", ttl);
    ask(metadata, "PUT", "/latest/api/token", &[header])
}

fn get(metadata: &Metadata, path: &str) -> Response {
    let token = put_token(metadata, "60").ok().text();
    let header = ("x-aws-ec2-metadata-token", token.as_str());
    ask(metadata, "GET", path, &[header])
}

fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

fn credentials(metadata: &Metadata) -> Credentials {
    let answer = json(&get(metadata, &format!("{CREDENTIALS}ci-runner")).ok());
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    assert_eq!(text("Code"), "Success");
    assert_eq!(text("Type"), "AWS-HMAC");
    assert!(text("LastUpdated") < text("Expiration"));
    Credentials {
        id: text("AccessKeyId"),
        secret: text("SecretAccessKey"),
        token: text("Token"),
        expires: 0,
        arn: String::new(),
    }
}

#[test]
fn a_token_opens_the_roles_credentials() {
    let aws = Sandbox::builder().region("eu-central-1").start();
    let metadata = aws.instance_metadata(ROLE);
    let _role = aws
        .role(ROLE)
        .policy(allow("s3:PutObject", "arn:aws:s3:::docs/*"));
    aws.bucket("docs").owner("111111111111");

    let token = put_token(&metadata, "21600").ok();
    assert_eq!(
        token.header("x-aws-ec2-metadata-token-ttl-seconds"),
        Some("21600")
    );
    assert_eq!(get(&metadata, CREDENTIALS).ok().text(), "ci-runner");
    let credentials = credentials(&metadata);
    assert!(credentials.id.starts_with("ASIA"));

    let client = Client::session(&aws, &credentials);
    let who = client.sts("GetCallerIdentity", &[]).ok();
    assert!(metadata.instance_id().starts_with("i-0"));
    assert_eq!(metadata.instance_id().len(), 19);
    assert_eq!(
        who.element("Arn").unwrap(),
        format!(
            "arn:aws:sts::111111111111:assumed-role/ci-runner/{}",
            metadata.instance_id()
        )
    );
    client.put("/docs/a", b"x").send().ok();
    assert_eq!(aws.requests().count("imds:PutToken"), 3);
    assert_eq!(aws.requests().count("imds:GetCredentials"), 1);
    assert_eq!(aws.requests().count("imds:GetRoleName"), 1);
}

#[test]
fn the_rest_of_the_metadata() {
    let aws = Sandbox::builder().region("eu-central-1").start();
    let metadata = aws.instance_metadata(ROLE);
    let text = |path: &str| get(&metadata, path).ok().text();
    assert_eq!(text("/latest/meta-data/placement/region"), "eu-central-1");
    assert_eq!(
        text("/latest/meta-data/placement/availability-zone"),
        "eu-central-1a"
    );
    assert_eq!(
        text("/latest/meta-data/instance-id"),
        metadata.instance_id()
    );
    assert_eq!(
        json(&get(&metadata, "/latest/meta-data/iam/info"))["InstanceProfileArn"],
        "arn:aws:iam::111111111111:instance-profile/ci-runner"
    );
    let document = json(&get(&metadata, "/latest/dynamic/instance-identity/document").ok());
    assert_eq!(document["accountId"], "111111111111");
    assert_eq!(document["region"], "eu-central-1");
    assert_eq!(document["instanceId"], metadata.instance_id());
    assert_eq!(get(&metadata, "/latest/user-data").status, 404);
    assert_eq!(get(&metadata, &format!("{CREDENTIALS}other")).status, 404);
}

#[test]
fn only_sound_tokens_open_anything() {
    let aws = Sandbox::start();
    let metadata = aws.instance_metadata(ROLE);
    for ttl in ["", "0", "21601", "-1", "+5", "1.5", "abc"] {
        assert_eq!(put_token(&metadata, ttl).status, 400, "{ttl:?}");
    }
    assert_eq!(ask(&metadata, "PUT", "/latest/api/token", &[]).status, 400);
    assert_eq!(ask(&metadata, "GET", "/latest/api/token", &[]).status, 405);

    // Version 1, made-up tokens, and those of another instance.
    let other = aws.instance_metadata(ROLE);
    let foreign = put_token(&other, "60").ok().text();
    assert_eq!(ask(&metadata, "GET", CREDENTIALS, &[]).status, 401);
    for token in ["", "AQAEA", &foreign] {
        let header = ("x-aws-ec2-metadata-token", token);
        let answer = ask(&metadata, "GET", CREDENTIALS, &[header]);
        assert_eq!(answer.status, 401, "{token:?}");
        assert!(answer.text().contains("401 - Unauthorized"));
    }

    let token = put_token(&metadata, "30").ok().text();
    let header = ("x-aws-ec2-metadata-token", token.as_str());
    ask(&metadata, "GET", CREDENTIALS, &[header]).ok();
    let forwarded = ("x-forwarded-for", "10.0.0.1");
    for method in ["PUT", "GET"] {
        let path = if method == "PUT" {
            "/latest/api/token"
        } else {
            CREDENTIALS
        };
        let ttl = ("x-aws-ec2-metadata-token-ttl-seconds", "60");
        assert_eq!(
            ask(&metadata, method, path, &[header, ttl, forwarded]).status,
            403
        );
    }
    aws.clock().advance(Duration::from_secs(31));
    assert_eq!(ask(&metadata, "GET", CREDENTIALS, &[header]).status, 401);
}

#[test]
fn behind_the_hop_limit_the_token_never_comes() {
    let aws = Sandbox::start();
    let metadata = aws.instance_metadata(ROLE).out_of_reach();
    let address = metadata.endpoint().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    stream
        .write_all(
            b"PUT /latest/api/token HTTP/1.1\r\nhost: imds\r\n\
              x-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n",
        )
        .unwrap();
    let silence = stream.read(&mut [0]).unwrap_err();
    assert!(matches!(
        silence.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut
    ));
    let record = aws.requests();
    assert_eq!(record.of("imds:PutToken")[0].status, 0);
    assert_eq!(ask(&metadata, "GET", CREDENTIALS, &[]).status, 401);
    credentials(&metadata.as_usual());
}

#[test]
fn turned_off_and_without_a_role() {
    let aws = Sandbox::start();
    let metadata = aws.instance_metadata(ROLE).without_role();
    for path in [CREDENTIALS, "/latest/meta-data/iam/info"] {
        assert_eq!(get(&metadata, path).status, 404);
    }
    assert_eq!(
        get(&metadata, &format!("{CREDENTIALS}ci-runner")).status,
        404
    );
    get(&metadata, "/latest/meta-data/placement/region").ok();
    let metadata = metadata.disabled();
    assert_eq!(put_token(&metadata, "60").status, 403);
    assert_eq!(ask(&metadata, "GET", CREDENTIALS, &[]).status, 403);
    let metadata = metadata.as_usual();
    aws.role(ROLE).delete();
    assert_eq!(
        get(&metadata, &format!("{CREDENTIALS}ci-runner")).status,
        404
    );
}

#[test]
fn credentials_change_before_they_end() {
    let aws = Sandbox::start();
    let metadata = aws
        .instance_metadata(ROLE)
        .session_life(Duration::from_hours(1));
    let first = credentials(&metadata);
    aws.clock().advance(Duration::from_mins(54));
    assert_eq!(credentials(&metadata), first);
    aws.clock().advance(Duration::from_mins(1));
    let second = credentials(&metadata);
    assert_ne!(second.id, first.id);
    // The old ones hold to their end.
    let client = Client::session(&aws, &first);
    client.sts("GetCallerIdentity", &[]).ok();
    aws.clock().advance(Duration::from_mins(6));
    assert_eq!(client.sts("GetCallerIdentity", &[]).status, 403);
    aws.expire_sessions();
    assert_ne!(credentials(&metadata).id, second.id);
}

#[test]
fn faults_reach_the_service() {
    let aws = Sandbox::start();
    let metadata = aws.instance_metadata(ROLE);
    aws.fault(Fault::new("imds:PutToken").nth(1).then(Answer::Error {
        status: 503,
        code: "Unavailable".to_owned(),
        message: "Service Unavailable".to_owned(),
    }));
    assert_eq!(put_token(&metadata, "60").status, 503);
    put_token(&metadata, "60").ok();
    assert_eq!(aws.requests().refused().len(), 1);
}
