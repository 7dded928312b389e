//! The demo site, as a browser and the functions see it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::Url;
use url::form_urlencoded::Serializer;

use super::Site;
use crate::{Addresses, Link, Options, Place, Route, Sandbox, SignIn};

struct Visit {
    sandbox: Sandbox,
    http: Client,
    cookies: Vec<String>,
}

const PUBLIC_URL: &str = "http://127.0.0.1:9000";

async fn visit() -> Visit {
    visit_with(SignIn::Session).await
}

async fn visit_with(sign_in: SignIn) -> Visit {
    visit_at(Place::Here(0), sign_in).await
}

async fn visit_at(site: Place, sign_in: SignIn) -> Visit {
    let nowhere = || Place::Elsewhere("http://127.0.0.1:9".to_owned());
    let options = Options {
        gateway: Place::Elsewhere(PUBLIC_URL.to_owned()),
        spotify: nowhere(),
        site,
        dynamodb: nowhere(),
        secrets_manager: nowhere(),
        sign_in,
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
        validation.set_audience(&[options.public_url(self.sandbox.addresses())]);
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

#[tokio::test]
async fn a_way_chosen_at_the_start_is_everybodys() {
    for (sign_in, kind) in [
        (SignIn::Handoff, "data-kind=\"handoff\""),
        (SignIn::Oidc, "data-kind=\"oidc\""),
    ] {
        let mut visit = visit_with(sign_in).await;
        visit.post("/sign-in", "person=ada").await;
        assert_eq!(visit.session(), None);
        let page = visit.get("/").await.text().await.unwrap();
        assert!(
            page.contains("id=\"kind\"") && page.contains(kind) && !page.contains("id=\"kind-"),
            "{page}"
        );
        assert_eq!(visit.post("/kind", "kind=session").await.status(), 400);
        visit.get("/").await;
        assert_eq!(visit.session(), None);
    }
    let page = visit().await.get("/").await.text().await.unwrap();
    assert!(page.contains("id=\"kind-session\"") && !page.contains("id=\"kind\""));
}

/// The functions' route for what people may hear: what it was sent, and the status that it answers with.
#[derive(Clone)]
struct Recorder {
    events: Arc<Mutex<Vec<Value>>>,
    status: Arc<AtomicU16>,
}

impl Recorder {
    fn taken(&self) -> Vec<Value> {
        std::mem::take(&mut self.events.lock().unwrap())
    }
}

async fn visit_recorded() -> (Visit, Recorder) {
    let recorder = Recorder {
        events: Arc::default(),
        status: Arc::new(AtomicU16::new(202)),
    };
    let Recorder { events, status } = recorder.clone();
    let route = Route::new("POST", "/replace-entitlements", move |event| {
        events.lock().unwrap().push(event);
        let answer = json!({"statusCode": status.load(Ordering::Relaxed)});
        async move { answer }
    });
    let sandbox = Sandbox::start(Options::default(), async |_: Addresses| Ok(vec![route]));
    let visit = Visit {
        sandbox: sandbox.await.unwrap(),
        http: crate::caller::client(),
        cookies: Vec::new(),
    };
    (visit, recorder)
}

#[tokio::test]
async fn a_change_of_plan_is_for_whoever_is_signed_in_and_for_plans_that_there_are() {
    let (mut visit, recorder) = visit_recorded().await;
    for form in ["plan=Basic", "plan=Gold", "cancel=cancel"] {
        let answer = visit.post("/plan", form).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["location"]),
            (302, &"/sign-in".parse().unwrap())
        );
    }
    visit.post("/sign-in", "person=ada").await;
    for form in ["plan=Gold", "plan=", "plan=basic", ""] {
        assert_eq!(visit.post("/plan", form).await.status(), 400, "{form}");
    }
    let page = visit.get("/account").await.text().await.unwrap();
    assert!(page.contains("<dd id=\"plan\">All access</dd>"), "{page}");
    assert!(recorder.taken().is_empty());
}

#[tokio::test]
async fn the_backend_tells_the_functions_by_a_signed_request() {
    let (mut visit, recorder) = visit_recorded().await;
    visit.post("/sign-in", "person=ada").await;
    let mut tokens = Vec::new();
    for (form, entitlements) in [
        ("plan=Basic", json!(["basic"])),
        ("plan=All+access", json!(["all-access", "basic"])),
        ("cancel=cancel", json!([])),
        ("plan=Basic&cancel=cancel", json!([])),
    ] {
        let answer = visit.post("/plan", form).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["location"]),
            (302, &"/account".parse().unwrap())
        );
        let [event] = &recorder.taken()[..] else {
            panic!("one call")
        };
        assert_eq!(event["headers"]["content-type"], "application/jwt");
        let body = STANDARD.decode(event["body"].as_str().unwrap()).unwrap();
        let token = String::from_utf8(body).unwrap();
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!(
            (header.typ.as_deref(), header.kid.as_deref()),
            (Some("soa-request+jwt"), Some("backend-demo"))
        );
        let (options, addresses) = (visit.sandbox.options(), visit.sandbox.addresses());
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[format!("{}/replace-entitlements", addresses.gateway)]);
        validation.set_issuer(&[&addresses.site]);
        let key = DecodingKey::from_secret(&options.backend_key.secret);
        let claims: Value = jsonwebtoken::decode(&token, &key, &validation).unwrap().claims;
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 60);
        assert_eq!(
            (&claims["partner_id"], &claims["sub"], &claims["entitlements"]),
            (&json!(options.partner_id), &json!("member-1003"), &entitlements)
        );
        tokens.push(claims["jti"].as_str().unwrap().to_owned());
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 4);
}

#[tokio::test]
async fn a_change_of_plan_shows_everywhere_and_is_in_every_token() {
    let (mut visit, _recorder) = visit_recorded().await;
    visit.post("/sign-in", "person=ada").await;
    for (form, plan, entitlements, included) in [
        ("plan=Basic", "Basic", json!(["basic"]), 2),
        ("cancel=cancel", "None", json!([]), 0),
        ("plan=All+access", "All access", json!(["all-access", "basic"]), 3),
    ] {
        visit.post("/plan", form).await;
        let session = visit.session().unwrap().to_owned();
        assert_eq!(visit.claims(&session)["entitlements"], entitlements);
        let page = visit.get("/account").await.text().await.unwrap();
        assert!(page.contains(&format!("<dd id=\"plan\">{plan}</dd>")), "{page}");
        for (id, name) in [("plan-basic", "Basic"), ("plan-all-access", "All access")] {
            let pressed = plan == name;
            let button =
                format!("id=\"{id}\" type=\"submit\" name=\"plan\" value=\"{name}\" aria-pressed=\"{pressed}\"");
            assert!(page.contains(&button), "{button}: {page}");
        }
        assert_eq!(page.contains("id=\"cancel-plan\""), plan != "None");
        assert!(!page.contains("id=\"plan-trouble\""));
        let page = visit.get("/").await.text().await.unwrap();
        assert_eq!(page.matches("data-included=\"true\"").count(), included);

        let gateway = &visit.sandbox.addresses().gateway;
        let query = Serializer::new(String::new())
            .extend_pairs([("return_to", format!("{gateway}/entrypoint").as_str()), ("nonce", "n")])
            .finish();
        let back = visit.get(&format!("/sign-in?{query}")).await;
        let (_, token) = back.headers()["location"]
            .to_str()
            .unwrap()
            .split_once("token=")
            .unwrap();
        assert_eq!(visit.claims(token)["entitlements"], entitlements);

        // Whoever comes next sees it at the sign-in, and Yuki's plan is still her own.
        let sign_in = format!("{}/sign-in", visit.sandbox.addresses().site);
        let page = visit.http.get(sign_in).send().await.unwrap().text().await.unwrap();
        let all_access = page.matches("<p class=\"soft\">Plan: All access</p>").count();
        assert_eq!(all_access, if plan == "All access" { 2 } else { 1 });
    }
}

#[tokio::test]
async fn a_plan_stays_changed_when_the_functions_do_not_take_it_and_the_page_says_so() {
    let (mut visit, recorder) = visit_recorded().await;
    visit.post("/sign-in", "person=noor").await;
    for status in [200, 401, 503] {
        recorder.status.store(status, Ordering::Relaxed);
        visit.post("/plan", "plan=Basic").await;
        let page = visit.get("/account").await.text().await.unwrap();
        let trouble =
            format!("<p class=\"soft\" id=\"plan-trouble\">Saved here, but the functions answered {status}.</p>");
        assert!(
            page.contains(&trouble) && page.contains("<dd id=\"plan\">Basic</dd>"),
            "{page}"
        );
    }
    // Cancelling can be told again, too.
    visit.post("/plan", "cancel=cancel").await;
    let page = visit.get("/account").await.text().await.unwrap();
    assert!(page.contains("id=\"cancel-plan\""), "{page}");
    recorder.status.store(202, Ordering::Relaxed);
    visit.post("/plan", "cancel=cancel").await;
    let page = visit.get("/account").await.text().await.unwrap();
    assert!(
        !page.contains("id=\"plan-trouble\"") && !page.contains("id=\"cancel-plan\""),
        "{page}"
    );
}

// Made up by RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT_URI: &str = "http://127.0.0.1:9000/sign-in/callback";
const SECRET: &str = "a-demo-secret--known-to-everybody:-oidc";

/// An authorization request in order, but for what `changes` put in its place; an empty value leaves a parameter out.
fn authorization(changes: &[(&str, &str)]) -> String {
    let mut parameters = BTreeMap::from([
        ("client_id", "soa-link"),
        ("redirect_uri", REDIRECT_URI),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "s 1&"),
        ("nonce", "n-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    parameters.extend(changes.iter().copied());
    parameters.retain(|_, value| !value.is_empty());
    Serializer::new(String::new()).extend_pairs(parameters).finish()
}

/// The parameters of the functions' address that an answer redirects to.
fn brought_back(answer: &Response) -> BTreeMap<String, String> {
    let location = answer.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(&format!("{REDIRECT_URI}?")), "{location}");
    Url::parse(location).unwrap().query_pairs().into_owned().collect()
}

impl Visit {
    /// A code for the person who is signed in.
    async fn code(&mut self) -> String {
        let answer = self.get(&format!("/oidc/authorize?{}", authorization(&[]))).await;
        brought_back(&answer).remove("code").unwrap()
    }

    /// Exchanges a code as a client does, with the secret in the body, but for what `changes` put in its place.
    async fn exchange(&self, code: &str, changes: &[(&str, &str)]) -> Response {
        let mut form = BTreeMap::from([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
            ("client_id", "soa-link"),
            ("client_secret", SECRET),
        ]);
        form.extend(changes.iter().copied());
        form.retain(|_, value| !value.is_empty());
        self.send_form(&Serializer::new(String::new()).extend_pairs(form).finish(), None)
            .await
    }

    async fn send_form(&self, form: &str, basic: Option<&str>) -> Response {
        let url = format!("{}/oidc/token", self.sandbox.addresses().site);
        let mut request = self.http.post(url).body(form.to_owned());
        request = request.header("content-type", "application/x-www-form-urlencoded");
        if let Some(basic) = basic {
            request = request.header("authorization", format!("Basic {}", STANDARD.encode(basic)));
        }
        request.send().await.unwrap()
    }
}

/// The status and `error` of the token endpoint's refusal.
async fn refusal(answer: Response) -> (u16, String) {
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["content-type"], "application/json");
    let (status, challenge) = (
        answer.status().as_u16(),
        answer.headers().contains_key("www-authenticate"),
    );
    assert_eq!(challenge, status == 401);
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    (status, answer["error"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_id_token_says_who_signed_in_to_a_client_that_follows_discovery() {
    let mut visit = visit_with(SignIn::Oidc).await;
    let site = visit.sandbox.addresses().site.clone();
    let discovered = visit
        .get("/.well-known/openid-configuration")
        .await
        .text()
        .await
        .unwrap();
    let discovered: Value = serde_json::from_str(&discovered).unwrap();
    assert_eq!(discovered["issuer"], *site);
    let path = |name: &str| {
        discovered[name]
            .as_str()
            .unwrap()
            .strip_prefix(&site)
            .unwrap()
            .to_owned()
    };
    assert_eq!(path("token_endpoint"), "/oidc/token");

    let asked = authorization(&[]);
    let page = visit.get(&format!("{}?{asked}", path("authorization_endpoint"))).await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    let field = format!("name=\"authorize\" value=\"{}\"", asked.replace('&', "&amp;"));
    assert!(
        page.contains("id=\"sign-in-as-bela\"") && page.contains("id=\"sign-in-cancel\"") && page.contains(&field),
        "{page}"
    );
    let form = Serializer::new(String::new())
        .extend_pairs([("authorize", asked.as_str()), ("person", "bela")])
        .finish();
    let back = brought_back(&visit.post("/oidc/sign-in", &form).await);
    assert_eq!((back["state"].as_str(), &back["iss"]), ("s 1&", &site));
    assert!(!back.contains_key("error"));

    // Basic, with the credentials form-encoded as RFC 6749 has it.
    let form = format!(
        "grant_type=authorization_code&code={}&redirect_uri={REDIRECT_URI}&code_verifier={VERIFIER}",
        back["code"]
    );
    let answer = visit
        .send_form(&form, Some(&format!("soa%2Dlink:{}", SECRET.replace(':', "%3A"))))
        .await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["cache-control"]),
        (200, &"no-store".parse().unwrap())
    );
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(answer["token_type"], "Bearer");
    assert!(answer["access_token"].as_str().unwrap().len() > 20 && answer.get("refresh_token").is_none());

    let keys = visit.get(&path("jwks_uri")).await.text().await.unwrap();
    let keys: JwkSet = serde_json::from_str(&keys).unwrap();
    let id_token = answer["id_token"].as_str().unwrap();
    let kid = jsonwebtoken::decode_header(id_token).unwrap().kid.unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&["soa-link"]);
    validation.set_issuer(&[&site]);
    let key = DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
    let claims: Value = jsonwebtoken::decode(id_token, &key, &validation).unwrap().claims;
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 600);
    assert_eq!(
        (
            &claims["sub"],
            &claims["nonce"],
            &claims["name"],
            &claims["entitlements"]
        ),
        (&json!("member-1002"), &json!("n-1"), &json!("Béla"), &json!(["basic"]))
    );
    assert_eq!(visit.session(), None);
}

#[tokio::test]
async fn somebody_signed_in_goes_straight_back_unless_the_client_has_them_asked() {
    let mut visit = visit_with(SignIn::Oidc).await;
    let silent = format!("/oidc/authorize?{}", authorization(&[("prompt", "none")]));
    assert_eq!(brought_back(&visit.get(&silent).await)["error"], "login_required");
    visit.post("/sign-in", "person=ada").await;
    assert!(brought_back(&visit.get(&silent).await).contains_key("code"));
    assert_eq!(visit.code().await.len(), 43);
    let again = format!("/oidc/authorize?{}", authorization(&[("prompt", "login")]));
    assert_eq!(visit.get(&again).await.status(), 200);
}

#[tokio::test]
async fn a_code_works_once() {
    let mut visit = visit_with(SignIn::Oidc).await;
    visit.post("/sign-in", "person=ada").await;
    let code = visit.code().await;
    assert_eq!(visit.exchange(&code, &[]).await.status(), 200);
    let invalid = (400, "invalid_grant".to_owned());
    assert_eq!(refusal(visit.exchange(&code, &[]).await).await, invalid);
    let code = visit.code().await;
    let wrong = [("code_verifier", "x")];
    assert_eq!(refusal(visit.exchange(&code, &wrong).await).await, invalid);
    assert_eq!(refusal(visit.exchange(&code, &[]).await).await, invalid);
}

#[tokio::test]
async fn a_code_works_for_a_minute() {
    // The site served here rather than by the sandbox, to have its clock at hand.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let mut visit = visit_at(Place::Elsewhere(origin), SignIn::Oidc).await;
    let options = Arc::new(visit.sandbox.options().clone());
    let site = Site::new(&options, visit.sandbox.addresses(), visit.sandbox.spotify().clone());
    let (_stop, stopped) = watch::channel(());
    super::serve(listener, site.clone(), stopped);
    visit.post("/sign-in", "person=ada").await;
    for (seconds, status) in [(55, 200), (60, 400)] {
        let code = visit.code().await;
        site.0.clock.advance(Duration::from_secs(seconds));
        assert_eq!(visit.exchange(&code, &[]).await.status(), status);
    }
}

#[tokio::test]
async fn a_token_request_that_is_not_right_is_refused() {
    let mut visit = visit_with(SignIn::Oidc).await;
    visit.post("/sign-in", "person=ada").await;
    for (changes, status, error) in [
        ([("code_verifier", "x")], 400, "invalid_grant"),
        (
            [("redirect_uri", "http://127.0.0.1:9000/sign-in/callback/")],
            400,
            "invalid_grant",
        ),
        ([("code", "x")], 400, "invalid_grant"),
        ([("client_secret", "x")], 401, "invalid_client"),
        ([("client_secret", "")], 401, "invalid_client"),
        ([("client_id", "x")], 401, "invalid_client"),
        ([("client_id", "")], 401, "invalid_client"),
        ([("code_verifier", "")], 400, "invalid_request"),
        ([("redirect_uri", "")], 400, "invalid_request"),
        ([("code", "")], 400, "invalid_request"),
        ([("grant_type", "")], 400, "invalid_request"),
        ([("grant_type", "refresh_token")], 400, "unsupported_grant_type"),
    ] {
        let code = visit.code().await;
        let refused = refusal(visit.exchange(&code, &changes).await).await;
        assert_eq!(refused, (status, error.to_owned()), "{changes:?}");
    }
    let basic = format!("soa-link:{SECRET}");
    for (form, basic, status, error) in [
        (
            "grant_type=a&grant_type=a",
            Some(basic.as_str()),
            400,
            "invalid_request",
        ),
        (
            "client_id=soa-link&client_secret=x",
            Some(&basic),
            400,
            "invalid_request",
        ),
        ("client_id=x", Some(&basic), 401, "invalid_client"),
        (
            "grant_type=authorization_code",
            Some("soa-link:x"),
            401,
            "invalid_client",
        ),
        ("grant_type=authorization_code", Some("soa-link"), 401, "invalid_client"),
        ("grant_type=authorization_code", None, 401, "invalid_client"),
    ] {
        let refused = refusal(visit.send_form(form, basic).await).await;
        assert_eq!(refused, (status, error.to_owned()), "{form}");
    }
}

#[tokio::test]
async fn nobody_is_redirected_for_a_bad_client_or_redirect_uri() {
    let mut visit = visit_with(SignIn::Oidc).await;
    visit.post("/sign-in", "person=ada").await;
    for change in [
        ("client_id", ""),
        ("client_id", "somebody-else"),
        ("redirect_uri", ""),
        ("redirect_uri", "https://evil.example/"),
        ("redirect_uri", "http://127.0.0.1:9000/sign-in/callback/"),
        ("redirect_uri", "http://127.0.0.1:9000/sign-in/callback?x=1"),
        ("redirect_uri", "http://localhost:9000/sign-in/callback"),
    ] {
        let asked = authorization(&[change]);
        let answer = visit.get(&format!("/oidc/authorize?{asked}")).await;
        assert_eq!(answer.status(), 400, "{change:?}");
        assert!(!answer.headers().contains_key("location"));
        assert!(answer.text().await.unwrap().contains("id=\"message\""));
        // Nor for a form that was tampered with.
        for choice in [("person", "ada"), ("cancel", "cancel")] {
            let form = Serializer::new(String::new())
                .extend_pairs([("authorize", asked.as_str()), choice])
                .finish();
            let answer = visit.post("/oidc/sign-in", &form).await;
            assert_eq!(answer.status(), 400, "{change:?}");
            assert!(!answer.headers().contains_key("location"));
        }
    }
}

#[tokio::test]
async fn the_client_hears_what_else_is_wrong_with_its_request() {
    let mut visit = visit_with(SignIn::Oidc).await;
    visit.post("/sign-in", "person=ada").await;
    for (change, error) in [
        (("response_type", ""), "invalid_request"),
        (("response_type", "id_token"), "unsupported_response_type"),
        (("response_mode", "fragment"), "invalid_request"),
        (("scope", ""), "invalid_scope"),
        (("scope", "profile openidx"), "invalid_scope"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "too-short"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("request", "e30."), "request_not_supported"),
        (("request_uri", "https://evil.example/"), "request_uri_not_supported"),
    ] {
        let back = brought_back(
            &visit
                .get(&format!("/oidc/authorize?{}", authorization(&[change])))
                .await,
        );
        assert_eq!(
            (back["error"].as_str(), back["state"].as_str()),
            (error, "s 1&"),
            "{change:?}"
        );
        assert_eq!(back["iss"], visit.sandbox.addresses().site);
        assert!(!back.contains_key("code"));
    }
    let twice = format!("/oidc/authorize?{}&nonce=n-2", authorization(&[]));
    assert_eq!(brought_back(&visit.get(&twice).await)["error"], "invalid_request");
}

#[tokio::test]
async fn whoever_cancels_goes_back_without_signing_in() {
    let mut visit = visit_with(SignIn::Oidc).await;
    let form = Serializer::new(String::new())
        .extend_pairs([("authorize", authorization(&[]).as_str()), ("cancel", "cancel")])
        .finish();
    let back = brought_back(&visit.post("/oidc/sign-in", &form).await);
    assert_eq!(
        (back["error"].as_str(), back["state"].as_str()),
        ("access_denied", "s 1&")
    );
    assert_eq!(back["iss"], visit.sandbox.addresses().site);
    assert_eq!(visit.get("/account").await.headers()["location"], "/sign-in");
}

#[tokio::test]
async fn an_id_token_has_what_the_plan_gives_by_now_whether_the_functions_answered_or_not() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", taken.local_addr().unwrap());
    drop(taken);
    let options = Options {
        gateway: Place::Elsewhere(silent.clone()),
        sign_in: SignIn::Oidc,
        ..Options::default()
    };
    let sandbox = Sandbox::start(options, async |_: Addresses| Ok(Vec::new()));
    let mut visit = Visit {
        sandbox: sandbox.await.unwrap(),
        http: crate::caller::client(),
        cookies: Vec::new(),
    };
    visit.post("/sign-in", "person=ada").await;
    visit.post("/plan", "plan=Basic").await;
    let page = visit.get("/account").await.text().await.unwrap();
    assert!(
        page.contains("Saved here, but the functions did not answer: no connection."),
        "{page}"
    );
    let redirect_uri = format!("{silent}/sign-in/callback");
    let asked = authorization(&[("redirect_uri", &redirect_uri)]);
    let answer = visit.get(&format!("/oidc/authorize?{asked}")).await;
    let back = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1;
    let answer = visit.exchange(&code, &[("redirect_uri", &redirect_uri)]).await;
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(answer["id_token"].as_str().unwrap());
    assert_eq!(claims.unwrap().claims["entitlements"], json!(["basic"]));
}
