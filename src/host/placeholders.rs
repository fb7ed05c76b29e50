//! `{ref}` and the like: places in a value for what the host says about the
//! job.

use super::{Facts, Host, Kind};
use crate::types::Invalid;

/// What a filled value is for, and so how safe its parts must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// A key: a part is one folder's name, whatever a branch is called.
    Key,
    /// A header.
    Header,
    /// A tag's value.
    Tag,
}

const NAMES: [&str; 7] = [
    "project",
    "ref",
    "sha",
    "short_sha",
    "tag",
    "pipeline",
    "job",
];

impl Host {
    /// Fills the placeholders of a text. One that nobody knows or that is empty
    /// is an error, since `docs/{tag}/` must never become `docs//`.
    pub fn fill(&self, text: &str, fill: Fill) -> Result<String, Invalid> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                return Err(Invalid::new("has a `{` without its `}`"));
            };
            let value = self.value(name)?;
            let safe = match fill {
                Fill::Key => safe_for_keys(name, &value),
                Fill::Header => safe_for_headers(&value),
                Fill::Tag => safe_for_tags(&value),
            };
            if safe.is_empty() {
                let reason = format!("has {{{name}}}, of which nothing can stand here: {value:?}");
                return Err(Invalid::new(reason));
            }
            filled.push_str(&safe);
            rest = after;
        }
        if rest.contains('}') {
            return Err(Invalid::new("has a `}` without its `{`"));
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn value(&self, name: &str) -> Result<String, Invalid> {
        let Facts {
            project,
            reference,
            sha,
            tag,
            pipeline,
            job,
            pipeline_url: _,
            job_url: _,
        } = &self.facts;
        let value = match name {
            "project" => project.clone(),
            "ref" => reference.clone(),
            "sha" => sha.clone(),
            // As long as GitLab's own CI_COMMIT_SHORT_SHA.
            "short_sha" => sha.as_ref().map(|sha| sha.chars().take(8).collect()),
            "tag" => tag.clone(),
            "pipeline" => pipeline.clone(),
            "job" => job.clone(),
            _ => return Err(unknown(name)),
        };
        value
            .filter(|value| !value.is_empty())
            .ok_or_else(|| self.has_no(name))
    }

    fn has_no(&self, name: &str) -> Invalid {
        let invalid = Invalid::new(format!("has {{{name}}}, which this job does not have"));
        match (self.kind, name) {
            (Kind::Plain, _) => invalid.hint(
                "placeholders are filled in by GitHub and GitLab jobs; in `docker run`, pass \
                 their variables on, with GITHUB_ACTIONS=true or GITLAB_CI=true",
            ),
            (_, "tag") => invalid.hint("only a pipeline for a tag has one; {ref} is always there"),
            _ => invalid,
        }
    }
}

fn unknown(name: &str) -> Invalid {
    let near = NAMES
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min();
    let all: Vec<String> = NAMES.iter().map(|known| format!("{{{known}}}")).collect();
    let hint = match near {
        Some((distance, known)) if distance <= 2 => format!("did you mean {{{known}}}?"),
        _ => format!("there are {}", all.join(" ")),
    };
    Invalid::new(format!("has {{{name}}}, which is no placeholder")).hint(hint)
}

/// Letters, digits and `.`, `_`, `-` stay, all else becomes `-`; only a
/// project's own `/` parts folders. A part made of dots would be resolved away
/// by browsers.
fn safe_for_keys(name: &str, value: &str) -> String {
    let parts = value.split(|c| c == '/' && name == "project");
    let parts: Vec<String> = parts.map(safe_part).collect();
    match parts.iter().any(String::is_empty) {
        true => String::new(),
        false => parts.join("/"),
    }
}

fn safe_part(part: &str) -> String {
    let safe: String = part
        .chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => c,
            _ => '-',
        })
        .collect();
    // Nothing of the name is left, or browsers would resolve it away.
    match safe.chars().all(|c| matches!(c, '-' | '.')) {
        true => String::new(),
        false => safe,
    }
}

/// The characters that S3 takes in tags, as many as it takes ("Categorizing
/// your objects using tags", Amazon S3 User Guide).
fn safe_for_tags(value: &str) -> String {
    let safe = value
        .chars()
        .map(|c| match c.is_alphanumeric() || " +-=._:/@".contains(c) {
            true => c,
            false => '-',
        });
    safe.take(256).collect::<String>().trim().to_owned()
}

fn safe_for_headers(value: &str) -> String {
    let safe = value.chars().map(|c| match c {
        ' '..='~' => c,
        _ => '-',
    });
    safe.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gitlab(reference: &str, tag: &str) -> Host {
        Host::detect(|name| {
            let value = match name {
                "GITLAB_CI" => "true",
                "CI_PROJECT_PATH" => "acme/docs/hand book",
                "CI_COMMIT_REF_NAME" => reference,
                "CI_COMMIT_SHA" => "0123456789abcdef",
                "CI_COMMIT_TAG" => tag,
                "CI_PIPELINE_ID" => "77",
                "CI_JOB_NAME" => "pages: build 1/3",
                _ => return None,
            };
            Some(value.to_owned())
        })
    }

    #[test]
    fn placeholders_are_filled_and_made_safe_for_keys() {
        let host = gitlab("feature/größe+1", "");
        for (text, filled) in [
            (
                "s3://docs/{project}/{ref}/",
                "s3://docs/acme/docs/hand-book/feature-gr--e-1/",
            ),
            ("{sha}/{short_sha}", "0123456789abcdef/01234567"),
            ("{pipeline}-{job}", "77-pages--build-1-3"),
            ("none", "none"),
        ] {
            assert_eq!(host.fill(text, Fill::Key).unwrap(), filled);
        }
        let tag = gitlab("fix/#1", "").fill("{ref}", Fill::Tag).unwrap();
        assert_eq!(tag, "fix/-1");
        // What is replaced is never trimmed away, or `main+` would be `main`.
        let other = gitlab("main+", "").fill("{ref}", Fill::Key).unwrap();
        assert_eq!(other, "main-");
        assert_eq!(
            host.fill("at {job}", Fill::Header).unwrap(),
            "at pages: build 1/3"
        );
    }

    #[test]
    fn what_is_unknown_or_empty_is_refused() {
        let host = gitlab("..", "");
        for (text, part) in [
            ("docs/{tag}/", "this job does not have"),
            ("docs/{branch}/", "no placeholder"),
            ("docs/{ref}/", "nothing can stand here"),
            ("docs/{ref", "without its `}`"),
            ("docs/ref}", "without its `{`"),
            ("docs/{}/", "no placeholder"),
        ] {
            let invalid = host.fill(text, Fill::Key).unwrap_err();
            assert!(invalid.reason.contains(part), "{text}: {}", invalid.reason);
        }
        let plain = Host::detect(|_| None);
        let invalid = plain.fill("{ref}", Fill::Key).unwrap_err();
        assert!(invalid.hint.unwrap().contains("docker run"));
        let typo = host.fill("{shrot_sha}", Fill::Key).unwrap_err();
        assert_eq!(typo.hint.unwrap(), "did you mean {short_sha}?");
    }

    proptest! {
        /// Whatever a branch is called, it is one folder below its parent.
        #[test]
        fn no_branch_leads_out_of_its_folder(reference in "\\PC{1,20}|[./~-]{1,5}") {
            if let Ok(filled) = gitlab(&reference, "").fill("docs/{ref}", Fill::Key) {
                let part = filled.strip_prefix("docs/").unwrap();
                prop_assert!(!part.is_empty() && !part.contains('/') && part != ".." && part != ".");
                prop_assert!(filled.parse::<crate::types::KeyPrefix>().is_ok());
            }
        }

        #[test]
        fn a_filled_header_is_a_header(reference in "\\PC{1,20}") {
            if let Ok(filled) = gitlab(&reference, "").fill("{ref}", Fill::Header) {
                prop_assert!(crate::rules::values::value(&filled).is_ok());
            }
        }

        #[test]
        fn no_text_is_too_odd(text in "[a-z{}/]{0,20}") {
            if let Ok(filled) = gitlab("main", "v1").fill(&text, Fill::Key) {
                let left = filled.contains(['{', '}']);
                prop_assert!(!left);
            }
        }
    }
}
