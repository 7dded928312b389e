//! The token endpoint: codes, clients, scopes and the lifetime of tokens.

use std::time::Duration;

use sandbox::spotify::USER_SCOPE;
use serde_json::json;

use super::{PUID, VERIFIER, exchange_form, journey, stranger};

#[tokio::test]
async fn a_second_exchange_of_a_code_revokes_its_token() {
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
async fn a_code_is_bound_to_client_redirect_uri_and_verifier_for_ten_minutes() {
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
async fn the_token_endpoint_requires_a_form_basic_auth_and_granted_scopes() {
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
async fn a_token_is_limited_to_its_scope_kind_and_lifetime() {
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
async fn the_old_secret_is_refused_after_a_rotation_unless_the_switch_keeps_it() {
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
