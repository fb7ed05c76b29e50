//! Media types by name (RFC 9110, section 8.3; IANA's "Media Types").
//!
//! Owns: what a file's name says about its content. Never: the content.

/// What a file's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ByName {
    /// The media type without its parameters, if the name tells.
    pub(super) essence: Option<&'static str>,
    /// How the content is encoded already.
    pub(super) encoding: Option<&'static str>,
}

/// Where mime_guess knows nothing, or something else than today's browsers
/// and readers want. `.ts` in a build's output is TypeScript, not a video.
const BETTER: [(&str, &str); 53] = [
    ("adoc", "text/plain"),
    ("apng", "image/apng"),
    ("bash", "text/plain"),
    ("cjs", "text/javascript"),
    ("cts", "text/plain"),
    ("diff", "text/plain"),
    ("go", "text/plain"),
    ("gradle", "text/plain"),
    ("graphql", "text/plain"),
    ("ipynb", "application/json"),
    ("java", "text/plain"),
    ("json5", "text/plain"),
    ("jsonl", "application/x-ndjson"),
    ("jxl", "image/jxl"),
    ("kt", "text/plain"),
    ("lock", "text/plain"),
    ("map", "application/json"),
    ("mermaid", "text/plain"),
    ("mjs", "text/javascript"),
    ("mmd", "text/plain"),
    ("mod", "text/plain"),
    ("mts", "text/plain"),
    ("ndjson", "application/x-ndjson"),
    ("opus", "audio/ogg"),
    ("otf", "font/otf"),
    ("patch", "text/plain"),
    ("po", "text/plain"),
    ("properties", "text/plain"),
    ("proto", "text/plain"),
    ("ps1", "text/plain"),
    ("pub", "text/plain"),
    ("puml", "text/plain"),
    ("rb", "text/plain"),
    ("rst", "text/plain"),
    ("scss", "text/x-scss"),
    ("sh", "text/plain"),
    ("sha256", "text/plain"),
    ("sha512", "text/plain"),
    ("sql", "text/plain"),
    ("svelte", "text/plain"),
    ("swift", "text/plain"),
    ("tf", "text/plain"),
    ("tex", "text/plain"),
    ("ts", "text/plain"),
    ("tsx", "text/plain"),
    ("usdz", "model/vnd.usdz+zip"),
    ("vue", "text/plain"),
    ("webmanifest", "application/manifest+json"),
    ("whl", "application/zip"),
    ("woff", "font/woff"),
    ("xsl", "application/xslt+xml"),
    ("xslt", "application/xslt+xml"),
    ("zst", "application/zstd"),
];

/// Encodings that a name can end in (RFC 9110, section 8.4.1; RFC 7932; RFC
/// 8878).
const ENCODINGS: [(&str, &str); 3] = [("gz", "gzip"), ("br", "br"), ("zst", "zstd")];

/// What a page loads: `app.js.gz` is a script that is stored compressed, while
/// `logs.csv.gz` and `site.tar.gz` are files that people download.
const LOADED_BY_PAGES: [&str; 12] = [
    "css",
    "htm",
    "html",
    "js",
    "json",
    "map",
    "mjs",
    "svg",
    "wasm",
    "webmanifest",
    "xhtml",
    "xml",
];

pub(super) fn by_name(name: &str) -> ByName {
    let (stem, extension) = split(name);
    if extension.eq_ignore_ascii_case("svgz") {
        return ByName {
            essence: Some("image/svg+xml"),
            encoding: Some("gzip"),
        };
    }
    let encoding = ENCODINGS
        .iter()
        .find(|(ending, _)| extension.eq_ignore_ascii_case(ending));
    if let Some((_, encoding)) = encoding {
        let (_, inner) = split(stem);
        if LOADED_BY_PAGES
            .iter()
            .any(|loaded| inner.eq_ignore_ascii_case(loaded))
        {
            return ByName {
                essence: essence(inner),
                encoding: Some(encoding),
            };
        }
    }
    ByName {
        essence: essence(extension),
        encoding: None,
    }
}

/// Whether a name has an extension at all; `.nojekyll` has none.
pub(crate) fn has_extension(name: &str) -> bool {
    !split(name).1.is_empty()
}

fn split(name: &str) -> (&str, &str) {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, extension),
        _ => (name, ""),
    }
}

fn essence(extension: &str) -> Option<&'static str> {
    let better = BETTER
        .iter()
        .find(|(known, _)| extension.eq_ignore_ascii_case(known));
    better
        .map(|(_, essence)| *essence)
        .or_else(|| mime_guess::from_ext(extension).first_raw())
}

/// A type with its charset where browsers would guess one: documentation tools
/// write UTF-8.
pub(super) fn with_charset(essence: &str) -> String {
    match is_text(essence) {
        true => format!("{essence}; charset=utf-8"),
        false => essence.to_owned(),
    }
}

/// Whether a type is text by its name or by its syntax (RFC 6839).
fn is_text(essence: &str) -> bool {
    const TEXT: [&str; 6] = [
        "application/javascript",
        "application/json",
        "application/x-ndjson",
        "application/x-sh",
        "application/xml",
        "image/svg+xml",
    ];
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || TEXT.contains(&essence)
}

/// Types of files that people download rather than look at.
pub(super) fn is_archive(content_type: &str) -> bool {
    const ARCHIVES: [&str; 5] = [
        "application/gzip",
        "application/octet-stream",
        "application/x-gzip",
        "application/zstd",
        "binary/octet-stream",
    ];
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    ARCHIVES.contains(&essence)
}

/// Whether files of a type become smaller by compression: text, and what is
/// known to be stored without one.
pub(super) fn is_compressible(content_type: &str) -> bool {
    const OTHERS: [&str; 10] = [
        "application/wasm",
        "application/x-font-ttf",
        "application/vnd.ms-fontobject",
        "font/otf",
        "font/ttf",
        "image/bmp",
        "image/vnd.microsoft.icon",
        "image/x-icon",
        "model/gltf-binary",
        "application/x-tar",
    ];
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    is_text(essence) || OTHERS.contains(&essence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_of(name: &str) -> String {
        let essence = by_name(name).essence;
        with_charset(essence.unwrap_or("application/octet-stream"))
    }

    #[test]
    fn web_types_are_those_of_today_with_utf8_for_text() {
        for (name, content_type) in [
            ("index.html", "text/html; charset=utf-8"),
            ("INDEX.HTML", "text/html; charset=utf-8"),
            ("style.css", "text/css; charset=utf-8"),
            ("app.js", "text/javascript; charset=utf-8"),
            ("app.mjs", "text/javascript; charset=utf-8"),
            ("app.js.map", "application/json; charset=utf-8"),
            ("app.ts", "text/plain; charset=utf-8"),
            ("app.d.mts", "text/plain; charset=utf-8"),
            ("data.json", "application/json; charset=utf-8"),
            ("data.jsonld", "application/ld+json; charset=utf-8"),
            ("events.ndjson", "application/x-ndjson; charset=utf-8"),
            (
                "site.webmanifest",
                "application/manifest+json; charset=utf-8",
            ),
            ("logo.svg", "image/svg+xml; charset=utf-8"),
            ("sitemap.xml", "text/xml; charset=utf-8"),
            ("atom.xsl", "application/xslt+xml; charset=utf-8"),
            ("feed.atom", "application/atom+xml; charset=utf-8"),
            ("README.md", "text/markdown; charset=utf-8"),
            ("notes.txt", "text/plain; charset=utf-8"),
            ("table.csv", "text/csv; charset=utf-8"),
            ("photo.png", "image/png"),
            ("photo.avif", "image/avif"),
            ("photo.webp", "image/webp"),
            ("favicon.ico", "image/x-icon"),
            ("font.woff2", "font/woff2"),
            ("font.woff", "font/woff"),
            ("font.otf", "font/otf"),
            ("app.wasm", "application/wasm"),
            ("manual.pdf", "application/pdf"),
            ("clip.mp4", "video/mp4"),
            ("site.tar.gz", "application/gzip"),
            ("logs.csv.gz", "application/gzip"),
            ("data.unknown-thing", "application/octet-stream"),
        ] {
            assert_eq!(type_of(name), content_type, "{name}");
        }
    }

    #[test]
    fn what_pages_load_compressed_has_its_inner_type_and_its_encoding() {
        for (name, content_type, encoding) in [
            ("index.html.gz", "text/html; charset=utf-8", Some("gzip")),
            ("app.js.br", "text/javascript; charset=utf-8", Some("br")),
            ("app.wasm.zst", "application/wasm", Some("zstd")),
            ("logo.svgz", "image/svg+xml; charset=utf-8", Some("gzip")),
            ("site.tar.gz", "application/gzip", None),
            ("index.html", "text/html; charset=utf-8", None),
        ] {
            assert_eq!(type_of(name), content_type, "{name}");
            assert_eq!(by_name(name).encoding, encoding, "{name}");
        }
    }

    #[test]
    fn a_hidden_file_has_no_extension() {
        assert!(!has_extension(".nojekyll"));
        assert!(!has_extension("LICENSE"));
        assert!(has_extension(".a.html"));
    }
}
