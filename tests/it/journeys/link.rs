//! Linking, from the entrypoint to the callback.

use std::collections::HashSet;

use sandbox::Options;
use serde_json::json;

use crate::support::{NO_PARTNERS_TABLE, World, join_all, parameter, refused, used_before};

const SHOW: &str = "0MossHour0000000000002";

/// S-ENT-2, S-PKCE-1, S-CODE-3, S-REDIR-3, S-JWS-16: checks every request of the journey.
#[tokio::test]
async fn a_subscriber_is_linked_with_their_entitlements() {
    let world = World::new().await;
    let mut browser = world.signed_in("bela");

    let authorize = browser.begin().await;
    let spotify = &world.sandbox.addresses().spotify;
    assert!(authorize.as_str().starts_with(&format!("{spotify}/authorize?")));
    let names: Vec<_> = authorize.query_pairs().map(|(name, _)| name.into_owned()).collect();
    let expected = [
        "client_id",
        "response_type",
        "redirect_uri",
        "scope",
        "state",
        "code_challenge",
        "code_challenge_method",
    ];
    assert_eq!(names, expected);
    let value = |name| parameter(authorize.as_str(), name).unwrap();
    assert_eq!(value("client_id"), world.sandbox.options().client_id);
    assert_eq!(value("response_type"), "code");
    assert_eq!(value("redirect_uri"), world.gateway("/callback"));
    assert_eq!(value("scope"), "user-soa-link");
    assert_eq!(value("code_challenge_method"), "S256");
    assert_eq!((value("code_challenge").len(), value("state").len()), (43, 43));
    assert_eq!(authorize.fragment(), None);

    let callback = browser.agree(&authorize, "mara").await;
    let done = browser.get(&callback).await;
    assert_eq!(done.status, 302, "{}", done.body);
    assert!(done.location().starts_with(&format!("{spotify}/oauth/success?")));
    assert_eq!(browser.get(done.location()).await.status, 200);
    assert_eq!(
        world.linked("bela"),
        Some(("mara".into(), world.person("bela").entitlements.clone()))
    );

    let token = &world.spotify().requests().to("/api/token")[0];
    assert_eq!(token.form, ["grant_type", "code", "redirect_uri", "code_verifier"]);
    assert_eq!(token.content_type.as_deref(), Some("application/x-www-form-urlencoded"));
    assert_eq!(
        (token.grant_type.as_deref(), token.authorization.as_deref()),
        (Some("authorization_code"), Some("Basic"))
    );
    let registered = &world.spotify().requests().to("/api/v1/register-user")[0];
    let jws = registered.jws.as_ref().unwrap();
    assert_eq!(registered.content_type.as_deref(), Some("jwt"));
    assert_eq!(jws.header_text, r#"{"alg":"HS256","typ":"JWT"}"#);
    let partner_id = &world.sandbox.options().partner_id;
    let partner_user_id = world.partner_user_id("bela");
    let payload =
        format!(r#"{{"partner_id":"{partner_id}","partner_user_id":"{partner_user_id}","entitlements":["basic"]}}"#);
    assert_eq!(jws.payload_text, payload);
    for request in [token, registered] {
        let ours = [
            "accept",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "user-agent",
        ];
        assert!(
            request.headers.iter().all(|name| ours.contains(&name.as_str())),
            "{:?}",
            request.headers
        );
    }
    // Spotify gets these two calls and no other.
    assert_eq!(world.calls(), (1, 1, 0));
}

/// Checklist 1: signed out → the site's sign-in → back → consent, with the sandbox's site.
#[tokio::test]
async fn a_signed_out_subscriber_signs_in_and_links_by_hand_off() {
    let world = World::handoff().await;
    let mut browser = world.browser();
    let away = browser.get("/entrypoint").await;
    assert_eq!(away.status, 302);
    let site = &world.sandbox.addresses().site;
    assert!(
        away.location().starts_with(&format!("{site}/sign-in?")),
        "{}",
        away.location()
    );
    assert_eq!(
        parameter(away.location(), "return_to"),
        Some(world.gateway("/entrypoint"))
    );
    let form = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", site.as_str()),
    ];
    browser
        .send("POST", &format!("{site}/kind"), &form, Some("kind=handoff"))
        .await;
    browser
        .send("POST", &format!("{site}/sign-in"), &form, Some("person=ada"))
        .await;
    // The site uses the system time, at which the clock of the functions is fixed.
    let back = browser.get(away.location()).await;
    let consent = browser.get(back.location()).await;
    assert_eq!(consent.status, 302, "{}", consent.body);
    let authorize = consent.location().parse().unwrap();
    let callback = browser.agree(&authorize, "ines").await;
    assert_eq!(browser.get(&callback).await.status, 302);
    assert_eq!(world.linked("ada").map(|(account, _)| account).as_deref(), Some("ines"));
    assert_eq!(world.calls(), (1, 1, 0));
}

/// S-ENT-1.
#[tokio::test]
async fn a_signed_out_visitor_without_a_sign_in_url_gets_a_401_page() {
    let world = World::with(Options::default(), &[("SIGN_IN_URL", "")]).await;
    let answer = world.browser().get("/entrypoint").await;
    assert_eq!((answer.status, answer.title()), (401, "Please sign in first"));
    assert_eq!(answer.header("set-cookie"), None);
}

/// S-STATE-1.
#[tokio::test]
async fn each_journey_has_its_own_state() {
    let world = World::new().await;
    let mut states = HashSet::new();
    for _ in 0..64 {
        let authorize = world.signed_in("ada").begin().await;
        assert!(states.insert(parameter(authorize.as_str(), "state").unwrap()));
        assert!(!authorize.as_str().contains(&world.partner_user_id("ada")));
    }
}

/// S-STATE-4, S-STATE-10.
#[tokio::test]
async fn a_state_works_once() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    let authorize = browser.begin().await;
    let callback = browser.agree(&authorize, "mara").await;
    let jar = browser.clone();
    assert_eq!(browser.get(&callback).await.status, 302);
    let fresh = browser.agree(&authorize, "mara").await;
    for url in [&callback, &fresh] {
        for mut browser in [browser.clone(), jar.clone()] {
            let answer = browser.get(url).await;
            used_before(&answer);
            for next in ["account", "entrypoint"] {
                let link = format!("href=\"/partners/{}/{next}\"", world.sandbox.options().partner_id);
                assert!(answer.body.contains(&link), "{}", answer.body);
            }
        }
    }
    assert_eq!(world.calls(), (1, 1, 0));
}

/// S-STATE-3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_fifty_concurrent_callbacks_reaches_the_token_endpoint() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    let authorize = browser.begin().await;
    let callback = browser.agree(&authorize, "mara").await;
    world.spotify().faults().add(sandbox::Fault {
        delay_ms: Some(300),
        ..sandbox::Fault::on("/api/token")
    });
    let mut browsers: Vec<_> = (0..50).map(|_| browser.clone()).collect();
    let answers = join_all(browsers.iter_mut().map(|browser| browser.get(&callback))).await;
    let completed = answers.iter().filter(|answer| answer.status == 302).count();
    assert_eq!(completed, 1);
    answers
        .iter()
        .filter(|answer| answer.status != 302)
        .for_each(used_before);
    assert_eq!(world.calls(), (1, 1, 0));
}

/// S-STATE-2, S-STATE-5, S-STATE-6, S-STATE-7: the response does not tell why a state is rejected.
#[tokio::test]
async fn an_unknown_expired_or_foreign_state_gets_the_same_answer() {
    let world = World::without_partners_table().await;
    let mut browser = world.signed_in("ada");
    let authorize = browser.begin().await;
    let callback = browser.agree(&authorize, "mara").await;
    let mut answers = Vec::new();

    // No cookie, a wrong cookie, another person's browser with its own journey.
    let mut bare = browser.clone();
    bare.cookies.remove("__Host-soa_link");
    answers.push(bare.get(&callback).await);
    let mut planted = browser.clone();
    planted.cookies.insert("__Host-soa_link".into(), "A".repeat(65));
    answers.push(planted.get(&callback).await);
    planted.cookies.insert("__Host-soa_link".into(), String::new());
    answers.push(planted.get(&callback).await);
    let mut victim = world.signed_in("bela");
    victim.begin().await;
    answers.push(victim.get(&callback).await);

    // An unknown state.
    let state = parameter(&callback, "state").unwrap();
    let unknown = callback.replace(&state, &"A".repeat(43));
    answers.push(browser.get(&unknown).await);

    // A state of another partner, from another browser.
    let other = world
        .signed_in("ada")
        .get("/partners/1111111111111111111111/entrypoint")
        .await;
    let other_state = parameter(other.location(), "state").unwrap();
    answers.push(browser.get(&callback.replace(&state, &other_state)).await);

    // Expired: a state is valid for 599 seconds, not for 600.
    browser.keep_cookies();
    world.advance(600);
    browser.sign_in("ada");
    answers.push(browser.get(&callback).await);
    answers.iter().for_each(refused);
    assert_eq!(world.calls(), (0, 0, 0));

    world.advance(-1);
    assert_eq!(browser.get(&callback).await.status, 302);
}

/// S-STATE-2: a state of the wrong shape is malformed, not unknown.
#[tokio::test]
async fn a_malformed_state_is_a_bad_request() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    let authorize = browser.begin().await;
    let callback = browser.agree(&authorize, "mara").await;
    let state = parameter(&callback, "state").unwrap();
    let upper = state.to_uppercase();
    for wrong in [
        "",
        &state[..42],
        &format!("{state}="),
        &format!("{state}%00"),
        &state.replace(&state[..1], "%2541"),
        "%FF",
        "null",
    ] {
        let answer = browser.get(&callback.replace(&state, wrong)).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
    refused(&browser.get(&callback.replace(&state, &upper)).await);
    let answer = browser.get("/callback?code=x").await;
    assert_eq!((answer.status, answer.title()), (400, "This link does not work"));
    assert_eq!(world.calls(), (0, 0, 0));
}

/// S-STATE-8.
#[tokio::test]
async fn a_changed_session_is_not_linked() {
    let world = World::new().await;
    for next in [None, Some("bela")] {
        let mut browser = world.signed_in("ada");
        let authorize = browser.begin().await;
        let callback = browser.agree(&authorize, "mara").await;
        browser.sign_out();
        if let Some(next) = next {
            browser.sign_in(next);
        }
        for _ in 0..2 {
            let answer = browser.get(&callback).await;
            assert_eq!((answer.status, answer.title()), (400, "Your sign-in has changed"));
            browser.sign_in("ada");
        }
    }
    assert_eq!(world.calls(), (0, 0, 0));
}

/// S-STATE-9, S-COOKIE-2.
#[tokio::test]
async fn a_cancelled_consent_consumes_the_state_and_calls_nothing() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    let authorize = browser.begin().await;
    let cancelled = browser.cancel(&authorize).await;
    let agreed = browser.agree(&authorize, "mara").await;
    let page = browser.clone().get(&cancelled).await;
    assert_eq!((page.status, page.title()), (403, "Not connected"));
    assert!(page.all("set-cookie")[0].starts_with("__Host-soa_link=; Max-Age=0; Path=/; Secure; HttpOnly"));
    let again = format!("href=\"/partners/{}/entrypoint\"", world.sandbox.options().partner_id);
    assert!(page.body.contains(&again), "{}", page.body);
    let late = browser.get(&agreed).await;
    assert_eq!((late.status, late.title()), (400, "Not connected"));
    assert_eq!(world.calls(), (0, 0, 0));
    assert_eq!(browser.link("mara").await.status, 302);
}

/// S-ERR-1, S-ERR-2.
#[tokio::test]
async fn a_consent_error_is_never_repeated_on_the_page() {
    let world = World::new().await;
    let errors = [
        "invalid_request",
        "unauthorized_client",
        "access_denied",
        "unsupported_response_type",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "",
    ];
    for error in errors {
        let mut browser = world.signed_in("ada");
        let state = parameter(browser.begin().await.as_str(), "state").unwrap();
        let query =
            format!("error={error}&error_description=MARK-%3Cb%3E&error_uri=https://MARK.example&code=c&state={state}");
        let answer = browser.get(&format!("/callback?{query}")).await;
        assert!((400..500).contains(&answer.status), "{error}: {}", answer.status);
        let shown = format!("{answer:?}");
        assert!(!shown.contains("MARK") && !shown.contains("alert"), "{shown}");
        let title = match error {
            "access_denied" => "Not connected",
            "server_error" | "temporarily_unavailable" => "Spotify does not work just now",
            _ => "Spotify reported an error",
        };
        assert_eq!(answer.title(), title, "{error}");
        // Loaded again, it says the same.
        let again = browser.get(&format!("/callback?{query}")).await;
        assert_eq!((again.status, again.title()), (400, title), "{error}");
    }
    assert_eq!(world.browser().get("/callback?error=access_denied").await.status, 400);
    assert_eq!(world.calls(), (0, 0, 0));
}

/// RFC 6749 §4.1.2: a client ignores unrecognized response parameters.
#[tokio::test]
async fn a_parameter_that_a_route_does_not_read_is_ignored() {
    let world = World::new().await;
    for strange in [
        "utm_campaign=50%off",
        "q=caf%E9",
        "q=caf\u{e9}",
        "a[]=1&a[]=2",
        "%ZZ",
        "x=%00",
        "id=1&id=2&ID=3",
        "&&=&",
    ] {
        let mut browser = world.signed_in("ada");
        let consent = browser.get(&format!("/entrypoint?{strange}&lang=de")).await;
        assert_eq!(consent.status, 302, "{strange} {consent:?}");
        let callback = browser.agree(&consent.location().parse().unwrap(), "mara").await;
        let done = browser.get(&format!("{callback}&{strange}")).await;
        assert_eq!(done.status, 302, "{strange} {done:?}");
        assert_eq!(
            browser.get(&format!("/account?{strange}")).await.status,
            200,
            "{strange}"
        );
        assert_eq!(
            browser.get(&format!("/unlink?{strange}")).await.status,
            200,
            "{strange}"
        );
        let link = browser.get(&format!("/link?{strange}&show={SHOW}")).await;
        assert_eq!(link.status, 302, "{strange}");
    }
    // Its twin: one that is read must be readable.
    let mut browser = world.signed_in("ada");
    for strange in ["show=caf%E9", "lang=50%off", "lang=de&lang=en", "Show=x", "show[]=x"] {
        assert_eq!(
            browser.get(&format!("/entrypoint?{strange}")).await.status,
            400,
            "{strange}"
        );
    }
}

#[tokio::test]
async fn a_listen_button_takes_a_copied_link() {
    let world = World::new().await;
    for show in [
        format!("https://open.spotify.com/show/{SHOW}?si=6f1c2a"),
        format!("https%3A%2F%2Fopen.spotify.com%2Fshow%2F{SHOW}%3Fsi%3D6f1c2a"),
        format!("https://open.spotify.com/intl-de/show/{SHOW}"),
        format!("spotify:show:{SHOW}"),
    ] {
        let answer = world.browser().get(&format!("/link?show={show}")).await;
        let expected = format!("spotify:show:{SHOW}");
        assert_eq!(parameter(answer.location(), "spotifyShowUri"), Some(expected), "{show}");
    }
    for show in [
        format!("https://open.spotify.com/episode/{SHOW}"),
        format!("https://evil.example/show/{SHOW}"),
    ] {
        assert_eq!(
            world.browser().get(&format!("/link?show={show}")).await.status,
            400,
            "{show}"
        );
    }
}

/// S-MIX-1.
#[tokio::test]
async fn a_callback_of_another_issuer_is_rejected_before_the_exchange() {
    let world = World::new().await;
    let spotify = &world.sandbox.addresses().spotify;
    for wrong in [
        "",
        "https://evil.example",
        &format!("{spotify}/"),
        &spotify.to_uppercase(),
        &format!("{spotify}&iss={spotify}"),
    ] {
        let mut browser = world.signed_in("ada");
        let authorize = browser.begin().await;
        let callback = browser.agree(&authorize, "mara").await;
        assert_eq!(
            browser.get(&format!("{callback}&iss={wrong}")).await.status,
            400,
            "{wrong}"
        );
    }
    assert_eq!(world.calls(), (0, 0, 0));
    let mut browser = world.signed_in("ada");
    let authorize = browser.begin().await;
    let callback = browser.agree(&authorize, "mara").await;
    assert_eq!(browser.get(&format!("{callback}&iss={spotify}")).await.status, 302);
}

/// S-STATE-11.
#[tokio::test]
async fn two_tabs_of_one_browser_both_link() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    let first = browser.begin().await;
    let second = browser.begin().await;
    let first = browser.agree(&first, "mara").await;
    let second = browser.agree(&second, "mara").await;
    assert_eq!(browser.get(&second).await.status, 302);
    assert!(browser.binding().is_some());
    assert_eq!(browser.get(&first).await.status, 302);
    assert_eq!(browser.binding(), None);
    assert_eq!(world.calls(), (2, 2, 0));
}

/// S-COOKIE-1, S-COOKIE-3, S-PKCE-2, S-PII-2.
#[tokio::test]
async fn the_binding_cookie_is_host_only_and_a_planted_one_is_not_adopted() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    browser
        .cookies
        .insert("__Host-soa_link".into(), format!("planted.{}", "P".repeat(65)));
    let answer = browser.get("/entrypoint").await;
    let cookie = answer.all("set-cookie")[0];
    assert!(cookie.starts_with("__Host-soa_link="));
    for attribute in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=600"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(
        !cookie.contains("Domain") && !cookie.contains("planted") && !cookie.contains("PPP") && cookie.len() < 4096
    );
    let state = parameter(answer.location(), "state").unwrap();
    assert!(!cookie.contains(&state) && !format!("{answer:?}").contains(&world.partner_user_id("ada")));
    let mut planted = browser.clone();
    planted
        .cookies
        .insert("__Host-soa_link".into(), format!("planted.{}", "P".repeat(65)));
    let callback = planted.agree(&answer.location().parse().unwrap(), "mara").await;
    refused(&planted.get(&callback).await);
}

/// S-ENT-3, S-ENT-4.
#[tokio::test]
async fn request_input_does_not_change_the_redirect() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    let query = "client_id=evil&redirect_uri=https://evil.example&scope=all&state=evil&code_challenge=evil&partner_user_id=0123456789abcdef&sub=evil&return_to=https://evil.example";
    let headers = [
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example"),
        ("x-original-url", "/evil"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example"),
        ("host", "evil.example"),
    ];
    let answer = browser
        .send("GET", &world.gateway(&format!("/entrypoint?{query}")), &headers, None)
        .await;
    assert_eq!(answer.status, 302);
    assert!(!answer.location().contains("evil"), "{}", answer.location());
    assert_eq!(
        parameter(answer.location(), "redirect_uri"),
        Some(world.gateway("/callback"))
    );
    let signed_out = world
        .browser()
        .send("GET", &world.gateway(&format!("/entrypoint?{query}")), &headers, None)
        .await;
    assert!(!signed_out.location().contains("evil"), "{}", signed_out.location());
}

/// Checklist 5, S-IDEM-3: a new registration replaces the entitlements of the old one.
#[tokio::test]
async fn a_linked_subscriber_is_registered_again_with_current_entitlements() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    assert_eq!(browser.link("mara").await.status, 302);
    let mut claims = world.session_claims("ada");
    claims["entitlements"] = json!(["basic"]);
    browser.cookies.insert(
        world.sandbox.options().session_cookie.clone(),
        world.site_token("JWT", &claims),
    );
    assert_eq!(browser.link("mara").await.status, 302);
    assert_eq!(world.linked("ada"), Some(("mara".into(), vec!["basic".into()])));
    assert_eq!(world.calls(), (2, 2, 0));
}

#[tokio::test]
async fn a_session_without_entitlements_registers_an_empty_list() {
    let world = World::new().await;
    let mut claims = world.session_claims("noor");
    claims.as_object_mut().unwrap().remove("entitlements");
    let mut browser = world.browser();
    browser.cookies.insert(
        world.sandbox.options().session_cookie.clone(),
        world.site_token("JWT", &claims),
    );
    assert_eq!(browser.link("mara").await.status, 302);
    let jws = world.spotify().requests().to("/api/v1/register-user")[0]
        .jws
        .clone()
        .unwrap();
    assert!(jws.payload_text.ends_with(r#","entitlements":[]}"#));
}

#[tokio::test]
async fn show_dialog_is_passed_to_spotify_and_kept_through_sign_in() {
    let world = World::new().await;
    let answer = world.signed_in("ada").get("/entrypoint?show_dialog=true").await;
    assert_eq!(parameter(answer.location(), "show_dialog").as_deref(), Some("true"));
    let answer = world.browser().get("/entrypoint?show_dialog=true").await;
    assert_eq!(
        parameter(answer.location(), "return_to"),
        Some(world.gateway("/entrypoint?show_dialog=true"))
    );
}

#[tokio::test]
async fn pkce_can_be_switched_off() {
    let world = World::with(Options::default(), &[("SPOTIFY_PKCE", "off")]).await;
    let mut browser = world.signed_in("ada");
    let authorize = browser.begin().await;
    assert_eq!(parameter(authorize.as_str(), "code_challenge"), None);
    let callback = browser.agree(&authorize, "mara").await;
    assert_eq!(browser.get(&callback).await.status, 302);
    assert_eq!(
        world.spotify().requests().to("/api/token")[0].form,
        ["grant_type", "code", "redirect_uri"]
    );
}

/// S-CODE-2: the code of another person in one's own journey.
#[tokio::test]
async fn an_injected_code_is_not_linked() {
    let world = World::new().await;
    let mut victim = world.signed_in("bela");
    let authorize = victim.begin().await;
    let stolen = parameter(&victim.agree(&authorize, "mara").await, "code").unwrap();
    let mut attacker = world.signed_in("ada");
    let authorize = attacker.begin().await;
    let callback = attacker.agree(&authorize, "jonas").await;
    let own = parameter(&callback, "code").unwrap();
    let answer = attacker.get(&callback.replace(&own, &stolen)).await;
    assert_eq!((answer.status, answer.title()), (400, "Please start again"));
    assert_eq!(world.calls(), (1, 0, 0));
}

#[tokio::test]
async fn a_show_link_leads_to_spotify_and_back_to_the_entrypoint() {
    let world = World::without_partners_table().await;
    let mut browser = world.signed_in("ada");
    let answer = browser.get(&format!("/link?show={SHOW}")).await;
    let partner_id = &world.sandbox.options().partner_id;
    let spotify = &world.sandbox.addresses().spotify;
    assert_eq!(answer.status, 302);
    assert_eq!(
        answer.location(),
        format!("{spotify}/link/{partner_id}?spotifyShowUri=spotify%3Ashow%3A{SHOW}")
    );
    let back = browser.get(answer.location()).await;
    assert!(
        back.location().starts_with(&world.gateway("/entrypoint")),
        "{}",
        back.location()
    );
    let by_uri = browser
        .get(&format!("/partners/abc/link?show=spotify:show:{SHOW}"))
        .await;
    assert_eq!(
        by_uri.location(),
        format!("{spotify}/link/abc?spotifyShowUri=spotify%3Ashow%3A{SHOW}")
    );
    for wrong in [
        "",
        "?show=",
        "?show=short",
        "?show=spotify:episode:0MossHour0000000000002",
        "?show=%0d%0aX:y",
        "?show=a&show=b",
    ] {
        assert_eq!(browser.get(&format!("/link{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn each_partner_has_its_own_paths() {
    let other = "1111111111111111111111";
    let options = Options {
        more_partners: vec![(other.to_owned(), "Another".to_owned())],
        ..Options::default()
    };
    let world = World::with(options, &[NO_PARTNERS_TABLE]).await;
    let mut browser = world.signed_in("ada");
    let answer = browser.get(&format!("/partners/{other}/entrypoint")).await;
    let callback = browser.agree(&answer.location().parse().unwrap(), "mara").await;
    assert_eq!(browser.get(&callback).await.status, 302);
    let links = world.spotify().links();
    assert_eq!((links.len(), links[0].partner_id.as_str()), (1, other));
    assert_ne!(links[0].partner_user_id, world.partner_user_id("ada"));

    // A token that names its partner is not valid at another.
    let mut claims = world.session_claims("ada");
    claims["partner_id"] = world.sandbox.options().partner_id.clone().into();
    browser.cookies.insert(
        world.sandbox.options().session_cookie.clone(),
        world.site_token("JWT", &claims),
    );
    assert!(browser.get("/entrypoint").await.location().contains("/authorize?"));
    let elsewhere = browser.get(&format!("/partners/{other}/entrypoint")).await;
    assert!(elsewhere.location().contains("/sign-in?"));
}

/// `LINK_WITHOUT_ENTITLEMENTS` decides: link anyway, or send the person to subscribe and link them when they return.
#[tokio::test]
async fn a_subscriber_without_entitlements_is_linked_or_sent_to_subscribe() {
    let world = World::new().await;
    assert_eq!(world.signed_in("noor").link("mara").await.status, 302);
    assert_eq!(world.linked("noor"), Some(("mara".to_owned(), Vec::new())));

    let variables = [
        ("LINK_WITHOUT_ENTITLEMENTS", "off"),
        ("SUBSCRIBE_URL", "https://www.example.com/plans?from=spotify"),
    ];
    let world = World::with(Options::default(), &variables).await;
    let mut noor = world.signed_in("noor");
    let page = noor
        .get("/entrypoint?spotifyShowUri=spotify:show:0MossHour0000000000002&lang=it")
        .await;
    assert_eq!((page.status, page.header("location")), (403, None));
    let step = page
        .body
        .split_once("class=\"step\" href=\"")
        .unwrap()
        .1
        .split_once('"')
        .unwrap()
        .0
        .replace("&amp;", "&");
    assert!(
        step.starts_with("https://www.example.com/plans?from=spotify&return_to="),
        "{step}"
    );
    assert!(!world.stored().await.contains("link#"));
    // A session without the claim counts as without entitlements.
    let mut claims = world.session_claims("ada");
    claims.as_object_mut().unwrap().remove("entitlements");
    let cookie = world.sandbox.options().session_cookie.clone();
    let mut unsaid = world.browser();
    unsaid.cookies.insert(cookie.clone(), world.site_token("JWT", &claims));
    assert_eq!(unsaid.get("/entrypoint").await.status, 403);

    let mut paid = world.session_claims("noor");
    paid["entitlements"] = json!(["basic"]);
    noor.cookies.insert(cookie, world.site_token("JWT", &paid));
    let consent = noor.get(&parameter(&step, "return_to").unwrap()).await;
    let callback = noor.agree(&consent.location().parse().unwrap(), "mara").await;
    assert_eq!(noor.get(&callback).await.status, 302);
    assert_eq!(world.linked("noor").unwrap().1, ["basic"]);
}

/// Each remedy keeps the partner, the show and the language.
#[tokio::test]
async fn a_refused_link_offers_three_remedies_that_return_to_the_show() {
    let world = World::new().await;
    let partner = world.sandbox.options().partner_id.clone();
    for status in [409, 400, 404] {
        world
            .spotify()
            .faults()
            .add(sandbox::Fault::answer("/api/v1/register-user", status, ""));
        let mut ada = world.signed_in("ada");
        let consent = ada.get("/entrypoint?show=0MossHour0000000000002&lang=en").await;
        let callback = ada.agree(&consent.location().parse().unwrap(), "mara").await;
        let page = ada.get(&callback).await;
        assert_eq!(
            (page.status, page.title()),
            (
                if status == 409 { 409 } else { 502 },
                "Spotify could not connect your account"
            )
        );
        let at = |path: &str| format!("/partners/{partner}/{path}?show=0MossHour0000000000002&amp;lang=en");
        let remedies = [
            format!("{}&amp;show_dialog=true", at("entrypoint")),
            format!("{}/", world.sandbox.addresses().spotify),
            format!("{}&amp;relink=true", at("unlink")),
        ];
        let places: Vec<_> = remedies
            .iter()
            .map(|href| page.body.find(&format!("href=\"{href}\"")).expect(href))
            .collect();
        assert!(places.is_sorted(), "{places:?}");

        let relink = remedies[2].replace("&amp;", "&");
        let form = format!("form_token={}", ada.get(&relink).await.form_token());
        let done = ada.post(&relink, &form).await;
        assert_eq!(done.title(), "Now connect the right Spotify account");
        assert!(done.body.contains(&format!("href=\"{}\"", remedies[0])));
    }
}
