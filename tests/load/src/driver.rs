//! Sends requests and signs tokens. Counts what was asked and answered, and measures each route.

use std::{collections::BTreeMap, sync::Mutex, time::Instant};

use bench::Failed;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Client, ClientBuilder, RequestBuilder, header, redirect::Policy};
use sandbox::{Addresses, Key, Options, Sandbox};
use serde_json::{Value, json};
use shared::clock::Clock;

use crate::{cloud::TIMEOUT, pool::lock};

/// Name of the functions' cookie, which binds a journey to the browser.
pub(crate) const BINDING: &str = "__Host-soa_link";

/// The client of everything that people, the partner's site and its backend send.
pub(crate) struct Driver {
    http: Client,
    pub(crate) options: Options,
    pub(crate) addresses: Addresses,
    tally: Mutex<Tally>,
    /// Milliseconds of each request, by route.
    latencies: Mutex<BTreeMap<&'static str, Vec<f64>>>,
}

/// What the driver was answered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) entrypoints: u64,
    pub(crate) consents: u64,
    pub(crate) consents_refused: u64,
    pub(crate) sessions_changed: u64,
    pub(crate) callbacks_repeated: u64,
    pub(crate) links_registered: u64,
    pub(crate) unlinks: u64,
    pub(crate) signed_requests: u64,
    pub(crate) changes: u64,
}

/// A response, as far as it matters here.
pub(crate) struct Answer {
    route: &'static str,
    pub(crate) status: u16,
    location: Option<String>,
    /// Value of the functions' cookie; `None` if the response does not set it.
    pub(crate) binding: Option<String>,
    pub(crate) body: String,
}

impl Answer {
    /// Fails unless the status is `expected`.
    pub(crate) fn require(&self, expected: u16) -> Result<(), Failed> {
        if self.status == expected {
            Ok(())
        } else {
            Err(format!("{} was answered {} instead of {expected}", self.route, self.status).into())
        }
    }

    /// Returns the target of a redirect, which must be at `origin`.
    pub(crate) fn redirect_to(&self, origin: &str) -> Result<&str, Failed> {
        self.require(302)?;
        let location = self.location.as_deref().filter(|location| location.starts_with(origin));
        location.ok_or_else(|| format!("{} redirects to another place", self.route).into())
    }

    pub(crate) fn json(&self) -> Result<Value, Failed> {
        Ok(serde_json::from_str(&self.body)?)
    }
}

impl Driver {
    pub(crate) fn new(sandbox: &Sandbox) -> Result<Self, Failed> {
        let http = ClientBuilder::new()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIMEOUT);
        Ok(Self {
            http: http.build()?,
            options: sandbox.options().clone(),
            addresses: sandbox.addresses().clone(),
            tally: Mutex::default(),
            latencies: Mutex::default(),
        })
    }

    pub(crate) fn get(&self, url: &str) -> RequestBuilder {
        self.http.get(url)
    }

    pub(crate) fn post(&self, path: &str, content_type: &str, body: String) -> RequestBuilder {
        let request = self.http.post(self.url(path)).body(body);
        request.header(header::CONTENT_TYPE, content_type)
    }

    /// The URL of a path of the functions.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.addresses.gateway)
    }

    /// Sends a request to a route of the functions, and measures it.
    pub(crate) async fn send(&self, route: &'static str, request: RequestBuilder) -> Result<Answer, Failed> {
        let began = Instant::now();
        let answer = fetch(route, request).await?;
        let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
        lock(&self.latencies).entry(route).or_default().push(milliseconds);
        Ok(answer)
    }

    /// Sends a request to Spotify.
    pub(crate) async fn send_to_spotify(&self, url: &str) -> Result<Answer, Failed> {
        fetch("Spotify", self.get(url)).await
    }

    /// Changes the counts.
    pub(crate) fn count(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut lock(&self.tally));
    }

    pub(crate) fn tally(&self) -> Tally {
        *lock(&self.tally)
    }

    /// Takes the milliseconds of the requests since the last call, by route.
    pub(crate) fn take_latencies(&self) -> BTreeMap<&'static str, Vec<f64>> {
        std::mem::take(&mut *lock(&self.latencies))
    }

    /// A session token of the partner's site.
    pub(crate) fn session(&self, sub: &str, entitlements: &[&str]) -> Result<String, Failed> {
        let now = Clock::System.now();
        let claims = json!({
            "iss": self.options.site_issuer(&self.addresses), "aud": self.addresses.gateway, "sub": sub,
            "iat": now, "exp": now + 3600, "entitlements": entitlements,
        });
        sign(&self.options.site_key, "JWT", &claims)
    }

    /// A request of the partner's backend to `path`. `entitlements` are those of a change.
    pub(crate) fn request(
        &self,
        path: &str,
        (sub, jti): (&str, &str),
        entitlements: Option<&[&str]>,
    ) -> Result<String, Failed> {
        let now = Clock::System.now();
        let mut claims = json!({
            "iss": self.options.backend_issuer(&self.addresses), "aud": self.url(path), "iat": now, "exp": now + 300,
            "jti": jti, "partner_id": self.options.partner_id, "sub": sub,
        });
        if let (Some(entitlements), Some(claims)) = (entitlements, claims.as_object_mut()) {
            claims.insert("entitlements".to_owned(), json!(entitlements));
        }
        sign(&self.options.backend_key, "soa-request+jwt", &claims)
    }
}

async fn fetch(route: &'static str, request: RequestBuilder) -> Result<Answer, Failed> {
    // The error would contain the URL, with codes and states.
    let without_url = |error: reqwest::Error| format!("{route}: {}", error.without_url());
    let response = request.send().await.map_err(without_url)?;
    let text = |value: &header::HeaderValue| value.to_str().map(str::to_owned).ok();
    let cookies = response.headers().get_all(header::SET_COOKIE).iter().filter_map(text);
    let mut binding = cookies.filter_map(|cookie| {
        let value = cookie.strip_prefix(BINDING)?.strip_prefix('=')?;
        Some(value.split(';').next()?.to_owned())
    });
    Ok(Answer {
        route,
        status: response.status().as_u16(),
        location: response.headers().get(header::LOCATION).and_then(text),
        binding: binding.next(),
        body: response.text().await.map_err(without_url)?,
    })
}

fn sign(key: &Key, typ: &str, claims: &Value) -> Result<String, Failed> {
    let header = Header {
        typ: Some(typ.to_owned()),
        kid: Some(key.kid.clone()),
        ..Header::new(Algorithm::HS256)
    };
    let key = EncodingKey::from_secret(&key.secret);
    Ok(jsonwebtoken::encode(&header, claims, &key)?)
}
