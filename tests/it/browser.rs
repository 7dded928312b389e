//! A real Chromium walks the demo as a person would. Screenshots of every page stay in `target/screenshots`.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use fantoccini::{Client, ClientBuilder, Locator, elements::Element};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::world::World;

const SHOWS: [&str; 3] = [
    "0SlowTideLedger0000001",
    "0MossHour0000000000002",
    "0BrassAndBarnacle00003",
];

/// A person at a Chromium of their own, on a phone's screen.
struct Person<'a> {
    world: &'a World,
    page: Client,
    name: &'static str,
    shots: usize,
    _driver: Driver,
}

/// chromedriver, and the profile folder of its Chromium: both end with it.
struct Driver {
    process: Child,
    profile: PathBuf,
}

impl Drop for Driver {
    fn drop(&mut self) {
        // They may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

impl<'a> Person<'a> {
    /// `name` is that of the screenshots.
    async fn at(world: &'a World, name: &'static str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let process = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let process = process.expect("`make setup` installs chromium and chromedriver");
        let profile = std::env::temp_dir().join(format!("soa-link-chromium-{}-{port}", std::process::id()));
        let driver = Driver { process, profile };
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=390,844",
        ];
        let mut arguments: Vec<_> = arguments.map(str::to_owned).into();
        arguments.push(format!("--user-data-dir={}", driver.profile.display()));
        let capabilities = json!({"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}});
        let Value::Object(capabilities) = capabilities else {
            panic!("an object")
        };
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
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

    /// Waits for the page with this heading, and keeps a picture of it.
    async fn sees(&mut self, heading: &str) {
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

    /// The shows of the landing page from the top, and whether each is unlocked.
    async fn shows(&self) -> Vec<(String, bool)> {
        self.find("li.show").await;
        let mut shows = Vec::new();
        for show in self.page.find_all(Locator::Css("li.show")).await.unwrap() {
            let unlocked = show.attr("data-unlocked").await.unwrap().as_deref() == Some("true");
            shows.push((show.attr("data-show").await.unwrap().unwrap(), unlocked));
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

    async fn leaves(self) {
        self.page.close().await.unwrap();
    }
}

/// Signs in, links for a show, hears the right shows, comes back, unlinks, links again with another Spotify account.
async fn whole_journey(kind: &str, name: &'static str) {
    let world = World::new().await;
    let mut ada = Person::at(&world, name).await;
    ada.signs_in("ada", kind).await;
    ada.site("/").await;
    ada.keep("shows").await;
    ada.press(&format!("#listen-{}", SHOWS[1])).await;
    ada.agrees("mara").await;
    let shows = ada.shows().await;
    assert_eq!(shows[0], (SHOWS[1].to_owned(), true), "the chosen show is on top");
    assert!(
        shows.len() == 3 && shows.iter().all(|(_, unlocked)| *unlocked),
        "{shows:?}"
    );
    ada.is_linked_to(Some("mara")).await;
    ada.keep("account").await;

    ada.press("#unlink").await;
    ada.sees("Disconnect from Spotify?").await;
    // Our own style is let through by our own policy.
    assert_eq!(ada.find("main").await.css_value("max-width").await.unwrap(), "544px");
    ada.press("button[type=submit]").await;
    ada.sees("Disconnected from Spotify").await;
    assert!(world.spotify().links().is_empty());
    ada.is_linked_to(None).await;

    ada.press("#link").await;
    ada.agrees("jonas").await;
    ada.is_linked_to(Some("jonas")).await;
    ada.leaves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_with_a_session_links_listens_unlinks_and_links_again() {
    whole_journey("session", "session").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_by_hand_off_links_listens_unlinks_and_links_again() {
    whole_journey("handoff", "handoff").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_cancels_is_told_so_and_can_start_again() {
    let world = World::new().await;
    let mut bela = Person::at(&world, "cancel").await;
    bela.signs_in("bela", "session").await;
    bela.site("/account").await;
    bela.press("#link").await;
    bela.press("#cancel").await;
    bela.sees("Not connected").await;
    assert!(world.spotify().links().is_empty());
    bela.press("a.step").await;
    bela.agrees("mara").await;
    // The basic plan opens two of the three shows.
    let locked: Vec<_> = bela
        .shows()
        .await
        .into_iter()
        .filter(|(_, unlocked)| !unlocked)
        .map(|(show, _)| show)
        .collect();
    assert_eq!(locked, [SHOWS[2]]);
    bela.leaves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spotify_account_of_somebody_else_is_refused_with_the_likely_reason() {
    let world = World::new().await;
    assert_eq!(world.signed_in("bela").link("mara").await.status, 302);
    let mut ada = Person::at(&world, "conflict").await;
    ada.signs_in("ada", "session").await;
    ada.site("/account").await;
    ada.press("#link").await;
    ada.press("#account-mara").await;
    ada.press("#agree").await;
    ada.sees("Spotify could not connect your account").await;
    ada.press("a.step").await;
    ada.agrees("jonas").await;
    assert_eq!(world.spotify().links().len(), 2);
    ada.leaves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tabs_of_one_browser_both_arrive() {
    let world = World::new().await;
    let mut ada = Person::at(&world, "tabs").await;
    ada.signs_in("ada", "session").await;
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

/// Every other page that a person can meet, as they see it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_page_says_what_happened() {
    let world = World::new().await;
    let mut ada = Person::at(&world, "pages").await;
    ada.open(&world.gateway(&format!("/callback?code=x&state={}", "A".repeat(43))))
        .await;
    ada.sees("Please start again").await;
    ada.open(&world.gateway("/callback")).await;
    ada.sees("This link does not work").await;
    ada.open(&world.gateway("/entrypoint?token=x")).await;
    ada.sees("Please sign in again").await;
    ada.signs_in("ada", "session").await;
    world.spotify().faults().add(sandbox::Fault {
        times: None,
        ..sandbox::Fault::answer("/api/token", 503, "")
    });
    ada.site("/account").await;
    ada.press("#link").await;
    ada.press("#account-mara").await;
    ada.press("#agree").await;
    ada.sees("Spotify does not answer").await;
    world.spotify().faults().clear();
    ada.press("a.step").await;
    ada.agrees("mara").await;
    ada.leaves().await;
}
