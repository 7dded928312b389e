//! The console at `/_sandbox/`: requests and log lines as they happen, and controls for people who try an integration.
//!
//! The server renders everything. A script, which is one static file, asks for the changed parts and sends the forms to
//! the control API. `origin_guard` protects its routes from other web pages.

mod activity;
mod page;
mod parts;
mod signed_request;
mod switches;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::control::{bad_request, json_body};
use crate::gateway::Shared;
use crate::hex;
use crate::options::{Addresses, Options};
use crate::secrets_manager::SecretsManager;
use crate::spotify::Spotify;
use crate::token_source::TokenSource;

const SCRIPT: &str = include_str!("console.js");
const STYLE: &str = include_str!("console.css");
/// The page loads its own script and style only, and cannot be framed.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; \
    frame-ancestors 'none'; base-uri 'none'";

/// The console of a sandbox. Clones share it.
#[derive(Clone)]
pub(crate) struct Console(Arc<Inner>);

struct Inner {
    options: Arc<Options>,
    addresses: Addresses,
    spotify: Spotify,
    secrets: SecretsManager,
    gateway: Shared,
    rng: TokenSource,
}

impl Console {
    pub(crate) fn new(
        options: &Arc<Options>,
        addresses: &Addresses,
        spotify: &Spotify,
        secrets: &SecretsManager,
        gateway: &Shared,
    ) -> Self {
        Self(Arc::new(Inner {
            options: Arc::clone(options),
            addresses: addresses.clone(),
            spotify: spotify.clone(),
            secrets: secrets.clone(),
            gateway: gateway.clone(),
            // A separate sequence, so that draws here do not shift Spotify's ids.
            rng: TokenSource::new(options.seed.map(|seed| seed ^ 0x636f_6e73)),
        }))
    }
}

/// Returns the routes of the console.
pub(crate) fn routes(console: Console) -> Router {
    Router::new()
        .route("/_sandbox", get(async || Redirect::permanent("/_sandbox/")))
        .route("/_sandbox/", get(show))
        .route(
            "/_sandbox/console.js",
            get(async || asset("text/javascript; charset=utf-8", SCRIPT)),
        )
        .route(
            "/_sandbox/console.css",
            get(async || asset("text/css; charset=utf-8", STYLE)),
        )
        .route("/_sandbox/console/parts", get(changed_parts))
        .route("/_sandbox/console/clear", post(clear))
        .route("/_sandbox/console/clock", post(move_clocks))
        .route("/_sandbox/console/signed-request", post(signed_request::make))
        .with_state(console)
}

/// Adds the headers of every response of the console.
fn with_headers(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn asset(media_type: &'static str, text: &'static str) -> Response<Body> {
    with_headers(([(header::CONTENT_TYPE, media_type)], text).into_response())
}

async fn show(State(console): State<Console>) -> Response<Body> {
    with_headers(Html(page::page(&console).into_string()).into_response())
}

#[derive(Deserialize)]
struct Seen {
    /// Digest of the parts that the page shows.
    #[serde(default)]
    seen: String,
}

/// Returns the parts of the page that change, unless the page shows them already.
async fn changed_parts(State(console): State<Console>, Query(Seen { seen }): Query<Seen>) -> Response<Body> {
    let parts = parts::all(&console);
    let parts: Map<String, Value> = parts
        .into_iter()
        .map(|(name, part)| (name.to_owned(), part.into_string().into()))
        .collect();
    let text = Value::Object(parts.clone()).to_string();
    let current = hex::encode(digest(&SHA256, text.as_bytes()).as_ref());
    if seen == current {
        return with_headers(StatusCode::NO_CONTENT.into_response());
    }
    with_headers(Json(json!({"seen": current, "parts": parts})).into_response())
}

/// Clears requests, log lines and events.
async fn clear(State(console): State<Console>) -> StatusCode {
    console.0.gateway.requests.clear();
    console.0.spotify.requests().clear();
    console.0.secrets.event_bus().clear();
    console.0.options.log.clear();
    StatusCode::NO_CONTENT
}

/// A change of all clocks of the sandbox: of the functions, the gateway, the demo site and Spotify.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum ClockChange {
    /// Advances them by this time, in seconds.
    AdvanceSeconds(u32),
    /// Sets them to the system's time.
    Reset {},
}

async fn move_clocks(State(console): State<Console>, body: Bytes) -> Response<Body> {
    let change = match json_body(&body) {
        Ok(change) => change,
        Err(error) => return bad_request(&error),
    };
    let inner = &*console.0;
    let functions = &inner.options.clock;
    match change {
        ClockChange::AdvanceSeconds(seconds) => {
            let by = Duration::from_secs(seconds.into());
            inner.gateway.clock.advance(by);
            inner.spotify.clock().advance(by);
            functions.advance(seconds.into());
        }
        ClockChange::Reset {} => {
            inner.gateway.clock.reset_to_system();
            inner.spotify.clock().reset_to_system();
            let system = shared::clock::Clock::System.now();
            functions.advance(system.saturating_sub(functions.now()));
        }
    }
    StatusCode::NO_CONTENT.into_response()
}
