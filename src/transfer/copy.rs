//! New properties for an object whose content stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::types::{MetadataDirective, TaggingDirective};
use percent_encoding::utf8_percent_encode;

use super::multipart::add;
use super::{Courier, Failure, Proof};
use crate::aws::AwsError;
use crate::plan::Put;
use crate::rules::Encoding;
use crate::text::{RESERVED, printable};
use crate::types::ETag;

/// Whether objects may be copied, as far as it has turned out.
#[derive(Debug, Default)]
pub(super) struct Copies {
    refused: AtomicBool,
}

/// In a header that names an object, the slashes of its key stay.
const IN_A_PATH: &percent_encoding::AsciiSet = &RESERVED.remove(b'/');

impl Courier {
    /// Copies an object onto itself ("`CopyObject`", Amazon S3 API Reference).
    /// None where that is not possible, so that the file is to be sent.
    pub(super) async fn copy(&self, put: &Put, of: ETag) -> Option<Result<Option<Proof>, Failure>> {
        if self.copies.refused.load(Ordering::Relaxed) {
            return None;
        }
        let begin = async {
            let pass = self.gate.enter().await;
            self.copy_once(put, of).await.map(|etag| (pass, etag))
        };
        let result = tokio::select! {
            biased;
            result = begin => result,
            () = self.stop.overdue() => return Some(Err(Failure::InDoubt)),
        };
        let error = match result {
            Ok((_pass, etag)) => {
                let proof = Proof::of(etag.as_deref(), put.file.size, put.digest);
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
        if error.status == Some(403) && !self.copies.refused.swap(true, Ordering::Relaxed) {
            tracing::info!(
                "S3 refuses to copy objects onto themselves for their new properties, so their \
                 files are sent again; s3:GetObject on them would save that"
            );
        }
        None
    }

    async fn copy_once(&self, put: &Put, of: ETag) -> Result<Option<String>, AwsError> {
        let key = self.key_of(put);
        let source = format!("{}/{key}", self.bucket());
        let source = utf8_percent_encode(&source, IN_A_PATH).to_string();
        let known = of.is_plain() || of.parts().is_some();
        let request = self
            .client
            .copy_object()
            .bucket(self.bucket())
            .key(&key)
            .copy_source(source)
            .set_copy_source_if_match(known.then(|| of.to_string()))
            .set_expected_bucket_owner(self.owner.clone())
            .set_expected_source_bucket_owner(self.owner.clone())
            .metadata_directive(MetadataDirective::Replace)
            .tagging_directive(TaggingDirective::Replace)
            .content_type(&put.properties.content_type)
            .set_content_encoding(match &put.properties.encoding {
                Encoding::Stored(encoding) => Some(encoding.clone()),
                Encoding::Plain | Encoding::Applied(_) => None,
            });
        let properties = Arc::clone(&put.properties);
        let request = request.customize();
        let request = request.mutate_request(move |request| add(request, &properties));
        let answer = request.send().await;
        let answer = answer.map_err(|error| AwsError::from_sdk(&error))?;
        let result = answer.copy_object_result();
        Ok(result.and_then(|result| result.e_tag()).map(str::to_owned))
    }
}
