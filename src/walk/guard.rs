//! The guard against secrets: files that are credentials by their names, or,
//! for a few suspicious names, by their content.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::types::ObjectKey;

/// A file that looks like credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// Its key below the prefix.
    pub key: ObjectKey,
    /// What it seems to be.
    pub what: &'static str,
}

/// Whether a file is to be suspected, by its own path or by that of the file
/// that it really is. A suspicious file that cannot be read stays suspicious.
pub(super) fn suspect(key: &ObjectKey, paths: &[&str], path: &Path) -> Option<Suspect> {
    let what = paths.iter().find_map(|known| match by_name(known)? {
        Name::Is(what) => Some(what),
        Name::MayBe(what, tells) => {
            let head = head(path, PROBE);
            let tells = head.is_none_or(|head| tells(&String::from_utf8_lossy(&head)));
            tells.then_some(what)
        }
    })?;
    Some(Suspect {
        key: key.clone(),
        what,
    })
}

/// How much of a suspicious file is read.
const PROBE: u64 = 64 * 1024;

/// The first bytes of a file, if it can be read.
pub(super) fn head(path: &Path, size: u64) -> Option<Vec<u8>> {
    // A pipe that took a file's place must not make the run wait.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).ok()?;
    let mut head = Vec::new();
    File::from(file).take(size).read_to_end(&mut head).ok()?;
    Some(head)
}

/// What a name gives away.
enum Name {
    Is(&'static str),
    MayBe(&'static str, fn(&str) -> bool),
}

fn by_name(path: &str) -> Option<Name> {
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or_default();
    let name = match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    };
    let folder = parts.next().unwrap_or_default().to_ascii_lowercase();
    by_whole_name(&name, &folder).or_else(|| by_ending(&name))
}

fn by_whole_name(name: &str, folder: &str) -> Option<Name> {
    use Name::{Is, MayBe};
    Some(match (folder, name) {
        (".aws", "credentials") => Is("AWS credentials"),
        (".aws", "config") => MayBe("AWS credentials", |text| {
            text.contains("aws_secret_access_key")
        }),
        (".kube", "config") | (_, "kubeconfig") => Is("a kubeconfig"),
        (".docker", "config.json") => {
            MayBe("a registry's password", |text| text.contains("\"auth\""))
        }
        (_, ".dockercfg" | ".dockerconfigjson") => Is("a registry's password"),
        (_, "id_rsa" | "id_dsa" | "id_ecdsa" | "id_ed25519" | "id_ecdsa_sk" | "id_ed25519_sk") => {
            Is("an SSH private key")
        }
        (_, ".netrc" | "_netrc" | ".git-credentials" | ".pypirc" | ".pgpass" | ".my.cnf") => {
            Is("passwords of a tool")
        }
        (_, ".s3cfg" | ".boto" | ".vault-token" | ".htpasswd") => Is("passwords of a tool"),
        (_, ".npmrc" | ".yarnrc" | ".yarnrc.yml") => MayBe("a package registry's token", npm_token),
        _ if is_environment(name) => Is("an environment file"),
        _ if is_key_of_an_account(name) => MayBe("a cloud account's key", private_key),
        _ => return None,
    })
}

fn by_ending(name: &str) -> Option<Name> {
    let (stem, ending) = name.rsplit_once('.')?;
    Some(match ending {
        "tfstate" => Name::Is("a Terraform state"),
        "backup" if stem.contains(".tfstate") => Name::Is("a Terraform state"),
        "pem" | "key" => Name::MayBe("a private key", private_key),
        "p12" | "pfx" | "jks" | "keystore" | "ppk" | "kdbx" => Name::Is("a key store"),
        "kubeconfig" => Name::Is("a kubeconfig"),
        _ => return None,
    })
}

/// `.env`, `.env.production`, `.envrc`; not the templates that show which
/// variables there are.
fn is_environment(name: &str) -> bool {
    const TEMPLATES: [&str; 6] = [
        ".example",
        ".sample",
        ".template",
        ".dist",
        ".defaults",
        ".schema",
    ];
    name.starts_with(".env")
        && !name.starts_with(".envoy")
        && !TEMPLATES.iter().any(|ending| name.ends_with(ending))
}

/// Cloud providers name these files in many ways; only those that say what they
/// are get looked into.
fn is_key_of_an_account(name: &str) -> bool {
    const PARTS: [&str; 9] = [
        "credential",
        "firebase",
        "gcloud",
        "gcp",
        "keyfile",
        "secret",
        "service-account",
        "service_account",
        "serviceaccount",
    ];
    let Some(stem) = name.strip_suffix(".json") else {
        return false;
    };
    stem.ends_with("key") || PARTS.iter().any(|part| stem.contains(part))
}

/// A block of RFC 7468, or one of OpenSSH, at the beginning of a line or of a
/// JSON string.
fn private_key(text: &str) -> bool {
    let mut begins = text.match_indices("-----BEGIN ");
    begins.any(|(index, begin)| {
        let label = &text[index + begin.len()..];
        label.split("-----").next().is_some_and(|label| {
            // RFC 7468, section 3: labels are in capitals.
            label.len() < 40
                && label.contains("PRIVATE KEY")
                && !label.contains(|c: char| c.is_ascii_lowercase())
        })
    })
}

/// A token that stands there, not the name of a variable that will hold it.
/// The files of npm and of both yarns differ in what stands around it.
fn npm_token(text: &str) -> bool {
    const NAMES: [&str; 5] = [
        "_authToken",
        "_auth",
        "_password",
        "npmAuthToken",
        "npmAuthIdent",
    ];
    let holds = |line: &str, name: &str| {
        let Some((before, after)) = line.split_once(name) else {
            return false;
        };
        let value = after.trim_start_matches(['"', '\'', ' ', '\t', '=', ':']);
        let is_whole = before.is_empty() || before.ends_with([':', '"', ' ', '/']);
        let has_sign = after.starts_with(['=', ':', ' ', '"']);
        is_whole && has_sign && !value.is_empty() && !value.starts_with('$')
    };
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.starts_with(['#', ';']))
        .any(|line| NAMES.iter().any(|name| holds(line, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, content: &str) -> Option<&'static str> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, content).unwrap();
        suspect(&path.parse().unwrap(), &[path], &file).map(|s| s.what)
    }

    const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\nMII";

    const SECRETS: &[(&str, &str, &str)] = &[
        (".env", "", "an environment file"),
        ("app/.env.production", "", "an environment file"),
        (".envrc", "", "an environment file"),
        ("home/.aws/credentials", "", "AWS credentials"),
        (
            ".aws/config",
            "aws_secret_access_key = x",
            "AWS credentials",
        ),
        ("id_rsa", "", "an SSH private key"),
        (".ssh/id_ed25519", "", "an SSH private key"),
        ("certs/tls.pem", KEY, "a private key"),
        ("tls.key", "-----BEGIN PRIVATE KEY-----", "a private key"),
        (".netrc", "", "passwords of a tool"),
        (
            ".npmrc",
            "//r.example.org/:_authToken=abc",
            "a package registry's token",
        ),
        (".npmrc", "_auth = \"abc\"", "a package registry's token"),
        (".npmrc", "_auth=dXNlcjpwdw==", "a package registry's token"),
        (
            ".npmrc",
            "//r/:_password=cGFzcw==",
            "a package registry's token",
        ),
        (
            ".yarnrc",
            "\"//r/:_authToken\" \"abc\"",
            "a package registry's token",
        ),
        (".AWS/credentials", "", "AWS credentials"),
        ("terraform.tfstate.1699.backup", "", "a Terraform state"),
        (
            "sign.key",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----",
            "a private key",
        ),
        (
            "gcp-key.json",
            "{\"private_key\": \"-----BEGIN PRIVATE KEY-----\\n\"}",
            "a cloud account's key",
        ),
        (
            ".yarnrc.yml",
            "npmAuthToken: abc",
            "a package registry's token",
        ),
        ("terraform.tfstate", "", "a Terraform state"),
        ("terraform.tfstate.backup", "", "a Terraform state"),
        (".kube/config", "", "a kubeconfig"),
        ("prod.kubeconfig", "", "a kubeconfig"),
        (
            ".docker/config.json",
            "{\"auths\":{\"r\":{\"auth\":\"x\"}}}",
            "a registry's password",
        ),
        (
            "my-service-account.json",
            "{\"private_key\": \"-----BEGIN PRIVATE KEY-----\\n\"}",
            "a cloud account's key",
        ),
        ("keys.p12", "", "a key store"),
    ];

    #[test]
    fn credentials_are_known_by_name_or_by_content() {
        for (path, content, what) in SECRETS {
            assert_eq!(found(path, content), Some(*what), "{path}");
        }
    }

    #[test]
    fn what_only_resembles_credentials_is_carried() {
        for (path, content) in [
            (".env.example", "KEY="),
            ("env.html", ""),
            ("environment.html", ""),
            ("credentials", ""),
            ("guide/credentials.html", ""),
            ("aws/config", "aws_secret_access_key"),
            ("ca.pem", "-----BEGIN CERTIFICATE-----"),
            ("slides.key", "PK\x03\x04"),
            (
                "talk.key",
                "how to say -----BEGIN and then PRIVATE KEY in a text",
            ),
            ("id_rsa.pub", "ssh-rsa AAAA"),
            (".npmrc", "registry=https://r.example.org/\nsave-exact=true"),
            (".npmrc", "//r.example.org/:_authToken=${NPM_TOKEN}"),
            ("credentials.json", "{\"title\": \"How credentials work\"}"),
            ("struct.Credentials.html", ""),
            ("tfstate.html", ""),
        ] {
            assert_eq!(found(path, content), None, "{path}");
        }
    }

    #[test]
    fn a_link_is_known_by_its_target_too() {
        let dir = tempfile::tempdir().unwrap();
        let key = "readme.txt".parse().unwrap();
        let paths = [".npmrc", "config/.env"];
        let file = dir.path().join("x");
        std::fs::write(&file, "nothing").unwrap();
        let found = suspect(&key, &paths, &file);
        assert_eq!(found.unwrap().what, "an environment file");
        // What cannot be looked into is not innocent.
        let found = suspect(&key, &paths[..1], &dir.path().join("none"));
        assert_eq!(found.unwrap().what, "a package registry's token");
    }
}
