//! The demo partner's site: a fictional publisher with the three sign-in methods of soa-link (session cookie, hand-off
//! token and `OpenID` Connect).

mod logo;
mod page;
mod plans;
mod provider;
mod publisher;
mod sessions;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::Url;

use self::plans::Plans;
use self::provider::Provider;
pub use self::publisher::{Person, Plan, Publisher};
use self::sessions::{VISITOR_COOKIE, Visitor, Visitors};
use crate::clock::Clock;
use crate::cookies::cookie;
use crate::options::{Addresses, Key, Options};
use crate::spotify::{Link, Spotify};
use crate::token_source::TokenSource;

/// Method by which the site identifies a signed-in subscriber to soa-link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignIn {
    /// A session cookie that soa-link can read.
    #[default]
    Session,
    /// A token handed over at the request of soa-link.
    Handoff,
    /// `OpenID` Connect, with soa-link as the client.
    Oidc,
}

impl SignIn {
    /// Returns the value of the variable `SIGN_IN`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Handoff => "handoff",
            Self::Oidc => "oidc",
        }
    }

    /// Parses a value of the variable `SIGN_IN`. Returns `None` if it is unknown.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Session, Self::Handoff, Self::Oidc]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

const SESSION_SECONDS: u64 = 8 * 60 * 60;
const HANDOFF_SECONDS: u64 = 120;
const MAX_NONCE_BYTES: usize = 512;

/// Looks up the link of a subscriber at Spotify.
type LinkOf = Arc<dyn Fn(&Person) -> Option<Link> + Send + Sync>;

/// The demo site. Clones share its state.
#[derive(Clone)]
pub(crate) struct Site(Arc<Inner>);

struct Inner {
    publisher: Publisher,
    public_url: String,
    spotify: String,
    console: Option<String>,
    issuer: String,
    session_cookie: String,
    key: Key,
    sign_in: SignIn,
    provider: Provider,
    plans: Plans,
    link_of: LinkOf,
    visitors: Visitors,
    rng: TokenSource,
    clock: Clock,
}

impl Site {
    pub(crate) fn new(options: &Arc<Options>, addresses: &Addresses, spotify: Spotify, clock: Clock) -> Self {
        let asked = Arc::clone(options);
        let link_of =
            move |person: &Person| spotify.link(&asked.partner_id, &asked.partner_user_id(&asked.partner_id, person));
        // A separate sequence, so that draws here do not shift Spotify's ids.
        let rng = TokenSource::new(options.seed.map(|seed| seed ^ 0x7369_7465));
        Self(Arc::new(Inner {
            publisher: options.publisher.clone(),
            public_url: options.public_url(addresses),
            spotify: addresses.spotify.clone(),
            console: options.console(addresses),
            issuer: options.site_issuer(addresses),
            session_cookie: options.session_cookie.clone(),
            key: options.site_key.clone(),
            sign_in: options.sign_in,
            provider: Provider::new(options, addresses, rng.clone(), clock.clone()),
            plans: Plans::new(options, addresses),
            link_of: Arc::new(link_of),
            visitors: Visitors::new(rng.clone()),
            rng,
            clock,
        }))
    }

    fn visitor(&self, headers: &HeaderMap) -> Visitor {
        let id = cookie(headers, VISITOR_COOKIE);
        id.and_then(|id| self.0.visitors.get(&id)).unwrap_or(Visitor {
            person: None,
            sign_in: self.0.sign_in,
        })
    }

    fn person(&self, visitor: &Visitor) -> Option<Person> {
        self.subscriber_by_id(visitor.person.as_deref()?)
    }

    /// Returns the subscriber with this ID.
    fn subscriber_by_id(&self, id: &str) -> Option<Person> {
        self.people().find(|person| person.id == id)
    }

    /// Returns all subscribers with their current plans.
    fn people(&self) -> impl Iterator<Item = Person> {
        self.0.publisher.people.iter().map(|person| self.0.plans.now(person))
    }

    /// Signs a token that identifies a subscriber. Returns `None` if signing fails.
    fn token(&self, typ: &str, person: &Person, seconds: u64, more: Value) -> Option<String> {
        let now = self.0.clock.now();
        let mut claims = json!({
            "iss": self.0.issuer,
            "aud": self.0.public_url,
            "sub": person.sub,
            "iat": now,
            "exp": now + seconds,
            "entitlements": person.entitlements,
        });
        if let (Some(claims), Value::Object(more)) = (claims.as_object_mut(), more) {
            claims.extend(more);
        }
        signed(&self.0.key, typ, &claims)
    }

    /// Sets, renews or clears the session cookie, depending on sign-in method and subscriber.
    fn with_session(&self, mut response: Response<Body>, visitor: &Visitor, headers: &HeaderMap) -> Response<Body> {
        let name = &self.0.session_cookie;
        let token = match (visitor.sign_in, self.person(visitor)) {
            (SignIn::Session, Some(person)) => self.token("JWT", &person, SESSION_SECONDS, Value::Null),
            _ => None,
        };
        match token {
            Some(token) => set_cookie(
                &mut response,
                &format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={SESSION_SECONDS}"),
            ),
            None if cookie(headers, name).is_some() => {
                set_cookie(
                    &mut response,
                    &format!("{name}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"),
                );
            }
            None => {}
        }
        response
    }

    /// Parses a return URL. Returns `None` unless it has the origin of the functions.
    fn return_to(&self, text: &str) -> Option<Url> {
        let (url, public) = (Url::parse(text).ok()?, Url::parse(&self.0.public_url).ok()?);
        let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        (is_plain && url.origin() == public.origin()).then_some(url)
    }
}

/// Signs claims with HS256. Returns `None` if signing fails.
pub(crate) fn signed(key: &Key, typ: &str, claims: &impl serde::Serialize) -> Option<String> {
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some(typ.to_owned());
    header.kid = Some(key.kid.clone());
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&key.secret)).ok()
}

fn set_cookie(response: &mut Response<Body>, cookie: &str) {
    // Cookies consist of base64url and configured names, which are valid header values.
    if let Ok(value) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

fn redirect(location: &str) -> Response<Body> {
    let Ok(location) = HeaderValue::try_from(location) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut response = StatusCode::FOUND.into_response();
    response.headers_mut().insert(header::LOCATION, location);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn home(State(site): State<Site>, headers: HeaderMap) -> Response<Body> {
    let visitor = site.visitor(&headers);
    let response = page::home(&site, &visitor);
    site.with_session(response, &visitor, &headers)
}

async fn account(State(site): State<Site>, headers: HeaderMap) -> Response<Body> {
    let visitor = site.visitor(&headers);
    let response = match site.person(&visitor) {
        Some(person) => page::account(&site, &visitor, &person, (site.0.link_of)(&person).as_ref()),
        None => redirect("/sign-in"),
    };
    site.with_session(response, &visitor, &headers)
}

/// Return URL and nonce of a sign-in requested by the functions.
#[derive(Debug, Default)]
struct ReturnTarget {
    return_to: Option<Url>,
    nonce: Option<String>,
}

impl ReturnTarget {
    /// Parses `return_to` and `nonce`. The error is the message of the error page.
    fn read(site: &Site, fields: &sessions::Fields) -> Result<Self, &'static str> {
        let return_to = match fields.get("return_to") {
            None => None,
            Some(text) => Some(
                site.return_to(text)
                    .ok_or("The return address does not belong to the functions.")?,
            ),
        };
        let nonce = fields.get("nonce").cloned();
        let is_plain =
            |nonce: &String| nonce.len() <= MAX_NONCE_BYTES && nonce.bytes().all(|byte| byte.is_ascii_graphic());
        if !nonce.as_ref().is_none_or(is_plain) {
            return Err("The nonce is not valid.");
        }
        Ok(Self { return_to, nonce })
    }

    /// Redirects to the return URL, with a token if a nonce was given. Redirects to `/account` without a return URL.
    fn done(&self, site: &Site, person: &Person) -> Response<Body> {
        let Some(mut url) = self.return_to.clone() else {
            return redirect("/account");
        };
        if let Some(nonce) = &self.nonce {
            let more = json!({"jti": site.0.rng.token(), "nonce": nonce});
            if let Some(token) = site.token("soa-handoff+jwt", person, HANDOFF_SECONDS, more) {
                url.query_pairs_mut().append_pair("token", &token);
            }
        }
        redirect(url.as_str())
    }
}

async fn sign_in(State(site): State<Site>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let visitor = site.visitor(&headers);
    let fields = sessions::fields(query.unwrap_or_default().as_bytes());
    let response = match ReturnTarget::read(&site, &fields) {
        Err(message) => page::refusal(&site, &visitor, message),
        Ok(return_target) => match site.person(&visitor) {
            Some(person) => return_target.done(&site, &person),
            None => page::sign_in(&site, &visitor, &return_target),
        },
    };
    site.with_session(response, &visitor, &headers)
}

async fn signed_in(State(site): State<Site>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let fields = sessions::fields(&body);
    let before = site.visitor(&headers);
    let return_target = match ReturnTarget::read(&site, &fields) {
        Ok(return_target) => return_target,
        Err(message) => return page::refusal(&site, &before, message),
    };
    let Some(person) = fields.get("person").and_then(|id| site.subscriber_by_id(id)) else {
        return page::unknown_person(&site, &before);
    };
    let visitor = Visitor {
        person: Some(person.id.clone()),
        ..before
    };
    let response = return_target.done(&site, &person);
    store_visitor(&site, response, &visitor, &headers)
}

async fn sign_out(State(site): State<Site>, headers: HeaderMap) -> Response<Body> {
    let visitor = Visitor {
        person: None,
        ..site.visitor(&headers)
    };
    // The functions end their visit too, and return to this site.
    let away = redirect(&format!("{}/sign-out", site.0.public_url));
    store_visitor(&site, away, &visitor, &headers)
}

async fn choose_kind(State(site): State<Site>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    if site.0.sign_in != SignIn::Session {
        return page::refusal(
            &site,
            &site.visitor(&headers),
            "The sign-in method was fixed when this sandbox started.",
        );
    }
    let fields = sessions::fields(&body);
    let sign_in = match fields.get("kind").map(String::as_str) {
        Some("session") => SignIn::Session,
        Some("handoff") => SignIn::Handoff,
        _ => {
            return page::refusal(
                &site,
                &site.visitor(&headers),
                "The sign-in method must be session or handoff.",
            );
        }
    };
    let visitor = Visitor {
        sign_in,
        ..site.visitor(&headers)
    };
    store_visitor(&site, redirect("/"), &visitor, &headers)
}

/// Stores a visitor under a new ID, which prevents session fixation.
fn store_visitor(site: &Site, mut response: Response<Body>, visitor: &Visitor, headers: &HeaderMap) -> Response<Body> {
    let old = cookie(headers, VISITOR_COOKIE);
    let id = site.0.visitors.put(old.as_deref(), visitor.clone());
    set_cookie(
        &mut response,
        &format!("{VISITOR_COOKIE}={id}; Path=/; HttpOnly; SameSite=Lax; Max-Age={SESSION_SECONDS}"),
    );
    site.with_session(response, visitor, headers)
}

pub(crate) fn serve(listener: TcpListener, site: Site, stop: watch::Receiver<()>) {
    crate::wire::serve(listener, router(site), stop);
}

fn router(site: Site) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/account", get(account))
        .route("/help", get(help))
        .route("/logo.svg", get(logo::logo))
        .route("/icon.svg", get(logo::icon))
        .route("/sign-in", get(sign_in).post(signed_in))
        .route("/sign-out", post(sign_out))
        .route("/kind", post(choose_kind))
        .route("/plan", post(plans::change))
        .merge(provider::routes())
        .fallback(not_found)
        .with_state(site)
}

async fn help(State(site): State<Site>, headers: HeaderMap) -> Response<Body> {
    page::help(&site, &site.visitor(&headers))
}

async fn not_found(State(site): State<Site>, headers: HeaderMap) -> Response<Body> {
    page::not_found(&site, &site.visitor(&headers))
}
