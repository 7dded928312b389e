//! Missing or wrong configuration: a function does not start, and its error names each problem.

use sandbox::{Options, deployment};
use serde_json::json;
use shared::rng::Rng;

use crate::support::World;

async fn start(world: &World, changes: &[(&str, &str)]) -> Result<(), String> {
    let routes = deployment::routes(&world.environment(changes), &world.clock, &Rng::System).await;
    routes.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_function_names_every_missing_or_wrong_variable() {
    let world = World::new().await;
    let wrong = [
        ("PUBLIC_URL", "http://localhost:9000"),
        ("PARTNER_ID", ""),
        ("SIGN_IN", "FAIL-VALUE"),
        ("PENDING_LINKS_TABLE", ""),
    ];
    let error = start(&world, &wrong).await.unwrap_err();
    for (name, _) in wrong {
        assert!(error.contains(name), "{error}");
    }
    assert!(!error.contains("FAIL-VALUE") && !error.contains("9000"), "{error}");
}

#[tokio::test]
async fn a_malformed_secret_is_named_without_its_content() {
    let world = World::with(Options::default(), &[]).await;
    let secrets = world.sandbox.secrets_manager();
    let bad = [
        ("client", "CONTENT", "is not a JSON object"),
        ("client", r#"["CONTENT"]"#, "is not a JSON object"),
        ("client", r#"{"secret":"CONTENT"}"#, "lacks the member `client_secret`"),
        ("client", r#"{"client_secret":7}"#, "member `client_secret` is not text"),
        (
            "client",
            r#"{"client_secret":"CONTENT"}"#,
            "member `client_secret` must be at least 32",
        ),
        (
            "client",
            r#"{"client_secret":"CONTENT0123456789abcdef0123456789\n"}"#,
            "member `client_secret` must be at least 32",
        ),
    ];
    for (id, value, what) in bad {
        secrets.put(id, value);
        let error = start(&world, &[("SPOTIFY_CLIENT_SECRET_ID", id)]).await.unwrap_err();
        assert!(
            error.contains(&format!("the secret {id} {what}")) && !error.contains("CONTENT"),
            "{error}"
        );
    }
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let good = json!({"keys": [{"kty": "oct", "k": key}]});
    let bad = [
        (
            json!({"backend": good, "partner_user_id_key": key}),
            "member `site` has no key, and SITE_JWKS_URL is not set",
        ),
        (
            json!({"site": good, "backend": good}),
            "lacks the member `partner_user_id_key`",
        ),
        (
            json!({"site": {"keys": []}, "backend": good, "partner_user_id_key": key}),
            "member `site` has no key, and SITE_JWKS_URL is not set",
        ),
        (
            json!({"site": good, "backend": good, "partner_user_id_key": "CONTENT"}),
            "member `partner_user_id_key` is not",
        ),
        (
            json!({"site": good, "backend": {"keys": [{"kty": "oct", "k": "CONTENT"}]}, "partner_user_id_key": key}),
            "member `backend` key 1",
        ),
    ];
    for (value, what) in bad {
        secrets.put("keys", &value.to_string());
        let error = start(&world, &[("PARTNER_KEYS_ID", "keys")]).await.unwrap_err();
        assert!(
            error.contains(&format!("the secret keys {what}")) && !error.contains("CONTENT"),
            "{error}"
        );
    }
    let error = start(
        &world,
        &[
            ("PARTNER_KEYS_ID", "nowhere"),
            ("SPOTIFY_CLIENT_SECRET_ID", "nowhere-either"),
        ],
    )
    .await
    .unwrap_err();
    assert!(
        error.contains("the secret nowhere does not exist or may not be read"),
        "{error}"
    );
}

/// The first version of a new stack's secret is a placeholder, which later becomes the previous version.
#[tokio::test]
async fn a_placeholder_as_the_previous_version_is_ignored() {
    let world = World::new().await;
    let secrets = world.sandbox.secrets_manager();
    secrets.put("client", "a placeholder");
    secrets.put(
        "client",
        &json!({"client_secret": world.sandbox.options().client_secret}).to_string(),
    );
    assert_eq!(start(&world, &[("SPOTIFY_CLIENT_SECRET_ID", "client")]).await, Ok(()));
}
