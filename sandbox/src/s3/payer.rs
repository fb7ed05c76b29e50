//! Owns Requester Pays: who has to say that they pay, and what they are told.
//!
//! Sources: S3 User Guide, "Using Requester Pays general purpose buckets for
//! storage transfers and usage", "Downloading objects from Requester Pays
//! buckets".

use http::HeaderMap;

use crate::identity::Caller;
use crate::server::AwsError;
use crate::store::BucketConfig;

use super::answer::set;
use super::refusal::access_denied;

/// "Bucket owners do not need to add x-amz-request-payer to their requests."
pub(super) fn pays(caller: &Caller, config: &BucketConfig) -> bool {
    config.requester_pays && caller.account != config.owner
}

/// "If x-amz-request-payer is not in the request, Amazon S3 returns a 403
/// error and charges the bucket owner for the request."
pub(super) fn check(
    headers: &HeaderMap,
    caller: &Caller,
    config: &BucketConfig,
) -> Result<(), AwsError> {
    let agrees = headers
        .get("x-amz-request-payer")
        .is_some_and(|value| value == "requester");
    if pays(caller, config) && !agrees {
        return Err(access_denied());
    }
    Ok(())
}

/// "If the request succeeds and the requester is charged, the response
/// includes the header x-amz-request-charged:requester."
pub(super) fn tell(headers: &mut HeaderMap) {
    set(headers, "x-amz-request-charged", "requester");
}
