//! Journeys through the demo in a real Chromium. Screenshots of every page are written to `target/screenshots`.

use std::{path::Path, time::Duration};

use fantoccini::{Client, Locator, elements::Element};
use serde_json::{Value, json};
use shared::{cookie::BROWSER_COOKIE, rng::Rng, runtime::worker::EventFunction as _};
use sync::Synchronizer;

use crate::support::{
    Replay, World,
    chromium::{self, Driver, Log, Scripts},
};

const SHOWS: [&str; 3] = [
    "0SlowTideLedger0000001",
    "0MossHour0000000000002",
    "0BrassAndBarnacle00003",
];

/// Screen of a phone, in CSS pixels.
const WIDTH: u32 = 390;
const HEIGHT: u32 = 844;

/// A person with their own Chromium.
struct Person<'a> {
    world: &'a World,
    page: Client,
    name: &'static str,
    shots: usize,
    _driver: Driver,
}

impl<'a> Person<'a> {
    /// Starts a Chromium. `name` is the prefix of the screenshots.
    async fn at(world: &'a World, name: &'static str) -> Self {
        let (page, driver) = chromium::start(WIDTH, HEIGHT, Scripts::Allowed).await;
        Self {
            world,
            page,
            name,
            shots: 0,
            _driver: driver,
        }
    }

    /// Starts a Chromium in which pages run no scripts.
    async fn without_scripts(world: &'a World, name: &'static str) -> Self {
        let (page, driver) = chromium::start(WIDTH, HEIGHT, Scripts::Blocked).await;
        Self {
            world,
            page,
            name,
            shots: 0,
            _driver: driver,
        }
    }

    async fn find(&self, selector: &str) -> Element {
        let found = self
            .page
            .wait()
            .at_most(Duration::from_secs(15))
            .for_element(Locator::Css(selector))
            .await;
        match found {
            Ok(element) => element,
            Err(error) => panic!(
                "no {selector} at {} ({error}): {}",
                self.page.current_url().await.unwrap(),
                self.text().await
            ),
        }
    }

    async fn press(&self, selector: &str) {
        self.find(selector).await.click().await.unwrap();
    }

    async fn open(&self, url: &str) {
        self.page.goto(url).await.unwrap();
    }

    async fn site(&self, path: &str) {
        self.open(&format!("{}{path}", self.world.sandbox.addresses().site))
            .await;
    }

    async fn text(&self) -> String {
        self.page
            .find(Locator::Css("body"))
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    /// Waits for a page of the functions with this heading, checks its status and style, and takes a screenshot.
    async fn sees(&mut self, heading: &str, status: u16) {
        let path = format!("//h1[normalize-space()=\"{heading}\"]");
        let found = self
            .page
            .wait()
            .at_most(Duration::from_secs(15))
            .for_element(Locator::XPath(&path))
            .await;
        assert!(
            found.is_ok(),
            "not \"{heading}\" but, at {}: {}",
            self.page.current_url().await.unwrap(),
            self.text().await
        );
        self.keep(heading).await;
        assert_eq!(
            self.asks("performance.getEntriesByType('navigation')[0].responseStatus")
                .await,
            status,
            "{heading}"
        );
        // The content security policy lets the page's own style through.
        let width = self.find("main").await.css_value("max-width").await.unwrap();
        assert_eq!(width, "544px", "{heading}");
    }

    /// Evaluates a JavaScript expression in the page.
    async fn asks(&self, expression: &str) -> Value {
        self.page
            .execute(&format!("return {expression}"), Vec::new())
            .await
            .unwrap()
    }

    async fn log(&self, kind: &'static str) -> Vec<Value> {
        let Value::Array(entries) = self.page.issue_cmd(Log(kind)).await.unwrap() else {
            panic!("not a list")
        };
        entries
    }

    async fn keep(&mut self, page: &str) {
        self.shots += 1;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let page: String = page
            .to_lowercase()
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
            .collect();
        let file = folder.join(format!("{}-{:02}-{page}.png", self.name, self.shots));
        std::fs::write(file, self.page.screenshot().await.unwrap()).unwrap();
        let width = self.asks("document.documentElement.scrollWidth").await;
        assert_eq!(width, WIDTH, "the page is wider than the screen: {page}");
    }

    /// Signs in at the partner's site, which passes the sign-in on as a `session` or by `handoff`.
    async fn signs_in(&mut self, person: &str, kind: &str) {
        self.site("/sign-in").await;
        self.press(&format!("#kind-{kind}")).await;
        self.find(&format!("#kind-{kind}[aria-pressed=true]")).await;
        self.site("/sign-in").await;
        self.keep("sign in").await;
        self.press(&format!("#sign-in-as-{person}")).await;
        self.find(&format!("#signed-in-as[data-person={person}]")).await;
    }

    /// Agrees at the simulated Spotify's consent as `account`.
    async fn agrees(&mut self, account: &str) {
        self.press(&format!("#account-{account}")).await;
        self.keep("consent").await;
        self.press("#agree").await;
        self.find(&format!("#account[data-account={account}]")).await;
        self.keep("landing").await;
    }

    /// The shows of the landing page in order: id, whether it is unlocked, and whether the journey began with it.
    async fn shows(&self) -> Vec<(String, bool, bool)> {
        self.find("li.show").await;
        let mut shows = Vec::new();
        for show in self.page.find_all(Locator::Css("li.show")).await.unwrap() {
            let is = async |name| show.attr(name).await.unwrap().as_deref() == Some("true");
            let id = show.attr("data-show").await.unwrap().unwrap();
            shows.push((id, is("data-unlocked").await, is("data-remembered").await));
        }
        shows
    }

    async fn is_linked_to(&self, account: Option<&str>) {
        self.site("/account").await;
        match account {
            Some(account) => {
                self.find(&format!("#link-state[data-state=linked][data-account={account}]"))
                    .await
            }
            None => self.find("#link-state[data-state=none]").await,
        };
    }

    /// The forms posted since the last call: URL and `Origin` header.
    async fn posted(&self) -> Vec<(String, String)> {
        let mut posted = Vec::new();
        for entry in self.log("performance").await {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let request = &event["message"]["params"]["request"];
            if event["message"]["method"] == "Network.requestWillBeSent" && request["method"] == "POST" {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                posted.push((text(&request["url"]), text(&request["headers"]["Origin"])));
            }
        }
        posted
    }

    /// Checks that Chromium keeps the `Secure` binding cookie on loopback HTTP, and hides it from scripts.
    async fn is_bound(&self) {
        let cookie = self.page.get_named_cookie(BROWSER_COOKIE).await.unwrap();
        assert_eq!(
            (
                cookie.secure(),
                cookie.http_only(),
                cookie.path(),
                cookie.same_site().is_some_and(|rule| rule.is_lax())
            ),
            (Some(true), Some(true), Some("/"), true)
        );
        let seen = self.asks("document.cookie").await;
        assert!(!seen.as_str().unwrap().contains(BROWSER_COOKIE), "{seen}");
    }

    /// Closes Chromium after checking that the console has no entries except failed requests, which error pages cause.
    async fn leaves(self) {
        let mut console = self.log("browser").await;
        console.retain(|entry| entry["source"] != "network");
        assert!(console.is_empty(), "{console:?}");
        self.page.close().await.unwrap();
    }
}

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
    ada.sees("Disconnected from Spotify", 200).await;
    assert_eq!(ada.posted().await, [(world.gateway("/unlink"), world.gateway(""))]);
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
    ada.sees("Please sign in again", 401).await;
    ada.signs_in("ada", "session").await;
    world.spotify().faults().add(sandbox::Fault {
        times: None,
        ..sandbox::Fault::answer("/api/token", 503, "")
    });
    ada.site("/account").await;
    ada.press("#link").await;
    ada.press("#account-mara").await;
    ada.press("#agree").await;
    ada.sees("Spotify does not answer", 502).await;
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
