//! The demo site as an `OpenID` provider.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::Response;
use sandbox::{Addresses, Endpoint, Options, Sandbox, SignIn};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;
use url::form_urlencoded::Serializer;

use super::visit::{REDIRECT_URI, SECRET, VERIFIER, Visit, authorization, brought_back};
use super::visit_with;
use crate::support::client;

/// Returns status and `error` of a refused token request.
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
async fn a_client_that_follows_discovery_gets_an_id_token_of_the_subscriber() {
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

    // Basic credentials are form-encoded (RFC 6749 §2.3.1).
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
async fn a_signed_in_visitor_returns_at_once_unless_the_client_asks_for_a_prompt() {
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
async fn a_code_of_the_demo_provider_works_once() {
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
async fn an_invalid_token_request_is_refused() {
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
async fn an_unknown_client_or_redirect_uri_gets_no_redirect() {
    let mut visit = visit_with(SignIn::Oidc).await;
    visit.post("/sign-in", "person=ada").await;
    for change in [
        ("client_id", ""),
        ("client_id", "another-client"),
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
        // A tampered form is refused as well.
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
async fn an_invalid_authorization_request_returns_an_error_to_the_client() {
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
async fn cancelling_returns_to_the_client_without_a_sign_in() {
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
async fn an_id_token_has_the_current_entitlements_even_if_the_functions_are_down() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", taken.local_addr().unwrap());
    drop(taken);
    let options = Options {
        gateway: Endpoint::External(silent.clone()),
        sign_in: SignIn::Oidc,
        ..Options::default()
    };
    let sandbox = Sandbox::start(options, async |_: Addresses| Ok(Vec::new()));
    let mut visit = Visit {
        sandbox: sandbox.await.unwrap(),
        http: client(),
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
