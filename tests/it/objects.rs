//! How objects look: each property is read back from the bucket.

use std::collections::BTreeMap;
use std::io::Read as _;

use docferry_sandbox::{Encryption, Ownership, Properties};
use serde_json::{Value, json};

use crate::harness::*;

/// A policy that allows these actions on the objects under the prefix.
fn may(actions: &[&str]) -> Value {
    policy(&json!({
        "Effect": "Allow",
        "Action": actions,
        "Resource": format!("arn:aws:s3:::{BUCKET}/site/*"),
    }))
}

fn gitlab(job: Job) -> Job {
    job.var("GITLAB_CI", "true")
        .var("CI_PROJECT_PATH", "acme/handbook")
        .var("CI_COMMIT_REF_NAME", "feature/Größe")
        .var("CI_COMMIT_SHA", "0123456789abcdef0123456789abcdef01234567")
        .var("CI_PIPELINE_ID", "77")
        .var(
            "CI_PIPELINE_URL",
            "https://gitlab.example.org/acme/handbook/-/pipelines/77",
        )
        .var("CI_JOB_NAME", "pages")
}

#[test]
fn each_rule_gives_its_property_to_small_and_to_large_files() {
    let world = World::new();
    world.aws.role(ROLE).policy(may(&["s3:PutObjectTagging"]));
    world.site();
    world.file("de/index.html", "<h1>Handbuch</h1>");
    world.file("old.html", "");
    world.file("big.zip", vec![7; 17 << 20]);
    world.file("LICENSE", "MIT");
    let job = world
        .job()
        .var("DOCFERRY_CONTENT_TYPE", "/LICENSE=text/x-license")
        .var(
            "DOCFERRY_CACHE_CONTROL",
            "*.html=no-cache\npublic, max-age=31536000, immutable",
        )
        .var(
            "DOCFERRY_CONTENT_DISPOSITION",
            "*.zip=attachment; filename=\"all.zip\"",
        )
        .var("DOCFERRY_CONTENT_LANGUAGE", "/de/=de\n*.html=en")
        .var("DOCFERRY_CONTENT_ENCODING", "*.zip=x-none")
        .var(
            "DOCFERRY_METADATA",
            "*.zip=kind=archive,build={pipeline}\nteam=docs",
        )
        .var(
            "DOCFERRY_TAGS",
            "*.zip=stage=test,cost center=42\nteam=docs",
        )
        .var("DOCFERRY_STORAGE_CLASS", "*.zip=STANDARD_IA")
        .var("DOCFERRY_REDIRECT", "/old.html=/index.html");
    gitlab(job).run().exits(0);
    assert_properties_of_small_objects(&world);
    let zip = world.object("site/big.zip");
    assert!(zip.etag.ends_with("-3"), "in parts: {}", zip.etag);
    assert_properties_of_the_archive(&zip.properties);
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    owned.collect()
}

fn assert_properties_of_small_objects(world: &World) {
    let page = world.object("site/de/index.html");
    let page = &page.properties;
    assert_eq!(page.cache_control.as_deref(), Some("no-cache"));
    assert_eq!(page.content_language.as_deref(), Some("de"));
    assert_eq!(page.metadata, pairs(&[("team", "docs")]));
    assert_eq!(page.tags, pairs(&[("team", "docs")]));
    assert_eq!(page.content_disposition, None);
    let old = world.object("site/old.html");
    assert_eq!(
        old.properties.website_redirect_location.as_deref(),
        Some("/index.html")
    );
    assert_eq!(
        world.object("site/LICENSE").content_type(),
        "text/x-license"
    );
}

fn assert_properties_of_the_archive(zip: &Properties) {
    assert_eq!(
        zip.cache_control.as_deref(),
        Some("public, max-age=31536000, immutable")
    );
    assert_eq!(
        zip.content_disposition.as_deref(),
        Some("attachment; filename=\"all.zip\"")
    );
    assert_eq!(zip.content_encoding.as_deref(), Some("x-none"));
    assert_eq!(zip.metadata, pairs(&[("kind", "archive"), ("build", "77")]));
    assert_eq!(zip.tags, pairs(&[("stage", "test"), ("cost center", "42")]));
    assert_eq!(zip.storage_class.as_deref(), Some("STANDARD_IA"));
}

#[test]
fn the_content_tells_the_type_of_a_file_without_an_extension() {
    let world = World::new();
    world.file("LICENSE", "MIT License");
    world.file("logo", b"\x89PNG\r\n\x1a\n0000");
    world.file("app.ts", "let x");
    world.file("page.html.gz", [0x1f, 0x8b, 8, 0]);
    world.job().run().exits(0);
    for (key, content_type, encoding) in [
        ("site/LICENSE", "text/plain; charset=utf-8", None),
        ("site/logo", "image/png", None),
        ("site/app.ts", "text/plain; charset=utf-8", None),
        (
            "site/page.html.gz",
            "text/html; charset=utf-8",
            Some("gzip"),
        ),
    ] {
        let object = world.object(key);
        assert_eq!(object.content_type(), content_type, "{key}");
        assert_eq!(
            object.properties.content_encoding.as_deref(),
            encoding,
            "{key}"
        );
    }
}

/// How an object is encoded, and what its bytes are without that.
fn unpacked(world: &World, key: &str) -> (Option<String>, Vec<u8>) {
    let object = world.object(key);
    let (mut out, bytes) = (Vec::new(), object.bytes());
    match object.properties.content_encoding.as_deref() {
        Some("gzip") => flate2::read::GzDecoder::new(&bytes[..])
            .read_to_end(&mut out)
            .unwrap(),
        Some("br") => brotli::Decompressor::new(&bytes[..], 4096)
            .read_to_end(&mut out)
            .unwrap(),
        Some("zstd") => zstd::Decoder::new(&bytes[..])
            .unwrap()
            .read_to_end(&mut out)
            .unwrap(),
        _ => bytes.as_ref().read_to_end(&mut out).unwrap(),
    };
    (object.properties.content_encoding.clone(), out)
}

#[test]
fn files_are_compressed_on_their_way_where_that_pays() {
    let world = World::new();
    let text = "The quick brown fox jumps over the lazy dog.\n".repeat(60_000);
    let mut state = 1_u64;
    let noise: Vec<u8> = (0..4000)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()[0]
        })
        .collect();
    world.file("big.html", &text);
    world.file("a.css", "a { color: red }\n".repeat(200));
    world.file("a.json", "[1, 2, 3],\n".repeat(200));
    world.file("tiny.html", "<p>");
    world.file("photo.png", vec![7; 5000]);
    world.file("noise.txt", &noise);
    let job = || {
        let job = world.job();
        job.var("DOCFERRY_COMPRESS", "*.css=br\n*.json=zstd\ngzip")
    };
    job().run().exits(0);
    for (name, encoding) in [
        ("big.html", Some("gzip")),
        ("a.css", Some("br")),
        ("a.json", Some("zstd")),
        ("tiny.html", None),
        ("photo.png", None),
        ("noise.txt", None),
    ] {
        let (found, bytes) = unpacked(&world, &format!("site/{name}"));
        assert_eq!(found.as_deref(), encoding, "{name}");
        assert!(
            bytes == std::fs::read(world.source().join(name)).unwrap(),
            "{name}"
        );
    }
    assert!(world.object("site/big.html").size < text.len() as u64 / 50);
    // The same file becomes the same object.
    let before = world.aws.objects(BUCKET);
    job().run().exits(0);
    for (one, other) in before.iter().zip(world.aws.objects(BUCKET)) {
        assert_eq!(one.etag, other.etag, "{}", one.key);
    }
}

/// A compressed body of several megabytes is made while it is sent, and made
/// again where it must be sent again.
#[test]
fn a_compressed_file_that_does_not_fit_into_memory_is_made_as_it_is_sent() {
    use docferry_sandbox::{Answer, Fault};
    let world = World::new();
    let mut state = 1_u64;
    let half_noise: Vec<u8> = (0..6 << 20)
        .map(|i| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            if i % 2 == 0 {
                b'a'
            } else {
                b' ' + (state >> 57) as u8 % 90
            }
        })
        .collect();
    world.file("big.txt", &half_noise);
    world
        .aws
        .fault(Fault::new("PutObject").times(2).then(Answer::SlowDown));
    world.job().var("DOCFERRY_COMPRESS", "gzip").run().exits(0);
    let object = world.object("site/big.txt");
    assert!(
        object.size > 2 << 20 && object.size < 6 << 20,
        "{}",
        object.size
    );
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(&object.bytes()[..])
        .read_to_end(&mut out)
        .unwrap();
    assert!(out == half_noise);
}

#[test]
fn objects_are_encrypted_as_asked() {
    const KEY: &str =
        "arn:aws:kms:eu-central-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let world = World::new();
    world.site();
    world.file("big", vec![7; 17 << 20]);
    world.job().var("DOCFERRY_SSE", "AES256").run().exits(0);
    assert_eq!(
        world.object("site/big").properties.encryption,
        Encryption::Aes256
    );
    let with_key = || {
        world
            .job()
            .var("DOCFERRY_SSE", "aws:kms")
            .var("DOCFERRY_SSE_KMS_KEY_ID", KEY)
            .var("DOCFERRY_SSE_BUCKET_KEY", "true")
    };
    let _key = world.aws.kms_key(KEY);
    with_key().run().exits(5).says("kms:GenerateDataKey");
    let kms = json!({"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": KEY});
    world.aws.role(ROLE).policy(policy(&kms));
    // A session that is narrowed to this very key can still do all of it.
    let scoped = with_key().var("DOCFERRY_SESSION_POLICY", "scoped");
    scoped.run().exits(0);
    for key in ["site/big", "site/index.html"] {
        let properties = &world.object(key).properties;
        assert_eq!(
            properties.encryption,
            Encryption::Kms(Some(KEY.to_owned())),
            "{key}"
        );
        assert!(properties.bucket_key, "{key}");
    }
}

#[test]
fn two_layers_of_encryption_and_a_requester_who_pays_are_possible_too() {
    const KEY: &str = "arn:aws:kms:eu-central-1:222222222222:key/1234";
    let world = World::new();
    world.site();
    world.file("big", vec![7; 17 << 20]);
    let _key = world.aws.kms_key(KEY);
    let kms = json!({"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": KEY});
    world.aws.role(ROLE).policy(policy(&kms));
    // The bucket is another account's, which lets the role write.
    let lets_in = json!({
        "Effect": "Allow",
        "Principal": {"AWS": ROLE},
        "Action": ["s3:PutObject"],
        "Resource": format!("arn:aws:s3:::{BUCKET}/site/*"),
    });
    let bucket = world.aws.bucket(BUCKET).owner("333333333333");
    let _bucket = bucket.requester_pays().policy(policy(&lets_in));
    let job = || {
        world
            .job()
            .var("DOCFERRY_EXPECTED_BUCKET_OWNER", "333333333333")
            .var("DOCFERRY_SSE", "aws:kms:dsse")
            .var("DOCFERRY_SSE_KMS_KEY_ID", KEY)
    };
    job().run().exits(5);
    world.aws.forget_requests();
    job().var("DOCFERRY_REQUEST_PAYER", "true").run().exits(0);
    let found = world.object("site/big").properties.encryption.clone();
    assert_eq!(found, Encryption::KmsDsse(Some(KEY.to_owned())));
    for request in world.aws.requests().all() {
        let to_s3 = !request.operation.starts_with("sts:");
        let said = request.header("x-amz-request-payer");
        assert_eq!(said.is_some(), to_s3, "{}", request.operation);
    }
}

#[test]
fn an_acl_is_sent_only_when_asked_for_and_a_bucket_without_acls_says_so() {
    let world = World::new();
    world.site();
    world.job().run().exits(0);
    for put in world.aws.requests().of("PutObject") {
        assert_eq!(put.header("x-amz-acl"), None);
    }
    let with_acl = || world.job().var("DOCFERRY_ACL", "bucket-owner-read");
    world.aws.role(ROLE).policy(may(&["s3:PutObjectAcl"]));
    with_acl()
        .run()
        .exits(5)
        .says("AccessControlListNotSupported")
        .says("takes no ACL: unset DOCFERRY_ACL");
    let _bucket = world.aws.bucket(BUCKET).ownership(Ownership::ObjectWriter);
    with_acl().run().exits(0);
    let acl = world.object("site/index.html").properties.acl.clone();
    assert_eq!(acl.as_deref(), Some("bucket-owner-read"));
    // As AWS's buckets do, the sandbox's block public access.
    let public = world.job().var("DOCFERRY_ACL", "public-read");
    public.run().exits(5).says("Block Public Access");
}

#[test]
fn a_property_that_needs_a_permission_names_it_and_its_variable() {
    for (variable, value, action) in [
        ("DOCFERRY_TAGS", "team=docs", "s3:PutObjectTagging"),
        ("DOCFERRY_ACL", "private", "s3:PutObjectAcl"),
        (
            "DOCFERRY_OBJECT_LOCK_LEGAL_HOLD",
            "true",
            "s3:PutObjectLegalHold",
        ),
    ] {
        let world = World::new();
        world.site();
        let bucket = world.aws.bucket(BUCKET).ownership(Ownership::ObjectWriter);
        let _bucket = bucket.object_lock(true);
        world
            .job()
            .var(variable, value)
            .run()
            .exits(5)
            .says(&format!("action    {action}"))
            .says(&format!("{variable} is set, which needs {action}"))
            .says(&format!("[\"s3:PutObject\", \"{action}\"]"));
        world.aws.role(ROLE).policy(may(&[action]));
        // `scoped` leaves room for what the properties need.
        world
            .job()
            .var(variable, value)
            .var("DOCFERRY_SESSION_POLICY", "scoped")
            .run()
            .exits(0);
    }
}

#[test]
fn objects_are_locked_as_asked() {
    let world = World::new();
    world.site();
    world
        .aws
        .role(ROLE)
        .policy(may(&["s3:PutObjectRetention", "s3:PutObjectLegalHold"]));
    let locked = || {
        world
            .job()
            .var("DOCFERRY_OBJECT_LOCK_MODE", "GOVERNANCE")
            .var("DOCFERRY_OBJECT_LOCK_UNTIL", "2099-01-01T00:00:00Z")
            .var("DOCFERRY_OBJECT_LOCK_LEGAL_HOLD", "true")
    };
    locked()
        .run()
        .exits(5)
        .says("the bucket has no Object Lock: unset DOCFERRY_OBJECT_LOCK_MODE");
    let _bucket = world.aws.bucket(BUCKET).object_lock(true);
    locked().run().exits(0);
    let properties = &world.object("site/index.html").properties;
    assert_eq!(properties.lock_mode.as_deref(), Some("GOVERNANCE"));
    assert_eq!(properties.legal_hold.as_deref(), Some("ON"));
    assert!(
        properties
            .retain_until
            .as_deref()
            .unwrap()
            .starts_with("2099-01-01")
    );
}

#[test]
fn placeholders_lead_to_a_folder_of_the_branch() {
    let world = World::new();
    world.site();
    let job = || {
        let to = format!("s3://{BUCKET}/site/{{project}}/{{ref}}/{{short_sha}}/");
        gitlab(world.job()).var("DOCFERRY_DESTINATION", to)
    };
    job().run().exits(0);
    assert!(
        world
            .keys()
            .contains(&"site/acme/handbook/feature-Gr--e/01234567/index.html".to_owned()),
        "{:?}",
        world.keys()
    );
    let before = world.keys();
    for (to, part) in [
        (
            "s3://example-docs/site/{tag}/",
            "has {tag}, which this job does not have",
        ),
        (
            "s3://example-docs/site/{branch}/",
            "has {branch}, which is no placeholder",
        ),
    ] {
        let job = job().var("DOCFERRY_DESTINATION", to);
        job.run().exits(2).says(part);
    }
    assert_eq!(world.keys(), before);
}

#[test]
fn a_stamp_tells_which_commit_and_pipeline_made_an_object() {
    let world = World::new();
    world.site();
    let stamped = |job: Job| job.var("DOCFERRY_STAMP", "true");
    stamped(world.job())
        .run()
        .exits(2)
        .says("says nothing of a commit");
    stamped(gitlab(world.job())).run().exits(0);
    let metadata = &world.object("site/index.html").properties.metadata;
    assert_eq!(
        metadata["commit"],
        "0123456789abcdef0123456789abcdef01234567"
    );
    assert_eq!(metadata["ref"], "feature/Gr--e");
    assert_eq!(
        metadata["pipeline"],
        "https://gitlab.example.org/acme/handbook/-/pipelines/77"
    );
}

#[test]
fn a_plan_shows_each_property_and_the_rule_that_gives_it() {
    let world = World::new();
    world.site();
    world.file("page.html", "x".repeat(3000));
    let job = || {
        world
            .job()
            .argument("plan")
            .var(
                "DOCFERRY_CACHE_CONTROL",
                "/index.html=no-cache\n*.html=max-age=60",
            )
            .var("DOCFERRY_COMPRESS", "br")
            .var("DOCFERRY_TAGS", "team=docs")
    };
    let text = job().run().exits(0).stdout;
    for line in [
        "       cache-control: no-cache",
        "       x-amz-tagging: team=docs",
        "       (cache-control by DOCFERRY_CACHE_CONTROL, /index.html)",
        "       (tags by DOCFERRY_TAGS, **)",
        "       content-encoding: br, if that is smaller",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "no {line:?} in\n{text}"
        );
    }
    let json = job()
        .var("DOCFERRY_PLAN_FORMAT", "json")
        .run()
        .exits(0)
        .stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let page = json["actions"].as_array().unwrap().iter();
    let page = page
        .clone()
        .find(|action| action["path"] == "page.html")
        .unwrap();
    assert_eq!(page["content_encoding"], "br");
    assert_eq!(page["compressed"], true);
    assert_eq!(page["headers"]["cache-control"], "max-age=60");
    let rule = &page["rules"][1];
    assert_eq!(rule["variable"], "DOCFERRY_CACHE_CONTROL");
    assert_eq!(rule["glob"], "*.html");
}

const ILLEGAL: [(&str, &str, &str); 19] = [
    (
        "DOCFERRY_CACHE_CONTROL",
        "*.html=no-cache\nx\n*.css=a",
        "without a glob before other lines",
    ),
    (
        "DOCFERRY_CACHE_CONTROL",
        "drafts=no-store",
        "no cache directive \"drafts\"",
    ),
    ("DOCFERRY_CACHE_CONTROL", "[z-a]=no-store", "is no glob"),
    ("DOCFERRY_CONTENT_TYPE", "*.x=html", "no media type"),
    (
        "DOCFERRY_CONTENT_DISPOSITION",
        "attachment; filename=\"ä\"",
        "cannot stand in a header",
    ),
    ("DOCFERRY_METADATA", "a", "which is no pair"),
    (
        "DOCFERRY_TAGS",
        "a=1,b=2,c=3,d=4,e=5,f=6,g=7,h=8,i=9,j=10,k=11",
        "11 tags",
    ),
    ("DOCFERRY_STORAGE_CLASS", "COLD", "use one of `STANDARD`"),
    ("DOCFERRY_REDIRECT", "/a=b", "no place to redirect to"),
    (
        "DOCFERRY_COMPRESS",
        "zip",
        "use one of `gzip`, `br`, `zstd`, `none`",
    ),
    ("DOCFERRY_SSE", "kms", "use one of `AES256`"),
    (
        "DOCFERRY_SSE_KMS_KEY_ID",
        "alias/x",
        "set DOCFERRY_SSE=aws:kms, too",
    ),
    (
        "DOCFERRY_SSE_KMS_KEY_ID",
        "arn:aws:kms:x",
        "names no KMS key",
    ),
    (
        "DOCFERRY_SSE_BUCKET_KEY",
        "true",
        "only DOCFERRY_SSE=aws:kms has bucket keys",
    ),
    ("DOCFERRY_ACL", "public", "use one of `private`"),
    (
        "DOCFERRY_OBJECT_LOCK_MODE",
        "GOVERNANCE",
        "DOCFERRY_OBJECT_LOCK_UNTIL is not set",
    ),
    (
        "DOCFERRY_OBJECT_LOCK_UNTIL",
        "tomorrow",
        "2030-12-31T00:00:00Z",
    ),
    ("DOCFERRY_EXCLUDE", "!keep.html", "begins with `!`"),
    (
        "DOCFERRY_SYMLINKS",
        "follow",
        "use one of `inside`, `skip`, `refuse`",
    ),
];

#[test]
fn values_that_cannot_be_properties_are_told_with_the_settings() {
    let world = World::new();
    world.site();
    for (variable, value, part) in ILLEGAL {
        let outcome = world.job().var(variable, value).run().exits(2);
        outcome.says(variable).says(part);
    }
    assert!(world.aws.requests().all().is_empty());
}
