//! Requests without a route of their own, which API Gateway sends to the route `$default`.

use serde_json::{Value, json};

use crate::support::{TestResponse, World, logged_of};

const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
const JSON: (&str, &str) = ("accept", "application/json");

fn log_line(answer: &TestResponse) -> Value {
    logged_of(answer.header("apigw-requestid").unwrap()).pop().unwrap()
}

#[tokio::test]
async fn the_root_leads_to_the_partners_site() {
    let world = World::new().await;
    let answer = world.browser().get("/").await;
    let site = format!("{}/account", world.sandbox.addresses().site);
    assert_eq!((answer.status, answer.location()), (302, site.as_str()));
    let world = World::with(sandbox::Options::default(), &[("RETURN_URL", "")]).await;
    assert_eq!(world.browser().get("/").await.status, 404);
}

#[tokio::test]
async fn an_unknown_path_is_a_page_for_people_and_problem_json_for_programs() {
    let world = World::new().await;
    let mut browser = world.browser();
    for path in [
        "/favicon.ico",
        "/robots.txt",
        "/entrypoint/",
        "/Entrypoint",
        "/partners/x",
        "/partners/x/callback",
        "/wp-login.php?a=1",
    ] {
        for headers in [&[PAGE][..], &[]] {
            let answer = browser.send("GET", &world.gateway(path), headers, None).await;
            assert_eq!((answer.status, answer.title()), (404, "Nothing here"), "{path}");
        }
        for (method, headers) in [
            ("GET", &[JSON][..]),
            ("POST", &[("content-type", "application/jwt")]),
            ("PUT", &[]),
            ("OPTIONS", &[]),
        ] {
            let answer = browser.send(method, &world.gateway(path), headers, None).await;
            assert_eq!(
                (answer.status, &answer.problem()["code"]),
                (404, &json!("invalid_request")),
                "{method} {path}"
            );
            // A scanner is no failed link and no reason to warn.
            assert_eq!(log_line(&answer)["level"], "INFO", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn another_method_of_a_known_path_is_answered_with_the_methods_that_it_has() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    let partner_id = world.sandbox.options().partner_id.clone();
    for (path, allow) in [
        ("/", "GET, HEAD"),
        ("/entrypoint", "GET, HEAD"),
        ("/callback", "GET, HEAD"),
        ("/unlink", "GET, HEAD, POST"),
        ("/replace-entitlements", "HEAD, POST"),
        (&format!("/partners/{partner_id}/account"), "GET, HEAD"),
    ] {
        for method in ["PUT", "DELETE", "OPTIONS", "PATCH"] {
            let answer = browser.send(method, &world.gateway(path), &[], None).await;
            assert_eq!(
                (answer.status, answer.header("allow")),
                (405, Some(allow)),
                "{method} {path}"
            );
            answer.problem();
        }
        let answer = browser.send("DELETE", &world.gateway(path), &[PAGE], None).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{path}");
        assert_eq!(answer.title(), "Nothing here", "{path}");
    }
    // A program that calls the wrong way gets problem+json, whatever it accepts.
    let answer = browser.get("/get-entitlements").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("HEAD, POST")));
    answer.problem();
}

#[tokio::test]
async fn a_head_of_a_known_path_is_204_and_stores_nothing() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    let before = (world.stored().await, browser.cookies.clone());
    for path in [
        "/",
        "/entrypoint",
        "/link",
        "/callback?code=x&state=y",
        "/sign-in",
        "/account",
        "/unlink",
        "/get-entitlements",
    ] {
        let answer = browser.send("HEAD", &world.gateway(path), &[], None).await;
        assert_eq!((answer.status, answer.all("set-cookie").len()), (204, 0), "{path}");
    }
    assert_eq!((world.stored().await, browser.cookies.clone()), before);
    assert_eq!(world.calls(), (0, 0, 0));
    assert_eq!(
        browser.send("HEAD", &world.gateway("/unknown"), &[], None).await.status,
        404
    );
}
