//! Unlinking by the subscriber and by the partner's backend.

use serde_json::{Value, json};

use crate::support::{CLOCK_LEEWAY, World, join_all, parameter, signed};

#[tokio::test]
async fn a_person_confirms_and_is_unlinked() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    assert_eq!(browser.link("mara").await.status, 302);
    let page = browser.get("/unlink").await;
    assert_eq!((page.status, page.title()), (200, "Disconnect from Spotify?"));
    assert!(!page.body.contains(&world.partner_user_id("ada")) && !page.body.contains("member-"));
    assert_eq!(world.calls().2, 0);
    let done = browser
        .post("/unlink", &format!("form_token={}", page.form_token()))
        .await;
    assert_eq!((done.status, done.title()), (200, "Disconnected from Spotify"));
    assert_eq!(world.linked("ada"), None);
    assert_eq!(browser.binding(), None);

    // S-JWS-16: the payload, and the request of the service token.
    let asked = &world.spotify().requests().to("/api/v1/unlink-user")[0];
    let partner_id = &world.sandbox.options().partner_id;
    let partner_user_id = world.partner_user_id("ada");
    let payload = format!(r#"{{"partner_id":"{partner_id}","partner_user_id":"{partner_user_id}"}}"#);
    assert_eq!(asked.jws.as_ref().unwrap().payload_text, payload);
    let token = &world.spotify().requests().to("/api/token")[1];
    assert_eq!(
        (token.grant_type.as_deref(), token.scope.as_deref()),
        (Some("client_credentials"), Some("user-soa-unlink"))
    );
    assert_eq!(token.form, ["grant_type", "scope"]);
    // Linking again with another Spotify account works.
    assert_eq!(browser.link("jonas").await.status, 302);
    assert_eq!(world.linked("ada").unwrap().0, "jonas");
}

#[tokio::test]
async fn a_person_without_a_session_confirms_by_hand_off() {
    let world = World::handoff().await;
    let mut browser = world.browser();
    let away = browser.get("/unlink").await;
    assert_eq!(parameter(away.location(), "return_to"), Some(world.gateway("/unlink")));
    let nonce = parameter(away.location(), "nonce").unwrap();
    let token = world.site_token("soa-handoff+jwt", &world.handoff_claims("ada", &nonce, "jti-1"));
    // The token is consumed and removed from the URL; the page can be reloaded.
    let known = browser.get(&format!("/unlink?token={token}")).await;
    assert_eq!((known.status, known.location()), (302, "/unlink"));
    assert_eq!(browser.clone().get(&format!("/unlink?token={token}")).await.status, 401);
    assert_eq!(browser.get("/unlink").await.status, 200);
    let page = browser.get("/unlink").await;
    assert_eq!(page.status, 200);
    let form = format!("form_token={}", page.form_token());
    let mut other = world.browser();
    other.get("/unlink").await;
    assert_eq!(other.post("/unlink", &form).await.status, 403);
    // The visit does not allow linking: another person may use the browser now.
    assert!(browser.get("/entrypoint").await.location().contains("/sign-in?"));
    assert_eq!(browser.post("/unlink", &form).await.status, 200);
    assert_eq!(world.calls(), (1, 0, 1));
}

/// S-CSRF-1.
#[tokio::test]
async fn only_a_post_unlinks() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    let page = browser.get("/unlink").await;
    let form = format!("form_token={}", page.form_token());
    for method in ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
        let answer = browser.send(method, &world.gateway("/unlink"), &[], None).await;
        assert_eq!(answer.status, if method == "HEAD" { 204 } else { 405 }, "{method}");
    }
    let overrides = [
        ("x-http-method-override", "POST"),
        ("x-http-method", "POST"),
        ("x-method-override", "POST"),
    ];
    assert_eq!(
        browser
            .send(
                "GET",
                &world.gateway(&format!("/unlink?_method=POST&{form}")),
                &overrides,
                None
            )
            .await
            .status,
        200
    );
    assert_eq!(world.calls(), (0, 0, 0));
}

/// S-CSRF-2, S-CSRF-3.
#[tokio::test]
async fn a_form_from_another_page_is_rejected() {
    let world = World::without_partners_table().await;
    let mut browser = world.signed_in("ada");
    let page = browser.get("/unlink").await;
    let form = format!("form_token={}", page.form_token());
    let own = world.sandbox.addresses().gateway.clone();
    let typed = ("content-type", "application/x-www-form-urlencoded");
    let port = own.rsplit_once(':').unwrap().1;
    let alike = format!("http://127.0.0.1.evil.example:{port}");
    let secure = own.replace("http:", "https:");
    let slash = format!("{own}/");
    let double = format!("{own}, {own}");
    for origin in [
        "https://evil.example",
        "null",
        "",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        &alike,
        &secure,
        &slash,
        &double,
    ] {
        let answer = browser
            .send(
                "POST",
                &world.gateway("/unlink"),
                &[("origin", origin), typed],
                Some(&form),
            )
            .await;
        assert_eq!(answer.status, 403, "{origin}");
    }
    let url = world.gateway("/unlink");
    let referer = [("referer", url.as_str()), typed];
    assert_eq!(browser.send("POST", &url, &referer, Some(&form)).await.status, 403);
    assert_eq!(browser.send("POST", &url, &[typed], Some(&form)).await.status, 403);
    for site in ["cross-site", "same-site", "none"] {
        let headers = [("origin", own.as_str()), ("sec-fetch-site", site), typed];
        assert_eq!(
            browser.send("POST", &url, &headers, Some(&form)).await.status,
            403,
            "{site}"
        );
    }
    for body in [
        "",
        "form_token=",
        "form_token=AAAA",
        &form.replace("form_token", "token"),
        &format!("{form}&{form}"),
    ] {
        let answer = browser.post("/unlink", body).await;
        assert!([400, 403].contains(&answer.status), "{body}");
    }
    for kind in ["text/plain", "application/json", "multipart/form-data"] {
        let headers = [("origin", own.as_str()), ("content-type", kind)];
        assert_eq!(
            browser.send("POST", &url, &headers, Some(&form)).await.status,
            403,
            "{kind}"
        );
    }
    // Signed out, signed in as another person, in another browser, too late.
    let mut signed_out = browser.clone();
    signed_out.sign_out();
    assert_eq!(signed_out.post("/unlink", &form).await.status, 403);
    let mut other = browser.clone();
    other.sign_in("bela");
    assert_eq!(other.post("/unlink", &form).await.status, 403);
    let mut elsewhere = world.signed_in("ada");
    elsewhere.get("/unlink").await;
    assert_eq!(elsewhere.post("/unlink", &form).await.status, 403);
    assert_eq!(
        browser
            .post("/partners/1111111111111111111111/unlink", &form)
            .await
            .status,
        403
    );
    browser.keep_cookies();
    world.advance(600);
    assert_eq!(browser.post("/unlink", &form).await.status, 403);
    assert_eq!(world.calls(), (0, 0, 0));
    world.advance(-1);
    assert_eq!(browser.post("/unlink", &form).await.status, 200);
}

/// S-CSRF-4.
#[tokio::test]
async fn a_form_cannot_unlink_another_subscriber() {
    let world = World::new().await;
    assert_eq!(world.signed_in("bela").link("jonas").await.status, 302);
    let mut browser = world.signed_in("ada");
    assert_eq!(browser.link("mara").await.status, 302);
    let victim = world.partner_user_id("bela");
    let page = browser
        .get(&format!("/unlink?partner_user_id={victim}&sub=member-1002"))
        .await;
    let form = format!(
        "form_token={}&partner_user_id={victim}&sub=member-1002",
        page.form_token()
    );
    assert_eq!(
        browser
            .post(&format!("/unlink?partner_user_id={victim}"), &form)
            .await
            .status,
        200
    );
    assert!(world.linked("bela").is_some() && world.linked("ada").is_none());
}

/// S-IDEM-4.
#[tokio::test]
async fn unlinking_an_unlinked_subscriber_succeeds() {
    let world = World::new().await;
    for jti in ["1", "2"] {
        let answer = world
            .backend_unlink(&World::request_token(&world.request_claims("ada", jti)))
            .await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    }
    // Both calls share one service token.
    assert_eq!(world.calls(), (1, 0, 2));
}

#[tokio::test]
async fn a_backend_unlinks_by_sub_or_partner_user_id() {
    let world = World::new().await;
    for (jti, by_id) in [("1", false), ("2", true)] {
        assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
        let mut claims = world.request_claims("ada", jti);
        if by_id {
            claims.as_object_mut().unwrap().remove("sub");
            claims["partner_user_id"] = world.partner_user_id("ada").into();
        }
        assert_eq!(world.backend_unlink(&World::request_token(&claims)).await.status, 204);
        assert_eq!(world.linked("ada"), None);
    }
}

/// S-JWS-10, S-JWS-15, S-JWS-7.
#[tokio::test]
async fn a_signed_request_is_valid_for_one_use_url_partner_and_kind() {
    let world = World::new().await;
    let good = World::request_token(&world.request_claims("ada", "good"));
    for _ in 0..2 {
        assert_eq!(world.backend_unlink(&good).await.status, 204);
    }
    let unchanged = world.calls();
    assert_eq!(unchanged.2, 1);
    let mut rejected = Vec::new();
    let now = world.clock.now();
    let changes: [(&str, Value); 10] = [
        ("aud", json!(world.gateway("/entrypoint"))),
        ("aud", json!(world.sandbox.addresses().gateway)),
        ("aud", json!(world.gateway("/partners/1111111111111111111111/unlink"))),
        ("iss", json!("https://elsewhere.example")),
        ("partner_id", json!("1111111111111111111111")),
        ("jti", json!("")),
        ("exp", json!(now + 301)),
        ("exp", json!(now - CLOCK_LEEWAY)),
        ("iat", json!(now + CLOCK_LEEWAY + 1)),
        ("nbf", json!(now + CLOCK_LEEWAY + 1)),
    ];
    for (n, (claim, value)) in changes.into_iter().enumerate() {
        let mut claims = world.request_claims("ada", &format!("jti-{n}"));
        claims[claim] = value;
        if claim == "exp" && claims["exp"].as_i64() < Some(now) {
            claims["iat"] = json!(now - 300);
        }
        rejected.push(World::request_token(&claims));
    }
    let mut claims = world.request_claims("ada", "good");
    claims["exp"] = json!(now + 299);
    rejected.push(World::request_token(&claims));
    let claims = world.request_claims("ada", "kind");
    rejected.push(signed(&crate::support::backend_key(), "JWT", &claims));
    rejected.push(world.site_token("soa-request+jwt", &claims));
    rejected.push(world.site_token("JWT", &world.session_claims("ada")));
    rejected.extend([
        String::new(),
        "e30.e30.e30".to_owned(),
        "{}".to_owned(),
        "x".repeat(10_000),
    ]);
    for jws in rejected {
        let answer = world.backend_unlink(&jws).await;
        assert_eq!(answer.status, 401, "{jws}");
        let problem = answer.problem();
        assert_eq!(
            (problem["code"].as_str(), problem["status"].as_u64()),
            (Some("invalid_token"), Some(401))
        );
        assert!(answer.header("www-authenticate").is_some() && problem["request_id"].is_string());
    }
    // The request is valid, but names no subscriber.
    for (claim, value) in [
        ("partner_user_id", json!(world.partner_user_id("ada"))),
        ("sub", json!(7)),
        ("sub", json!("")),
        ("sub", json!(null)),
    ] {
        let mut claims = world.request_claims("ada", "no subscriber");
        claims[claim] = value;
        let answer = world.backend_unlink(&World::request_token(&claims)).await;
        assert_eq!(
            (answer.status, &answer.problem()["code"]),
            (400, &json!("invalid_request"))
        );
    }
    assert_eq!(world.calls(), unchanged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_copies_of_a_signed_request_all_succeed() {
    let world = World::new().await;
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    let jws = World::request_token(&world.request_claims("ada", "1"));
    let answers = join_all((0..8).map(|_| world.backend_unlink(&jws))).await;
    assert!(answers.iter().all(|answer| answer.status == 204));
    assert!(world.linked("ada").is_none());
    let calls = world.calls();
    assert_eq!(world.backend_unlink(&jws).await.status, 204);
    assert_eq!(world.calls(), calls);
}

/// S-JWS-15: a signed request is read only from the body.
#[tokio::test]
async fn sessions_and_signed_requests_are_not_interchangeable() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    let typed = [("content-type", "application/jwt")];
    assert_eq!(
        browser
            .send("POST", &world.gateway("/unlink"), &typed, None)
            .await
            .status,
        401
    );
    let jws = World::request_token(&world.request_claims("ada", "1"));
    let bearer = format!("Bearer {jws}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/jwt")];
    assert_eq!(
        world
            .browser()
            .send("POST", &world.gateway(&format!("/unlink?token={jws}")), &headers, None)
            .await
            .status,
        401
    );
    let mut visitor = world.browser();
    visitor
        .cookies
        .insert(world.sandbox.options().session_cookie.clone(), jws);
    assert!(visitor.get("/unlink").await.location().contains("/sign-in?"));
    assert_eq!(world.calls(), (0, 0, 0));
}

#[tokio::test]
async fn signed_requests_are_rejected_without_a_backend_issuer() {
    let world = World::with(sandbox::Options::default(), &[("BACKEND_ISSUER", "")]).await;
    assert_eq!(
        world
            .backend_unlink(&World::request_token(&world.request_claims("ada", "1")))
            .await
            .status,
        401
    );
}
