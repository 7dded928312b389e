//! The functions in a sandbox of their own, with a clock that stands still until it is moved, and browsers that keep cookies.

use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, OnceLock},
    time::Duration,
};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use partners::Partners;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, redirect::Policy};
use sandbox::{Addresses, Key, Options, Sandbox, bundle};
use serde_json::{Value, json};
use shared::{
    aws::Aws, chance::Chance, clock::Clock, config::Environment, jws::LEEWAY, outbound::Outbound, worker::Worker as _,
};
use url::Url;

use crate::description;

/// Without a table of partners each is like the deployment's own.
pub(crate) const NO_PARTNERS_TABLE: (&str, &str) = ("PARTNERS_TABLE", "");

/// A sandbox with the functions in it.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) clock: Clock,
    http: Client,
}

/// What the partner's backend signs with.
pub(crate) fn backend_key() -> Key {
    Key {
        kid: "backend".to_owned(),
        secret: b"the backend's key, 32 bytes or more".to_vec(),
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default(), &[]).await
    }

    pub(crate) async fn without_partners_table() -> Self {
        Self::with(Options::default(), &[NO_PARTNERS_TABLE]).await
    }

    /// With hand-off as the only way to sign in.
    pub(crate) async fn handoff() -> Self {
        Self::with(Options::default(), &[("SIGN_IN", "handoff"), ("SESSION_COOKIE", "")]).await
    }

    pub(crate) async fn with(options: Options, variables: &[(&str, &str)]) -> Self {
        Self::prepare();
        let clock = Clock::fixed(Clock::System.now());
        let options = bundle::with_secrets(Options {
            backend_key: backend_key(),
            ..options
        });
        let sandbox = Sandbox::start(options.clone(), async |addresses: Addresses| {
            let environment = environment(&options, &addresses, variables);
            bundle::create_tables(&environment).await?;
            bundle::routes(&environment, &clock, &Chance::System).await
        });
        Self::of(sandbox.await.unwrap(), clock)
    }

    /// What the whole process needs, once.
    pub(crate) fn prepare() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        shared::telemetry::init_with(|| Log);
    }

    pub(crate) fn of(sandbox: Sandbox, clock: Clock) -> Self {
        sandbox.spotify().requests().clear();
        let http = ClientBuilder::new()
            .redirect(Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        Self { sandbox, clock, http }
    }

    /// The functions' variables in this sandbox.
    pub(crate) fn environment(&self, changes: &[(&str, &str)]) -> Environment {
        environment(self.sandbox.options(), self.sandbox.addresses(), changes)
    }

    pub(crate) fn gateway(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.addresses().gateway)
    }

    /// An address, or a path of the functions.
    pub(crate) fn url(&self, path: &str) -> String {
        if path.starts_with("http") {
            path.to_owned()
        } else {
            self.gateway(path)
        }
    }

    pub(crate) fn spotify(&self) -> &sandbox::Spotify {
        self.sandbox.spotify()
    }

    /// Writes a partner that Spotify knows already, with these settings, as the version after `version`.
    pub(crate) async fn put_partner(&self, partner_id: &str, settings: Value, version: i64) {
        let partners = Partners::start(self.environment(&[]), self.clock.clone(), Chance::System);
        let command = json!({
            "command": "put-partner", "partner_id": partner_id, "name": "Partner", "settings": settings, "version": version,
        });
        let partners = partners.await.unwrap();
        let written = partners.work(&command, Duration::from_mins(1)).await.unwrap();
        assert_eq!(written["version"], version + 1, "{written}");
    }

    /// How often Spotify was called: the token endpoint, register-user, unlink-user.
    pub(crate) fn calls(&self) -> (usize, usize, usize) {
        let to = |path| self.spotify().requests().to(path).len();
        (to("/api/token"), to("/api/v1/register-user"), to("/api/v1/unlink-user"))
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            world: self,
            cookies: BTreeMap::new(),
            ends: BTreeMap::new(),
            language: None,
        }
    }

    /// A browser in which a person of the demo is signed in at the partner's site.
    pub(crate) fn signed_in(&self, person: &str) -> Browser<'_> {
        let mut browser = self.browser();
        browser.sign_in(person);
        browser
    }

    pub(crate) fn person(&self, person: &str) -> &sandbox::Person {
        self.sandbox
            .options()
            .publisher
            .people
            .iter()
            .find(|known| known.id == person)
            .unwrap()
    }

    pub(crate) fn partner_user_id(&self, person: &str) -> String {
        let options = self.sandbox.options();
        options.partner_user_id(&options.partner_id, self.person(person))
    }

    /// Who is linked to whom: account and entitlements of a person of the demo.
    pub(crate) fn linked(&self, person: &str) -> Option<(String, Vec<String>)> {
        let link = self
            .spotify()
            .link(&self.sandbox.options().partner_id, &self.partner_user_id(person));
        link.map(|link| (link.account, link.entitlements))
    }

    /// The claims that the site puts into a session token.
    pub(crate) fn session_claims(&self, person: &str) -> Value {
        let now = self.clock.now();
        json!({
            "iss": self.sandbox.options().site_issuer(self.sandbox.addresses()),
            "aud": self.sandbox.addresses().gateway,
            "sub": self.person(person).sub,
            "iat": now,
            "exp": now + 3600,
            "entitlements": self.person(person).entitlements,
        })
    }

    pub(crate) fn handoff_claims(&self, person: &str, nonce: &str, jti: &str) -> Value {
        let mut claims = self.session_claims(person);
        claims["exp"] = (self.clock.now() + 120).into();
        claims["jti"] = jti.into();
        claims["nonce"] = nonce.into();
        claims
    }

    pub(crate) fn request_claims(&self, person: &str, jti: &str) -> Value {
        let now = self.clock.now();
        json!({
            "iss": self.sandbox.options().site_issuer(self.sandbox.addresses()),
            "aud": self.gateway("/unlink"),
            "iat": now,
            "exp": now + 300,
            "jti": jti,
            "partner_id": self.sandbox.options().partner_id,
            "sub": self.person(person).sub,
        })
    }

    pub(crate) fn site_token(&self, typ: &str, claims: &Value) -> String {
        signed(&self.sandbox.options().site_key, typ, claims)
    }

    pub(crate) fn request_token(claims: &Value) -> String {
        signed(&backend_key(), "soa-request+jwt", claims)
    }

    /// `POST /unlink` as the partner's backend.
    pub(crate) async fn backend_unlink(&self, jws: &str) -> Answer {
        self.backend_call("/unlink", jws).await
    }

    /// `POST` as the partner's backend.
    pub(crate) async fn backend_call(&self, path: &str, jws: &str) -> Answer {
        let request = self
            .http
            .post(self.gateway(path))
            .header("content-type", "application/jwt")
            .body(jws.to_owned());
        self.answered(request).await
    }

    /// What is answered, which must be as the routes are described.
    async fn answered(&self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let sent = request.try_clone().unwrap();
        let answer = Answer::of(self.http.execute(sent).await.unwrap()).await;
        description::must_allow(&self.gateway(""), &request, &answer);
        answer
    }

    /// Everything in the pending-links table, as text.
    pub(crate) async fn stored(&self) -> String {
        let aws = Aws::of(&self.environment(&[])).unwrap();
        let scan = aws
            .dynamodb(&Outbound::new().unwrap())
            .scan()
            .table_name(bundle::PENDING_LINKS_TABLE)
            .send()
            .await;
        format!("{:?}", scan.unwrap().items())
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(seconds);
    }
}

/// How far the verifier lets clocks differ, for tests that step over it.
pub(crate) const CLOCK_LEEWAY: i64 = LEEWAY;

pub(crate) fn environment(options: &Options, addresses: &Addresses, changes: &[(&str, &str)]) -> Environment {
    let changes = changes
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    bundle::variables(options, addresses)
        .into_iter()
        .chain(changes)
        .collect()
}

pub(crate) fn signed(key: &Key, typ: &str, claims: &Value) -> String {
    let header = Header {
        typ: Some(typ.to_owned()),
        kid: Some(key.kid.clone()),
        ..Header::new(Algorithm::HS256)
    };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&key.secret)).unwrap()
}

/// A browser: keeps cookies by host name, ports aside, follows no redirect unless told.
#[derive(Clone)]
pub(crate) struct Browser<'a> {
    world: &'a World,
    pub(crate) cookies: BTreeMap<String, String>,
    /// When those end that have an end, by the world's clock.
    ends: BTreeMap<String, i64>,
    /// `Accept-Language`.
    language: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
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

    /// No cookie that it has will end: browsers are not to be trusted with that.
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

    /// The value of our own cookie.
    pub(crate) fn binding(&self) -> Option<&String> {
        self.cookies.get("__Host-soa_link")
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Answer {
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

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let url = self.world.url(path);
        self.send("GET", &url, &[], None).await
    }

    /// Posts a form from a page of ours.
    pub(crate) async fn post(&mut self, path: &str, body: &str) -> Answer {
        let origin = self.world.sandbox.addresses().gateway.clone();
        let headers = [
            ("origin", origin.as_str()),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.send("POST", &self.world.gateway(path), &headers, Some(body)).await
    }

    /// To Spotify's consent: the authorization URL.
    pub(crate) async fn begin(&mut self) -> Url {
        let answer = self.get("/entrypoint").await;
        assert_eq!(answer.status, 302, "{}", answer.body);
        Url::parse(answer.location()).unwrap()
    }

    /// Agrees at the simulated Spotify, as one of its accounts: the callback URL.
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

    /// A whole journey: the callback's answer.
    pub(crate) async fn link(&mut self, account: &str) -> Answer {
        let authorize = self.begin().await;
        let callback = self.agree(&authorize, account).await;
        self.get(&callback).await
    }
}

impl Answer {
    async fn of(response: reqwest::Response) -> Self {
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

    /// What the page tells support.
    pub(crate) fn request_id(&self) -> String {
        let after = self
            .body
            .split_once("id=\"request-id\">")
            .map_or("", |(_, after)| after);
        after.split_once('<').map_or("", |(id, _)| id).to_owned()
    }

    /// The page's title.
    pub(crate) fn title(&self) -> &str {
        let after = self.body.split_once("<title>").map_or("", |(_, after)| after);
        after.split_once("</title>").map_or("", |(title, _)| title)
    }

    /// The value of the hidden field that our form brings back.
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

/// Everything that this process has logged.
struct Log;

fn lines() -> &'static Mutex<Vec<u8>> {
    static LINES: OnceLock<Mutex<Vec<u8>>> = OnceLock::new();
    LINES.get_or_init(Mutex::default)
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lines().lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn logged() -> String {
    String::from_utf8(lines().lock().unwrap().clone()).unwrap()
}

/// The log's lines of one request.
pub(crate) fn logged_of(request_id: &str) -> Vec<Value> {
    let lines: Vec<Value> = logged()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    lines
        .into_iter()
        .filter(|line| line["span"]["request_id"] == request_id)
        .collect()
}
