//! Sign-in by session cookie and by hand-off token, and sign-out.

use sandbox::{Link, SignIn};
use url::Url;

use super::{visit, visit_with};

#[tokio::test]
async fn signing_in_sets_a_session_cookie_and_signing_out_clears_it() {
    let mut visit = visit().await;
    assert_eq!(
        visit.post("/sign-in", "person=bela").await.headers()["location"],
        "/account"
    );
    let session = visit.session().unwrap().to_owned();
    let claims = visit.claims(&session);
    assert_eq!(
        (&claims["sub"], &claims["entitlements"][0]),
        (&"member-1002".into(), &"basic".into())
    );
    let header = jsonwebtoken::decode_header(&session).unwrap();
    assert_eq!(
        (header.typ.as_deref(), header.kid.as_deref()),
        (Some("JWT"), Some("site-demo"))
    );
    let page = visit.get("/").await.text().await.unwrap();
    assert!(page.contains(
        "id=\"listen-0MossHour0000000000002\" href=\"http://127.0.0.1:9000/link?show=0MossHour0000000000002\""
    ));
    visit.post("/sign-out", "").await;
    assert_eq!(visit.session(), None);
    assert_eq!(visit.get("/account").await.headers()["location"], "/sign-in");
}

#[tokio::test]
async fn the_hand_off_method_returns_a_token_and_sets_no_session_cookie() {
    let mut visit = visit().await;
    visit.post("/sign-in", "person=ada").await;
    visit.post("/kind", "kind=handoff").await;
    assert_eq!(visit.session(), None);
    let path = "/sign-in?return_to=http%3A%2F%2F127.0.0.1%3A9000%2Fentrypoint%3Fx%3D1&nonce=n-1";
    let back = visit.get(path).await.headers()["location"].to_str().unwrap().to_owned();
    let url = Url::parse(&back).unwrap();
    assert!(
        back.starts_with("http://127.0.0.1:9000/entrypoint?x=1&token="),
        "{back}"
    );
    let token = url
        .query_pairs()
        .find(|(name, _)| name == "token")
        .unwrap()
        .1
        .into_owned();
    assert_eq!(
        jsonwebtoken::decode_header(&token).unwrap().typ.as_deref(),
        Some("soa-handoff+jwt")
    );
    let claims = visit.claims(&token);
    assert_eq!(
        (&claims["nonce"], &claims["sub"]),
        (&"n-1".into(), &"member-1003".into())
    );
    assert!(claims["jti"].as_str().unwrap().len() > 20);
    assert!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap() <= 120);
}

#[tokio::test]
async fn a_signed_out_visitor_signs_in_and_returns_with_a_token() {
    let mut visit = visit().await;
    visit.post("/kind", "kind=handoff").await;
    let query = "return_to=http%3A%2F%2F127.0.0.1%3A9000%2Fentrypoint&nonce=n-1";
    let page = visit.get(&format!("/sign-in?{query}")).await.text().await.unwrap();
    assert!(
        page.contains("id=\"sign-in-as-noor\"") && page.contains("value=\"n-1\""),
        "{page}"
    );
    let answer = visit.post("/sign-in", &format!("{query}&person=noor")).await;
    assert!(
        answer.headers()["location"]
            .to_str()
            .unwrap()
            .starts_with("http://127.0.0.1:9000/entrypoint?token=")
    );
}

#[tokio::test]
async fn the_demo_site_redirects_only_to_the_functions() {
    let mut visit = visit().await;
    visit.post("/sign-in", "person=ada").await;
    for bad in [
        "https%3A%2F%2Fevil.example%2F",
        "http%3A%2F%2F127.0.0.1%3A9001%2Fentrypoint",
        "http%3A%2F%2F127.0.0.1%3A9000%40evil.example%2F",
        "http%3A%2F%2Fx%40127.0.0.1%3A9000%2F",
        "%2F%2Fevil.example",
        "javascript%3Aalert(1)",
    ] {
        let answer = visit.get(&format!("/sign-in?return_to={bad}&nonce=n")).await;
        assert_eq!(answer.status(), 400, "{bad}");
    }
    assert_eq!(visit.get("/sign-in?nonce=%0d%0a").await.status(), 400);
}

#[tokio::test]
async fn the_account_page_shows_the_link_at_spotify() {
    let mut visit = visit().await;
    visit.post("/sign-in", "person=ada").await;
    let page = visit.get("/account").await.text().await.unwrap();
    assert!(page.contains("data-state=\"none\"") && page.contains("id=\"link\"") && !page.contains("id=\"unlink\""));
    let options = visit.sandbox.options();
    let ada = options
        .publisher
        .people
        .iter()
        .find(|person| person.id == "ada")
        .unwrap();
    visit.sandbox.spotify().force_link(Link {
        partner_id: options.partner_id.clone(),
        partner_user_id: options.partner_user_id(&options.partner_id, ada),
        account: "mara".to_owned(),
        ..Link::default()
    });
    let page = visit.get("/account").await.text().await.unwrap();
    assert!(
        page.contains("data-state=\"linked\" data-account=\"mara\"") && page.contains("id=\"unlink\""),
        "{page}"
    );
}

#[tokio::test]
async fn a_sign_in_method_fixed_at_start_applies_to_all_visitors() {
    for (sign_in, kind) in [
        (SignIn::Handoff, "data-kind=\"handoff\""),
        (SignIn::Oidc, "data-kind=\"oidc\""),
    ] {
        let mut visit = visit_with(sign_in).await;
        visit.post("/sign-in", "person=ada").await;
        assert_eq!(visit.session(), None);
        let page = visit.get("/").await.text().await.unwrap();
        assert!(
            page.contains("id=\"kind\"") && page.contains(kind) && !page.contains("id=\"kind-"),
            "{page}"
        );
        assert_eq!(visit.post("/kind", "kind=session").await.status(), 400);
        visit.get("/").await;
        assert_eq!(visit.session(), None);
    }
    let page = visit().await.get("/").await.text().await.unwrap();
    assert!(page.contains("id=\"kind-session\"") && !page.contains("id=\"kind\""));
}
