//! Browsers that keep cookies and follow no redirects, and their responses.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;
use url::Url;

use crate::support::World;

impl World {
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            world: self,
            cookies: BTreeMap::new(),
            ends: BTreeMap::new(),
            language: None,
        }
    }

    /// A browser in which a demo person is signed in at the partner's site.
    pub(crate) fn signed_in(&self, person: &str) -> Browser<'_> {
        let mut browser = self.browser();
        browser.sign_in(person);
        browser
    }
}

/// A browser that keeps cookies for all hosts and follows no redirects.
#[derive(Clone)]
pub(crate) struct Browser<'a> {
    world: &'a World,
    pub(crate) cookies: BTreeMap<String, String>,
    /// Expiry of the cookies that have a `Max-Age`, in seconds of the world's clock.
    ends: BTreeMap<String, i64>,
    /// Value of `Accept-Language`.
    language: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Browser<'_> {
    pub(crate) fn in_language(self, language: &'static str) -> Self {
        Self {
            language: Some(language),
            ..self
        }
    }

    /// Keeps all current cookies for ever: the functions must not rely on a browser to expire them.
    pub(crate) fn keep_cookies(&mut self) {
        self.ends.clear();
    }

    pub(crate) fn sign_in(&mut self, person: &str) {
        let token = self.world.site_token("JWT", &self.world.session_claims(person));
        self.cookies
            .insert(self.world.sandbox.options().session_cookie.clone(), token);
    }

    pub(crate) fn sign_out(&mut self) {
        self.cookies.remove(&self.world.sandbox.options().session_cookie);
    }

    /// The value of the browser binding cookie.
    pub(crate) fn binding(&self) -> Option<&String> {
        self.cookies.get("__Host-soa_link")
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> TestResponse {
        let method: Method = method.parse().unwrap();
        let mut request = self.world.http.request(method, url);
        let now = self.world.clock.now();
        let ended = self
            .ends
            .iter()
            .filter(|(_, end)| **end <= now)
            .map(|(name, _)| name.clone());
        for name in ended.collect::<Vec<_>>() {
            self.ends.remove(&name);
            self.cookies.remove(&name);
        }
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if let Some(language) = self.language {
            request = request.header("accept-language", language);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body.to_owned());
        }
        let answer = self.world.answered(request).await;
        for cookie in answer.all("set-cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap();
            let max_age = attributes
                .split("; ")
                .find_map(|one| one.trim().strip_prefix("Max-Age="));
            let max_age: Option<i64> = max_age.map(|seconds| seconds.parse().unwrap());
            self.ends.remove(name);
            if max_age == Some(0) {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
                self.ends
                    .extend(max_age.map(|seconds| (name.to_owned(), now + seconds)));
            }
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> TestResponse {
        let url = self.world.url(path);
        self.send("GET", &url, &[], None).await
    }

    /// Posts a form as a page of the functions does.
    pub(crate) async fn post(&mut self, path: &str, body: &str) -> TestResponse {
        let origin = self.world.sandbox.addresses().gateway.clone();
        let headers = [
            ("origin", origin.as_str()),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.send("POST", &self.world.gateway(path), &headers, Some(body)).await
    }

    /// Opens the entrypoint. Returns the authorization URL of Spotify's consent.
    pub(crate) async fn begin(&mut self) -> Url {
        let answer = self.get("/entrypoint").await;
        assert_eq!(answer.status, 302, "{}", answer.body);
        Url::parse(answer.location()).unwrap()
    }

    /// Agrees at the simulated Spotify as `account`. Returns the callback URL.
    pub(crate) async fn agree(&mut self, authorize: &Url, account: &str) -> String {
        self.get(&format!("{authorize}&sandbox_account={account}"))
            .await
            .location()
            .to_owned()
    }

    pub(crate) async fn cancel(&mut self, authorize: &Url) -> String {
        self.get(&format!("{authorize}&sandbox_action=cancel"))
            .await
            .location()
            .to_owned()
    }

    /// Runs a whole link journey. Returns the response of the callback.
    pub(crate) async fn link(&mut self, account: &str) -> TestResponse {
        let authorize = self.begin().await;
        let callback = self.agree(&authorize, account).await;
        self.get(&callback).await
    }
}

impl TestResponse {
    pub(super) async fn of(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect();
        Self {
            status,
            headers,
            body: response.text().await.unwrap(),
        }
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    pub(crate) fn location(&self) -> &str {
        self.header("location")
            .unwrap_or_else(|| panic!("no location: {} {}", self.status, self.body))
    }

    /// The request id that the page shows for support.
    pub(crate) fn request_id(&self) -> String {
        let after = self
            .body
            .split_once("id=\"request-id\">")
            .map_or("", |(_, after)| after);
        after.split_once('<').map_or("", |(id, _)| id).to_owned()
    }

    /// The title of the page.
    pub(crate) fn title(&self) -> &str {
        let after = self.body.split_once("<title>").map_or("", |(_, after)| after);
        let title = after.split_once("</title>").map_or("", |(title, _)| title);
        // Without the partner's name, which follows it.
        title.split_once(" · ").map_or(title, |(title, _)| title)
    }

    /// The value of the hidden `form_token` field.
    pub(crate) fn form_token(&self) -> String {
        let after = self.body.split_once("name=\"form_token\" value=\"").unwrap().1;
        after.split_once('"').unwrap().0.to_owned()
    }

    pub(crate) fn problem(&self) -> Value {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}",
            self.body
        );
        serde_json::from_str(&self.body).unwrap()
    }
}

pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).unwrap();
    url.query_pairs()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

/// Checks for the page of a callback that was loaded before.
pub(crate) fn used_before(answer: &TestResponse) {
    let title = "Your account may already be connected";
    assert_eq!((answer.status, answer.title()), (400, title), "{answer:?}");
    assert!(answer.body.contains("<code id=\"request-id\">"));
}

pub(crate) fn refused(answer: &crate::support::TestResponse) {
    assert_eq!(
        (answer.status, answer.title()),
        (400, "Please start again"),
        "{answer:?}"
    );
    assert!(answer.body.contains("<code id=\"request-id\">"));
}
