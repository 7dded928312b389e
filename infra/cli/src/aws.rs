//! AWS clients of the operator, with the credentials, region and endpoints that the AWS tools of this machine use. Their requests go through [`HttpClient`], as
//! those of the functions do. This module must not know what the services are used for.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig};
use aws_sdk_lambda::{Client, primitives::Blob};
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use serde_json::Value;
use shared::{
    aws::http_client,
    http_client::{HttpClient, HttpError},
};

use crate::error::CliError;

/// Attempts per call of a bulk client. Together with [`MAX_BACKOFF`] they outlast a minute of throttling.
const ATTEMPTS: u32 = 16;
/// Upper bound of the retry backoff of a bulk client.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// Loads the AWS configuration for calls that may be retried.
///
/// # Errors
/// [`HttpError`] if the HTTP client cannot be created.
pub(crate) async fn aws() -> Result<SdkConfig, HttpError> {
    Ok(with(&HttpClient::new()?, RetryConfig::standard()).await)
}

/// Retry settings of a bulk client. By default the SDK's calls share a retry quota, which a second of throttling uses up when many run at once. Here each call
/// has all its [`ATTEMPTS`].
fn bulk_retries() -> (RetryConfig, RetryPartition) {
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_max_backoff(MAX_BACKOFF);
    let each_for_itself = RetryPartition::custom("bulk").token_bucket(TokenBucket::unlimited());
    (retries, each_for_itself.build())
}

/// A DynamoDB client for many concurrent calls.
pub(crate) fn bulk_dynamodb(aws: &SdkConfig) -> aws_sdk_dynamodb::Client {
    let (retries, each_for_itself) = bulk_retries();
    let config = aws_sdk_dynamodb::config::Builder::from(aws)
        .retry_config(retries)
        .retry_partition(each_for_itself);
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// A CloudWatch Logs client for many concurrent calls, with a timeout for pages that take many seconds.
///
/// # Errors
/// [`HttpError`] if the HTTP client cannot be created.
pub(crate) async fn bulk_logs() -> Result<aws_sdk_cloudwatchlogs::Client, HttpError> {
    let (retries, each_for_itself) = bulk_retries();
    let aws = with(&HttpClient::for_operator()?, RetryConfig::standard()).await;
    let config = aws_sdk_cloudwatchlogs::config::Builder::from(&aws)
        .retry_config(retries)
        .retry_partition(each_for_itself);
    Ok(aws_sdk_cloudwatchlogs::Client::from_conf(config.build()))
}

async fn with(http: &HttpClient, retries: RetryConfig) -> SdkConfig {
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client(http));
    config.retry_config(retries).load().await
}

/// Sends `command` to the `partners` function and returns its answer. The call is never retried, because creating a partner twice cannot be undone.
///
/// # Errors
/// [`CliError`] if the function cannot be invoked, crashes, or reports an error. If its answer was lost, the command may have been carried out.
pub(crate) async fn invoke(function: &str, command: &Value) -> Result<Value, CliError> {
    let lambda = Client::new(&with(&HttpClient::for_operator()?, RetryConfig::disabled()).await);
    let payload = Blob::new(command.to_string());
    let answer = lambda.invoke().function_name(function).payload(payload).send().await;
    let answer = answer.map_err(|error| CliError::aws(&format!("cannot invoke the function {function}"), &error))?;
    let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
    let value: Value = serde_json::from_slice(payload).unwrap_or_default();
    if answer.function_error().is_some() {
        return Err(CliError::new("the partners function failed; its log has the reason"));
    }
    match value.pointer("/error/message").and_then(Value::as_str) {
        Some(message) => Err(CliError::new(message)),
        None => Ok(value),
    }
}
