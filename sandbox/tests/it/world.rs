//! The two accounts that most tests use, and a client that signs.

use docferry_sandbox::{AccessKey, Credentials, Sandbox, SessionWish};
use serde_json::{Value, json};

use crate::client::{Request, Response, send};
use crate::signer::{Signer, encode};

pub(crate) const CI: &str = "arn:aws:iam::111111111111:user/ci";
pub(crate) const WRITER: &str = "arn:aws:iam::222222222222:role/docs-writer";
pub(crate) const OWNER: &str = "222222222222";

/// A policy of one statement.
pub(crate) fn allow(action: impl Into<Value>, resource: impl Into<Value>) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": action.into(), "Resource": resource.into()
    }]})
}

/// A trust policy for these AWS principals.
pub(crate) fn trusts(principal: impl Into<Value>) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": principal.into()}, "Action": "sts:AssumeRole"
    }]})
}

/// A client with credentials.
pub(crate) struct Client<'a> {
    pub(crate) aws: &'a Sandbox,
    pub(crate) signer: Signer,
    pub(crate) endpoint: String,
}

impl<'a> Client<'a> {
    fn with(aws: &'a Sandbox, id: &str, secret: &str, token: Option<&str>) -> Self {
        Self {
            aws,
            signer: Signer {
                id: id.to_owned(),
                secret: secret.to_owned(),
                token: token.map(str::to_owned),
                region: aws.region().to_owned(),
                service: "s3".to_owned(),
                time: aws.clock().now(),
            },
            endpoint: aws.endpoint(),
        }
    }

    pub(crate) fn user(aws: &'a Sandbox, key: &AccessKey) -> Self {
        Self::with(aws, &key.id, &key.secret, None)
    }

    pub(crate) fn session(aws: &'a Sandbox, credentials: &Credentials) -> Self {
        Self::with(
            aws,
            &credentials.id,
            &credentials.secret,
            Some(&credentials.token),
        )
    }

    pub(crate) fn region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.signer.region);
        self
    }

    pub(crate) fn address(&self) -> String {
        self.endpoint.trim_start_matches("http://").to_owned()
    }

    /// Starts an S3 request on a path that is not encoded yet.
    pub(crate) fn s3(&self, method: &str, path: &str) -> Call<'_> {
        let mut request = Request::new(method, &encode(path, true));
        request.header("host", &self.address());
        Call {
            client: self,
            request,
            length: true,
        }
    }

    pub(crate) fn put(&self, path: &str, body: &[u8]) -> Call<'_> {
        self.s3("PUT", path).body(body)
    }

    /// Sends an STS action.
    pub(crate) fn sts(&self, action: &str, parameters: &[(&str, &str)]) -> Response {
        let mut request = sts_request(&self.address(), action, parameters);
        let signer = Signer {
            service: "sts".to_owned(),
            time: self.aws.clock().now(),
            ..self.signer.clone()
        };
        signer.sign(&mut request);
        send(&self.address(), &request).unwrap()
    }

    /// Assumes a role and gives the client of its session.
    #[track_caller]
    pub(crate) fn assume(&self, role: &str, parameters: &[(&str, &str)]) -> Client<'a> {
        let mut all = vec![("RoleArn", role), ("RoleSessionName", "job-7")];
        all.extend_from_slice(parameters);
        let answer = self.sts("AssumeRole", &all).ok();
        Self {
            aws: self.aws,
            signer: Signer {
                id: answer.element("AccessKeyId").unwrap(),
                secret: answer.element("SecretAccessKey").unwrap(),
                token: answer.element("SessionToken"),
                ..self.signer.clone()
            },
            endpoint: self.endpoint.clone(),
        }
    }
}

pub(crate) fn sts_request(host: &str, action: &str, parameters: &[(&str, &str)]) -> Request {
    let mut body = format!("Action={action}&Version=2011-06-15");
    for (name, value) in parameters {
        body.push_str(&format!("&{name}={}", encode(value, false)));
    }
    let mut request = Request::new("POST", "/");
    request.header("host", host);
    request.header(
        "content-type",
        "application/x-www-form-urlencoded; charset=utf-8",
    );
    request.header("content-length", &body.len().to_string());
    request.body = body.into_bytes();
    request
}

/// An S3 request with its client.
pub(crate) struct Call<'a> {
    pub(crate) client: &'a Client<'a>,
    pub(crate) request: Request,
    pub(crate) length: bool,
}

impl Call<'_> {
    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.request.body = body.to_vec();
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request.header(name, value);
        self
    }

    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.request.query.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without_length(mut self) -> Self {
        self.length = false;
        self
    }

    pub(crate) fn signed(mut self) -> Request {
        if self.length
            && self.request.get("content-length").is_none()
            && matches!(self.request.method.as_str(), "PUT" | "POST")
        {
            let length = self.request.body.len().to_string();
            self.request.header("content-length", &length);
        }
        let signer = Signer {
            time: self.client.aws.clock().now(),
            ..self.client.signer.clone()
        };
        signer.sign(&mut self.request);
        self.request
    }

    pub(crate) fn try_send(self) -> std::io::Result<Response> {
        let address = self.client.address();
        send(&address, &self.signed())
    }

    #[track_caller]
    pub(crate) fn send(self) -> Response {
        self.try_send().unwrap()
    }
}

/// A sandbox with bucket `docs` of account 2 and a role there that may do
/// everything with it.
pub(crate) fn docs() -> Sandbox {
    let aws = Sandbox::start();
    aws.bucket("docs");
    let _role = aws.role(WRITER).policy(allow(
        "s3:*",
        json!(["arn:aws:s3:::docs", "arn:aws:s3:::docs/*"]),
    ));
    aws
}

/// A session of the role in [`docs`].
pub(crate) fn writer(aws: &Sandbox) -> Client<'_> {
    Client::session(aws, &aws.issue_session(WRITER, SessionWish::new("job-7")))
}

/// A session of a role in the bucket's account with just this policy.
pub(crate) fn with_policy(aws: &Sandbox, name: &str, policy: impl ToString) -> Credentials {
    let arn = format!("arn:aws:iam::222222222222:role/{name}");
    let _role = aws.role(&arn).without_policies().policy(policy);
    aws.issue_session(&arn, SessionWish::new("s"))
}
