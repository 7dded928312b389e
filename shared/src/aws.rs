//! Setup of the AWS SDK: region and credentials from the environment, short timeouts, and the shared [`HttpClient`]. The SDK's other
//! credential sources are left out, because Lambda provides the environment. This module does not know what the services are used for.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::client::{
    behavior_version::BehaviorVersion,
    http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_smithy_types::{body::SdkBody, retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};
use url::Url;

use crate::http_client::HttpClient;

/// Upper bound of one attempt of an AWS call, in seconds. Of three attempts without response, [`OPERATION_TIMEOUT`] cuts the last one short.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);
/// Upper bound of an AWS call including its retries, in milliseconds.
const OPERATION_TIMEOUT: Duration = Duration::from_millis(2500);

/// Region, credentials and endpoints of AWS, from the environment.
#[derive(Clone)]
pub struct AwsConfig {
    pub(crate) region: String,
    pub(crate) credentials: Credentials,
    /// Endpoint from `AWS_ENDPOINT_URL_DYNAMODB`, else `AWS_ENDPOINT_URL`. `None` means AWS itself.
    pub(crate) dynamodb_endpoint: Option<String>,
    /// Endpoint from `AWS_ENDPOINT_URL_SECRETS_MANAGER`, else `AWS_ENDPOINT_URL`. `None` means AWS itself.
    pub(crate) secrets_manager_endpoint: Option<String>,
    /// Endpoint from `AWS_ENDPOINT_URL_EVENTBRIDGE`, else `AWS_ENDPOINT_URL`. `None` means AWS itself.
    pub eventbridge_endpoint: Option<String>,
    /// Endpoint from `AWS_ENDPOINT_URL_SQS`, else `AWS_ENDPOINT_URL`. `None` means AWS itself.
    pub sqs_endpoint: Option<String>,
}

impl AwsConfig {
    /// The settings shared by the clients of all services.
    #[must_use]
    pub fn sdk(&self, http: &HttpClient) -> SdkConfig {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        // Bodies are complete in memory, so only the timeouts above can be exceeded.
        let streams = StalledStreamProtectionConfig::disabled();
        let retries = RetryConfig::standard()
            .with_max_attempts(3)
            .with_initial_backoff(Duration::from_millis(50));
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(self.credentials.clone()))
            .http_client(http_client(http))
            .timeout_config(timeouts)
            .stalled_stream_protection(streams)
            .retry_config(retries)
            .build()
    }

    /// Builds a DynamoDB client.
    #[must_use]
    pub fn dynamodb(&self, http: &HttpClient) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&self.sdk(http));
        config.set_endpoint_url(self.dynamodb_endpoint.clone());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// Builds a Secrets Manager client.
    #[must_use]
    pub fn secrets_manager(&self, http: &HttpClient) -> aws_sdk_secretsmanager::Client {
        let mut config = aws_sdk_secretsmanager::config::Builder::from(&self.sdk(http));
        config.set_endpoint_url(self.secrets_manager_endpoint.clone());
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }

    /// The origin of DynamoDB, for [`HttpClient::preconnect`].
    #[must_use]
    pub fn dynamodb_origin(&self) -> String {
        self.dynamodb_endpoint
            .clone()
            .unwrap_or_else(|| format!("https://dynamodb.{}.amazonaws.com", self.region))
    }
}

/// Adapts `http` for the SDK, whose default client has another TLS configuration and uses the system's root certificates.
#[must_use]
pub fn http_client(http: &HttpClient) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector {
        http: http.clone(),
        last_url: Mutex::default(),
    });
    http_client_fn(move |_settings, _components| connector.clone())
}

#[derive(Debug)]
struct Connector {
    http: HttpClient,
    /// The URL of the last call. A service has one for all calls, and parsing it takes longer than comparing it.
    last_url: Mutex<Option<Url>>,
}

impl Connector {
    fn url(&self, uri: &str) -> Result<Url, ConnectorError> {
        let mut last = self.last_url.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(url) = last.as_ref().filter(|url| url.as_str() == uri) {
            return Ok(url.clone());
        }
        let url = Url::parse(uri).map_err(|error| ConnectorError::user(error.into()))?;
        Ok(last.insert(url).clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (client, url) = (self.http.client().clone(), self.url(request.uri()));
        HttpConnectorFuture::new(async move { call(&client, url?, request).await })
    }
}

async fn call(client: &reqwest::Client, url: Url, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request
        .try_into_http1x()
        .map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body = body
        .bytes()
        .map(<[u8]>::to_vec)
        .ok_or_else(|| ConnectorError::user("streamed request bodies are not supported".into()))?;
    let mut request = reqwest::Request::new(parts.method, url);
    *request.headers_mut() = parts.headers;
    *request.body_mut() = Some(body.into());
    let mut response = client.execute(request).await.map_err(connector_error)?;
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let body = response.bytes().await.map_err(connector_error)?;
    let mut answer = http::Response::new(SdkBody::from(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
}

/// Classifies an error for the retry policy of the SDK.
fn connector_error(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}
