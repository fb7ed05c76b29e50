//! A small world of two accounts and a job that runs docferry in it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use docferry_sandbox::{AccessKey, Object, Sandbox};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

pub const DEVELOPMENT: &str = "111111111111";
pub const DOCUMENTATION: &str = "222222222222";
pub const USER: &str = "arn:aws:iam::111111111111:user/ci";
pub const ROLE: &str = "arn:aws:iam::222222222222:role/docs-writer";
pub const BUCKET: &str = "example-docs";
pub const EXTERNAL_ID: &str = "handbook-7f3a";
const REGION: &str = "eu-central-1";

/// One statement as a whole policy.
pub fn policy(statement: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// What the development account's user needs.
pub fn may_assume() -> Value {
    policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}))
}

/// What the documentation account's role trusts.
pub fn trusts(external_id: Option<&str>) -> Value {
    let mut statement =
        json!({"Effect": "Allow", "Principal": {"AWS": USER}, "Action": "sts:AssumeRole"});
    if let Some(id) = external_id {
        statement["Condition"] = json!({"StringEquals": {"sts:ExternalId": id}});
    }
    policy(&statement)
}

/// What the role needs: one action on the objects under the prefix.
pub fn may_put() -> Value {
    policy(&json!({
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Resource": format!("arn:aws:s3:::{BUCKET}/site/*"),
    }))
}

/// What the role needs to clean up, too.
pub fn may_abort() -> Value {
    policy(&json!({
        "Effect": "Allow",
        "Action": "s3:AbortMultipartUpload",
        "Resource": format!("arn:aws:s3:::{BUCKET}/site/*"),
    }))
}

/// Two accounts, a user in one, a role and a bucket in the other, and a
/// directory of files.
pub struct World {
    pub aws: Sandbox,
    pub key: AccessKey,
    pub dir: tempfile::TempDir,
    said: Said,
}

/// All that the jobs of a world printed.
type Said = Arc<Mutex<Vec<String>>>;

/// In every test, whatever else it shows, nothing that was printed holds a
/// secret; what GitHub's runner is told to mask is the one exception.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let mut secrets = self.aws.secrets();
        secrets.push(self.key.secret.clone());
        for output in self.said.lock().unwrap().iter() {
            for line in output
                .lines()
                .filter(|line| !line.starts_with("::add-mask::"))
            {
                for secret in &secrets {
                    assert!(!line.contains(secret), "a secret in: {line}");
                }
            }
        }
    }
}

impl World {
    /// Everything is allowed that an upload needs, and nothing else.
    pub fn new() -> Self {
        Self::with(Sandbox::builder())
    }

    pub fn with(builder: docferry_sandbox::Builder) -> Self {
        let aws = builder.region(REGION).start();
        let key = aws.user(USER).policy(may_assume()).access_key();
        aws.role(ROLE).trust(trusts(None)).policy(may_put());
        let _bucket = aws.bucket(BUCKET).owner(DOCUMENTATION).region(REGION);
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("public")).unwrap();
        let said = Said::default();
        Self {
            aws,
            key,
            dir,
            said,
        }
    }

    pub fn source(&self) -> PathBuf {
        self.dir.path().join("public")
    }

    /// Writes a file into the source.
    pub fn file(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.source().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// A small site of three files.
    pub fn site(&self) {
        self.file("index.html", "<h1>Handbook</h1>");
        self.file("assets/style.css", "h1 { color: teal }");
        self.file("assets/logo.png", [0x89, b'P', b'N', b'G']);
    }

    /// A job that takes the way through the role.
    pub fn job(&self) -> Job {
        self.job_of_the_user().var("DOCFERRY_ROLE_ARN", ROLE)
    }

    /// A job whose user writes itself.
    pub fn job_of_the_user(&self) -> Job {
        Job::of(Arc::clone(&self.said))
            .var("HOME", self.dir.path())
            .var("AWS_EC2_METADATA_DISABLED", "true")
            .var("AWS_REGION", REGION)
            .var("AWS_ENDPOINT_URL", self.aws.endpoint())
            .var("AWS_ACCESS_KEY_ID", &self.key.id)
            .var("AWS_SECRET_ACCESS_KEY", &self.key.secret)
            .var("DOCFERRY_SOURCE", self.source())
            .var("DOCFERRY_DESTINATION", format!("s3://{BUCKET}/site/"))
    }

    pub fn keys(&self) -> Vec<String> {
        self.aws.keys(BUCKET)
    }

    pub fn object(&self, key: &str) -> Arc<Object> {
        self.aws
            .object(BUCKET, key)
            .unwrap_or_else(|| panic!("there is no {key}; there are {:?}", self.keys()))
    }

    /// What stands in the job's home beside the source.
    pub fn files_beside_the_source(&self) -> Vec<String> {
        fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "public")
            .collect()
    }

    /// Asserts how large an object is, without reading it.
    pub fn assert_size(&self, key: &str, size: u64) {
        assert_eq!(self.object(key).size, size);
    }

    /// Asserts that a text that a run has left holds no secret.
    #[track_caller]
    pub fn assert_no_secret_in(&self, text: &str) {
        let own = [self.key.secret.clone(), EXTERNAL_ID.to_owned()];
        for secret in self.aws.secrets().iter().chain(&own) {
            assert!(!text.contains(secret), "a secret in: {text}");
        }
    }

    /// How many files the source has.
    pub fn files_of_the_source(&self) -> usize {
        files_below(&self.source()).len()
    }

    /// Asserts that each object that is there is what its file is.
    #[track_caller]
    pub fn assert_no_object_differs(&self) {
        for object in self.aws.objects(BUCKET) {
            let path = object.key.strip_prefix("site/").unwrap();
            let file = fs::read(self.source().join(path)).unwrap();
            assert!(object.bytes() == file, "{path} differs");
        }
    }

    /// Takes a new bucket in the place of the old one.
    pub fn empty_the_bucket(&self) {
        self.aws.bucket(BUCKET).delete();
        let _bucket = self.aws.bucket(BUCKET).owner(DOCUMENTATION).region(REGION);
    }

    /// Asserts that the bucket holds the source, byte for byte, and beside it
    /// only what is docferry's own.
    #[track_caller]
    pub fn assert_content(&self) {
        let expected = files_below(&self.source());
        let keys = self.keys().into_iter();
        let found: Vec<_> = keys.filter(|key| !key.contains("/.docferry/")).collect();
        let wanted: Vec<_> = expected.keys().map(|key| format!("site/{key}")).collect();
        assert_eq!(found, wanted);
        for (key, bytes) in expected {
            assert!(
                self.object(&format!("site/{key}")).bytes() == bytes,
                "{key} differs"
            );
        }
    }

    /// Asserts that the bucket holds the source, byte for byte, and nothing
    /// else.
    pub fn assert_all_in_place(&self) {
        let expected = files_below(&self.source());
        let found: BTreeMap<String, usize> = self
            .aws
            .objects(BUCKET)
            .iter()
            .map(|object| (object.key.clone(), object.size as usize))
            .collect();
        let keys: Vec<_> = expected.keys().map(|key| format!("site/{key}")).collect();
        assert_eq!(found.keys().cloned().collect::<Vec<_>>(), keys);
        for (key, bytes) in expected {
            let object = self.object(&format!("site/{key}"));
            assert!(object.bytes() == bytes, "{key} differs");
        }
        assert!(
            self.aws.uploads(BUCKET).is_empty(),
            "an upload is still open"
        );
    }
}

fn files_below(root: &Path) -> BTreeMap<String, Vec<u8>> {
    walkdir::WalkDir::new(root)
        .follow_links(true)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let key = entry.path().strip_prefix(root).unwrap();
            (
                key.to_str().unwrap().to_owned(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}

/// The program in an environment that holds what is said here and nothing
/// else.
pub struct Job {
    said: Said,
    vars: BTreeMap<OsString, OsString>,
    arguments: Vec<String>,
    user: Option<u32>,
    descriptors: Option<u64>,
}

impl Job {
    pub fn new() -> Self {
        Self::of(Said::default())
    }

    fn of(said: Said) -> Self {
        Self {
            said,
            vars: BTreeMap::new(),
            arguments: Vec::new(),
            user: None,
            descriptors: None,
        }
    }

    pub fn var(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.vars.insert(name.into(), value.as_ref().to_owned());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.vars.remove(OsStr::new(name));
        self
    }

    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Runs the program as another user.
    pub fn user(mut self, id: u32) -> Self {
        self.user = Some(id);
        self
    }

    /// Runs the program with so few descriptors.
    pub fn descriptors(mut self, number: u64) -> Self {
        self.descriptors = Some(number);
        self
    }

    pub fn start(self) -> Running {
        self.start_with_stdout(Stdio::piped())
    }

    pub fn start_with_stdout(self, stdout: impl Into<Stdio>) -> Running {
        self.start_with(stdout, Stdio::piped())
    }

    pub fn start_with_stderr(self, stderr: impl Into<Stdio>) -> Running {
        self.start_with(Stdio::piped(), stderr)
    }

    fn start_with(self, stdout: impl Into<Stdio>, stderr: impl Into<Stdio>) -> Running {
        use std::os::unix::process::CommandExt as _;
        let program = env!("CARGO_BIN_EXE_docferry");
        let mut command = match self.descriptors {
            None => Command::new(program),
            Some(number) => {
                // The hard limit, too, which no process can raise again.
                let mut shell = Command::new("/bin/sh");
                let script = format!("ulimit -n {number} && exec \"$0\" \"$@\"");
                shell.args(["-c", &script, program]);
                shell
            }
        };
        command
            .env_clear()
            .envs(&self.vars)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr);
        if let Some(id) = self.user {
            command.uid(id);
        }
        Running(command.spawn().unwrap(), self.said)
    }

    pub fn run(self) -> Outcome {
        self.start().wait()
    }

    /// Every variable and its value.
    pub fn vars(&self) -> impl Iterator<Item = (&str, &str)> {
        self.vars
            .iter()
            .map(|(name, value)| (name.to_str().unwrap(), value.to_str().unwrap()))
    }

    /// Starts something else that runs the program, and says a text to it.
    pub fn start_by(self, mut command: Command, text: &str) -> Running {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        drop(stdin);
        Running(child, self.said)
    }
}

/// A program that runs.
pub struct Running(Child, Said);

impl Running {
    pub fn signal(&self, name: &str) {
        let killed = Command::new("kill")
            .args([&format!("-{name}"), &self.0.id().to_string()])
            .status();
        assert!(killed.unwrap().success());
    }

    /// The largest resident set, in KiB, that was seen while this held.
    pub fn peak_memory_while(&self, mut holds: impl FnMut() -> bool) -> u64 {
        let status = format!("/proc/{}/status", self.0.id());
        let mut peak = 0;
        while holds() {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let seen = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            peak = peak.max(seen.unwrap_or(0));
            std::thread::sleep(Duration::from_millis(20));
        }
        peak
    }

    pub fn close_stdout(&mut self) {
        drop(self.0.stdout.take());
    }

    pub fn wait(self) -> Outcome {
        let output = self.0.wait_with_output().unwrap();
        let outcome = Outcome {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        let mut said = self.1.lock().unwrap();
        said.push(outcome.stdout.clone());
        said.push(outcome.stderr.clone());
        outcome
    }
}

/// What a program said and how it ended.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        self
    }

    #[track_caller]
    pub fn says(self, part: &str) -> Self {
        assert!(
            without_colours(&self.stderr).contains(part),
            "no {part:?} in:\n{}",
            self.stderr
        );
        self
    }

    #[track_caller]
    pub fn says_nothing_of(self, part: &str) -> Self {
        let all = format!("{}{}", self.stdout, self.stderr);
        assert!(!all.contains(part), "{part:?} in:\n{all}");
        self
    }
}

/// A text without what makes it coloured.
pub fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !(c.is_ascii_digit() || c == ';'));
        match end.filter(|end| part[*end..].starts_with('m')) {
            Some(end) => plain += &part[end + 1..],
            None => plain += &format!("\u{1b}[{part}"),
        }
    }
    plain
}

/// Waits until something holds, for ten seconds at most.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "not in time: {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
