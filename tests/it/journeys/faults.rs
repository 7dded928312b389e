//! Failures of Spotify, DynamoDB and Secrets Manager as a subscriber sees them: an error page with the right status, one log line with a registered
//! code, no partial result, and a new journey that works.

use std::time::Duration;

use sandbox::{Fault, deployment};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{World, logged_of};

const TOKEN: &str = "/api/token";
const REGISTER: &str = "/api/v1/register-user";
const UNLINK: &str = "/api/v1/unlink-user";

fn answer(path: &str, status: u16, body: &str) -> Fault {
    Fault {
        times: None,
        ..Fault::answer(path, status, body)
    }
}

fn on(path: &str) -> Fault {
    Fault {
        times: None,
        ..Fault::on(path)
    }
}

/// One journey under a fault, with the expected status, log code and number of calls (token endpoint, register-user).
struct Case {
    name: &'static str,
    fault: Fault,
    status: u16,
    code: &'static str,
    calls: (usize, usize),
}

fn case(name: &'static str, fault: Fault, status: u16, code: &'static str, calls: (usize, usize)) -> Case {
    Case {
        name,
        fault,
        status,
        code,
        calls,
    }
}

/// S-CODE-1, S-CODE-5, S-UP-1, S-UP-4, S-UP-5, S-UP-6: a code is sent once, whatever the response.
fn token_endpoint() -> Vec<Case> {
    let down = "SPOTIFY_UNAVAILABLE";
    let nonsense = "SPOTIFY_INVALID_RESPONSE";
    let us = "SPOTIFY_REFUSED";
    let with = |members: Value| Fault {
        set: members.as_object().unwrap().clone(),
        ..on(TOKEN)
    };
    let headers = |status, retry_after: &str| Fault {
        headers: [("retry-after".into(), retry_after.into())].into(),
        ..answer(TOKEN, status, "{}")
    };
    vec![
        case(
            "400 invalid_grant",
            answer(TOKEN, 400, r#"{"error":"invalid_grant"}"#),
            400,
            "CALLBACK_CODE_REFUSED",
            (1, 0),
        ),
        case(
            "400 in the Web API's shape",
            answer(TOKEN, 400, r#"{"error":{"status":400,"message":"MARK"}}"#),
            502,
            us,
            (1, 0),
        ),
        case("401", answer(TOKEN, 401, "{}"), 502, us, (1, 0)),
        case("403", answer(TOKEN, 403, "{}"), 502, us, (1, 0)),
        case("404", answer(TOKEN, 404, "MARK"), 502, us, (1, 0)),
        case("408", answer(TOKEN, 408, ""), 502, down, (1, 0)),
        case("429 in seconds", headers(429, "7"), 503, "SPOTIFY_RATE_LIMITED", (1, 0)),
        case(
            "429 in ages",
            headers(429, "99999999"),
            503,
            "SPOTIFY_RATE_LIMITED",
            (1, 0),
        ),
        case(
            "429 by date",
            headers(429, "Fri, 31 Dec 2027 23:59:59 GMT"),
            503,
            "SPOTIFY_RATE_LIMITED",
            (1, 0),
        ),
        case("429 negative", headers(429, "-5"), 503, "SPOTIFY_RATE_LIMITED", (1, 0)),
        case("500", answer(TOKEN, 500, "MARK"), 502, down, (1, 0)),
        case("502", answer(TOKEN, 502, "<html>MARK"), 502, down, (1, 0)),
        case("503", answer(TOKEN, 503, ""), 502, down, (1, 0)),
        case("204", answer(TOKEN, 204, ""), 502, us, (1, 0)),
        case(
            "reset",
            Fault {
                reset: true,
                ..on(TOKEN)
            },
            502,
            down,
            (1, 0),
        ),
        case(
            "closed half-way",
            Fault {
                half: true,
                reset: true,
                ..on(TOKEN)
            },
            502,
            down,
            (1, 0),
        ),
        case(
            "HTML",
            Fault {
                html: true,
                status: Some(200),
                ..on(TOKEN)
            },
            502,
            nonsense,
            (1, 0),
        ),
        case(
            "empty",
            Fault {
                empty: true,
                ..on(TOKEN)
            },
            502,
            nonsense,
            (1, 0),
        ),
        case("an array", answer(TOKEN, 200, "[]"), 502, nonsense, (1, 0)),
        case(
            "10 MB",
            Fault {
                huge_body: Some(10 << 20),
                ..on(TOKEN)
            },
            502,
            nonsense,
            (1, 0),
        ),
        case(
            "no token_type",
            Fault {
                omit: vec!["token_type".into()],
                ..on(TOKEN)
            },
            502,
            nonsense,
            (1, 0),
        ),
        case(
            "no access_token",
            Fault {
                omit: vec!["access_token".into()],
                ..on(TOKEN)
            },
            502,
            nonsense,
            (1, 0),
        ),
        case(
            "another token_type",
            with(json!({"token_type": "mac"})),
            502,
            nonsense,
            (1, 0),
        ),
        case(
            "another scope",
            with(json!({"scope": "user-read-email"})),
            502,
            us,
            (1, 0),
        ),
        case(
            "error beside 200",
            with(json!({"error": "MARK"})),
            502,
            nonsense,
            (1, 0),
        ),
        case(
            "a token with a line break",
            with(json!({"access_token": "a\r\nX: y"})),
            502,
            nonsense,
            (1, 0),
        ),
    ]
}

/// S-UP-7, S-REDIR-2, S-REDIR-4: register-user is idempotent, so a transient failure is retried once. A refusal is not retried.
fn register_user() -> Vec<Case> {
    let (down, nonsense, us) = ("SPOTIFY_UNAVAILABLE", "SPOTIFY_INVALID_RESPONSE", "SPOTIFY_REFUSED");
    let landing = |url: Value| Fault {
        completion_url: Some(url),
        ..on(REGISTER)
    };
    let foreign = "SPOTIFY_COMPLETION_URL_REFUSED";
    vec![
        case("400", answer(REGISTER, 400, "MARK"), 502, "CALLBACK_CONFLICT", (1, 1)),
        case("401", answer(REGISTER, 401, ""), 502, us, (1, 1)),
        case("403", answer(REGISTER, 403, ""), 502, us, (1, 1)),
        case("404", answer(REGISTER, 404, ""), 502, "CALLBACK_CONFLICT", (1, 1)),
        case("409", answer(REGISTER, 409, ""), 409, "CALLBACK_CONFLICT", (1, 1)),
        case("429", answer(REGISTER, 429, ""), 503, "SPOTIFY_RATE_LIMITED", (1, 1)),
        case("500", answer(REGISTER, 500, "MARK"), 502, down, (1, 2)),
        case("503", answer(REGISTER, 503, ""), 502, down, (1, 2)),
        case(
            "reset",
            Fault {
                reset: true,
                ..on(REGISTER)
            },
            502,
            down,
            (1, 2),
        ),
        case(
            "HTML",
            Fault {
                html: true,
                status: Some(200),
                ..on(REGISTER)
            },
            502,
            nonsense,
            (1, 1),
        ),
        case(
            "empty",
            Fault {
                empty: true,
                ..on(REGISTER)
            },
            502,
            nonsense,
            (1, 1),
        ),
        case(
            "10 MB",
            Fault {
                huge_body: Some(10 << 20),
                ..on(REGISTER)
            },
            502,
            nonsense,
            (1, 1),
        ),
        case(
            "a foreign completion_url",
            landing(json!("https://evil.example/MARK")),
            502,
            foreign,
            (1, 1),
        ),
        case(
            "a completion_url with a line break",
            landing(json!("https://spotify.com/\r\nX: MARK")),
            502,
            foreign,
            (1, 1),
        ),
        case(
            "a completion_url that only looks so",
            landing(json!("https://spotify.com@evil.example/")),
            502,
            foreign,
            (1, 1),
        ),
        case(
            "no completion_url",
            Fault {
                omit: vec!["completion_url".into()],
                ..on(REGISTER)
            },
            502,
            nonsense,
            (1, 1),
        ),
        case("a null completion_url", landing(Value::Null), 502, nonsense, (1, 1)),
        case("a number as completion_url", landing(json!(7)), 502, nonsense, (1, 1)),
    ]
}

async fn each_ends_calmly(cases: Vec<Case>) {
    let world = World::new().await;
    for Case {
        name,
        fault,
        status,
        code,
        calls,
    } in cases
    {
        world.spotify().reset();
        let mut browser = world.signed_in("ada");
        let authorize = browser.begin().await;
        let callback = browser.agree(&authorize, "mara").await;
        world.spotify().faults().add(fault);
        let page = browser.get(&callback).await;
        assert_eq!(page.status, status, "{name}: {}", page.title());
        assert!(page.header("content-type").unwrap().starts_with("text/html"), "{name}");
        assert!(!format!("{page:?}").contains("MARK"), "{name}: {page:?}");
        assert_eq!((world.calls().0, world.calls().1), calls, "{name}");
        let lines = logged_of(page.header("apigw-requestid").unwrap());
        assert_eq!(lines.len(), 1, "{name}: {lines:?}");
        assert_eq!(lines[0]["code"], code, "{name}: {lines:?}");
        assert_eq!(browser.binding(), None, "{name}");
        if status == 503 {
            let seconds: u64 = page.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=3600).contains(&seconds), "{name}");
        }
        // No partial result: the state is consumed, and a new journey works.
        world.spotify().faults().clear();
        let again = browser.get(&callback).await;
        assert_eq!((again.status, again.title()), (400, page.title()), "{name}");
        assert_eq!(browser.link("mara").await.status, 302, "{name}");
    }
}

#[tokio::test]
async fn every_token_endpoint_failure_ends_in_an_error_page() {
    each_ends_calmly(token_endpoint()).await;
}

#[tokio::test]
async fn every_register_user_failure_ends_in_an_error_page() {
    each_ends_calmly(register_user()).await;
}

/// S-UP-6.
#[tokio::test]
async fn upstream_redirects_are_not_followed() {
    let world = World::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}/", listener.local_addr().unwrap());
    for path in [TOKEN, REGISTER] {
        for status in [301, 302, 303, 307, 308] {
            world.spotify().reset();
            let mut browser = world.signed_in("ada");
            let authorize = browser.begin().await;
            let callback = browser.agree(&authorize, "mara").await;
            world.spotify().faults().add(Fault {
                status: Some(status),
                redirect: Some(target.clone()),
                ..on(path)
            });
            assert_eq!(browser.get(&callback).await.status, 502, "{path} {status}");
        }
    }
    assert!(
        tokio::time::timeout(Duration::from_millis(50), listener.accept())
            .await
            .is_err()
    );
}

/// S-UP-3: neither a missing nor a slowly dripping response keeps a person waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_spotify_response_times_out() {
    let slow: [(&str, Fault); 3] = [
        (
            TOKEN,
            Fault {
                delay_ms: Some(30_000),
                ..on(TOKEN)
            },
        ),
        (
            REGISTER,
            Fault {
                delay_ms: Some(30_000),
                ..on(REGISTER)
            },
        ),
        (
            TOKEN,
            Fault {
                drip_ms: Some(500),
                ..on(TOKEN)
            },
        ),
    ];
    for (path, fault) in slow {
        let world = World::new().await;
        let mut browser = world.signed_in("ada");
        let authorize = browser.begin().await;
        let callback = browser.agree(&authorize, "mara").await;
        world.spotify().faults().add(fault);
        let started = Instant::now();
        let page = browser.get(&callback).await;
        assert_eq!(
            (page.status, page.title()),
            (504, "Spotify does not work just now"),
            "{path}"
        );
        // The timeout of the function is ten seconds.
        assert!(started.elapsed() < Duration::from_secs(10));
        world.spotify().faults().clear();
        assert_eq!(browser.link("mara").await.status, 302, "{path}");
    }
}

/// S-UP-7.
#[tokio::test]
async fn a_transient_register_user_failure_is_retried() {
    let world = World::new().await;
    world.spotify().faults().add(Fault::answer(REGISTER, 503, ""));
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    assert_eq!(world.calls(), (1, 2, 0));
}

/// The functions call Spotify for the first time on a request, not at start.
#[tokio::test]
async fn functions_start_without_spotify() {
    let world = World::new().await;
    let nowhere = "http://127.0.0.1:1";
    let environment = world.environment(&[("SPOTIFY_ACCOUNTS_URL", nowhere), ("SPOTIFY_OPEN_ACCESS_URL", nowhere)]);
    assert!(
        deployment::routes(&environment, &world.clock, &shared::rng::Rng::System)
            .await
            .is_ok()
    );
}

/// S-UP-8.
#[tokio::test]
async fn a_service_token_is_cached_renewed_early_and_replaced_when_refused() {
    let world = World::new().await;
    let mut n = 0;
    let mut unlink = || {
        n += 1;
        World::request_token(&world.request_claims("ada", &n.to_string()))
    };
    for _ in 0..3 {
        assert_eq!(world.backend_unlink(&unlink()).await.status, 204);
    }
    assert_eq!(world.calls(), (1, 0, 3));
    // Revoked early: one new token, and one repeated call.
    world.spotify().revoke_tokens();
    assert_eq!(world.backend_unlink(&unlink()).await.status, 204);
    assert_eq!(world.calls(), (2, 0, 5));
    // Renewed one minute before it expires.
    world.advance(3539);
    assert_eq!(world.backend_unlink(&unlink()).await.status, 204);
    assert_eq!(world.calls().0, 2);
    world.advance(1);
    assert_eq!(world.backend_unlink(&unlink()).await.status, 204);
    assert_eq!(world.calls().0, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_unlinks_fetch_one_service_token() {
    let world = World::new().await;
    let tokens: Vec<_> = (0..20)
        .map(|n| World::request_token(&world.request_claims("ada", &n.to_string())))
        .collect();
    let answers = crate::support::join_all(tokens.iter().map(|jws| world.backend_unlink(jws))).await;
    assert!(answers.iter().all(|answer| answer.status == 204));
    assert_eq!(world.calls(), (1, 0, 20));
}

#[tokio::test]
async fn every_unlink_user_answer_has_its_status_and_code() {
    let cases: Vec<(Fault, u16, &str, usize)> = vec![
        (answer(UNLINK, 400, "MARK"), 502, "server_error", 1),
        (answer(UNLINK, 401, ""), 502, "server_error", 2),
        (answer(UNLINK, 403, ""), 502, "server_error", 1),
        (answer(UNLINK, 404, ""), 204, "", 1),
        (answer(UNLINK, 429, ""), 503, "temporarily_unavailable", 1),
        (answer(UNLINK, 500, ""), 502, "temporarily_unavailable", 2),
        (
            Fault {
                reset: true,
                ..on(UNLINK)
            },
            502,
            "temporarily_unavailable",
            2,
        ),
        (
            answer(TOKEN, 401, r#"{"error":"invalid_client"}"#),
            502,
            "server_error",
            0,
        ),
        (answer(TOKEN, 503, ""), 502, "temporarily_unavailable", 0),
    ];
    for (n, (fault, status, code, calls)) in cases.into_iter().enumerate() {
        let world = World::new().await;
        world.spotify().faults().add(fault);
        let answer = world
            .backend_unlink(&World::request_token(&world.request_claims("ada", &n.to_string())))
            .await;
        assert_eq!(answer.status, status, "{n}");
        assert_eq!(world.calls().2, calls, "{n}");
        if status != 204 {
            assert_eq!(answer.problem()["code"], code, "{n}");
            assert!(!answer.body.contains("MARK"));
        }
    }
}

/// S-SEC-3: the secret is rotated while the function is warm.
#[tokio::test]
async fn a_rotated_client_secret_does_not_interrupt_linking() {
    let world = World::new().await;
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    let secret = "fedcba9876543210fedcba9876543210";
    world
        .spotify()
        .rotate_secret(&world.sandbox.options().client_id, secret);
    world.sandbox.secrets_manager().put(
        deployment::CLIENT_SECRET_ID,
        &json!({"client_secret": secret}).to_string(),
    );
    world.spotify().requests().clear();
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    assert_eq!(world.calls(), (2, 1, 0));
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    assert_eq!(world.calls(), (3, 2, 0));
}

/// The secret is rotated in Secrets Manager before Spotify knows it.
#[tokio::test]
async fn a_client_secret_unknown_to_spotify_falls_back_to_the_previous_one() {
    let world = World::new().await;
    let secret = json!({"client_secret": "fedcba9876543210fedcba9876543210"});
    world
        .sandbox
        .secrets_manager()
        .put(deployment::CLIENT_SECRET_ID, &secret.to_string());
    world.advance(300);
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    assert_eq!(world.calls(), (2, 1, 0));
}

#[tokio::test]
async fn a_wrong_client_secret_is_tried_once() {
    let world = World::new().await;
    world
        .spotify()
        .rotate_secret(&world.sandbox.options().client_id, "fedcba9876543210fedcba9876543210");
    assert_eq!(world.signed_in("ada").link("mara").await.status, 502);
    assert_eq!(world.calls(), (1, 0, 0));
}

/// S-SEC-5: the function recovers once Secrets Manager is back.
#[tokio::test]
async fn a_cold_function_without_secrets_manager_answers_503() {
    let world = World::new().await;
    let down = Fault {
        times: None,
        ..Fault::answer("/", 500, r#"{"__type":"InternalServiceError"}"#)
    };
    world.sandbox.secrets_manager().faults().add(down);
    let routes = deployment::routes(&world.environment(&[]), &world.clock, &shared::rng::Rng::System)
        .await
        .unwrap();
    let event = json!({
        "version": "2.0", "rawPath": "/entrypoint", "rawQueryString": "", "headers": {}, "isBase64Encoded": false,
        "requestContext": {"http": {"method": "GET", "path": "/entrypoint"}, "requestId": "cold"},
    });
    let answer = (routes[0].function)(event.clone()).await;
    assert_eq!(
        (answer["statusCode"].as_u64(), answer["headers"]["retry-after"].as_str()),
        (Some(503), Some("5"))
    );
    assert!(!answer["body"].as_str().unwrap().contains("soa-link/"));
    world.sandbox.secrets_manager().faults().clear();
    world.advance(10);
    assert_eq!((routes[0].function)(event).await["statusCode"], 302);
}

#[tokio::test]
async fn the_entrypoint_without_dynamodb_answers_503() {
    let world = World::new().await;
    let environment = world.environment(&[("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")]);
    let routes = deployment::routes(&environment, &world.clock, &shared::rng::Rng::System)
        .await
        .unwrap();
    let session = format!(
        "{}={}",
        world.sandbox.options().session_cookie,
        world.site_token("JWT", &world.session_claims("ada"))
    );
    let event = json!({
        "version": "2.0", "rawPath": "/entrypoint", "rawQueryString": "", "headers": {}, "isBase64Encoded": false, "cookies": [session],
        "requestContext": {"http": {"method": "GET", "path": "/entrypoint"}, "requestId": "down"},
    });
    let answer = (routes[0].function)(event).await;
    assert_eq!(
        (answer["statusCode"].as_u64(), answer["headers"]["retry-after"].as_str()),
        (Some(503), Some("5")),
        "{answer}"
    );
}
