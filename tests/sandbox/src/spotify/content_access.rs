//! Start and end of linking at Spotify: `/link/{partner_id}` and the landing page of the completion URL.

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Response, StatusCode};
use maud::{Markup, html};

use super::Spotify;
use super::client::Show;
use super::form::Parameters;
use super::page::{page, redirect, refusal, set_cookie};
use super::signed::show_id;
use crate::cookies::cookie;

/// Name of the cookie with the last Spotify account of the browser.
pub(super) const ACCOUNT_COOKIE: &str = "sandbox_spotify_account";
/// Name of the cookie with the requested show.
const SHOW_COOKIE: &str = "sandbox_spotify_show";

pub(super) fn account_cookie(account: &str) -> String {
    format!("{ACCOUNT_COOKIE}={account}; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000")
}

/// Stores the requested show in a cookie and redirects to the partner's Entrypoint URL.
pub(super) async fn start(
    State(spotify): State<Spotify>,
    Path(partner_id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let Ok(query) = Parameters::parse(query.unwrap_or_default().as_bytes()) else {
        return refusal(
            StatusCode::BAD_REQUEST,
            "Bad link",
            "The link's parameters are malformed.",
        );
    };
    let state = spotify.state();
    let Some(partner) = state.partner(&partner_id) else {
        return refusal(
            StatusCode::NOT_FOUND,
            "Unknown partner",
            "Spotify knows no partner with this id.",
        );
    };
    let show_uri = query.get("spotifyShowUri").filter(|uri| show_id(uri).is_some());
    let show = show_uri.and_then(show_id);
    let cookie = match show {
        Some(show) => format!("{SHOW_COOKIE}={show}; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600"),
        // Without a show, the landing page must not highlight the show of an earlier visit.
        None => format!("{SHOW_COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"),
    };
    let mut entrypoint = partner.entrypoint_url.clone();
    if let (Some(uri), true) = (show_uri, state.switches.a8_forward_show) {
        entrypoint.push(if entrypoint.contains('?') { '&' } else { '?' });
        entrypoint.push_str("spotifyShowUri=");
        entrypoint.extend(url::form_urlencoded::byte_serialize(uri.as_bytes()));
    }
    redirect(StatusCode::FOUND, &entrypoint, &[cookie])
}

/// Renders the page of the completion URL. Loading it confirms the link.
pub(super) async fn landing(
    State(spotify): State<Spotify>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = Parameters::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let mut state = spotify.state();
    let landed = query.get("ticket").and_then(|ticket| state.confirm_landing(ticket));
    let Some((ticket, link)) = landed.filter(|(ticket, _)| query.get("partnerId") == Some(&ticket.partner_id)) else {
        let message = "This link is unknown or was removed. Start again at the partner's site.";
        return refusal(StatusCode::NOT_FOUND, "Nothing linked", message);
    };
    let account = account_name(&spotify, &ticket.account);
    let (partner, shows) = state
        .partner(&ticket.partner_id)
        .map(|partner| (partner.name.clone(), partner.shows.clone()))
        .unwrap_or_default();
    let remembered = cookie(&headers, SHOW_COOKIE);
    let body = html! {
        h1 { "You're linked: " (partner) " and Spotify" }
        p { "Spotify account: " strong #account data-account=(ticket.account) { (account) } }
        p.soft { "Partner: " span #partner data-partner=(ticket.partner_id) { (partner) } }
        section {
            h2 { "Your shows" }
            (show_list(shows, &link.entitlements, remembered.as_deref()))
        }
        p { a #content-access href="/content-access" { "Content Access: see and undo your links" } }
    };
    let mut response = page(StatusCode::OK, "Linked", &body);
    set_cookie(&mut response, &account_cookie(&ticket.account));
    response
}

/// Renders a partner's shows, with the requested show first.
pub(super) fn show_list(mut shows: Vec<Show>, entitlements: &[String], first: Option<&str>) -> Markup {
    // The sort is stable: other shows keep their order.
    shows.sort_by_key(|show| Some(show.id.as_str()) != first);
    html! {
        ul.shows {
            @for show in &shows {
                @let unlocked = show.opens_with(entitlements);
                @let on_top = Some(show.id.as_str()) == first;
                li.show data-show=(show.id) data-unlocked=(unlocked) data-remembered=(on_top) {
                    span.mark { @if unlocked { "✓ Unlocked" } @else { "Locked" } }
                    strong { (show.name) }
                    @if on_top { " " span.soft { "(what you came for)" } }
                    @if !show.description.is_empty() { br; span.soft { (show.description) } }
                }
            }
            @if shows.is_empty() { li.soft { "No shows yet." } }
        }
    }
}

pub(super) fn account_name(spotify: &Spotify, id: &str) -> String {
    let accounts = &spotify.configuration.accounts;
    accounts
        .iter()
        .find(|account| account.id == id)
        .map_or(id, |account| account.name.as_str())
        .to_owned()
}
