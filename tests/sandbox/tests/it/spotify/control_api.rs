//! Request log, faults, switches, clock and seed.

use std::time::Duration;

use sandbox::Fault;
use sandbox::spotify::Stop;
use serde_json::{Value, json};

use super::{PUID, VERIFIER, journey, told};

#[tokio::test]
async fn the_request_log_shows_requests_without_secrets() {
    let journey = journey().await;
    journey.register("mara", PUID, &["a"]).await;
    let requests = journey.spotify().requests().all();
    let paths: Vec<_> = requests
        .iter()
        .map(|request| (request.method.as_str(), request.path.as_str()))
        .collect();
    assert_eq!(
        paths,
        [
            ("GET", "/authorize"),
            ("POST", "/api/token"),
            ("POST", "/api/v1/register-user")
        ]
    );
    let [_, token, register] = &requests[..] else {
        panic!("three requests")
    };
    assert_eq!(token.form, ["grant_type", "code", "redirect_uri", "code_verifier"]);
    assert_eq!(token.authorization.as_deref(), Some("Basic"));
    assert_eq!(token.grant_type.as_deref(), Some("authorization_code"));
    assert_eq!(register.content_type.as_deref(), Some("jwt"));
    let jws = register.jws.as_ref().unwrap();
    assert_eq!(jws.header_text, r#"{"alg":"HS256","typ":"JWT"}"#);
    assert_eq!(jws.payload["partner_user_id"], PUID);
    assert_eq!(register.status, Some(200));
    let all = serde_json::to_string(&requests).unwrap();
    assert!(!all.contains(&journey.sandbox.options().client_secret) && !all.contains(VERIFIER));
}

#[tokio::test]
async fn a_fault_prevents_the_effect_or_follows_it() {
    let journey = journey().await;
    let faults = journey.spotify().faults();
    let fault = Fault::answer("/api/v1/register-user", 503, "no");
    faults.add(fault.clone());
    assert_eq!(journey.register("mara", PUID, &[]).await, (503, json!("no")));
    assert!(journey.spotify().links().is_empty());
    faults.add(Fault { after: true, ..fault });
    assert_eq!(journey.register("mara", PUID, &[]).await.0, 503);
    assert_eq!(journey.spotify().links().len(), 1);
    assert_eq!(journey.register("mara", PUID, &[]).await.0, 200, "each struck once");
    assert_eq!(journey.spotify().requests().to("/api/v1/")[1].fault, Some(2));
}

#[tokio::test]
async fn a_fault_removes_and_sets_members_of_json_responses() {
    let journey = journey().await;
    let faults = journey.spotify().faults();
    faults.add(Fault {
        omit: vec!["scope".to_owned()],
        times: Some(1),
        ..Fault::on("/api/token")
    });
    let code = journey.code("mara").await;
    let (status, answer) = journey.exchange(&code).await;
    assert_eq!(status, 200);
    assert!(answer.get("scope").is_none() && answer.get("access_token").is_some());
    faults.add(Fault {
        completion_url: Some(Value::Null),
        ..Fault::on("/api/v1/register-user")
    });
    assert_eq!(
        journey.register("mara", PUID, &[]).await.1["completion_url"],
        Value::Null
    );
    assert_eq!(journey.spotify().links().len(), 1, "the link was made all the same");
}

#[tokio::test]
async fn a_fault_breaks_the_connection_before_or_within_a_response() {
    let journey = journey().await;
    let send = || journey.http.post(journey.url("/api/token")).send();
    for fault in [
        Fault {
            reset: true,
            ..Fault::on("/api/token")
        },
        Fault {
            close: true,
            ..Fault::on("/api/token")
        },
    ] {
        journey.spotify().faults().add(Fault {
            times: Some(1),
            ..fault
        });
        assert!(send().await.is_err());
    }
    let half = Fault {
        half: true,
        huge_body: Some(100_000),
        times: Some(1),
        ..Fault::on("/api/token")
    };
    journey.spotify().faults().add(half);
    let answer = send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err());
    assert_eq!(send().await.unwrap().status(), 400, "the next one is answered");
}

#[tokio::test]
async fn a_fault_makes_a_response_slow_huge_late_or_a_redirect() {
    let journey = journey().await;
    let get = || journey.http.get(journey.url("/api/token")).send();
    let faults = journey.spotify().faults();
    let once = Fault {
        times: Some(1),
        ..Fault::on("/api/token")
    };
    faults.add(Fault {
        huge_body: Some(5_000_000),
        ..once.clone()
    });
    assert_eq!(get().await.unwrap().bytes().await.unwrap().len(), 5_000_000);
    faults.add(Fault {
        redirect: Some("https://evil.example/".to_owned()),
        status: Some(307),
        ..once.clone()
    });
    let answer = get().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (307, &"https://evil.example/".parse().unwrap())
    );
    faults.add(Fault {
        html: true,
        ..once.clone()
    });
    assert_eq!(
        get().await.unwrap().headers()["content-type"],
        "text/html; charset=utf-8"
    );
    faults.add(Fault {
        empty: true,
        ..once.clone()
    });
    assert_eq!(get().await.unwrap().text().await.unwrap(), "");
    let begun = std::time::Instant::now();
    faults.add(Fault {
        drip_ms: Some(2),
        body: Some("slow".to_owned()),
        ..once.clone()
    });
    assert_eq!(get().await.unwrap().text().await.unwrap(), "slow");
    assert!(
        begun.elapsed() > Duration::from_millis(100),
        "more than fifty bytes, two milliseconds each"
    );
    let begun = std::time::Instant::now();
    faults.add(Fault {
        delay_ms: Some(100),
        ..once
    });
    assert_eq!(get().await.unwrap().status(), 405);
    assert!(begun.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn the_control_api_works_over_http() {
    let journey = journey().await;
    let post = async |path: &str, body: Value| journey.post(path, &[], body.to_string()).await;
    assert_eq!(
        post("/_sandbox/faults", json!({"path": "/api/token", "status": 503}))
            .await
            .0,
        201
    );
    assert_eq!(
        post("/_sandbox/faults", json!({"path": "/api/token", "stauts": 503}))
            .await
            .0,
        400
    );
    assert_eq!(
        post("/_sandbox/faults", json!({"path": "/_sandbox/faults"})).await.0,
        400
    );
    assert_eq!(journey.token("x=y").await.0, 503);
    let delete = async |path: &str| journey.http.delete(journey.url(path)).send().await.unwrap();
    assert_eq!(delete("/_sandbox/faults").await.status(), 204);
    let (status, switches) = post("/_sandbox/switches", json!({"a11_expires_in": 61})).await;
    assert_eq!(
        (status, &switches["a11_expires_in"], &switches["a7_conflict_status"]),
        (200, &json!(61), &json!(409))
    );
    assert_eq!(post("/_sandbox/switches", json!({"a99": 1})).await.0, 400);
    let link = json!({"partner_id": journey.partner_id(), "partner_user_id": PUID, "account": "ines"});
    assert_eq!(post("/_sandbox/links", link).await.0, 204);
    assert_eq!(journey.entitlements(PUID).await.0, 200);
    let gone = delete(&format!("/_sandbox/links?partner_user_id={PUID}")).await;
    assert_eq!(gone.text().await.unwrap(), r#"{"removed":1}"#);
    let (_, secret) = post("/_sandbox/secret", json!({"client_secret": "new"})).await;
    assert_eq!(secret["client_secret"], "new");
    let log = journey
        .get("/_sandbox/requests?path=/api/token")
        .await
        .text()
        .await
        .unwrap();
    assert!(log.contains("\"client_credentials\""), "{log}");
    assert_eq!(post("/_sandbox/clock", json!({"advance_ms": u64::MAX})).await.0, 200);
    assert_eq!(
        journey.authorize("&sandbox_account=mara").await.status(),
        302,
        "at the end of time, too"
    );
    assert_eq!(post("/_sandbox/reset", json!({})).await.0, 204);
    assert_eq!(
        journey
            .token("grant_type=client_credentials&scope=user-soa-unlink")
            .await
            .0,
        200
    );
    assert_eq!(journey.spotify().requests().all().len(), 1);
}

#[tokio::test]
async fn a_seed_repeats_its_authorization_codes() {
    let (one, two) = (journey().await, journey().await);
    let code = one.code("mara").await;
    assert_eq!(code, two.code("mara").await);
    one.spotify().reset();
    assert_eq!(code, one.code("mara").await);
}

#[tokio::test]
async fn an_unlisted_account_is_refused_at_the_step_of_the_switch() {
    let journey = journey().await;
    journey
        .spotify()
        .set_switches(|switches| switches.a15_listed_accounts = Some(vec!["teo".to_owned()]));
    assert_eq!(journey.register("mara", PUID, &[]).await.0, 403);
    assert_eq!(journey.register("teo", PUID, &[]).await.0, 200);
    journey
        .spotify()
        .set_switches(|switches| switches.a15_stops_at = Stop::Token);
    let code = journey.code("mara").await;
    assert_eq!(journey.exchange(&code).await.0, 403);
    journey
        .spotify()
        .set_switches(|switches| switches.a15_stops_at = Stop::Authorize);
    assert_eq!(
        told(&journey.authorize("&sandbox_account=mara").await, "error").unwrap(),
        "access_denied"
    );
}

#[tokio::test]
async fn hostile_input_is_refused_without_a_panic() {
    let journey = journey().await;
    let long = "x".repeat(60_000);
    for path in [
        format!("/authorize?client_id={long}"),
        "/authorize?%00%0d%0a=%ff".to_owned(),
        "/oauth/success?ticket=%00&ticket=%ff".to_owned(),
        format!("/link/{long}"),
        "/link/%ff".to_owned(),
        "/%2e%2e/etc/passwd".to_owned(),
        "/_sandbox/links?x=y".to_owned(),
    ] {
        let status = journey.get(&path).await.status().as_u16();
        assert!((400..500).contains(&status), "{status} {path:.80}");
    }
    for body in ["", "{", "[]", "null", "\u{0}", "{\"path\":1}"] {
        for path in [
            "/_sandbox/faults",
            "/_sandbox/links",
            "/_sandbox/switches",
            "/_sandbox/clock",
        ] {
            assert_eq!(journey.post(path, &[], body).await.0, 400, "{path} {body}");
        }
    }
    let (status, _) = journey
        .post("/api/token", &[("authorization", "Basic %%%")], vec![0xff; 1000])
        .await;
    assert_eq!(status, 400);
    assert_eq!(journey.post("/api/token", &[], vec![b'x'; 13_000_000]).await.0, 413);
}
