//! The sandbox's console in Chromium and in WebKitGTK. Screenshots are written to `target/screenshots`.

use std::time::Duration;

use fantoccini::key::Key;
use sandbox::deployment;
use serde_json::{Value, json};
use shared::rng::Rng;

use super::{
    axe::{axe, axe_source},
    person::{Person, Screen},
};
use crate::support::{World, chromium::Devtools};

const LARGE: Screen = (1280, 900);
const PHONE: Screen = (360, 740);

impl Person<'_> {
    async fn opens_the_console(&self, world: &World) {
        self.open(&world.sandbox.console().unwrap()).await;
        self.find("#live[data-live=live]").await;
    }

    /// Waits for an element that shows `text`.
    async fn reads(&self, selector: &str, text: &str) {
        let script =
            "return [...document.querySelectorAll(arguments[0])].some(one => one.innerText.includes(arguments[1]))";
        for _ in 0..150 {
            let found = self.page.execute(script, vec![selector.into(), text.into()]).await;
            if found.unwrap() == true {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let page = self.asks("document.body.innerText").await;
        panic!("no {selector} with {text:?}: {page}");
    }

    /// Replaces the text of an input, and leaves it, which closes the suggestions.
    async fn types(&self, selector: &str, text: &str) {
        let input = self.find(selector).await;
        let script = "const input = document.querySelector(arguments[0]); input.focus(); input.select()";
        self.page.execute(script, vec![selector.into()]).await.unwrap();
        let keys = format!("{text}{}", char::from(Key::Tab));
        input.send_keys(&keys).await.unwrap();
    }

    async fn chooses(&self, selector: &str, value: &str) {
        self.find(selector).await.select_by_value(value).await.unwrap();
    }
}

/// Everything that the console shows and controls, with real requests to the functions.
async fn whole_console(world: &World, mut engineer: Person<'_>) {
    engineer.opens_the_console(world).await;
    engineer.keep("empty").await;

    // A link: the browser's requests with the functions' log lines, and the requests to Spotify with its verdicts.
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    let callback = "li[data-source=functions]:has(.code[data-code=CALLBACK_COMPLETED])";
    engineer.reads(callback, "GET /callback").await;
    let register = "li[data-source=spotify]:has(.jws)";
    engineer.reads(register, "POST /api/v1/register-user").await;
    engineer.reads(&format!("{register} .verdict"), "accepted").await;
    engineer.press(&format!("{register} summary")).await;
    engineer
        .reads(&format!("{register} .jws"), &world.partner_user_id("ada"))
        .await;
    engineer.reads("#people [data-person=ada]", "Linked with mara").await;
    engineer.keep("linked").await;

    // An open entry stays open while others arrive.
    world.browser().get("/callback").await;
    engineer
        .reads("#activity-list > li:first-child", "REQUEST_MALFORMED")
        .await;
    engineer.reads(&format!("{register} .jws"), "HS256").await;

    // A fault, which the next link meets twice: the functions retry once.
    engineer.types("#fault-path", "/api/v1/register-user").await;
    engineer.types("#status", "503").await;
    engineer.types("#times", "2").await;
    engineer.press("#add-fault").await;
    engineer.reads("#faults [data-fault=\"1\"]", "{\"status\":503}").await;
    assert_eq!(world.signed_in("bela").link("jonas").await.status, 502);
    engineer
        .reads("li[data-source=spotify] .verdict", "fault 1 answered instead")
        .await;
    engineer.reads("#faults [data-fault=\"1\"]", "2 of 2 applied").await;
    engineer.keep("fault").await;
    engineer.press("#faults [data-fault=\"1\"] button").await;
    engineer.reads("#faults", "No faults.").await;

    // A switch, and one with a value that is rejected.
    engineer.press("#switches summary").await;
    engineer.press("#a14_conflict_moves").await;
    engineer.reads("#switches .result", "a14_conflict_moves is set").await;
    assert!(world.spotify().switches().a14_conflict_moves);
    engineer.chooses("#a6_pkce", "required").await;
    engineer.reads("#switches .result", "a6_pkce is set").await;
    engineer.types("#a7_conflict_status", "99999").await;
    engineer.reads("#switches .result.failed", "invalid value").await;
    assert_eq!(world.spotify().switches().a7_conflict_status, 409);
    engineer.keep("switches").await;

    // Clocks: everything, and Spotify alone.
    let before = world.clock.now();
    engineer.press("#clock button[data-body*=\":600}\"]").await;
    engineer.reads("#clock dl", "10 min").await;
    assert_eq!(world.clock.now(), before + 600);
    engineer.press("#clock button[data-body*=\":3600000}\"]").await;
    engineer.reads("#clock dl", "1 h 10 min").await;
    assert_eq!(world.clock.now(), before + 600);

    // Signed requests: sent, and as a command that works once.
    engineer.chooses("#operation", "replace-entitlements").await;
    engineer.types("#person", "member-1003").await;
    engineer.types("#entitlements", "basic, extra").await;
    engineer.press("#send").await;
    engineer.reads("#signed-result", "Response 202").await;
    let request = "li[data-source=functions]:has(.code[data-code=ENTITLEMENTS_WRITTEN])";
    engineer.reads(request, "POST /replace-entitlements").await;
    engineer.press("#show-curl").await;
    engineer.reads("#signed-result", "curl -sS").await;
    engineer.keep("signed request").await;
    let shown = engineer
        .asks("document.querySelector('#signed-result pre').textContent")
        .await;
    let token = shown.as_str().unwrap().rsplit('\'').nth(1).unwrap().to_owned();
    let url = world.gateway("/replace-entitlements");
    let jwt = [("content-type", "application/jwt")];
    let answer = world.browser().send("POST", &url, &jwt, Some(&token)).await;
    assert_eq!(answer.status, 202, "{}", answer.body);

    // The events of the sync, and its log lines, which no request caused.
    let environment = world.environment(&[("SPOTIFY_RATE", "1000")]);
    let following = deployment::sync(&environment, &world.clock, &Rng::System);
    let watching = async {
        engineer.press("#send").await;
        engineer
            .reads("#events [data-event=EntitlementsSynced]", "EntitlementsSynced")
            .await;
        engineer.reads("li[data-source=log]", "SYNC_DONE").await;
        engineer.reads("#people [data-person=ada]", "basic, extra").await;
    };
    // Boxed: the future is too large for the stack.
    tokio::select! {
        ended = Box::pin(following) => panic!("the sync ended: {ended:?}"),
        () = watching => {}
    }
    engineer.keep("events").await;

    // Links: removed, and made without the partner's knowledge.
    engineer.press("#people [data-person=ada] button").await;
    engineer.reads("#people [data-person=ada]", "Not linked").await;
    assert_eq!(world.linked("ada"), None);
    engineer.types("#link-person", &world.partner_user_id("yuki")).await;
    engineer.chooses("#link-account", "teo").await;
    engineer.types("#link-entitlements", "basic").await;
    engineer.press("#add-link").await;
    engineer.reads("#people [data-person=yuki]", "Linked with teo").await;
    assert_eq!(world.linked("yuki"), Some(("teo".to_owned(), vec!["basic".to_owned()])));

    // The settings of the functions, without secrets.
    engineer.press("#settings summary").await;
    engineer.reads("#settings dl", &world.gateway("")).await;
    let settings = engineer.asks("document.querySelector('#settings').innerText").await;
    assert!(!settings.as_str().unwrap().contains("SECRET_ACCESS_KEY"), "{settings}");

    // The filter, and an empty list again.
    engineer.chooses("#filter", "spotify").await;
    let is_shown = "document.querySelector('li[data-source=functions]').checkVisibility()";
    assert_eq!(engineer.asks(is_shown).await, false);
    engineer.press("#clear").await;
    engineer.reads("#activity", "Nothing yet").await;
    engineer.leaves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_shows_and_controls_the_sandbox() {
    let world = World::new().await;
    whole_console(&world, Person::on_screen(&world, "console", LARGE).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_on_a_phone_shows_and_controls_the_sandbox() {
    let world = World::new().await;
    whole_console(&world, Person::on_screen(&world, "console-phone", PHONE).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_in_webkit_shows_and_controls_the_sandbox() {
    let world = World::new().await;
    whole_console(
        &world,
        Person::in_webkit_on_screen(&world, "console-webkit", LARGE).await,
    )
    .await;
}

/// The site's session cookie has expired, and another has the wrong audience.
async fn rejected_sessions(world: &World, mut engineer: Person<'_>) {
    let cookie = world.sandbox.options().session_cookie.clone();
    for (claim, value, reason) in [
        ("exp", json!(world.clock.now() - 3600), "expired"),
        ("aud", json!("https://other.example"), "aud"),
    ] {
        let mut claims = world.session_claims("ada");
        claims[claim] = value;
        let mut ada = world.browser();
        ada.cookies.insert(cookie.clone(), world.site_token("JWT", &claims));
        ada.get("/account").await;
        engineer.opens_the_console(world).await;
        let entry = "li[data-source=functions][data-problem=true]:has(.code[data-code=SESSION_REJECTED])";
        engineer.reads(&format!("{entry} .reason"), reason).await;
        engineer.reads(entry, "GET /account").await;
        engineer.press(&format!("{entry} summary")).await;
        engineer
            .reads(&format!("{entry} .jws"), &format!("JWS in cookie {cookie}"))
            .await;
        engineer.reads(&format!("{entry} .jws"), "member-1003").await;
        engineer.keep(&format!("rejected {claim}")).await;
    }
    let entries = "document.querySelectorAll('.code[data-code=SESSION_REJECTED]').length";
    assert_eq!(engineer.asks(entries).await, 2);
    engineer.leaves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_says_why_a_session_cookie_was_rejected() {
    let world = World::new().await;
    rejected_sessions(&world, Person::on_screen(&world, "session", LARGE).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_in_webkit_says_why_a_session_cookie_was_rejected() {
    let world = World::new().await;
    rejected_sessions(
        &world,
        Person::in_webkit_on_screen(&world, "session-webkit", LARGE).await,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_valid_session_cookie_is_no_problem_in_the_console() {
    let world = World::new().await;
    let engineer = Person::on_screen(&world, "valid", LARGE).await;
    world.signed_in("ada").get("/account").await;
    engineer.opens_the_console(&world).await;
    engineer.reads("li[data-source=functions]", "ACCOUNT_SHOWN").await;
    assert_eq!(
        engineer
            .asks("document.querySelector('[data-source=functions][data-problem=true]')")
            .await,
        Value::Null
    );
    engineer.leaves().await;
}

/// A request that a web page or a scanner sends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_input_is_shown_as_text() {
    let world = World::new().await;
    let engineer = Person::on_screen(&world, "hostile", LARGE).await;
    engineer.opens_the_console(&world).await;
    let hostile = "<img src=x onerror=document.title=1>";
    let encoded: String = url::form_urlencoded::byte_serialize(hostile.as_bytes()).collect();
    world.browser().get(&format!("/entrypoint?{encoded}={encoded}")).await;
    engineer.press("#activity-list summary").await;
    engineer.reads("#activity-list dt", hostile).await;
    engineer.reads("#activity-list dd", hostile).await;
    assert_eq!(engineer.asks("document.querySelectorAll('img').length").await, 0);
    assert_eq!(engineer.asks("document.title").await, "Sandbox console");
    engineer.leaves().await;
}

/// The first page that a person sees after `make demo`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_site_links_to_the_console() {
    let world = World::new().await;
    let engineer = Person::on_screen(&world, "site", LARGE).await;
    engineer.site("/").await;
    engineer.press("#console").await;
    engineer.find("#live[data-live=live]").await;
    assert_eq!(
        engineer.page.current_url().await.unwrap().as_str(),
        world.sandbox.console().unwrap()
    );
    engineer.leaves().await;
}

/// Light and dark, with every panel open and some activity.
async fn accessible(name: &'static str, screen: Screen) {
    let world = World::new().await;
    let mut engineer = Person::on_screen(&world, name, screen).await;
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    world.browser().get("/callback").await;
    world
        .spotify()
        .faults()
        .add(sandbox::Fault::answer("/api/token", 503, ""));
    world.signed_in("bela").link("jonas").await;
    let timeouts = fantoccini::wd::TimeoutConfiguration::new(Some(Duration::from_secs(30)), None, None);
    engineer.page.update_timeouts(timeouts).await.unwrap();
    for scheme in ["light", "dark"] {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        engineer
            .page
            .issue_cmd(Devtools("Emulation.setEmulatedMedia", media))
            .await
            .unwrap();
        engineer.opens_the_console(&world).await;
        engineer.press("#show-curl").await;
        engineer.reads("#signed-result", "curl").await;
        engineer
            .asks("document.querySelectorAll('details').forEach(one => { one.open = true })")
            .await;
        assert_eq!(
            axe(&engineer.page, &axe_source()).await,
            Vec::<String>::new(),
            "{name} {scheme}"
        );
        engineer.keep(scheme).await;
    }
    engineer.leaves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_is_accessible_on_a_large_screen() {
    accessible("console-axe-large", LARGE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_is_accessible_on_a_phone() {
    accessible("console-axe-phone", PHONE).await;
}
