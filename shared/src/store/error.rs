//! Errors of DynamoDB calls.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Error of a store operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A write that succeeds only once was made before: a token was used, or a partner creation has ended. A retry fails again.
    #[error("already used")]
    AlreadyUsed,
    /// DynamoDB throttled the call, failed, or did not respond, or other writers kept interfering. A write may have happened all the same.
    #[error("DynamoDB is unavailable")]
    Unavailable,
    /// DynamoDB refused the call: missing table, missing permission, or invalid request. A retry fails again.
    #[error("DynamoDB refused the call")]
    Rejected,
    /// An item lacks a required attribute, or an attribute has the wrong type or an invalid value. A retry fails again.
    #[error("malformed item")]
    Malformed,
}

/// Classifies an SDK error by its code.
pub(super) fn store_error<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> StoreError {
    match error_code(error) {
        Some(
            "ResourceNotFoundException"
            | "AccessDeniedException"
            | "ValidationException"
            | "ConditionalCheckFailedException",
        ) => StoreError::Rejected,
        Some(code) if code.contains("Signature") || code.contains("Token") || code.contains("Unrecognized") => {
            StoreError::Rejected
        }
        _ => StoreError::Unavailable,
    }
}

/// Classifies an SDK error of a write. An attribute of another type than the write expects, or an item that grows too large, is a malformed item.
pub(super) fn write_error<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> StoreError {
    let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
    let of_item = |message: &str| message.contains("data type") || message.contains("Item size");
    if error_code(error) == Some("ValidationException") && message.is_some_and(of_item) {
        StoreError::Malformed
    } else {
        store_error(error)
    }
}

/// Whether a write failed because its condition did not hold.
pub(super) fn condition_failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error_code(error) == Some("ConditionalCheckFailedException")
}

fn error_code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}
