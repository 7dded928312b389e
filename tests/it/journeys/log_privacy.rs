//! S-LOG-1, S-PII-2: runs successful and failing journeys, collects their secrets, codes, states, tokens and ids, and searches every log line and
//! body for them. Headers are not searched: `Location` and `Set-Cookie` must carry some of these values.

use std::collections::BTreeSet;

use sandbox::Fault;
use serde_json::json;

use crate::support::{TestResponse, World, logged, parameter};

#[tokio::test]
async fn nothing_secret_or_personal_reaches_a_log_or_a_page() {
    let world = World::new().await;
    let mut planted = BTreeSet::new();
    let mut shown = Vec::new();
    let mut form_tokens = Vec::new();
    for person in ["ada", "bela"] {
        planted.insert(world.partner_user_id(person));
        planted.insert(world.person(person).sub.clone());
    }
    let options = world.sandbox.options();
    planted.insert(options.client_secret.clone());
    planted.insert(shared::encoding::base64(format!(
        "{}:{}",
        options.client_id, options.client_secret
    )));
    planted.insert(shared::encoding::base64url(&options.site_key.secret));
    planted.insert(shared::encoding::base64url(&options.partner_user_id_key));

    let faults = [
        None,
        Some(Fault::answer("/api/token", 400, r#"{"error":"invalid_grant"}"#)),
        Some(Fault::answer("/api/token", 500, "")),
        Some(Fault {
            html: true,
            status: Some(200),
            ..Fault::on("/api/token")
        }),
        Some(Fault::answer("/api/v1/register-user", 409, "")),
        Some(Fault {
            times: Some(2),
            ..Fault::answer("/api/v1/register-user", 503, "")
        }),
        Some(Fault {
            completion_url: Some("https://evil.example/MARK-OF-A-URL".into()),
            ..Fault::on("/api/v1/register-user")
        }),
    ];
    for fault in faults {
        let mut browser = world.signed_in("ada");
        let authorize = browser.begin().await;
        let callback = browser.agree(&authorize, "mara").await;
        planted.insert(parameter(&callback, "code").unwrap());
        planted.insert(parameter(&callback, "state").unwrap());
        planted.insert(parameter(authorize.as_str(), "code_challenge").unwrap());
        planted.insert(browser.binding().unwrap().clone());
        planted.insert(browser.cookies[&options.session_cookie].clone());
        let refresh_token = json!({"refresh_token": "REFRESH-TOKEN"}).as_object().unwrap().clone();
        let with_refresh_token = Fault {
            set: refresh_token,
            ..Fault::on("/api/token")
        };
        world.spotify().faults().add(fault.unwrap_or(with_refresh_token));
        shown.push(browser.get(&callback).await);
        shown.push(browser.get(&callback).await);
        world.spotify().faults().clear();
    }
    let mut browser = world.browser();
    let away = browser.get("/entrypoint").await;
    let nonce = parameter(away.location(), "nonce").unwrap();
    let handoff = world.site_token(
        "soa-handoff+jwt",
        &world.handoff_claims("bela", &nonce, "JTI-OF-A-HAND-OFF"),
    );
    for _ in 0..2 {
        shown.push(browser.get(&format!("/entrypoint?token={handoff}")).await);
    }
    let request = World::request_token(&world.request_claims("bela", "JTI-OF-A-REQUEST"));
    for _ in 0..2 {
        shown.push(world.backend_unlink(&request).await);
    }
    let mut browser = world.signed_in("ada");
    let page = browser.get("/unlink").await;
    form_tokens.push(page.form_token());
    shown.push(
        browser
            .post("/unlink", &format!("form_token={}", page.form_token()))
            .await,
    );
    shown.push(
        browser
            .post("/unlink", &format!("form_token={}", page.form_token()))
            .await,
    );
    shown.push(page);
    planted.extend([nonce, handoff.clone(), request.clone()].into_iter().chain([
        "JTI-OF-".to_owned(),
        "MARK-OF-A-URL".to_owned(),
        "evil.example".to_owned(),
    ]));
    // Payloads and signatures of the tokens.
    planted.extend(
        [handoff, request]
            .iter()
            .flat_map(|jws| jws.split('.').skip(1).map(str::to_owned).collect::<Vec<_>>()),
    );

    // Checklist 19: nothing of it is stored, and no refresh token. The PKCE verifier and the partner user id are stored by design.
    let kept = world.stored().await;
    assert!(kept.contains("browser_binding"), "{kept}");
    for secret in planted
        .iter()
        .filter(|secret| **secret != world.partner_user_id("ada") && **secret != world.partner_user_id("bela"))
    {
        assert!(!kept.contains(secret.as_str()), "in the table: {secret}");
    }
    assert!(!kept.contains("REFRESH-TOKEN"));

    let log = logged();
    assert!(!log.contains("REFRESH-TOKEN"));
    assert!(log.lines().count() > 25, "{log}");
    for secret in &planted {
        assert!(secret.len() > 6, "too short to search for: {secret}");
        assert!(!log.contains(secret.as_str()), "in the log: {secret}");
        for TestResponse { body, .. } in &shown {
            assert!(!body.contains(secret.as_str()), "on a page: {secret}");
        }
    }
    for form_token in form_tokens {
        assert!(!log.contains(&form_token));
    }
    // Spotify's codes and tokens, and signed payloads.
    for secret in [
        "eyJ",
        "Bearer ",
        "Basic ",
        "access_token",
        "?state=",
        "&state=",
        "code=",
        "token=",
    ] {
        assert!(!log.contains(secret), "in the log: {secret}");
    }
    // The log names each person by a short pseudonym.
    let people: BTreeSet<String> = log
        .lines()
        .filter_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["span"]["person"].as_str().map(str::to_owned)
        })
        .collect();
    assert_eq!(people.len(), 2, "{people:?}");
    assert!(people.iter().all(|name| name.len() == 12));
}
