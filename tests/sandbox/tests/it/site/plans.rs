//! Changes of plan and the requests that send them to the functions.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use sandbox::{Addresses, Options, Route, Sandbox};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::Visit;
use crate::support::client;

/// A fake `/replace-entitlements` route: the recorded events and the status of its responses.
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
        http: client(),
        cookies: Vec::new(),
    };
    (visit, recorder)
}

#[tokio::test]
async fn only_a_signed_in_visitor_can_change_to_an_existing_plan() {
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
async fn the_demo_backend_sends_a_change_of_plan_in_a_signed_request() {
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
async fn a_change_of_plan_shows_on_every_page_and_in_every_token() {
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

        // The sign-in page shows the new plan. Yuki has All access and is unaffected.
        let sign_in = format!("{}/sign-in", visit.sandbox.addresses().site);
        let page = visit.http.get(sign_in).send().await.unwrap().text().await.unwrap();
        let all_access = page.matches("<p class=\"soft\">Plan: All access</p>").count();
        assert_eq!(all_access, if plan == "All access" { 2 } else { 1 });
    }
}

#[tokio::test]
async fn a_plan_stays_changed_and_a_warning_shows_if_the_functions_reject_it() {
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
    // Cancelling can be repeated as well.
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
