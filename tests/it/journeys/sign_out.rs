//! `GET /sign-out` and "Not you?": who visited our pages in this browser is forgotten.

use serde_json::json;

use crate::support::{Browser, TestResponse, World, parameter};

/// The target of "Not you?".
fn not_you(page: &TestResponse) -> String {
    let (_, link) = page.body.split_once("id=\"not-you\" href=\"").expect("no \"Not you?\"");
    link.split_once('"').unwrap().0.replace("&amp;", "&")
}

fn is_removed(answer: &TestResponse, cookie: &str) -> bool {
    let removal = format!("{cookie}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax");
    answer.all("set-cookie").contains(&removal.as_str())
}

/// The account reference that a page shows.
fn reference(page: &TestResponse) -> String {
    let (_, reference) = page.body.split_once("<code id=\"reference\">").unwrap();
    reference.split_once('<').unwrap().0.to_owned()
}

/// A browser in which `person` came to `page` by hand-off.
async fn handed_off<'w>(
    world: &'w World,
    mut browser: Browser<'w>,
    person: &str,
    page: &str,
) -> (Browser<'w>, TestResponse) {
    let away = browser.get(page).await;
    let nonce = parameter(away.location(), "nonce").unwrap();
    let token = world.site_token("soa-handoff+jwt", &world.handoff_claims(person, &nonce, &nonce));
    assert_eq!(browser.get(&format!("{page}?token={token}")).await.status, 302);
    let shown = browser.get(page).await;
    assert_eq!(shown.status, 200, "{}", shown.title());
    (browser, shown)
}

#[tokio::test]
async fn sign_out_ends_the_visit_and_returns_to_the_site() {
    let world = World::handoff().await;
    let partner = format!("/partners/{}/sign-out", world.sandbox.options().partner_id);
    for path in ["/sign-out", partner.as_str()] {
        let (mut browser, shown) = handed_off(&world, world.browser(), "ada", "/account").await;
        assert_eq!(not_you(&shown), "/sign-out");
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 302);
        assert!(
            answer.location().starts_with(&world.sandbox.addresses().site),
            "{}",
            answer.location()
        );
        assert!(is_removed(&answer, "__Host-soa_visit") && is_removed(&answer, "__Host-soa_link"));
        // Each page asks to sign in again.
        for page in ["/account", "/unlink"] {
            assert!(
                browser.clone().get(page).await.location().contains("/sign-in?"),
                "{page}"
            );
        }
        world.advance(1);
    }
    // Without a visit it is the same.
    assert_eq!(world.browser().get("/sign-out").await.status, 302);
}

/// S-CSRF: a prefetch must not sign a person out.
#[tokio::test]
async fn a_prefetch_of_sign_out_ends_nothing() {
    let world = World::handoff().await;
    let (mut browser, _) = handed_off(&world, world.browser(), "ada", "/account").await;
    let prefetch = [("sec-purpose", "prefetch")];
    let answer = browser.send("GET", &world.gateway("/sign-out"), &prefetch, None).await;
    assert_eq!((answer.status, answer.all("set-cookie").len()), (425, 0));
    assert_eq!(browser.get("/account").await.status, 200);
    let answer = browser.send("POST", &world.gateway("/sign-out"), &[], None).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
}

#[tokio::test]
async fn without_a_site_to_return_to_a_page_says_that_the_visit_has_ended() {
    let world = World::with(
        sandbox::Options::default(),
        &[("RETURN_URL", ""), ("SIGN_IN", "handoff"), ("SESSION_COOKIE", "")],
    )
    .await;
    let (mut browser, _) = handed_off(&world, world.browser(), "ada", "/account").await;
    let page = browser.get("/sign-out").await;
    assert_eq!((page.status, page.title()), (200, "You are signed out of this page"));
    assert!(is_removed(&page, "__Host-soa_visit") && page.body.contains("href=\"/account\""));
}

/// One person signs out, and another signs in at the same computer.
#[tokio::test]
async fn after_a_sign_out_no_page_shows_the_first_person() {
    let world = World::handoff().await;
    let (mut browser, shown) = handed_off(&world, world.browser(), "ada", "/account").await;
    let first = reference(&shown);
    let unlink = browser.get("/unlink").await.form_token();
    assert_eq!(browser.get(&not_you(&shown)).await.status, 302);
    let (mut browser, shown) = handed_off(&world, browser, "bela", "/account").await;
    assert_ne!(reference(&shown), first);
    // A form that the first person left open does not unlink them.
    let posted = browser.post("/unlink", &format!("form_token={unlink}")).await;
    assert_eq!(posted.status, 403);
    assert_eq!(world.calls().2, 0);
}

/// A visit by hand-off, then a session of another person: the session counts, and a link begun with it ends the visit.
#[tokio::test]
async fn a_session_takes_the_place_of_an_earlier_visit() {
    let world = World::new().await;
    let (mut browser, shown) = handed_off(&world, world.browser(), "ada", "/account").await;
    browser.sign_in("bela");
    let of_bela = browser.get("/account").await;
    assert_ne!(reference(&shown), reference(&of_bela));
    let begun = browser.get("/entrypoint").await;
    assert!(is_removed(&begun, "__Host-soa_visit"), "{begun:?}");
    browser.sign_out();
    assert!(browser.get("/account").await.location().contains("/sign-in?"));
}

#[tokio::test]
async fn with_a_provider_not_you_asks_for_another_sign_in() {
    let (world, provider) = World::signing_in().await;
    let mut browser = world.browser();
    browser.signs_in(&provider, "/account", "account=member-1003").await;
    let shown = browser.get("/account").await;
    assert_eq!(shown.status, 200, "{}", shown.title());
    let path = not_you(&shown);
    assert!(path.starts_with("/sign-in?prompt=login&return_to="), "{path}");
    let away = browser.get(&path).await;
    assert_eq!(parameter(away.location(), "prompt").as_deref(), Some("login"));
    assert!(is_removed(&away, "__Host-soa_visit"));
    // The person gives up there: nothing shows the first one.
    assert!(browser.get("/account").await.location().contains("/sign-in?"));
    // An ordinary sign-in lets the provider decide.
    let path = format!("/sign-in?return_to={}", world.gateway("/account"));
    let away = browser.get(&path).await;
    assert_eq!(parameter(away.location(), "prompt"), None);
}

/// The partner's own words do not become markup, and a name is shown on both pages.
#[tokio::test]
async fn both_pages_name_the_person_and_offer_another() {
    let world = World::new().await;
    let mut claims = world.session_claims("ada");
    claims["name"] = json!("Ada <b>");
    let mut browser = world.browser();
    let cookie = world.sandbox.options().session_cookie.clone();
    browser.cookies.insert(cookie, world.site_token("JWT", &claims));
    for page in ["/account", "/unlink"] {
        let shown = browser.get(page).await;
        assert!(shown.body.contains("Ada &lt;b&gt;"), "{}", shown.body);
        assert_eq!(not_you(&shown), "/sign-out");
    }
    let shown = world.signed_in("bela").get("/unlink").await;
    assert!(shown.body.contains("You are signed in at"), "{}", shown.body);
}
