//! The demo site, as a browser and the functions see it.

use jsonwebtoken::{DecodingKey, Validation};
use reqwest::{Client, Response};
use serde_json::Value;
use url::Url;

use crate::{Addresses, Link, Options, Place, Sandbox};

struct Visit {
    sandbox: Sandbox,
    http: Client,
    cookies: Vec<String>,
}

const PUBLIC_URL: &str = "http://127.0.0.1:9000";

async fn visit() -> Visit {
    let nowhere = || Place::Elsewhere("http://127.0.0.1:9".to_owned());
    let options = Options {
        gateway: Place::Elsewhere(PUBLIC_URL.to_owned()),
        spotify: nowhere(),
        dynamodb: nowhere(),
        secrets_manager: nowhere(),
        ..Options::default()
    };
    let sandbox = Sandbox::start(options, async |_: Addresses| Ok(Vec::new()))
        .await
        .unwrap();
    let http = crate::caller::client();
    Visit {
        sandbox,
        http,
        cookies: Vec::new(),
    }
}

impl Visit {
    async fn send(&mut self, request: reqwest::RequestBuilder) -> Response {
        let response = request.header("cookie", self.cookies.join("; ")).send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, _) = cookie.split_once('=').unwrap();
            self.cookies.retain(|kept| !kept.starts_with(&format!("{name}=")));
            if !cookie.contains("Max-Age=0") {
                self.cookies.push(cookie.split(';').next().unwrap().to_owned());
            }
        }
        response
    }

    async fn get(&mut self, path: &str) -> Response {
        let request = self.http.get(format!("{}{path}", self.sandbox.addresses().site));
        self.send(request).await
    }

    async fn post(&mut self, path: &str, form: &str) -> Response {
        let request = self
            .http
            .post(format!("{}{path}", self.sandbox.addresses().site))
            .body(form.to_owned());
        self.send(request).await
    }

    fn session(&self) -> Option<&str> {
        self.cookies
            .iter()
            .find_map(|cookie| cookie.strip_prefix("wickerlight_session="))
    }

    fn claims(&self, token: &str) -> Value {
        let options = self.sandbox.options();
        let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
        validation.set_audience(&[PUBLIC_URL]);
        validation.set_issuer(&[&self.sandbox.addresses().site]);
        jsonwebtoken::decode(token, &DecodingKey::from_secret(&options.site_key.secret), &validation)
            .unwrap()
            .claims
    }
}

#[tokio::test]
async fn signing_in_sets_a_session_that_soa_link_can_read_and_signing_out_clears_it() {
    let mut visit = visit().await;
    assert_eq!(
        visit.post("/sign-in", "person=bela").await.headers()["location"],
        "/account"
    );
    let session = visit.session().unwrap().to_owned();
    let claims = visit.claims(&session);
    assert_eq!(
        (&claims["sub"], &claims["entitlements"][0]),
        (&"member-1002".into(), &"basic".into())
    );
    let header = jsonwebtoken::decode_header(&session).unwrap();
    assert_eq!(
        (header.typ.as_deref(), header.kid.as_deref()),
        (Some("JWT"), Some("site-demo"))
    );
    let page = visit.get("/").await.text().await.unwrap();
    assert!(page.contains(
        "id=\"listen-0MossHour0000000000002\" href=\"http://127.0.0.1:9000/link?show=0MossHour0000000000002\""
    ));
    visit.post("/sign-out", "").await;
    assert_eq!(visit.session(), None);
    assert_eq!(visit.get("/account").await.headers()["location"], "/sign-in");
}

#[tokio::test]
async fn with_the_hand_off_chosen_there_is_no_session_cookie_and_the_token_is_handed_over() {
    let mut visit = visit().await;
    visit.post("/sign-in", "person=ada").await;
    visit.post("/kind", "kind=handoff").await;
    assert_eq!(visit.session(), None);
    let path = "/sign-in?return_to=http%3A%2F%2F127.0.0.1%3A9000%2Fentrypoint%3Fx%3D1&nonce=n-1";
    let back = visit.get(path).await.headers()["location"].to_str().unwrap().to_owned();
    let url = Url::parse(&back).unwrap();
    assert!(
        back.starts_with("http://127.0.0.1:9000/entrypoint?x=1&token="),
        "{back}"
    );
    let token = url
        .query_pairs()
        .find(|(name, _)| name == "token")
        .unwrap()
        .1
        .into_owned();
    assert_eq!(
        jsonwebtoken::decode_header(&token).unwrap().typ.as_deref(),
        Some("soa-handoff+jwt")
    );
    let claims = visit.claims(&token);
    assert_eq!(
        (&claims["nonce"], &claims["sub"]),
        (&"n-1".into(), &"member-1003".into())
    );
    assert!(claims["jti"].as_str().unwrap().len() > 20);
    assert!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap() <= 120);
}

#[tokio::test]
async fn somebody_signed_out_signs_in_first_and_then_goes_on() {
    let mut visit = visit().await;
    visit.post("/kind", "kind=handoff").await;
    let query = "return_to=http%3A%2F%2F127.0.0.1%3A9000%2Fentrypoint&nonce=n-1";
    let page = visit.get(&format!("/sign-in?{query}")).await.text().await.unwrap();
    assert!(
        page.contains("id=\"sign-in-as-noor\"") && page.contains("value=\"n-1\""),
        "{page}"
    );
    let answer = visit.post("/sign-in", &format!("{query}&person=noor")).await;
    assert!(
        answer.headers()["location"]
            .to_str()
            .unwrap()
            .starts_with("http://127.0.0.1:9000/entrypoint?token=")
    );
}

#[tokio::test]
async fn nobody_is_sent_anywhere_but_to_the_functions() {
    let mut visit = visit().await;
    visit.post("/sign-in", "person=ada").await;
    for bad in [
        "https%3A%2F%2Fevil.example%2F",
        "http%3A%2F%2F127.0.0.1%3A9001%2Fentrypoint",
        "http%3A%2F%2F127.0.0.1%3A9000%40evil.example%2F",
        "http%3A%2F%2Fx%40127.0.0.1%3A9000%2F",
        "%2F%2Fevil.example",
        "javascript%3Aalert(1)",
    ] {
        let answer = visit.get(&format!("/sign-in?return_to={bad}&nonce=n")).await;
        assert_eq!(answer.status(), 400, "{bad}");
    }
    assert_eq!(visit.get("/sign-in?nonce=%0d%0a").await.status(), 400);
}

#[tokio::test]
async fn the_account_page_shows_the_link_as_spotify_has_it() {
    let mut visit = visit().await;
    visit.post("/sign-in", "person=ada").await;
    let page = visit.get("/account").await.text().await.unwrap();
    assert!(page.contains("data-state=\"none\"") && page.contains("id=\"link\"") && !page.contains("id=\"unlink\""));
    let options = visit.sandbox.options();
    let ada = options
        .publisher
        .people
        .iter()
        .find(|person| person.id == "ada")
        .unwrap();
    visit.sandbox.spotify().force_link(Link {
        partner_id: options.partner_id.clone(),
        partner_user_id: options.partner_user_id(&options.partner_id, ada),
        account: "mara".to_owned(),
        ..Link::default()
    });
    let page = visit.get("/account").await.text().await.unwrap();
    assert!(
        page.contains("data-state=\"linked\" data-account=\"mara\"") && page.contains("id=\"unlink\""),
        "{page}"
    );
}
