//! Every response of a function has a strict Content-Security-Policy, whatever its kind. S-HDR-3.

use std::{collections::BTreeSet, time::Duration};

use sandbox::{Fault, Options, deployment};
use serde_json::{Value, json};
use shared::{
    rng::Rng,
    runtime::http::{HttpFunction, handle_event},
};

use crate::support::{TestResponse, World};

/// The policy of every response that is not a page.
const NO_CONTENT: &str = "default-src 'none'; frame-ancestors 'none'";

/// Fails unless the policy is the strict one of a page, or of any other response.
fn must_be_strict(content_type: Option<&str>, policy: Option<&str>, what: &str) {
    let policy = policy.unwrap_or_else(|| panic!("{what} has no policy"));
    if content_type == Some("text/html; charset=utf-8") {
        let rest = policy.strip_prefix("default-src 'none'; style-src 'sha256-");
        let rest = rest.and_then(|rest| rest.split_once("'; "));
        // The icon of the tab is in the page itself.
        let expected = "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
        assert_eq!(rest.map(|(_, rest)| rest), Some(expected), "{what}");
    } else {
        assert_eq!(policy, NO_CONTENT, "{what}");
    }
}

fn must_be_strict_over_http(answer: &TestResponse) {
    let header = |name| answer.header(name);
    must_be_strict(
        header("content-type"),
        header("content-security-policy"),
        &format!("{answer:?}"),
    );
}

fn must_be_strict_in(answer: &Value) {
    let header = |name: &str| answer["headers"][name].as_str();
    must_be_strict(
        header("content-type"),
        header("content-security-policy"),
        &answer.to_string(),
    );
}

fn event(method: &str, path: &str, content_type: &str) -> Value {
    json!({
        "version": "2.0", "rawPath": path, "rawQueryString": "", "headers": {"content-type": content_type},
        "requestContext": {"http": {"method": method, "path": path}, "requestId": "policy"}, "isBase64Encoded": false,
    })
}

#[tokio::test]
async fn pages_redirects_json_and_errors_have_a_strict_content_security_policy() {
    let world = World::with(Options::default(), &[("FRAME_ORIGIN", "")]).await;
    let mut browser = world.signed_in("ada");
    let gold = json!({"entitlements": ["gold"], "version": 0});
    let replace = |more: &Value| world.to("/replace-entitlements", "ada", more);
    let read = world.to("/get-entitlements", "ada", &json!({}));
    let unlink = World::request_token(&world.request_claims("ada", "1"));
    let mut answers = vec![
        browser.get("/account").await,
        browser.get("/unlink").await,
        browser.get("/entrypoint").await,
        world.browser().get("/account").await,
        browser.get("/callback").await,
        browser.post("/unlink", "form_token=x").await,
        world.asks("/get-entitlements", &read).await,
        world.asks("/replace-entitlements", &replace(&gold)).await,
        world
            .asks(
                "/replace-entitlements",
                &replace(&json!({"entitlements": [], "version": 7})),
            )
            .await,
        world.asks("/replace-entitlements", &replace(&json!({}))).await,
        world.backend_unlink("x").await,
        world.backend_unlink(&"a".repeat(300 << 10)).await,
        world.backend_unlink(&unlink).await,
        browser.get("/partners/unknown/account").await,
    ];
    world.spotify().faults().add(Fault {
        times: None,
        ..Fault::answer("/api/v1/unlink-user", 500, "")
    });
    let unlink = World::request_token(&world.request_claims("ada", "2"));
    answers.push(world.backend_unlink(&unlink).await);
    for answer in &answers {
        must_be_strict_over_http(answer);
    }
    let statuses: BTreeSet<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(
        statuses,
        BTreeSet::from([200, 202, 204, 302, 400, 401, 403, 404, 409, 413, 502])
    );
}

/// Events go straight to the functions, because the gateway has no route for some of them.
#[tokio::test]
async fn responses_outside_the_routes_have_a_strict_content_security_policy() {
    let world = World::new().await;
    let environment = world.environment(&[]);
    let routes = deployment::routes(&environment, &world.clock, &Rng::System)
        .await
        .unwrap();
    for route in routes
        .iter()
        .filter(|route| route.path.starts_with('/') && !route.is_invoked())
    {
        let path = route.path.replace("{partner_id}", &world.sandbox.options().partner_id);
        for content_type in ["", "application/jwt"] {
            for (event, status) in [
                (event("PUT", &path, content_type), 405),
                (event("HEAD", &path, content_type), 204),
                (event("GET", "/unknown", content_type), 404),
                (json!({"headers": {"content-type": content_type}}), 400),
                (json!(null), 400),
            ] {
                let answer = (route.function)(event).await;
                assert_eq!(answer["statusCode"], status, "{answer}");
                must_be_strict_in(&answer);
            }
        }
    }
    late::<entrypoint::Entrypoint>(&world, "GET", "entrypoint").await;
    late::<unlink::Unlink>(&world, "GET", "account").await;
    late::<entitlements::Entitlements>(&world, "POST", "get-entitlements").await;
}

/// Leaves a function no time to read the partner.
async fn late<F: HttpFunction>(world: &World, method: &str, route: &str) {
    let function = F::start(world.environment(&[]), world.clock.clone(), Rng::System).await;
    let event = event(method, &format!("/partners/other/{route}"), "");
    let answer = handle_event(&function.unwrap(), &event.to_string(), Duration::ZERO).await;
    assert_eq!(answer.status_code, 504, "{route}");
    must_be_strict_in(&serde_json::to_value(answer).unwrap());
}

/// A redirect in a frame keeps the origin that may show the page, because browsers may check it too. Other routes do not.
#[tokio::test]
async fn a_redirect_of_the_account_page_may_be_framed_by_the_configured_origin() {
    let world = World::with(Options::default(), &[("FRAME_ORIGIN", "https://www.example.com")]).await;
    let policy = async |path: &str| {
        let answer = world.browser().get(path).await;
        assert_eq!(answer.status, 302);
        answer.header("content-security-policy").unwrap().to_owned()
    };
    let framed = "default-src 'none'; frame-ancestors https://www.example.com";
    assert_eq!(policy("/account").await, framed);
    assert_eq!(policy("/unlink").await, NO_CONTENT);
    assert_eq!(policy("/entrypoint").await, NO_CONTENT);
}
