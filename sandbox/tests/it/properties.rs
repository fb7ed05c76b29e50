//! What a client may say about an object, and what S3 refuses.

use crate::world::{docs, writer};

#[test]
fn stored_and_given_back() {
    let aws = docs();
    let client = writer(&aws);
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "max-age=60"),
        ("content-disposition", "inline"),
        ("content-encoding", "br"),
        ("content-language", "de"),
        ("expires", "Thu, 01 Dec 2030 16:00:00 GMT"),
        ("x-amz-meta-commit", "abc123"),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-website-redirect-location", "/new"),
    ];
    let mut call = client.put("/docs/a", b"x");
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.header("x-amz-tagging", "team=docs&kind=a%20b")
        .send()
        .ok();
    let head = client.s3("HEAD", "/docs/a").send();
    for (name, value) in headers {
        assert_eq!(head.header(name), Some(value), "{name}");
    }
    assert_eq!(head.header("x-amz-server-side-encryption"), Some("AES256"));
    assert_eq!(head.header("content-length"), Some("1"));
    let tags = client.s3("GET", "/docs/a").query("tagging", "").send().ok();
    assert_eq!(tags.elements("Key"), ["kind", "team"]);
    assert_eq!(tags.elements("Value"), ["a b", "docs"]);
    client.put("/docs/b", b"x").send().ok();
    let plain = client.s3("HEAD", "/docs/b").send();
    assert_eq!(plain.header("content-type"), Some("binary/octet-stream"));
    assert!(plain.header("x-amz-storage-class").is_none());
}

#[test]
fn limits() {
    let aws = docs();
    let client = writer(&aws);
    let put = |name: &str, value: &str| client.put("/docs/a", b"x").header(name, value).send();
    put("x-amz-meta-a", &"x".repeat(2047)).ok();
    put("x-amz-meta-a", &"x".repeat(2048)).refused(
        400,
        "MetadataTooLarge",
        "Your metadata headers exceed the maximum allowed metadata size",
    );
    let tags = |n: usize| {
        (0..n)
            .map(|n| format!("k{n}=v"))
            .collect::<Vec<_>>()
            .join("&")
    };
    put("x-amz-tagging", &tags(10)).ok();
    put("x-amz-tagging", &tags(11)).refused(
        400,
        "BadRequest",
        "Object tags cannot be greater than 10",
    );
    put("x-amz-tagging", "a=1&a=2").refused(
        400,
        "InvalidArgument",
        "The header 'x-amz-tagging' shall be encoded",
    );
    put("x-amz-tagging", "a%7B=1").refused(
        400,
        "InvalidTag",
        "The TagKey you have provided is invalid",
    );
    put("x-amz-storage-class", "COLD").refused(
        400,
        "InvalidStorageClass",
        "The storage class you specified is not valid",
    );
    put("x-amz-acl", "everybody").refused(400, "InvalidArgument", "");
    put("x-amz-object-lock-legal-hold", "ON").refused(
        400,
        "InvalidRequest",
        "Bucket is missing Object Lock Configuration",
    );
}

#[test]
fn tags_as_a_query() {
    let aws = docs();
    let client = writer(&aws);
    let put = |tags: &str| {
        client
            .put("/docs/a", b"x")
            .header("x-amz-tagging", tags)
            .send()
    };
    let long = |n: usize| "k".repeat(n);
    // One such character takes two of the 128 places.
    let wide = |n: usize| "%F0%90%90%80".repeat(n);
    for tags in [
        "",
        "&",
        "key",
        "a=1&b",
        "a=+-%3D._:/@",
        "gr%C3%BC%C3%9Fe=%E4%BD%A0",
        "a+b=c%20d",
        &format!("{}={}{}", long(128), long(128), long(128)),
        &wide(64),
    ] {
        println!("{tags}");
        put(tags).ok();
    }
    for tags in ["=", "=v", "a=1&a=2", "a=1&%61=2", "a=%", "a=%zz", "a=%FF"] {
        println!("{tags}");
        put(tags).refused(
            400,
            "InvalidArgument",
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded",
        );
    }
    let aws_prefix = "Your TagKey cannot be prefixed with aws:";
    for (tags, message) in [
        (&*format!("{}=v", long(129)), "The TagKey you have"),
        (&*wide(65), "The TagKey you have"),
        (&*format!("a={}", long(257)), "The TagValue you have"),
        ("a,b=c", "The TagKey you have"),
        ("a=b%0Ac", "The TagValue you have"),
        ("a=b;c", "The TagValue you have"),
        ("aws:a=b", aws_prefix),
        ("AWS%3Aa=b", aws_prefix),
    ] {
        println!("{tags}");
        put(tags).refused(400, "InvalidTag", message);
    }
}

#[test]
fn storage_classes() {
    let aws = docs();
    let client = writer(&aws);
    let put = |class: &str| {
        client
            .put("/docs/a", b"x")
            .header("x-amz-storage-class", class)
            .send()
    };
    let head = || {
        let head = client.s3("HEAD", "/docs/a").send().ok();
        head.header("x-amz-storage-class").map(str::to_owned)
    };
    put("STANDARD").ok();
    assert_eq!(head(), None);
    for class in [
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER_IR",
    ] {
        put(class).ok();
        assert_eq!(head().as_deref(), Some(class));
        client.s3("GET", "/docs/a").send().ok();
    }
    // Archived objects are there, but not at once.
    for class in ["GLACIER", "DEEP_ARCHIVE"] {
        put(class).ok();
        assert_eq!(head().as_deref(), Some(class));
        let message = "The operation is not valid for the object's storage class";
        let get = client.s3("GET", "/docs/a").send();
        get.refused(403, "InvalidObjectState", message);
        let copy = client
            .put("/docs/b", b"")
            .header("x-amz-copy-source", "docs/a")
            .send();
        copy.refused(403, "InvalidObjectState", message);
    }
    // These are classes of other kinds of storage.
    for class in ["", "standard_ia", "OUTPOSTS", "SNOW", "EXPRESS_ONEZONE"] {
        put(class).refused(400, "InvalidStorageClass", "The storage class you");
    }
}

#[test]
fn redirects_lead_somewhere() {
    let aws = docs();
    let client = writer(&aws);
    let put = |location: &str| {
        client
            .put("/docs/a", b"x")
            .header("x-amz-website-redirect-location", location)
            .send()
    };
    let long = format!("/{}", "x".repeat(2047));
    for location in [
        "/",
        "/b",
        "http://example.com/",
        "https://example.com",
        &long,
    ] {
        put(location).ok();
        let object = aws.object("docs", "a").unwrap();
        assert_eq!(
            object.properties.website_redirect_location.as_deref(),
            Some(location)
        );
    }
    for location in [
        "",
        "b",
        "ftp://example.com",
        "HTTP://example.com",
        &format!("{long}x"),
    ] {
        put(location).refused(400, "InvalidRedirectLocation", "The ");
    }
}

#[test]
fn text_beyond_latin_is_refused_not_lost() {
    let aws = docs();
    let client = writer(&aws);
    for name in ["cache-control", "content-disposition", "x-amz-tagging"] {
        let put = client.put("/docs/a", b"x").header(name, "caf\u{e9}").send();
        assert_eq!(put.status, 400, "{name}: {}", put.text());
    }
    assert!(aws.keys("docs").is_empty());
}

#[test]
fn multipart_uploads_and_copies_are_held_to_the_same() {
    let aws = docs();
    let client = writer(&aws);
    client.put("/docs/source", b"x").send().ok();
    let long = "x".repeat(2048);
    for (name, value, code) in [
        ("x-amz-storage-class", "COLD", "InvalidStorageClass"),
        ("x-amz-meta-a", &*long, "MetadataTooLarge"),
        ("x-amz-tagging", "aws:a=b", "InvalidTag"),
        (
            "x-amz-website-redirect-location",
            "b",
            "InvalidRedirectLocation",
        ),
        ("x-amz-acl", "private", "AccessControlListNotSupported"),
        ("x-amz-acl", "everybody", "InvalidArgument"),
        (
            "x-amz-grant-read",
            "id=\"1\"",
            "AccessControlListNotSupported",
        ),
    ] {
        println!("{name}");
        let create = client.s3("POST", "/docs/a").query("uploads", "");
        create.header(name, value).send().refused(400, code, "");
        let copy = client
            .put("/docs/a", b"")
            .header("x-amz-copy-source", "docs/source")
            .header("x-amz-metadata-directive", "REPLACE")
            .header("x-amz-tagging-directive", "REPLACE");
        copy.header(name, value).send().refused(400, code, "");
    }
    assert_eq!(aws.keys("docs"), ["source"]);
    assert!(aws.uploads("docs").is_empty());
}
