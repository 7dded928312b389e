//! The token endpoint, `POST /api/token`.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::Spotify;
use super::form::Parameters;
use super::state::{Grant, OauthError, State as SpotifyState};
use crate::control::Verdict;

pub(super) async fn token(State(spotify): State<Spotify>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let mut state = spotify.state();
    match grant(&mut state, &headers, &body) {
        Ok(grant) => {
            let mut answer = json!({
                "access_token": grant.access_token,
                "token_type": state.switches.a11_token_type,
                "expires_in": state.switches.a11_expires_in,
            });
            if let Some(members) = answer.as_object_mut() {
                members.extend(grant.scope.map(|scope| ("scope".to_owned(), scope.into())));
                members.extend(
                    grant
                        .refresh_token
                        .map(|token| ("refresh_token".to_owned(), token.into())),
                );
            }
            let answer = ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response();
            Verdict::on(answer, "accepted")
        }
        Err(OauthError(error, description)) => {
            let status = if error == "access_denied" {
                StatusCode::FORBIDDEN
            } else {
                StatusCode::BAD_REQUEST
            };
            let body = Json(json!({"error": error, "error_description": description}));
            let answer = (status, [(header::CACHE_CONTROL, "no-store")], body).into_response();
            Verdict::on(answer, format!("{error}: {description}"))
        }
    }
}

fn grant(state: &mut SpotifyState, headers: &HeaderMap, body: &[u8]) -> Result<Grant, OauthError> {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(OauthError("unsupported_grant_type", "The body is not form-encoded"));
    }
    let form = Parameters::parse(body).map_err(|malformed| OauthError("invalid_request", malformed.message()))?;
    let client_id = client(state, headers)?;
    match form.get("grant_type") {
        Some("authorization_code") => {
            if form.get("scope").is_some() {
                return Err(OauthError("invalid_scope", "A code exchange takes no scope"));
            }
            let code = form
                .get("code")
                .ok_or(OauthError("invalid_request", "code must be supplied"))?;
            let redirect_uri = form
                .get("redirect_uri")
                .ok_or(OauthError("invalid_request", "redirect_uri must be supplied"))?;
            state.exchange(&client_id, code, redirect_uri, form.get("code_verifier"))
        }
        Some("client_credentials") => {
            let scope = form
                .get("scope")
                .ok_or(OauthError("invalid_scope", "scope must be supplied"))?;
            state.service_grant(&client_id, scope)
        }
        Some(_) => Err(OauthError(
            "unsupported_grant_type",
            "grant_type must be client_credentials or authorization_code",
        )),
        None => Err(OauthError("invalid_request", "grant_type must be supplied")),
    }
}

/// Authenticates the client by the Basic header, with its current or previous secret. ID and secret are form-encoded
/// (RFC 6749, section 2.3.1).
fn client(state: &SpotifyState, headers: &HeaderMap) -> Result<String, OauthError> {
    const NONE: OauthError = OauthError("invalid_client", "Client credentials must be sent with HTTP Basic");
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(NONE);
    };
    let (scheme, credentials) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or(NONE)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(NONE);
    }
    let pair = STANDARD
        .decode(credentials.trim())
        .ok()
        .and_then(|pair| String::from_utf8(pair).ok())
        .ok_or(NONE)?;
    let (id, secret) = pair.split_once(':').ok_or(NONE)?;
    let (id, secret) = (form_decoded(id), form_decoded(secret));
    let client = state
        .client(&id)
        .ok_or(OauthError("invalid_client", "Invalid client"))?;
    if client.secrets().any(|known| known == secret) {
        Ok(id)
    } else {
        Err(OauthError("invalid_client", "Invalid client secret"))
    }
}

fn form_decoded(text: &str) -> String {
    // Decoded as a field name: `=` and `&` are escaped in the value.
    url::form_urlencoded::parse(text.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::form_decoded;

    #[test]
    fn basic_credentials_are_form_decoded() {
        assert_eq!(form_decoded("a%3Ab+c%26d"), "a:b c&d");
        assert_eq!(form_decoded(""), "");
    }
}
