//! Accepted configurations, and the errors of rejected ones.

use super::*;
use crate::urls::PublicUrl;
use proptest::prelude::*;

fn complete() -> Vec<(&'static str, &'static str)> {
    vec![
        ("PUBLIC_URL", "https://link.example.com"),
        ("PARTNER_ID", "0000000000000000000000"),
        ("SPOTIFY_CLIENT_ID", "client"),
        ("SPOTIFY_CLIENT_SECRET_ID", "soa-link/client-secret"),
        ("PARTNER_KEYS_ID", "soa-link/partner-keys"),
        ("PENDING_LINKS_TABLE", "pending-links"),
        ("SUBSCRIBERS_TABLE", "subscribers"),
        ("SIGN_IN", "session"),
        ("SESSION_COOKIE", "session"),
        ("SITE_ISSUER", "https://example.com"),
        ("BACKEND_ISSUER", "https://example.com"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "key"),
    ]
}

fn with(changes: &[(&'static str, &'static str)]) -> Environment {
    complete().into_iter().chain(changes.iter().copied()).collect()
}

fn wrong<C: Config>(environment: Environment) -> Vec<&'static str> {
    C::from_environment(environment)
        .err()
        .map(|error| error.variables().collect())
        .unwrap_or_default()
}

#[test]
fn a_complete_environment_is_accepted() {
    assert!(EntrypointConfig::from_environment(with(&[])).is_ok());
    assert!(CallbackConfig::from_environment(with(&[])).is_ok());
    assert!(UnlinkConfig::from_environment(with(&[])).is_ok());
    assert!(EntitlementsConfig::from_environment(with(&[])).is_ok());
}

#[test]
fn all_missing_variables_are_named_at_once() {
    let missing = wrong::<CallbackConfig>(Environment::default());
    let expected = [
        "AWS_ACCESS_KEY_ID",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "PARTNER_ID",
        "PARTNER_KEYS_ID",
        "PENDING_LINKS_TABLE",
        "PUBLIC_URL",
        "SIGN_IN",
        "SITE_ISSUER",
        "SPOTIFY_CLIENT_ID",
        "SPOTIFY_CLIENT_SECRET_ID",
        "SUBSCRIBERS_TABLE",
    ];
    assert_eq!(missing, expected);
    let handoff = Environment::from_iter([("SIGN_IN", "handoff")]);
    assert!(wrong::<EntrypointConfig>(handoff).contains(&"SIGN_IN_URL"));
}

#[test]
fn all_wrong_variables_are_named_at_once_without_their_values() {
    let environment = with(&[
        ("PUBLIC_URL", "http://localhost:9000"),
        ("SIGN_IN", "wrong-value"),
        ("SPOTIFY_PKCE", "wrong-value"),
        ("SPOTIFY_ACCOUNTS_URL", "http://accounts.example.com"),
        ("PARTNER_ID", "wrong value"),
        ("RETURN_URL", "javascript:wrong-value"),
        ("SESSION_COOKIE", "__Host-soa_link"),
    ]);
    let error = EntrypointConfig::from_environment(environment).err().unwrap();
    let named: Vec<_> = error.variables().collect();
    let expected = [
        "PARTNER_ID",
        "PUBLIC_URL",
        "RETURN_URL",
        "SESSION_COOKIE",
        "SIGN_IN",
        "SPOTIFY_ACCOUNTS_URL",
        "SPOTIFY_PKCE",
    ];
    assert_eq!(named, expected);
    assert!(!error.to_string().contains("wrong-value") && !error.to_string().contains("9000"));
}

#[test]
fn each_sign_in_method_requires_its_own_variables() {
    assert_eq!(
        wrong::<EntrypointConfig>(with(&[("SESSION_COOKIE", "")])),
        ["SESSION_COOKIE"]
    );
    assert_eq!(
        wrong::<EntrypointConfig>(with(&[("SIGN_IN", "handoff")])),
        ["SIGN_IN_URL"]
    );
    let handoff = with(&[
        ("SIGN_IN", "handoff"),
        ("SESSION_COOKIE", ""),
        ("SIGN_IN_URL", "https://example.com/sign-in"),
    ]);
    assert!(wrong::<EntrypointConfig>(handoff).is_empty());
}

proptest! {
    #[test]
    fn no_variable_makes_the_configuration_panic(value in ".{0,60}", origin in "https://[a-z]{1,20}(\\.[a-z]{2,5})?(:[1-9][0-9]{0,3})?") {
        let names = ["PUBLIC_URL", "PARTNER_ID", "SIGN_IN", "SIGN_IN_URL", "SESSION_COOKIE", "SPOTIFY_ACCOUNTS_URL", "SPOTIFY_JWS_CONTENT_TYPE", "SUPPORT_URL"];
        for name in names {
            let environment = complete().into_iter().chain([(name, value.as_str())]).collect();
            if let Err(error) = UnlinkConfig::from_environment(environment) {
                prop_assert!(error.variables().all(|wrong| names.contains(&wrong)));
            }
        }
        if !origin.contains("localhost") {
            let parsed = PublicUrl::parse(&origin).unwrap();
            prop_assert_eq!(parsed.as_str().trim_end_matches(":443"), origin.trim_end_matches(":443"));
        }
    }
}

#[test]
fn entrypoint_does_not_know_the_client_secret() {
    assert!(!EntrypointConfig::variable_names().contains("SPOTIFY_CLIENT_SECRET_ID"));
    assert!(CallbackConfig::variable_names().contains("SPOTIFY_CLIENT_SECRET_ID"));
}
