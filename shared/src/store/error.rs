//! What can go wrong with a call to DynamoDB.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Why the store did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The token was used before.
    #[error("used before")]
    AlreadyUsed,
    /// Throttled, in trouble, or silent. Nothing may be assumed.
    #[error("DynamoDB does not answer")]
    Unavailable,
    /// DynamoDB says that we ask wrongly: no such table, not allowed.
    #[error("DynamoDB refused the call")]
    Rejected,
    /// An item that we did not write.
    #[error("an item is not what it must be")]
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

/// Whether DynamoDB rejected a write because its condition did not hold.
pub(super) fn condition_failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error_code(error) == Some("ConditionalCheckFailedException")
}

fn error_code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}
