//! Every variable that docferry reads, each declared once.
//!
//! Owns: names, groups, descriptions, defaults, examples, and which are secret.
//! `--help`, the README's table and `action.yml` are held to this table by
//! tests. Never: reads the environment.

/// What docferry's own variables begin with.
pub const PREFIX: &str = "DOCFERRY_";

/// The heading that a variable stands under in `--help` and in the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// What goes where.
    Files,
    /// What is sent at all, and what is deleted.
    Sync,
    /// How it looks there.
    Objects,
    /// Who docferry is when it writes.
    Identity,
    /// How the files travel.
    Transfer,
    /// What is printed.
    Output,
    /// AWS's own variables, which keep AWS's names.
    Aws,
}

impl Group {
    /// All groups, in the order in which they are shown.
    pub const ALL: [Self; 7] = [
        Self::Files,
        Self::Sync,
        Self::Objects,
        Self::Identity,
        Self::Transfer,
        Self::Output,
        Self::Aws,
    ];

    /// The heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Files => "Files",
            Self::Sync => "Sync",
            Self::Objects => "Objects",
            Self::Identity => "Identity",
            Self::Transfer => "Transfer",
            Self::Output => "Output",
            Self::Aws => "AWS's own",
        }
    }
}

/// What a variable holds when it is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unset {
    /// There is none: the run cannot start without it.
    Required,
    /// It is not used.
    None,
    /// This value, as one would write it.
    Value(&'static str),
    /// A value that is found out, in words.
    Derived(&'static str),
}

impl Unset {
    /// The default in words, for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::None => "",
            Self::Value(text) | Self::Derived(text) => text,
        }
    }
}

/// One variable.
#[derive(Debug, Clone, Copy)]
pub struct Var {
    /// Its full name.
    pub name: &'static str,
    /// Its heading.
    pub group: Group,
    /// What it is for, in one line of plain English.
    pub doc: &'static str,
    /// What holds when it is not set.
    pub default: Unset,
    /// A legal value.
    pub example: &'static str,
    /// Whether its value must never be printed.
    pub secret: bool,
}

const fn var(
    group: Group,
    name: &'static str,
    default: Unset,
    example: &'static str,
    doc: &'static str,
) -> Var {
    Var {
        name,
        group,
        doc,
        default,
        example,
        secret: false,
    }
}

const fn secret(var: Var) -> Var {
    Var {
        secret: true,
        ..var
    }
}

use Group::{Aws, Files, Identity, Objects, Output, Sync, Transfer};
use Unset::{Derived, None, Required, Value};

/// All variables, by group.
pub const ALL: &[Var] = &[
    var(
        Files,
        "DOCFERRY_COMMAND",
        Value("upload"),
        "plan",
        "What to do: `upload`, or `plan` to show what an upload would do",
    ),
    var(
        Files,
        "DOCFERRY_SOURCE",
        Required,
        "public",
        "The directory to upload, or a single file",
    ),
    var(
        Files,
        "DOCFERRY_DESTINATION",
        Required,
        "s3://example-docs/handbook/",
        "The bucket and the prefix under which the files go",
    ),
    var(
        Files,
        "DOCFERRY_INCLUDE",
        Derived("everything"),
        "*.html, assets/",
        "Globs of the files to upload",
    ),
    var(
        Files,
        "DOCFERRY_EXCLUDE",
        None,
        "*.map, drafts/",
        "Globs of the files to leave behind, whatever `DOCFERRY_INCLUDE` says",
    ),
    var(
        Files,
        "DOCFERRY_SYMLINKS",
        Value("inside"),
        "skip",
        "Symbolic links: `inside` follows them while they stay inside the source, `skip` leaves them behind, `refuse` takes them for an error",
    ),
    var(
        Files,
        "DOCFERRY_ALLOW_SECRETS",
        None,
        "examples/.env",
        "Globs of files that look like credentials and are meant to be published",
    ),
    var(
        Files,
        "DOCFERRY_ALLOW_EMPTY",
        Value("false"),
        "true",
        "Whether a source without any file is fine rather than an error",
    ),
    var(
        Sync,
        "DOCFERRY_MODE",
        Value("copy"),
        "sync",
        "What is sent: `copy` sends every file, `sync` those that changed, and `mirror` also deletes what is not in the source",
    ),
    var(
        Sync,
        "DOCFERRY_COMPARE",
        Value("auto"),
        "etag",
        "How a change is found: `manifest` by docferry's own record, `etag` by S3's entity tags, `size` by sizes, `always` takes everything for changed; `auto` is the record and, for what it does not know, what S3 tells",
    ),
    var(
        Sync,
        "DOCFERRY_ORDER",
        Value("*.{html,htm}, /index.html"),
        "*.html, /index.html, /version.json",
        "Globs of files that wait until all others are in place, each for those before it; `none` sends all at once",
    ),
    var(
        Sync,
        "DOCFERRY_KEEP",
        None,
        "archive/, CNAME",
        "Globs of objects that `mirror` never deletes",
    ),
    var(
        Sync,
        "DOCFERRY_MAX_DELETE",
        Value("50%, 1000"),
        "5%",
        "How much `mirror` may delete, as a share of what is there, as a number, or both; more stops the run before any change; `none` is no limit",
    ),
    var(
        Sync,
        "DOCFERRY_LOCK",
        Value("off"),
        "wait",
        "When another run writes to the same destination: `wait` for it, `fail`, or `off` to notice it in the end",
    ),
    secret(var(
        Sync,
        "DOCFERRY_MANIFEST_KEY",
        None,
        "a-long-random-text",
        "A secret that seals docferry's record, so that nobody without it can make docferry take an object for unchanged",
    )),
    var(
        Objects,
        "DOCFERRY_CONTENT_TYPE",
        Derived("by name, else by content"),
        "/LICENSE=text/plain",
        "Rules for `Content-Type`",
    ),
    var(
        Objects,
        "DOCFERRY_CACHE_CONTROL",
        None,
        "*.html=no-cache",
        "Rules for `Cache-Control`",
    ),
    var(
        Objects,
        "DOCFERRY_CONTENT_DISPOSITION",
        None,
        "*.zip=attachment",
        "Rules for `Content-Disposition`",
    ),
    var(
        Objects,
        "DOCFERRY_CONTENT_LANGUAGE",
        None,
        "/de/=de",
        "Rules for `Content-Language`",
    ),
    var(
        Objects,
        "DOCFERRY_CONTENT_ENCODING",
        Derived("by name"),
        "*.json=gzip",
        "Rules for `Content-Encoding`, of files that are encoded already",
    ),
    var(
        Objects,
        "DOCFERRY_COMPRESS",
        None,
        "gzip",
        "Rules for compressing on the way: `gzip`, `br`, `zstd` or `none`; only types that gain by it are, and only where it makes them smaller",
    ),
    var(
        Objects,
        "DOCFERRY_METADATA",
        None,
        "team=docs,build={pipeline}",
        "Rules for metadata, as pairs; placeholders are filled in",
    ),
    var(
        Objects,
        "DOCFERRY_STAMP",
        Value("false"),
        "true",
        "Whether each object gets the metadata `commit`, `ref` and `pipeline` of the job",
    ),
    var(
        Objects,
        "DOCFERRY_TAGS",
        None,
        "team=docs,stage=test",
        "Rules for tags, as pairs; the writer needs `s3:PutObjectTagging`",
    ),
    var(
        Objects,
        "DOCFERRY_STORAGE_CLASS",
        Derived("`STANDARD`, chosen by S3"),
        "*.zip=STANDARD_IA",
        "Rules for the storage class",
    ),
    var(
        Objects,
        "DOCFERRY_REDIRECT",
        None,
        "/old.html=/new.html",
        "Rules for where a website endpoint redirects to",
    ),
    var(
        Objects,
        "DOCFERRY_SSE",
        Derived("as the bucket says"),
        "aws:kms",
        "Encryption: `AES256`, `aws:kms` or `aws:kms:dsse`",
    ),
    var(
        Objects,
        "DOCFERRY_SSE_KMS_KEY_ID",
        Derived("as the bucket says"),
        "arn:aws:kms:eu-central-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "The KMS key that S3 encrypts with",
    ),
    var(
        Objects,
        "DOCFERRY_SSE_BUCKET_KEY",
        Derived("as the bucket says"),
        "true",
        "Whether S3 asks KMS once for many objects",
    ),
    var(
        Objects,
        "DOCFERRY_ACL",
        None,
        "bucket-owner-full-control",
        "A canned ACL; most buckets take none, and the writer needs `s3:PutObjectAcl`",
    ),
    var(
        Objects,
        "DOCFERRY_OBJECT_LOCK_MODE",
        None,
        "GOVERNANCE",
        "Object Lock: `GOVERNANCE` or `COMPLIANCE`",
    ),
    var(
        Objects,
        "DOCFERRY_OBJECT_LOCK_UNTIL",
        None,
        "2030-12-31T00:00:00Z",
        "Until when objects are locked",
    ),
    var(
        Objects,
        "DOCFERRY_OBJECT_LOCK_LEGAL_HOLD",
        Value("false"),
        "true",
        "Whether objects get a legal hold",
    ),
    var(
        Objects,
        "DOCFERRY_REQUEST_PAYER",
        Value("false"),
        "true",
        "Whether the requester pays, for buckets that want it so",
    ),
    var(
        Identity,
        "DOCFERRY_ROLE_ARN",
        None,
        "arn:aws:iam::222222222222:role/docs-writer",
        "The role to assume before writing, or several, assumed from left to right; without it the job's own identity writes",
    ),
    secret(var(
        Identity,
        "DOCFERRY_EXTERNAL_ID",
        None,
        "handbook-7f3a",
        "The external id that the role's trust policy asks for; with several roles, one for all or one for each",
    )),
    var(
        Identity,
        "DOCFERRY_SESSION_NAME",
        Derived("from the project and the job"),
        "docs-nightly",
        "The name of the role session, as CloudTrail will show it",
    ),
    var(
        Identity,
        "DOCFERRY_SESSION_DURATION",
        Derived("1h, chosen by STS"),
        "30m",
        "How long the role session lasts: 15m to 12h, within the role's own maximum",
    ),
    var(
        Identity,
        "DOCFERRY_SESSION_TAGS",
        None,
        "team=docs,stage=test",
        "Tags of the last session; its trust policy must allow `sts:TagSession`",
    ),
    var(
        Identity,
        "DOCFERRY_SOURCE_IDENTITY",
        None,
        "jane",
        "Who is behind the job, for CloudTrail; the trust policies must allow `sts:SetSourceIdentity`",
    ),
    var(
        Identity,
        "DOCFERRY_SESSION_POLICY",
        None,
        "scoped",
        "Narrows the last session: `scoped` to just what this run needs, or a policy document in JSON",
    ),
    var(
        Identity,
        "DOCFERRY_OIDC",
        Value("auto"),
        "on",
        "Whether to begin with an OIDC token: `on`, `off`, or `auto` for a token that is given or, in GitHub, when the job has no AWS credentials of its own",
    ),
    var(
        Identity,
        "DOCFERRY_OIDC_AUDIENCE",
        Value("sts.amazonaws.com"),
        "https://docs.example.org",
        "Whom GitHub's token is asked for; the identity provider in AWS must list it",
    ),
    secret(var(
        Identity,
        "DOCFERRY_OIDC_TOKEN",
        None,
        "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl",
        "The OIDC token of the job, as GitLab's `id_tokens` gives it",
    )),
    var(
        Identity,
        "DOCFERRY_ALLOWED_ACCOUNTS",
        Derived("any"),
        "111111111111,222222222222",
        "The only accounts whose identities and buckets may be used",
    ),
    var(
        Identity,
        "DOCFERRY_EXPECTED_BUCKET_OWNER",
        Derived("the account of the identity that writes"),
        "222222222222",
        "The account that must own the bucket, sent with every request; `none` turns the check off",
    ),
    var(
        Transfer,
        "DOCFERRY_CONCURRENCY",
        Value("auto"),
        "32",
        "How many requests are under way at once: `auto` finds it out on the way, or a number from 1 to 1024",
    ),
    var(
        Transfer,
        "DOCFERRY_MULTIPART_THRESHOLD",
        Value("16MiB"),
        "64MiB",
        "Files of this size and more are sent in parts, 5MiB to 5GiB",
    ),
    var(
        Transfer,
        "DOCFERRY_PART_SIZE",
        Value("8MiB"),
        "32MiB",
        "The size of a part, 5MiB to 5GiB; larger by itself where a file would need over 10,000 parts",
    ),
    var(
        Transfer,
        "DOCFERRY_CHECKSUM",
        Value("auto"),
        "crc32c",
        "The checksum that the server verifies: `crc64nvme`, `crc32c`, `md5`, or `auto` for the first of them that it knows",
    ),
    var(
        Transfer,
        "DOCFERRY_MAX_ATTEMPTS",
        Value("8"),
        "3",
        "How often one request is tried before its object counts as failed, 1 to 20",
    ),
    var(
        Transfer,
        "DOCFERRY_MAX_BANDWIDTH",
        Derived("no limit"),
        "10MiB",
        "How many bytes go out in a second at most",
    ),
    var(
        Transfer,
        "DOCFERRY_STALL_TIMEOUT",
        Value("60s"),
        "20s",
        "How long a request may stand still before it is tried again",
    ),
    var(
        Transfer,
        "DOCFERRY_TIMEOUT",
        Derived("no limit"),
        "30m",
        "How long the transfer may take; what is not in place by then is not sent any more",
    ),
    var(
        Transfer,
        "DOCFERRY_ON_ERROR",
        Value("continue"),
        "stop",
        "After an object has failed: `continue` with the others, or `stop`",
    ),
    var(
        Transfer,
        "DOCFERRY_ABORT_STALE_UPLOADS",
        None,
        "24h",
        "Before the transfer, remove open multipart uploads under the prefix that the same writer began so long ago; the writer needs `s3:ListBucketMultipartUploads` and `s3:AbortMultipartUpload`",
    ),
    var(
        Transfer,
        "DOCFERRY_PATH_STYLE",
        Value("auto"),
        "true",
        "Whether the bucket's name goes into the path of the URL; `auto` says yes for endpoints that are not AWS's",
    ),
    var(
        Transfer,
        "DOCFERRY_ALLOW_HTTP",
        Value("false"),
        "true",
        "Whether endpoints may be plain `http://` that are not on this machine: tokens cross in the clear then",
    ),
    var(
        Output,
        "DOCFERRY_PLAN_EXIT_CODE",
        Value("false"),
        "true",
        "Whether `plan` ends with exit code 8 when there is something to do",
    ),
    var(
        Output,
        "DOCFERRY_PLAN_FORMAT",
        Value("text"),
        "json",
        "How `plan` prints: `text` for people, `json` for programs",
    ),
    var(
        Output,
        "DOCFERRY_LOG",
        Value("info"),
        "debug",
        "How much is logged: `error`, `warn`, `info`, or `debug` for a line per object",
    ),
    var(
        Output,
        "DOCFERRY_LOG_FORMAT",
        Value("text"),
        "json",
        "How the log is written: `text` for people, `json` for programs, one object a line",
    ),
    var(
        Output,
        "DOCFERRY_REPORT",
        None,
        "report.json",
        "A file for the report of the run in JSON, with every action and what became of it",
    ),
    var(
        Output,
        "DOCFERRY_PUBLIC_URL",
        None,
        "https://docs.example.org/handbook/",
        "Where people find the files, for links; placeholders are filled in",
    ),
    var(
        Output,
        "DOCFERRY_DOTENV",
        None,
        "docferry.env",
        "A file for GitLab's `artifacts:reports:dotenv`",
    ),
    var(
        Output,
        "DOCFERRY_ANNOTATIONS",
        None,
        "docferry-links.json",
        "A file for GitLab's `artifacts:reports:annotations`, with the link of `DOCFERRY_PUBLIC_URL`",
    ),
    var(
        Aws,
        "AWS_REGION",
        Derived("from the profile or the instance"),
        "eu-central-1",
        "The bucket's region",
    ),
    var(
        Aws,
        "AWS_ACCESS_KEY_ID",
        None,
        "AKIAIOSFODNN7EXAMPLE",
        "The job's own access key, if it has one",
    ),
    secret(var(
        Aws,
        "AWS_SECRET_ACCESS_KEY",
        None,
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "The secret of that key",
    )),
    secret(var(
        Aws,
        "AWS_SESSION_TOKEN",
        None,
        "IQoJb3JpZ2luX2VjEXAMPLE",
        "The session token of a temporary key",
    )),
    var(
        Aws,
        "AWS_PROFILE",
        Value("default"),
        "ci",
        "The profile in `~/.aws/config` that gives the job's identity",
    ),
    var(
        Aws,
        "AWS_ENDPOINT_URL",
        None,
        "https://vpce-1a2b.vpce.amazonaws.com",
        "An endpoint for S3 and STS other than AWS's own",
    ),
    var(
        Aws,
        "AWS_ENDPOINT_URL_S3",
        None,
        "https://s3.example.org",
        "An endpoint for S3 alone",
    ),
    var(
        Aws,
        "AWS_ENDPOINT_URL_STS",
        None,
        "https://sts.example.org",
        "An endpoint for STS alone",
    ),
    var(
        Aws,
        "AWS_CA_BUNDLE",
        None,
        "/etc/ssl/company.pem",
        "A file of CA certificates to trust beside the system's own",
    ),
    var(
        Aws,
        "AWS_USE_FIPS_ENDPOINT",
        Value("false"),
        "true",
        "Whether to use AWS's FIPS endpoints",
    ),
    var(
        Aws,
        "AWS_USE_DUALSTACK_ENDPOINT",
        Value("false"),
        "true",
        "Whether to use AWS's dual-stack endpoints, for IPv6",
    ),
];

/// What `DOCFERRY_DOTENV` tells later jobs of the same pipeline. The first of them
/// is always there, and shows that the others are no settings.
pub const TOLD: [&str; 8] = [
    "DOCFERRY_RESULT",
    "DOCFERRY_UPLOADED",
    "DOCFERRY_UNCHANGED",
    "DOCFERRY_DELETED",
    "DOCFERRY_FAILED",
    "DOCFERRY_BYTES",
    "DOCFERRY_UPLOADED_TO",
    "DOCFERRY_URL",
];

/// What the action tells later steps of the same job, and what it is.
pub const OUTPUTS: [(&str, &str); 8] = [
    ("uploaded", "How many objects were uploaded"),
    (
        "unchanged",
        "How many objects were in place already and left as they were",
    ),
    ("deleted", "How many objects were deleted"),
    ("failed", "How many objects failed, or may have failed"),
    ("bytes", "How many bytes the uploaded files have"),
    (
        "destination",
        "The bucket and the prefix that were written to",
    ),
    ("url", "Where people find the files, if `public-url` is set"),
    ("report", "The file of the JSON report, if `report` is set"),
];

/// docferry's own variables, without AWS's.
pub fn own() -> impl Iterator<Item = &'static Var> {
    ALL.iter().filter(|var| var.name.starts_with(PREFIX))
}

/// Whether the value of this variable must never be printed.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    ALL.iter().any(|var| var.name == name && var.secret)
}

/// The known name nearest to a misspelt one, if one is near.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static str> {
    let distance = |known: &str| match known.starts_with(name) || name.starts_with(known) {
        true => 0,
        false => strsim::damerau_levenshtein(name, known),
    };
    own()
        .map(|var| (distance(var.name), var.name))
        .filter(|(distance, known)| *distance <= (known.len() - PREFIX.len()).div_ceil(2))
        .min()
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_grouped() {
        let mut names: Vec<_> = ALL.iter().map(|var| var.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        for var in ALL {
            let own = var.name.starts_with(PREFIX);
            assert_eq!(own, var.group != Aws, "{}", var.name);
        }
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        for (said, meant) in [
            ("DOCFERRY_ROLE", Some("DOCFERRY_ROLE_ARN")),
            ("DOCFERRY_SORUCE", Some("DOCFERRY_SOURCE")),
            ("DOCFERRY_DEST", Some("DOCFERRY_DESTINATION")),
            ("DOCFERRY_XYZZY_PLUGH_FROTZ", Option::None),
        ] {
            assert_eq!(nearest(said), meant, "{said}");
        }
    }
}
