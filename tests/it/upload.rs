//! The main job: files across two accounts.

use docferry_sandbox::Sandbox;

use crate::harness::*;

#[test]
fn a_tree_arrives_byte_for_byte_with_its_content_types() {
    let world = World::new();
    world.site();
    world
        .job()
        .run()
        .exits(0)
        .says(&format!("identity   {USER} (account {DEVELOPMENT})"))
        .says("role       arn:aws:sts::222222222222:assumed-role/docs-writer/docferry")
        .says("done       3 of 3 files");
    world.assert_all_in_place();
    for (key, content_type) in [
        ("site/index.html", "text/html; charset=utf-8"),
        ("site/assets/style.css", "text/css; charset=utf-8"),
        ("site/assets/logo.png", "image/png"),
    ] {
        assert_eq!(world.object(key).content_type(), content_type);
    }
}

#[test]
fn s3_verifies_a_checksum_of_every_object() {
    let world = World::new();
    world.site();
    world.file("big.bin", vec![7; 20 << 20]);
    world.job().run().exits(0);
    for object in world.aws.objects(BUCKET) {
        let checksum = &object.checksum;
        assert_eq!(checksum.algorithm.name(), "CRC64NVME", "{}", object.key);
    }
    let asked = world.aws.requests();
    for put in asked.of("PutObject").iter().chain(&asked.of("UploadPart")) {
        assert!(
            put.header("x-amz-checksum-crc64nvme").is_some(),
            "{:?}",
            put.key
        );
    }
}

#[test]
fn each_checksum_can_be_asked_for() {
    for (word, header) in [
        ("crc64nvme", "x-amz-checksum-crc64nvme"),
        ("crc32c", "x-amz-checksum-crc32c"),
        ("md5", "content-md5"),
    ] {
        let world = World::new();
        world.file("small", "x");
        world.file("big", vec![7; 17 << 20]);
        let job = world.job().var("DOCFERRY_CHECKSUM", word);
        job.run().exits(0);
        world.assert_all_in_place();
        let asked = world.aws.requests();
        for put in asked.of("PutObject").iter().chain(&asked.of("UploadPart")) {
            assert!(put.header(header).is_some(), "{word}: {:?}", put.headers);
        }
    }
}

#[test]
fn a_large_file_goes_up_in_parts() {
    let world = World::new();
    world.file(
        "big.iso",
        (0..21 << 20).map(|i| (i % 253) as u8).collect::<Vec<_>>(),
    );
    world.file("small.txt", "x");
    world.job().run().exits(0);
    world.assert_all_in_place();
    let object = world.object("site/big.iso");
    assert!(object.etag.ends_with("-3"), "{}", object.etag);
    assert_eq!(world.aws.requests().count("UploadPart"), 3);
    assert_eq!(world.aws.requests().count("PutObject"), 1);
}

#[test]
fn the_threshold_and_the_parts_can_be_set() {
    let world = World::new();
    world.file("big", vec![1; 13 << 20]);
    let job = world.job().var("DOCFERRY_MULTIPART_THRESHOLD", "6MiB");
    job.var("DOCFERRY_PART_SIZE", "5MiB").run().exits(0);
    assert!(world.object("site/big").etag.ends_with("-3"));
    let world = World::new();
    world.file("big", vec![1; 13 << 20]);
    world.job().run().exits(0);
    assert_eq!(world.aws.requests().count("PutObject"), 1);
    world.assert_all_in_place();
}

#[test]
fn one_request_at_a_time_is_enough() {
    let world = World::new();
    world.site();
    world.file("big", vec![1; 17 << 20]);
    world.job().var("DOCFERRY_CONCURRENCY", "1").run().exits(0);
    world.assert_all_in_place();
}

#[test]
fn everything_works_over_tls_with_a_private_ca() {
    let world = World::with(Sandbox::builder().tls(true));
    world.site();
    world.file("medium", vec![3; 3 << 20]);
    world.file("big", vec![1; 17 << 20]);
    let job = world.job().var("SSL_CERT_FILE", world.aws.ca_file());
    job.run().exits(0);
    world.assert_all_in_place();
    let asked = world.aws.requests();
    let put = asked.of("PutObject")[0];
    assert_eq!(put.header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
}

#[test]
fn a_single_file_is_uploaded_under_its_name() {
    let world = World::new();
    world.file("report.pdf", "%PDF");
    let job = world
        .job()
        .var("DOCFERRY_SOURCE", world.source().join("report.pdf"));
    job.run().exits(0);
    assert_eq!(world.keys(), ["site/report.pdf"]);
}

#[test]
fn odd_but_legal_names_keep_every_byte() {
    let world = World::new();
    for name in [
        "a",
        "b/c",
        "with space.html",
        "plus+sign",
        "per%20cent",
        "per%cent",
        "quote'\"s",
        "ünï/cödé 🚢",
        "e\u{301} and é",
        "a&b=c;d",
        "tilde~",
        "star*",
        "back\\slash",
        "hash#tag?x",
        "-dash",
        "...",
        "trailing ",
        "<angle>",
    ] {
        world.file(name, name);
    }
    world.job().run().exits(0);
    world.assert_all_in_place();
}

#[test]
fn without_a_role_the_job_writes_by_the_buckets_policy() {
    let world = World::new();
    world.site();
    let _user = world.aws.user(USER).policy(may_put());
    let mut statement = may_put()["Statement"][0].clone();
    statement["Principal"] = serde_json::json!({"AWS": USER});
    let _bucket = world.aws.bucket(BUCKET).policy(policy(&statement));
    let job = || world.job_of_the_user();
    job().run().exits(5).says("DOCFERRY_EXPECTED_BUCKET_OWNER");
    job()
        .var("DOCFERRY_EXPECTED_BUCKET_OWNER", DOCUMENTATION)
        .run()
        .exits(0)
        .says(&format!("identity   {USER}"));
    world.assert_all_in_place();
    assert_eq!(world.aws.requests().count("sts:AssumeRole"), 0);
}

#[test]
fn the_session_is_named_after_the_job_and_lasts_as_long_as_asked() {
    let world = World::new();
    world.site();
    let _role = world
        .aws
        .role(ROLE)
        .max_session(std::time::Duration::from_hours(2));
    world
        .job()
        .var("GITLAB_CI", "true")
        .var("CI_PROJECT_PATH", "acme/handbook")
        .var("CI_JOB_ID", "4711")
        .var("DOCFERRY_SESSION_DURATION", "90m")
        .run()
        .exits(0)
        .says("assumed-role/docs-writer/docferry-acme-handbook-4711");
    let asked = world.aws.requests();
    let assume = asked.of("sts:AssumeRole")[0];
    assert_eq!(assume.parameters["DurationSeconds"], "5400");
    assert_eq!(
        assume.parameters["RoleSessionName"],
        "docferry-acme-handbook-4711"
    );
}

#[test]
fn the_external_id_opens_the_role() {
    let world = World::new();
    world.site();
    let _role = world.aws.role(ROLE).trust(trusts(Some(EXTERNAL_ID)));
    let job = world.job().var("DOCFERRY_EXTERNAL_ID", EXTERNAL_ID);
    job.run().exits(0).says_nothing_of(EXTERNAL_ID);
    world.assert_all_in_place();
}

#[test]
fn the_buckets_name_goes_into_the_host_or_into_the_path() {
    let world = World::new();
    world.site();
    let endpoint = format!("http://localhost:{}", world.aws.port());
    let job = || world.job().var("AWS_ENDPOINT_URL_S3", &endpoint);
    // Not every resolver knows names below `localhost` (RFC 6761); one that
    // does not shows the style by failing.
    let name = ("example-docs.localhost", world.aws.port());
    let hosted = job()
        .var("DOCFERRY_PATH_STYLE", "false")
        .var("DOCFERRY_MAX_ATTEMPTS", "1");
    if std::net::ToSocketAddrs::to_socket_addrs(&name).is_err() {
        hosted.run().exits(5).says("dns error");
    } else {
        hosted.run().exits(0);
        world.assert_all_in_place();
        let asked = world.aws.requests();
        let host = asked.of("PutObject")[0].header("host").unwrap().to_owned();
        assert!(host.starts_with("example-docs.localhost"), "{host}");
    }
    job().run().exits(0);
    world.assert_all_in_place();
}

#[test]
fn a_bucket_root_is_a_destination_too() {
    let world = World::new();
    world.site();
    let all = serde_json::json!({
        "Effect": "Allow", "Action": "s3:PutObject", "Resource": format!("arn:aws:s3:::{BUCKET}/*"),
    });
    let _role = world.aws.role(ROLE).policy(policy(&all));
    let job = world
        .job()
        .var("DOCFERRY_DESTINATION", format!("s3://{BUCKET}"));
    job.run().exits(0);
    assert_eq!(
        world.keys(),
        ["assets/logo.png", "assets/style.css", "index.html"]
    );
}

#[test]
fn a_server_that_does_not_know_a_checksum_is_asked_for_the_next_one() {
    for (unknown, header) in [
        (&["CRC64NVME"][..], "x-amz-checksum-crc32c"),
        (&["CRC64NVME", "CRC32C"], "content-md5"),
    ] {
        let world = World::new();
        let _role = world.aws.role(ROLE).policy(may_abort());
        world.site();
        world.file("big", vec![1; 17 << 20]);
        for name in unknown {
            world.aws.forget_checksum(name);
        }
        let job = || world.job();
        job()
            .run()
            .exits(0)
            .says("this server does not verify CRC-64/NVME");
        world.assert_all_in_place();
        let asked = world.aws.requests();
        let last = asked.of("UploadPart").last().unwrap().header(header);
        assert!(last.is_some(), "{header}");
        // Who asks for one checksum gets that one or nothing.
        job()
            .var("DOCFERRY_CHECKSUM", "crc64nvme")
            .run()
            .exits(6)
            .says("the server did not verify its checksum");
    }
}
