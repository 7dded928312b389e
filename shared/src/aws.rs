//! Owns how the AWS SDK is set up: credentials and region of the environment (Lambda puts them there, so the SDK's chain of other
//! sources is left out), short limits, and our own HTTP client. Needs [`Outbound`]. Refuses to know what the services are used for.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::{body::SdkBody, retry::RetryConfig, timeout::TimeoutConfig};

use crate::outbound::Outbound;

/// For one try of a call to AWS. Up to three are made, as far as [`OPERATION`] lasts: against silence the third is cut off.
const ATTEMPT: Duration = Duration::from_secs(1);
/// For a call to AWS, its tries included.
const OPERATION: Duration = Duration::from_millis(2500);

/// What the platform tells a function about AWS.
#[derive(Clone)]
pub struct Aws {
    pub(crate) region: String,
    pub(crate) credentials: Credentials,
    /// `AWS_ENDPOINT_URL_DYNAMODB`, else `AWS_ENDPOINT_URL`, when set.
    pub(crate) dynamodb_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER`, else `AWS_ENDPOINT_URL`, when set.
    pub(crate) secrets_manager_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_EVENTBRIDGE`, else `AWS_ENDPOINT_URL`, when set.
    pub(crate) eventbridge_endpoint: Option<String>,
}

/// Builds the configuration of one service's client. A macro, for each service has a builder type of its own.
macro_rules! service_config {
    ($service:ident, $aws:expr, $outbound:expr, $endpoint:expr) => {{
        let (timeouts, retries) = crate::aws::limits();
        let builder = $service::Config::builder()
            .behavior_version($service::config::BehaviorVersion::latest())
            .region($service::config::Region::new($aws.region.clone()))
            .credentials_provider($aws.credentials.clone())
            .http_client(crate::aws::http_client($outbound))
            .timeout_config(timeouts)
            .retry_config(retries);
        match $endpoint {
            Some(endpoint) => builder.endpoint_url(endpoint.clone()).build(),
            None => builder.build(),
        }
    }};
}

pub(crate) fn limits() -> (TimeoutConfig, RetryConfig) {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(50));
    (timeouts, retries)
}

impl Aws {
    /// A DynamoDB client.
    #[must_use]
    pub fn dynamodb(&self, outbound: &Outbound) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::from_conf(service_config!(
            aws_sdk_dynamodb,
            self,
            outbound,
            &self.dynamodb_endpoint
        ))
    }

    /// A Secrets Manager client.
    #[must_use]
    pub fn secrets_manager(&self, outbound: &Outbound) -> aws_sdk_secretsmanager::Client {
        let config = service_config!(aws_sdk_secretsmanager, self, outbound, &self.secrets_manager_endpoint);
        aws_sdk_secretsmanager::Client::from_conf(config)
    }

    /// An EventBridge client.
    #[must_use]
    pub fn eventbridge(&self, outbound: &Outbound) -> aws_sdk_eventbridge::Client {
        let config = service_config!(aws_sdk_eventbridge, self, outbound, &self.eventbridge_endpoint);
        aws_sdk_eventbridge::Client::from_conf(config)
    }

    /// Where DynamoDB answers, to open a connection ahead of need.
    #[must_use]
    pub fn dynamodb_origin(&self) -> String {
        self.dynamodb_endpoint
            .clone()
            .unwrap_or_else(|| format!("https://dynamodb.{}.amazonaws.com", self.region))
    }
}

/// Lends our HTTP client to the SDK, whose own would bring a second TLS configuration and the system's root certificates.
#[must_use]
pub fn http_client(outbound: &Outbound) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(outbound.clone()));
    http_client_fn(move |_settings, _components| connector.clone())
}

#[derive(Debug)]
struct Connector(Outbound);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.client().clone();
        HttpConnectorFuture::new(async move { call(&client, request).await })
    }
}

async fn call(client: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request
        .try_into_http1x()
        .map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body = body
        .bytes()
        .map(<[u8]>::to_vec)
        .ok_or_else(|| ConnectorError::user("a streamed body".into()))?;
    let response = client
        .request(parts.method, parts.uri.to_string())
        .headers(parts.headers)
        .body(body)
        .send()
        .await;
    let response = response.map_err(connector_error)?;
    let status =
        StatusCode::try_from(response.status().as_u16()).map_err(|error| ConnectorError::other(error.into(), None))?;
    let headers = response.headers().clone();
    let body = response.bytes().await.map_err(connector_error)?;
    let mut answer = HttpResponse::new(status, SdkBody::from(body));
    for (name, value) in &headers {
        if let Ok(value) = value.to_str() {
            answer.headers_mut().append(name.as_str().to_owned(), value.to_owned());
        }
    }
    Ok(answer)
}

/// What the SDK's retries go by.
fn connector_error(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}
