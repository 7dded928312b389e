//! Owns the operator's access to AWS: whichever credentials, region and endpoints the AWS tools of this machine use (environment, profile, SSO, a process).
//! Needs [`HttpClient`]. Refuses to know what the services are used for.

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

/// How often a call is made at most, and the longest pause before the next, where many are made: it should outlive a minute in which a service is throttled.
const ATTEMPTS: u32 = 16;
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// What the clients of services are made of whose calls may be repeated.
///
/// # Errors
/// [`HttpError`] when there can be no HTTP client.
pub(crate) async fn aws() -> Result<SdkConfig, HttpError> {
    Ok(with(&HttpClient::new()?, RetryConfig::standard()).await)
}

/// How many calls at once are tried anew. The SDK gives up early when many fail together, to spare a service; here that would end a command within a second of
/// throttling, so that each call has all its tries.
fn enduring() -> (RetryConfig, RetryPartition) {
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_max_backoff(MAX_BACKOFF);
    let each_for_itself = RetryPartition::custom("bulk").token_bucket(TokenBucket::unlimited());
    (retries, each_for_itself.build())
}

/// A client for many calls at once to the tables.
pub(crate) fn bulk_dynamodb(aws: &SdkConfig) -> aws_sdk_dynamodb::Client {
    let (retries, each_for_itself) = enduring();
    let config = aws_sdk_dynamodb::config::Builder::from(aws)
        .retry_config(retries)
        .retry_partition(each_for_itself);
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// A client for many calls at once to the logs, of which a page may take many seconds, and few a second are allowed.
///
/// # Errors
/// As [`aws`].
pub(crate) async fn bulk_logs() -> Result<aws_sdk_cloudwatchlogs::Client, HttpError> {
    let (retries, each_for_itself) = enduring();
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

/// Has the `partners` function carry out a command, once: what it does may not be done twice, and takes its time.
///
/// # Errors
/// [`CliError`] when it was not carried out, with what the function says why.
pub(crate) async fn invoke(function: &str, command: &Value) -> Result<Value, CliError> {
    let lambda = Client::new(&with(&HttpClient::for_operator()?, RetryConfig::disabled()).await);
    let payload = Blob::new(command.to_string());
    let answer = lambda.invoke().function_name(function).payload(payload).send().await;
    let answer =
        answer.map_err(|error| CliError::aws(&format!("the function {function} cannot be invoked"), &error))?;
    let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
    let value: Value = serde_json::from_slice(payload).unwrap_or_default();
    if answer.function_error().is_some() {
        return Err(CliError::new("the function failed: its log says why"));
    }
    match value.pointer("/error/message").and_then(Value::as_str) {
        Some(message) => Err(CliError::new(message)),
        None => Ok(value),
    }
}
