//! A person with a browser and a Spotify account, and what the partner's backend does for them: one step at a time.

use std::sync::Arc;

use bench::Failed;
use reqwest::{RequestBuilder, header};
use sandbox::Account;
use serde_json::json;
use shared::store::LinkState;
use url::form_urlencoded;

use crate::driver::{Answer, BINDING, Driver};

/// Entitlements that a session token names.
const SESSION_ENTITLEMENTS: [&str; 1] = ["basic"];
const REPLACE: &str = "/replace-entitlements";

/// A person, and what must be true of them once sync has finished.
pub(crate) struct Person {
    driver: Arc<Driver>,
    number: usize,
    session: String,
    /// Value of the functions' cookie.
    binding: String,
    /// Number of signed requests so far.
    requests: usize,
    pub(crate) link: LinkState,
    /// Entitlements that the partner wants them to have.
    pub(crate) entitlements: Vec<&'static str>,
    /// Number of changes of the entitlements by the backend.
    pub(crate) version: i64,
}

/// The Spotify account of a person.
pub(crate) fn account(number: usize) -> Account {
    Account {
        id: format!("listener-{number}"),
        name: format!("Listener {number}"),
    }
}

impl Person {
    /// A person who is signed in at the partner's site.
    pub(crate) fn new(driver: &Arc<Driver>, number: usize) -> Result<Self, Failed> {
        let mut person = Self {
            driver: Arc::clone(driver),
            number,
            session: String::new(),
            binding: String::new(),
            requests: 0,
            link: LinkState::None,
            entitlements: Vec::new(),
            version: 0,
        };
        person.sign_in()?;
        Ok(person)
    }

    fn sub(&self) -> String {
        format!("member-{}", self.number)
    }

    pub(crate) fn partner_user_id(&self) -> String {
        let options = &self.driver.options;
        let person = sandbox::Person {
            id: self.sub(),
            name: self.sub(),
            sub: self.sub(),
            plan: None,
            entitlements: Vec::new(),
        };
        options.partner_user_id(&options.partner_id, &person)
    }

    /// ID of the Spotify account.
    pub(crate) fn account(&self) -> String {
        account(self.number).id
    }

    pub(crate) fn sign_in(&mut self) -> Result<(), Failed> {
        self.session = self.driver.session(&self.sub(), &SESSION_ENTITLEMENTS)?;
        Ok(())
    }

    pub(crate) fn sign_out(&mut self) {
        self.session.clear();
    }

    fn with_cookies(&self, request: RequestBuilder) -> RequestBuilder {
        let cookies = [
            (self.driver.options.session_cookie.as_str(), &self.session),
            (BINDING, &self.binding),
        ];
        let cookies = cookies.iter().filter(|(_, value)| !value.is_empty());
        let cookies: Vec<_> = cookies.map(|(name, value)| format!("{name}={value}")).collect();
        request.header(header::COOKIE, cookies.join("; "))
    }

    fn keep_cookie(&mut self, answer: &Answer) {
        if let Some(binding) = &answer.binding {
            self.binding.clone_from(binding);
        }
    }

    /// Opens the entrypoint. Returns the URL of Spotify's consent.
    pub(crate) async fn begin(&mut self) -> Result<String, Failed> {
        let request = self.with_cookies(self.driver.get(&self.driver.url("/entrypoint")));
        let answer = self.driver.send("GET /entrypoint", request).await?;
        self.driver.count(|tally| tally.entrypoints += 1);
        let consent = answer.redirect_to(&self.driver.addresses.spotify)?;
        self.driver.count(|tally| tally.consents += 1);
        self.keep_cookie(&answer);
        Ok(consent.to_owned())
    }

    /// Agrees at Spotify. Returns the URL of the callback.
    pub(crate) async fn agree(&self, consent: &str) -> Result<String, Failed> {
        self.decide(&format!("{consent}&sandbox_account={}", self.account()))
            .await
    }

    async fn decide(&self, url: &str) -> Result<String, Failed> {
        let answer = self.driver.send_to_spotify(url).await?;
        Ok(answer.redirect_to(&self.driver.addresses.gateway)?.to_owned())
    }

    /// Refuses the consent at Spotify, and returns to the callback.
    pub(crate) async fn refuse(&mut self, consent: &str) -> Result<(), Failed> {
        let callback = self.decide(&format!("{consent}&sandbox_action=cancel")).await?;
        self.callback(&callback).await?.require(403)?;
        self.driver.count(|tally| tally.consents_refused += 1);
        Ok(())
    }

    /// Loads the callback.
    pub(crate) async fn callback(&self, callback: &str) -> Result<Answer, Failed> {
        let request = self.with_cookies(self.driver.get(callback));
        self.driver.send("GET /callback", request).await
    }

    /// Follows a callback's redirect to Spotify's landing page, where the link takes effect.
    pub(crate) async fn complete(&mut self, answer: &Answer) -> Result<(), Failed> {
        let landing = answer.redirect_to(&self.driver.addresses.spotify)?;
        self.driver.count(|tally| tally.links_registered += 1);
        self.driver.send_to_spotify(landing).await?.require(200)?;
        self.keep_cookie(answer);
        self.link = LinkState::Linked;
        if self.version == 0 {
            self.entitlements = SESSION_ENTITLEMENTS.to_vec();
        }
        Ok(())
    }

    /// Links the account, from the entrypoint to Spotify's landing page.
    pub(crate) async fn link(&mut self) -> Result<(), Failed> {
        let consent = self.begin().await?;
        let callback = self.agree(&consent).await?;
        let answer = self.callback(&callback).await?;
        self.complete(&answer).await
    }

    /// Checks the response to a callback whose state was used before.
    pub(crate) fn require_repeated(&self, answer: &Answer) -> Result<(), Failed> {
        answer.require(400)?;
        self.driver.count(|tally| tally.callbacks_repeated += 1);
        Ok(())
    }

    /// Checks the response to a callback without the session that the journey began with.
    pub(crate) fn require_session_changed(&self, answer: &Answer) -> Result<(), Failed> {
        answer.require(400)?;
        self.driver.count(|tally| tally.sessions_changed += 1);
        Ok(())
    }

    /// Signs a request of the partner's backend about this person.
    fn sign(&mut self, path: &str, entitlements: Option<&[&str]>) -> Result<String, Failed> {
        self.requests += 1;
        let jti = format!("{} {}", self.sub(), self.requests);
        self.driver.request(path, (&self.sub(), &jti), entitlements)
    }

    async fn send_signed(&self, route: &'static str, path: &str, jws: String) -> Result<Answer, Failed> {
        let request = self.driver.post(path, "application/jwt", jws);
        self.driver.send(route, request).await
    }

    /// Signs a change of the entitlements.
    pub(crate) fn sign_change(&mut self, entitlements: &[&'static str]) -> Result<String, Failed> {
        self.entitlements = entitlements.to_vec();
        self.version += 1;
        self.sign(REPLACE, Some(entitlements))
    }

    /// Sends a signed change.
    pub(crate) async fn send_change(&self, jws: String) -> Result<Answer, Failed> {
        self.send_signed("POST /replace-entitlements", REPLACE, jws).await
    }

    /// Checks the responses to a change that was sent once or several times.
    pub(crate) fn require_changed(&self, answers: &[Answer]) -> Result<(), Failed> {
        for answer in answers {
            answer.require(202)?;
            self.require_current(answer)?;
        }
        self.driver.count(|tally| {
            tally.changes += 1;
            tally.signed_requests += 1;
        });
        Ok(())
    }

    /// Changes the entitlements.
    pub(crate) async fn change(&mut self, entitlements: &[&'static str]) -> Result<(), Failed> {
        let jws = self.sign_change(entitlements)?;
        let answer = self.send_change(jws).await?;
        self.require_changed(&[answer])
    }

    fn require_current(&self, answer: &Answer) -> Result<(), Failed> {
        let state = answer.json()?;
        let named = |name: &str| state.get(name).cloned().unwrap_or_default();
        if named("version") == self.version && named("entitlements") == json!(self.entitlements) {
            Ok(())
        } else {
            Err("the backend was answered another state than the current one".into())
        }
    }

    /// Reads the entitlements, which must be the current ones.
    pub(crate) async fn read(&mut self) -> Result<(), Failed> {
        let path = "/get-entitlements";
        let jws = self.sign(path, None)?;
        let answer = self.send_signed("POST /get-entitlements", path, jws).await?;
        answer.require(200)?;
        self.driver.count(|tally| tally.signed_requests += 1);
        self.require_current(&answer)
    }

    /// Is unlinked by the partner's backend.
    pub(crate) async fn unlink_by_backend(&mut self) -> Result<(), Failed> {
        let jws = self.sign("/unlink", None)?;
        let answer = self.send_signed("POST /unlink", "/unlink", jws).await?;
        answer.require(204)?;
        self.driver.count(|tally| tally.signed_requests += 1);
        self.unlinked();
        Ok(())
    }

    /// Unlinks on our page.
    pub(crate) async fn unlink_on_page(&mut self) -> Result<(), Failed> {
        let request = self.with_cookies(self.driver.get(&self.driver.url("/unlink")));
        let page = self.driver.send("GET /unlink", request).await?;
        page.require(200)?;
        self.keep_cookie(&page);
        let after = page.body.split_once("name=\"form_token\" value=\"");
        let form_token = after.and_then(|(_, after)| after.split_once('"')).ok_or("no form")?.0;
        let form_token: String = form_urlencoded::byte_serialize(form_token.as_bytes()).collect();
        let form = format!("form_token={form_token}");
        let request = self.driver.post("/unlink", "application/x-www-form-urlencoded", form);
        let request = request.header(header::ORIGIN, &self.driver.addresses.gateway);
        let answer = self.driver.send("POST /unlink", self.with_cookies(request)).await?;
        answer.require(200)?;
        self.keep_cookie(&answer);
        self.unlinked();
        Ok(())
    }

    fn unlinked(&mut self) {
        self.driver.count(|tally| tally.unlinks += 1);
        self.link = LinkState::Unlinked;
    }
}
