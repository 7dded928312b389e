//! The limit: `entrypoint` and `callback` with nothing but hyper, rustls, aws-lc and `aws-sigv4`. All connections are opened during init.

use std::{
    sync::Mutex,
    time::{Duration, UNIX_EPOCH},
};

use aws_credential_types::Credentials;
use aws_lc_rs::hmac;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::Bytes,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use lambda_runtime::{LambdaEvent, service_fn};
use references::{
    Answer, BEGIN_REGISTRATION, Begun, CONSUMABLE, CONSUME, Claims, Error, Event, Field, NEW_LINK, PendingLink,
    Registered, Settings, Token, client_secret, consumption, now,
};
use rustls::pki_types::ServerName;
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// base64url of `{"alg":"HS256","typ":"JWT"}`.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let floor = Box::pin(Floor::start()).await?;
    let floor = &floor;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| async move {
        if floor.settings.is_callback() {
            floor.callback(&event.payload).await
        } else {
            floor.entrypoint(&event.payload).await
        }
    }))
    .await
}

struct Floor {
    settings: Settings,
    identity: Identity,
    tls: TlsConnector,
    dynamodb: Host,
    secrets_manager: Host,
    accounts: Host,
    open_access: Host,
    client_secret: String,
}

/// A host with its idle connections.
struct Host {
    authority: String,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Host {
    fn new(origin: &str) -> Self {
        Self {
            authority: origin.trim_start_matches("https://").to_owned(),
            idle: Mutex::default(),
        }
    }
}

impl Floor {
    async fn start() -> Result<Self, Error> {
        let settings = Settings::from_env();
        let host = |variable| Host::new(settings.get(variable));
        let credentials = Credentials::new(
            settings.get("AWS_ACCESS_KEY_ID"),
            settings.get("AWS_SECRET_ACCESS_KEY"),
            None,
            None,
            "environment",
        );
        let mut floor = Self {
            identity: credentials.into(),
            tls: TlsConnector::from(std::sync::Arc::new(settings.tls()?)),
            dynamodb: host("AWS_ENDPOINT_URL_DYNAMODB"),
            secrets_manager: host("AWS_ENDPOINT_URL_SECRETS_MANAGER"),
            accounts: host("SPOTIFY_ACCOUNTS_URL"),
            open_access: host("SPOTIFY_OPEN_ACCESS_URL"),
            client_secret: String::new(),
            settings,
        };
        let ids = floor.settings.secret_ids();
        let [first, last] = [ids.first(), ids.last()].map(|id| id.copied().unwrap_or_default());
        if floor.settings.is_callback() {
            let (_, _, current, _, (), (), ()) = tokio::try_join!(
                floor.secret(first, "AWSCURRENT"),
                floor.secret(first, "AWSPREVIOUS"),
                floor.secret(last, "AWSCURRENT"),
                floor.secret(last, "AWSPREVIOUS"),
                floor.open(&floor.dynamodb),
                floor.open(&floor.accounts),
                floor.open(&floor.open_access),
            )?;
            floor.client_secret = client_secret(&current)?;
        } else {
            tokio::try_join!(
                floor.secret(first, "AWSCURRENT"),
                floor.secret(first, "AWSPREVIOUS"),
                floor.open(&floor.dynamodb)
            )?;
        }
        Ok(floor)
    }

    async fn entrypoint(&self, event: &Event) -> Result<Answer, Error> {
        let claims = Claims::from_event(event, &self.settings)?;
        let begun = Begun::generate()?;
        let body = json!({
            "TableName": self.settings.get("PENDING_LINKS_TABLE"),
            "Item": attributes(begun.item(claims, &self.settings)),
            "ConditionExpression": NEW_LINK,
            "ExpressionAttributeValues": {":binding": {"S": begun.binding_hash()}},
        });
        self.aws(&self.dynamodb, "dynamodb", "DynamoDB_20120810.PutItem", &body)
            .await?;
        Ok(self.settings.consent(&begun))
    }

    async fn callback(&self, event: &Event) -> Result<Answer, Error> {
        let (id, values) = consumption(event)?;
        let body = json!({
            "TableName": self.settings.get("PENDING_LINKS_TABLE"),
            "Key": {"id": {"S": id}},
            "UpdateExpression": CONSUME,
            "ConditionExpression": CONSUMABLE,
            "ExpressionAttributeValues": attributes(values),
            "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        });
        let consumed = self
            .aws(&self.dynamodb, "dynamodb", "DynamoDB_20120810.UpdateItem", &body)
            .await?;
        let text = |name: &str| {
            Ok::<_, Error>(
                consumed
                    .pointer(&format!("/Attributes/{name}/S"))
                    .and_then(Value::as_str)
                    .ok_or("no text")?
                    .to_owned(),
            )
        };
        let pending = PendingLink {
            partner_id: text("partner_id")?,
            partner_user_id: text("partner_user_id")?,
            entitlements: texts(&consumed, "/Attributes/entitlements/L"),
            code_verifier: text("code_verifier")?,
        };
        let (token, subscriber) = tokio::try_join!(self.token(event, &pending), self.begin_registration(&pending))?;
        let payload = serde_json::to_vec(&pending.payload(&texts(&subscriber, "/Attributes/entitlements/L")))?;
        let input = format!("{HEADER}.{}", BASE64_URL_SAFE_NO_PAD.encode(payload));
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.client_secret.as_bytes());
        let jws = format!(
            "{input}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&key, input.as_bytes()))
        );
        let request = Request::post("/api/v1/register-user")
            .header(header::AUTHORIZATION, format!("Bearer {}", token.access_token))
            .header(header::CONTENT_TYPE, "jwt");
        let (_, body) = self.send(&self.open_access, request, jws).await?;
        Ok(serde_json::from_slice::<Registered>(&body)?.answer())
    }

    async fn token(&self, event: &Event, pending: &PendingLink) -> Result<Token, Error> {
        let form = self
            .settings
            .token_form(&event.parameter("code"), &pending.code_verifier);
        let request = Request::post("/api/token")
            .header(header::AUTHORIZATION, self.settings.basic(&self.client_secret))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        let (_, body) = self.send(&self.accounts, request, form).await?;
        Ok(serde_json::from_slice(&body)?)
    }

    async fn begin_registration(&self, pending: &PendingLink) -> Result<Value, Error> {
        let body = json!({
            "TableName": self.settings.get("SUBSCRIBERS_TABLE"),
            "Key": {"id": {"S": pending.subscriber_id()}},
            "UpdateExpression": BEGIN_REGISTRATION,
            "ExpressionAttributeValues": attributes(pending.registration()),
            "ReturnValues": "ALL_NEW",
        });
        self.aws(&self.dynamodb, "dynamodb", "DynamoDB_20120810.UpdateItem", &body)
            .await
    }

    /// The text of a secret; empty if it has no such version.
    async fn secret(&self, id: &str, stage: &str) -> Result<String, Error> {
        let body = json!({"SecretId": id, "VersionStage": stage});
        let value = self
            .aws(
                &self.secrets_manager,
                "secretsmanager",
                "secretsmanager.GetSecretValue",
                &body,
            )
            .await?;
        Ok(value
            .get("SecretString")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned())
    }

    async fn aws(&self, host: &Host, service: &str, target: &str, body: &Value) -> Result<Value, Error> {
        let version = if service == "dynamodb" { "1.0" } else { "1.1" };
        let content_type = format!("application/x-amz-json-{version}");
        let body = body.to_string();
        let parameters = v4::SigningParams::builder()
            .identity(&self.identity)
            .region(self.settings.get("AWS_REGION"))
            .name(service)
            .time(UNIX_EPOCH + Duration::from_secs(now().unsigned_abs()))
            .settings(SigningSettings::default())
            .build()?
            .into();
        let url = format!("https://{}/", host.authority);
        let headers = [("content-type", content_type.as_str()), ("x-amz-target", target)];
        let signable = SignableRequest::new("POST", &url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()))?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        let mut request = Request::post("/")
            .header(header::CONTENT_TYPE, &content_type)
            .header("x-amz-target", target);
        for (name, value) in instructions.headers() {
            request = request.header(name, value);
        }
        let (status, body) = self.send(host, request, body).await?;
        if service == "dynamodb" && status != StatusCode::OK {
            return Err("DynamoDB refused".into());
        }
        Ok(serde_json::from_slice(&body)?)
    }

    async fn send(
        &self,
        host: &Host,
        request: http::request::Builder,
        body: String,
    ) -> Result<(StatusCode, Bytes), Error> {
        let idle = host.idle.lock().map_err(|_| "poisoned")?.pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect(host).await?,
        };
        let request = request
            .method(Method::POST)
            .header(header::HOST, &host.authority)
            .body(Full::new(Bytes::from(body)))?;
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        host.idle.lock().map_err(|_| "poisoned")?.push(connection);
        Ok((status, body))
    }

    /// Opens a connection and leaves it in the pool.
    async fn open(&self, host: &Host) -> Result<(), Error> {
        let connection = self.connect(host).await?;
        host.idle.lock().map_err(|_| "poisoned")?.push(connection);
        Ok(())
    }

    async fn connect(&self, host: &Host) -> Result<SendRequest<Full<Bytes>>, Error> {
        let tcp = TcpStream::connect(&host.authority).await?;
        tcp.set_nodelay(true)?;
        let name = host.authority.split(':').next().unwrap_or_default();
        let tls = self.tls.connect(ServerName::try_from(name.to_owned())?, tcp).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(tls)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

fn attributes<const N: usize>(fields: [(&'static str, Field); N]) -> Map<String, Value> {
    let value = |field| match field {
        Field::Text(text) => json!({"S": text}),
        Field::Number(number) => json!({"N": number.to_string()}),
        Field::List(texts) => json!({"L": texts.into_iter().map(|text| json!({"S": text})).collect::<Vec<_>>()}),
    };
    fields
        .into_iter()
        .map(|(name, field)| (name.to_owned(), value(field)))
        .collect()
}

fn texts(response: &Value, pointer: &str) -> Vec<String> {
    let list = response.pointer(pointer).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(|text| text.get("S")?.as_str());
    texts.map(str::to_owned).collect()
}
