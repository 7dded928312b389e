//! `GET /authorize` and the consent page.

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Response, StatusCode};
use maud::html;
use url::form_urlencoded::Serializer;

use super::client::Account;
use super::content_access::{ACCOUNT_COOKIE, account_cookie};
use super::form::Parameters;
use super::page::{page, redirect, refusal};
use super::state::{Consent, State as SpotifyState};
use super::switches::Pkce;
use super::{Spotify, USER_SCOPE};
use crate::control::Verdict;
use crate::cookies::cookie;

/// Outcome of the validation of an authorization request.
enum Validation {
    /// Client or redirect URI is invalid: shown as an error page, without a redirect.
    Page(&'static str),
    /// Error returned to the redirect URI.
    Error(Consent, &'static str),
    /// Valid request: the user must decide.
    Consent(Consent),
}

pub(super) async fn show_consent(
    State(spotify): State<Spotify>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = match Parameters::parse(query.unwrap_or_default().as_bytes()) {
        Ok(query) => query,
        Err(malformed) => return bad_request(malformed.message()),
    };
    let mut state = spotify.state();
    let consent = match read(&state, &query) {
        Validation::Page(message) => return bad_request(message),
        Validation::Error(consent, error) => return redirect_back(&consent, "error", error, &[]),
        Validation::Consent(consent) => consent,
    };
    let last_account = cookie(&headers, ACCOUNT_COOKIE);

    // Scripts cannot press the buttons of the consent page.
    let script = |name: &str| {
        let header = format!("x-{}", name.replace('_', "-"));
        query
            .get(name)
            .or_else(|| headers.get(header)?.to_str().ok())
            .map(str::to_owned)
    };
    if script("sandbox_action").as_deref() == Some("cancel") {
        return redirect_back(&consent, "error", "access_denied", &[]);
    }
    if let Some(account) = script("sandbox_account") {
        return grant_consent(&spotify, &mut state, &consent, &account);
    }
    if let Some(account) = last_account.as_deref()
        && state.switches.skip_consent_when_approved
        && query.get("show_dialog") != Some("true")
        && state.has_approved(&consent.client_id, account)
    {
        return grant_consent(&spotify, &mut state, &consent, account);
    }
    consent_page(&spotify, &mut state, consent, last_account.as_deref())
}

fn bad_request(message: &str) -> Response<Body> {
    let answer = refusal(StatusCode::BAD_REQUEST, "This request cannot be answered", message);
    Verdict::on(answer, message)
}

fn read(state: &SpotifyState, query: &Parameters) -> Validation {
    let Some(client) = query.get("client_id").and_then(|id| state.client(id)) else {
        return Validation::Page("INVALID_CLIENT: Invalid client");
    };
    let Some(redirect_uri) = query.get("redirect_uri").filter(|uri| client.redirects_to(uri)) else {
        return Validation::Page("INVALID_CLIENT: Invalid redirect URI");
    };
    match query.get("scope") {
        Some(USER_SCOPE) => {}
        Some(scope) if scope.split(' ').any(|one| super::SERVICE_SCOPES.contains(&one)) => {
            return Validation::Page("INVALID_SCOPE: A service scope cannot be requested from a user");
        }
        _ => return Validation::Page("INVALID_SCOPE: The scope must be user-soa-link"),
    }
    let consent = Consent {
        client_id: client.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        state: query.get("state").map(str::to_owned),
        challenge: query.get("code_challenge").map(str::to_owned),
        expires_ms: 0,
    };
    if query.get("response_type") != Some("code") {
        return Validation::Error(consent, "unsupported_response_type");
    }
    let method = query.get("code_challenge_method");
    let is_well_formed = match (&consent.challenge, method) {
        (None, None) => true,
        // The challenge is the base64url encoding of 32 bytes (RFC 7636, section 4.2).
        (Some(challenge), Some("S256")) => {
            challenge.len() == 43
                && challenge
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        }
        _ => false,
    };
    let is_allowed = match state.switches.a6_pkce {
        Pkce::Optional => true,
        Pkce::Required => consent.challenge.is_some(),
        Pkce::Refused => consent.challenge.is_none(),
    };
    if !is_well_formed || !is_allowed || !matches!(query.get("show_dialog"), None | Some("true" | "false")) {
        return Validation::Error(consent, "invalid_request");
    }
    Validation::Consent(consent)
}

fn consent_page(
    spotify: &Spotify,
    state: &mut SpotifyState,
    consent: Consent,
    last_account: Option<&str>,
) -> Response<Body> {
    let description = state
        .client(&consent.client_id)
        .map(|client| client.description.clone())
        .unwrap_or_default();
    let request = state.store_consent(consent);
    let accounts = &spotify.configuration.accounts;
    let is_known = |account: &&str| accounts.iter().any(|known| known.id == **account);
    let preselected = last_account
        .filter(is_known)
        .or(accounts.first().map(|account| account.id.as_str()));
    let body = html! {
        h1 { (description) }
        p { "wants to link your account there with your Spotify account, so that you can listen to what you have paid for." }
        form.card method="post" action="/authorize" {
            input type="hidden" name="request" value=(request);
            fieldset {
                legend { "Which Spotify account are you?" }
                @for account in accounts {
                    label {
                        input type="radio" name="account" id={ "account-" (account.id) } value=(account.id)
                            checked[preselected == Some(account.id.as_str())];
                        (account.name)
                    }
                }
            }
            div.buttons {
                button #agree.go type="submit" name="action" value="agree" { "Agree" }
                button #cancel type="submit" name="action" value="cancel" { "Cancel" }
            }
        }
        p.soft { "You can unlink at any time on the Content Access page." }
    };
    Verdict::on(
        page(StatusCode::OK, "Link your account", &body),
        "accepted: asks for consent",
    )
}

pub(super) async fn decide(State(spotify): State<Spotify>, body: Bytes) -> Response<Body> {
    let form = match Parameters::parse(&body) {
        Ok(form) => form,
        Err(malformed) => return bad_request(malformed.message()),
    };
    let action = form.get("action");
    if !matches!(action, Some("agree" | "cancel")) {
        return bad_request("The form's action must be agree or cancel");
    }
    let mut state = spotify.state();
    let Some(consent) = form.get("request").and_then(|id| state.consent(id)) else {
        return bad_request("This request was already answered or has expired. Start again at the partner's site.");
    };
    if action == Some("cancel") {
        return redirect_back(&consent, "error", "access_denied", &[]);
    }
    grant_consent(&spotify, &mut state, &consent, form.get("account").unwrap_or_default())
}

fn grant_consent(spotify: &Spotify, state: &mut SpotifyState, consent: &Consent, account: &str) -> Response<Body> {
    let Some(Account { id, .. }) = spotify.configuration.accounts.iter().find(|known| known.id == account) else {
        return bad_request("There is no such Spotify account");
    };
    let remembered = [account_cookie(id)];
    match state.approve(consent, id) {
        Ok(code) => redirect_back(consent, "code", &code, &remembered),
        Err(error) => redirect_back(consent, "error", error.0, &remembered),
    }
}

/// Redirects to the client's redirect URI.
fn redirect_back(consent: &Consent, name: &str, value: &str, cookies: &[String]) -> Response<Body> {
    let mut answer = Serializer::new(String::new());
    answer.append_pair(name, value);
    if let Some(state) = &consent.state {
        answer.append_pair("state", state);
    }
    let joint = if consent.redirect_uri.contains('?') { '&' } else { '?' };
    let location = format!("{}{joint}{}", consent.redirect_uri, answer.finish());
    let verdict = match name {
        "code" => "accepted: redirects back with a code".to_owned(),
        _ => format!("redirects back with the error {value}"),
    };
    Verdict::on(redirect(StatusCode::FOUND, &location, cookies), verdict)
}
