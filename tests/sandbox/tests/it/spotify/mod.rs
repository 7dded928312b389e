//! Rules of the simulated Spotify, tested over HTTP as a partner's backend and as a browser.

mod authorize;
mod content_access;
mod control_api;
mod open_access;
mod token;

use jsonwebtoken::{Algorithm, EncodingKey};
use reqwest::{Client as Http, Response};
use sandbox::{Addresses, Client, Endpoint, Options, Partner, Sandbox, Spotify};
use serde_json::{Value, json};
use url::Url;

use crate::support::client;

const PUID: &str = "63e6d54b993a447fa1e81d25dd5f09ac";
const OTHER_PUID: &str = "00000000000000000000000000000001";
const REDIRECT_URI: &str = "http://127.0.0.1:9000/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct Journey {
    sandbox: Sandbox,
    http: Http,
}

fn stranger() -> Client {
    Client {
        id: "stranger".to_owned(),
        secret: "another secret of good length 00".to_owned(),
        previous_secret: None,
        description: "Another client".to_owned(),
        redirect_uris: vec!["https://stranger.example/callback".to_owned()],
        service_scopes: vec!["user-soa-unlink".to_owned()],
        partners: vec![Partner {
            id: "0Stranger0000000000000".to_owned(),
            name: "Stranger".to_owned(),
            entrypoint_url: "https://stranger.example/entrypoint".to_owned(),
            shows: Vec::new(),
        }],
    }
}

async fn journey() -> Journey {
    let nowhere = || Endpoint::External("http://127.0.0.1:9".to_owned());
    let options = Options {
        gateway: nowhere(),
        site: nowhere(),
        dynamodb: nowhere(),
        secrets_manager: nowhere(),
        redirect_uris: vec![REDIRECT_URI.to_owned()],
        other_clients: vec![stranger()],
        seed: Some(1),
        ..Options::default()
    };
    let sandbox = Sandbox::start(options, async |_: Addresses| Ok(Vec::new()))
        .await
        .unwrap();
    let http = client();
    Journey { sandbox, http }
}

/// Returns the parameters of a redirect.
fn told(response: &Response, name: &str) -> Option<String> {
    let location = Url::parse(response.headers().get("location")?.to_str().unwrap()).unwrap();
    location
        .query_pairs()
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.into_owned())
}

impl Journey {
    fn spotify(&self) -> &Spotify {
        self.sandbox.spotify()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.addresses().spotify)
    }

    fn partner_id(&self) -> &str {
        &self.sandbox.options().partner_id
    }

    async fn get(&self, path: &str) -> Response {
        self.http.get(self.url(path)).send().await.unwrap()
    }

    fn authorize_path(&self, more: &str) -> String {
        let client_id = &self.sandbox.options().client_id;
        format!(
            "/authorize?client_id={client_id}&response_type=code&redirect_uri=http%3A%2F%2F127.0.0.1%3A9000%2Fcallback\
             &scope=user-soa-link&state=s%201{more}"
        )
    }

    async fn authorize(&self, more: &str) -> Response {
        self.get(&self.authorize_path(more)).await
    }

    async fn code(&self, account: &str) -> String {
        let more = format!("&code_challenge={CHALLENGE}&code_challenge_method=S256&sandbox_account={account}");
        told(&self.authorize(&more).await, "code").unwrap()
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> (u16, Value) {
        let mut request = self.http.post(self.url(path)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body = response.text().await.unwrap();
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    async fn token_as(&self, id: &str, secret: &str, form: &str) -> (u16, Value) {
        use base64::Engine;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
        let basic = format!("Basic {basic}");
        let headers = [
            ("authorization", basic.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.post("/api/token", &headers, form.to_owned()).await
    }

    async fn token(&self, form: &str) -> (u16, Value) {
        let options = self.sandbox.options();
        self.token_as(&options.client_id, &options.client_secret, form).await
    }

    async fn exchange(&self, code: &str) -> (u16, Value) {
        self.token(&exchange_form(code)).await
    }

    async fn user_token(&self, account: &str) -> String {
        let code = self.code(account).await;
        self.exchange(&code).await.1["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    async fn service_token(&self, scope: &str) -> String {
        let form = format!("grant_type=client_credentials&scope={scope}");
        self.token(&form).await.1["access_token"].as_str().unwrap().to_owned()
    }

    fn signed(&self, payload: &Value) -> String {
        sign(&self.sandbox.options().client_secret, payload)
    }

    async fn call(&self, path: &str, token: &str, payload: &Value) -> (u16, Value) {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "jwt")];
        self.post(&format!("/api/v1/{path}"), &headers, self.signed(payload))
            .await
    }

    fn person(&self, puid: &str, entitlements: &[&str]) -> Value {
        json!({"partner_id": self.partner_id(), "partner_user_id": puid, "entitlements": entitlements})
    }

    async fn register(&self, account: &str, puid: &str, entitlements: &[&str]) -> (u16, Value) {
        let token = self.user_token(account).await;
        self.call("register-user", &token, &self.person(puid, entitlements))
            .await
    }

    async fn entitlements(&self, puid: &str) -> (u16, Value) {
        let token = self.service_token("soa-manage-entitlements").await;
        let payload = json!({"partner_id": self.partner_id(), "partner_user_id": puid});
        self.call("get-entitlements", &token, &payload).await
    }
}

fn exchange_form(code: &str) -> String {
    format!(
        "grant_type=authorization_code&code={code}&redirect_uri=http%3A%2F%2F127.0.0.1%3A9000%2Fcallback\
         &code_verifier={VERIFIER}"
    )
}

fn sign(secret: &str, payload: &Value) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
    let message = format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{payload}");
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}
