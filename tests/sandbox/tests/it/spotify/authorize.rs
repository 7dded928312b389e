//! The consent page and the redirect back.

use super::{journey, told};

#[tokio::test]
async fn consent_redirects_back_with_a_code_and_the_state() {
    let journey = journey().await;
    let page = journey.authorize("").await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(
        page.contains("Simulated Spotify") && !page.contains("<script"),
        "{page}"
    );
    let request = page
        .split("name=\"request\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let form = format!("request={request}&account=jonas&action=agree");
    let answer = journey
        .http
        .post(journey.url("/authorize"))
        .body(form.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(told(&answer, "state").unwrap(), "s 1");
    assert!(told(&answer, "code").is_some());
    assert!(
        answer.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .starts_with("sandbox_spotify_account=jonas;")
    );
    let again = journey
        .http
        .post(journey.url("/authorize"))
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), 400, "a consent page is answered once");
}

#[tokio::test]
async fn cancelling_consent_redirects_back_with_access_denied() {
    let journey = journey().await;
    let answer = journey.authorize("&sandbox_action=cancel").await;
    assert_eq!(told(&answer, "error").unwrap(), "access_denied");
    assert_eq!(told(&answer, "state").unwrap(), "s 1");
    assert_eq!(told(&answer, "code"), None);
}

#[tokio::test]
async fn an_untrusted_authorization_request_gets_an_error_page_and_no_redirect() {
    let journey = journey().await;
    let good = journey.authorize_path("");
    for bad in [
        good.replace("client_id=", "client_id=x"),
        good.replace("%2Fcallback", "%2Fcallback%2F"),
        good.replace("127.0.0.1%3A9000", "localhost%3A9000"),
        good.replace("user-soa-link", "user-soa-unlink"),
        good.replace("user-soa-link", "user-soa-link%20soa-manage-entitlements"),
        format!("{good}&state=2"),
        format!("{good}&x=%ff"),
        "/authorize".to_owned(),
    ] {
        let answer = journey.get(&bad).await;
        assert_eq!(answer.status(), 400, "{bad}");
        assert!(answer.headers().get("location").is_none(), "{bad}");
    }
    let wrong_type = journey
        .get(&good.replace("response_type=code", "response_type=token"))
        .await;
    assert_eq!(told(&wrong_type, "error").unwrap(), "unsupported_response_type");
    let plain = journey
        .authorize("&code_challenge=abc&code_challenge_method=plain")
        .await;
    assert_eq!(told(&plain, "error").unwrap(), "invalid_request");
}

#[tokio::test]
async fn the_switch_skips_consent_for_an_account_that_approved_before() {
    let journey = journey().await;
    journey
        .spotify()
        .set_switches(|switches| switches.skip_consent_when_approved = true);
    journey.code("mara").await;
    let ask = async |more: &str, account: &str| {
        let request = journey.http.get(journey.url(&journey.authorize_path(more)));
        request
            .header("cookie", format!("sandbox_spotify_account={account}"))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(ask("", "mara").await, 302);
    assert_eq!(ask("&show_dialog=true", "mara").await, 200);
    assert_eq!(ask("", "teo").await, 200);
}
