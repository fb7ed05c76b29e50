//! The credentials endpoint of containers.

use std::time::Duration;

use docferry_sandbox::{ContainerCredentials, Credentials, Sandbox};
use serde_json::Value;

use crate::client::{Request, Response, send};
use crate::world::Client;

const ROLE: &str = "arn:aws:iam::111111111111:role/task";

fn ask(endpoint: &ContainerCredentials, token: Option<&str>) -> Response {
    let uri = endpoint.full_uri().trim_start_matches("http://");
    let (address, path) = uri.split_once('/').unwrap();
    let mut request = Request::new("GET", &format!("/{path}"));
    request.header("host", address);
    if let Some(token) = token {
        request.header("authorization", token);
    }
    send(address, &request).unwrap()
}

fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

#[test]
fn a_task_gets_the_credentials_of_its_role() {
    let aws = Sandbox::start();
    let endpoint = aws.container_credentials(ROLE, None);
    let answer = json(&ask(&endpoint, None).ok());
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    assert_eq!(text("RoleArn"), ROLE);
    assert!(text("Expiration").ends_with('Z'));
    let credentials = Credentials {
        id: text("AccessKeyId"),
        secret: text("SecretAccessKey"),
        token: text("Token"),
        expires: 0,
        arn: String::new(),
    };
    let who = Client::session(&aws, &credentials)
        .sts("GetCallerIdentity", &[])
        .ok();
    assert!(
        who.element("Arn")
            .unwrap()
            .starts_with("arn:aws:sts::111111111111:assumed-role/task/")
    );
    assert_eq!(aws.requests().count("container:GetCredentials"), 1);

    // The same ones until they are near their end.
    assert_eq!(json(&ask(&endpoint, None)), answer);
    let endpoint = endpoint.session_life(Duration::from_mins(1));
    assert_ne!(json(&ask(&endpoint, None)), answer);
}

#[test]
fn a_pod_has_to_show_its_token() {
    let aws = Sandbox::start();
    let endpoint = aws.container_credentials(ROLE, Some("eyJ.pod.1"));
    let missing = ask(&endpoint, None);
    assert_eq!(missing.status, 401);
    assert_eq!(json(&missing)["code"], "Unauthorized");
    for wrong in ["eyJ.pod.2", "Bearer eyJ.pod.1", ""] {
        assert_eq!(ask(&endpoint, Some(wrong)).status, 403, "{wrong:?}");
    }
    ask(&endpoint, Some("eyJ.pod.1")).ok();
    let endpoint = endpoint.authorization_token("eyJ.pod.2");
    assert_eq!(ask(&endpoint, Some("eyJ.pod.1")).status, 403);
    ask(&endpoint, Some("eyJ.pod.2")).ok();
    assert_eq!(aws.requests().refused().len(), 5);
}
