//! Journeys through the demo in a real Chromium, and the main ones in WebKitGTK. Screenshots of every page are written to `target/screenshots`.

use std::time::Duration;

use fantoccini::Locator;
use serde_json::{Value, json};
use shared::{rng::Rng, runtime::worker::EventFunction as _};
use sync::Synchronizer;

use super::person::Person;
use crate::support::{Replay, World, parameter};

const SHOWS: [&str; 3] = [
    "0SlowTideLedger0000001",
    "0MossHour0000000000002",
    "0BrassAndBarnacle00003",
];

/// Signs in, links for a show, sees the right shows unlocked, unlinks, and links again with another Spotify account.
async fn whole_journey(world: &World, mut ada: Person<'_>, kind: &str) {
    ada.signs_in("ada", kind).await;
    ada.site("/").await;
    ada.keep("shows").await;
    ada.press(&format!("#listen-{}", SHOWS[1])).await;
    ada.find("#agree").await;
    ada.is_bound().await;
    ada.agrees("mara").await;
    let shows = ada.shows().await;
    assert_eq!(
        shows,
        [SHOWS[1], SHOWS[0], SHOWS[2]].map(|show| (show.to_owned(), true, show == SHOWS[1]))
    );
    ada.is_linked_to(Some("mara")).await;
    ada.keep("account").await;

    ada.press("#unlink").await;
    ada.sees("Disconnect from Spotify?", 200).await;
    ada.posted().await;
    ada.press("button[type=submit]").await;
    // The function rejects a form without our origin.
    ada.sees("Disconnected from Spotify", 200).await;
    if let Some(posted) = ada.posted().await {
        assert_eq!(posted, [(world.gateway("/unlink"), world.gateway(""))]);
    }
    assert!(world.spotify().links().is_empty());
    ada.press("a.step").await;
    ada.find("#link-state[data-state=none]").await;
    ada.keep("account").await;

    ada.press("#link").await;
    ada.agrees("jonas").await;
    ada.is_linked_to(Some("jonas")).await;
    ada.leaves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_with_a_session_links_unlinks_and_links_again() {
    let world = World::new().await;
    whole_journey(&world, Person::at(&world, "session").await, "session").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_by_hand_off_links_unlinks_and_links_again() {
    let world = World::new().await;
    whole_journey(&world, Person::at(&world, "handoff").await, "handoff").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_in_webkit_links_unlinks_and_links_again_with_a_session() {
    let world = World::new().await;
    whole_journey(&world, Person::in_webkit(&world, "webkit-session").await, "session").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_in_webkit_links_unlinks_and_links_again_by_hand_off() {
    let world = World::new().await;
    whole_journey(&world, Person::in_webkit(&world, "webkit-handoff").await, "handoff").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_in_webkit_signs_in_at_a_provider_and_links() {
    let (world, _provider) = World::signing_in().await;
    let mut ada = Person::in_webkit(&world, "webkit-oidc").await;
    ada.open(&world.gateway("/entrypoint")).await;
    ada.press("#sign-in-as-member-1003").await;
    ada.agrees("mara").await;
    assert_eq!(world.linked("ada").unwrap().0, "mara");
    ada.leaves().await;
}

/// The browser loads the callback again, for example because it restores a tab.
async fn callback_twice(world: &World, mut ada: Person<'_>) {
    ada.signs_in("ada", "session").await;
    ada.open(&world.gateway("/entrypoint")).await;
    ada.find("#agree").await;
    let authorize = ada.page.current_url().await.unwrap();
    let state = parameter(authorize.as_str(), "state").unwrap();
    ada.agrees("mara").await;
    ada.open(&world.gateway(&format!("/callback?code=again&state={state}")))
        .await;
    ada.sees("Your account may already be connected", 400).await;
    ada.press("a.step").await;
    ada.sees("Your connection with Spotify", 200).await;
    ada.find("#link-state[data-state=linked]").await;
    // The account page needs a token of its own.
    assert_eq!(world.calls(), (2, 1, 0));
    ada.leaves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_that_is_loaded_again_leads_to_the_account_page() {
    let world = World::new().await;
    callback_twice(&world, Person::at(&world, "again").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_that_is_loaded_again_in_webkit_leads_to_the_account_page() {
    let world = World::new().await;
    callback_twice(&world, Person::in_webkit(&world, "webkit-again").await).await;
}

/// The pages of the functions need no scripts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_without_scripts_links_unlinks_and_links_again() {
    let world = World::new().await;
    whole_journey(&world, Person::without_scripts(&world, "no-scripts").await, "handoff").await;
}

/// With a third-party `OpenID` provider: after the wrong Spotify account, each remedy leads back to the same show.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_remedy_for_the_wrong_spotify_account_works() {
    let (world, provider) = World::signing_in().await;
    let mut ada = Person::at(&world, "oidc").await;
    let of = |person: &str, account: &str| sandbox::Link {
        partner_id: world.sandbox.options().partner_id.clone(),
        partner_user_id: world.partner_user_id(person),
        account: account.to_owned(),
        ..sandbox::Link::default()
    };
    let show = SHOWS[1];
    world.spotify().set_switches(|switches| {
        switches.a8_forward_show = true;
        switches.skip_consent_when_approved = true;
    });
    // Béla has linked Mara's account, and Ada tries it first.
    world.spotify().force_link(of("bela", "mara"));
    ada.open(&world.gateway(&format!("/link?show={show}"))).await;
    ada.find("#sign-in-as-member-1003").await;
    ada.keep("provider").await;
    ada.press("#sign-in-as-member-1003").await;
    ada.press("#account-mara").await;
    ada.press("#agree").await;
    ada.sees("Spotify could not connect your account", 409).await;

    // Another Spotify account: consent is shown again although it was given before.
    ada.press("#other-account").await;
    ada.agrees("jonas").await;
    let arrived = async |ada: &Person<'_>| {
        let shows = ada.shows().await;
        assert_eq!(shows[0], (show.to_owned(), true, true), "{shows:?}");
    };
    arrived(&ada).await;
    assert_eq!(world.linked("ada").unwrap().0, "jonas");

    // Ada is linked to Jonas's account and wants Inès's: she unlinks the previous one on the unlink page.
    ada.open(&world.gateway(&format!("/entrypoint?show={show}&show_dialog=true")))
        .await;
    ada.press("#account-ines").await;
    ada.press("#agree").await;
    ada.sees("Spotify could not connect your account", 409).await;
    ada.press("#unlink").await;
    ada.sees("Disconnect the previous Spotify account?", 200).await;
    ada.press("button[type=submit]").await;
    ada.sees("Now connect the right Spotify account", 200).await;
    assert_eq!(world.linked("ada"), None);
    ada.press("a.step").await;
    ada.agrees("ines").await;
    arrived(&ada).await;

    // Mara's account is still linked to Béla: Ada unlinks it at Spotify and starts again.
    world
        .spotify()
        .remove_link(&world.sandbox.options().partner_id, &world.partner_user_id("ada"));
    ada.open(&world.gateway(&format!("/entrypoint?show={show}&show_dialog=true")))
        .await;
    ada.press("#account-mara").await;
    ada.press("#agree").await;
    ada.sees("Spotify could not connect your account", 409).await;
    let refusal = ada.page.window().await.unwrap();
    ada.press("#content-access").await;
    // The link opens a second window.
    let windows = ada.page.windows().await.unwrap();
    let beside = windows.into_iter().find(|window| *window != refusal).unwrap();
    ada.page.switch_to_window(beside).await.unwrap();
    ada.press(&format!("#unlink-{}", world.sandbox.options().partner_id))
        .await;
    ada.find("#no-links").await;
    ada.page.close_window().await.unwrap();
    ada.page.switch_to_window(refusal).await.unwrap();
    ada.press("#other-account").await;
    ada.agrees("mara").await;
    arrived(&ada).await;

    ada.open(&world.gateway("/account")).await;
    ada.sees("Your connection with Spotify", 200).await;
    ada.find("#link-state[data-state=linked]").await;
    drop(provider);
    ada.leaves().await;
}

/// `make demo SIGN_IN=oidc`: the demo site is the provider. The first sign-in is cancelled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_site_signs_people_in_as_an_openid_provider() {
    let options = sandbox::Options {
        sign_in: sandbox::SignIn::Oidc,
        ..sandbox::Options::default()
    };
    let world = World::with(options, &[]).await;
    let mut ada = Person::at(&world, "demo-oidc").await;
    ada.site("/").await;
    ada.find("#kind[data-kind=oidc]").await;
    ada.press(&format!("#listen-{}", SHOWS[2])).await;
    ada.keep("sign in").await;
    ada.press("#sign-in-cancel").await;
    ada.sees("You did not sign in", 403).await;
    ada.press("a.step").await;
    ada.press("#sign-in-as-ada").await;
    ada.agrees("mara").await;
    let shows = ada.shows().await;
    assert_eq!(shows[0], (SHOWS[2].to_owned(), true, true));
    // Ada is signed in at the site and, through the provider, on the account page.
    ada.is_linked_to(Some("mara")).await;
    ada.open(&world.gateway("/account")).await;
    ada.sees("Your connection with Spotify", 200).await;
    assert!(ada.text().await.contains("Signed in at"));
    ada.leaves().await;
}

/// `FRAME_ORIGIN` names the one site that may frame the account page.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_account_page_can_be_framed_only_by_the_partners_site() {
    let (partner, stranger) = (Replay::start().await, Replay::start().await);
    let world = World::with(sandbox::Options::default(), &[("FRAME_ORIGIN", &partner.origin)]).await;
    for site in [&partner, &stranger] {
        let (account, unlink) = (world.gateway("/account"), world.gateway("/unlink"));
        site.shows(
            "account",
            &format!("<!doctype html><meta name=viewport content=width=device-width><iframe width=360 height=700 src=\"{account}\"></iframe>"),
        );
        site.shows("unlink", &format!("<!doctype html><iframe src=\"{unlink}\"></iframe>"));
    }
    let mut ada = Person::at(&world, "frame").await;
    let framed = async |ada: &Person<'_>, page: String, selector: &str| {
        ada.open(&page).await;
        ada.page.enter_frame(0).await.unwrap();
        let wait = ada.page.wait().at_most(Duration::from_secs(3));
        let found = wait.for_element(Locator::Css(selector)).await.is_ok();
        ada.page.enter_parent_frame().await.unwrap();
        found
    };
    let account = format!("{}/account", partner.origin);
    assert!(
        framed(&ada, account.clone(), "a.step[target=_top]").await,
        "a signed-out frame needs a link out of the frame"
    );
    ada.signs_in("ada", "session").await;
    assert!(framed(&ada, account, "#link-state").await);
    ada.keep("frame").await;
    assert!(!framed(&ada, format!("{}/account", stranger.origin), "#link-state").await);
    // A page with a form can never be framed.
    assert!(!framed(&ada, format!("{}/unlink", partner.origin), "form").await);
    ada.page.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_link_can_be_started_again() {
    let world = World::new().await;
    let mut bela = Person::at(&world, "cancel").await;
    bela.signs_in("bela", "session").await;
    bela.site("/account").await;
    bela.press("#link").await;
    bela.press("#cancel").await;
    bela.sees("Not connected", 403).await;
    assert!(world.spotify().links().is_empty());
    bela.press("a.step").await;
    bela.agrees("mara").await;
    // The basic plan unlocks two of the three shows.
    let locked: Vec<_> = bela
        .shows()
        .await
        .into_iter()
        .filter(|(_, unlocked, _)| !unlocked)
        .map(|(show, ..)| show)
        .collect();
    assert_eq!(locked, [SHOWS[2]]);
    bela.leaves().await;
}

/// Two people share a browser, and the second signs in during the journey.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spotify_account_of_another_subscriber_is_refused() {
    let world = World::new().await;
    let mut people = Person::at(&world, "conflict").await;
    people.signs_in("bela", "handoff").await;
    people.site("/account").await;
    people.press("#link").await;
    people.agrees("mara").await;
    people.site("/").await;
    people.press("#sign-out").await;
    people.find("#sign-in").await;

    people.site("/").await;
    people.press(&format!("#listen-{}", SHOWS[0])).await;
    people.press("#sign-in-as-ada").await;
    people.press("#account-mara").await;
    people.press("#agree").await;
    people.sees("Spotify could not connect your account", 409).await;
    let basic = vec!["basic".to_owned()];
    assert_eq!(world.linked("bela"), Some(("mara".to_owned(), basic)));
    assert_eq!(world.linked("ada"), None);
    people.press("a.step").await;
    people.agrees("jonas").await;
    people.is_linked_to(Some("jonas")).await;
    assert_eq!(world.spotify().links().len(), 2);
    people.leaves().await;
}

async fn two_tabs(kind: &str, name: &'static str) {
    let world = World::new().await;
    let mut ada = Person::at(&world, name).await;
    ada.signs_in("ada", kind).await;
    ada.open(&world.gateway("/entrypoint")).await;
    ada.find("#agree").await;
    let first = ada.page.window().await.unwrap();
    let second = ada.page.new_window(true).await.unwrap().handle;
    ada.page.switch_to_window(second).await.unwrap();
    ada.open(&world.gateway("/entrypoint")).await;
    ada.agrees("mara").await;
    ada.page.switch_to_window(first).await.unwrap();
    ada.agrees("mara").await;
    assert_eq!(world.calls(), (2, 2, 0));
    ada.leaves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_browser_tabs_both_link_with_a_session() {
    two_tabs("session", "tabs-session").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_browser_tabs_both_link_by_hand_off() {
    two_tabs("handoff", "tabs-handoff").await;
}

/// The error pages that no other journey of this file shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_error_page_says_what_happened() {
    let world = World::new().await;
    let mut ada = Person::at(&world, "pages").await;
    ada.open(&world.gateway(&format!("/callback?code=x&state={}", "A".repeat(43))))
        .await;
    ada.sees("Please start again", 400).await;
    ada.open(&world.gateway("/callback")).await;
    ada.sees("This link does not work", 400).await;
    ada.open(&world.gateway("/entrypoint?token=x")).await;
    ada.sees("Signing in does not work here", 401).await;
    ada.signs_in("ada", "session").await;
    world.spotify().faults().add(sandbox::Fault {
        times: None,
        ..sandbox::Fault::answer("/api/token", 503, "")
    });
    ada.site("/account").await;
    ada.press("#link").await;
    ada.press("#account-mara").await;
    ada.press("#agree").await;
    ada.sees("Spotify does not work just now", 502).await;
    world.spotify().faults().clear();
    ada.press("a.step").await;
    ada.agrees("mara").await;
    ada.leaves().await;
}

/// Ada only changes her plan at the partner's site; its backend and the sync do the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_or_cancelled_plan_reaches_spotify() {
    let world = World::new().await;
    // The clock does not move: at a low rate the limiter would delay each call further than the last.
    let environment = world.environment(&[("SPOTIFY_RATE", "1000")]);
    let sync = Synchronizer::start(environment, world.clock.clone(), Rng::System)
        .await
        .unwrap();
    let sweep = async || {
        let swept = sync.handle(&json!({"task": "sweep"}), Duration::from_mins(1)).await;
        swept.unwrap();
    };
    let mut ada = Person::at(&world, "plan").await;
    ada.signs_in("ada", "session").await;
    ada.site("/account").await;
    ada.press("#link").await;
    ada.agrees("mara").await;
    world.advance(20);
    sweep().await;

    for (button, then, unlocked) in [
        ("#plan-basic", "#plan-basic[aria-pressed=true]", [true, true, false]),
        ("#cancel-plan", "main:not(:has(#cancel-plan))", [false; 3]),
        ("#plan-all-access", "#plan-all-access[aria-pressed=true]", [true; 3]),
    ] {
        ada.is_linked_to(Some("mara")).await;
        ada.press(button).await;
        ada.find(then).await;
        sweep().await;
        ada.is_linked_to(Some("mara")).await;
        ada.keep(&format!("account {button}")).await;
        assert_eq!(ada.asks("document.querySelector('#plan-trouble')").await, Value::Null);
        ada.press("#content-access").await;
        ada.find("section.link").await;
        ada.keep(&format!("content access {button}")).await;
        let shows: Vec<_> = ada.shows().await.into_iter().map(|(show, is, _)| (show, is)).collect();
        let expected: Vec<_> = SHOWS.map(str::to_owned).into_iter().zip(unlocked).collect();
        assert_eq!(shows, expected, "{button}");
    }
    assert_eq!(world.spotify().links().len(), 1);
    ada.leaves().await;
}
