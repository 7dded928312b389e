//! The control API of the simulated Spotify, `/_sandbox/…`: links, switches, secret, clock and reset, in JSON.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Link, Spotify, signed};
use crate::control::{bad_request, json_body};

pub(super) fn routes(spotify: Spotify) -> Router {
    Router::new()
        .route("/_sandbox/links", get(list_links).post(force_link).delete(remove_links))
        .route("/_sandbox/switches", get(show_switches).post(set_switches))
        .route("/_sandbox/partners", get(list_partners))
        .route("/_sandbox/secret", post(rotate_secret))
        .route("/_sandbox/tokens", axum::routing::delete(revoke_tokens))
        .route("/_sandbox/clock", get(show_clock).post(advance_clock))
        .route("/_sandbox/reset", post(reset))
        .with_state(spotify)
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Which {
    partner_id: Option<String>,
    partner_user_id: Option<String>,
    account: Option<String>,
}

impl Which {
    fn fits(&self, link: &Link) -> bool {
        let same = |wanted: &Option<String>, value: &String| wanted.as_ref().is_none_or(|wanted| wanted == value);
        same(&self.partner_id, &link.partner_id)
            && same(&self.partner_user_id, &link.partner_user_id)
            && same(&self.account, &link.account)
    }
}

async fn list_links(State(spotify): State<Spotify>, Query(which): Query<Which>) -> Response<Body> {
    let links: Vec<_> = spotify.links().into_iter().filter(|link| which.fits(link)).collect();
    Json(json!({"links": links})).into_response()
}

async fn force_link(State(spotify): State<Spotify>, body: Bytes) -> Response<Body> {
    let link: Link = match json_body(&body) {
        Ok(link) => link,
        Err(error) => return bad_request(&error),
    };
    if !signed::is_partner_user_id(&link.partner_user_id) {
        return bad_request("partner_user_id must be 16 to 128 lower-case hexadecimal characters");
    }
    if spotify.state().partner(&link.partner_id).is_none() {
        return bad_request("there is no such partner");
    }
    if !spotify
        .configuration
        .accounts
        .iter()
        .any(|account| account.id == link.account)
    {
        return bad_request("there is no such account");
    }
    spotify.force_link(link);
    StatusCode::NO_CONTENT.into_response()
}

async fn remove_links(State(spotify): State<Spotify>, Query(which): Query<Which>) -> Response<Body> {
    let mut state = spotify.state();
    let before = state.links.len();
    state.links.retain(|link| !which.fits(link));
    Json(json!({"removed": before - state.links.len()})).into_response()
}

async fn show_switches(State(spotify): State<Spotify>) -> Response<Body> {
    Json(spotify.switches()).into_response()
}

/// Changes the named switches and keeps the others.
async fn set_switches(State(spotify): State<Spotify>, body: Bytes) -> Response<Body> {
    let Value::Object(changes) = (match json_body(&body) {
        Ok(changes) => changes,
        Err(error) => return bad_request(&error),
    }) else {
        return bad_request("the body must be a JSON object of switches");
    };
    let mut state = spotify.state();
    let Ok(Value::Object(mut switches)) = serde_json::to_value(&state.switches) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    switches.extend(changes);
    match serde_json::from_value(Value::Object(switches)) {
        Ok(switches) => {
            state.switches = switches;
            Json(&state.switches).into_response()
        }
        Err(error) => bad_request(&error.to_string()),
    }
}

async fn list_partners(State(spotify): State<Spotify>) -> Response<Body> {
    let state = spotify.state();
    let partners: Vec<_> = state
        .clients
        .iter()
        .flat_map(|client| client.partners.iter().map(move |partner| (client, partner)))
        .map(|(client, partner)| {
            json!({
                "client_id": client.id,
                "partner_id": partner.id,
                "name": partner.name,
                "entrypoint_url": partner.entrypoint_url,
                "logo_bytes": state.logos().get(&partner.id),
            })
        })
        .collect();
    Json(json!({"partners": partners})).into_response()
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NewSecret {
    client_id: Option<String>,
    client_secret: Option<String>,
}

async fn rotate_secret(State(spotify): State<Spotify>, body: Bytes) -> Response<Body> {
    let wanted: NewSecret = if body.is_empty() {
        NewSecret::default()
    } else {
        match json_body(&body) {
            Ok(wanted) => wanted,
            Err(error) => return bad_request(&error),
        }
    };
    let (client_id, made) = {
        let state = spotify.state();
        (state.clients.first().map(|client| client.id.clone()), state.rng.hex())
    };
    let client_id = wanted.client_id.or(client_id).unwrap_or_default();
    let client_secret = wanted.client_secret.unwrap_or(made);
    if client_secret.is_empty() || !spotify.state().rotate_secret(&client_id, &client_secret) {
        return bad_request("there is no such client, or the secret is empty");
    }
    Json(json!({"client_id": client_id, "client_secret": client_secret})).into_response()
}

async fn revoke_tokens(State(spotify): State<Spotify>) -> StatusCode {
    spotify.revoke_tokens();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_ms: u64,
}

async fn show_clock(State(spotify): State<Spotify>) -> Response<Body> {
    Json(json!({"now_ms": spotify.control.clock.now_ms()})).into_response()
}

async fn advance_clock(State(spotify): State<Spotify>, body: Bytes) -> Response<Body> {
    match json_body::<Advance>(&body) {
        Ok(advance) => {
            spotify.advance_clock(Duration::from_millis(advance.advance_ms));
            show_clock(State(spotify)).await
        }
        Err(error) => bad_request(&error),
    }
}

async fn reset(State(spotify): State<Spotify>) -> StatusCode {
    spotify.reset();
    StatusCode::NO_CONTENT
}
