//! Hand-off: a token in a URL, which an attacker could open in another browser.

use serde_json::{Value, json};

use crate::support::{Browser, World, join_all, logged_of, parameter};

/// A browser that was sent to sign in, and the nonce of that redirect.
async fn sent_to_sign_in(world: &World) -> (Browser<'_>, String) {
    let mut browser = world.browser();
    let answer = browser.get("/entrypoint").await;
    (browser, parameter(answer.location(), "nonce").unwrap())
}

fn arrival(world: &World, claims: &Value) -> String {
    format!("/entrypoint?token={}", world.site_token("soa-handoff+jwt", claims))
}

#[tokio::test]
async fn a_hand_off_links_in_the_browser_that_began_it() {
    let world = World::handoff().await;
    let (mut browser, nonce) = sent_to_sign_in(&world).await;
    let consent = browser
        .get(&arrival(&world, &world.handoff_claims("ada", &nonce, "jti-1")))
        .await;
    assert_eq!(consent.status, 302, "{}", consent.body);
    let callback = browser.agree(&consent.location().parse().unwrap(), "mara").await;
    assert_eq!(browser.get(&callback).await.status, 302);
    assert!(world.linked("ada").is_some());
}

/// The attack: sign in as oneself, and make a victim's browser open the link.
#[tokio::test]
async fn a_hand_off_fails_in_another_browser() {
    let world = World::handoff().await;
    let (_, nonce) = sent_to_sign_in(&world).await;
    let link = arrival(&world, &world.handoff_claims("ada", &nonce, "jti-1"));
    let (mut sent_too, _) = sent_to_sign_in(&world).await;
    let token = link.split_once('=').unwrap().1;
    for victim in [&mut world.browser(), &mut sent_too] {
        for page in ["entrypoint", "account", "unlink"] {
            let answer = victim.get(&format!("/{page}?token={token}")).await;
            assert_eq!((answer.status, answer.title()), (401, "Please sign in again"), "{page}");
            assert_eq!(
                (answer.header("location"), victim.cookies.get("__Host-soa_visit")),
                (None, None)
            );
        }
    }
}

/// A sign-up, a payment or a link in an e-mail may take up to an hour, and may end in another tab of the browser.
#[tokio::test]
async fn a_hand_off_keeps_its_parameters_for_an_hour() {
    let world = World::handoff().await;
    let mut browser = world.browser();
    let page = "/entrypoint?show=0MossHour0000000000002&lang=hi&show_dialog=true";
    let away = browser.get(page).await;
    let cookie = away.all("set-cookie")[0];
    assert!(cookie.contains("; Max-Age=3600; "), "{cookie}");
    let return_to = parameter(away.location(), "return_to").unwrap();
    assert_eq!(return_to, world.gateway(page));
    let nonce = parameter(away.location(), "nonce").unwrap();
    // Meanwhile another tab starts a journey of ten minutes, which must not shorten this one.
    let mut tab = browser.clone();
    tab.sign_in("ada");
    let other = tab.get("/entrypoint").await;
    let other = parameter(other.location(), "nonce").unwrap();
    let token = world.site_token("soa-handoff+jwt", &world.handoff_claims("bela", &other, "jti-other"));
    let consent = tab.get(&format!("/entrypoint?token={token}")).await;
    assert!(consent.location().contains("/authorize?"));
    let cookie = consent.all("set-cookie")[0];
    assert!(cookie.contains("; Max-Age=3600; "), "{cookie}");
    let mut browser = tab;
    world.advance(3599);
    let token = world.site_token("soa-handoff+jwt", &world.handoff_claims("ada", &nonce, "jti-1"));
    let consent = browser.get(&format!("{return_to}&token={token}")).await;
    assert_eq!(
        parameter(consent.location(), "show_dialog").as_deref(),
        Some("true"),
        "{}",
        consent.body
    );
    let refusal = browser.cancel(&consent.location().parse().unwrap()).await;
    let page = browser.get(&refusal).await;
    assert!(
        page.body.contains("<html lang=\"hi\"")
            && page
                .body
                .contains("/entrypoint?show=0MossHour0000000000002&amp;lang=hi\"")
    );
}

/// Two people with two browsers open each other's link.
#[tokio::test]
async fn swapped_hand_offs_are_rejected() {
    let world = World::handoff().await;
    let (mut one, first) = sent_to_sign_in(&world).await;
    let (mut other, second) = sent_to_sign_in(&world).await;
    let of = |person, nonce: &str, jti| arrival(&world, &world.handoff_claims(person, nonce, jti));
    let (for_one, for_other) = (of("ada", &first, "jti-1"), of("bela", &second, "jti-2"));
    assert_eq!(one.get(&for_other).await.status, 401);
    assert_eq!(other.get(&for_one).await.status, 401);
    // A rejected attempt does not consume the token.
    assert_eq!(one.get(&for_one).await.status, 302);
    assert_eq!(other.get(&for_other).await.status, 302);
}

/// S-JWS-10.
#[tokio::test]
async fn a_hand_off_works_once() {
    let world = World::handoff().await;
    let (mut browser, nonce) = sent_to_sign_in(&world).await;
    let link = arrival(&world, &world.handoff_claims("ada", &nonce, "jti-1"));
    let before = browser.clone();
    assert_eq!(browser.get(&link).await.status, 302);
    assert_eq!(browser.get(&link).await.status, 401);
    assert_eq!(before.clone().get(&link).await.status, 401);
    // Another token with the same `jti` counts as the same token.
    let (mut other, nonce) = sent_to_sign_in(&world).await;
    assert_eq!(
        other
            .get(&arrival(&world, &world.handoff_claims("bela", &nonce, "jti-1")))
            .await
            .status,
        401
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_eight_concurrent_uses_of_a_hand_off_succeeds() {
    let world = World::handoff().await;
    let (browser, nonce) = sent_to_sign_in(&world).await;
    let link = arrival(&world, &world.handoff_claims("ada", &nonce, "jti-1"));
    let mut tabs: Vec<_> = (0..8).map(|_| browser.clone()).collect();
    let answers = join_all(tabs.iter_mut().map(|tab| tab.get(&link))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 302).count(),
        1,
        "{statuses:?}"
    );
    assert!(
        statuses.iter().all(|status| [302, 401, 503].contains(status)),
        "{statuses:?}"
    );
}

/// A hand-off token lives at most 120 seconds, needs `jti` and `nonce`, and has its kind in `typ`.
#[tokio::test]
async fn a_hand_off_token_with_a_wrong_claim_or_type_is_rejected() {
    let world = World::handoff().await;
    let changes: [(&str, Value); 8] = [
        ("exp", json!(world.clock.now() + 121)),
        ("exp", json!(world.clock.now() - 61)),
        ("jti", Value::Null),
        ("nonce", Value::Null),
        ("nonce", json!("")),
        ("aud", json!("https://elsewhere.example")),
        ("iss", json!("https://elsewhere.example")),
        ("sub", json!("")),
    ];
    for (n, (claim, value)) in changes.into_iter().enumerate() {
        let (mut browser, nonce) = sent_to_sign_in(&world).await;
        let mut claims = world.handoff_claims("ada", &nonce, &format!("jti-{n}"));
        claims[claim] = value;
        if claim == "exp" && claims["exp"].as_i64() < Some(world.clock.now()) {
            claims["iat"] = json!(world.clock.now() - 120);
        }
        if claims[claim].is_null() {
            claims.as_object_mut().unwrap().remove(claim);
        }
        assert_eq!(browser.get(&arrival(&world, &claims)).await.status, 401, "{claim}");
    }
    let (mut browser, nonce) = sent_to_sign_in(&world).await;
    let claims = world.handoff_claims("ada", &nonce, "jti-typ");
    for typ in ["JWT", "soa-request+jwt", "soa-handoff"] {
        let link = format!("/entrypoint?token={}", world.site_token(typ, &claims));
        assert_eq!(browser.get(&link).await.status, 401, "{typ}");
    }
    assert_eq!(browser.get(&arrival(&world, &claims)).await.status, 302);
}

/// `SIGN_IN=session` with a sign-in URL: a person without a session links by hand-off, and needs no session at the end.
#[tokio::test]
async fn a_session_site_falls_back_to_hand_off() {
    let world = World::new().await;
    let (mut browser, nonce) = sent_to_sign_in(&world).await;
    let consent = browser
        .get(&arrival(&world, &world.handoff_claims("ada", &nonce, "jti-1")))
        .await;
    let callback = browser.agree(&consent.location().parse().unwrap(), "mara").await;
    // A session of another person at the end is rejected.
    let mut taken_over = browser;
    taken_over.sign_in("bela");
    let answer = taken_over.get(&callback).await;
    assert_eq!((answer.status, answer.title()), (400, "Your sign-in has changed"));
    assert_eq!(world.calls(), (0, 0, 0));

    let (mut browser, nonce) = sent_to_sign_in(&world).await;
    let consent = browser
        .get(&arrival(&world, &world.handoff_claims("ada", &nonce, "jti-2")))
        .await;
    let callback = browser.agree(&consent.location().parse().unwrap(), "mara").await;
    assert_eq!(browser.get(&callback).await.status, 302);
}

#[tokio::test]
async fn an_invalid_session_counts_as_signed_out() {
    let world = World::new().await;
    let cookie = world.sandbox.options().session_cookie.clone();
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.";
    let mut claims = world.session_claims("ada");
    claims["exp"] = json!(world.clock.now() - 61);
    claims["iat"] = json!(world.clock.now() - 3600);
    let handoff = world.site_token("soa-handoff+jwt", &world.session_claims("ada"));
    for bad in ["", "x", unsigned, &world.site_token("JWT", &claims), &handoff] {
        let mut browser = world.browser();
        browser.cookies.insert(cookie.clone(), bad.to_owned());
        let answer = browser.get("/entrypoint").await;
        assert!(answer.location().contains("/sign-in?"), "{bad}");
    }
}

/// A browser sends the cookie twice if it was set for two domains or paths.
#[tokio::test]
async fn a_repeated_session_cookie_counts_if_exactly_one_person_verifies() {
    let world = World::new().await;
    let cookie = world.sandbox.options().session_cookie.clone();
    let token = |claims: &Value| world.site_token("JWT", claims);
    let ada = token(&world.session_claims("ada"));
    let bela = token(&world.session_claims("bela"));
    let mut claims = world.session_claims("ada");
    claims["exp"] = json!(world.clock.now() + 60);
    let renewed = token(&claims);
    claims["exp"] = json!(world.clock.now() - 61);
    claims["iat"] = json!(world.clock.now() - 3600);
    let stale = token(&claims);
    let opened = async |values: &[&str]| {
        let pairs: Vec<_> = values.iter().map(|value| format!("{cookie}={value}")).collect();
        let url = world.gateway("/entrypoint");
        let answer = world
            .browser()
            .send("GET", &url, &[("cookie", &pairs.join("; "))], None)
            .await;
        assert_eq!(answer.status, 302, "{values:?} {answer:?}");
        if answer.location().contains("/authorize?") {
            "signed in"
        } else {
            "signed out"
        }
    };
    let ada = ada.as_str();
    for values in [
        vec![ada, ada],
        vec![ada, ""],
        vec!["", ada],
        vec![ada, "x"],
        vec!["x", ada],
        vec![&stale, ada],
        vec![ada, &stale],
        vec![&renewed, ada],
        vec![ada, ada, "", "x", &stale],
    ] {
        assert_eq!(opened(&values).await, "signed in", "{values:?}");
    }
    for values in [
        vec![ada, &bela],
        vec![&bela, ada],
        vec!["", ""],
        vec![&stale, "x"],
        vec![ada, "x", &bela],
    ] {
        assert_eq!(opened(&values).await, "signed out", "{values:?}");
    }
}

#[tokio::test]
async fn a_rejected_session_cookie_leaves_its_reason_in_the_log() {
    let world = World::new().await;
    let mut browser = world.browser();
    let mut claims = world.session_claims("ada");
    claims["aud"] = json!("https://elsewhere.example");
    let cookie = world.sandbox.options().session_cookie.clone();
    browser.cookies.insert(cookie, world.site_token("JWT", &claims));
    let answer = browser.get("/entrypoint").await;
    let lines = logged_of(answer.header("apigw-requestid").unwrap());
    assert_eq!(lines[0]["code"], "SESSION_REJECTED", "{lines:?}");
    assert_eq!(
        (&lines[0]["level"], &lines[0]["reason"]),
        (&json!("WARN"), &json!("claim aud")),
        "{lines:?}"
    );
    // Its twin: a browser without the cookie is no reason to warn.
    let answer = world.browser().get("/entrypoint").await;
    let lines = logged_of(answer.header("apigw-requestid").unwrap());
    assert!(lines.iter().all(|line| line["code"] != "SESSION_REJECTED"), "{lines:?}");
}
