//! Hostile input always gets a 4xx: never a 5xx, a panic or an upstream call. S-IN-1 to 5, S-STATE-2, S-CODE-4, S-COOKIE-4, S-HDR-1 to 4.

use serde_json::{Value, json};
use shared::rng::Rng;

use crate::support::{World, parameter};

async fn callback(world: &World) -> (crate::support::Browser<'_>, String, String) {
    let mut browser = world.signed_in("ada");
    let authorize = browser.begin().await;
    let callback = browser.agree(&authorize, "mara").await;
    let (state, code) = (
        parameter(&callback, "state").unwrap(),
        parameter(&callback, "code").unwrap(),
    );
    (browser, state, code)
}

#[tokio::test]
async fn an_ambiguous_callback_is_a_bad_request() {
    let world = World::new().await;
    let (mut browser, state, code) = callback(&world).await;
    let queries = [
        format!("state={state}&state={state}&code={code}"),
        format!("state={state}&code={code}&code={code}"),
        format!("state={state},{state}&code={code}"),
        format!("state={state}&code={code},{code}"),
        format!("state[]={state}&code={code}"),
        format!("state={state}&state[]=x&code={code}"),
        format!("State={state}&code={code}"),
        format!("state={state}&STATE=x&code={code}"),
        format!("state={state};code={code}"),
        format!("state={state}&code={code};x"),
        format!("state={state}&code={code}&error=access_denied&error=x"),
        format!("state={state}&code=a%26grant_type%3Dclient_credentials"),
    ];
    for query in queries {
        assert_eq!(browser.get(&format!("/callback?{query}")).await.status, 400, "{query}");
    }
    for code in [
        "",
        &"a".repeat(7000),
        "a%00",
        "a%0d%0ab",
        "a%20b",
        "%C3%A4",
        "a b",
        "%FF",
    ] {
        let status = browser
            .get(&format!("/callback?state={state}&code={code}"))
            .await
            .status;
        assert!((400..500).contains(&status), "{code}: {status}");
    }
    assert_eq!(world.calls(), (0, 0, 0));
    assert_eq!(
        browser
            .get(&format!("/callback?state={state}&code={code}&unknown=1"))
            .await
            .status,
        302
    );
}

/// Events go straight to the functions, because the gateway would reject some of them.
#[tokio::test]
async fn no_event_causes_a_server_error() {
    none_makes_a_fault(&World::new().await).await;
}

#[tokio::test]
async fn no_event_causes_a_server_error_with_oidc_sign_in() {
    let options = sandbox::Options {
        sign_in: sandbox::SignIn::Oidc,
        ..sandbox::Options::default()
    };
    let world = World::with(options, &[]).await;
    none_makes_a_fault(&world).await;
}

async fn none_makes_a_fault(world: &World) {
    let routes = sandbox::deployment::routes(&world.environment(&[]), &world.clock, &Rng::System)
        .await
        .unwrap();
    let long = "a".repeat(1 << 20);
    let paths = [
        "",
        "/",
        "//entrypoint",
        "/entrypoint/",
        "/ENTRYPOINT",
        "/entrypoint%2f",
        "/entrypoint;a",
        "/../entrypoint",
        "/\u{0}",
        "/ä",
        "/partners//entrypoint",
        "/partners/a b/entrypoint",
        "/partners/%00/unlink",
        "/2018-06-01/runtime",
        "/_sandbox/faults",
        "/callback/x",
        &long,
    ];
    let queries = [
        "",
        "%",
        "%ZZ",
        "%FF",
        "%C0%80",
        "%00",
        "%0d%0aX:y",
        "a\r\nb",
        "state=\u{fffd}",
        "ä=ö",
        "=&=&=",
        "state",
        &long,
        "%ED%A0%80",
    ];
    let cookies = [
        json!(null),
        json!([]),
        json!([""]),
        json!(["="]),
        json!(["__Host-soa_link=\u{1}"]),
        json!(["__Host-soa_link=ä", "wickerlight_session=ö"]),
        json!(vec!["a=b"; 300]),
        json!([format!("__Host-soa_link={}", "x".repeat(6000))]),
        json!(["__Host-soa_link=a", "__Host-soa_link=b"]),
    ];
    let bodies = [
        json!(null),
        json!(""),
        json!("{}"),
        json!("[[[["),
        json!(long),
        json!("form_token=%FF"),
        json!("\u{0}"),
    ];
    let methods = ["GET", "POST", "HEAD", "TRACE", "FOO", "PATCH"];
    for route in &routes {
        let mut n = 0;
        let mut events = Vec::new();
        for path in paths.iter().copied().chain([route.path.as_str()]) {
            for query in queries {
                n += 1;
                events.push(json!({
                    "version": "2.0", "rawPath": path, "rawQueryString": query, "cookies": cookies[n % cookies.len()],
                    "headers": {"host": "evil\u{e4}.example", "content-type": if n % 2 == 0 { "application/jwt" } else { "x" }},
                    "requestContext": {"http": {"method": methods[n % methods.len()], "path": path}, "requestId": "\u{1b}[31m\n{\"forged\":1}"},
                    "body": bodies[n % bodies.len()], "isBase64Encoded": n % 3 == 0,
                }));
            }
        }
        events.extend([
            json!(null),
            json!({}),
            json!([]),
            json!({"requestContext": {}}),
            json!({"version": "1.0", "httpMethod": "GET"}),
        ]);
        for event in events {
            let answer = (route.function)(event.clone()).await;
            if route.is_invoked() {
                assert_eq!(answer["error"]["code"], "invalid_request", "{answer} for {event:.300}");
                continue;
            }
            let status = answer["statusCode"].as_u64().unwrap();
            let policy = answer["headers"]["content-security-policy"].as_str().unwrap();
            assert!(policy.starts_with("default-src 'none'; "), "{policy}");
            // Without a session a 302 can only lead to the sign-in, and from `/` to the site.
            let is_head = event.pointer("/requestContext/http/method") == Some(&json!("HEAD"));
            assert!(
                (400..500).contains(&status) || status == 302 || status == 204 && is_head,
                "{status} for {event:.300}"
            );
            if status == 302 {
                let location = answer["headers"]["location"].as_str().unwrap();
                let ours = world.gateway("/sign-in?return_to=");
                assert!(
                    location.starts_with(&world.sandbox.addresses().site) || location.starts_with(&ours),
                    "{answer}"
                );
            }
        }
    }
    assert_eq!(world.calls(), (0, 0, 0));
    // S-LOG-2: each line is one JSON record, and no record is forged.
    for line in crate::support::logged().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        assert!(record["code"].is_string() && record.get("forged").is_none());
    }
}

#[tokio::test]
async fn an_oversized_request_is_rejected() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    let unlink = world.gateway("/unlink");
    let typed = [("content-type", "application/jwt")];
    for size in [300 << 10, 3 << 20] {
        assert_eq!(
            browser
                .send("POST", &unlink, &typed, Some(&"a".repeat(size)))
                .await
                .status,
            413,
            "{size}"
        );
    }
    for query in [
        format!("state={}", "a".repeat(9000)),
        "a=b&".repeat(2000),
        "a".repeat(30_000),
    ] {
        let status = browser.get(&format!("/callback?{query}")).await.status;
        assert!((400..500).contains(&status), "{status}");
    }
    for method in ["PUT", "PATCH", "DELETE", "FOO"] {
        for path in ["/entrypoint", "/callback", "/link"] {
            assert!([404, 405].contains(&browser.send(method, &world.gateway(path), &[], None).await.status));
        }
    }
    assert_eq!(world.calls(), (0, 0, 0));
}

/// S-HDR-1 to 4, S-CSRF-5.
#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let world = World::with(sandbox::Options::default(), &[("FRAME_ORIGIN", "")]).await;
    let mut browser = world.signed_in("ada");
    let mut answers = vec![
        browser.get("/account").await,
        browser.get("/sign-in").await,
        browser.get("/entrypoint").await,
        browser.get("/entrypoint?a=%FF").await,
        browser.get("/callback").await,
        browser.get("/link").await,
        browser.get("/unlink").await,
        browser.post("/unlink", "form_token=x").await,
        world.backend_unlink("x").await,
        world
            .backend_unlink(&World::request_token(&world.request_claims("ada", "1")))
            .await,
    ];
    answers.push(browser.link("mara").await);
    for answer in answers {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=63072000"));
        assert!(
            answer
                .headers
                .iter()
                .all(|(name, _)| !name.starts_with("access-control") && name != "server" && name != "x-powered-by")
        );
        if answer
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"))
        {
            assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
            let policy = answer.header("content-security-policy").unwrap();
            assert!(
                policy.starts_with("default-src 'none'; style-src 'sha256-")
                    && policy.contains("frame-ancestors 'none'")
            );
            // No scripts and no resources; links only to the partner's site and to its shows at Spotify.
            let body = answer.body.replace(&world.sandbox.addresses().site, "");
            let body = body.replace("https://open.spotify.com/show/", "");
            // The icon of the tab is in the page itself.
            let body = body.replace("<link rel=\"icon\" href=\"data:image/svg+xml;base64,", "");
            assert!(
                !["<script", "<img", "<link", "//"]
                    .iter()
                    .any(|other| body.contains(other)),
                "{body}"
            );
        }
    }
}
