//! The meaning of the variables that say how objects look.

use std::str::FromStr;

use super::Reader;
use crate::host::{Fill, Host};
use crate::rules::{Header, HeaderRules, ObjectRules, RuleList, values};
use crate::settings::choice::{Acl, Compression, Encryption, LockMode, StorageClass, Switch};
use crate::settings::mistake::Mistake;
use crate::settings::said::RawSettings;
use crate::types::Invalid;

pub(super) fn objects(read: &mut Reader, raw: &RawSettings, host: &Host) -> Option<ObjectRules> {
    let content_type = rules(
        read,
        "DOCFERRY_CONTENT_TYPE",
        raw.content_type.as_deref(),
        values::media_type,
    );
    let content_encoding = rules(
        read,
        "DOCFERRY_CONTENT_ENCODING",
        raw.content_encoding.as_deref(),
        values::content_encoding,
    );
    let compress = rules(
        read,
        "DOCFERRY_COMPRESS",
        raw.compress.as_deref(),
        Compression::from_str,
    );
    let headers = headers(read, raw, host);
    let common = common(read, raw);
    let stamp = stamp(read, raw, host);
    let request_payer = read.switch("DOCFERRY_REQUEST_PAYER", raw.request_payer.as_deref());
    let objects = ObjectRules {
        content_type: content_type?,
        content_encoding: content_encoding?,
        compress: compress?,
        headers: headers?,
        common: common?,
        stamp: stamp?,
        request_payer: request_payer?,
    };
    let metadata = raw.metadata.as_deref().unwrap_or_default();
    if let Err(invalid) = objects.check_metadata() {
        let mistake = Mistake::of_value("DOCFERRY_METADATA", metadata, invalid);
        read.mistakes.add(mistake);
    }
    Some(objects)
}

fn rules<T>(
    read: &mut Reader,
    variable: &str,
    said: Option<&str>,
    value: impl Fn(&str) -> Result<T, Invalid>,
) -> Option<RuleList<T>> {
    let text = said.unwrap_or_default();
    read.value(variable, text, |text| RuleList::parse(text, &value))
}

/// The properties that are headers and nothing more.
fn headers(read: &mut Reader, raw: &RawSettings, host: &Host) -> Option<Vec<HeaderRules>> {
    type Value<'a> = Box<dyn Fn(&str) -> Result<Vec<Header>, Invalid> + 'a>;
    fn one<'a>(name: &'static str, check: fn(&str) -> Result<String, Invalid>) -> Value<'a> {
        Box::new(move |text| Ok(vec![Header::new(name, check(text)?)]))
    }
    let metadata: Value<'_> = Box::new(|text| metadata(text, host));
    let tags: Value<'_> = Box::new(|text| tags(text, host));
    let storage_class: Value<'_> = Box::new(storage_class);
    let lists: [(_, _, &Option<String>, Value<'_>); 7] = [
        (
            "cache-control",
            "DOCFERRY_CACHE_CONTROL",
            &raw.cache_control,
            one("cache-control", values::cache_control),
        ),
        (
            "content-disposition",
            "DOCFERRY_CONTENT_DISPOSITION",
            &raw.content_disposition,
            one("content-disposition", values::content_disposition),
        ),
        (
            "content-language",
            "DOCFERRY_CONTENT_LANGUAGE",
            &raw.content_language,
            one("content-language", values::content_language),
        ),
        ("metadata", "DOCFERRY_METADATA", &raw.metadata, metadata),
        ("tags", "DOCFERRY_TAGS", &raw.tags, tags),
        (
            "storage-class",
            "DOCFERRY_STORAGE_CLASS",
            &raw.storage_class,
            storage_class,
        ),
        (
            "redirect",
            "DOCFERRY_REDIRECT",
            &raw.redirect,
            one("x-amz-website-redirect-location", values::redirect),
        ),
    ];
    let read_all: Vec<_> = lists
        .into_iter()
        .filter_map(|(property, variable, said, value)| {
            let said = said.as_deref()?;
            let list = rules(read, variable, Some(said), value);
            Some(list.map(|list| HeaderRules {
                property,
                variable,
                list,
            }))
        })
        .collect();
    read_all.into_iter().collect()
}

fn metadata(text: &str, host: &Host) -> Result<Vec<Header>, Invalid> {
    values::metadata(text, &|value| host.fill(value, Fill::Header))
}

fn tags(text: &str, host: &Host) -> Result<Vec<Header>, Invalid> {
    let tags = values::tags(text, &|value| host.fill(value, Fill::Tag))?;
    Ok(vec![tags])
}

fn storage_class(text: &str) -> Result<Vec<Header>, Invalid> {
    let class = StorageClass::from_str(text)?.to_string();
    Ok(vec![Header::new("x-amz-storage-class", class)])
}

/// What all objects have: encryption, ACL, lock.
fn common(read: &mut Reader, raw: &RawSettings) -> Option<Vec<Header>> {
    let acl = read.optional("DOCFERRY_ACL", raw.acl.as_deref(), Acl::from_str);
    let encryption = encryption(read, raw);
    let lock = lock(read, raw);
    let mut headers = encryption?;
    headers.extend(acl?.map(|acl| Header::new("x-amz-acl", acl.to_string())));
    headers.extend(lock?);
    Some(headers)
}

/// "Using server-side encryption with AWS KMS keys (SSE-KMS)", "Using
/// dual-layer server-side encryption" and "Reducing the cost of SSE-KMS with
/// Amazon S3 Bucket Keys", Amazon S3 User Guide.
fn encryption(read: &mut Reader, raw: &RawSettings) -> Option<Vec<Header>> {
    const NAME: &str = "x-amz-server-side-encryption";
    let kind = read.optional("DOCFERRY_SSE", raw.sse.as_deref(), Encryption::from_str);
    let key = read.optional(
        "DOCFERRY_SSE_KMS_KEY_ID",
        raw.sse_kms_key_id.as_deref(),
        kms_key,
    );
    let bucket_key = read.optional(
        "DOCFERRY_SSE_BUCKET_KEY",
        raw.sse_bucket_key.as_deref(),
        Switch::from_str,
    );
    let (kind, key, bucket_key) = (kind?, key?, bucket_key?);
    let with_kms = matches!(kind, Some(Encryption::Kms | Encryption::KmsDsse));
    if key.is_some() && !with_kms {
        let mistake = Mistake::new(
            "DOCFERRY_SSE_KMS_KEY_ID",
            "is set, but no encryption by KMS",
        );
        read.mistakes
            .add(mistake.hint("set DOCFERRY_SSE=aws:kms, too"));
    }
    if bucket_key.is_some() && kind != Some(Encryption::Kms) {
        let reason = "is set, and only DOCFERRY_SSE=aws:kms has bucket keys";
        read.mistakes
            .add(Mistake::new("DOCFERRY_SSE_BUCKET_KEY", reason));
    }
    let mut headers = Vec::new();
    headers.extend(kind.map(|kind| Header::new(NAME, kind.to_string())));
    headers.extend(key.map(|key| Header::new(format!("{NAME}-aws-kms-key-id"), key)));
    headers.extend(
        bucket_key
            .map(|switch| Header::new(format!("{NAME}-bucket-key-enabled"), switch.to_string())),
    );
    Some(headers)
}

/// The id, the ARN or the alias of a key ("Key identifiers (KeyId)", AWS KMS
/// Developer Guide).
fn kms_key(text: &str) -> Result<String, Invalid> {
    const SHAPE: &str = "give the key's ARN, arn:aws:kms:REGION:ACCOUNT:key/ID; an id or an \
                         alias alone means a key of the account that writes";
    let id = |id: &str| !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let named = |name: &str| {
        name.strip_prefix("alias/")
            .is_some_and(|alias| !alias.is_empty())
            || name.strip_prefix("key/").is_some_and(id)
    };
    let well = match text.splitn(6, ':').collect::<Vec<_>>()[..] {
        ["arn", partition, "kms", region, account, resource] => {
            partition.starts_with("aws")
                && !region.is_empty()
                && account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && named(resource)
        }
        [name] => id(name) || name.starts_with("alias/") && named(name),
        _ => false,
    };
    if !well {
        return Err(Invalid::new("names no KMS key").hint(SHAPE));
    }
    values::value(text)
}

/// "Locking objects with Object Lock", Amazon S3 User Guide.
fn lock(read: &mut Reader, raw: &RawSettings) -> Option<Vec<Header>> {
    let mode = read.optional(
        "DOCFERRY_OBJECT_LOCK_MODE",
        raw.object_lock_mode.as_deref(),
        LockMode::from_str,
    );
    let until = read.optional(
        "DOCFERRY_OBJECT_LOCK_UNTIL",
        raw.object_lock_until.as_deref(),
        |text| {
            let time = humantime::parse_rfc3339(text).map_err(|_| {
                Invalid::new("is no time").hint("write it as 2030-12-31T00:00:00Z (RFC 3339)")
            })?;
            Ok(humantime::format_rfc3339_seconds(time).to_string())
        },
    );
    let hold = read.optional(
        "DOCFERRY_OBJECT_LOCK_LEGAL_HOLD",
        raw.object_lock_legal_hold.as_deref(),
        Switch::from_str,
    );
    let (mode, until, hold) = (mode?, until?, hold?);
    if mode.is_some() != until.is_some() {
        let (set, missing) = match mode {
            Some(_) => ("DOCFERRY_OBJECT_LOCK_MODE", "DOCFERRY_OBJECT_LOCK_UNTIL"),
            None => ("DOCFERRY_OBJECT_LOCK_UNTIL", "DOCFERRY_OBJECT_LOCK_MODE"),
        };
        let mistake = Mistake::new(missing, format!("is not set, but {set} is"));
        read.mistakes.add(mistake.hint("S3 takes both or neither"));
    }
    let mut headers = Vec::new();
    headers.extend(mode.map(|mode| Header::new("x-amz-object-lock-mode", mode.to_string())));
    headers.extend(until.map(|time| Header::new("x-amz-object-lock-retain-until-date", time)));
    if hold == Some(Switch::On) {
        headers.push(Header::new("x-amz-object-lock-legal-hold", "ON"));
    }
    Some(headers)
}

/// Which commit and pipeline made the object.
fn stamp(read: &mut Reader, raw: &RawSettings, host: &Host) -> Option<Vec<Header>> {
    const VARIABLE: &str = "DOCFERRY_STAMP";
    if !read.switch(VARIABLE, raw.stamp.as_deref())? {
        return Some(Vec::new());
    }
    let facts = &host.facts;
    let known = [
        ("commit", facts.sha.as_deref().map(|_| "{sha}".to_owned())),
        (
            "ref",
            facts.reference.as_deref().map(|_| "{ref}".to_owned()),
        ),
        ("pipeline", facts.pipeline_url.clone()),
    ];
    if facts.sha.is_none() {
        let reason = "is true, but this job says nothing of a commit";
        let mistake = Mistake::new(VARIABLE, reason);
        read.mistakes
            .add(mistake.hint("GitHub and GitLab jobs do; elsewhere use DOCFERRY_METADATA"));
        return None;
    }
    let mut headers = Vec::new();
    for (name, text) in known {
        let Some(text) = text else { continue };
        let value = host.fill(&text, Fill::Header);
        let value = value.and_then(|value| values::value(&value));
        match value {
            Ok(value) => headers.push(Header::new(format!("x-amz-meta-{name}"), value)),
            Err(invalid) => read
                .mistakes
                .add(Mistake::of_value(VARIABLE, "true", invalid)),
        }
    }
    Some(headers)
}
