//! Sync, mirror and the lock against the other server.

use super::*;

/// What a role needs to mirror to `prefix`.
fn role_that_mirrors_to(ceph: &Ceph, prefix: &str) {
    let actions = json!([
        "s3:PutObject",
        "s3:GetObject",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload"
    ]);
    // This server asks for the right to delete several objects at the bucket itself.
    let list = json!({
        "Effect": "Allow",
        "Action": ["s3:ListBucket", "s3:DeleteObject"],
        "Resource": format!("arn:aws:s3:::{}", ceph.name),
    });
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [ceph.allows(&actions, prefix), list],
    });
    make_role(
        DOCUMENTATION,
        ceph.name,
        &trusts_principal(USER),
        Some(&policy),
    );
}

fn mirror(ceph: &Ceph) -> Job {
    let job = ceph.job().var("DOCFERRY_DESTINATION", ceph.destination(""));
    job.var("DOCFERRY_MODE", "mirror")
        .var("DOCFERRY_MAX_DELETE", "none")
}

/// The bucket holds the files, and docferry's record.
fn assert_mirrored(ceph: &mut Ceph) {
    let record = ceph.fetch(".docferry/manifest");
    ceph.files.insert(".docferry/manifest".to_owned(), record);
    ceph.assert_all_in_place("");
    ceph.files.remove(".docferry/manifest");
}

#[test]
#[ignore = "needs radosgw: .ci/radosgw runs these"]
fn what_changed_is_sent_and_what_is_gone_is_deleted() {
    let mut ceph = Ceph::new("mirror");
    role_that_mirrors_to(&ceph, "");
    for index in 0..1_500 {
        ceph.file(
            &format!("pages/{}/{index}.html", index % 7),
            format!("<p>{index}</p>"),
        );
    }
    for name in ODD_NAMES {
        ceph.file(&format!("odd/{name}"), format!("this is {name:?}"));
    }
    let big: Vec<u8> = (0..251_u8).cycle().take(20 << 20).collect();
    ceph.file("big.pdf", big.clone());
    ceph.site();
    let number = ceph.files.len();
    mirror(&ceph).run().exits(0);
    assert_mirrored(&mut ceph);
    let before = ceph.index();
    mirror(&ceph).run().exits(0).says(&format!(
        "0 new and 0 changed, 0 B, {} unchanged",
        grouped(number)
    ));
    assert_eq!(ceph.index(), before);
    // One of equal size, a part of a large one, one that goes, one that comes.
    ceph.file("index.html", "<h1>Handbuch</h1>");
    let mut changed = big;
    changed[17 << 20] ^= 1;
    ceph.file("big.pdf", changed);
    ceph.file("new +ü.html", "new");
    for gone in ["pages/1/1.html", "odd/日本語/目次.html"] {
        fs::remove_file(ceph.dir.path().join("public").join(gone)).unwrap();
        ceph.files.remove(gone).unwrap();
    }
    mirror(&ceph)
        .run()
        .exits(0)
        .says("1 new and 2 changed")
        .says("2 deleted");
    assert_mirrored(&mut ceph);
    // Without the record the server itself tells.
    ceph.remove(".docferry/manifest");
    mirror(&ceph).run().exits(0).says("0 new and 0 changed");
    assert_mirrored(&mut ceph);
}

#[test]
#[ignore = "needs radosgw: .ci/radosgw runs these"]
fn properties_alone_are_copied() {
    let mut ceph = Ceph::new("copies");
    role_that_mirrors_to(&ceph, "");
    ceph.site();
    ceph.file("a +ü/big.pdf", vec![7; 20 << 20]);
    mirror(&ceph).run().exits(0);
    let job = mirror(&ceph).var(
        "DOCFERRY_CONTENT_TYPE",
        "*.css=text/x-test\n*.pdf=text/x-big",
    );
    job.run().exits(0).says("0 new and 2 changed, 0 B");
    let record = ceph.fetch(".docferry/manifest");
    ceph.files.insert(".docferry/manifest".to_owned(), record);
    let found = ceph.assert_all_in_place("");
    assert_eq!(found["assets/style.css"].content_type, "text/x-test");
    assert_eq!(found["a +ü/big.pdf"].content_type, "text/x-big");
    assert_eq!(found["index.html"].content_type, "text/html; charset=utf-8");
}

/// Of many who write at once on a condition, this server lets one through.
#[test]
#[ignore = "needs radosgw: .ci/radosgw runs these"]
fn a_lock_is_had_by_one_at_a_time() {
    let mut ceph = Ceph::new("locks");
    role_that_mirrors_to(&ceph, "");
    ceph.site();
    mirror(&ceph).var("DOCFERRY_LOCK", "fail").run().exits(0);
    let all: Vec<_> = (0..4)
        .map(|_| mirror(&ceph).var("DOCFERRY_LOCK", "wait").start())
        .collect();
    for running in all {
        running.wait().exits(0).says("2 unchanged");
    }
}

fn grouped(number: usize) -> String {
    format!("{},{:03}", number / 1000, number % 1000)
}
