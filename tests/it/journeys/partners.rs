//! Several partners under one Spotify client: tokens, keys and providers of a partner.

use jsonwebtoken::Algorithm;
use sandbox::deployment;
use serde_json::{Value, json};

use crate::support::{
    TestResponse, World,
    jwks_server::{JwksServer, TestKey},
    parameter,
    partners_function::{ask, new_partner, operators},
    signed,
};

/// Ada's choice at the provider.
const ADA: &str = "account=member-1003";

/// Links Ada by a hand-off whose token `sign` makes from the nonce. Returns the response of the callback, or of the entrypoint if it rejects the token.
async fn handed_over(world: &World, place: &str, sign: impl FnOnce(&str) -> String) -> TestResponse {
    let mut browser = world.browser();
    let path = format!("/partners/{place}/entrypoint");
    let away = browser.get(&path).await;
    assert!(
        away.location().starts_with("https://lunar.example/sign-in?"),
        "{}",
        away.location()
    );
    let token = sign(&parameter(away.location(), "nonce").unwrap());
    let consent = browser.get(&format!("{path}?token={token}")).await;
    if consent.status != 302 {
        return consent;
    }
    let callback = browser.agree(&consent.location().parse().unwrap(), "mara").await;
    browser.get(&callback).await
}

/// A subscription to one partner must not count at another.
#[tokio::test]
async fn a_token_of_the_deployments_site_must_name_the_partner() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let partner = ask(&operators, new_partner()).await;
    let partner_id = partner["partner_id"].as_str().unwrap();
    let by_site = |named: Option<&str>, jti: &'static str| {
        let named = named.map(str::to_owned);
        let world = &world;
        move |nonce: &str| {
            let mut claims = world.handoff_claims("ada", nonce, jti);
            if let Some(named) = named {
                claims["partner_id"] = named.into();
            }
            world.site_token("soa-handoff+jwt", &claims)
        }
    };
    let own = world.sandbox.options().partner_id.clone();
    for (named, jti) in [(None, "1"), (Some(own.as_str()), "2")] {
        assert_eq!(handed_over(&world, partner_id, by_site(named, jti)).await.status, 401);
    }
    let linked = handed_over(&world, partner_id, by_site(Some(partner_id), "3")).await;
    assert_eq!(linked.status, 302, "{}", linked.body);
    let ada = world.sandbox.options().partner_user_id(partner_id, world.person("ada"));
    assert!(world.spotify().link(partner_id, &ada).is_some());
    assert!(world.linked("ada").is_none());
    // The partner's `reference` works in the path too.
    assert_eq!(
        handed_over(&world, "lunar", by_site(Some(partner_id), "4"))
            .await
            .status,
        302
    );
}

/// Issuer of a partner that has its own keys.
const THEIR_ISSUER: &str = "https://lunar.example";

/// A key, its JWKS server, and a `create-partner` command for a partner whose site signs with it.
async fn publishing() -> (TestKey, JwksServer, Value) {
    let key = TestKey::new(Algorithm::ES256, "theirs");
    let published = JwksServer::at_first(&[&key]).await;
    let mut partner = new_partner();
    partner["settings"]["SITE_ISSUER"] = THEIR_ISSUER.into();
    partner["settings"]["SITE_JWKS_URL"] = published.url.as_str().into();
    (key, published, partner)
}

/// The partners table is read again each minute. The fetched keys of an unchanged partner are kept, also when many unknown names are requested in between.
#[tokio::test]
async fn a_partners_cached_keys_outlive_an_outage_of_their_url() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let (key, published, partner) = publishing().await;
    ask(&operators, partner).await;
    let link = async |jti: &str| {
        let by_them = |nonce: &str| {
            let mut claims = world.handoff_claims("ada", nonce, jti);
            claims["iss"] = THEIR_ISSUER.into();
            key.sign("soa-handoff+jwt", &claims)
        };
        handed_over(&world, "lunar", by_them).await.status
    };
    assert_eq!(link("1").await, 302);
    let asked = published.asked();
    world.advance(61);
    assert_eq!((link("2").await, published.asked()), (302, asked));
    published.is_down();
    world.advance(3600);
    assert_eq!(link("3").await, 302);
    let mut browser = world.browser();
    for n in 0..1001 {
        let unknown = browser.get(&format!("/partners/unknown{n}/entrypoint")).await;
        assert_eq!(unknown.status, 404);
    }
    world.advance(61);
    assert_eq!(link("4").await, 302);
}

#[tokio::test]
async fn a_partners_own_keys_are_its_only_keys_and_valid_nowhere_else() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let (key, published, mut partner) = publishing().await;
    for (name, value) in [
        ("BACKEND_ISSUER", THEIR_ISSUER),
        ("BACKEND_JWKS_URL", &published.url),
        ("DEFAULT_ENTITLEMENTS", "newsletter"),
    ] {
        partner["settings"][name] = value.into();
    }
    let partner_id = ask(&operators, partner).await["partner_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let claims = |nonce: &str| {
        let mut claims = world.handoff_claims("ada", nonce, "jti");
        claims["iss"] = THEIR_ISSUER.into();
        claims.as_object_mut().unwrap().remove("entitlements");
        claims
    };
    let by_us = handed_over(&world, &partner_id, |nonce| {
        world.site_token("soa-handoff+jwt", &claims(nonce))
    })
    .await;
    assert_eq!(by_us.status, 401);
    let by_them = handed_over(&world, &partner_id, |nonce| key.sign("soa-handoff+jwt", &claims(nonce))).await;
    assert_eq!(by_them.status, 302, "{}", by_them.body);
    let ada = world
        .sandbox
        .options()
        .partner_user_id(&partner_id, world.person("ada"));
    // Without a backend write or a claim, the partner's `DEFAULT_ENTITLEMENTS` apply.
    assert_eq!(
        world.spotify().link(&partner_id, &ada).unwrap().entitlements,
        ["newsletter"]
    );
    // The partner's backend key is valid only on the partner's paths; the deployment's backend key is not valid there.
    let request = |path: &str, iss: &str, of: &str, jti: &str| {
        let now = world.clock.now();
        json!({
            "iss": iss, "aud": world.gateway(path), "iat": now, "exp": now + 300, "jti": jti,
            "partner_id": of, "sub": "someone", "entitlements": ["gold"],
        })
    };
    let theirs = format!("/partners/{partner_id}/replace-entitlements");
    let ours = world.sandbox.options().partner_id.clone();
    let typ = "soa-request+jwt";
    let good = key.sign(typ, &request(&theirs, THEIR_ISSUER, &partner_id, "a"));
    assert_eq!(world.backend_call(&theirs, &good).await.status, 202);
    let at_ours = key.sign(typ, &request("/replace-entitlements", THEIR_ISSUER, &ours, "b"));
    assert_eq!(world.backend_call("/replace-entitlements", &at_ours).await.status, 401);
    let our_issuer = world.sandbox.options().site_issuer(world.sandbox.addresses());
    for iss in [THEIR_ISSUER, our_issuer.as_str()] {
        let by_ours = signed(
            &crate::support::backend_key(),
            typ,
            &request(&theirs, iss, &partner_id, iss),
        );
        assert_eq!(world.backend_call(&theirs, &by_ours).await.status, 401, "{iss}");
    }
}

#[tokio::test]
async fn a_disabled_partner_can_unlink_but_not_link() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let partner = ask(&operators, new_partner()).await;
    let partner_id = partner["partner_id"].as_str().unwrap();
    let path = |name: &str| format!("/partners/{partner_id}/{name}");
    let show = "link?show=0MossHour0000000000002";
    for unknown in ["1111111111111111111111", "moon", "Lunar"] {
        for page in ["entrypoint", show, "unlink", "account"] {
            assert_eq!(
                world.browser().get(&format!("/partners/{unknown}/{page}")).await.status,
                404,
                "{unknown} {page}"
            );
        }
    }
    let mut browser = world.browser();
    assert_eq!(browser.get(&path(show)).await.status, 302);
    // A page of the partner has the partner's brand, not the deployment's.
    let page = browser.get(&path("entrypoint?token=x")).await;
    assert_eq!(page.status, 401);
    assert!(
        page.body.contains("Lunar Industries") && page.body.contains("#1a2b3c"),
        "{}",
        page.body
    );
    assert!(!page.body.contains(&world.sandbox.options().publisher.name));

    // A journey that began before the partner was disabled does not link.
    let away = browser.get(&path("entrypoint")).await;
    let mut claims = world.handoff_claims("ada", &parameter(away.location(), "nonce").unwrap(), "jti");
    claims["partner_id"] = partner_id.into();
    let token = world.site_token("soa-handoff+jwt", &claims);
    let consent = browser.get(&format!("{}?token={token}", path("entrypoint"))).await;
    let callback = browser.agree(&consent.location().parse().unwrap(), "mara").await;
    let disable = json!({"command": "disable-partner", "partner_id": partner_id});
    assert!(ask(&operators, disable).await["disabled_at"].is_i64());
    world.advance(60);
    assert_eq!(browser.get(&callback).await.status, 404);
    assert_eq!(world.calls().1, 0);
    for page in ["entrypoint", show] {
        assert_eq!(browser.get(&path(page)).await.status, 404, "{page}");
    }
    assert_eq!(browser.get(&path("unlink")).await.status, 200);
    let enable = json!({"command": "enable-partner", "partner_id": partner_id});
    assert!(ask(&operators, enable).await["disabled_at"].is_null());
    world.advance(60);
    assert_eq!(browser.get(&path("entrypoint")).await.status, 302);
}

/// The partner's provider knows the functions as a public client: the deployment's client secret is not sent to it.
#[tokio::test]
async fn a_partner_with_its_own_provider_signs_subscribers_in_there() {
    let session = [("PARTNERS_TABLE", deployment::PARTNERS_TABLE), ("SIGN_IN", "session")];
    let partner_id = "1111111111111111111111";
    let client = json!({"client_secret": null, "partner_id": partner_id});
    let (world, provider) = World::oidc(&client, &session, json!({})).await;
    let operators = operators(&world).await;
    let settings = json!({
        "SIGN_IN": "oidc", "OIDC_ISSUER": provider.issuer, "OIDC_CLIENT_ID": sandbox::Oidc::default().client_id,
        "OIDC_CLIENT_AUTHENTICATION": "none",
    });
    let command = json!({"command": "put-partner", "partner_id": partner_id, "name": "Lunar", "settings": settings});
    assert_eq!(ask(&operators, command).await["version"], 1);
    let mut browser = world.browser();
    let consent = browser
        .signs_in(&provider, &format!("/partners/{partner_id}/entrypoint"), ADA)
        .await;
    assert_eq!(consent.status, 302, "{}", consent.body);
    let token = &provider.requests("/token").await[0];
    assert_eq!(token["authorization"], Value::Null, "{token}");
    let callback = browser.agree(&consent.location().parse().unwrap(), "mara").await;
    assert_eq!(browser.get(&callback).await.status, 302);
    let ada = world.sandbox.options().partner_user_id(partner_id, world.person("ada"));
    assert!(world.spotify().link(partner_id, &ada).is_some());
    // The account page uses the partner's provider too. The deployment's own partner has no provider.
    let known = world
        .browser()
        .signs_in(&provider, &format!("/partners/{partner_id}/account"), ADA)
        .await;
    assert_eq!(
        (known.status, known.location()),
        (302, format!("/partners/{partner_id}/account").as_str())
    );
    let ours = world.gateway("/account");
    assert_eq!(
        world.browser().get(&format!("/sign-in?return_to={ours}")).await.status,
        404
    );
}

/// A provider that serves all partners must say whose subscriber a person is.
#[tokio::test]
async fn an_id_token_of_the_deployments_provider_must_name_the_partner() {
    let (world, provider) = World::oidc(&json!({}), &[("PARTNERS_TABLE", deployment::PARTNERS_TABLE)], json!({})).await;
    let operators = operators(&world).await;
    let mut partner = new_partner();
    partner["settings"] = json!({});
    let partner_id = ask(&operators, partner).await["partner_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let page = format!("/partners/{partner_id}/entrypoint");
    assert_eq!(world.browser().signs_in(&provider, &page, ADA).await.status, 401);
    let own = &world.sandbox.options().partner_id;
    for (claimed, status) in [(json!(own), 401), (json!([own, partner_id]), 302)] {
        provider
            .tamper(json!({"id_token": {"claims": {"partner_id": claimed}}}))
            .await;
        assert_eq!(
            world.browser().signs_in(&provider, &page, ADA).await.status,
            status,
            "{claimed}"
        );
    }
}
