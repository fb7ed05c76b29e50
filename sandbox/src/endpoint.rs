//! Owns the host names of AWS's endpoints: which service, which region, which
//! bucket a name stands for, and which names the sandbox's certificate has.
//!
//! Sources: AWS General Reference, "Amazon Simple Storage Service endpoints and
//! quotas" and "AWS Security Token Service endpoints and quotas"; S3 User
//! Guide, "Virtual hosting of general purpose buckets", "Using dual-stack
//! endpoints", and "AWS PrivateLink for Amazon S3"; IAM User Guide, "Manage AWS
//! STS in an AWS Region".

/// The services that the sandbox has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    S3,
    Sts,
}

/// What a name below AWS's domains stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) service: Service,
    pub(crate) region: String,
    /// The bucket of a virtual-hosted-style name.
    pub(crate) bucket: Option<String>,
}

/// What a `Host` header names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// No name of AWS's: loopback, or what a test calls it.
    Other,
    /// An endpoint that AWS has.
    Endpoint(Endpoint),
    /// A name below AWS's domains that no endpoint of S3 or STS has.
    Nowhere,
}

/// The region of the names that have none.
const GLOBAL: &str = "us-east-1";

impl Named {
    /// Reads a `Host` header, with or without a port.
    pub(crate) fn parse(host: &str) -> Self {
        let name = without_port(host).to_ascii_lowercase();
        let (labels, china, dual) = if let Some(rest) = name.strip_suffix(".amazonaws.com") {
            (rest, false, false)
        } else if let Some(rest) = name.strip_suffix(".amazonaws.com.cn") {
            (rest, true, false)
        } else if let Some(rest) = name.strip_suffix(".api.aws") {
            (rest, false, true)
        } else if let Some(rest) = name.strip_suffix(".api.amazonwebservices.com.cn") {
            (rest, true, true)
        } else {
            return Self::Other;
        };
        let labels: Vec<&str> = labels.split('.').collect();
        let found = if dual {
            dual_stack(&labels)
        } else {
            endpoint(&labels)
        };
        // Each partition has a domain of its own.
        found
            .filter(|endpoint| endpoint.region.starts_with("cn-") == china)
            .map_or(Self::Nowhere, Self::Endpoint)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// `sts.eu-central-1.api.aws`; S3 has its dual stack below the old domain.
fn dual_stack(labels: &[&str]) -> Option<Endpoint> {
    match labels {
        ["sts" | "sts-fips", region] if is_region(region) => Some(sts(region)),
        _ => None,
    }
}

fn endpoint(labels: &[&str]) -> Option<Endpoint> {
    match labels {
        ["sts"] => Some(sts(GLOBAL)),
        ["sts" | "sts-fips", region] | [_, "sts", region, "vpce"] if is_region(region) => {
            Some(sts(region))
        }
        [bucket @ .., "bucket", _, "s3", region, "vpce"]
        | [bucket @ .., "s3" | "s3-fips", "dualstack", region]
        | [bucket @ .., "s3" | "s3-fips", region]
            if is_region(region) =>
        {
            s3(bucket, region)
        }
        [bucket @ .., "s3" | "s3-external-1"] => s3(bucket, GLOBAL),
        // The oldest regions have a name with a dash as well.
        [bucket @ .., service] => {
            let region = service.strip_prefix("s3-")?;
            is_region(region).then(|| s3(bucket, region)).flatten()
        }
        [] => None,
    }
}

fn sts(region: &str) -> Endpoint {
    Endpoint {
        service: Service::Sts,
        region: region.to_owned(),
        bucket: None,
    }
}

fn s3(bucket: &[&str], region: &str) -> Option<Endpoint> {
    if bucket.iter().any(|label| label.is_empty()) {
        return None;
    }
    Some(Endpoint {
        service: Service::S3,
        region: region.to_owned(),
        bucket: (!bucket.is_empty()).then(|| bucket.join(".")),
    })
}

/// `eu-central-1`, `us-gov-west-1`: words of letters, and a number at the end.
fn is_region(label: &str) -> bool {
    let words: Vec<&str> = label.split('-').collect();
    let [area, middle @ .., number] = words.as_slice() else {
        return false;
    };
    let letters = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    area.len() == 2
        && letters(area)
        && !middle.is_empty()
        && middle.iter().all(letters)
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// The interface endpoint that the sandbox's certificate knows: a wildcard
/// stands for one label, so that S3's need its id.
const INTERFACE_ENDPOINT: &str = "vpce-0123456789abcdef0-sandbox1";

/// The names that the certificate is good for: loopback, AWS's in this region
/// and in some that tests use, and GitHub's token endpoint. As with AWS's own
/// certificates, a bucket with a dot in its name is not covered.
pub(crate) fn certificate_names(region: &str) -> Vec<String> {
    let mut names: Vec<String> = [
        "localhost",
        "*.localhost",
        "*.s3.localhost",
        "127.0.0.1",
        "*.amazonaws.com",
        "*.s3.amazonaws.com",
        "*.actions.githubusercontent.com",
    ]
    .map(str::to_owned)
    .into();
    let mut regions = vec![
        "us-east-1",
        "us-west-2",
        "eu-central-1",
        "eu-west-1",
        "us-gov-west-1",
        "cn-north-1",
    ];
    if !regions.contains(&region) {
        regions.push(region);
    }
    for region in regions {
        let (domain, dual) = if region.starts_with("cn-") {
            ("amazonaws.com.cn", "api.amazonwebservices.com.cn")
        } else {
            ("amazonaws.com", "api.aws")
        };
        for services in [
            "*",
            "*.s3",
            "*.s3-fips",
            "*.dualstack",
            "*.s3.dualstack",
            "*.s3-fips.dualstack",
        ] {
            names.push(format!("{services}.{region}.{domain}"));
        }
        for services in [
            "*.sts".to_owned(),
            format!("*.{INTERFACE_ENDPOINT}.s3"),
            format!("*.bucket.{INTERFACE_ENDPOINT}.s3"),
        ] {
            names.push(format!("{services}.{region}.vpce.{domain}"));
        }
        names.push(format!("*.{region}.{dual}"));
    }
    names
}
