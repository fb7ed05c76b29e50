//! Owns S3: from the signed request to the stored object and the answer.
//!
//! The s3s crate reads and writes S3's messages by AWS's own model; around it
//! this module checks what s3s leaves open: signatures by the sandbox's clock,
//! tokens, regions, owners, permissions, framing, and the wording of errors.

mod access;
mod acl;
mod answer;
mod complete;
mod conditional;
mod copy;
mod cx;
mod delete;
mod front;
mod get;
mod kms;
mod list;
mod multipart;
mod object_lock;
mod older;
mod payer;
mod plan;
mod properties;
mod put;
mod refusal;
mod service;
mod sse;
mod tagging;
mod target;
mod trouble;

pub(crate) use front::S3;
