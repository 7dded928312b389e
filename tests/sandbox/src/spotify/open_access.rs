//! The eight Open Access calls, `POST /api/v1/…`.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::state::{NotLinked, State as SpotifyState, Token};
use super::switches::{ErrorBody, Switches};
use super::{Spotify, USER_SCOPE, logo, page, signed};
use crate::control::Verdict;

const ENTITLEMENTS_SCOPE: &str = "soa-manage-entitlements";

/// An error response to a call.
struct Refusal {
    status: u16,
    message: &'static str,
    retry_after: Option<u64>,
}

const fn refusal(status: u16, message: &'static str) -> Refusal {
    Refusal {
        status,
        message,
        retry_after: None,
    }
}

impl Refusal {
    fn answer(self, switches: &Switches) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut answer = match switches.a7_error_body {
            ErrorBody::WebApi => {
                Json(json!({"error": {"status": status.as_u16(), "message": self.message}})).into_response()
            }
            ErrorBody::Oauth => {
                let error = if status == StatusCode::UNAUTHORIZED {
                    "invalid_token"
                } else {
                    "invalid_request"
                };
                Json(json!({"error": error, "error_description": self.message})).into_response()
            }
            ErrorBody::Html => page::refusal(status, "Error", self.message),
            ErrorBody::Empty => ().into_response(),
        };
        *answer.status_mut() = status;
        if status == StatusCode::UNAUTHORIZED {
            answer
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            answer
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        Verdict::on(answer, self.message)
    }
}

type Outcome = Result<Response<Body>, Refusal>;

fn respond(state: &SpotifyState, outcome: Outcome) -> Response<Body> {
    match outcome {
        Ok(answer) => Verdict::on(answer, "accepted"),
        Err(refusal) => refusal.answer(&state.switches),
    }
}

fn done() -> Response<Body> {
    StatusCode::OK.into_response()
}

/// Checks common to all calls: token, scope and rate.
fn authorize_call(state: &mut SpotifyState, headers: &HeaderMap, scope: &str) -> Result<Token, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(refusal(401, "No token provided"));
    };
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or(refusal(401, "No token provided"))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refusal(401, "Only valid bearer authentication supported"));
    }
    let token = state
        .token(token)
        .cloned()
        .ok_or(refusal(401, "Invalid or expired access token"))?;
    if token.account.is_some() != (scope == USER_SCOPE) {
        return Err(refusal(403, "Wrong kind of token for this endpoint"));
    }
    if !token.scopes.iter().any(|granted| granted == scope) {
        return Err(refusal(403, "Insufficient client scope"));
    }
    if !state.within_rate(&token.client_id) {
        let retry_after = state.switches.a13_retry_after;
        return Err(Refusal {
            retry_after,
            ..refusal(429, "API rate limit exceeded")
        });
    }
    Ok(token)
}

/// Verifies the body with the secrets of the token's client and returns its payload.
fn payload(
    state: &SpotifyState,
    token: &Token,
    headers: &HeaderMap,
    body: &[u8],
    documented: &[&str],
) -> Result<Map<String, Value>, Refusal> {
    if let Some(wanted) = &state.switches.a3_content_type {
        let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if given != Some(wanted) {
            return Err(refusal(415, "Unsupported Content-Type (switch A3)"));
        }
    }
    let client = state.client(&token.client_id).ok_or(refusal(403, "Unknown client"))?;
    let payload = signed::verify(body, client.secrets()).map_err(|reason| refusal(400, reason))?;
    let has_extra = payload.keys().any(|name| !documented.contains(&name.as_str()));
    if has_extra && state.switches.a21_refuse_extra_claims {
        return Err(refusal(400, "The payload has undocumented members (switch A21)"));
    }
    Ok(payload)
}

/// Returns partner ID and Partner User ID of the payload. The partner must belong to the client.
fn person(state: &SpotifyState, token: &Token, payload: &Map<String, Value>) -> Result<(String, String), Refusal> {
    let member = |name: &str| payload.get(name).and_then(Value::as_str);
    let partner_id = member("partner_id").ok_or(refusal(400, "partner_id is missing or not a string"))?;
    let partner_user_id =
        member("partner_user_id").ok_or(refusal(400, "partner_user_id is missing or not a string"))?;
    if !signed::is_partner_user_id(partner_user_id) {
        return Err(refusal(
            400,
            "partner_user_id is not 16 to 128 lower-case hexadecimal characters",
        ));
    }
    if !state.owns(&token.client_id, partner_id) {
        return Err(refusal(403, "The client does not own this partner"));
    }
    Ok((partner_id.to_owned(), partner_user_id.to_owned()))
}

fn entitlements(state: &SpotifyState, payload: &Map<String, Value>, required: bool) -> Result<Vec<String>, Refusal> {
    let array = match payload.get("entitlements") {
        Some(Value::Array(array)) => array,
        None if !required => return Ok(Vec::new()),
        None => return Err(refusal(400, "entitlements is missing")),
        Some(_) => return Err(refusal(400, "entitlements is not an array")),
    };
    let mut entitlements = Vec::with_capacity(array.len());
    for one in array {
        let one = one.as_str().ok_or(refusal(400, "An entitlement is not a string"))?;
        if state.switches.a9_strict_entitlements && !signed::is_strict_entitlement(one) {
            return Err(refusal(
                400,
                "An entitlement has characters that are not allowed (switch A9)",
            ));
        }
        if !entitlements.iter().any(|known| known == one) {
            entitlements.push(one.to_owned());
        }
    }
    check_entitlement_count(state, &entitlements)?;
    Ok(entitlements)
}

fn check_entitlement_count(state: &SpotifyState, entitlements: &[String]) -> Result<(), Refusal> {
    match state.switches.a9_most_entitlements {
        Some(most) if entitlements.len() > most => Err(refusal(400, "Too many entitlements (switch A9)")),
        _ => Ok(()),
    }
}

pub(super) async fn register_user(State(spotify): State<Spotify>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let mut state = spotify.state();
    let outcome = register(&mut state, &headers, &body, spotify.origin());
    respond(&state, outcome)
}

fn register(state: &mut SpotifyState, headers: &HeaderMap, body: &[u8], origin: &str) -> Outcome {
    let token = authorize_call(state, headers, USER_SCOPE)?;
    let documented = ["partner_id", "partner_user_id", "entitlements"];
    let payload = payload(state, &token, headers, body, &documented)?;
    let (partner_id, partner_user_id) = person(state, &token, &payload)?;
    let entitlements = entitlements(state, &payload, state.switches.a4_entitlements_required)?;
    let account = token
        .account
        .ok_or(refusal(403, "Wrong kind of token for this endpoint"))?;
    let ticket = state
        .register(&partner_id, &partner_user_id, &account, entitlements)
        .map_err(|not| match not {
            NotLinked::Conflict => refusal(state.switches.a7_conflict_status, "Already linked to a different user"),
            NotLinked::NotListed => refusal(403, "User not registered in the Developer Dashboard"),
        })?;
    let completion_url = format!("{origin}/oauth/success?partnerId={partner_id}&ticket={ticket}");
    Ok(Json(json!({"completion_url": completion_url})).into_response())
}

pub(super) async fn unlink_user(State(spotify): State<Spotify>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let mut state = spotify.state();
    let outcome = unlink(&mut state, &headers, &body);
    respond(&state, outcome)
}

fn unlink(state: &mut SpotifyState, headers: &HeaderMap, body: &[u8]) -> Outcome {
    let token = authorize_call(state, headers, "user-soa-unlink")?;
    let payload = payload(state, &token, headers, body, &["partner_id", "partner_user_id"])?;
    let (partner_id, partner_user_id) = person(state, &token, &payload)?;
    state.unlink(&partner_id, &partner_user_id).ok_or(NOT_LINKED)?;
    Ok(done())
}

const NOT_LINKED: Refusal = refusal(404, "No such link");

/// A change of the entitlements of a linked subscriber.
#[derive(Clone, Copy)]
enum Change {
    Add,
    Replace,
    Delete,
}

pub(super) async fn get_entitlements(
    State(spotify): State<Spotify>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let mut state = spotify.state();
    let outcome = read(&mut state, &headers, &body);
    respond(&state, outcome)
}

fn read(state: &mut SpotifyState, headers: &HeaderMap, body: &[u8]) -> Outcome {
    let token = authorize_call(state, headers, ENTITLEMENTS_SCOPE)?;
    let payload = payload(state, &token, headers, body, &["partner_id", "partner_user_id"])?;
    let (partner_id, partner_user_id) = person(state, &token, &payload)?;
    let link = state.confirmed(&partner_id, &partner_user_id).ok_or(NOT_LINKED)?;
    Ok(Json(json!({"entitlements": link.entitlements})).into_response())
}

pub(super) async fn add_entitlements(
    State(spotify): State<Spotify>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let mut state = spotify.state();
    let outcome = write(&mut state, &headers, &body, Change::Add);
    respond(&state, outcome)
}

pub(super) async fn replace_entitlements(
    State(spotify): State<Spotify>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let mut state = spotify.state();
    let outcome = write(&mut state, &headers, &body, Change::Replace);
    respond(&state, outcome)
}

pub(super) async fn delete_entitlements(
    State(spotify): State<Spotify>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let mut state = spotify.state();
    let outcome = write(&mut state, &headers, &body, Change::Delete);
    respond(&state, outcome)
}

fn write(state: &mut SpotifyState, headers: &HeaderMap, body: &[u8], change: Change) -> Outcome {
    let token = authorize_call(state, headers, ENTITLEMENTS_SCOPE)?;
    let documented = ["partner_id", "partner_user_id", "entitlements"];
    let payload = payload(state, &token, headers, body, &documented)?;
    let (partner_id, partner_user_id) = person(state, &token, &payload)?;
    let required = !matches!(change, Change::Add) || state.switches.a4_entitlements_required;
    let given = entitlements(state, &payload, required)?;
    let held = state
        .confirmed(&partner_id, &partner_user_id)
        .ok_or(NOT_LINKED)?
        .entitlements
        .clone();
    let after: Vec<String> = match change {
        Change::Replace => given,
        Change::Delete => held.into_iter().filter(|one| !given.contains(one)).collect(),
        Change::Add => {
            let new: Vec<_> = given.into_iter().filter(|one| !held.contains(one)).collect();
            held.into_iter().chain(new).collect()
        }
    };
    check_entitlement_count(state, &after)?;
    if let Some(link) = state.confirmed(&partner_id, &partner_user_id) {
        link.entitlements = after;
    }
    Ok(done())
}

pub(super) async fn create_partner(State(spotify): State<Spotify>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let mut state = spotify.state();
    let outcome = create(&mut state, &headers, &body);
    respond(&state, outcome)
}

fn create(state: &mut SpotifyState, headers: &HeaderMap, body: &[u8]) -> Outcome {
    let token = authorize_call(state, headers, "soa-create-partner")?;
    let payload = payload(state, &token, headers, body, &["partner_name", "entrypoint_url"])?;
    let member = |name: &str| {
        payload
            .get(name)
            .and_then(Value::as_str)
            .filter(|value| !value.trim().is_empty())
    };
    let name = member("partner_name").ok_or(refusal(400, "partner_name is missing, empty or not a string"))?;
    let entrypoint_url =
        member("entrypoint_url").ok_or(refusal(400, "entrypoint_url is missing, empty or not a string"))?;
    if !is_entrypoint(entrypoint_url) {
        return Err(refusal(
            400,
            "entrypoint_url is not an https URL (or http on a loopback address)",
        ));
    }
    let id = state
        .create_partner(&token.client_id, name, entrypoint_url)
        .ok_or(refusal(403, "Unknown client"))?;
    let status = StatusCode::from_u16(state.switches.a17_create_partner_status).unwrap_or(StatusCode::OK);
    Ok((status, Json(json!({"partner_id": id}))).into_response())
}

fn is_entrypoint(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| match url.scheme() {
        "https" => url.host().is_some(),
        // The sandbox's own Entrypoint URLs use a loopback address.
        "http" => matches!(url.host(), Some(url::Host::Ipv4(ip)) if ip.is_loopback()),
        _ => false,
    })
}

pub(super) async fn upload_logo(
    State(spotify): State<Spotify>,
    Path(partner_id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let mut state = spotify.state();
    let outcome = upload(&mut state, &partner_id, &headers, &body);
    respond(&state, outcome)
}

fn upload(state: &mut SpotifyState, partner_id: &str, headers: &HeaderMap, body: &[u8]) -> Outcome {
    let token = authorize_call(state, headers, "soa-manage-partner")?;
    if !state.owns(&token.client_id, partner_id) {
        return Err(refusal(403, "The client does not own this partner"));
    }
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let is_concrete = matches!(media_type, "image/png" | "image/jpeg" | "image/tiff");
    if !media_type.starts_with("image/") || (state.switches.a18_concrete_image_type && !is_concrete) {
        return Err(refusal(415, "Content-Type is not that of an image"));
    }
    logo::check(body).map_err(|reason| match reason {
        logo::Unfit::TooLarge => refusal(413, "The image has more than 10,000,000 bytes"),
        logo::Unfit::NoImage => refusal(400, "The body is not a PNG, JPEG or TIFF image"),
        logo::Unfit::Size => refusal(400, "One side must have at least 1000 pixels, and none more than 8000"),
    })?;
    state.store_logo(partner_id, body.len());
    Ok(done())
}
