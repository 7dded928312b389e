//! The fair peer: the four jobs as one would write them with the AWS SDK, reqwest and `jsonwebtoken`, with lean features. Secrets are read
//! during init.

use std::collections::HashMap;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
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
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use lambda_runtime::{LambdaEvent, service_fn};
use references::{
    Answer, BEGIN_REGISTRATION, BEGIN_UNLINK, Begun, CHANGE, CHANGEABLE, CONSUMABLE, CONSUME, Change, Error, Event,
    Field, Job, NEW_LINK, NEW_REQUEST, Payload, PendingLink, Registered, RequestClaims, SessionClaims, Settings,
    Stored, Token, UNLINKABLE, client_secret, consumption, key_of,
};
use tokio::sync::OnceCell;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Box::pin(Function::start()).await?;
    let function = &function;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| async move {
        let event = &event.payload;
        match function.job {
            Job::Entrypoint => Box::pin(function.entrypoint(event)).await,
            Job::Callback => Box::pin(function.callback(event)).await,
            Job::Unlink => Box::pin(function.unlink(event)).await,
            Job::Entitlements => Box::pin(function.replace_entitlements(event)).await,
        }
    }))
    .await
}

struct Function {
    job: Job,
    settings: Settings,
    http: reqwest::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    client_secret: String,
    site_key: DecodingKey,
    backend_key: DecodingKey,
    /// The token of `unlink-user`, which outlives the process.
    service_token: OnceCell<Token>,
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
        let secret = async |variable: &str, stage: &str| {
            let value = secrets_manager
                .get_secret_value()
                .secret_id(settings.get(variable))
                .version_stage(stage)
                .send()
                .await;
            value.ok().and_then(|value| value.secret_string).unwrap_or_default()
        };
        let job = settings.job()?;
        let (keys, current) = if job.calls_spotify() {
            let (keys, _, current, _) = tokio::join!(
                secret("PARTNER_KEYS_ID", "AWSCURRENT"),
                secret("PARTNER_KEYS_ID", "AWSPREVIOUS"),
                secret("SPOTIFY_CLIENT_SECRET_ID", "AWSCURRENT"),
                secret("SPOTIFY_CLIENT_SECRET_ID", "AWSPREVIOUS")
            );
            (keys, client_secret(&current)?)
        } else {
            let (keys, _) = tokio::join!(
                secret("PARTNER_KEYS_ID", "AWSCURRENT"),
                secret("PARTNER_KEYS_ID", "AWSPREVIOUS")
            );
            (keys, String::new())
        };
        Ok(Self {
            job,
            site_key: DecodingKey::from_secret(&key_of("site", &keys)?),
            backend_key: DecodingKey::from_secret(&key_of("backend", &keys)?),
            service_token: OnceCell::new(),
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            http,
            client_secret: current,
            settings,
        })
    }

    async fn entrypoint(&self, event: &Event) -> Result<Answer, Error> {
        let claims = self.session(event)?;
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
        // Another person may have signed in since.
        if self.session(event)?.partner_user_id != pending.partner_user_id {
            return Err("another session".into());
        }
        let form = self
            .settings
            .token_form(&event.parameter("code"), &pending.code_verifier);
        let (token, subscriber) = tokio::try_join!(self.token(form), self.begin_registration(&pending))?;
        let entitlements = texts(&subscriber, "entitlements");
        let payload = pending.payload(&entitlements);
        let body = self.open_access("register-user", &token, &payload).await?;
        Ok(serde_json::from_slice::<Registered>(&body)?.answer())
    }

    async fn unlink(&self, event: &Event) -> Result<Answer, Error> {
        let jws = event.decoded_body()?;
        let claims = self.request(event, &jws)?;
        let put = |item| {
            let put = self.dynamodb.put_item();
            put.table_name(self.settings.get("PENDING_LINKS_TABLE"))
                .set_item(Some(item))
        };
        put(attributes(claims.used(&jws)))
            .condition_expression(NEW_REQUEST)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await?;
        tokio::try_join!(self.unlink_user(&claims), self.begin_unlink(&claims))?;
        put(attributes(claims.done(&jws))).send().await?;
        Ok(Answer::no_content())
    }

    async fn replace_entitlements(&self, event: &Event) -> Result<Answer, Error> {
        let jws = event.decoded_body()?;
        let claims = self.request(event, &jws)?;
        let id = AttributeValue::S(claims.subscriber_id());
        let table = self.settings.get("SUBSCRIBERS_TABLE");
        let got = self.dynamodb.get_item().table_name(table).key("id", id.clone());
        let got = got.consistent_read(true).send().await?;
        let change = Change::new(claims, stored(&got.item.ok_or("no item")?)?);
        let used = Put::builder()
            .table_name(self.settings.get("PENDING_LINKS_TABLE"))
            .set_item(Some(attributes(change.claims().used(&jws))))
            .condition_expression(NEW_REQUEST)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()?;
        let changed = Update::builder()
            .table_name(table)
            .key("id", id)
            .update_expression(CHANGE)
            .condition_expression(CHANGEABLE)
            .set_expression_attribute_values(Some(attributes(change.values())))
            .build()?;
        self.dynamodb
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(used).build())
            .transact_items(TransactWriteItem::builder().update(changed).build())
            .send()
            .await?;
        change.answer()
    }

    /// The claims of the session of an event.
    fn session(&self, event: &Event) -> Result<SessionClaims, Error> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[self.settings.get("PUBLIC_URL")]);
        validation.set_issuer(&[self.settings.get("SITE_ISSUER")]);
        let session = event.cookie(self.settings.get("SESSION_COOKIE"));
        Ok(jsonwebtoken::decode(session, &self.site_key, &validation)?.claims)
    }

    /// The claims of the signed request of an event.
    fn request(&self, event: &Event, jws: &str) -> Result<RequestClaims, Error> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[format!("{}{}", self.settings.get("PUBLIC_URL"), event.raw_path())]);
        validation.set_issuer(&[self.settings.get("BACKEND_ISSUER")]);
        let claims = jsonwebtoken::decode::<RequestClaims>(jws, &self.backend_key, &validation)?.claims;
        claims.check(event, &self.settings)?;
        Ok(claims)
    }

    async fn unlink_user(&self, claims: &RequestClaims) -> Result<(), Error> {
        let request = || self.token(Settings::service_token_form());
        let token = self.service_token.get_or_try_init(request).await?;
        self.open_access("unlink-user", token, &claims.payload())
            .await
            .map(drop)
    }

    async fn begin_unlink(&self, claims: &RequestClaims) -> Result<(), Error> {
        self.dynamodb
            .update_item()
            .table_name(self.settings.get("SUBSCRIBERS_TABLE"))
            .key("id", AttributeValue::S(claims.subscriber_id()))
            .update_expression(BEGIN_UNLINK)
            .condition_expression(UNLINKABLE)
            .set_expression_attribute_values(Some(attributes(RequestClaims::unlinking())))
            .return_values(ReturnValue::AllNew)
            .send()
            .await?;
        Ok(())
    }

    /// Makes a signed call to the Open Access API.
    async fn open_access(&self, endpoint: &str, token: &Token, payload: &Payload<'_>) -> Result<Vec<u8>, Error> {
        let key = EncodingKey::from_secret(self.client_secret.as_bytes());
        let jws = jsonwebtoken::encode(&Header::new(Algorithm::HS256), payload, &key)?;
        let url = format!("{}/api/v1/{endpoint}", self.settings.get("SPOTIFY_OPEN_ACCESS_URL"));
        let call = self
            .http
            .post(url)
            .bearer_auth(&token.access_token)
            .header(header::CONTENT_TYPE, "jwt");
        let response = call.body(jws).send().await?.error_for_status()?;
        Ok(response.bytes().await?.into())
    }

    async fn token(&self, form: String) -> Result<Token, Error> {
        let url = format!("{}/api/token", self.settings.get("SPOTIFY_ACCOUNTS_URL"));
        let request = self
            .http
            .post(url)
            .header(header::AUTHORIZATION, self.settings.basic(&self.client_secret))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(form);
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
        Field::Bool(value) => AttributeValue::Bool(value),
    };
    fields
        .into_iter()
        .map(|(name, field)| (name.to_owned(), value(field)))
        .collect()
}

fn stored(item: &Item) -> Result<Stored, Error> {
    let number = |name: &str| {
        let number = item.get(name).and_then(|value| value.as_n().ok());
        Ok::<i64, Error>(number.ok_or("no number")?.parse()?)
    };
    Ok(Stored {
        version: number("version")?,
        as_of: number("as_of")?,
        link_state: text(item, "link_state")?,
        link_since: number("link_since")?,
        registered_at: number("registered_at")?,
    })
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
