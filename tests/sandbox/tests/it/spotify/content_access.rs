//! The pages of content access: linking from a show, landing, unlinking.

use super::{PUID, journey};

#[tokio::test]
async fn a_link_is_confirmed_at_once_or_when_the_landing_page_loads() {
    let journey = journey().await;
    journey
        .spotify()
        .set_switches(|switches| switches.a16_pending_until_landing = true);
    let (_, answer) = journey.register("mara", PUID, &["basic"]).await;
    assert_eq!(journey.entitlements(PUID).await.0, 404);
    let page = journey
        .http
        .get(answer["completion_url"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 200);
    assert_eq!(journey.entitlements(PUID).await.0, 200);
}

#[tokio::test]
async fn the_landing_page_lists_the_requested_show_first_and_marks_unlocked_shows() {
    let journey = journey().await;
    let start = journey
        .get(&format!(
            "/link/{}?spotifyShowUri=spotify%3Ashow%3A0BrassAndBarnacle00003",
            journey.partner_id()
        ))
        .await;
    assert_eq!(start.status(), 302);
    assert_eq!(start.headers()["location"], "http://127.0.0.1:9/entrypoint");
    let cookie = start.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let (_, answer) = journey.register("mara", PUID, &["basic"]).await;
    let url = answer["completion_url"].as_str().unwrap();
    let page = journey
        .http
        .get(url)
        .header("cookie", cookie)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let shows: Vec<_> = page.split("data-show=\"").skip(1).map(|rest| &rest[..44]).collect();
    assert_eq!(
        shows[0],
        "0BrassAndBarnacle00003\" data-unlocked=\"false\"".get(..44).unwrap()
    );
    assert_eq!(
        shows[1],
        "0SlowTideLedger0000001\" data-unlocked=\"true\" ".get(..44).unwrap()
    );
    assert_eq!(shows.len(), 3);
    assert!(page.contains("data-account=\"mara\""));
    let unknown = journey.get("/oauth/success?partnerId=x&ticket=y").await;
    assert_eq!(unknown.status(), 404);
}

#[tokio::test]
async fn the_show_is_forwarded_to_the_entrypoint_only_with_the_switch() {
    let journey = journey().await;
    journey
        .spotify()
        .set_switches(|switches| switches.a8_forward_show = true);
    let path = format!("/link/{}?spotifyShowUri=", journey.partner_id());
    let start = journey.get(&format!("{path}spotify:show:0BrassAndBarnacle00003")).await;
    let wanted = "http://127.0.0.1:9/entrypoint?spotifyShowUri=spotify%3Ashow%3A0BrassAndBarnacle00003";
    assert_eq!(start.headers()["location"], wanted);
    let start = journey.get(&format!("{path}spotify:show:%0d%0aSet-Cookie:x")).await;
    assert_eq!(start.headers()["location"], "http://127.0.0.1:9/entrypoint");
    assert_eq!(journey.get("/link/unknown").await.status(), 404);
}

#[tokio::test]
async fn unlinking_on_the_content_access_page_does_not_notify_the_partner() {
    let journey = journey().await;
    journey.register("mara", PUID, &["basic"]).await;
    let cookie = ("cookie", "sandbox_spotify_account=mara");
    let page = journey
        .http
        .get(journey.url("/"))
        .header(cookie.0, cookie.1)
        .send()
        .await
        .unwrap();
    assert!(page.text().await.unwrap().contains("<h2>Wickerlight</h2>"));
    let form = format!("partner_id={}", journey.partner_id());
    let answer = journey
        .http
        .post(journey.url("/content-access/unlink"))
        .header(cookie.0, cookie.1)
        .body(form);
    assert_eq!(answer.send().await.unwrap().status(), 303);
    assert_eq!(journey.entitlements(PUID).await.0, 404);
}
