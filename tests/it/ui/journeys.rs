//! A real Chromium walks the demo as a person would. Screenshots of every page stay in `target/screenshots`.

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

/// A phone's screen.
const WIDTH: u32 = 390;
const HEIGHT: u32 = 844;

/// A person at a Chromium of their own.
struct Person<'a> {
    world: &'a World,
    page: Client,
    name: &'static str,
    shots: usize,
    _driver: Driver,
}

impl<'a> Person<'a> {
    /// `name` is that of the screenshots.
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

    /// In a Chromium that runs no page's script.
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

    /// Waits for our page with this heading and status, looks at it, and keeps a picture of it.
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
        // Our own style is let through by our own policy.
        let width = self.find("main").await.css_value("max-width").await.unwrap();
        assert_eq!(width, "544px", "{heading}");
    }

    /// What a script makes of the page.
    async fn asks(&self, expression: &str) -> Value {
        self.page
            .execute(&format!("return {expression}"), Vec::new())
            .await
            .unwrap()
    }

    async fn log(&self, kind: &'static str) -> Vec<Value> {
        let Value::Array(entries) = self.page.issue_cmd(Log(kind)).await.unwrap() else {
            panic!("a list")
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
        assert_eq!(width, WIDTH, "nothing is wider than the screen: {page}");
    }

    /// Signs in at the partner's site, which is to tell us by `kind`: `session` or `handoff`.
    async fn signs_in(&mut self, person: &str, kind: &str) {
        self.site("/sign-in").await;
        self.press(&format!("#kind-{kind}")).await;
        self.find(&format!("#kind-{kind}[aria-pressed=true]")).await;
        self.site("/sign-in").await;
        self.keep("sign in").await;
        self.press(&format!("#sign-in-as-{person}")).await;
        self.find(&format!("#signed-in-as[data-person={person}]")).await;
    }

    /// At the simulated Spotify's consent.
    async fn agrees(&mut self, account: &str) {
        self.press(&format!("#account-{account}")).await;
        self.keep("consent").await;
        self.press("#agree").await;
        self.find(&format!("#account[data-account={account}]")).await;
        self.keep("landing").await;
    }

    /// The shows of the landing page from the top: whether each is unlocked, and whether it is what they came for.
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

    /// The forms that were posted since this was asked last: where to, and the origin that Chromium gave.
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

    /// Chromium keeps our cookie, `Secure` though it is and plain HTTP though this is, and keeps it from scripts.
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

    /// Nothing on the console but the pages whose status is an error's, as they are meant to be: nothing that a policy blocked.
    async fn leaves(self) {
        let mut console = self.log("browser").await;
        console.retain(|entry| entry["source"] != "network");
        assert!(console.is_empty(), "{console:?}");
        self.page.close().await.unwrap();
    }
}

/// Signs in, links for a show, hears the right shows, comes back, unlinks, links again with another Spotify account.
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
async fn a_subscriber_with_a_session_links_listens_unlinks_and_links_again() {
    let world = World::new().await;
    whole_journey(&world, Person::at(&world, "session").await, "session").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_by_hand_off_links_listens_unlinks_and_links_again() {
    let world = World::new().await;
    whole_journey(&world, Person::at(&world, "handoff").await, "handoff").await;
}

/// No page of ours needs a script.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_whose_browser_runs_no_scripts_links_listens_unlinks_and_links_again() {
    let world = World::new().await;
    whole_journey(&world, Person::without_scripts(&world, "no-scripts").await, "handoff").await;
}

/// At a provider that we did not write; the wrong Spotify account first, and each remedy leads back to the same show.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_of_an_openid_provider_is_rescued_from_the_wrong_account_in_every_way() {
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
    // Béla has linked Mara's account, and Ada begins with it.
    world.spotify().force_link(of("bela", "mara"));
    ada.open(&world.gateway(&format!("/link?show={show}"))).await;
    ada.find("#sign-in-as-member-1003").await;
    ada.keep("provider").await;
    ada.press("#sign-in-as-member-1003").await;
    ada.press("#account-mara").await;
    ada.press("#agree").await;
    ada.sees("Spotify could not connect your account", 409).await;

    // Another Spotify account: she is asked which, though she has approved before.
    ada.press("#other-account").await;
    ada.agrees("jonas").await;
    let arrived = async |ada: &Person<'_>| {
        let shows = ada.shows().await;
        assert_eq!(shows[0], (show.to_owned(), true, true), "{shows:?}");
    };
    arrived(&ada).await;
    assert_eq!(world.linked("ada").unwrap().0, "jonas");

    // Her account is Jonas's now, and she wants Inès's: the previous one is unlinked here.
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

    // Mara's account is still Béla's: she unlinks it at Spotify, and starts again.
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
    // Beside the page, which stays.
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

/// `make demo SIGN_IN=oidc`: the demo site is the provider, and they turn back there first.
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
    // The site knows them now, and so does our page, by way of the provider.
    ada.is_linked_to(Some("mara")).await;
    ada.open(&world.gateway("/account")).await;
    ada.sees("Your connection with Spotify", 200).await;
    assert!(ada.text().await.contains("Signed in at"));
    ada.leaves().await;
}

/// In a frame of the partner's own pages, and of nobody else's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_account_page_stands_in_a_frame_of_the_partners_own_site_alone() {
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
        "signed out: a way out of the frame"
    );
    ada.signs_in("ada", "session").await;
    assert!(framed(&ada, account, "#link-state").await);
    ada.keep("frame").await;
    assert!(!framed(&ada, format!("{}/account", stranger.origin), "#link-state").await);
    // What changes something is framed by nobody.
    assert!(!framed(&ada, format!("{}/unlink", partner.origin), "form").await);
    ada.page.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_cancels_is_told_so_and_can_start_again() {
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
    // The basic plan opens two of the three shows.
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

/// Two people share a browser, and the second of them signs in only when we ask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spotify_account_of_somebody_else_is_refused_with_the_likely_reason() {
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
async fn two_tabs_of_one_browser_both_arrive_with_a_session() {
    two_tabs("session", "tabs-session").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tabs_of_one_browser_both_arrive_by_hand_off() {
    two_tabs("handoff", "tabs-handoff").await;
}

/// Every other page that a person can meet, as they see it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_page_says_what_happened() {
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

/// She changes what she pays for at the partner's site, whose backend tells us, and does nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_plan_and_a_cancelled_one_reach_spotify_by_themselves() {
    let world = World::new().await;
    // The clock stands still, so that every turn is a little later than the last one.
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
