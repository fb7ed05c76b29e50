//! `cargo demo [DIRECTORY] [--once]`: two accounts, a real documentation tree,
//! the real program, and the result in a browser.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program for people to look at"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use docferry_sandbox::{AccessKey, Sandbox};
use serde_json::json;

const REGION: &str = "eu-central-1";
const USER: &str = "arn:aws:iam::111111111111:user/ci";
const ROLE: &str = "arn:aws:iam::222222222222:role/docs-writer";
const BUCKET: &str = "example-docs";
const EXTERNAL_ID: &str = "handbook-7f3a";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let once = arguments.iter().any(|argument| argument == "--once");
    arguments.retain(|argument| argument != "--once");
    let source = match arguments.as_slice() {
        [] => some_documentation(),
        [directory] if !directory.starts_with('-') => PathBuf::from(directory),
        _ => {
            eprintln!("Usage: cargo demo [DIRECTORY] [--once]");
            return ExitCode::from(2);
        }
    };
    let aws = Sandbox::builder().region(REGION).start();
    let key = two_accounts(&aws);
    let job = environment(&aws, &key, &source);
    tell_the_job(&aws, &job);
    let done = Command::new(env!("CARGO_BIN_EXE_docferry"))
        .env_clear()
        .envs(job.iter().map(|(name, value)| (name, value)))
        .envs(std::env::vars_os().filter(|(name, _)| name == "TERM"))
        .status();
    match done {
        Ok(status) if status.success() => {}
        Ok(status) => {
            println!("\ndocferry ended with {status}");
            return ExitCode::FAILURE;
        }
        Err(error) => {
            println!("\ndocferry could not be started: {error}");
            return ExitCode::FAILURE;
        }
    }
    tell_the_bucket(&aws);
    serve(&aws, once);
    ExitCode::SUCCESS
}

/// The documentation that ships with the Rust toolchain, tens of thousands of
/// files; where it is not installed, docferry's own.
fn some_documentation() -> PathBuf {
    let rustc = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = rustc
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let toolchain = sysroot.map(|root| Path::new(root.trim()).join("share/doc/rust/html"));
    match toolchain {
        Some(docs) if docs.join("index.html").is_file() => docs,
        _ => Path::new(env!("CARGO_MANIFEST_DIR")).join("docs"),
    }
}

/// The development account with its user, and the documentation account with
/// the role and the bucket: the least that a real upload needs, too.
fn two_accounts(aws: &Sandbox) -> AccessKey {
    let policy =
        |statement: serde_json::Value| json!({"Version": "2012-10-17", "Statement": [statement]});
    let _role = aws
        .role(ROLE)
        .trust(policy(json!({
            "Effect": "Allow",
            "Principal": {"AWS": USER},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}},
        })))
        .policy(policy(json!({
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
            "Resource": format!("arn:aws:s3:::{BUCKET}/handbook/*"),
        })));
    let _bucket = aws.bucket(BUCKET).owner("222222222222").region(REGION);
    let may_assume = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE});
    aws.user(USER).policy(policy(may_assume)).access_key()
}

fn environment(aws: &Sandbox, key: &AccessKey, source: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ACCESS_KEY_ID", key.id.clone()),
        ("AWS_SECRET_ACCESS_KEY", key.secret.clone()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ENDPOINT_URL", aws.endpoint()),
        ("DOCFERRY_SOURCE", source.display().to_string()),
        ("DOCFERRY_DESTINATION", format!("s3://{BUCKET}/handbook/")),
        ("DOCFERRY_ROLE_ARN", ROLE.to_owned()),
        ("DOCFERRY_EXTERNAL_ID", EXTERNAL_ID.to_owned()),
    ]
}

fn tell_the_job(aws: &Sandbox, job: &[(&str, String)]) {
    println!("Two AWS accounts are simulated at {}:", aws.endpoint());
    println!("  111111111111  development    user ci, who may assume the role");
    println!("  222222222222  documentation  role docs-writer, bucket {BUCKET}\n");
    println!(
        "The job has this environment (only AWS_ENDPOINT_URL would be missing in a real one):"
    );
    for (name, value) in job {
        let secret = docferry::vars::is_secret(name);
        println!("  {name}={}", if secret { "********" } else { value });
    }
    println!("\n$ docferry");
}

fn tell_the_bucket(aws: &Sandbox) {
    let objects = aws.objects(BUCKET);
    println!(
        "\nThe bucket now holds {}, all owned by its own account, for example",
        docferry::text::count(objects.len(), "object")
    );
    let shown = objects
        .iter()
        .filter(|object| object.key.matches('/').count() < 3);
    for object in shown.take(5) {
        println!(
            "  {:<40} {:>9} bytes  {}",
            object.key,
            object.size,
            object.content_type()
        );
    }
    println!("\nIt was asked");
    for (operation, count) in aws.requests().counts() {
        println!("  {count:>6} x {operation}");
    }
}

fn serve(aws: &Sandbox, once: bool) {
    let url = aws.website(BUCKET, "handbook/");
    if once {
        return;
    }
    println!("\nOpen {url} to read it. Ctrl-C ends the demo.");
    loop {
        std::thread::park();
    }
}
