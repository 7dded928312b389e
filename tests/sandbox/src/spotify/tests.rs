//! The rules of the simulated Spotify, seen over HTTP as a partner's backend and a browser see them.

use jsonwebtoken::{Algorithm, EncodingKey};
use reqwest::{Client as Http, Response};
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::{Addresses, Fault, Options, Place, Sandbox};

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
        description: "Somebody else".to_owned(),
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
    let nowhere = || Place::Elsewhere("http://127.0.0.1:9".to_owned());
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
    let http = crate::caller::client();
    Journey { sandbox, http }
}

/// What the redirect URI is told.
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

#[tokio::test]
async fn a_person_is_asked_agrees_and_comes_back_with_a_code_and_the_state() {
    let journey = journey().await;
    let page = journey.authorize("").await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(
        page.contains("Simulated Spotify") && !page.contains("<script"),
        "{page}"
    );
    let request = page
        .split("name=\"request\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let form = format!("request={request}&account=jonas&action=agree");
    let answer = journey
        .http
        .post(journey.url("/authorize"))
        .body(form.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(told(&answer, "state").unwrap(), "s 1");
    assert!(told(&answer, "code").is_some());
    assert!(
        answer.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .starts_with("sandbox_spotify_account=jonas;")
    );
    let again = journey
        .http
        .post(journey.url("/authorize"))
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), 400, "a consent page is answered once");
}

#[tokio::test]
async fn somebody_who_cancels_comes_back_with_access_denied() {
    let journey = journey().await;
    let answer = journey.authorize("&sandbox_action=cancel").await;
    assert_eq!(told(&answer, "error").unwrap(), "access_denied");
    assert_eq!(told(&answer, "state").unwrap(), "s 1");
    assert_eq!(told(&answer, "code"), None);
}

#[tokio::test]
async fn authorization_requests_that_cannot_be_trusted_get_a_page_and_no_redirect() {
    let journey = journey().await;
    let good = journey.authorize_path("");
    for bad in [
        good.replace("client_id=", "client_id=x"),
        good.replace("%2Fcallback", "%2Fcallback%2F"),
        good.replace("127.0.0.1%3A9000", "localhost%3A9000"),
        good.replace("user-soa-link", "user-soa-unlink"),
        good.replace("user-soa-link", "user-soa-link%20soa-manage-entitlements"),
        format!("{good}&state=2"),
        format!("{good}&x=%ff"),
        "/authorize".to_owned(),
    ] {
        let answer = journey.get(&bad).await;
        assert_eq!(answer.status(), 400, "{bad}");
        assert!(answer.headers().get("location").is_none(), "{bad}");
    }
    let wrong_type = journey
        .get(&good.replace("response_type=code", "response_type=token"))
        .await;
    assert_eq!(told(&wrong_type, "error").unwrap(), "unsupported_response_type");
    let plain = journey
        .authorize("&code_challenge=abc&code_challenge_method=plain")
        .await;
    assert_eq!(told(&plain, "error").unwrap(), "invalid_request");
}

#[tokio::test]
async fn a_code_is_exchanged_once_and_a_second_time_takes_the_token_away() {
    let journey = journey().await;
    let code = journey.code("mara").await;
    let (status, answer) = journey.exchange(&code).await;
    assert_eq!(status, 200);
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["scope"], USER_SCOPE);
    assert_eq!(answer["expires_in"], 3600);
    assert!(answer["refresh_token"].is_string());
    let (status, second) = journey.exchange(&code).await;
    assert_eq!((status, &second["error"]), (400, &json!("invalid_grant")));
    let token = answer["access_token"].as_str().unwrap();
    let (status, _) = journey.call("register-user", token, &journey.person(PUID, &[])).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn a_code_is_bound_to_its_client_redirect_uri_verifier_and_ten_minutes() {
    let journey = journey().await;
    let refused = async |form: String| journey.token(&form).await.1["error"] == "invalid_grant";
    let form = exchange_form(&journey.code("mara").await);
    assert!(refused(form.replace("%2Fcallback", "%2Felsewhere")).await);
    let form = exchange_form(&journey.code("mara").await);
    assert!(refused(form.replace(VERIFIER, &VERIFIER.replace('d', "e"))).await);
    let form = exchange_form(&journey.code("mara").await);
    assert!(refused(form.split("&code_verifier").next().unwrap().to_owned()).await);
    let form = exchange_form(&journey.code("mara").await);
    let (_, other) = journey.token_as("stranger", &stranger().secret, &form).await;
    assert_eq!(other["error"], "invalid_grant");
    assert_eq!(
        journey.token(&form).await.0,
        200,
        "another client's try does not spend it"
    );
    let form = exchange_form(&journey.code("mara").await);
    journey.spotify().advance_clock(Duration::from_mins(10));
    assert!(refused(form).await);
}

#[tokio::test]
async fn the_token_endpoint_wants_a_form_basic_authentication_and_granted_scopes() {
    let journey = journey().await;
    let options = journey.sandbox.options();
    let error = async |form: &str| journey.token(form).await.1["error"].clone();
    assert_eq!(error("grant_type=password").await, "unsupported_grant_type");
    assert_eq!(error("grant_type=client_credentials").await, "invalid_scope");
    assert_eq!(
        error("grant_type=client_credentials&scope=user-soa-link").await,
        "invalid_scope"
    );
    assert_eq!(
        error("grant_type=client_credentials&scope=user-soa-link+user-soa-unlink").await,
        "invalid_scope"
    );
    assert_eq!(
        error("grant_type=client_credentials&grant_type=x&scope=a").await,
        "invalid_request"
    );
    let (_, json) = journey
        .post("/api/token", &[("content-type", "application/json")], "{}")
        .await;
    assert_eq!(json["error"], "unsupported_grant_type");
    let form = "grant_type=client_credentials&scope=user-soa-unlink+soa-manage-entitlements";
    let (status, wrong) = journey.token_as(&options.client_id, "wrong", form).await;
    assert_eq!((status, &wrong["error"]), (400, &json!("invalid_client")));
    let (status, answer) = journey.token(form).await;
    assert_eq!(status, 200);
    assert!(answer.get("refresh_token").is_none());
    let (_, not_granted) = journey.token_as("stranger", &stranger().secret, form).await;
    assert_eq!(not_granted["error"], "invalid_scope");
}

#[tokio::test]
async fn registering_links_and_registering_again_replaces_the_entitlements() {
    let journey = journey().await;
    let (status, answer) = journey.register("mara", PUID, &["basic", "basic"]).await;
    assert_eq!(status, 200);
    let completion_url = answer["completion_url"].as_str().unwrap();
    assert!(
        completion_url.starts_with(&journey.url("/oauth/success?partnerId=")),
        "{completion_url}"
    );
    assert_eq!(
        journey.entitlements(PUID).await,
        (200, json!({"entitlements": ["basic"]}))
    );
    assert_eq!(journey.register("mara", PUID, &["all-access"]).await.0, 200);
    assert_eq!(journey.spotify().links().len(), 1);
    assert_eq!(
        journey.entitlements(PUID).await,
        (200, json!({"entitlements": ["all-access"]}))
    );
}

#[tokio::test]
async fn an_account_and_a_person_are_linked_one_to_one() {
    let journey = journey().await;
    journey.register("mara", PUID, &[]).await;
    assert_eq!(journey.register("mara", OTHER_PUID, &[]).await.0, 409);
    assert_eq!(journey.register("jonas", PUID, &[]).await.0, 409);
    assert_eq!(journey.register("jonas", OTHER_PUID, &[]).await.0, 200);
    journey
        .spotify()
        .set_switches(|switches| switches.a7_conflict_status = 403);
    assert_eq!(journey.register("teo", PUID, &[]).await.0, 403);
    journey
        .spotify()
        .set_switches(|switches| switches.a14_conflict_moves = true);
    assert_eq!(journey.register("jonas", PUID, &[]).await.0, 200);
    let links = journey.spotify().links();
    assert_eq!(links.len(), 1, "both earlier links are gone: {links:?}");
    assert_eq!(links[0].account, "jonas");
}

#[tokio::test]
async fn entitlements_are_added_replaced_and_deleted_for_linked_people_alone() {
    let journey = journey().await;
    let token = journey.service_token("soa-manage-entitlements").await;
    for path in [
        "get-entitlements",
        "add-entitlements",
        "replace-entitlements",
        "delete-entitlements",
    ] {
        assert_eq!(
            journey.call(path, &token, &journey.person(PUID, &[])).await.0,
            404,
            "{path}"
        );
    }
    journey.register("mara", PUID, &["a"]).await;
    let now = async || journey.entitlements(PUID).await.1["entitlements"].clone();
    let done = (200, Value::String(String::new()));
    assert_eq!(
        journey
            .call("add-entitlements", &token, &journey.person(PUID, &["b", "a"]))
            .await,
        done
    );
    assert_eq!(now().await, json!(["a", "b"]));
    assert_eq!(
        journey
            .call("delete-entitlements", &token, &journey.person(PUID, &["a", "x"]))
            .await,
        done
    );
    assert_eq!(now().await, json!(["b"]));
    assert_eq!(
        journey
            .call("replace-entitlements", &token, &journey.person(PUID, &[]))
            .await,
        done
    );
    assert_eq!(now().await, json!([]));
}

#[tokio::test]
async fn unlinking_works_once() {
    let journey = journey().await;
    journey.register("mara", PUID, &[]).await;
    let token = journey.service_token("user-soa-unlink").await;
    let payload = json!({"partner_id": journey.partner_id(), "partner_user_id": PUID});
    assert_eq!(
        journey.call("unlink-user", &token, &payload).await,
        (200, Value::String(String::new()))
    );
    assert_eq!(journey.call("unlink-user", &token, &payload).await.0, 404);
    assert_eq!(journey.entitlements(PUID).await.0, 404);
}

#[tokio::test]
async fn tokens_serve_their_own_scope_and_kind_and_until_they_expire() {
    let journey = journey().await;
    let (user, unlink) = (
        journey.user_token("mara").await,
        journey.service_token("user-soa-unlink").await,
    );
    let person = journey.person(PUID, &[]);
    assert_eq!(journey.call("register-user", "unknown", &person).await.0, 401);
    assert_eq!(
        journey
            .post("/api/v1/register-user", &[], journey.signed(&person))
            .await
            .0,
        401
    );
    assert_eq!(journey.call("register-user", &unlink, &person).await.0, 403);
    assert_eq!(journey.call("unlink-user", &user, &person).await.0, 403);
    assert_eq!(journey.call("get-entitlements", &unlink, &person).await.0, 403);
    journey.spotify().advance_clock(Duration::from_hours(1));
    assert_eq!(journey.call("register-user", &user, &person).await.0, 401);
}

#[tokio::test]
async fn signed_payloads_are_checked_to_the_letter() {
    let journey = journey().await;
    let token = journey.user_token("mara").await;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let send = async |body: String| journey.post("/api/v1/register-user", &headers, body).await.0;
    let good = journey.person(PUID, &["a"]);
    assert_eq!(send(format!("{}\n", journey.signed(&good))).await, 400);
    assert_eq!(send(good.to_string()).await, 400);
    assert_eq!(send(sign("another secret", &good)).await, 400);
    for bad in [
        json!({"partner_id": journey.partner_id(), "partner_user_id": PUID}),
        json!({"partner_id": journey.partner_id(), "partner_user_id": PUID, "entitlements": "a"}),
        json!({"partner_id": journey.partner_id(), "partner_user_id": PUID, "entitlements": [1]}),
        json!({"partner_id": journey.partner_id(), "partner_user_id": PUID.to_uppercase(), "entitlements": []}),
        json!({"partner_user_id": PUID, "entitlements": []}),
        json!([]),
    ] {
        assert_eq!(send(journey.signed(&bad)).await, 400, "{bad}");
    }
    let foreign = json!({"partner_id": "0Stranger0000000000000", "partner_user_id": PUID, "entitlements": []});
    assert_eq!(send(journey.signed(&foreign)).await, 403);
    let mut extra = good.clone();
    extra["iat"] = json!(1);
    assert_eq!(
        send(journey.signed(&extra)).await,
        200,
        "unknown members are ignored (A21)"
    );
    journey
        .spotify()
        .set_switches(|switches| switches.a21_refuse_extra_claims = true);
    assert_eq!(send(journey.signed(&extra)).await, 400);
    journey
        .spotify()
        .set_switches(|switches| switches.a3_content_type = Some("jwt".to_owned()));
    assert_eq!(send(journey.signed(&good)).await, 415);
    assert_eq!(journey.call("register-user", &token, &good).await.0, 200);
}

#[tokio::test]
async fn a_rotated_secret_is_dead_at_once_unless_the_switch_says_otherwise() {
    let journey = journey().await;
    let client_id = journey.sandbox.options().client_id.clone();
    let form = "grant_type=client_credentials&scope=user-soa-unlink";
    journey.spotify().rotate_secret(&client_id, "second");
    assert_eq!(journey.token(form).await.1["error"], "invalid_client");
    assert_eq!(journey.token_as(&client_id, "second", form).await.0, 200);
    journey
        .spotify()
        .set_switches(|switches| switches.a12_previous_secret = true);
    journey.spotify().rotate_secret(&client_id, "third");
    assert_eq!(journey.token_as(&client_id, "second", form).await.0, 200);
    assert_eq!(journey.token_as(&client_id, "third", form).await.0, 200);
}

#[tokio::test]
async fn partners_are_created_and_get_logos() {
    let journey = journey().await;
    let token = journey.service_token("soa-create-partner").await;
    let payload = json!({"partner_name": "Example FM", "entrypoint_url": "https://members.example.com/entrypoint"});
    let (status, answer) = journey.call("create-partner", &token, &payload).await;
    assert_eq!(status, 200);
    let id = answer["partner_id"].as_str().unwrap();
    assert_eq!(id.len(), 22);
    let bad = json!({"partner_name": "Example FM", "entrypoint_url": "http://members.example.com/entrypoint"});
    assert_eq!(journey.call("create-partner", &token, &bad).await.0, 400);

    let bearer = format!("Bearer {}", journey.service_token("soa-manage-partner").await);
    let headers = [("authorization", bearer.as_str()), ("content-type", "image/png")];
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x04\0\0\0\x04\0".to_vec();
    let path = format!("/api/v1/upload-logo/{id}");
    assert_eq!(journey.post(&path, &headers, png.clone()).await.0, 200);
    png.resize(10_000_001, 0);
    assert_eq!(journey.post(&path, &headers, png).await.0, 413);
    assert_eq!(
        journey
            .post("/api/v1/upload-logo/0Stranger0000000000000", &headers, "x")
            .await
            .0,
        403
    );
}

#[tokio::test]
async fn a_link_counts_at_once_or_when_the_landing_page_was_loaded() {
    let journey = journey().await;
    journey
        .spotify()
        .set_switches(|switches| switches.a16_pending_until_landing = true);
    let (_, answer) = journey.register("mara", PUID, &["basic"]).await;
    assert_eq!(journey.entitlements(PUID).await.0, 404);
    let page = journey
        .http
        .get(answer["completion_url"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 200);
    assert_eq!(journey.entitlements(PUID).await.0, 200);
}

#[tokio::test]
async fn the_landing_page_has_the_remembered_show_on_top_and_marks_what_is_unlocked() {
    let journey = journey().await;
    let start = journey
        .get(&format!(
            "/link/{}?spotifyShowUri=spotify%3Ashow%3A0BrassAndBarnacle00003",
            journey.partner_id()
        ))
        .await;
    assert_eq!(start.status(), 302);
    assert_eq!(start.headers()["location"], "http://127.0.0.1:9/entrypoint");
    let cookie = start.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let (_, answer) = journey.register("mara", PUID, &["basic"]).await;
    let url = answer["completion_url"].as_str().unwrap();
    let page = journey
        .http
        .get(url)
        .header("cookie", cookie)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let shows: Vec<_> = page.split("data-show=\"").skip(1).map(|rest| &rest[..44]).collect();
    assert_eq!(
        shows[0],
        "0BrassAndBarnacle00003\" data-unlocked=\"false\"".get(..44).unwrap()
    );
    assert_eq!(
        shows[1],
        "0SlowTideLedger0000001\" data-unlocked=\"true\" ".get(..44).unwrap()
    );
    assert_eq!(shows.len(), 3);
    assert!(page.contains("data-account=\"mara\""));
    let unknown = journey.get("/oauth/success?partnerId=x&ticket=y").await;
    assert_eq!(unknown.status(), 404);
}

#[tokio::test]
async fn the_entrypoint_gets_the_show_only_when_the_switch_says_so() {
    let journey = journey().await;
    journey
        .spotify()
        .set_switches(|switches| switches.a8_forward_show = true);
    let path = format!("/link/{}?spotifyShowUri=", journey.partner_id());
    let start = journey.get(&format!("{path}spotify:show:0BrassAndBarnacle00003")).await;
    let wanted = "http://127.0.0.1:9/entrypoint?spotifyShowUri=spotify%3Ashow%3A0BrassAndBarnacle00003";
    assert_eq!(start.headers()["location"], wanted);
    let start = journey.get(&format!("{path}spotify:show:%0d%0aSet-Cookie:x")).await;
    assert_eq!(start.headers()["location"], "http://127.0.0.1:9/entrypoint");
    assert_eq!(journey.get("/link/unknown").await.status(), 404);
}

#[tokio::test]
async fn a_person_unlinks_on_the_content_access_page_and_nobody_is_told() {
    let journey = journey().await;
    journey.register("mara", PUID, &["basic"]).await;
    let cookie = ("cookie", "sandbox_spotify_account=mara");
    let page = journey
        .http
        .get(journey.url("/"))
        .header(cookie.0, cookie.1)
        .send()
        .await
        .unwrap();
    assert!(page.text().await.unwrap().contains("<h2>Wickerlight</h2>"));
    let form = format!("partner_id={}", journey.partner_id());
    let answer = journey
        .http
        .post(journey.url("/content-access/unlink"))
        .header(cookie.0, cookie.1)
        .body(form);
    assert_eq!(answer.send().await.unwrap().status(), 303);
    assert_eq!(journey.entitlements(PUID).await.0, 404);
}

#[tokio::test]
async fn calls_over_the_rate_are_told_when_to_come_again() {
    let journey = journey().await;
    journey.spotify().set_switches(|switches| {
        switches.a13_requests_per_second = Some(0);
        switches.a13_retry_after = Some(7);
    });
    let token = journey.service_token("soa-manage-entitlements").await;
    let request = journey.http.post(journey.url("/api/v1/get-entitlements"));
    let answer = request
        .header("authorization", format!("Bearer {token}"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "7");
}

#[tokio::test]
async fn the_log_shows_what_was_sent_and_no_secrets() {
    let journey = journey().await;
    journey.register("mara", PUID, &["a"]).await;
    let requests = journey.spotify().requests().all();
    let paths: Vec<_> = requests
        .iter()
        .map(|request| (request.method.as_str(), request.path.as_str()))
        .collect();
    assert_eq!(
        paths,
        [
            ("GET", "/authorize"),
            ("POST", "/api/token"),
            ("POST", "/api/v1/register-user")
        ]
    );
    let [_, token, register] = &requests[..] else {
        panic!("three requests")
    };
    assert_eq!(token.form, ["grant_type", "code", "redirect_uri", "code_verifier"]);
    assert_eq!(token.authorization.as_deref(), Some("Basic"));
    assert_eq!(token.grant_type.as_deref(), Some("authorization_code"));
    assert_eq!(register.content_type.as_deref(), Some("jwt"));
    let jws = register.jws.as_ref().unwrap();
    assert_eq!(jws.header_text, r#"{"alg":"HS256","typ":"JWT"}"#);
    assert_eq!(jws.payload["partner_user_id"], PUID);
    assert_eq!(register.status, Some(200));
    let all = serde_json::to_string(&requests).unwrap();
    assert!(!all.contains(&journey.sandbox.options().client_secret) && !all.contains(VERIFIER));
}

#[tokio::test]
async fn a_fault_happens_instead_of_the_effect_or_after_it() {
    let journey = journey().await;
    let faults = journey.spotify().faults();
    let fault = Fault::answer("/api/v1/register-user", 503, "no");
    faults.add(fault.clone());
    assert_eq!(journey.register("mara", PUID, &[]).await, (503, json!("no")));
    assert!(journey.spotify().links().is_empty());
    faults.add(Fault { after: true, ..fault });
    assert_eq!(journey.register("mara", PUID, &[]).await.0, 503);
    assert_eq!(journey.spotify().links().len(), 1);
    assert_eq!(journey.register("mara", PUID, &[]).await.0, 200, "each struck once");
    assert_eq!(journey.spotify().requests().to("/api/v1/")[1].fault, Some(2));
}

#[tokio::test]
async fn json_answers_lose_and_change_members() {
    let journey = journey().await;
    let faults = journey.spotify().faults();
    faults.add(Fault {
        omit: vec!["scope".to_owned()],
        times: Some(1),
        ..Fault::on("/api/token")
    });
    let code = journey.code("mara").await;
    let (status, answer) = journey.exchange(&code).await;
    assert_eq!(status, 200);
    assert!(answer.get("scope").is_none() && answer.get("access_token").is_some());
    faults.add(Fault {
        completion_url: Some(Value::Null),
        ..Fault::on("/api/v1/register-user")
    });
    assert_eq!(
        journey.register("mara", PUID, &[]).await.1["completion_url"],
        Value::Null
    );
    assert_eq!(journey.spotify().links().len(), 1, "the link was made all the same");
}

#[tokio::test]
async fn connections_break_before_and_within_an_answer() {
    let journey = journey().await;
    let send = || journey.http.post(journey.url("/api/token")).send();
    for fault in [
        Fault {
            reset: true,
            ..Fault::on("/api/token")
        },
        Fault {
            close: true,
            ..Fault::on("/api/token")
        },
    ] {
        journey.spotify().faults().add(Fault {
            times: Some(1),
            ..fault
        });
        assert!(send().await.is_err());
    }
    let half = Fault {
        half: true,
        huge_body: Some(100_000),
        times: Some(1),
        ..Fault::on("/api/token")
    };
    journey.spotify().faults().add(half);
    let answer = send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err());
    assert_eq!(send().await.unwrap().status(), 400, "the next one is answered");
}

#[tokio::test]
async fn answers_drip_are_huge_are_late_or_point_elsewhere() {
    let journey = journey().await;
    let get = || journey.http.get(journey.url("/api/token")).send();
    let faults = journey.spotify().faults();
    let once = Fault {
        times: Some(1),
        ..Fault::on("/api/token")
    };
    faults.add(Fault {
        huge_body: Some(5_000_000),
        ..once.clone()
    });
    assert_eq!(get().await.unwrap().bytes().await.unwrap().len(), 5_000_000);
    faults.add(Fault {
        redirect: Some("https://evil.example/".to_owned()),
        status: Some(307),
        ..once.clone()
    });
    let answer = get().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (307, &"https://evil.example/".parse().unwrap())
    );
    faults.add(Fault {
        html: true,
        ..once.clone()
    });
    assert_eq!(
        get().await.unwrap().headers()["content-type"],
        "text/html; charset=utf-8"
    );
    faults.add(Fault {
        empty: true,
        ..once.clone()
    });
    assert_eq!(get().await.unwrap().text().await.unwrap(), "");
    let begun = std::time::Instant::now();
    faults.add(Fault {
        drip_ms: Some(2),
        body: Some("slow".to_owned()),
        ..once.clone()
    });
    assert_eq!(get().await.unwrap().text().await.unwrap(), "slow");
    assert!(
        begun.elapsed() > Duration::from_millis(100),
        "more than fifty bytes, two milliseconds each"
    );
    let begun = std::time::Instant::now();
    faults.add(Fault {
        delay_ms: Some(100),
        ..once
    });
    assert_eq!(get().await.unwrap().status(), 405);
    assert!(begun.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn everything_is_steered_over_http() {
    let journey = journey().await;
    let post = async |path: &str, body: Value| journey.post(path, &[], body.to_string()).await;
    assert_eq!(
        post("/_sandbox/faults", json!({"path": "/api/token", "status": 503}))
            .await
            .0,
        201
    );
    assert_eq!(
        post("/_sandbox/faults", json!({"path": "/api/token", "stauts": 503}))
            .await
            .0,
        400
    );
    assert_eq!(
        post("/_sandbox/faults", json!({"path": "/_sandbox/faults"})).await.0,
        400
    );
    assert_eq!(journey.token("x=y").await.0, 503);
    let delete = async |path: &str| journey.http.delete(journey.url(path)).send().await.unwrap();
    assert_eq!(delete("/_sandbox/faults").await.status(), 204);
    let (status, switches) = post("/_sandbox/switches", json!({"a11_expires_in": 61})).await;
    assert_eq!(
        (status, &switches["a11_expires_in"], &switches["a7_conflict_status"]),
        (200, &json!(61), &json!(409))
    );
    assert_eq!(post("/_sandbox/switches", json!({"a99": 1})).await.0, 400);
    let link = json!({"partner_id": journey.partner_id(), "partner_user_id": PUID, "account": "ines"});
    assert_eq!(post("/_sandbox/links", link).await.0, 204);
    assert_eq!(journey.entitlements(PUID).await.0, 200);
    let gone = delete(&format!("/_sandbox/links?partner_user_id={PUID}")).await;
    assert_eq!(gone.text().await.unwrap(), r#"{"removed":1}"#);
    let (_, secret) = post("/_sandbox/secret", json!({"client_secret": "new"})).await;
    assert_eq!(secret["client_secret"], "new");
    let log = journey
        .get("/_sandbox/requests?path=/api/token")
        .await
        .text()
        .await
        .unwrap();
    assert!(log.contains("\"client_credentials\""), "{log}");
    assert_eq!(post("/_sandbox/clock", json!({"advance_ms": u64::MAX})).await.0, 200);
    assert_eq!(
        journey.authorize("&sandbox_account=mara").await.status(),
        302,
        "at the end of time, too"
    );
    assert_eq!(post("/_sandbox/reset", json!({})).await.0, 204);
    assert_eq!(
        journey
            .token("grant_type=client_credentials&scope=user-soa-unlink")
            .await
            .0,
        200
    );
    assert_eq!(journey.spotify().requests().all().len(), 1);
}

#[tokio::test]
async fn a_seed_gives_the_same_codes_again() {
    let (one, two) = (journey().await, journey().await);
    let code = one.code("mara").await;
    assert_eq!(code, two.code("mara").await);
    one.spotify().reset();
    assert_eq!(code, one.code("mara").await);
}

#[tokio::test]
async fn somebody_who_approved_before_is_sent_straight_back_when_the_switch_says_so() {
    let journey = journey().await;
    journey
        .spotify()
        .set_switches(|switches| switches.skip_consent_when_approved = true);
    journey.code("mara").await;
    let ask = async |more: &str, account: &str| {
        let request = journey.http.get(journey.url(&journey.authorize_path(more)));
        request
            .header("cookie", format!("sandbox_spotify_account={account}"))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(ask("", "mara").await, 302);
    assert_eq!(ask("&show_dialog=true", "mara").await, 200);
    assert_eq!(ask("", "teo").await, 200);
}

#[tokio::test]
async fn people_who_are_not_listed_are_stopped_where_the_switch_says() {
    let journey = journey().await;
    journey
        .spotify()
        .set_switches(|switches| switches.a15_listed_accounts = Some(vec!["teo".to_owned()]));
    assert_eq!(journey.register("mara", PUID, &[]).await.0, 403);
    assert_eq!(journey.register("teo", PUID, &[]).await.0, 200);
    journey
        .spotify()
        .set_switches(|switches| switches.a15_stops_at = Stop::Token);
    let code = journey.code("mara").await;
    assert_eq!(journey.exchange(&code).await.0, 403);
    journey
        .spotify()
        .set_switches(|switches| switches.a15_stops_at = Stop::Authorize);
    assert_eq!(
        told(&journey.authorize("&sandbox_account=mara").await, "error").unwrap(),
        "access_denied"
    );
}

#[tokio::test]
async fn hostile_input_is_refused_and_nothing_panics() {
    let journey = journey().await;
    let long = "x".repeat(60_000);
    for path in [
        format!("/authorize?client_id={long}"),
        "/authorize?%00%0d%0a=%ff".to_owned(),
        "/oauth/success?ticket=%00&ticket=%ff".to_owned(),
        format!("/link/{long}"),
        "/link/%ff".to_owned(),
        "/%2e%2e/etc/passwd".to_owned(),
        "/_sandbox/links?x=y".to_owned(),
    ] {
        let status = journey.get(&path).await.status().as_u16();
        assert!((400..500).contains(&status), "{status} {path:.80}");
    }
    for body in ["", "{", "[]", "null", "\u{0}", "{\"path\":1}"] {
        for path in [
            "/_sandbox/faults",
            "/_sandbox/links",
            "/_sandbox/switches",
            "/_sandbox/clock",
        ] {
            assert_eq!(journey.post(path, &[], body).await.0, 400, "{path} {body}");
        }
    }
    let (status, _) = journey
        .post("/api/token", &[("authorization", "Basic %%%")], vec![0xff; 1000])
        .await;
    assert_eq!(status, 400);
    assert_eq!(journey.post("/api/token", &[], vec![b'x'; 13_000_000]).await.0, 413);
}
