//! Sign-in at an `OpenID` provider: successes, refusals, outages and hostile responses.

use sandbox::deployment;
use serde_json::{Value, json};
use url::Url;

use crate::support::{TestResponse, World, logged_of, parameter};

const ADA: &str = "account=member-1003";
const BELA: &str = "account=member-1002";
const SHOW: &str = "0MossHour0000000000002";

/// Checks that the response is this error page, without a redirect.
fn refused(answer: &TestResponse, status: u16, title: &str) {
    assert_eq!((answer.status, answer.title()), (status, title), "{}", answer.body);
    assert_eq!(answer.header("location"), None);
}

fn step(answer: &TestResponse) -> &str {
    let after = answer.body.split_once("class=\"step\" href=\"").expect("no step").1;
    after.split_once('"').unwrap().0
}

#[tokio::test]
async fn a_subscriber_of_a_provider_is_linked_with_the_id_tokens_entitlements() {
    let (world, provider) = World::signing_in().await;
    let mut browser = world.browser();
    let away = browser.get("/entrypoint").await;
    let authorize = Url::parse(away.location()).unwrap();
    let names: Vec<_> = authorize.query_pairs().map(|(name, _)| name.into_owned()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    let expected = [
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
    ];
    assert_eq!(sorted, expected);
    let of = |name: &str| parameter(away.location(), name).unwrap();
    assert_eq!((of("scope").as_str(), of("response_type").as_str()), ("openid", "code"));
    assert_eq!(
        (of("code_challenge_method").as_str(), of("code_challenge").len()),
        ("S256", 43)
    );
    assert_eq!((of("state").len(), of("nonce").len()), (43, 43));
    assert_eq!(of("redirect_uri"), world.gateway("/sign-in/callback"));

    let back = browser.at_provider(&provider, away.location(), ADA).await;
    let consent = browser.get(&back).await;
    assert_eq!(consent.status, 302, "{}", consent.body);
    let token = &provider.requests("/token").await[0];
    assert_eq!(token["authorization"], "Basic");
    let callback = browser.agree(&consent.location().parse().unwrap(), "mara").await;
    assert_eq!(browser.get(&callback).await.status, 302);
    assert_eq!(
        world.linked("ada"),
        Some(("mara".to_owned(), vec!["all-access".to_owned(), "basic".to_owned()]))
    );
}

/// Every journey goes through the provider, because another person may use the browser now. A provider session makes it invisible.
#[tokio::test]
async fn an_existing_provider_session_needs_no_new_sign_in() {
    let (world, provider) = World::signing_in().await;
    let mut browser = world.browser();
    assert_eq!(browser.signs_in(&provider, "/entrypoint", ADA).await.status, 302);
    let away = browser.get("/entrypoint").await;
    assert!(away.location().starts_with(&provider.issuer), "{}", away.location());
    let back = browser.get(away.location()).await;
    assert!(back.location().starts_with(&world.gateway("/sign-in/callback?")));
    assert!(browser.get(back.location()).await.location().contains("/authorize?"));
}

#[tokio::test]
async fn the_show_and_language_survive_a_provider_sign_in() {
    let (world, provider) = World::signing_in().await;
    let mut browser = world.browser();
    let page = format!("/entrypoint?spotifyShowUri=spotify%3Ashow%3A{SHOW}&lang=ar&show_dialog=true&unknown=1");
    let away = browser.get(&page).await;
    assert_eq!(parameter(away.location(), "ui_locales").as_deref(), Some("ar"));
    // A sign-in may take an hour: time to sign up, to pay and to find an e-mail.
    world.advance(3599);
    let back = browser.at_provider(&provider, away.location(), BELA).await;
    let consent = browser.get(&back).await;
    assert_eq!(
        parameter(consent.location(), "show_dialog").as_deref(),
        Some("true"),
        "{}",
        consent.body
    );
    let cancelled = browser.cancel(&consent.location().parse().unwrap()).await;
    let page = browser.get(&cancelled).await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("<html lang=\"ar\" dir=\"rtl\">"));
    let partner = &world.sandbox.options().partner_id;
    assert_eq!(
        step(&page),
        format!("/partners/{partner}/entrypoint?show={SHOW}&amp;lang=ar")
    );
}

#[tokio::test]
async fn a_provider_sign_in_is_valid_for_one_partner() {
    let (world, provider) = World::signing_in().await;
    let mut browser = world.browser();
    let other = "1111111111111111111111";
    let consent = browser
        .signs_in(&provider, &format!("/partners/{other}/entrypoint"), ADA)
        .await;
    let callback = browser.agree(&consent.location().parse().unwrap(), "mara").await;
    assert_eq!(browser.get(&callback).await.status, 302);
    assert_eq!(world.linked("ada"), None);
    let of_other = world.sandbox.options().partner_user_id(other, world.person("ada"));
    assert!(world.spotify().link(other, &of_other).is_some());
    // A visit to one partner's pages does not count at another partner.
    assert_eq!(browser.get(&format!("/partners/{other}/account")).await.status, 200);
    assert!(browser.get("/account").await.location().contains("/sign-in?return_to="));
}

#[tokio::test]
async fn account_and_unlink_keep_a_provider_sign_in_for_ten_minutes() {
    let (world, provider) = World::signing_in().await;
    for page in ["/account?lang=ja", "/unlink"] {
        let mut browser = world.browser();
        let known = browser.signs_in(&provider, page, ADA).await;
        assert_eq!((known.status, known.location()), (302, page), "{}", known.body);
        assert_eq!(browser.get(known.location()).await.status, 200);
        browser.keep_cookies();
        world.advance(599);
        assert_eq!(browser.get(page).await.status, 200);
        world.advance(1);
        assert_eq!(browser.get(page).await.status, 302);
    }
    let mut browser = world.browser();
    browser.signs_in(&provider, "/unlink", ADA).await;
    let form = format!("form_token={}", browser.get("/unlink").await.form_token());
    let done = browser.post("/unlink", &form).await;
    assert_eq!(done.title(), "Disconnected from Spotify");
    assert_eq!(world.calls().2, 1);
}

/// S-STATE, as for Spotify's consent: a state works once, in its browser, for an hour.
#[tokio::test]
async fn a_sign_in_is_consumed_once_in_the_browser_that_began_it() {
    let (world, provider) = World::signing_in().await;
    let mut browser = world.browser();
    let away = browser.get("/entrypoint").await;
    let back = browser.at_provider(&provider, away.location(), ADA).await;
    let mut stranger = world.browser();
    stranger.get("/entrypoint").await;
    for other in [&mut world.browser(), &mut stranger] {
        refused(&other.get(&back).await, 400, "Please start again");
    }
    let before = browser.clone();
    assert_eq!(browser.get(&back).await.status, 302);
    for again in [&mut browser, &mut before.clone()] {
        refused(&again.get(&back).await, 400, "Please start again");
    }
    assert_eq!(provider.requests("/token").await.len(), 1);

    let mut late = world.browser();
    let away = late.get("/entrypoint").await;
    let back = late.at_provider(&provider, away.location(), ADA).await;
    late.keep_cookies();
    world.advance(3600);
    refused(&late.get(&back).await, 400, "Please start again");
    // The state of a sign-in does not work at the link callback.
    let mut confused = world.browser();
    let away = confused.get("/entrypoint").await;
    let state = parameter(away.location(), "state").unwrap();
    refused(
        &confused.get(&format!("/callback?code=x&state={state}")).await,
        400,
        "Please start again",
    );
    assert_eq!(provider.requests("/token").await.len(), 1);
    assert_eq!(world.calls(), (0, 0, 0));
}

#[tokio::test]
async fn a_cancelled_sign_in_can_be_started_again() {
    let (world, provider) = World::signing_in().await;
    let mut browser = world.browser();
    let page = format!("/entrypoint?show={SHOW}");
    let away = browser.get(&page).await;
    let back = browser.at_provider(&provider, away.location(), "cancel=1").await;
    assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
    let answer = browser.get(&back).await;
    refused(&answer, 403, "You did not sign in");
    assert_eq!(browser.binding(), None);
    // The state is consumed, and no code works with it.
    let state = parameter(&back, "state").unwrap();
    let iss = &provider.issuer;
    refused(
        &browser
            .get(&format!("/sign-in/callback?code=x&state={state}&iss={iss}"))
            .await,
        400,
        "Please start again",
    );
    assert_eq!(step(&answer), page);
    assert_eq!(browser.signs_in(&provider, &page, ADA).await.status, 302);
}

/// A valid ID token whose claims do not fit the configuration is an error for the operator, not for the person.
#[tokio::test]
async fn unusable_claims_are_logged_as_an_error() {
    let (world, provider) = World::signing_in().await;
    for (claims, reason) in [
        (json!({"sub": ""}), "sub"),
        (json!({"entitlements": {"gold": true}}), "entitlements"),
        (json!({"entitlements": [1]}), "entitlements"),
        (json!({"partner_id": 7}), "partner_id"),
    ] {
        provider.tamper(json!({"id_token": {"claims": claims}})).await;
        let answer = world.browser().signs_in(&provider, "/entrypoint", ADA).await;
        refused(&answer, 502, "Something went wrong");
        let lines = logged_of(&answer.request_id());
        let line = lines.last().unwrap();
        assert_eq!(
            (line["code"].as_str(), line["level"].as_str()),
            (Some("SIGN_IN_CLAIMS_UNUSABLE"), Some("ERROR"))
        );
        assert!(
            line["reason"].as_str().unwrap().ends_with(&format!("claim {reason}")),
            "{line}"
        );
    }
    // `partner_id` may be one id, or a list that contains it.
    let partner = &world.sandbox.options().partner_id;
    for claim in [json!(partner), json!(["2222222222222222222222", partner])] {
        provider
            .tamper(json!({"id_token": {"claims": {"partner_id": claim}}}))
            .await;
        assert_eq!(
            world.browser().signs_in(&provider, "/entrypoint", ADA).await.status,
            302
        );
    }
}

/// Entra sends an `error_description` of several lines.
#[tokio::test]
async fn a_multi_line_error_description_is_accepted() {
    let (world, provider) = World::signing_in().await;
    let mut browser = world.browser();
    let page = "/partners/1111111111111111111111/account?lang=fr";
    let away = browser.get(page).await;
    let away = browser.get(away.location()).await;
    let back = browser.at_provider(&provider, away.location(), "cancel=1").await;
    let (before, _) = back.split_once("&error_description=").unwrap_or((&back, ""));
    let iss: String = url::form_urlencoded::byte_serialize(provider.issuer.as_bytes()).collect();
    let state = parameter(&back, "state").unwrap();
    let described = format!(
        "{}?error=access_denied&error_description=AADSTS65004%3a+No.%0d%0aTrace+ID%3a+1%0d%0a&state={state}&iss={iss}",
        before.split('?').next().unwrap()
    );
    let answer = browser.get(&described).await;
    assert_eq!((answer.status, step(&answer)), (403, page), "{}", answer.body);
}

/// A failure after the provider's redirect: the error page leads back to the page that was requested.
#[tokio::test]
async fn a_failed_sign_in_links_back_to_the_requested_page() {
    let page = "/partners/1111111111111111111111/unlink?lang=en";
    let (world, provider) = World::signing_in().await;
    let mut browser = world.browser();
    let away = browser.get(page).await;
    let away = browser.get(away.location()).await;
    let back = browser.at_provider(&provider, away.location(), ADA).await;
    // The callback in another browser is rejected, and does not consume the state.
    let stranger = world.browser().get(&back).await;
    refused(&stranger, 400, "Please start again");
    provider.tamper(json!({"token": {"delay_ms": 20_000}})).await;
    let answer = browser.get(&back).await;
    refused(&answer, 503, "Signing in does not work just now");
    assert_eq!((step(&answer), browser.binding()), (page, None));
    // A consumed callback, loaded again, is rejected with its own log reason.
    let mut before = world.browser();
    before.cookies.insert("__Host-soa_link".to_owned(), "x".to_owned());
    provider.tamper(json!({})).await;
    let known = browser.signs_in(&provider, page, ADA).await;
    assert_eq!(known.location(), page);
    let away = browser.get("/entrypoint").await;
    let again = browser.at_provider(&provider, away.location(), ADA).await;
    let spent = browser.clone();
    assert_eq!(browser.get(&again).await.status, 302);
    let answer = spent.clone().get(&again).await;
    refused(&answer, 400, "Please start again");
    let lines = logged_of(&answer.request_id());
    assert_eq!(lines.last().unwrap()["reason"], "state: spent");
}

/// Each failure of the token endpoint shows an error page, and a new sign-in works afterwards.
#[tokio::test]
async fn a_sign_in_works_again_after_a_token_endpoint_failure() {
    let (world, provider) = World::signing_in().await;
    let down = [
        json!({"token": {"status": 503, "body": ""}}),
        json!({"token": {"status": 500, "body": "{\"error\":\"server_error\"}"}}),
        json!({"token": {"body": "<html>"}}),
        json!({"token": {"body": "[]"}}),
        json!({"token": {"body": "{}"}}),
        json!({"token": {"huge": 10_000_000}}),
        json!({"token": {"delay_ms": 20_000}}),
        json!({"id_token": {"drop": true}}),
        json!({"token": {"set": {"id_token": "rubbish"}}}),
        json!({"token": {"set": {"id_token": 7}}}),
    ];
    for with in down {
        provider.tamper(with.clone()).await;
        let answer = world.browser().signs_in(&provider, "/entrypoint", ADA).await;
        assert_eq!(
            (answer.status, answer.title()),
            (503, "Signing in does not work just now"),
            "{with}"
        );
        assert_eq!(answer.header("retry-after"), Some("5"));
    }
    provider
        .tamper(json!({"token": {"status": 400, "body": "{\"error\":\"invalid_grant\"}"}}))
        .await;
    refused(
        &world.browser().signs_in(&provider, "/entrypoint", ADA).await,
        400,
        "Please start again",
    );
    let mut browser = world.browser();
    provider
        .tamper(json!({"token": {"status": 401, "body": "{\"error\":\"invalid_client\"}"}}))
        .await;
    let answer = browser
        .signs_in(&provider, &format!("/entrypoint?show={SHOW}"), ADA)
        .await;
    refused(&answer, 502, "Something went wrong");
    provider.tamper(json!({})).await;
    assert_eq!(browser.signs_in(&provider, step(&answer), ADA).await.status, 302);
    // Each code was sent once: a code is never retried.
    assert_eq!(provider.requests("/token").await.len(), 13);
}

#[tokio::test]
async fn a_provider_down_at_start_is_retried_after_five_seconds() {
    let late = [
        json!({"discovery": {"status": 500}}),
        json!({"discovery": {"body": "{}"}}),
        json!({"discovery": {"set": {"issuer": "https://evil.example"}}}),
        json!({"discovery": {"set": {"token_endpoint": "http://127.0.0.1.evil.example/token"}}}),
        json!({"discovery": {"set": {"jwks_uri": "http://evil.example/jwks"}}}),
        json!({"jwks": {"status": 500}}),
        json!({"jwks": {"body": "<html>"}}),
        json!({"jwks": {"huge": 10_000_000}}),
        json!({"discovery": {"delay_ms": 20_000}}),
    ];
    for with in late {
        let (world, provider) = World::oidc(&json!({}), &[], with.clone()).await;
        let mut browser = world.browser();
        let answer = browser.get(&format!("/entrypoint?show={SHOW}&lang=de")).await;
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (503, Some("5")),
            "{with}"
        );
        assert!(answer.body.contains("<html lang=\"de\""));
        provider.tamper(json!({})).await;
        // The provider is not fetched again for five seconds.
        let asked = provider.requests("/.well-known/openid-configuration").await.len();
        assert_eq!(browser.get("/entrypoint").await.status, 503);
        assert_eq!(
            provider.requests("/.well-known/openid-configuration").await.len(),
            asked
        );
        world.advance(5);
        let page = step(&answer).replace("&amp;", "&");
        assert_eq!(browser.signs_in(&provider, &page, ADA).await.status, 302, "{with}");
    }
}

#[tokio::test]
async fn cached_provider_metadata_is_used_for_a_day_during_an_outage() {
    let (world, provider) = World::signing_in().await;
    provider.tamper(json!({"discovery": {"status": 503}})).await;
    world.advance(300);
    assert_eq!(world.browser().get("/entrypoint").await.status, 302);
    let asked = provider.requests("/.well-known/openid-configuration").await.len();
    assert_eq!(world.browser().get("/entrypoint").await.status, 302);
    assert_eq!(
        provider.requests("/.well-known/openid-configuration").await.len(),
        asked
    );
    world.advance(24 * 3600);
    assert_eq!(world.browser().get("/entrypoint").await.status, 503);
}

/// Covers both orders: rotated at the provider first, or in Secrets Manager first.
#[tokio::test]
async fn a_client_secret_rotated_at_the_provider_does_not_interrupt_sign_in() {
    let there_first = json!({"client_secret": "rotated-at-the-provider"});
    for configuration in [there_first.clone(), json!({})] {
        let (world, provider) = World::oidc(&configuration, &[], json!({})).await;
        let secrets = world.sandbox.secrets_manager();
        secrets.put(deployment::OIDC_CLIENT_SECRET_ID, &there_first.to_string());
        if configuration != there_first {
            world.advance(300);
        }
        let answer = world.browser().signs_in(&provider, "/entrypoint", ADA).await;
        assert_eq!(answer.status, 302, "{configuration} {}", answer.body);
        assert_eq!(provider.requests("/token").await.len(), 2, "{configuration}");
    }
    // Without another secret, the wrong one is tried once.
    let (world, provider) = World::oidc(&there_first, &[], json!({})).await;
    let answer = world.browser().signs_in(&provider, "/entrypoint", ADA).await;
    assert_eq!(answer.status, 502);
    assert_eq!(provider.requests("/token").await.len(), 1);
}

/// The provider rotates its signing key while people sign in.
#[tokio::test]
async fn a_rotated_provider_key_is_fetched_at_most_once_a_minute() {
    let (world, provider) = World::signing_in().await;
    let fetched = async || provider.requests("/jwks").await.len();
    let at_first = fetched().await;
    assert_eq!(
        world.browser().signs_in(&provider, "/entrypoint", ADA).await.status,
        302
    );
    assert_eq!(fetched().await, at_first);
    provider.roll("k2", true).await;
    assert_eq!(
        world.browser().signs_in(&provider, "/entrypoint", ADA).await.status,
        302
    );
    assert_eq!(fetched().await, at_first + 1);
    provider.roll("k3", false).await;
    refused(
        &world.browser().signs_in(&provider, "/entrypoint", ADA).await,
        502,
        "Something went wrong",
    );
    assert_eq!(fetched().await, at_first + 1);
    world.advance(60);
    assert_eq!(
        world.browser().signs_in(&provider, "/entrypoint", ADA).await.status,
        302
    );
    assert_eq!(fetched().await, at_first + 2);
}

/// RFC 9207 §2.4: `iss` is checked before the code is used, and also on an error response.
#[tokio::test]
async fn a_callback_of_another_provider_is_rejected_before_the_exchange() {
    let (world, provider) = World::signing_in().await;
    for iss in [
        json!("https://evil.example"),
        json!(format!("{}/", provider.issuer)),
        json!(""),
        Value::Null,
    ] {
        for choice in [ADA, "cancel=1"] {
            provider.tamper(json!({"authorize": {"iss": iss}})).await;
            refused(
                &world.browser().signs_in(&provider, "/entrypoint", choice).await,
                400,
                "This link does not work",
            );
        }
    }
    assert_eq!(provider.requests("/token").await.len(), 0);
}

#[tokio::test]
async fn every_algorithm_and_client_authentication_method_works() {
    let in_body = json!({"auth_method": "client_secret_post", "id_token_alg": "PS256"});
    let public = json!({"client_secret": null, "id_token_alg": "EdDSA"});
    for (configuration, variables) in [
        (json!({"id_token_alg": "ES256"}), &[][..]),
        (in_body, &[]),
        (public, &[("OIDC_CLIENT_AUTHENTICATION", "none")]),
    ] {
        let (world, provider) = World::oidc(&configuration, variables, json!({})).await;
        let answer = world.browser().signs_in(&provider, "/entrypoint", ADA).await;
        assert_eq!(answer.status, 302, "{configuration} {}", answer.body);
        let basic = if configuration["auth_method"].is_null() && !configuration["id_token_alg"].eq("EdDSA") {
            json!("Basic")
        } else {
            Value::Null
        };
        assert_eq!(
            provider.requests("/token").await[0]["authorization"],
            basic,
            "{configuration}"
        );
    }
}

/// Claim layouts of Keycloak, Cognito and other providers.
#[tokio::test]
async fn claims_are_read_by_their_configured_names() {
    let nested = [
        ("OIDC_ENTITLEMENTS_CLAIM", "/realm_access/roles"),
        ("OIDC_ENTITLEMENTS_PREFIX", "spotify-"),
        ("OIDC_SCOPES", "openid profile email"),
    ];
    let (world, provider) = World::oidc(&json!({}), &nested, json!({})).await;
    let mut browser = world.browser();
    let consent = browser.signs_in(&provider, "/entrypoint", ADA).await;
    let callback = browser.agree(&consent.location().parse().unwrap(), "mara").await;
    browser.get(&callback).await;
    assert_eq!(world.linked("ada").unwrap().1, ["all-access", "basic"]);

    // Invalid entitlement names are skipped; a member name may contain a slash.
    let others = [
        ("OIDC_ENTITLEMENTS_CLAIM", "/realm_access/a~1b"),
        ("OIDC_PARTNER_USER_ID_CLAIM", "spotify_id"),
        ("OIDC_SUB_CLAIM", "member"),
    ];
    let (world, provider) = World::oidc(&json!({}), &others, json!({})).await;
    let mut browser = world.browser();
    let consent = browser.signs_in(&provider, "/entrypoint", ADA).await;
    let callback = browser.agree(&consent.location().parse().unwrap(), "mara").await;
    browser.get(&callback).await;
    let link = world
        .spotify()
        .link(&world.sandbox.options().partner_id, "0123456789abcdef")
        .unwrap();
    assert_eq!(link.entitlements, ["offline_access"]);

    let missing = [("OIDC_PARTNER_USER_ID_CLAIM", "nowhere")];
    let (world, provider) = World::oidc(&json!({}), &missing, json!({})).await;
    refused(
        &world.browser().signs_in(&provider, "/entrypoint", ADA).await,
        502,
        "Something went wrong",
    );
}

/// S-REDIR-1: `return_to` must be exactly one of the deployment's own page URLs, before and after the sign-in.
#[tokio::test]
async fn a_foreign_return_to_is_rejected() {
    let (world, provider) = World::signing_in().await;
    let ours = world.gateway("/account");
    let host = ours.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let hostile = [
        String::new(),
        "//evil.example".to_owned(),
        "/account".to_owned(),
        "https://evil.example/account".to_owned(),
        format!("http://{host}@evil.example/account"),
        format!("http://evil.example\\@{host}/account"),
        format!("http://{host}\\.evil.example/account"),
        format!("http:{host}/account"),
        format!("http:///{host}/account"),
        format!("{ours}#x"),
        format!("{ours}%2f..%2f.."),
        format!("{ours}?x=1"),
        format!("{ours}?return_to=https://evil.example"),
        format!("http://{host}//evil.example"),
        format!("http://{host}/callback"),
        format!("http://{host}/%2e%2e/account"),
        "http://127\u{3002}0\u{3002}0\u{3002}1/account".to_owned(),
        "javascript:alert(1)".to_owned(),
        "http%3A%2F%2F127.0.0.1%2Faccount".to_owned(),
        format!(" {ours}"),
        format!("{ours}\t"),
        format!("{ours}\r\nx: y"),
        ours.to_uppercase(),
    ];
    for return_to in hostile {
        let mut url = Url::parse(&world.gateway("/sign-in")).unwrap();
        url.query_pairs_mut().append_pair("return_to", &return_to);
        let answer = world.browser().get(url.as_str()).await;
        refused(&answer, 400, "This link does not work");
        assert!(!answer.body.contains("evil"), "{return_to}");
    }
    for query in [
        "",
        "?return_to",
        "?return_to=a&return_to=b",
        "?Return_To=x",
        "?next=https%3A%2F%2Fevil.example",
    ] {
        refused(
            &world.browser().get(&format!("/sign-in{query}")).await,
            400,
            "This link does not work",
        );
    }
    let mut browser = world.browser();
    let away = browser.get(&format!("/sign-in?return_to={ours}")).await;
    let back = browser.at_provider(&provider, away.location(), ADA).await;
    let extra = format!("{back}&return_to=https%3A%2F%2Fevil.example&redirect_uri=https%3A%2F%2Fevil.example");
    assert_eq!(browser.get(&extra).await.location(), "/account");
}

#[tokio::test]
async fn sign_in_pages_exist_only_with_a_provider() {
    let world = World::without_partners_table().await;
    let ours = world.gateway("/account");
    for path in [
        format!("/sign-in?return_to={ours}"),
        "/sign-in/callback?code=x&state=y".to_owned(),
    ] {
        assert_eq!(world.browser().get(&path).await.status, 404);
    }
    // With a provider, tokens of the site are ignored.
    let (world, _provider) = World::signing_in().await;
    let token = world.site_token("soa-handoff+jwt", &world.handoff_claims("ada", "nonce", "jti"));
    assert_eq!(
        world.browser().get(&format!("/entrypoint?token={token}")).await.status,
        302
    );
    assert!(
        world
            .signed_in("ada")
            .get("/account")
            .await
            .location()
            .contains("/sign-in?return_to=")
    );
    assert!(!world.stored().await.contains("jti#"));
}

/// S-PKCE-2, S-LOG-1: the secrets of a sign-in appear in no page, log line or stored item.
#[tokio::test]
async fn a_sign_in_leaves_no_secrets_in_pages_logs_or_storage() {
    let (world, provider) = World::signing_in().await;
    let mut browser = world.browser();
    let away = browser.get("/account").await;
    let away = browser.get(away.location()).await;
    let back = browser.at_provider(&provider, away.location(), ADA).await;
    let known = browser.get(&back).await;
    let page = browser.get("/account").await;
    assert_eq!((known.status, page.status), (302, 200));
    let [code, state] = ["code", "state"].map(|name| parameter(&back, name).unwrap());
    let nonce = parameter(away.location(), "nonce").unwrap();
    let stored = world.stored().await;
    assert!(!stored.contains(&state) && !stored.contains(&code) && !stored.contains("member-1003"));
    let seen = format!(
        "{away:?} {known:?} {page:?} {:?}",
        browser.cookies.get("__Host-soa_visit")
    );
    for secret in [
        world.partner_user_id("ada"),
        "member-1003".to_owned(),
        world.sandbox.options().oidc.client_secret.clone(),
    ] {
        assert!(!seen.contains(&secret));
    }
    let log = crate::support::logged();
    for secret in [
        &code,
        &state,
        &nonce,
        &world.partner_user_id("ada"),
        &"member-1003".to_owned(),
        &world.sandbox.options().oidc.client_secret,
    ] {
        assert!(!log.contains(secret.as_str()));
    }
    let request_id = page
        .body
        .split_once("id=\"request-id\">")
        .unwrap()
        .1
        .split_once('<')
        .unwrap()
        .0;
    let lines = logged_of(request_id);
    assert_eq!(lines.last().unwrap()["code"], "ACCOUNT_SHOWN");
    // The reference on the page is the pseudonym in the log.
    let reference = page
        .body
        .split_once("id=\"reference\">")
        .unwrap()
        .1
        .split_once('<')
        .unwrap()
        .0;
    assert_eq!(lines[0]["span"]["person"], reference);
}
