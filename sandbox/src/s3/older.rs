//! Owns what a server does that knows fewer checksums than S3: it ignores them
//! in the request and repeats none in the answer. Many servers that speak S3
//! are like that.

use http::HeaderMap;

use crate::store::Algorithm;

/// Forgets what a request says of checksums that are not known.
pub(crate) fn ignore(unknown: &[Algorithm], headers: &mut HeaderMap) {
    for algorithm in unknown {
        headers.remove(algorithm.header());
        for name in ["x-amz-checksum-algorithm", "x-amz-sdk-checksum-algorithm"] {
            let names_it = headers
                .get(name)
                .is_some_and(|value| value.as_bytes() == algorithm.name().as_bytes());
            if names_it {
                headers.remove(name);
                headers.remove("x-amz-checksum-type");
            }
        }
    }
}

/// Leaves out of an answer what such a server would not say.
pub(crate) fn leave_out(unknown: &[Algorithm], headers: &mut HeaderMap) {
    for algorithm in unknown {
        headers.remove(algorithm.header());
    }
    if !unknown.is_empty() {
        headers.remove("x-amz-checksum-type");
        headers.remove("x-amz-checksum-algorithm");
    }
}
