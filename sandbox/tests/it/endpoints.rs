//! AWS's own host names: which service, region, and bucket they stand for.

use docferry_sandbox::{Sandbox, SessionWish};

use crate::client::{Request, Response, send};
use crate::signer::Signer;
use crate::world::{Client, WRITER, allow, sts_request};

fn world() -> Sandbox {
    let aws = Sandbox::builder().region("eu-central-1").start();
    for (name, region) in [
        ("docs", "eu-central-1"),
        ("docs.example", "eu-central-1"),
        ("virginia", "us-east-1"),
        ("beijing", "cn-north-1"),
    ] {
        aws.bucket(name).region(region);
    }
    let resource = ["arn:aws:s3:::*", "arn:aws-cn:s3:::*"];
    let _role = aws.role(WRITER).policy(allow("s3:*", resource.as_slice()));
    aws
}

fn signer(aws: &Sandbox, service: &str, region: &str) -> Signer {
    let credentials = aws.issue_session(WRITER, SessionWish::new("job-7"));
    Signer {
        service: service.to_owned(),
        region: region.to_owned(),
        ..Client::session(aws, &credentials).signer
    }
}

fn address(aws: &Sandbox) -> String {
    aws.endpoint().trim_start_matches("http://").to_owned()
}

fn put(aws: &Sandbox, host: &str, path: &str, region: &str) -> Response {
    let mut request = Request::new("PUT", path);
    request.header("host", host);
    request.header("content-length", "1");
    request.body = b"x".to_vec();
    signer(aws, "s3", region).sign(&mut request);
    send(&address(aws), &request).unwrap()
}

fn who(aws: &Sandbox, host: &str, region: &str) -> Response {
    let mut request = sts_request(host, "GetCallerIdentity", &[]);
    signer(aws, "sts", region).sign(&mut request);
    send(&address(aws), &request).unwrap()
}

#[test]
fn s3_is_found_under_each_of_its_names() {
    let aws = world();
    for (host, path, region, bucket) in [
        (
            "docs.s3.eu-central-1.amazonaws.com",
            "/k",
            "eu-central-1",
            "docs",
        ),
        (
            "DOCS.S3.EU-CENTRAL-1.AMAZONAWS.COM",
            "/k",
            "eu-central-1",
            "docs",
        ),
        (
            "docs.s3.eu-central-1.amazonaws.com:443",
            "/k",
            "eu-central-1",
            "docs",
        ),
        (
            "s3.eu-central-1.amazonaws.com",
            "/docs/k",
            "eu-central-1",
            "docs",
        ),
        (
            "docs.example.s3.eu-central-1.amazonaws.com",
            "/k",
            "eu-central-1",
            "docs.example",
        ),
        (
            "docs.s3-fips.eu-central-1.amazonaws.com",
            "/k",
            "eu-central-1",
            "docs",
        ),
        (
            "s3-fips.eu-central-1.amazonaws.com",
            "/docs/k",
            "eu-central-1",
            "docs",
        ),
        (
            "docs.s3.dualstack.eu-central-1.amazonaws.com",
            "/k",
            "eu-central-1",
            "docs",
        ),
        (
            "s3.dualstack.eu-central-1.amazonaws.com",
            "/docs/k",
            "eu-central-1",
            "docs",
        ),
        (
            "docs.s3-fips.dualstack.eu-central-1.amazonaws.com",
            "/k",
            "eu-central-1",
            "docs",
        ),
        (
            "s3-eu-central-1.amazonaws.com",
            "/docs/k",
            "eu-central-1",
            "docs",
        ),
        ("virginia.s3.amazonaws.com", "/k", "us-east-1", "virginia"),
        ("s3.amazonaws.com", "/virginia/k", "us-east-1", "virginia"),
        (
            "s3.us-east-1.amazonaws.com",
            "/virginia/k",
            "us-east-1",
            "virginia",
        ),
        (
            "beijing.s3.cn-north-1.amazonaws.com.cn",
            "/k",
            "cn-north-1",
            "beijing",
        ),
        (
            "bucket.vpce-0123456789abcdef0-sandbox1.s3.eu-central-1.vpce.amazonaws.com",
            "/docs/k",
            "eu-central-1",
            "docs",
        ),
        (
            "docs.bucket.vpce-0123456789abcdef0-sandbox1.s3.eu-central-1.vpce.amazonaws.com",
            "/k",
            "eu-central-1",
            "docs",
        ),
    ] {
        println!("{host}");
        aws.forget_requests();
        put(&aws, host, path, region).ok();
        let requests = aws.requests();
        let record = requests.of("PutObject")[0];
        assert_eq!(record.region, region);
        assert_eq!(record.bucket.as_deref(), Some(bucket));
        assert_eq!(record.key.as_deref(), Some("k"));
    }
}

#[test]
fn the_hosts_region_has_to_be_signed_for_and_to_have_the_bucket() {
    let aws = world();
    let host = "docs.s3.eu-west-1.amazonaws.com";
    put(&aws, host, "/k", "eu-central-1").refused(
        400,
        "AuthorizationHeaderMalformed",
        "The authorization header is malformed; the region 'eu-central-1' is wrong; expecting 'eu-west-1'",
    );
    assert_eq!(put(&aws, host, "/k", "eu-west-1").status, 301);
    assert_eq!(
        who(&aws, "sts.eu-west-1.amazonaws.com", "eu-central-1").status,
        403
    );
}

#[test]
fn sts_is_found_under_each_of_its_names() {
    let aws = world();
    for (host, region) in [
        ("sts.eu-central-1.amazonaws.com", "eu-central-1"),
        ("sts.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("sts-fips.us-west-2.amazonaws.com", "us-west-2"),
        ("sts.eu-central-1.api.aws", "eu-central-1"),
        ("sts-fips.us-west-2.api.aws", "us-west-2"),
        ("sts.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("sts.cn-north-1.api.amazonwebservices.com.cn", "cn-north-1"),
        (
            "vpce-0a-1.sts.eu-central-1.vpce.amazonaws.com",
            "eu-central-1",
        ),
        ("sts.amazonaws.com", "us-east-1"),
    ] {
        println!("{host}");
        aws.forget_requests();
        who(&aws, host, region).ok();
        assert_eq!(aws.requests().all()[0].region, region);
    }
    // The name says which service is asked, not the signature.
    let mut request = sts_request("s3.eu-central-1.amazonaws.com", "GetCallerIdentity", &[]);
    signer(&aws, "sts", "eu-central-1").sign(&mut request);
    let answer = send(&address(&aws), &request).unwrap();
    assert_eq!(answer.header("server"), Some("AmazonS3"));
    assert!(answer.status >= 400);
}

#[test]
fn other_names_of_aws_are_nowhere() {
    let aws = world();
    for host in [
        "kms.eu-central-1.amazonaws.com",
        "s3.eu-central-1.amazonaws.com.cn",
        "s3.cn-north-1.amazonaws.com",
        "s3-fips.amazonaws.com",
        "sts-fips.amazonaws.com",
        "sts.dualstack.eu-central-1.amazonaws.com",
        "docs.sts.eu-central-1.amazonaws.com",
        "docs.s3.eu-central.amazonaws.com",
        "docs.s3-accelerate.amazonaws.com",
        "s3.eu-central-1.api.aws",
        ".s3.eu-central-1.amazonaws.com",
        "amazonaws.com.amazonaws.com",
    ] {
        println!("{host}");
        put(&aws, host, "/docs/k", "eu-central-1").refused(
            421,
            "UnknownEndpoint",
            "S3 and STS have no endpoint of this name: ",
        );
    }
}
