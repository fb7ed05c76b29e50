//! From a file's name to the properties of its object.
//!
//! Owns: content types. Never: I/O.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

/// How an object looks to those who fetch it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Properties {
    /// The media type, with its charset for text (RFC 9110, section 8.3).
    pub content_type: String,
}

/// Chooses properties. Files of the same kind share one record, so that a
/// million of them cost a pointer each.
#[derive(Debug, Default)]
pub struct Rules {
    by_extension: HashMap<String, Arc<Properties>>,
}

impl Rules {
    /// The properties for the object of this key.
    pub fn properties_of(&mut self, key: &str) -> Arc<Properties> {
        let extension = Path::new(key)
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default();
        if let Some(known) = self.by_extension.get(extension) {
            return Arc::clone(known);
        }
        let properties = Arc::new(Properties {
            content_type: content_type(extension),
        });
        self.by_extension
            .insert(extension.to_owned(), Arc::clone(&properties));
        properties
    }
}

fn content_type(extension: &str) -> String {
    let essence = mime_guess::from_ext(extension)
        .first_raw()
        .unwrap_or("application/octet-stream");
    if is_text(essence) {
        format!("{essence}; charset=utf-8")
    } else {
        essence.to_owned()
    }
}

/// Whether a type is text, so that browsers guess its charset unless they are
/// told: documentation tools write UTF-8.
fn is_text(essence: &str) -> bool {
    const TEXT: [&str; 4] = [
        "application/javascript",
        "application/json",
        "application/xml",
        "application/x-javascript",
    ];
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || TEXT.contains(&essence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_types_carry_their_charset() {
        let mut rules = Rules::default();
        for (key, content_type) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/INDEX.HTML", "text/html; charset=utf-8"),
            ("style.css", "text/css; charset=utf-8"),
            ("app.js", "text/javascript; charset=utf-8"),
            ("data.json", "application/json; charset=utf-8"),
            ("logo.svg", "image/svg+xml; charset=utf-8"),
            ("sitemap.xml", "text/xml; charset=utf-8"),
            ("README.md", "text/markdown; charset=utf-8"),
            ("notes.txt", "text/plain; charset=utf-8"),
            ("photo.png", "image/png"),
            ("font.woff2", "font/woff2"),
            ("app.wasm", "application/wasm"),
            ("manual.pdf", "application/pdf"),
            ("data.unknown-thing", "application/octet-stream"),
            ("v1.2/LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(rules.properties_of(key).content_type, content_type, "{key}");
        }
    }

    #[test]
    fn files_of_one_kind_share_one_record() {
        let mut rules = Rules::default();
        let one = rules.properties_of("a.html");
        assert!(Arc::ptr_eq(&one, &rules.properties_of("b/c.html")));
    }
}
