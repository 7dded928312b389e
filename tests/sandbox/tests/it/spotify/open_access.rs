//! The Open Access API: links, entitlements, partners.

use serde_json::{Value, json};

use super::{OTHER_PUID, PUID, journey, sign};

#[tokio::test]
async fn registering_a_link_again_replaces_its_entitlements() {
    let journey = journey().await;
    let (status, answer) = journey.register("mara", PUID, &["basic", "basic"]).await;
    assert_eq!(status, 200);
    let completion_url = answer["completion_url"].as_str().unwrap();
    assert!(
        completion_url.starts_with(&journey.url("/oauth/success?partnerId=")),
        "{completion_url}"
    );
    assert_eq!(
        journey.entitlements(PUID).await,
        (200, json!({"entitlements": ["basic"]}))
    );
    assert_eq!(journey.register("mara", PUID, &["all-access"]).await.0, 200);
    assert_eq!(journey.spotify().links().len(), 1);
    assert_eq!(
        journey.entitlements(PUID).await,
        (200, json!({"entitlements": ["all-access"]}))
    );
}

#[tokio::test]
async fn an_account_and_a_subscriber_are_linked_one_to_one() {
    let journey = journey().await;
    journey.register("mara", PUID, &[]).await;
    assert_eq!(journey.register("mara", OTHER_PUID, &[]).await.0, 409);
    assert_eq!(journey.register("jonas", PUID, &[]).await.0, 409);
    assert_eq!(journey.register("jonas", OTHER_PUID, &[]).await.0, 200);
    journey
        .spotify()
        .set_switches(|switches| switches.a7_conflict_status = 403);
    assert_eq!(journey.register("teo", PUID, &[]).await.0, 403);
    journey
        .spotify()
        .set_switches(|switches| switches.a14_conflict_moves = true);
    assert_eq!(journey.register("jonas", PUID, &[]).await.0, 200);
    let links = journey.spotify().links();
    assert_eq!(links.len(), 1, "both earlier links are gone: {links:?}");
    assert_eq!(links[0].account, "jonas");
}

#[tokio::test]
async fn entitlements_change_only_for_linked_subscribers() {
    let journey = journey().await;
    let token = journey.service_token("soa-manage-entitlements").await;
    for path in [
        "get-entitlements",
        "add-entitlements",
        "replace-entitlements",
        "delete-entitlements",
    ] {
        assert_eq!(
            journey.call(path, &token, &journey.person(PUID, &[])).await.0,
            404,
            "{path}"
        );
    }
    journey.register("mara", PUID, &["a"]).await;
    let now = async || journey.entitlements(PUID).await.1["entitlements"].clone();
    let done = (200, Value::String(String::new()));
    assert_eq!(
        journey
            .call("add-entitlements", &token, &journey.person(PUID, &["b", "a"]))
            .await,
        done
    );
    assert_eq!(now().await, json!(["a", "b"]));
    assert_eq!(
        journey
            .call("delete-entitlements", &token, &journey.person(PUID, &["a", "x"]))
            .await,
        done
    );
    assert_eq!(now().await, json!(["b"]));
    assert_eq!(
        journey
            .call("replace-entitlements", &token, &journey.person(PUID, &[]))
            .await,
        done
    );
    assert_eq!(now().await, json!([]));
}

#[tokio::test]
async fn unlinking_a_subscriber_works_once() {
    let journey = journey().await;
    journey.register("mara", PUID, &[]).await;
    let token = journey.service_token("user-soa-unlink").await;
    let payload = json!({"partner_id": journey.partner_id(), "partner_user_id": PUID});
    assert_eq!(
        journey.call("unlink-user", &token, &payload).await,
        (200, Value::String(String::new()))
    );
    assert_eq!(journey.call("unlink-user", &token, &payload).await.0, 404);
    assert_eq!(journey.entitlements(PUID).await.0, 404);
}

#[tokio::test]
async fn an_invalid_signed_payload_is_refused() {
    let journey = journey().await;
    let token = journey.user_token("mara").await;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let send = async |body: String| journey.post("/api/v1/register-user", &headers, body).await.0;
    let good = journey.person(PUID, &["a"]);
    assert_eq!(send(format!("{}\n", journey.signed(&good))).await, 400);
    assert_eq!(send(good.to_string()).await, 400);
    assert_eq!(send(sign("another secret", &good)).await, 400);
    for bad in [
        json!({"partner_id": journey.partner_id(), "partner_user_id": PUID}),
        json!({"partner_id": journey.partner_id(), "partner_user_id": PUID, "entitlements": "a"}),
        json!({"partner_id": journey.partner_id(), "partner_user_id": PUID, "entitlements": [1]}),
        json!({"partner_id": journey.partner_id(), "partner_user_id": PUID.to_uppercase(), "entitlements": []}),
        json!({"partner_user_id": PUID, "entitlements": []}),
        json!([]),
    ] {
        assert_eq!(send(journey.signed(&bad)).await, 400, "{bad}");
    }
    let foreign = json!({"partner_id": "0Stranger0000000000000", "partner_user_id": PUID, "entitlements": []});
    assert_eq!(send(journey.signed(&foreign)).await, 403);
    let mut extra = good.clone();
    extra["iat"] = json!(1);
    assert_eq!(
        send(journey.signed(&extra)).await,
        200,
        "unknown members are ignored (A21)"
    );
    journey
        .spotify()
        .set_switches(|switches| switches.a21_refuse_extra_claims = true);
    assert_eq!(send(journey.signed(&extra)).await, 400);
    journey
        .spotify()
        .set_switches(|switches| switches.a3_content_type = Some("jwt".to_owned()));
    assert_eq!(send(journey.signed(&good)).await, 415);
    assert_eq!(journey.call("register-user", &token, &good).await.0, 200);
}

#[tokio::test]
async fn a_partner_is_created_and_gets_a_logo() {
    let journey = journey().await;
    let token = journey.service_token("soa-create-partner").await;
    let payload = json!({"partner_name": "Example FM", "entrypoint_url": "https://members.example.com/entrypoint"});
    let (status, answer) = journey.call("create-partner", &token, &payload).await;
    assert_eq!(status, 200);
    let id = answer["partner_id"].as_str().unwrap();
    assert_eq!(id.len(), 22);
    let bad = json!({"partner_name": "Example FM", "entrypoint_url": "http://members.example.com/entrypoint"});
    assert_eq!(journey.call("create-partner", &token, &bad).await.0, 400);

    let bearer = format!("Bearer {}", journey.service_token("soa-manage-partner").await);
    let headers = [("authorization", bearer.as_str()), ("content-type", "image/png")];
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x04\0\0\0\x04\0".to_vec();
    let path = format!("/api/v1/upload-logo/{id}");
    assert_eq!(journey.post(&path, &headers, png.clone()).await.0, 200);
    png.resize(10_000_001, 0);
    assert_eq!(journey.post(&path, &headers, png).await.0, 413);
    assert_eq!(
        journey
            .post("/api/v1/upload-logo/0Stranger0000000000000", &headers, "x")
            .await
            .0,
        403
    );
}

#[tokio::test]
async fn calls_over_the_rate_get_a_retry_after() {
    let journey = journey().await;
    journey.spotify().set_switches(|switches| {
        switches.a13_requests_per_second = Some(0);
        switches.a13_retry_after = Some(7);
    });
    let token = journey.service_token("soa-manage-entitlements").await;
    let request = journey.http.post(journey.url("/api/v1/get-entitlements"));
    let answer = request
        .header("authorization", format!("Bearer {token}"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "7");
}
