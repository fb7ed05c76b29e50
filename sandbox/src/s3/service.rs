//! Owns the seam to s3s: its trait, with one function of ours behind each
//! operation. An error of ours goes round s3s, whose own lacks AWS's details.

use std::sync::Arc;

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput,
    DeleteObjectsOutput, GetBucketLocationInput, GetBucketLocationOutput, GetObjectAttributesInput,
    GetObjectAttributesOutput, GetObjectInput, GetObjectOutput, GetObjectTaggingInput,
    GetObjectTaggingOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput,
    ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsInput, ListObjectsOutput,
    ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput, PutObjectInput,
    PutObjectOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use crate::server::AwsError;

use super::cx::Cx;
use super::{complete, copy, delete, get, list, multipart, put};

/// The operations that the sandbox has; s3s answers `NotImplemented` for the
/// others.
#[derive(Debug)]
pub(crate) struct Operations;

/// What an operation of ours gives back.
pub(crate) type Done<T> = Result<S3Response<T>, AwsError>;

fn cx(extensions: &http::Extensions) -> S3Result<Arc<Cx>> {
    extensions
        .get::<Arc<Cx>>()
        .cloned()
        .ok_or_else(|| S3Error::new(S3ErrorCode::InternalError))
}

fn outcome<T>(cx: &Cx, done: Done<T>) -> S3Result<S3Response<T>> {
    done.map_err(|error| {
        cx.fail(error);
        S3Error::new(S3ErrorCode::InternalError)
    })
}

macro_rules! operations {
    ($($method:ident: $input:ty => $output:ty = $function:path $(, $awaits:tt)?;)*) => {
        #[async_trait::async_trait]
        impl S3 for Operations {
            $(
                async fn $method(
                    &self,
                    request: S3Request<$input>,
                ) -> S3Result<S3Response<$output>> {
                    let cx = cx(&request.extensions)?;
                    let done = $function(&cx, request.input)$(.$awaits)?;
                    outcome(&cx, done)
                }
            )*
        }
    };
}

operations! {
    put_object: PutObjectInput => PutObjectOutput = put::put_object, await;
    get_object: GetObjectInput => GetObjectOutput = get::get_object;
    head_object: HeadObjectInput => HeadObjectOutput = get::head_object;
    head_bucket: HeadBucketInput => HeadBucketOutput = get::head_bucket;
    get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput = get::get_bucket_location;
    get_object_tagging: GetObjectTaggingInput => GetObjectTaggingOutput = get::get_object_tagging;
    get_object_attributes: GetObjectAttributesInput => GetObjectAttributesOutput = get::get_object_attributes;
    delete_object: DeleteObjectInput => DeleteObjectOutput = delete::delete_object;
    delete_objects: DeleteObjectsInput => DeleteObjectsOutput = delete::delete_objects;
    copy_object: CopyObjectInput => CopyObjectOutput = copy::copy_object;
    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput = multipart::create;
    upload_part: UploadPartInput => UploadPartOutput = multipart::upload_part, await;
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput = multipart::abort;
    list_parts: ListPartsInput => ListPartsOutput = multipart::list_parts;
    list_multipart_uploads: ListMultipartUploadsInput => ListMultipartUploadsOutput = multipart::list_uploads;
    complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput = complete::complete;
    list_objects: ListObjectsInput => ListObjectsOutput = list::list_objects;
    list_objects_v2: ListObjectsV2Input => ListObjectsV2Output = list::list_objects_v2;
}
