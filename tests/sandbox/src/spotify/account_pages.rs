//! The Content Access page: lists the links of a Spotify account and removes them.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};
use maud::html;

use super::Spotify;
use super::content_access::{ACCOUNT_COOKIE, account_cookie, account_name, show_list};
use super::form::Parameters;
use super::page::{page, redirect, refusal};
use crate::cookies::cookie;

pub(super) async fn show(State(spotify): State<Spotify>, headers: HeaderMap) -> Response<Body> {
    let accounts = &spotify.configuration.accounts;
    let current = cookie(&headers, ACCOUNT_COOKIE).filter(|id| accounts.iter().any(|account| account.id == *id));
    let state = spotify.state();
    let links: Vec<_> = state
        .links
        .iter()
        .filter(|link| Some(&link.account) == current.as_ref())
        .collect();
    let body = html! {
        h1 { "Content Access" }
        @match &current {
            Some(id) => p { "Spotify account: " strong #account data-account=(id) { (account_name(&spotify, id)) } },
            None => p #signed-out { "Choose a Spotify account to see what it is linked to." },
        }
        @for link in &links {
            @let partner = state.partner(&link.partner_id);
            section.link data-partner=(link.partner_id) data-pending=(link.pending) {
                h2 { (partner.map_or(link.partner_id.as_str(), |partner| partner.name.as_str())) }
                @if link.pending { p.soft { "Not finished: the landing page was not loaded." } }
                (show_list(partner.map(|partner| partner.shows.clone()).unwrap_or_default(), &link.entitlements, None))
                form method="post" action="/content-access/unlink" {
                    input type="hidden" name="partner_id" value=(link.partner_id);
                    div.buttons { button id={ "unlink-" (link.partner_id) } type="submit" { "Unlink" } }
                }
            }
        }
        @if current.is_some() && links.is_empty() { p #no-links { "Not linked with any partner." } }
        form.card method="post" action="/content-access/account" {
            fieldset {
                legend { "Use another Spotify account" }
                @for account in accounts {
                    label {
                        input type="radio" name="account" id={ "account-" (account.id) } value=(account.id)
                            checked[current.as_ref() == Some(&account.id)];
                        (account.name)
                    }
                }
            }
            div.buttons { button #choose type="submit" { "Use it" } }
        }
    };
    page(StatusCode::OK, "Content Access", &body)
}

pub(super) async fn choose(State(spotify): State<Spotify>, body: Bytes) -> Response<Body> {
    let form = Parameters::parse(&body).unwrap_or_default();
    let accounts = &spotify.configuration.accounts;
    let Some(account) = accounts.iter().find(|account| form.get("account") == Some(&account.id)) else {
        return refusal(
            StatusCode::BAD_REQUEST,
            "Unknown account",
            "There is no such Spotify account.",
        );
    };
    redirect(StatusCode::SEE_OTHER, "/content-access", &[account_cookie(&account.id)])
}

pub(super) async fn unlink(State(spotify): State<Spotify>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let form = Parameters::parse(&body).unwrap_or_default();
    let (Some(account), Some(partner_id)) = (cookie(&headers, ACCOUNT_COOKIE), form.get("partner_id")) else {
        return refusal(
            StatusCode::BAD_REQUEST,
            "Nothing to unlink",
            "The account or the partner is missing.",
        );
    };
    // Idempotent: a missing link is not an error.
    spotify
        .state()
        .links
        .retain(|link| link.account != account || link.partner_id != partner_id);
    redirect(StatusCode::SEE_OTHER, "/content-access", &[])
}
