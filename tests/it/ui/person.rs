//! A person with a real browser.

use std::{any::Any, path::Path, time::Duration};

use fantoccini::{Client, Locator, elements::Element};
use serde_json::{Value, json};
use shared::cookie::BROWSER_COOKIE;

use crate::support::{
    World,
    chromium::{self, Log, Scripts},
    webkit,
};

/// Width and height of a screen, in CSS pixels.
pub(super) type Screen = (u32, u32);
/// Screen of a phone.
const PHONE: Screen = (390, 844);

/// A browser's engine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Engine {
    Chromium,
    WebKit,
}

/// A person with their own browser.
pub(super) struct Person<'a> {
    world: &'a World,
    pub(super) page: Client,
    name: &'static str,
    shots: usize,
    width: u32,
    engine: Engine,
    /// Dropping it ends the browser.
    _driver: Box<dyn Any + Send + Sync>,
}

impl<'a> Person<'a> {
    /// Starts a Chromium. `name` is the prefix of the screenshots.
    pub(super) async fn at(world: &'a World, name: &'static str) -> Self {
        Self::on_screen(world, name, PHONE).await
    }

    /// Starts a Chromium with a screen of this size.
    pub(super) async fn on_screen(world: &'a World, name: &'static str, screen: Screen) -> Self {
        let (page, driver) = chromium::start(screen.0, screen.1, Scripts::Allowed).await;
        Self::with(world, name, (page, screen.0), (Engine::Chromium, Box::new(driver)))
    }

    /// Starts a Chromium in which pages run no scripts.
    pub(super) async fn without_scripts(world: &'a World, name: &'static str) -> Self {
        let (page, driver) = chromium::start(PHONE.0, PHONE.1, Scripts::Blocked).await;
        Self::with(world, name, (page, PHONE.0), (Engine::Chromium, Box::new(driver)))
    }

    /// Starts a WebKit.
    pub(super) async fn in_webkit(world: &'a World, name: &'static str) -> Self {
        Self::in_webkit_on_screen(world, name, PHONE).await
    }

    /// Starts a WebKit with a window of this size.
    pub(super) async fn in_webkit_on_screen(world: &'a World, name: &'static str, screen: Screen) -> Self {
        let (page, driver) = webkit::start(screen.0, screen.1).await;
        Self::with(world, name, (page, screen.0), (Engine::WebKit, Box::new(driver)))
    }

    fn with(
        world: &'a World,
        name: &'static str,
        (page, width): (Client, u32),
        (engine, driver): (Engine, Box<dyn Any + Send + Sync>),
    ) -> Self {
        Self {
            world,
            page,
            name,
            shots: 0,
            width,
            engine,
            _driver: driver,
        }
    }

    pub(super) async fn find(&self, selector: &str) -> Element {
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

    pub(super) async fn press(&self, selector: &str) {
        self.find(selector).await.click().await.unwrap();
    }

    pub(super) async fn open(&self, url: &str) {
        self.page.goto(url).await.unwrap();
    }

    pub(super) async fn site(&self, path: &str) {
        self.open(&format!("{}{path}", self.world.sandbox.addresses().site))
            .await;
    }

    pub(super) async fn text(&self) -> String {
        self.page
            .find(Locator::Css("body"))
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    /// Waits for a page of the functions with this heading, checks its status and style, and takes a screenshot.
    pub(super) async fn sees(&mut self, heading: &str, status: u16) {
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
        let answered = self
            .asks("performance.getEntriesByType('navigation')[0].responseStatus")
            .await;
        // WebKit does not tell.
        let is_untold = answered.is_null() && self.engine == Engine::WebKit;
        assert!(is_untold || answered == status, "{heading}: {answered}");
        // The content security policy lets the page's own style through.
        let width = self.find(".sheet").await.css_value("max-width").await.unwrap();
        assert_eq!(width, "512px", "{heading}");
    }

    /// Evaluates a JavaScript expression in the page.
    pub(super) async fn asks(&self, expression: &str) -> Value {
        self.page
            .execute(&format!("return {expression}"), Vec::new())
            .await
            .unwrap()
    }

    pub(super) async fn log(&self, kind: &'static str) -> Vec<Value> {
        let Value::Array(entries) = self.page.issue_cmd(Log(kind)).await.unwrap() else {
            panic!("not a list")
        };
        entries
    }

    pub(super) async fn keep(&mut self, page: &str) {
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
        // The window of a WebKit cannot be as narrow as a phone.
        let screen = match self.engine {
            Engine::Chromium => json!(self.width),
            Engine::WebKit => self.asks("window.innerWidth").await,
        };
        assert_eq!(width, screen, "the page is wider than the screen: {page}");
    }

    /// Signs in at the partner's site, which passes the sign-in on as a `session` or by `handoff`.
    pub(super) async fn signs_in(&mut self, person: &str, kind: &str) {
        self.site("/sign-in").await;
        self.press(&format!("#kind-{kind}")).await;
        self.find(&format!("#kind-{kind}[aria-pressed=true]")).await;
        self.site("/sign-in").await;
        self.keep("sign in").await;
        self.press(&format!("#sign-in-as-{person}")).await;
        self.find(&format!("#signed-in-as[data-person={person}]")).await;
    }

    /// Agrees at the simulated Spotify's consent as `account`.
    pub(super) async fn agrees(&mut self, account: &str) {
        self.press(&format!("#account-{account}")).await;
        self.keep("consent").await;
        self.press("#agree").await;
        self.find(&format!("#account[data-account={account}]")).await;
        self.keep("landing").await;
    }

    /// The shows of the landing page in order: id, whether it is unlocked, and whether the journey began with it.
    pub(super) async fn shows(&self) -> Vec<(String, bool, bool)> {
        self.find("li.show").await;
        let mut shows = Vec::new();
        for show in self.page.find_all(Locator::Css("li.show")).await.unwrap() {
            let is = async |name| show.attr(name).await.unwrap().as_deref() == Some("true");
            let id = show.attr("data-show").await.unwrap().unwrap();
            shows.push((id, is("data-unlocked").await, is("data-remembered").await));
        }
        shows
    }

    pub(super) async fn is_linked_to(&self, account: Option<&str>) {
        self.site("/account").await;
        match account {
            Some(account) => {
                self.find(&format!("#link-state[data-state=linked][data-account={account}]"))
                    .await
            }
            None => self.find("#link-state[data-state=none]").await,
        };
    }

    /// The forms posted since the last call: URL and `Origin` header. Only Chromium's driver records them.
    pub(super) async fn posted(&self) -> Option<Vec<(String, String)>> {
        if self.engine == Engine::WebKit {
            return None;
        }
        let mut posted = Vec::new();
        for entry in self.log("performance").await {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let request = &event["message"]["params"]["request"];
            if event["message"]["method"] == "Network.requestWillBeSent" && request["method"] == "POST" {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                posted.push((text(&request["url"]), text(&request["headers"]["Origin"])));
            }
        }
        Some(posted)
    }

    /// Checks that the browser keeps the binding cookie on loopback HTTP, and hides it from scripts. WebKit accepts it only without `Secure`.
    pub(super) async fn is_bound(&self) {
        let (name, secure) = match self.engine {
            Engine::Chromium => (BROWSER_COOKIE.to_owned(), true),
            Engine::WebKit => (BROWSER_COOKIE.replace("__Host-", "sandbox-host-"), false),
        };
        let cookie = self.page.get_named_cookie(&name).await.unwrap();
        assert_eq!(
            (
                cookie.secure(),
                cookie.http_only(),
                cookie.path(),
                cookie.same_site().is_some_and(|rule| rule.is_lax())
            ),
            (Some(secure), Some(true), Some("/"), true)
        );
        let seen = self.asks("document.cookie").await;
        assert!(!seen.as_str().unwrap().contains(&name), "{seen}");
    }

    /// Closes the browser after checking that Chromium's console has no entries except failed requests, which error pages cause.
    pub(super) async fn leaves(self) {
        if self.engine == Engine::Chromium {
            let mut console = self.log("browser").await;
            console.retain(|entry| entry["source"] != "network");
            assert!(console.is_empty(), "{console:?}");
        }
        self.page.close().await.unwrap();
    }
}
