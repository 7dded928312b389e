//! The limit: the four jobs with nothing but hyper, rustls, aws-lc and `aws-sigv4`. All connections are opened during init.

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
    Answer, BEGIN_REGISTRATION, BEGIN_UNLINK, Begun, CHANGE, CHANGEABLE, CONSUMABLE, CONSUME, Change, Error, Event,
    Field, Job, NEW_LINK, NEW_REQUEST, Payload, PendingLink, Registered, RequestClaims, SessionClaims, Settings,
    Stored, Token, UNLINKABLE, client_secret, consumption, key_of, now,
};
use rustls::pki_types::ServerName;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::{net::TcpStream, sync::OnceCell};
use tokio_rustls::TlsConnector;

/// base64url of `{"alg":"HS256","typ":"JWT"}`.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let floor = Box::pin(Floor::start()).await?;
    let floor = &floor;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| async move {
        match floor.job {
            Job::Entrypoint => floor.entrypoint(&event.payload).await,
            Job::Callback => floor.callback(&event.payload).await,
            Job::Unlink => floor.unlink(&event.payload).await,
            Job::Entitlements => floor.replace_entitlements(&event.payload).await,
        }
    }))
    .await
}

struct Floor {
    job: Job,
    settings: Settings,
    identity: Identity,
    tls: TlsConnector,
    dynamodb: Host,
    secrets_manager: Host,
    accounts: Host,
    open_access: Host,
    client_secret: String,
    site_key: hmac::Key,
    backend_key: hmac::Key,
    /// The token of `unlink-user`, which outlives the process.
    service_token: OnceCell<Token>,
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
            job: settings.job()?,
            identity: credentials.into(),
            tls: TlsConnector::from(std::sync::Arc::new(settings.tls()?)),
            dynamodb: host("AWS_ENDPOINT_URL_DYNAMODB"),
            secrets_manager: host("AWS_ENDPOINT_URL_SECRETS_MANAGER"),
            accounts: host("SPOTIFY_ACCOUNTS_URL"),
            open_access: host("SPOTIFY_OPEN_ACCESS_URL"),
            client_secret: String::new(),
            site_key: hmac::Key::new(hmac::HMAC_SHA256, &[]),
            backend_key: hmac::Key::new(hmac::HMAC_SHA256, &[]),
            service_token: OnceCell::new(),
            settings,
        };
        let (keys, secret) = ("PARTNER_KEYS_ID", "SPOTIFY_CLIENT_SECRET_ID");
        let keys = if floor.job.calls_spotify() {
            let (keys, _, current, _, (), (), ()) = tokio::try_join!(
                floor.secret(keys, "AWSCURRENT"),
                floor.secret(keys, "AWSPREVIOUS"),
                floor.secret(secret, "AWSCURRENT"),
                floor.secret(secret, "AWSPREVIOUS"),
                floor.open(&floor.dynamodb),
                floor.open(&floor.accounts),
                floor.open(&floor.open_access),
            )?;
            floor.client_secret = client_secret(&current)?;
            keys
        } else {
            let (keys, _, ()) = tokio::try_join!(
                floor.secret(keys, "AWSCURRENT"),
                floor.secret(keys, "AWSPREVIOUS"),
                floor.open(&floor.dynamodb)
            )?;
            keys
        };
        floor.site_key = hmac::Key::new(hmac::HMAC_SHA256, &key_of("site", &keys)?);
        floor.backend_key = hmac::Key::new(hmac::HMAC_SHA256, &key_of("backend", &keys)?);
        Ok(floor)
    }

    async fn entrypoint(&self, event: &Event) -> Result<Answer, Error> {
        let claims = self.session(event)?;
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
        // Another person may have signed in since.
        if self.session(event)?.partner_user_id != pending.partner_user_id {
            return Err("another session".into());
        }
        let form = self
            .settings
            .token_form(&event.parameter("code"), &pending.code_verifier);
        let (token, subscriber) = tokio::try_join!(self.token(form), self.begin_registration(&pending))?;
        let entitlements = texts(&subscriber, "/Attributes/entitlements/L");
        let payload = pending.payload(&entitlements);
        let body = self.open_access("/api/v1/register-user", &token, &payload).await?;
        Ok(serde_json::from_slice::<Registered>(&body)?.answer())
    }

    async fn unlink(&self, event: &Event) -> Result<Answer, Error> {
        let jws = event.decoded_body()?;
        let claims = self.request(event, &jws)?;
        self.put_request(attributes(claims.used(&jws)), Some(NEW_REQUEST))
            .await?;
        tokio::try_join!(self.unlink_user(&claims), self.begin_unlink(&claims))?;
        self.put_request(attributes(claims.done(&jws)), None).await?;
        Ok(Answer::no_content())
    }

    async fn replace_entitlements(&self, event: &Event) -> Result<Answer, Error> {
        let jws = event.decoded_body()?;
        let claims = self.request(event, &jws)?;
        let id = claims.subscriber_id();
        let table = self.settings.get("SUBSCRIBERS_TABLE");
        let body = json!({"TableName": table, "Key": {"id": {"S": id}}, "ConsistentRead": true});
        let got = self
            .aws(&self.dynamodb, "dynamodb", "DynamoDB_20120810.GetItem", &body)
            .await?;
        let change = Change::new(claims, stored(&got)?);
        let used = json!({
            "TableName": self.settings.get("PENDING_LINKS_TABLE"),
            "Item": attributes(change.claims().used(&jws)),
            "ConditionExpression": NEW_REQUEST,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        });
        let changed = json!({
            "TableName": table,
            "Key": {"id": {"S": id}},
            "UpdateExpression": CHANGE,
            "ConditionExpression": CHANGEABLE,
            "ExpressionAttributeValues": attributes(change.values()),
        });
        let body = json!({"TransactItems": [{"Put": used}, {"Update": changed}]});
        self.aws(
            &self.dynamodb,
            "dynamodb",
            "DynamoDB_20120810.TransactWriteItems",
            &body,
        )
        .await?;
        change.answer()
    }

    /// The claims of the session of an event.
    fn session(&self, event: &Event) -> Result<SessionClaims, Error> {
        let claims: SessionClaims = verified(event.cookie(self.settings.get("SESSION_COOKIE")), &self.site_key)?;
        claims.check(&self.settings)?;
        Ok(claims)
    }

    /// The claims of the signed request of an event.
    fn request(&self, event: &Event, jws: &str) -> Result<RequestClaims, Error> {
        let claims: RequestClaims = verified(jws, &self.backend_key)?;
        claims.check(event, &self.settings)?;
        Ok(claims)
    }

    /// Stores the use of a request.
    async fn put_request(&self, item: Map<String, Value>, condition: Option<&str>) -> Result<(), Error> {
        let mut body = json!({"TableName": self.settings.get("PENDING_LINKS_TABLE"), "Item": item});
        if let (Some(condition), Some(members)) = (condition, body.as_object_mut()) {
            members.insert("ConditionExpression".to_owned(), condition.into());
            members.insert("ReturnValuesOnConditionCheckFailure".to_owned(), "ALL_OLD".into());
        }
        self.aws(&self.dynamodb, "dynamodb", "DynamoDB_20120810.PutItem", &body)
            .await
            .map(drop)
    }

    async fn unlink_user(&self, claims: &RequestClaims) -> Result<(), Error> {
        let request = || self.token(Settings::service_token_form());
        let token = self.service_token.get_or_try_init(request).await?;
        let payload = claims.payload();
        self.open_access("/api/v1/unlink-user", token, &payload).await.map(drop)
    }

    async fn begin_unlink(&self, claims: &RequestClaims) -> Result<(), Error> {
        let body = json!({
            "TableName": self.settings.get("SUBSCRIBERS_TABLE"),
            "Key": {"id": {"S": claims.subscriber_id()}},
            "UpdateExpression": BEGIN_UNLINK,
            "ConditionExpression": UNLINKABLE,
            "ExpressionAttributeValues": attributes(RequestClaims::unlinking()),
            "ReturnValues": "ALL_NEW",
        });
        self.aws(&self.dynamodb, "dynamodb", "DynamoDB_20120810.UpdateItem", &body)
            .await
            .map(drop)
    }

    /// Makes a signed call to the Open Access API.
    async fn open_access(&self, path: &str, token: &Token, payload: &Payload<'_>) -> Result<Bytes, Error> {
        let payload = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(payload)?);
        let input = format!("{HEADER}.{payload}");
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.client_secret.as_bytes());
        let signature = BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&key, input.as_bytes()));
        let request = Request::post(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", token.access_token))
            .header(header::CONTENT_TYPE, "jwt");
        let (status, body) = self
            .send(&self.open_access, request, format!("{input}.{signature}"))
            .await?;
        if status == StatusCode::OK {
            Ok(body)
        } else {
            Err("Spotify refused".into())
        }
    }

    async fn token(&self, form: String) -> Result<Token, Error> {
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

    /// The text of the secret that a variable names; empty if it has no such version.
    async fn secret(&self, variable: &str, stage: &str) -> Result<String, Error> {
        let body = json!({"SecretId": self.settings.get(variable), "VersionStage": stage});
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
        Field::Bool(value) => json!({ "BOOL": value }),
    };
    fields
        .into_iter()
        .map(|(name, field)| (name.to_owned(), value(field)))
        .collect()
}

fn stored(response: &Value) -> Result<Stored, Error> {
    let value = |name: &str, kind: &str| {
        let value = response
            .pointer(&format!("/Item/{name}/{kind}"))
            .and_then(Value::as_str);
        value.ok_or_else(|| format!("no {name}"))
    };
    Ok(Stored {
        version: value("version", "N")?.parse()?,
        as_of: value("as_of", "N")?.parse()?,
        link_state: value("link_state", "S")?.to_owned(),
        link_since: value("link_since", "N")?.parse()?,
        registered_at: value("registered_at", "N")?.parse()?,
    })
}

fn texts(response: &Value, pointer: &str) -> Vec<String> {
    let list = response.pointer(pointer).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(|text| text.get("S")?.as_str());
    texts.map(str::to_owned).collect()
}

/// The claims of a JWS, whose signature is verified.
fn verified<T: DeserializeOwned>(jws: &str, key: &hmac::Key) -> Result<T, Error> {
    let (input, signature) = jws.rsplit_once('.').ok_or("no JWS")?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature)?;
    hmac::verify(key, input.as_bytes(), &signature).map_err(|_| "wrong signature")?;
    let (_, payload) = input.split_once('.').ok_or("no JWS")?;
    Ok(serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload)?)?)
}
