//! New properties for an object whose content stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_s3::config::Config;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::types::{CopyObjectResult, MetadataDirective, TaggingDirective};
use aws_smithy_types::DateTime;
use percent_encoding::utf8_percent_encode;

use super::multipart::add;
use super::proof::Receipt;
use super::{Courier, Failure, Proof};
use crate::aws::AwsError;
use crate::plan::Put;
use crate::text::{RESERVED, printable};
use crate::types::ETag;

/// Whether objects may be copied, as far as it has turned out.
#[derive(Debug, Default)]
pub(super) struct Copies {
    refused: AtomicBool,
    succeeded: AtomicBool,
}

/// How long S3 may take for a gigabyte.
const PATIENCE: Duration = Duration::from_mins(5);

/// In a header that names an object, the slashes of its key stay.
const IN_A_PATH: &percent_encoding::AsciiSet = &RESERVED.remove(b'/');

impl Courier {
    /// Copies an object onto itself ("`CopyObject`", Amazon S3 API Reference).
    /// None where that is not possible, so that the file is to be sent.
    pub(super) async fn copy(&self, put: &Put, of: ETag) -> Option<Result<Option<Proof>, Failure>> {
        if self.copies.refused.load(Ordering::Relaxed) {
            return None;
        }
        // What is small has its pass already.
        let pass = match put.method.part_size() {
            Some(_) => Some(self.gate.enter().await),
            None => None,
        };
        let result = tokio::select! {
            biased;
            result = self.copy_once(put, of) => result,
            () = self.stop.overdue() => return Some(Err(Failure::InDoubt)),
        };
        drop(pass);
        let error = match result {
            Ok(receipt) => {
                self.copies.succeeded.store(true, Ordering::Relaxed);
                let proof = Proof::of(&receipt, put.file.size, put.digest);
                return Some(Ok(proof));
            }
            Err(error) => error,
        };
        let about_the_object = matches!(error.status, Some(400 | 403 | 404 | 412 | 501))
            && error.identity.is_none()
            && !error.is(&["NoSuchBucket", "ExpiredToken"]);
        if !about_the_object {
            return Some(Err(error.into()));
        }
        let key = self.key_of(put);
        crate::report::detail!(
            "{} cannot be copied: {}",
            printable(&key),
            printable(&error.to_string())
        );
        // An archived object, or one with a rule of its own, says nothing of others.
        let of_all = error.is(&["AccessDenied"]) && !self.copies.succeeded.load(Ordering::Relaxed);
        if of_all && !self.copies.refused.swap(true, Ordering::Relaxed) {
            tracing::info!(
                "S3 refuses to copy objects onto themselves for their new properties, so their \
                 files are sent again; s3:GetObject on them would save that"
            );
        }
        None
    }

    async fn copy_once(&self, put: &Put, of: ETag) -> Result<Receipt, AwsError> {
        let key = self.key_of(put);
        let source = format!("{}/{key}", self.bucket());
        let source = utf8_percent_encode(&source, IN_A_PATH).to_string();
        let request = self
            .client
            .copy_object()
            .bucket(self.bucket())
            .key(&key)
            .copy_source(source)
            .copy_source_if_match(of.to_string())
            .set_expected_bucket_owner(self.owner.clone())
            .set_expected_source_bucket_owner(self.owner.clone())
            .metadata_directive(MetadataDirective::Replace)
            .tagging_directive(TaggingDirective::Replace)
            .content_type(&put.properties.content_type)
            .set_content_encoding(put.properties.encoding.stored().map(str::to_owned));
        let properties = Arc::clone(&put.properties);
        // S3 answers when it is done, which takes its time.
        let patience = TimeoutConfig::builder().operation_attempt_timeout(PATIENCE);
        let patience = Config::builder().timeout_config(patience.build());
        let request = request.customize().config_override(patience);
        let request = request.mutate_request(move |request| add(request, &properties));
        let answer = request.send().await;
        let answer = answer.map_err(|error| AwsError::from_sdk(&error))?;
        let result = answer.copy_object_result();
        let time = result.and_then(CopyObjectResult::last_modified);
        Ok(Receipt {
            etag: result.and_then(CopyObjectResult::e_tag).map(str::to_owned),
            at: time.map(DateTime::secs),
        })
    }
}
