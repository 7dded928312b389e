//! Every page of the functions in a real Chromium, checked by axe: three languages, light and dark, phone and large screen, with and without scripts.
//! The responses of the functions are recorded and replayed to Chromium with their headers. Screenshots are written to `target/screenshots/pages`.

use std::{collections::BTreeMap, path::Path, time::Duration};

use sandbox::{Fault, Link, Options};
use serde_json::{Value, json};

use super::axe::{axe, axe_source};
use crate::support::{
    Replay, TestResponse, World,
    chromium::{self, Devtools, Scripts},
    parameter,
};

const SHOW: &str = "0MossHour0000000000002";

/// Every page that a person can see, by name, as the functions return it in `language`.
async fn every_page(language: &'static str, replay: &Replay) -> BTreeMap<String, TestResponse> {
    let logo = format!("{}/logo.svg", replay.origin);
    let branded = [
        ("BRAND_LOGO_URL", logo.as_str()),
        ("BRAND_COLOR", "#0b6e4f"),
        ("SUPPORT_URL", "https://www.example.com/help"),
        ("LINK_WITHOUT_ENTITLEMENTS", "off"),
        ("SUBSCRIBE_URL", "https://www.example.com/plans"),
        ("ENTITLEMENT_NAMES", "all-access=All access;basic=Basic"),
        (
            "SHOWS",
            "0SlowTideLedger0000001=The Slow Tide Ledger|basic,all-access;0MossHour0000000000002=The Moss Hour|all-access;\
             0BrassAndBarnacle00003=Brass & Barnacle|patron",
        ),
    ];
    let world = World::with(Options::default(), &branded).await;
    let mut pages = BTreeMap::new();
    let signed_in = |person| world.signed_in(person).in_language(language);
    let signed_out = || world.browser().in_language(language);
    let fault = |fault: Fault| world.spotify().faults().add(Fault { times: None, ..fault });
    let healed = || world.spotify().faults().clear();

    let of_ada = |path: &'static str| async move { signed_in("ada").get(path).await };
    let linking = |account: &'static str| async move { signed_in("ada").link(account).await };
    pages.insert("malformed", signed_out().get("/callback").await);
    pages.insert(
        "not-found",
        signed_out()
            .get(&format!("/sign-in?return_to={}", world.gateway("/account")))
            .await,
    );
    pages.insert("sign-in-impossible", signed_out().get("/entrypoint?token=x").await);
    let mut late = signed_out();
    let nonce = parameter(late.get("/account").await.location(), "nonce").unwrap();
    let claims = world.handoff_claims("ada", &nonce, "late");
    let token = world.site_token("soa-handoff+jwt", &claims);
    assert_eq!(late.get(&format!("/account?token={token}")).await.status, 302);
    pages.insert("sign-in-refused", late.get(&format!("/account?token={token}")).await);
    let mut changed = signed_in("ada");
    let authorize = changed.begin().await;
    let callback = changed.agree(&authorize, "mara").await;
    changed.sign_in("bela");
    pages.insert("session-changed", changed.get(&callback).await);
    let mut failed = signed_in("ada");
    let state = parameter(failed.begin().await.as_str(), "state").unwrap();
    let refused = format!("/callback?error=invalid_scope&state={state}");
    pages.insert("consent-failed", failed.get(&refused).await);
    pages.insert(
        "expired",
        signed_out()
            .get(&format!("/callback?code=x&state={}", "A".repeat(43)))
            .await,
    );
    pages.insert(
        "no-entitlements",
        signed_in("noor").get(&format!("/entrypoint?show={SHOW}")).await,
    );
    let mut ada = signed_in("ada");
    let authorize = ada.begin().await;
    let cancelled = ada.cancel(&authorize).await;
    pages.insert("cancelled", ada.get(&cancelled).await);
    let mut yuki = signed_in("yuki");
    let authorize = yuki.begin().await;
    let callback = yuki.agree(&authorize, "jonas").await;
    assert_eq!(yuki.get(&callback).await.status, 302);
    pages.insert("used-before", yuki.get(&callback).await);
    world.spotify().reset();
    fault(Fault::answer("/api/token", 503, ""));
    pages.insert("spotify-unavailable", linking("mara").await);
    healed();
    fault(Fault::answer("/api/v1/register-user", 403, ""));
    pages.insert("internal-error", linking("mara").await);
    healed();
    world.spotify().force_link(Link {
        partner_id: world.sandbox.options().partner_id.clone(),
        partner_user_id: world.partner_user_id("bela"),
        account: "mara".to_owned(),
        ..Link::default()
    });
    pages.insert("could-not-link", linking("mara").await);
    pages.insert("account-not-linked", of_ada("/account").await);
    pages.insert("unlink", of_ada("/unlink").await);
    pages.insert("unlink-to-relink", of_ada("/unlink?relink=true").await);
    for (name, path) in [("unlinked", "/unlink"), ("unlinked-to-relink", "/unlink?relink=true")] {
        let mut ada = signed_in("ada");
        let form = format!("form_token={}", ada.get(path).await.form_token());
        pages.insert(name, ada.post(path, &form).await);
    }
    let mut ada = signed_in("ada");
    pages.insert("form-refused", ada.post("/unlink", "form_token=x").await);
    assert_eq!(linking("jonas").await.status, 302);
    let mut named = signed_in("ada");
    let mut claims = world.session_claims("ada");
    claims["name"] = "ada@example.com".into();
    named.cookies.insert(
        world.sandbox.options().session_cookie.clone(),
        world.site_token("JWT", &claims),
    );
    pages.insert("account-linked", named.get("/account").await);
    world.write_entitlements("replace", "ada", &["all-access"]).await;
    pages.insert("account-pending", of_ada("/account").await);
    world.spotify().force_link(Link {
        partner_id: world.sandbox.options().partner_id.clone(),
        partner_user_id: world.partner_user_id("noor"),
        account: "yuki".to_owned(),
        ..Link::default()
    });
    pages.insert("account-nothing-unlocked", signed_in("noor").get("/account").await);
    // The page asks Spotify again after 30 seconds.
    world.advance(30);
    fault(Fault::answer("/api/v1/get-entitlements", 500, ""));
    pages.insert("account-unknown", of_ada("/account").await);
    let framed = [("sec-fetch-dest", "iframe")];
    let mut stranger = signed_out();
    pages.insert(
        "signed-out-in-frame",
        stranger.send("GET", &world.gateway("/account"), &framed, None).await,
    );
    let keys = World::with(Options::default(), &[("SITE_JWKS_URL", "http://127.0.0.1:9/jwks")]).await;
    let mut ada = keys.signed_in("ada").in_language(language);
    pages.insert("sign-in-unavailable", ada.get("/entrypoint").await);
    // A deployment without the optional settings.
    let bare = World::with(
        Options::default(),
        &[("SIGN_IN_URL", ""), ("RETURN_URL", ""), ("BRAND_NAME", "")],
    )
    .await;
    let mut stranger = bare.browser().in_language(language);
    pages.insert("signed-out", stranger.get("/entrypoint").await);
    pages.insert("visit-ended", stranger.get("/sign-out").await);
    let cookie = bare.sandbox.options().session_cookie.clone();
    stranger.cookies.insert(cookie, "x".to_owned());
    pages.insert("session-rejected", stranger.get("/entrypoint").await);
    let silent = World::with(
        Options::default(),
        &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")],
    )
    .await;
    let mut ada = silent.signed_in("ada").in_language(language);
    pages.insert("unavailable", ada.get("/entrypoint").await);
    let (world, provider) = World::signing_in().await;
    let mut ada = world.browser().in_language(language);
    pages.insert(
        "sign-in-cancelled",
        ada.signs_in(&provider, "/entrypoint", "cancel=1").await,
    );
    pages
        .into_iter()
        .map(|(name, answer)| (name.to_owned(), answer))
        .collect()
}

const PAGES: usize = 30;

/// Status and English title of each page.
const TITLES: [(&str, u16, &str); PAGES] = [
    ("account-linked", 200, "Your connection with Spotify"),
    ("account-pending", 200, "Your connection with Spotify"),
    ("account-nothing-unlocked", 200, "Your connection with Spotify"),
    ("account-not-linked", 200, "Your connection with Spotify"),
    ("session-changed", 400, "Your sign-in has changed"),
    ("session-rejected", 401, "Please sign in again"),
    ("sign-in-impossible", 401, "Signing in does not work here"),
    ("consent-failed", 400, "Spotify reported an error"),
    ("visit-ended", 200, "You are signed out of this page"),
    ("account-unknown", 200, "Your connection with Spotify"),
    ("unavailable", 503, "One moment, please"),
    ("cancelled", 403, "Not connected"),
    ("could-not-link", 409, "Spotify could not connect your account"),
    ("expired", 400, "Please start again"),
    ("used-before", 400, "Your account may already be connected"),
    ("form-refused", 403, "Please open the page again"),
    ("malformed", 400, "This link does not work"),
    ("not-found", 404, "Nothing here"),
    ("no-entitlements", 403, "There is nothing to unlock yet"),
    ("sign-in-cancelled", 403, "You did not sign in"),
    ("sign-in-unavailable", 503, "Signing in does not work just now"),
    ("sign-in-refused", 401, "Please sign in again"),
    ("signed-out", 401, "Please sign in first"),
    ("signed-out-in-frame", 401, "Please sign in first"),
    ("spotify-unavailable", 502, "Spotify does not work just now"),
    ("unlink", 200, "Disconnect from Spotify?"),
    ("unlink-to-relink", 200, "Disconnect the previous Spotify account?"),
    ("unlinked", 200, "Disconnected from Spotify"),
    ("unlinked-to-relink", 200, "Now connect the right Spotify account"),
    ("internal-error", 502, "Something went wrong"),
];

async fn look_at_every_page(language: &'static str, width: u32, height: u32) {
    let replay = Replay::start().await;
    let pages = every_page(language, &replay).await;
    assert_eq!(pages.len(), PAGES);
    *replay.answers.lock().unwrap() = pages.clone();
    let source = axe_source();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots/pages");
    std::fs::create_dir_all(&folder).unwrap();
    let (page, _driver) = chromium::start(width, height, Scripts::Allowed).await;
    let timeouts = fantoccini::wd::TimeoutConfiguration::new(Some(Duration::from_secs(30)), None, None);
    page.update_timeouts(timeouts).await.unwrap();
    if language == "en" {
        for (name, status, title) in TITLES {
            assert_eq!((pages[name].status, pages[name].title()), (status, title), "{name}");
        }
    }
    for (name, answer) in &pages {
        assert!(
            answer.body.contains(&format!("<html lang=\"{language}\"")),
            "{name}: {} {}",
            answer.status,
            answer.body
        );
        assert!(
            !answer.body.contains("<script") && !answer.body.contains("javascript:"),
            "{name}"
        );
    }
    // The pages have no scripts, so one run without scripts for each language is enough.
    let on_a_phone = width < 500;
    let without_scripts = on_a_phone.then_some(("light", false));
    for (scheme, scripts) in [("light", true), ("dark", true)].into_iter().chain(without_scripts) {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        page.issue_cmd(Devtools("Emulation.setEmulatedMedia", media))
            .await
            .unwrap();
        for name in pages.keys() {
            let place = format!("{name}, {language}, {scheme}, {width} px, scripts {scripts}");
            let blocked = |blocked: bool| Devtools("Emulation.setScriptExecutionDisabled", json!({"value": blocked}));
            page.issue_cmd(blocked(!scripts)).await.unwrap();
            page.goto(&format!("{}/{name}", replay.origin)).await.unwrap();
            // Scripts are allowed again after loading, because axe is a script.
            page.issue_cmd(blocked(false)).await.unwrap();
            let seen = page.execute("return [document.documentElement.scrollWidth, document.querySelectorAll('h1').length, getComputedStyle(document.querySelector('.sheet')).backgroundColor]", Vec::new()).await.unwrap();
            assert!(
                seen[0].as_u64().unwrap() <= u64::from(width),
                "{place}: wider than the screen: {seen}"
            );
            assert_eq!(seen[1], 1, "{place}");
            let paper = if scheme == "light" {
                "rgb(255, 255, 255)"
            } else {
                "rgb(22, 22, 22)"
            };
            assert_eq!(seen[2], paper, "{place}: the style is blocked or has the wrong colours");
            assert_eq!(axe(&page, &source).await, Vec::<String>::new(), "{place}");
            if scripts {
                let file = folder.join(format!("{name}-{language}-{scheme}-{width}.png"));
                std::fs::write(file, page.screenshot().await.unwrap()).unwrap();
            }
        }
    }
    let Value::Array(console) = page.issue_cmd(chromium::Log("browser")).await.unwrap() else {
        panic!("not a list")
    };
    let blocked: Vec<_> = console.iter().filter(|entry| entry["source"] != "network").collect();
    assert!(blocked.is_empty(), "{blocked:?}");
    page.close().await.unwrap();
}

macro_rules! each_page {
    ($($name:ident: $language:literal, $width:literal, $height:literal;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() { look_at_every_page($language, $width, $height).await; })*
    };
}

each_page! {
    every_page_is_good_in_english_on_a_phone: "en", 360, 740;
    every_page_is_good_in_english_on_a_large_screen: "en", 1280, 800;
    every_page_is_good_in_arabic_on_a_phone: "ar", 360, 740;
    every_page_is_good_in_arabic_on_a_large_screen: "ar", 1280, 800;
    every_page_is_good_in_japanese_on_a_phone: "ja", 360, 740;
    every_page_is_good_in_japanese_on_a_large_screen: "ja", 1280, 800;
}
