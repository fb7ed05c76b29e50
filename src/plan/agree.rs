//! Whether an object has the properties that it should have, as far as S3 shows
//! them.

use super::Verdict;
use crate::rules::Properties;

/// What S3 shows of an object ("`HeadObject`", Amazon S3 API Reference), by the
/// names of its headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Header names with small letters, and values.
    pub headers: Vec<(String, String)>,
}

/// What S3 never shows. It is set anew, which is the only way to be sure.
const HIDDEN: [&str; 2] = ["x-amz-acl", "x-amz-tagging"];

/// What the bucket or S3 decides where the settings say nothing.
const LEFT_TO_S3: [&str; 3] = [
    "x-amz-server-side-encryption",
    "x-amz-object-lock-",
    "x-amz-storage-class",
];

const KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";

/// Compares what is shown with what is wanted.
#[must_use]
pub fn agree(shown: &Shown, wanted: &Properties) -> Verdict {
    let said = wanted.headers.len() - wanted.stamped;
    let (said, stamp) = wanted.headers.split_at(said);
    let mut expected = vec![("content-type", wanted.content_type.as_str())];
    let stored = wanted.encoding.stored();
    expected.extend(stored.map(|encoding| ("content-encoding", encoding)));
    expected.extend(said.iter().map(|h| (h.name.as_str(), h.value.as_str())));
    let found = |name: &str| {
        let mut all = shown.headers.iter();
        all.find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    let as_expected = expected
        .iter()
        .all(|(name, value)| !HIDDEN.contains(name) && fits(name, value, found(name)));
    // The stamp says when an object was made, so an older one is as good.
    let is_known = |name: &str| {
        expected.iter().any(|(known, _)| *known == name)
            || stamp.iter().any(|header| header.name == name)
            || LEFT_TO_S3.iter().any(|prefix| name.starts_with(prefix))
    };
    let nothing_else = shown.headers.iter().all(|(name, _)| is_known(name));
    match as_expected && nothing_else {
        true => Verdict::Same,
        false => Verdict::Differs,
    }
}

fn fits(name: &str, wanted: &str, found: Option<&str>) -> bool {
    match (name, found) {
        ("x-amz-storage-class", None) => wanted == "STANDARD",
        (_, None) => false,
        // S3 shows the key's ARN, whatever it was called by. An alias tells
        // nothing about which key that is.
        (KEY, Some(found)) => {
            wanted.contains("alias/") || found.rsplit('/').next() == wanted.rsplit('/').next()
        }
        (_, Some(found)) => found == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Encoding, Header};
    use crate::types::Digest;

    fn properties(headers: &[(&str, &str)], stamped: usize) -> Properties {
        let headers = headers.iter();
        Properties {
            content_type: "text/html".to_owned(),
            encoding: Encoding::Plain,
            headers: headers
                .map(|(name, value)| Header::new(*name, *value))
                .collect(),
            stamped,
            origins: Vec::new(),
            digest: Digest::of(b""),
        }
    }

    fn shown(headers: &[(&str, &str)]) -> Shown {
        let html = ("content-type", "text/html");
        let headers = [html].into_iter().chain(headers.iter().copied());
        Shown {
            headers: headers.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        }
    }

    #[test]
    fn all_that_is_shown_must_be_as_it_was_said() {
        const ARN: &str = "arn:aws:kms:eu-central-1:222222222222:key/1a";
        for (there, wanted, stamped, same) in [
            (&[][..], &[][..], 0, true),
            (
                &[("cache-control", "no-cache")],
                &[("cache-control", "no-cache")],
                0,
                true,
            ),
            (
                &[("cache-control", "no-cache")],
                &[("cache-control", "max-age=1")],
                0,
                false,
            ),
            (&[("cache-control", "no-cache")], &[], 0, false),
            (&[], &[("cache-control", "no-cache")], 0, false),
            (&[("x-amz-meta-mtime", "1")], &[], 0, false),
            // What S3 or the bucket adds by itself is none of our business.
            (&[("x-amz-server-side-encryption", "AES256")], &[], 0, true),
            (&[("x-amz-storage-class", "GLACIER")], &[], 0, true),
            (&[], &[("x-amz-storage-class", "STANDARD")], 0, true),
            (&[], &[("x-amz-storage-class", "STANDARD_IA")], 0, false),
            (
                &[("x-amz-server-side-encryption", "AES256")],
                &[("x-amz-server-side-encryption", "aws:kms")],
                0,
                false,
            ),
            (&[(KEY, ARN)], &[(KEY, "1a")], 0, true),
            (&[(KEY, ARN)], &[(KEY, "alias/docs")], 0, true),
            (&[(KEY, ARN)], &[(KEY, "2b")], 0, false),
            // The stamp of another commit is no difference.
            (
                &[("x-amz-meta-commit", "old")],
                &[("x-amz-meta-commit", "new")],
                1,
                true,
            ),
            (
                &[("x-amz-meta-commit", "old")],
                &[("x-amz-meta-commit", "new")],
                0,
                false,
            ),
            // What S3 does not show may be anything.
            (&[], &[("x-amz-tagging", "a=b")], 0, false),
        ] {
            let verdict = agree(&shown(there), &properties(wanted, stamped));
            assert_eq!(verdict == Verdict::Same, same, "{there:?} {wanted:?}");
        }
        let mut stored = properties(&[], 0);
        stored.encoding = Encoding::Stored("gzip".to_owned());
        assert_eq!(agree(&shown(&[]), &stored), Verdict::Differs);
        assert_eq!(
            agree(&shown(&[("content-encoding", "gzip")]), &stored),
            Verdict::Same
        );
    }
}
