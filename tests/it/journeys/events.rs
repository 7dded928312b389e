//! Events as AWS sends them, and events that are no HTTP requests.

use sandbox::{Route, deployment};
use serde_json::{Value, json};
use shared::{encoding::base64, rng::Rng};

use crate::support::{World, logged};

async fn routes(world: &World) -> Vec<Route> {
    let environment = world.environment(&[]);
    let routes = deployment::routes(&environment, &world.clock, &Rng::System)
        .await
        .unwrap();
    routes.into_iter().filter(|route| !route.is_invoked()).collect()
}

/// The log lines since `before`, which is the length of the log.
fn logged_since(before: usize) -> Vec<Value> {
    logged()[before..]
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// API Gateway encodes the body of a form in base64.
#[tokio::test]
async fn a_form_body_in_base64_is_read() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    let form = format!("form_token={}", browser.get("/unlink").await.form_token());
    let cookies: Vec<_> = browser
        .cookies
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let unlink = routes(&world)
        .await
        .into_iter()
        .find(|route| route.key() == "POST /unlink")
        .unwrap();
    let answer = |body: String| {
        let event = json!({
            "version": "2.0", "routeKey": "POST /unlink", "rawPath": "/unlink", "rawQueryString": "", "cookies": cookies,
            "headers": {
                "content-type": "application/x-www-form-urlencoded", "origin": world.sandbox.addresses().gateway, "sec-fetch-site": "same-origin",
            },
            "requestContext": {"http": {"method": "POST", "path": "/unlink"}, "requestId": "form"},
            "body": body, "isBase64Encoded": true,
        });
        (unlink.function)(event)
    };
    for wrong in ["%%%", &base64("form_token=%FF"), &base64([0xff, 0xfe])] {
        let answer = answer((*wrong).to_owned()).await;
        assert!([400, 403].contains(&answer["statusCode"].as_u64().unwrap()), "{answer}");
    }
    assert_eq!(answer(base64(&form)).await["statusCode"], 200);
}

/// A warm-up must not look like a failure.
#[tokio::test]
async fn an_event_that_is_no_http_request_is_a_400_without_a_warning_or_a_metric() {
    let world = World::new().await;
    let schedule = json!({
        "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "123456789012", "time": "2026-11-29T00:00:00Z", "region": "eu-west-1", "resources": [], "detail": {},
    });
    let events = [
        json!({}),
        json!(null),
        json!([]),
        json!(""),
        json!({"warmer": true, "concurrency": 3}),
        json!({"source": "serverless-plugin-warmup"}),
        json!({"action": "warm"}),
        schedule,
        json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}),
    ];
    for route in routes(&world).await {
        for event in &events {
            let before = logged().len();
            let answer = (route.function)(event.clone()).await;
            assert_eq!(answer["statusCode"], 400, "{} {event}", route.key());
            let lines = logged_since(before);
            assert_eq!(lines.len(), 1, "{lines:?}");
            let expected = (&json!("INFO"), &json!("malformed event: no HTTP request"));
            assert_eq!((&lines[0]["level"], &lines[0]["reason"]), expected, "{event}");
        }
    }
}

/// Its twin: an integration with the wrong payload format breaks every request.
#[tokio::test]
async fn an_event_of_payload_format_1_0_is_a_warning() {
    let world = World::new().await;
    let event =
        json!({"version": "1.0", "httpMethod": "GET", "path": "/entrypoint", "headers": {}, "requestContext": {}});
    for route in routes(&world).await {
        let before = logged().len();
        assert_eq!(
            (route.function)(event.clone()).await["statusCode"],
            400,
            "{}",
            route.key()
        );
        let lines = logged_since(before);
        assert_eq!(lines[0]["level"], "WARN", "{lines:?}");
        assert_eq!(lines[0]["reason"], "malformed event: payload format 1.0 instead of 2.0");
    }
}

/// API Gateway leaves the path of the mapping in `rawPath`, but not in the route key.
#[tokio::test]
async fn a_custom_domain_that_maps_a_path_is_a_404_page_and_one_warning() {
    let world = World::new().await;
    let partner_id = world.sandbox.options().partner_id.clone();
    for route in routes(&world).await.iter().filter(|route| route.path.starts_with('/')) {
        let path = route.path.replace("{partner_id}", &partner_id);
        for (mapping, raw_path) in [
            ("", path.clone()),
            ("podcasts", format!("/podcasts{path}")),
            ("v1/link", format!("/v1/link{path}")),
        ] {
            let event = json!({
                "version": "2.0", "routeKey": route.key(), "rawPath": raw_path, "rawQueryString": "", "headers": {},
                "requestContext": {
                    "http": {"method": route.method, "path": raw_path}, "requestId": "mapped", "routeKey": route.key(), "stage": "$default",
                },
                "isBase64Encoded": false,
            });
            let before = logged().len();
            let answer = (route.function)(event).await;
            let lines = logged_since(before);
            let warned: Vec<_> = lines
                .iter()
                .filter(|line| line["code"] == "PATH_MAPPING_UNSUPPORTED")
                .collect();
            if mapping.is_empty() {
                assert_ne!(answer["statusCode"], 404, "{raw_path}");
                assert_eq!(warned.len(), 0, "{lines:?}");
            } else {
                assert_eq!(answer["statusCode"], 404, "{raw_path}");
                assert_eq!((lines.len(), warned.len()), (1, 1), "{lines:?}");
                assert_eq!(warned[0]["level"], "WARN");
                assert!(
                    warned[0]["reason"]
                        .as_str()
                        .unwrap()
                        .contains(&format!("\"{mapping}\"")),
                    "{lines:?}"
                );
            }
        }
    }
}
