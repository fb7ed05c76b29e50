//! Multipart uploads: parts, order, sizes, checksums, abort, listings.

use docferry_sandbox::{Algorithm, ChecksumType};

use crate::client::Response;
use crate::world::{Client, docs, with_policy, writer};

const MIB: usize = 1024 * 1024;

pub(crate) fn create(client: &Client<'_>, key: &str, headers: &[(&str, &str)]) -> String {
    let mut call = client
        .s3("POST", &format!("/docs/{key}"))
        .query("uploads", "");
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.send().ok().element("UploadId").unwrap()
}

pub(crate) fn part(
    client: &Client<'_>,
    key: &str,
    id: &str,
    number: &str,
    body: &[u8],
    headers: &[(&str, &str)],
) -> Response {
    let mut call = client
        .put(&format!("/docs/{key}"), body)
        .query("partNumber", number)
        .query("uploadId", id);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.send()
}

pub(crate) fn complete(
    client: &Client<'_>,
    key: &str,
    id: &str,
    parts: &[(u32, &str, &str)],
    headers: &[(&str, &str)],
) -> Response {
    let mut xml = String::from("<CompleteMultipartUpload>");
    for (number, etag, extra) in parts {
        xml.push_str(&format!(
            "<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag>{extra}</Part>",
            etag.replace('"', "&quot;")
        ));
    }
    xml.push_str("</CompleteMultipartUpload>");
    let mut call = client
        .s3("POST", &format!("/docs/{key}"))
        .query("uploadId", id)
        .body(xml.as_bytes());
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.send()
}

fn etag(response: Response) -> String {
    response.ok().header("etag").unwrap().to_owned()
}

#[test]
fn parts_become_an_object() {
    let aws = docs();
    let client = writer(&aws);
    let id = create(
        &client,
        "big/file",
        &[("content-type", "text/plain"), ("x-amz-meta-a", "b")],
    );
    let one = etag(part(
        &client,
        "big/file",
        &id,
        "1",
        &vec![b'1'; 5 * MIB],
        &[],
    ));
    let two = etag(part(&client, "big/file", &id, "2", b"123456789", &[]));
    let uploads = aws.uploads("docs");
    assert_eq!(uploads.len(), 1);
    assert_eq!(uploads[0].parts.len(), 2);
    assert!(aws.objects("docs").is_empty());

    let listed = client
        .s3("GET", "/docs/big/file")
        .query("uploadId", &id)
        .send()
        .ok();
    assert_eq!(listed.elements("PartNumber"), ["1", "2"]);

    let size = (5 * MIB + 9).to_string();
    let done = complete(
        &client,
        "big/file",
        &id,
        &[(1, &one, ""), (2, &two, "")],
        &[("x-amz-mp-object-size", &size)],
    )
    .ok();
    let object = aws.object("docs", "big/file").unwrap();
    assert!(object.etag.ends_with("-2") && object.etag.len() == 34);
    assert!(done.element("ETag").unwrap().contains(&object.etag));
    assert_eq!(object.content_type(), "text/plain");
    assert_eq!(object.properties.metadata["a"], "b");
    assert_eq!(object.size, 5 * MIB as u64 + 9);
    assert!(object.bytes().ends_with(b"1123456789"));
    assert_eq!(object.parts.len(), 2);
    assert_eq!(object.checksum.algorithm, Algorithm::Crc64Nvme);
    assert_eq!(object.checksum.kind, ChecksumType::FullObject);
    assert!(aws.uploads("docs").is_empty());
    // The combined checksum is that of the bytes: S3 would compute the same
    // for one put.
    let again = client.put("/docs/again", &object.bytes()).send().ok();
    assert_eq!(
        again.header("x-amz-checksum-crc64nvme").unwrap(),
        object.checksum.value
    );
    let second = client
        .s3("GET", "/docs/big/file")
        .query("partNumber", "2")
        .send();
    assert_eq!((second.status, second.text().as_str()), (206, "123456789"));
    assert_eq!(second.header("x-amz-mp-parts-count"), Some("2"));
}

#[test]
fn completing_is_strict() {
    let aws = docs();
    let client = writer(&aws);
    let id = create(&client, "k", &[]);
    let one = etag(part(&client, "k", &id, "1", b"small", &[]));
    let two = etag(part(&client, "k", &id, "2", b"x", &[]));
    let refuse = |parts: &[(u32, &str, &str)], headers: &[(&str, &str)], code: &str, text: &str| {
        complete(&client, "k", &id, parts, headers).refused(400, code, text);
    };
    refuse(
        &[(2, &two, ""), (1, &one, "")],
        &[],
        "InvalidPartOrder",
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
    );
    refuse(
        &[(1, &one, ""), (2, &two, "")],
        &[],
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
    );
    refuse(
        &[(1, &two, "")],
        &[],
        "InvalidPart",
        "One or more of the specified parts could not be found.",
    );
    refuse(
        &[(3, &two, "")],
        &[],
        "InvalidPart",
        "One or more of the specified parts could not be found.",
    );
    refuse(
        &[],
        &[],
        "MalformedXML",
        "The XML you provided was not well-formed",
    );
    refuse(
        &[(1, &one, "")],
        &[("x-amz-mp-object-size", "6")],
        "InvalidRequest",
        "The provided 'x-amz-mp-object-size' header value 6 does not match what was computed: 5",
    );
    refuse(
        &[(1, &one, "")],
        &[("x-amz-checksum-crc64nvme", "AAAAAAAAAAA=")],
        "BadDigest",
        "The CRC64NVME you specified did not match the calculated checksum.",
    );
    refuse(
        &[(1, &one, "<ChecksumCRC32>AAAAAA==</ChecksumCRC32>")],
        &[],
        "InvalidPart",
        "One or more",
    );
    assert!(aws.objects("docs").is_empty());
    complete(&client, "other", &id, &[(1, &one, "")], &[]).refused(
        404,
        "NoSuchUpload",
        "The specified upload does not exist.",
    );
    complete(&client, "k", &id, &[(1, &one, "")], &[]).ok();
    complete(&client, "k", &id, &[(1, &one, "")], &[]).refused(404, "NoSuchUpload", "");
    part(&client, "k", &id, "1", b"x", &[]).refused(404, "NoSuchUpload", "");
    for number in ["0", "10001"] {
        part(&client, "k", &id, number, b"x", &[]).refused(
            400,
            "InvalidArgument",
            "Part number must be an integer between 1 and 10000, inclusive",
        );
    }
}

#[test]
fn checksums_of_parts() {
    let aws = docs();
    let client = writer(&aws);
    let (crc, nvme) = ("y/Q5Jg==", "rosUhgp5mIg=");
    let mismatch = |expected: &str, actual: &str| {
        format!(
            "Checksum Type mismatch occurred, expected checksum Type: {expected}, actual checksum Type: {actual}"
        )
    };
    // None was asked for: a part may not come with one.
    let id = create(&client, "k", &[]);
    part(
        &client,
        "k",
        &id,
        "1",
        b"123456789",
        &[("x-amz-checksum-crc32", crc)],
    )
    .refused(400, "InvalidRequest", &mismatch("null", "crc32"));
    // Composite: each part needs its own, and so does the completion.
    let id = create(&client, "k", &[("x-amz-checksum-algorithm", "CRC32")]);
    part(&client, "k", &id, "1", b"123456789", &[]).refused(
        400,
        "InvalidRequest",
        &mismatch("crc32", "null"),
    );
    part(
        &client,
        "k",
        &id,
        "1",
        b"123456789",
        &[("x-amz-checksum-crc64nvme", nvme)],
    )
    .refused(400, "InvalidRequest", &mismatch("crc32", "crc64nvme"));
    let one = etag(part(
        &client,
        "k",
        &id,
        "1",
        b"123456789",
        &[("x-amz-checksum-crc32", crc)],
    ));
    complete(&client, "k", &id, &[(1, &one, "")], &[]).refused(
        400,
        "InvalidRequest",
        "The upload was created using a crc32 checksum. The complete request must include the checksum for each part. It was missing for part 1 in the request.",
    );
    complete(
        &client,
        "k",
        &id,
        &[(1, &one, "<ChecksumCRC32>AAAAAA==</ChecksumCRC32>")],
        &[],
    )
    .refused(400, "InvalidPart", "");
    let done = complete(
        &client,
        "k",
        &id,
        &[(1, &one, &format!("<ChecksumCRC32>{crc}</ChecksumCRC32>"))],
        &[],
    )
    .ok();
    assert!(done.element("ChecksumCRC32").unwrap().ends_with("-1"));
    assert_eq!(done.element("ChecksumType").unwrap(), "COMPOSITE");
    // Full object: the parts may do without; the whole is checked.
    let id = create(&client, "k", &[("x-amz-checksum-algorithm", "CRC64NVME")]);
    let one = etag(part(&client, "k", &id, "1", b"123456789", &[]));
    complete(
        &client,
        "k",
        &id,
        &[(1, &one, "")],
        &[("x-amz-checksum-type", "COMPOSITE")],
    )
    .refused(400, "BadDigest", "");
    let done = complete(
        &client,
        "k",
        &id,
        &[(1, &one, "")],
        &[
            ("x-amz-checksum-crc64nvme", nvme),
            ("x-amz-checksum-type", "FULL_OBJECT"),
        ],
    )
    .ok();
    assert_eq!(done.element("ChecksumCRC64NVME").unwrap(), nvme);
    // What does not go together.
    for (algorithm, kind) in [("CRC64NVME", "COMPOSITE"), ("SHA256", "FULL_OBJECT")] {
        client
            .s3("POST", "/docs/k")
            .query("uploads", "")
            .header("x-amz-checksum-algorithm", algorithm)
            .header("x-amz-checksum-type", kind)
            .send()
            .refused(
                400,
                "InvalidRequest",
                &format!(
                    "The {kind} checksum type cannot be used with the {} checksum algorithm.",
                    algorithm.to_lowercase()
                ),
            );
    }
}

#[test]
fn abort_and_lists() {
    let aws = docs();
    let client = writer(&aws);
    let ids: Vec<String> = ["b", "a", "a/x"]
        .iter()
        .map(|key| create(&client, key, &[]))
        .collect();
    let listed = client.s3("GET", "/docs").query("uploads", "").send().ok();
    assert_eq!(listed.elements("Key"), ["a", "a/x", "b"]);
    let paged = client
        .s3("GET", "/docs")
        .query("uploads", "")
        .query("max-uploads", "2")
        .send()
        .ok();
    assert_eq!(paged.element("IsTruncated").unwrap(), "true");
    let rest = client
        .s3("GET", "/docs")
        .query("uploads", "")
        .query("key-marker", &paged.element("NextKeyMarker").unwrap())
        .query(
            "upload-id-marker",
            &paged.element("NextUploadIdMarker").unwrap(),
        )
        .send()
        .ok();
    assert_eq!(rest.elements("Key"), ["b"]);
    let abort = client
        .s3("DELETE", "/docs/b")
        .query("uploadId", &ids[0])
        .send();
    assert_eq!(abort.status, 204);
    client
        .s3("DELETE", "/docs/b")
        .query("uploadId", &ids[0])
        .send()
        .refused(404, "NoSuchUpload", "");
    assert_eq!(aws.uploads("docs").len(), 2);
}

#[test]
fn put_object_alone_suffices_but_not_to_clean_up() {
    let aws = docs();
    let only_put = with_policy(
        &aws,
        "putter",
        crate::world::allow("s3:PutObject", "arn:aws:s3:::docs/site/*"),
    );
    let client = Client::session(&aws, &only_put);
    let id = create(&client, "site/k", &[]);
    let one = etag(part(&client, "site/k", &id, "1", b"x", &[]));
    for (call, action, resource) in [
        (
            client.s3("DELETE", "/docs/site/k").query("uploadId", &id),
            "s3:AbortMultipartUpload",
            "arn:aws:s3:::docs/site/k",
        ),
        (
            client.s3("GET", "/docs/site/k").query("uploadId", &id),
            "s3:ListMultipartUploadParts",
            "arn:aws:s3:::docs/site/k",
        ),
        (
            client.s3("GET", "/docs").query("uploads", ""),
            "s3:ListBucketMultipartUploads",
            "arn:aws:s3:::docs",
        ),
    ] {
        call.send().refused(
            403,
            "AccessDenied",
            &format!("User: arn:aws:sts::222222222222:assumed-role/putter/s is not authorized to perform: {action} on resource: \"{resource}\" because no identity-based policy allows the {action} action"),
        );
    }
    complete(&client, "site/k", &id, &[(1, &one, "")], &[]).ok();
    client
        .s3("POST", "/docs/other")
        .query("uploads", "")
        .send()
        .refused(403, "AccessDenied", "User: ");
}
