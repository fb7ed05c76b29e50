use super::*;

fn file(key: &str, size: u64, sniffed: Sniffed) -> LocalFile {
    let any = std::fs::metadata("/").unwrap();
    LocalFile {
        key: key.parse().unwrap(),
        size,
        stamp: (&any).into(),
        sniffed,
    }
}

fn plain(key: &str) -> LocalFile {
    file(key, 5000, Sniffed::Unknown)
}

fn cache(text: &str) -> HeaderRules {
    HeaderRules {
        property: "cache-control",
        variable: "DOCFERRY_CACHE_CONTROL",
        list: RuleList::parse(text, |value| Ok(vec![Header::new("cache-control", value)])).unwrap(),
    }
}

#[test]
fn files_of_one_kind_share_one_record() {
    let objects = ObjectRules {
        headers: vec![cache("*.html=no-cache")],
        ..ObjectRules::default()
    };
    let mut rules = Rules::new(&objects);
    let one = rules.properties_of(&plain("a.html"));
    assert!(Arc::ptr_eq(&one, &rules.properties_of(&plain("b/c.html"))));
    assert!(!Arc::ptr_eq(&one, &rules.properties_of(&plain("b/c.css"))));
}

#[test]
fn each_property_says_which_rule_gave_it() {
    let objects = ObjectRules {
        headers: vec![cache("*.html=no-cache\nmax-age=60")],
        content_type: RuleList::parse("/LICENSE=text/x", |v| Ok(v.to_owned())).unwrap(),
        ..ObjectRules::default()
    };
    let mut rules = Rules::new(&objects);
    let page = rules.properties_of(&plain("index.html"));
    assert_eq!(page.headers, [Header::new("cache-control", "no-cache")]);
    assert_eq!(page.origins[0].glob, "*.html");
    assert_eq!(page.origins[0].variable, "DOCFERRY_CACHE_CONTROL");
    let license = rules.properties_of(&plain("LICENSE"));
    assert_eq!(license.content_type, "text/x");
    assert_eq!(license.origins.len(), 2);
    assert_eq!(license.origins[1].glob, "**");
}

#[test]
fn the_content_speaks_where_the_name_does_not() {
    let objects = ObjectRules::default();
    let mut rules = Rules::new(&objects);
    for (key, sniffed, content_type) in [
        (
            "LICENSE",
            Sniffed::Type("text/plain"),
            "text/plain; charset=utf-8",
        ),
        ("logo", Sniffed::Type("image/png"), "image/png"),
        ("blob", Sniffed::Unknown, "application/octet-stream"),
        (
            "a.css",
            Sniffed::Type("text/plain"),
            "text/css; charset=utf-8",
        ),
    ] {
        let properties = rules.properties_of(&file(key, 1, sniffed));
        assert_eq!(properties.content_type, content_type, "{key}");
    }
}

#[test]
fn only_what_gains_by_it_is_compressed() {
    let compress = RuleList::parse("/raw/=none\n*.css=br\ngzip", |v| {
        Ok(match v {
            "br" => Compression::Brotli,
            "gzip" => Compression::Gzip,
            _ => Compression::Off,
        })
    });
    let objects = ObjectRules {
        compress: compress.unwrap(),
        content_encoding: RuleList::parse("*.json=deflate\n/raw.js.gz=", |v| Ok(v.to_owned()))
            .unwrap(),
        content_type: RuleList::parse(
            "/download.js.gz=application/gzip\n*.svgz=image/svg+xml",
            |v| Ok(v.to_owned()),
        )
        .unwrap(),
        ..ObjectRules::default()
    };
    let mut rules = Rules::new(&objects);
    let stored = |encoding: &str| Encoding::Stored(encoding.to_owned());
    for (file, encoding) in [
        (plain("a.html"), Encoding::Applied(Compression::Gzip)),
        (plain("a.css"), Encoding::Applied(Compression::Brotli)),
        (plain("a.json"), stored("deflate")),
        (plain("a.png"), Encoding::Plain),
        (plain("raw/a.html"), Encoding::Plain),
        (plain("a.js.gz"), stored("gzip")),
        (plain("raw.js.gz"), Encoding::Applied(Compression::Gzip)),
        (plain("download.js.gz"), Encoding::Plain),
        (plain("logo.svgz"), stored("gzip")),
        (
            file("b.svgz", 5000, Sniffed::NotEncoded),
            Encoding::Applied(Compression::Gzip),
        ),
        (
            file("tiny.html", LEAST_COMPRESSED - 1, Sniffed::Unknown),
            Encoding::Plain,
        ),
        (
            file("huge.txt", MOST_COMPRESSED + 1, Sniffed::Unknown),
            Encoding::Plain,
        ),
    ] {
        let found = rules.properties_of(&file).encoding.clone();
        assert_eq!(found, encoding, "{}", file.key);
    }
}

#[test]
fn the_actions_that_the_properties_need_are_known() {
    let mut objects = ObjectRules {
        common: vec![
            Header::new("x-amz-acl", "private"),
            Header::new("x-amz-object-lock-mode", "GOVERNANCE"),
        ],
        ..ObjectRules::default()
    };
    assert_eq!(
        objects.actions(),
        ["s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectRetention"]
    );
    assert_eq!(objects.kms_key(), None);
    let stamp = Header::new("x-amz-meta-a", "x".repeat(1500));
    objects.stamp.push(stamp.clone());
    assert!(objects.check_metadata().is_ok());
    objects
        .stamp
        .push(Header::new("x-amz-meta-b", "x".repeat(600)));
    assert!(objects.check_metadata().is_err());
}
