//! The checks of an ID token (`OpenID` Connect Core 1.0 §3.1.3.7, named by their numbers there), each with a token that passes beside those that fail.

use serde_json::{Value, json};

use crate::support::{Provider, World, logged_of};

const ADA: &str = "account=member-1003";
const DAY: i64 = 24 * 3600;

/// Who must act on a rejected token.
#[derive(Clone, Copy)]
enum Fault {
    /// The person: a new sign-in yields another token.
    SignIn,
    /// The operator: the provider's tokens do not match our configuration.
    Configuration,
}

/// Signs in with each of these responses, and asserts that it is rejected with this reason in the log. A token as it should be follows.
async fn each_is_rejected(world: &World, provider: &Provider, fault: Fault, bad: &[(Value, &str)]) {
    let (status, title, code, prefix) = match fault {
        Fault::SignIn => (401, "Please sign in again", "TOKEN_REJECTED", "token: "),
        Fault::Configuration => (
            502,
            "Something went wrong",
            "SIGN_IN_CLAIMS_UNUSABLE",
            "OpenID provider: claims: ",
        ),
    };
    for (with, reason) in bad {
        provider.tamper(with.clone()).await;
        let mut browser = world.browser();
        let answer = browser.signs_in(provider, "/entrypoint", ADA).await;
        assert_eq!((answer.status, answer.title()), (status, title), "{with}");
        assert_eq!(answer.header("location"), None);
        assert_eq!(browser.binding(), None);
        assert_eq!(browser.cookies.get("__Host-soa_visit"), None);
        let lines = logged_of(&answer.request_id());
        let line = lines.last().unwrap();
        let expected = format!("{prefix}{reason}");
        assert_eq!(
            (line["code"].as_str(), line["reason"].as_str()),
            (Some(code), Some(expected.as_str())),
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
    each_is_rejected(&world, &provider, Fault::Configuration, &bad).await;
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
    each_is_rejected(&world, &provider, Fault::Configuration, &bad).await;
    each_is_accepted(&world, &provider, &[claims(&json!({"aud": ["soa-link"]}))]).await;
}

/// Checks 4 and 5.
#[tokio::test]
async fn an_authorized_party_is_our_client() {
    let (world, provider) = World::signing_in().await;
    let bad = [(claims(&json!({"azp": "another"})), "claim azp")];
    each_is_rejected(&world, &provider, Fault::Configuration, &bad).await;
    each_is_accepted(&world, &provider, &[claims(&json!({"azp": "soa-link"}))]).await;
}

/// Check 6.
#[tokio::test]
async fn the_signature_is_of_a_key_that_the_provider_publishes() {
    let (world, provider) = World::signing_in().await;
    let foreign = [(json!({"id_token": {"foreign_key": true}}), "signature")];
    each_is_rejected(&world, &provider, Fault::SignIn, &foreign).await;
    let unknown = json!({"id_token": {"kid": "another"}});
    provider.tamper(unknown).await;
    let answer = world.browser().signs_in(&provider, "/entrypoint", ADA).await;
    assert_eq!((answer.status, answer.title()), (502, "Something went wrong"));
    let lines = logged_of(&answer.request_id());
    assert_eq!(lines.last().unwrap()["reason"], "OpenID provider: claims: unknown key");
}

/// Checks 7 and 8, and RFC 8725 §3.1.
#[tokio::test]
async fn the_algorithm_is_that_of_the_key_and_never_symmetric() {
    let (world, provider) = World::signing_in().await;
    let bad = ["none", "HS256_public", "HS256_secret"].map(|alg| (json!({"id_token": {"alg": alg}}), "alg"));
    each_is_rejected(&world, &provider, Fault::Configuration, &bad).await;
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
    each_is_rejected(&world, &provider, Fault::SignIn, &bad).await;
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
    let another = [(claims(&json!({"nonce": "another"})), "nonce of another browser")];
    each_is_rejected(&world, &provider, Fault::SignIn, &another).await;
}

/// Check 11: a provider that never sends the nonce.
#[tokio::test]
async fn a_token_without_a_nonce_is_a_fault_of_the_configuration() {
    let (world, provider) = World::signing_in().await;
    let missing = [(claims(&json!({"nonce": null})), "claim nonce")];
    each_is_rejected(&world, &provider, Fault::Configuration, &missing).await;
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
    each_is_rejected(&world, &provider, Fault::SignIn, &bad).await;
}

/// The partner in a token is that of the page.
#[tokio::test]
async fn a_partner_id_is_that_of_the_partner() {
    let (world, provider) = World::signing_in().await;
    let another = "2222222222222222222222";
    let bad = [json!(another), json!([another]), json!([])]
        .map(|id| (claims(&json!({"partner_id": id})), "claim partner_id"));
    each_is_rejected(&world, &provider, Fault::SignIn, &bad).await;
}

/// Zitadel puts all clients of a project into `aud`. Audiences beside ours are accepted only if each of them is trusted.
#[tokio::test]
async fn every_audience_beside_ours_must_be_trusted() {
    let trusted = [("OIDC_TRUSTED_AUDIENCES", "project another-client")];
    let (world, provider) = World::oidc(&json!({}), &trusted, json!({})).await;
    let bad = [
        (
            claims(&json!({"aud": ["soa-link", "project", "stranger"]})),
            "claim aud",
        ),
        (claims(&json!({"aud": ["project"]})), "claim aud"),
        (
            claims(&json!({"aud": ["soa-link", "project"], "azp": "project"})),
            "claim azp",
        ),
    ];
    each_is_rejected(&world, &provider, Fault::Configuration, &bad).await;
    let good = [
        claims(&json!({"aud": ["project", "soa-link"]})),
        claims(&json!({"aud": ["another-client", "soa-link", "project"], "azp": "soa-link"})),
    ];
    each_is_accepted(&world, &provider, &good).await;
}

/// Claims that are not used are not read.
#[tokio::test]
async fn unused_claims_in_odd_forms_do_no_harm() {
    let (world, provider) = World::signing_in().await;
    let odd = [
        json!({"locale": {"country": "DE"}}),
        json!({"amr": "pwd"}),
        json!({"address": "Street 1"}),
        json!({"address": []}),
        json!({"birthdate": 1970}),
        json!({"auth_time": "yesterday"}),
        json!({"email_verified": "yes", "phone_number_verified": 1}),
        json!({"updated_at": "2026-01-01"}),
        json!({"acr": 0, "sub_jwk": "x", "events": null, "roles": {"a": {}}}),
    ];
    each_is_accepted(&world, &provider, &odd.map(|odd| claims(&odd))).await;
}

/// Of a token response, only the ID token is needed.
#[tokio::test]
async fn token_responses_in_odd_forms_do_no_harm() {
    let (world, provider) = World::signing_in().await;
    let odd = [
        json!({"expires_in": "3600"}),
        json!({"expires_in": null, "scope": ["openid"]}),
        json!({"token_type": null}),
        json!({"token_type": "mac", "refresh_token": 7}),
        json!({"not_before": "x", "profile_info": {}}),
    ];
    each_is_accepted(&world, &provider, &odd.map(|odd| json!({"token": {"set": odd}}))).await;
    // Azure AD B2C grants no access token to a request without an API scope.
    let none = json!({"token": {"set": {"access_token": null}}});
    let html = json!({"token": {"headers": {"content-type": "text/html"}}});
    each_is_accepted(&world, &provider, &[none, html]).await;
}

/// Entitlements come as an array, as one text, and as paths of groups.
#[tokio::test]
async fn entitlements_are_read_in_the_forms_that_providers_use() {
    let (world, provider) = World::signing_in().await;
    for (claim, expected) in [
        (json!(["gold", "silver"]), vec!["gold", "silver"]),
        (json!("gold"), vec!["gold"]),
        (json!("gold silver"), vec!["gold", "silver"]),
        (json!(["/gold", "/silver"]), vec!["gold", "silver"]),
        (json!("gold,silver"), vec![]),
        (json!(["gold", "with space", "a/b"]), vec!["gold"]),
        (json!(""), vec![]),
    ] {
        provider.tamper(claims(&json!({"entitlements": claim}))).await;
        let mut browser = world.browser();
        let answer = browser.signs_in(&provider, "/entrypoint", ADA).await;
        assert_eq!(answer.status, 302, "{claim}");
        let callback = browser.agree(&answer.location().parse().unwrap(), "mara").await;
        assert_eq!(browser.get(&callback).await.status, 302);
        assert_eq!(world.linked("ada").unwrap().1, expected, "{claim}");
    }
    let log = crate::support::logged();
    let ignored = log.lines().filter(|line| line.contains("SIGN_IN_ENTITLEMENTS_IGNORED"));
    let counts: Vec<_> = ignored
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["ignored"].clone())
        .collect();
    assert_eq!(counts, [json!(1), json!(2)]);
}

/// Entra moves more than 200 groups out of the token. Linking without them would revoke what the subscriber has.
#[tokio::test]
async fn entitlements_that_are_elsewhere_are_a_fault_of_the_configuration() {
    let (world, provider) = World::signing_in().await;
    let elsewhere = json!({
        "entitlements": null, "_claim_names": {"entitlements": "src1"},
        "_claim_sources": {"src1": {"endpoint": "https://graph.example.com"}},
    });
    let bad = [(
        claims(&elsewhere),
        "claim entitlements is referred to by _claim_names, and not in the token",
    )];
    each_is_rejected(&world, &provider, Fault::Configuration, &bad).await;
    // Another claim may be elsewhere.
    let other = json!({"_claim_names": {"groups": "src1"}});
    each_is_accepted(&world, &provider, &[claims(&other)]).await;
}

/// A provider that is slow after a pause: four seconds for each first response.
#[tokio::test]
async fn a_slow_provider_is_waited_for() {
    let slow = json!({"discovery": {"delay_ms": 2000}, "jwks": {"delay_ms": 2000}});
    let (world, provider) = World::oidc(&json!({}), &[], slow).await;
    each_is_accepted(&world, &provider, &[json!({"token": {"delay_ms": 4000}})]).await;
}

/// Metadata in odd forms. Only the members that are used are read, so each of these providers signs people in.
#[tokio::test]
async fn metadata_in_odd_forms_do_no_harm() {
    for odd in [
        json!({"set": {"userinfo_endpoint": "", "end_session_endpoint": "", "op_policy_uri": ""}}),
        json!({"set": {"subject_types_supported": null, "response_types_supported": null}}),
        json!({"set": {"id_token_signing_alg_values_supported": null}}),
        json!({"set": {"id_token_signing_alg_values_supported": "RS256", "scopes_supported": {}}}),
        json!({"set": {"token_endpoint_auth_methods_supported": "client_secret_basic"}}),
        json!({"set": {"token_endpoint_auth_methods_supported": null, "claims_supported": 7}}),
        json!({"set": {"authorization_response_iss_parameter_supported": "true"}}),
        json!({"headers": {"content-type": "text/plain"}}),
        json!({"headers": {"content-type": "application/octet-stream"}}),
    ] {
        let (world, provider) = World::oidc(&json!({}), &[], json!({"discovery": odd})).await;
        let answer = world.browser().signs_in(&provider, "/entrypoint", ADA).await;
        assert_eq!(answer.status, 302, "{odd}: {}", answer.body);
    }
}

/// Metadata or keys that cannot work. No one can sign in, and the log names the member.
#[tokio::test]
async fn unusable_metadata_are_named_in_the_log() {
    for (odd, reason) in [
        (
            json!({"discovery": {"set": {"issuer": "https://other.example"}}}),
            "discovery: metadata of another issuer",
        ),
        (
            json!({"discovery": {"set": {"issuer": null}}}),
            "discovery: metadata of another issuer",
        ),
        (json!({"discovery": {"status": 404}}), "discovery: no usable response"),
        (
            json!({"discovery": {"body": "<html>"}}),
            "discovery: the response is no JSON object",
        ),
        (
            json!({"discovery": {"body": "[]"}}),
            "discovery: the response is no JSON object",
        ),
        (
            json!({"discovery": {"set": {"authorization_endpoint": null}}}),
            "metadata: authorization_endpoint is missing or no URL",
        ),
        (
            json!({"discovery": {"set": {"token_endpoint": "/token"}}}),
            "metadata: token_endpoint is missing or no URL",
        ),
        (
            json!({"discovery": {"set": {"jwks_uri": 7}}}),
            "metadata: jwks_uri is missing or no URL",
        ),
        (
            json!({"discovery": {"set": {"token_endpoint": "http://id.example.com/token"}}}),
            "metadata: an endpoint without TLS or on a local address",
        ),
        (json!({"jwks": {"status": 500}}), "keys: no usable response"),
        (
            json!({"jwks": {"body": "oops"}}),
            "keys: the response is no JSON object",
        ),
        (json!({"jwks": {"set": {"keys": []}}}), "keys: no usable key"),
        (json!({"jwks": {"set": {"keys": {}}}}), "keys: no usable key"),
    ] {
        let (world, _provider) = World::oidc(&json!({}), &[], odd.clone()).await;
        let answer = world.browser().get("/entrypoint").await;
        assert_eq!(
            (answer.status, answer.title()),
            (503, "Signing in does not work just now"),
            "{odd}"
        );
        let log = crate::support::logged();
        assert!(log.contains(&format!("OpenID provider: {reason}")), "{odd}: {reason}");
    }
}

/// Token responses that cannot work are named in the log too.
#[tokio::test]
async fn unusable_token_responses_are_named_in_the_log() {
    let (world, provider) = World::signing_in().await;
    for (odd, status, reason) in [
        (json!({"set": {"id_token": null}}), 503, "token endpoint: no id_token"),
        (json!({"set": {"id_token": 7}}), 503, "token endpoint: no id_token"),
        (
            json!({"set": {"id_token": "rubbish"}}),
            503,
            "token endpoint: the id_token is malformed",
        ),
        (
            json!({"set": {"id_token": "a.b.c.d.e"}}),
            502,
            "claims: unsupported header parameter",
        ),
        (
            json!({"body": "access_token=1"}),
            503,
            "token endpoint: the response is no JSON object",
        ),
        (
            json!({"body": "[1]"}),
            503,
            "token endpoint: the response is no JSON object",
        ),
        (json!({"status": 500}), 503, "token endpoint: no usable response"),
    ] {
        provider.tamper(json!({ "token": odd })).await;
        let answer = world.browser().signs_in(&provider, "/entrypoint", ADA).await;
        assert_eq!(answer.status, status, "{odd}: {}", answer.title());
        let lines = logged_of(&answer.request_id());
        let expected = format!("OpenID provider: {reason}");
        assert_eq!(
            lines.last().unwrap()["reason"].as_str(),
            Some(expected.as_str()),
            "{odd}"
        );
    }
}

/// Key sets in odd forms: a key that is published twice, keys of other kinds beside it, and unused members in any form.
#[tokio::test]
async fn key_sets_in_odd_forms_do_no_harm() {
    let (world, provider) = World::signing_in().await;
    let published = world.browser().get(&format!("{}/jwks", provider.issuer)).await;
    let published: Value = serde_json::from_str(&published.body).unwrap();
    let key = published["keys"][0].clone();
    let with = |changes: Value| {
        let mut key = key.clone();
        key.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        key
    };
    let odd = with(json!({"x5c": "not a list", "x5t": 7, "x5u": {}, "exp": "soon", "issued": null, "alg": "RS256"}));
    let encryption = with(json!({"use": "enc", "kid": "another"}));
    for keys in [
        json!([key, key]),
        json!([odd]),
        json!([{"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA", "kid": "k"}, "no key", null, key]),
        json!([encryption, {"kty": "oct", "k": "c2VjcmV0"}, key]),
        json!([with(json!({"alg": null})), key]),
    ] {
        // The keys are cached for an hour, so each set has a world of its own, in which a day passes.
        let (world, other) = World::oidc(&json!({"clock_offset": DAY}), &[], json!({})).await;
        let published = world.browser().get(&format!("{}/jwks", other.issuer)).await;
        let published: Value = serde_json::from_str(&published.body).unwrap();
        let own = published["keys"][0].clone();
        // The same oddities, around this provider's own key.
        let own = own.as_object().unwrap();
        let keys: Vec<Value> = keys
            .as_array()
            .unwrap()
            .iter()
            .map(|odd| match odd.as_object() {
                Some(members) if members.contains_key("n") => {
                    let mut odd = members.clone();
                    for name in ["n", "e"] {
                        odd.insert(name.to_owned(), own[name].clone());
                    }
                    if odd["kid"] == key["kid"] {
                        odd.insert("kid".to_owned(), own["kid"].clone());
                    }
                    odd.into()
                }
                _ => odd.clone(),
            })
            .collect();
        other.tamper(json!({"jwks": {"set": {"keys": keys}}})).await;
        world.advance(DAY);
        let answer = world.browser().signs_in(&other, "/entrypoint", ADA).await;
        assert_eq!(answer.status, 302, "{keys:?}: {}", answer.body);
    }
}
