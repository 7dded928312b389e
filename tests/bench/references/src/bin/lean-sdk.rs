//! The fair peer: `entrypoint` and `callback` as one would write them with the AWS SDK, reqwest and `jsonwebtoken`, with lean features. Secrets are read
//! during init.

use std::collections::HashMap;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use aws_smithy_runtime_api::{
    client::{
        behavior_version::BehaviorVersion,
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use aws_types::{SdkConfig, region::Region};
use http::header;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use lambda_runtime::{LambdaEvent, service_fn};
use references::{
    Answer, BEGIN_REGISTRATION, Begun, CONSUMABLE, CONSUME, Claims, Error, Event, Field, NEW_LINK, PendingLink,
    Registered, Settings, Token, client_secret, consumption,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Box::pin(Function::start()).await?;
    let function = &function;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| async move {
        if function.settings.is_callback() {
            Box::pin(function.callback(&event.payload)).await
        } else {
            Box::pin(function.entrypoint(&event.payload)).await
        }
    }))
    .await
}

struct Function {
    settings: Settings,
    http: reqwest::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    client_secret: String,
}

type Item = HashMap<String, AttributeValue>;

impl Function {
    async fn start() -> Result<Self, Error> {
        let settings = Settings::from_env();
        #[expect(
            clippy::disallowed_methods,
            reason = "not one of the functions, which use `shared::http_client`"
        )]
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(settings.tls()?)
            .no_proxy()
            .build()?;
        let variable = |name| settings.get(name).to_owned();
        let credentials = Credentials::new(
            variable("AWS_ACCESS_KEY_ID"),
            variable("AWS_SECRET_ACCESS_KEY"),
            None,
            None,
            "environment",
        );
        let connector = SharedHttpConnector::new(Connector(http.clone()));
        let sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(variable("AWS_REGION")))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build();
        let dynamodb =
            aws_sdk_dynamodb::config::Builder::from(&sdk).endpoint_url(settings.get("AWS_ENDPOINT_URL_DYNAMODB"));
        let secrets_manager = aws_sdk_secretsmanager::config::Builder::from(&sdk)
            .endpoint_url(settings.get("AWS_ENDPOINT_URL_SECRETS_MANAGER"));
        let secrets_manager = aws_sdk_secretsmanager::Client::from_conf(secrets_manager.build());
        let secret = async |id: &str, stage: &str| {
            let value = secrets_manager
                .get_secret_value()
                .secret_id(id)
                .version_stage(stage)
                .send()
                .await;
            value.ok().and_then(|value| value.secret_string).unwrap_or_default()
        };
        let mut current = String::new();
        if let &[first, last] = &settings.secret_ids()[..] {
            (_, _, current, _) = tokio::join!(
                secret(first, "AWSCURRENT"),
                secret(first, "AWSPREVIOUS"),
                secret(last, "AWSCURRENT"),
                secret(last, "AWSPREVIOUS")
            );
            current = client_secret(&current)?;
        } else if let &[id] = &settings.secret_ids()[..] {
            tokio::join!(secret(id, "AWSCURRENT"), secret(id, "AWSPREVIOUS"));
        }
        Ok(Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            http,
            client_secret: current,
            settings,
        })
    }

    async fn entrypoint(&self, event: &Event) -> Result<Answer, Error> {
        let claims = Claims::from_event(event, &self.settings)?;
        let begun = Begun::generate()?;
        self.dynamodb
            .put_item()
            .table_name(self.settings.get("PENDING_LINKS_TABLE"))
            .set_item(Some(attributes(begun.item(claims, &self.settings))))
            .condition_expression(NEW_LINK)
            .expression_attribute_values(":binding", AttributeValue::S(begun.binding_hash()))
            .send()
            .await?;
        Ok(self.settings.consent(&begun))
    }

    async fn callback(&self, event: &Event) -> Result<Answer, Error> {
        let (id, values) = consumption(event)?;
        let consumed = self
            .dynamodb
            .update_item()
            .table_name(self.settings.get("PENDING_LINKS_TABLE"))
            .key("id", AttributeValue::S(id))
            .update_expression(CONSUME)
            .condition_expression(CONSUMABLE)
            .set_expression_attribute_values(Some(attributes(values)))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await?;
        let consumed = consumed.attributes.ok_or("no item")?;
        let pending = PendingLink {
            partner_id: text(&consumed, "partner_id")?,
            partner_user_id: text(&consumed, "partner_user_id")?,
            entitlements: texts(&consumed, "entitlements"),
            code_verifier: text(&consumed, "code_verifier")?,
        };
        let (token, subscriber) = tokio::try_join!(self.token(event, &pending), self.begin_registration(&pending))?;
        let entitlements = texts(&subscriber, "entitlements");
        let key = EncodingKey::from_secret(self.client_secret.as_bytes());
        let jws = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &pending.payload(&entitlements), &key)?;
        let url = format!("{}/api/v1/register-user", self.settings.get("SPOTIFY_OPEN_ACCESS_URL"));
        let register = self
            .http
            .post(url)
            .bearer_auth(token.access_token)
            .header(header::CONTENT_TYPE, "jwt");
        let body = register.body(jws).send().await?.error_for_status()?.bytes().await?;
        Ok(serde_json::from_slice::<Registered>(&body)?.answer())
    }

    async fn token(&self, event: &Event, pending: &PendingLink) -> Result<Token, Error> {
        let url = format!("{}/api/token", self.settings.get("SPOTIFY_ACCOUNTS_URL"));
        let request = self
            .http
            .post(url)
            .header(header::AUTHORIZATION, self.settings.basic(&self.client_secret))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(
                self.settings
                    .token_form(&event.parameter("code"), &pending.code_verifier),
            );
        let body = request.send().await?.error_for_status()?.bytes().await?;
        Ok(serde_json::from_slice(&body)?)
    }

    async fn begin_registration(&self, pending: &PendingLink) -> Result<Item, Error> {
        let written = self
            .dynamodb
            .update_item()
            .table_name(self.settings.get("SUBSCRIBERS_TABLE"))
            .key("id", AttributeValue::S(pending.subscriber_id()))
            .update_expression(BEGIN_REGISTRATION)
            .set_expression_attribute_values(Some(attributes(pending.registration())))
            .return_values(ReturnValue::AllNew)
            .send()
            .await?;
        Ok(written.attributes.unwrap_or_default())
    }
}

/// Sends the SDK's requests with reqwest, so that there is one TLS configuration and one pool.
#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            let request = reqwest::Request::try_from(request.map(|body| body.bytes().unwrap_or_default().to_vec()));
            let request = request.map_err(|error| ConnectorError::user(error.into()))?;
            let response = client
                .execute(request)
                .await
                .map_err(|error| ConnectorError::io(error.into()))?;
            let status = StatusCode::try_from(response.status().as_u16())
                .map_err(|error| ConnectorError::other(error.into(), None))?;
            let headers = response.headers().clone();
            let body = response
                .bytes()
                .await
                .map_err(|error| ConnectorError::io(error.into()))?;
            let mut answer = HttpResponse::new(status, SdkBody::from(body));
            for (name, value) in &headers {
                if let Ok(value) = value.to_str() {
                    answer.headers_mut().append(name.as_str().to_owned(), value.to_owned());
                }
            }
            Ok(answer)
        })
    }
}

fn attributes<const N: usize>(fields: [(&'static str, Field); N]) -> Item {
    let value = |field| match field {
        Field::Text(text) => AttributeValue::S(text),
        Field::Number(number) => AttributeValue::N(number.to_string()),
        Field::List(texts) => AttributeValue::L(texts.into_iter().map(AttributeValue::S).collect()),
    };
    fields
        .into_iter()
        .map(|(name, field)| (name.to_owned(), value(field)))
        .collect()
}

fn text(item: &Item, name: &str) -> Result<String, Error> {
    let text = item.get(name).and_then(|value| value.as_s().ok());
    Ok(text.ok_or("no text")?.clone())
}

fn texts(item: &Item, name: &str) -> Vec<String> {
    let list = item.get(name).and_then(|value| value.as_l().ok());
    list.into_iter()
        .flatten()
        .filter_map(|text| text.as_s().ok().cloned())
        .collect()
}
