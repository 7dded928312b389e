//! `soa-link doctor`.

use sandbox::deployment;
use serde_json::{Value, json};

use crate::support::{Provider, cli::CliHarness};

/// `doctor` names each problem of the deployment, and its output never contains a secret.
#[tokio::test]
async fn doctor_reports_each_problem_and_its_fix() {
    let desk = CliHarness::new("doctor").await;
    let addresses = desk.world.sandbox.addresses();
    let healthy = deployment::variables(desk.world.sandbox.options(), addresses);
    let with = |changes: &[(&str, &str)]| -> String {
        let changed = healthy.iter().map(|(name, value)| {
            let change = changes.iter().find(|(changed, _)| changed == name);
            (name.as_str(), change.map_or(value.as_str(), |(_, value)| value))
        });
        let added = changes
            .iter()
            .copied()
            .filter(|(name, _)| !healthy.iter().any(|(known, _)| known == name));
        changed
            .chain(added)
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect::<Vec<_>>()
            .concat()
    };
    let doctor = async |changes: &[(&str, &str)]| {
        let file = desk.file("variables", &with(changes));
        let (code, said) = desk.says(&["doctor", "--variables", &file]).await;
        assert!(!said.contains(&desk.world.sandbox.options().client_secret), "{said}");
        (code, said)
    };
    let provider = Provider::start(&addresses.gateway, &json!({}));
    let own_provider = json!({
        "SIGN_IN": "oidc", "OIDC_ISSUER": provider.issuer, "OIDC_CLIENT_ID": "soa-link", "OIDC_CLIENT_AUTHENTICATION": "none",
    });
    for (partner_id, settings) in [
        ("1111111111111111111111", own_provider),
        ("2222222222222222222222", json!({})),
    ] {
        desk.world.put_partner(partner_id, settings, 0).await;
    }
    let (code, said) = doctor(&[]).await;
    assert!(code == 0 && !said.contains("FAIL"), "{said}");
    // Each provider has its own redirect URI, and a partner without a provider uses the deployment's.
    let of_partner = format!(
        "the OpenID provider of partner 1111111111111111111111, letter for letter: {}/partners/1111111111111111111111/sign-in/callback",
        addresses.gateway
    );
    assert!(
        said.contains(&of_partner) && !said.contains("2222222222222222222222"),
        "{said}"
    );
    let whose = "the OpenID provider of partner 1111111111111111111111";
    assert!(
        said.contains(&format!("ok   {whose}: metadata and keys are usable")),
        "{said}"
    );
    // What will not work is found before anyone signs in.
    for (odd, problem) in [
        (
            json!({"discovery": {"set": {"id_token_signing_alg_values_supported": ["HS256", "RS512"]}}}),
            "id_token_signing_alg_values_supported has none of RS256, PS256, ES256, EdDSA",
        ),
        (
            json!({"discovery": {"set": {"code_challenge_methods_supported": ["plain"]}}}),
            "code_challenge_methods_supported has none of S256",
        ),
        (
            json!({"discovery": {"set": {"response_types_supported": ["id_token"]}}}),
            "response_types_supported has none of code",
        ),
        (
            json!({"discovery": {"set": {"token_endpoint_auth_methods_supported": ["private_key_jwt"]}}}),
            "the token endpoint does not support client_secret_basic",
        ),
        (
            json!({"discovery": {"set": {"issuer": format!("{}/", provider.issuer)}}}),
            "discovery: metadata of another issuer",
        ),
        (json!({"jwks": {"set": {"keys": []}}}), "keys: no usable key"),
    ] {
        provider.tamper(odd).await;
        let (code, said) = doctor(&[]).await;
        assert!(
            code == 1 && said.contains(&format!("FAIL {whose}: {problem}")),
            "{problem}: {said}"
        );
    }
    provider.tamper(json!({})).await;
    let (_, said) = doctor(&[
        ("SIGN_IN", "oidc"),
        ("OIDC_ISSUER", "https://id.example.com"),
        ("OIDC_CLIENT_ID", "soa-link"),
    ])
    .await;
    let own = format!(
        "your OpenID provider, letter for letter: {}/sign-in/callback\n",
        addresses.gateway
    );
    assert!(said.contains(&own), "{said}");
    let (code, said) = doctor(&[]).await;
    assert_eq!(code, 0);
    for good in [
        "Spotify grants soa-manage-entitlements",
        "entrypoint, callback, unlink, entitlements, sync, partners: variables are valid",
        "table soa-link-subscribers: configuration is correct",
        "/callback",
        "clock is correct",
    ] {
        assert!(said.contains(good), "{good}: {said}");
    }
    for (change, wrong) in [
        (("PUBLIC_URL", "http://localhost:9000"), "PUBLIC_URL must be"),
        (("SIGN_IN", "magic"), "SIGN_IN must be"),
        (
            ("SUBSCRIBERS_TABLE", "nowhere"),
            "table nowhere (SUBSCRIBERS_TABLE): cannot be read",
        ),
        (
            ("SUBSCRIBERS_TABLE", deployment::PENDING_LINKS_TABLE),
            "index `dirty` is missing",
        ),
        (
            ("PENDING_LINKS_TABLE", deployment::PARTNERS_TABLE),
            "time to live is off",
        ),
        (("PARTNERS_TABLE", "nowhere"), "table nowhere: cannot list partners"),
        (
            ("SPOTIFY_CLIENT_SECRET_ID", "nowhere"),
            "the secret nowhere does not exist",
        ),
        (
            ("SPOTIFY_CLIENT_SECRET_ID", deployment::PARTNER_KEYS_ID),
            "lacks the member `client_secret`",
        ),
        (("PARTNER_KEYS_ID", deployment::CLIENT_SECRET_ID), "partner_user_id_key"),
        (
            ("SPOTIFY_CLIENT_ID", "another"),
            "Spotify refuses the client id or its secret",
        ),
        (
            ("SITE_JWKS_URL", "http://127.0.0.1:1/jwks"),
            "SITE_JWKS_URL: published keys: no connection",
        ),
        (
            ("SPOTIFY_ACCOUNTS_URL", "http://127.0.0.1:1"),
            "Spotify's token endpoint: ",
        ),
    ] {
        let (code, said) = doctor(&[change]).await;
        let mut lines = said.lines().filter(|line| line.starts_with("FAIL"));
        assert!(
            code == 1 && lines.any(|line| line.contains(wrong)),
            "{change:?}: {said}"
        );
    }
    let file = desk.file("variables", &with(&[]));
    let json = desk.run(&["doctor", "--json", "--variables", &file]).await;
    assert_eq!(serde_json::from_slice::<Value>(&json.stdout).unwrap()["ok"], true);
}
