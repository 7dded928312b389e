//! The checks of an ID token (`OpenID` Connect Core 1.0 §3.1.3.7, named by their numbers there), each with a token that passes beside those that fail.

use serde_json::{Value, json};

use crate::support::{Provider, World, logged_of};

const ADA: &str = "account=member-1003";

/// Signs in with each of these responses, and asserts that it is rejected with this reason in the log. A token as it should be follows.
async fn each_is_rejected(world: &World, provider: &Provider, bad: &[(Value, &str)]) {
    for (with, reason) in bad {
        provider.tamper(with.clone()).await;
        let mut browser = world.browser();
        let answer = browser.signs_in(provider, "/entrypoint", ADA).await;
        assert_eq!((answer.status, answer.title()), (401, "Please sign in again"), "{with}");
        assert_eq!(answer.header("location"), None);
        assert_eq!(browser.binding(), None);
        assert_eq!(browser.cookies.get("__Host-soa_visit"), None);
        let lines = logged_of(&answer.request_id());
        let line = lines.last().unwrap();
        assert_eq!(
            (line["code"].as_str(), line["reason"].as_str()),
            (Some("TOKEN_REJECTED"), Some(format!("token: {reason}").as_str())),
            "{with}"
        );
    }
    assert!(!world.stored().await.contains("link#"));
    each_is_accepted(world, provider, &[json!({})]).await;
}

async fn each_is_accepted(world: &World, provider: &Provider, good: &[Value]) {
    for with in good {
        provider.tamper(with.clone()).await;
        let answer = world.browser().signs_in(provider, "/entrypoint", ADA).await;
        assert_eq!(answer.status, 302, "{with}: {}", answer.body);
    }
}

fn claims(claims: &Value) -> Value {
    json!({"id_token": {"claims": claims}})
}

/// Check 2.
#[tokio::test]
async fn the_issuer_is_exactly_the_configured_one() {
    let (world, provider) = World::signing_in().await;
    let bad = [
        (claims(&json!({"iss": "https://evil.example"})), "claim iss"),
        (claims(&json!({"iss": format!("{}/", provider.issuer)})), "claim iss"),
    ];
    each_is_rejected(&world, &provider, &bad).await;
}

/// Check 3.
#[tokio::test]
async fn the_audience_is_our_client_and_no_other() {
    let (world, provider) = World::signing_in().await;
    let bad = [
        (claims(&json!({"aud": "another"})), "claim aud"),
        (claims(&json!({"aud": ["soa-link", "another"]})), "claim aud"),
        (claims(&json!({"aud": []})), "claim aud"),
    ];
    each_is_rejected(&world, &provider, &bad).await;
    each_is_accepted(&world, &provider, &[claims(&json!({"aud": ["soa-link"]}))]).await;
}

/// Checks 4 and 5.
#[tokio::test]
async fn an_authorized_party_is_our_client() {
    let (world, provider) = World::signing_in().await;
    let bad = [(claims(&json!({"azp": "another"})), "claim azp")];
    each_is_rejected(&world, &provider, &bad).await;
    each_is_accepted(&world, &provider, &[claims(&json!({"azp": "soa-link"}))]).await;
}

/// Check 6.
#[tokio::test]
async fn the_signature_is_of_a_key_that_the_provider_publishes() {
    let (world, provider) = World::signing_in().await;
    let bad = [
        (json!({"id_token": {"foreign_key": true}}), "signature"),
        (json!({"id_token": {"kid": "another"}}), "unknown key"),
    ];
    each_is_rejected(&world, &provider, &bad).await;
}

/// Checks 7 and 8, and RFC 8725 §3.1.
#[tokio::test]
async fn the_algorithm_is_that_of_the_key_and_never_symmetric() {
    let (world, provider) = World::signing_in().await;
    let bad = ["none", "HS256_public", "HS256_secret"].map(|alg| (json!({"id_token": {"alg": alg}}), "alg"));
    each_is_rejected(&world, &provider, &bad).await;
}

/// Check 9, with a leeway of 60 seconds.
#[tokio::test]
async fn the_token_has_not_expired() {
    let (world, provider) = World::signing_in().await;
    let now = world.clock.now();
    let bad = [
        (claims(&json!({"exp": now - 61})), "expired"),
        (claims(&json!({"exp": 1})), "expired"),
    ];
    each_is_rejected(&world, &provider, &bad).await;
    each_is_accepted(&world, &provider, &[claims(&json!({"exp": now - 58, "iat": now - 70}))]).await;
}

/// Check 10.
#[tokio::test]
async fn the_token_was_not_issued_in_the_future() {
    let (world, provider) = World::signing_in().await;
    let now = world.clock.now();
    provider.tamper(claims(&json!({"iat": now + 120}))).await;
    let answer = world.browser().signs_in(&provider, "/entrypoint", ADA).await;
    assert_eq!((answer.status, answer.title()), (401, "Please sign in again"));
    each_is_accepted(&world, &provider, &[claims(&json!({"iat": now + 58}))]).await;
}

/// Check 11.
#[tokio::test]
async fn the_nonce_is_that_of_the_sign_in() {
    let (world, provider) = World::signing_in().await;
    let bad = [
        (claims(&json!({"nonce": "another"})), "claim nonce"),
        (claims(&json!({"nonce": null})), "claim nonce"),
    ];
    each_is_rejected(&world, &provider, &bad).await;
}

/// Checks 12 and 13: we request neither, so any value will do.
#[tokio::test]
async fn the_authentication_context_and_time_are_not_checked() {
    let (world, provider) = World::signing_in().await;
    let good = [
        claims(&json!({"acr": "0", "auth_time": 1})),
        claims(&json!({"acr": "urn:any"})),
    ];
    each_is_accepted(&world, &provider, &good).await;
}

/// `OpenID` Connect Core 1.0 §3.1.3.8.
#[tokio::test]
async fn an_access_token_hash_is_that_of_the_access_token() {
    let (world, provider) = World::signing_in().await;
    let bad = [(claims(&json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"})), "claim at_hash")];
    each_is_rejected(&world, &provider, &bad).await;
}

/// The partner in a token is that of the page.
#[tokio::test]
async fn a_partner_id_is_that_of_the_partner() {
    let (world, provider) = World::signing_in().await;
    let another = "2222222222222222222222";
    let bad = [json!(another), json!([another]), json!([])]
        .map(|id| (claims(&json!({"partner_id": id})), "claim partner_id"));
    each_is_rejected(&world, &provider, &bad).await;
}
