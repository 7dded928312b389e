//! Layout and pages of the demo site.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::{Html, IntoResponse};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::plans::ChangeFailure;
use super::sessions::Visitor;
use super::{Person, ReturnTarget, SignIn, Site};
use crate::spotify::Link;

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1d2430;--soft:#566072;--paper:#fbf8f1;--card:#fff;--line:#e2dccd;--accent:#8a4b08;--on-accent:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#f3efe6;--soft:#b3aa99;--paper:#171a1f;--card:#20242b;--line:#3a3f48;--accent:#f0b35e;--on-accent:#221402}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.55 Georgia,'Times New Roman',serif}
header,footer{max-width:44rem;margin:0 auto;padding:1rem;display:flex;gap:.5rem 1rem;flex-wrap:wrap;align-items:center}
header .name{font-size:1.35rem;font-weight:700;margin-right:auto}
a{color:var(--accent)}
header .name a{color:inherit;text-decoration:none}
nav a{color:inherit}
main{max-width:44rem;margin:0 auto;padding:0 1rem 2rem}
h1{font-size:1.7rem;line-height:1.2;margin:1rem 0}
h2{font-size:1.2rem;margin:0 0 .25rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1rem;margin:1rem 0}
.soft{color:var(--soft)}
.row{display:flex;gap:.75rem;flex-wrap:wrap;align-items:center;margin-top:.75rem}
form{margin:0}
.button,button{display:inline-flex;align-items:center;justify-content:center;min-height:2.75rem;padding:.25rem 1.25rem;border-radius:1.4rem;border:1px solid var(--accent);background:transparent;color:var(--accent);font:600 1rem/1.2 system-ui,sans-serif;text-decoration:none;cursor:pointer}
header .button,header button{padding:.25rem .9rem;font-size:.9rem}
.button.main,button.main,button[aria-pressed=true]{background:var(--accent);color:var(--on-accent)}
:focus-visible{outline:3px solid #5a8dee;outline-offset:2px}
dl{display:grid;grid-template-columns:auto 1fr;gap:.35rem 1rem;margin:0}
dt{color:var(--soft)}dd{margin:0}
.card>:last-child{margin-bottom:0}
footer{display:block;border-top:1px solid var(--line);font-size:.9rem;color:var(--soft)}
@media(max-width:30rem){header:has(nav) .name{flex-basis:100%}header form{margin-left:auto}.card .button,.card button{width:100%}.row{align-items:stretch}.row form{flex:1 1 100%}}
";

fn page(site: &Site, visitor: &Visitor, status: StatusCode, title: &str, body: &Markup) -> Response<Body> {
    let name = &site.0.publisher.name;
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " – " (name) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    span.name { a href="/" { (name) } }
                    @match site.person(visitor) {
                        Some(person) => {
                            nav { a #account href="/account" { "Account" } }
                            span #signed-in-as data-person=(person.id) { (person.name) }
                            form method="post" action="/sign-out" { button #sign-out type="submit" { "Sign out" } }
                        },
                        None => a.button #sign-in href="/sign-in" { "Sign in" },
                    }
                }
                main { (body) }
                footer {
                    (kind_switch(site, visitor))
                    p { (name) " and its subscribers are fictional. This is the demo site of a sandbox." }
                    @if let Some(console) = &site.0.console {
                        p { a #console href=(console) { "Sandbox console" } ": requests, faults, links, events and the clock." }
                    }
                }
            }
        }
    };
    let mut response = (status, Html(markup.into_string())).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
        ),
    );
    response
}

/// Renders the choice of the sign-in method, or the method fixed when the sandbox started.
fn kind_switch(site: &Site, visitor: &Visitor) -> Markup {
    let fixed = match site.0.sign_in {
        SignIn::Session => {
            return html! {
                form method="post" action="/kind" {
                    p { "How this site tells soa-link who you are:" }
                    div.row {
                        button #kind-session type="submit" name="kind" value="session"
                            aria-pressed=(visitor.sign_in == SignIn::Session) { "Session cookie" }
                        button #kind-handoff type="submit" name="kind" value="handoff"
                            aria-pressed=(visitor.sign_in == SignIn::Handoff) { "Hand-off token" }
                    }
                }
            };
        }
        SignIn::Handoff => "a hand-off token",
        SignIn::Oidc => "OpenID Connect",
    };
    html! { p #kind data-kind=(site.0.sign_in.name()) { "How soa-link learns who you are: by " (fixed) "." } }
}

pub(super) fn home(site: &Site, visitor: &Visitor) -> Response<Body> {
    let person = site.person(visitor);
    let body = html! {
        h1 { (site.0.publisher.tagline) }
        @for show in &site.0.publisher.shows {
            article.card.show data-show=(show.id) {
                h2 { (show.name) }
                p { (show.description) }
                @if let Some(person) = &person {
                    @let included = show.opens_with(&person.entitlements);
                    p.soft data-included=(included) {
                        @if included { "In your plan." } @else { "Not in your plan." }
                    }
                }
                div.row {
                    a.button.main id={ "listen-" (show.id) } href={ (site.0.public_url) "/link?show=" (show.id) } {
                        "Listen on Spotify"
                    }
                }
            }
        }
    };
    page(site, visitor, StatusCode::OK, "Home", &body)
}

pub(super) fn account(site: &Site, visitor: &Visitor, person: &Person, link: Option<&Link>) -> Response<Body> {
    let state = match link {
        None => "none",
        Some(link) if link.pending => "pending",
        Some(_) => "linked",
    };
    let body = html! {
        h1 { "Hello, " (person.name) }
        section.card {
            h2 { "Your plan" }
            dl {
                dt { "Plan" } dd #plan { (person.plan.as_deref().unwrap_or("None")) }
                dt { "Entitlements" }
                dd #entitlements {
                    @if person.entitlements.is_empty() { "None" } @else { (person.entitlements.join(", ")) }
                }
            }
            (plan_choice(site, person))
        }
        section.card {
            h2 { "Spotify" }
            p #link-state data-state=(state) data-account=[link.map(|link| &link.account)] {
                @match link {
                    None => "Not connected.",
                    Some(link) if link.pending => { "The connection with the Spotify account " strong { (link.account) } " is not finished." },
                    Some(link) => { "Connected with the Spotify account " strong { (link.account) } "." },
                }
            }
            @if let Some(link) = link {
                p.soft {
                    "Entitlements at Spotify: "
                    span #spotify-entitlements {
                        @if link.entitlements.is_empty() { "None" } @else { (link.entitlements.join(", ")) }
                    }
                }
            }
            div.row {
                a.button.main #link href={ (site.0.public_url) "/entrypoint" } {
                    @if link.is_some() { "Connect with Spotify again" } @else { "Connect with Spotify" }
                }
                a.button #connection href={ (site.0.public_url) "/account" } { "See your connection" }
                @if link.is_some() { a.button #unlink href={ (site.0.public_url) "/unlink" } { "Disconnect" } }
            }
            p.soft {
                "At Spotify: " a #content-access href={ (site.0.spotify) "/content-access" } { "Content Access" }
            }
        }
    };
    page(site, visitor, StatusCode::OK, "Account", &body)
}

/// Renders the help page, to which the functions' pages lead.
pub(super) fn help(site: &Site, visitor: &Visitor) -> Response<Body> {
    let body = html! {
        h1 { "Help" }
        section.card {
            p { "This is where a publisher's support would be. Support finds a request by its request ID, and a subscriber by the account reference." }
            @if let Some(console) = &site.0.console {
                p { "In this sandbox, the " a href=(console) { "console" } " shows both." }
            }
        }
    };
    page(site, visitor, StatusCode::OK, "Help", &body)
}

/// Renders the buttons that change or cancel the plan. Pressing the current plan sends it to the functions again.
fn plan_choice(site: &Site, person: &Person) -> Markup {
    let failure = site.0.plans.last_failure(person);
    html! {
        form method="post" action="/plan" {
            div.row {
                @for plan in &site.0.publisher.plans {
                    button id={ "plan-" (slug(&plan.name)) } type="submit" name="plan" value=(plan.name)
                        aria-pressed=(person.plan.as_ref() == Some(&plan.name)) { (plan.name) }
                }
                @if person.plan.is_some() || failure.is_some() {
                    button #cancel-plan type="submit" name="cancel" value="cancel" { "Cancel subscription" }
                }
            }
        }
        @if let Some(failure) = failure {
            p.soft #plan-trouble {
                "Saved here, but the functions "
                @match failure {
                    ChangeFailure::Status(status) => { "answered " (status.as_u16()) },
                    ChangeFailure::Silence(error) => { "did not answer: " (error) },
                    ChangeFailure::Unsigned => "were not called: the request cannot be signed",
                }
                "."
            }
        }
    }
}

/// Converts a name to a part of an element ID.
fn slug(name: &str) -> String {
    let letter = |letter: char| if letter.is_alphanumeric() { letter } else { '-' };
    name.to_lowercase().chars().map(letter).collect()
}

pub(super) fn sign_in(site: &Site, visitor: &Visitor, return_target: &ReturnTarget) -> Response<Body> {
    let body = html! {
        h1 { "Who are you today?" }
        @if return_target.return_to.is_some() { p { "Sign in to continue linking with Spotify." } }
        form method="post" action="/sign-in" {
            @if let Some(url) = &return_target.return_to { input type="hidden" name="return_to" value=(url); }
            @if let Some(nonce) = &return_target.nonce { input type="hidden" name="nonce" value=(nonce); }
            (people(site))
        }
    };
    page(site, visitor, StatusCode::OK, "Sign in", &body)
}

/// Renders the provider's sign-in page. `query` is the authorization request to continue after sign-in.
pub(super) fn sign_in_for_client(site: &Site, visitor: &Visitor, query: &str) -> Response<Body> {
    let body = html! {
        h1 { "Who are you today?" }
        p { "Sign in to continue." }
        form method="post" action="/oidc/sign-in" {
            input type="hidden" name="authorize" value=(query);
            (people(site))
            button #sign-in-cancel type="submit" name="cancel" value="cancel" { "Cancel" }
        }
    };
    page(site, visitor, StatusCode::OK, "Sign in", &body)
}

/// Renders all subscribers, with one sign-in button each.
fn people(site: &Site) -> Markup {
    html! {
        @for person in site.people() {
            div.card {
                h2 { (person.name) }
                p.soft { "Plan: " (person.plan.as_deref().unwrap_or("none")) }
                button.main id={ "sign-in-as-" (person.id) } type="submit" name="person" value=(person.id) {
                    "Sign in as " (person.name)
                }
            }
        }
    }
}

pub(super) fn unknown_person(site: &Site, visitor: &Visitor) -> Response<Body> {
    refusal(site, visitor, "There is no such person in this demo.")
}

pub(super) fn refusal(site: &Site, visitor: &Visitor, message: &str) -> Response<Body> {
    let body = html! { h1 { "That did not work" } p #message { (message) } p { a href="/" { "Home" } } };
    page(site, visitor, StatusCode::BAD_REQUEST, "That did not work", &body)
}

pub(super) fn not_found(site: &Site, visitor: &Visitor) -> Response<Body> {
    let body = html! { h1 { "Not found" } p { a href="/" { "Home" } } };
    page(site, visitor, StatusCode::NOT_FOUND, "Not found", &body)
}
