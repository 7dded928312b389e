//! `GET /account`: the current link of a subscriber, read from Spotify.

use sandbox::{Fault, Link, Options};
use serde_json::json;

use crate::support::{NO_PARTNERS_TABLE, TestResponse, World, parameter};

const SHOWS: [&str; 3] = [
    "0SlowTideLedger0000001",
    "0MossHour0000000000002",
    "0BrassAndBarnacle00003",
];

fn state(answer: &TestResponse) -> &str {
    assert_eq!(
        (answer.status, answer.title()),
        (200, "Your connection with Spotify"),
        "{}",
        answer.body
    );
    answer
        .body
        .split_once("data-state=\"")
        .unwrap()
        .1
        .split_once('"')
        .unwrap()
        .0
}

fn linked(world: &World, person: &str, account: &str) {
    world.spotify().force_link(Link {
        partner_id: world.sandbox.options().partner_id.clone(),
        partner_user_id: world.partner_user_id(person),
        account: account.to_owned(),
        entitlements: vec!["basic".to_owned(), "from <elsewhere>".to_owned()],
        ..Link::default()
    });
}

#[tokio::test]
async fn the_account_page_shows_the_state_that_spotify_reports() {
    let world = World::new().await;
    let mut ada = world.signed_in("ada");
    let page = ada.get("/account").await;
    assert_eq!(state(&page), "not-linked");
    assert!(page.body.contains("href=\"/entrypoint\"") && !page.body.contains("id=\"unlink\""));
    for show in SHOWS {
        assert!(page.body.contains(&format!("href=\"/link?show={show}\"")));
    }
    linked(&world, "ada", "mara");
    world.advance(30);
    let page = ada.get("/account").await;
    assert_eq!(state(&page), "linked");
    assert!(page.body.contains("href=\"/unlink\"") && page.body.contains("<li dir=\"auto\">basic</li>"));
    // An invalid entitlement name is not shown, and is never markup.
    assert!(!page.body.contains("elsewhere"));
    for show in SHOWS {
        assert!(
            page.body
                .contains(&format!("href=\"https://open.spotify.com/show/{show}\""))
        );
    }
    // One service token of one scope, and one call for each page.
    let requests = world.spotify().requests();
    let tokens = requests.to("/api/token");
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].scope.as_deref(), Some("soa-manage-entitlements"));
    assert_eq!(requests.to("/api/v1/get-entitlements").len(), 2);
}

#[tokio::test]
async fn the_account_page_shows_an_unknown_state_while_spotify_fails() {
    let world = World::new().await;
    linked(&world, "ada", "mara");
    for fault in [
        Fault::answer("/api/v1/get-entitlements", 500, ""),
        Fault::answer("/api/v1/get-entitlements", 403, ""),
        Fault::answer("/api/v1/get-entitlements", 429, ""),
        Fault::answer("/api/v1/get-entitlements", 200, "{\"entitlements\": {}}"),
        Fault::answer("/api/v1/get-entitlements", 200, "<html>"),
        Fault::answer("/api/token", 503, ""),
    ] {
        world.spotify().faults().add(Fault { times: None, ..fault });
        let page = world.signed_in("ada").get("/account").await;
        assert_eq!(state(&page), "unknown");
        // A person whose link is unknown can still unlink.
        assert!(page.body.contains("href=\"/unlink\""));
        world.spotify().faults().clear();
        world.spotify().revoke_tokens();
    }
    assert_eq!(state(&world.signed_in("ada").get("/account").await), "linked");
}

/// S-PII-2: the page shows a person only their display name and the references that support asks for.
#[tokio::test]
async fn the_account_page_shows_neither_login_nor_partner_user_id() {
    let world = World::new().await;
    let mut ada = world.signed_in("ada");
    let mut claims = world.session_claims("ada");
    claims["name"] = json!("Ada <b>Lovelace</b>");
    let cookie = world.sandbox.options().session_cookie.clone();
    ada.cookies.insert(cookie, world.site_token("JWT", &claims));
    let page = ada.get("/account").await;
    assert!(page.body.contains("Ada &lt;b&gt;Lovelace&lt;/b&gt;"));
    let shown = format!("{page:?}");
    assert!(!shown.contains(&world.person("ada").sub) && !shown.contains(&world.partner_user_id("ada")));
    let log = crate::support::logged();
    assert!(!log.contains("Lovelace"));
}

#[tokio::test]
async fn a_signed_out_visitor_returns_to_the_account_page_after_sign_in() {
    let world = World::new().await;
    let mut browser = world.browser();
    let away = browser.get("/account?lang=sv").await;
    let return_to = parameter(away.location(), "return_to").unwrap();
    assert_eq!(return_to, world.gateway("/account?lang=sv"));
    let nonce = parameter(away.location(), "nonce").unwrap();
    let token = world.site_token("soa-handoff+jwt", &world.handoff_claims("ada", &nonce, "jti-1"));
    let known = browser.get(&format!("{return_to}&token={token}")).await;
    assert_eq!((known.status, known.location()), (302, "/account?lang=sv"));
    let visit = known
        .all("set-cookie")
        .into_iter()
        .find(|cookie| cookie.starts_with("__Host-soa_visit="))
        .unwrap();
    assert!(visit.ends_with("; Max-Age=600; Path=/; Secure; HttpOnly; SameSite=Lax"));
    let page = browser.get(known.location()).await;
    assert!(page.status == 200 && page.body.contains("<html lang=\"sv\""));
    // A visit is sealed and expires in ten minutes. A session at the site takes precedence.
    let mut forged = browser.clone();
    let sealed = &browser.cookies["__Host-soa_visit"];
    let last = sealed.chars().last().unwrap();
    let changed = format!("{}{}", &sealed[..sealed.len() - 1], if last == 'A' { 'Q' } else { 'A' });
    for bad in [changed, String::new(), "x".repeat(3000)] {
        forged.cookies.insert("__Host-soa_visit".to_owned(), bad);
        assert_eq!(forged.get("/account").await.status, 302);
    }
    let mut taken_over = browser.clone();
    taken_over.sign_in("bela");
    linked(&world, "bela", "mara");
    assert!(taken_over.get("/account").await.body.contains("data-state=\"linked\""));
    browser.keep_cookies();
    world.advance(600);
    assert_eq!(browser.get("/account").await.status, 302);
}

#[tokio::test]
async fn the_account_page_belongs_to_one_partner_and_accepts_only_get() {
    let other = "1111111111111111111111";
    let options = Options {
        more_partners: vec![(other.to_owned(), "Second".to_owned())],
        ..Options::default()
    };
    let world = World::with(options, &[NO_PARTNERS_TABLE]).await;
    linked(&world, "ada", "mara");
    let mut ada = world.signed_in("ada");
    assert_eq!(state(&ada.get("/account").await), "linked");
    let page = ada.get(&format!("/partners/{other}/account")).await;
    assert_eq!(state(&page), "not-linked");
    assert!(page.body.contains(&format!("href=\"/partners/{other}/entrypoint\"")));
    assert!(
        page.body
            .contains(&format!("href=\"/partners/{other}/link?show={}\"", SHOWS[0]))
    );
    for method in ["POST", "PUT", "DELETE"] {
        let answer = ada.send(method, &world.gateway("/account"), &[], None).await;
        assert!([404, 405].contains(&answer.status), "{method}");
    }
}

#[tokio::test]
async fn only_the_account_page_may_be_framed_and_only_by_the_configured_origin() {
    let world = World::with(Options::default(), &[("FRAME_ORIGIN", "https://www.example.com")]).await;
    let mut ada = world.signed_in("ada");
    let ancestors = |answer: &TestResponse| {
        let policy = answer.header("content-security-policy").unwrap();
        policy
            .split("; ")
            .find_map(|rule| rule.strip_prefix("frame-ancestors "))
            .unwrap()
            .to_owned()
    };
    assert_eq!(ancestors(&ada.get("/account").await), "https://www.example.com");
    assert_eq!(ancestors(&ada.get("/unlink").await), "'none'");
    // An error page of the account may be framed too.
    assert_eq!(
        ancestors(&ada.get("/account?lang=a&lang=b").await),
        "https://www.example.com"
    );
    let framed = [("sec-fetch-dest", "iframe")];
    let signed_out = world
        .browser()
        .send("GET", &world.gateway("/account"), &framed, None)
        .await;
    assert_eq!(
        (signed_out.status, ancestors(&signed_out).as_str()),
        (401, "https://www.example.com")
    );
    assert!(signed_out.body.contains("href=\"/account\" target=\"_top\""));
    assert_eq!(signed_out.all("set-cookie").len(), 0);
    // Outside a frame, a signed-out visitor is sent to sign in.
    assert_eq!(world.browser().get("/account").await.status, 302);

    let world = World::with(Options::default(), &[("FRAME_ORIGIN", "")]).await;
    assert_eq!(ancestors(&world.signed_in("ada").get("/account").await), "'none'");
    assert_eq!(
        world
            .browser()
            .send("GET", &world.gateway("/account"), &framed, None)
            .await
            .status,
        302
    );
}

/// What stands between the row of `show` and the next one.
fn row<'a>(page: &'a TestResponse, show: &str) -> &'a str {
    let (_, row) = page
        .body
        .split_once(&format!("<span dir=\"auto\">{show}</span>"))
        .unwrap();
    row.split_once("</li><li><span").map_or(row, |(row, _)| row)
}

const NAMED: [(&str, &str); 3] = [
    ("ENTITLEMENT_NAMES", "basic=Basic plan;all-access=All <access>"),
    (
        "SHOWS",
        "0MossHour0000000000002=Moss|basic,all-access;0SlowTideLedger0000001=Tide|all-access;0BrassAndBarnacle00003=Brass",
    ),
    ("SUBSCRIBE_URL", "https://www.example.com/plans"),
];

#[tokio::test]
async fn the_account_page_names_entitlements_and_says_what_unlocks_each_show() {
    let world = World::with(Options::default(), &NAMED).await;
    linked(&world, "bela", "mara");
    let page = world.signed_in("bela").get("/account").await;
    assert!(page.body.contains("<li dir=\"auto\">Basic plan</li>"), "{}", page.body);
    // Listen only for unlocked shows; the others name the plan. A show without entitlements is open.
    assert!(row(&page, "Moss").contains("open.spotify.com/show/0MossHour"));
    let locked = row(&page, "Tide");
    assert!(
        !locked.contains("href=") && locked.contains("All &lt;access&gt;"),
        "{locked}"
    );
    assert!(row(&page, "Brass").contains("open.spotify.com/show/0Brass"));
    assert!(!page.body.contains("id=\"subscribe\""));
    // Before linking, the token says what will be unlocked.
    let page = world.signed_in("ada").get("/account").await;
    assert_eq!(state(&page), "not-linked");
    assert!(row(&page, "Tide").contains("href=\"/link?show=0SlowTideLedger0000001\""));
    let page = world.signed_in("noor").get("/account").await;
    assert!(!row(&page, "Tide").contains("href=") && !row(&page, "Moss").contains("href="));
}

#[tokio::test]
async fn with_nothing_unlocked_the_account_page_links_to_the_subscriptions() {
    let world = World::with(Options::default(), &NAMED).await;
    world.spotify().force_link(Link {
        partner_id: world.sandbox.options().partner_id.clone(),
        partner_user_id: world.partner_user_id("noor"),
        account: "mara".to_owned(),
        ..Link::default()
    });
    let page = world.signed_in("noor").get("/account").await;
    assert!(page.body.contains("unlocks nothing on Spotify now"), "{}", page.body);
    let link = "id=\"subscribe\" href=\"https://www.example.com/plans?return_to=";
    assert!(page.body.contains(link), "{}", page.body);
    // Without the setting there is no dead link.
    let bare = World::new().await;
    linked(&bare, "ada", "jonas");
    assert!(
        !bare
            .signed_in("ada")
            .get("/account")
            .await
            .body
            .contains("id=\"subscribe\"")
    );
}

/// The note disappears as soon as Spotify has the change, although its last answer is cached.
#[tokio::test]
async fn the_account_page_says_that_a_change_is_on_its_way_and_since_when_the_account_is_connected() {
    let (world, sync) = crate::support::synchronizer::linked().await;
    let mut ada = world.signed_in("ada");
    let page = ada.get("/account").await;
    assert!(!page.body.contains("id=\"pending\""));
    let year = 1970 + world.clock.now() / 31_556_952;
    let (_, since) = page.body.split_once("<strong>").unwrap();
    assert!(
        since.starts_with("Connected since ") && since[..60].contains(&year.to_string()),
        "{}",
        &since[..60]
    );
    world.write_entitlements("replace", "ada", &["gold"]).await;
    let page = ada.get("/account").await;
    assert!(
        page.body.contains("id=\"pending\"") && !page.body.contains("gold"),
        "{}",
        page.body
    );
    crate::support::synchronizer::follow(&world, &sync).await;
    let page = ada.get("/account").await;
    assert!(
        !page.body.contains("id=\"pending\"") && page.body.contains(">gold</li>"),
        "{}",
        page.body
    );
}
