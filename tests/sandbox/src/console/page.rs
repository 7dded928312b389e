//! The page of the console.

use maud::{DOCTYPE, Markup, html};

use super::signed_request::OPERATIONS;
use super::{Console, parts};
use crate::deployment::variables;

/// Paths that a fault can be set on, as suggestions.
const FAULT_PATHS: [&str; 9] = [
    "/api/v1/register-user",
    "/api/v1/unlink-user",
    "/api/v1/get-entitlements",
    "/api/v1/add-entitlements",
    "/api/v1/replace-entitlements",
    "/api/v1/delete-entitlements",
    "/api/v1/",
    "/api/token",
    "/authorize",
];
/// Effects of a fault: name, and members in JSON. Status, delay and `Retry-After` have fields of their own.
const EFFECTS: [(&str, &str); 12] = [
    ("Only the fields below", "{}"),
    ("Invalid JSON", r#"{"body": "{"}"#),
    ("Empty body", r#"{"empty": true}"#),
    ("HTML page of a gateway", r#"{"html": true}"#),
    ("Body of 10 MB", r#"{"huge_body": 10485760}"#),
    ("Reset of the connection", r#"{"reset": true}"#),
    ("Close without a response", r#"{"close": true}"#),
    ("Half of the body", r#"{"half": true}"#),
    ("A byte each 200 ms", r#"{"drip_ms": 200}"#),
    ("Redirect to a foreign host", r#"{"redirect": "https://evil.example/"}"#),
    (
        "Foreign completion_url",
        r#"{"completion_url": "https://evil.example/"}"#,
    ),
    ("Token without scope", r#"{"omit": ["scope"]}"#),
];
/// Steps of the clocks: name and seconds.
const STEPS: [(&str, u64); 4] = [("1 min", 60), ("10 min", 600), ("1 h", 3600), ("1 d", 86_400)];

/// Panels beside the requests: id and title.
const SIGNED_REQUEST: (&str, &str) = ("signed-request", "Signed request");
const PEOPLE: (&str, &str) = ("people", "People and links");
const FAULTS: (&str, &str) = ("faults", "Faults");
const CLOCK: (&str, &str) = ("clock", "Clock");
const EVENTS: (&str, &str) = ("events", "Events");
const SWITCHES: (&str, &str) = ("switches", "Switches");
const SETTINGS: (&str, &str) = ("settings", "Settings");

pub(super) fn page(console: &Console) -> Markup {
    let parts = parts::all(console);
    let part = |wanted: &str| {
        let found = parts.iter().find(|(name, _)| *name == wanted);
        html! { @if let Some((_, markup)) = found { (markup) } }
    };
    let addresses = &console.0.addresses;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Sandbox console" }
                link rel="stylesheet" href="/_sandbox/console.css";
                script src="/_sandbox/console.js" defer {}
            }
            body {
                a.skip href="#activity-list" { "Skip to the requests" }
                header {
                    h1 { "Sandbox console" }
                    p #live role="status" data-live="loading" { "Loading" }
                    nav aria-label="Sandbox" {
                        a href=(addresses.site) { "Site" }
                        a href={ (addresses.gateway) "/account" } { "Account page" }
                        a href={ (addresses.spotify) "/content-access" } { "Content Access" }
                    }
                    nav.jump aria-label="On this page" {
                        @for (id, title) in [SIGNED_REQUEST, PEOPLE, FAULTS, CLOCK, EVENTS, SWITCHES, SETTINGS] { a href={ "#" (id) } { (title) } }
                    }
                }
                noscript { p.notice { "This page needs scripts: it updates itself and sends its forms with them." } }
                div.columns {
                    main { (activity(&part("activity"))) }
                    aside aria-label="Controls" {
                        (signed_request(console))
                        (panel(PEOPLE, &html! {
                            div data-part="people" { (part("people")) }
                            (link_form(console))
                        }))
                        (panel(FAULTS, &html! {
                            div data-part="faults" { (part("faults")) }
                            (fault_form())
                        }))
                        (panel(CLOCK, &html! { div data-part="clock" { (part("clock")) } (clock_buttons()) }))
                        (panel(EVENTS, &html! { div data-part="events" { (part("events")) } }))
                        (panel(SWITCHES, &html! {
                            p.soft { "What Spotify's documentation leaves open. A change counts at once." }
                            div data-part="switches" { (part("switches")) }
                            p.result role="status" {}
                        }))
                        (panel(SETTINGS, &settings(console)))
                    }
                }
                footer { p { "Times are UTC, by the clock of this machine. Requests are shown without signatures, codes and secrets." } }
            }
        }
    }
}

/// Renders a panel that can be closed.
fn panel((id, title): (&str, &str), body: &Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby={ (id) "-title" } {
            details open[!["switches", "settings"].contains(&id)] {
                summary { h2 id={ (id) "-title" } { (title) } }
                (body)
            }
        }
    }
}

fn activity(entries: &Markup) -> Markup {
    html! {
        section #activity aria-labelledby="activity-title" {
            div.bar {
                h2 #activity-title { "Requests" }
                label {
                    span { "Show" }
                    select #filter {
                        option value="all" { "everything" }
                        option value="functions" { "functions" }
                        option value="spotify" { "Spotify" }
                        option value="problems" { "problems" }
                    }
                }
                button #clear type="button" data-method="POST" data-path="/_sandbox/console/clear" { "Clear" }
            }
            ol #activity-list data-part="activity" data-filter="all" tabindex="-1" { (entries) }
            p.empty { "Nothing yet. Sign in at the site and link an account, or send a signed request." }
        }
    }
}

fn signed_request(console: &Console) -> Markup {
    let options = &console.0.options;
    let foreign_keys = options
        .variables
        .get("BACKEND_JWKS_URL")
        .is_some_and(|url| !url.is_empty());
    panel(
        SIGNED_REQUEST,
        &html! {
            p.soft { "As your backend sends it, signed with the sandbox's backend key." }
            @if foreign_keys {
                p.notice { "BACKEND_JWKS_URL is set, so the functions reject this key. Sign the claims with yours." }
            }
            form #signed-request-form {
                p { label for="operation" { "Operation" }
                    select #operation name="operation" {
                        @for (name, takes_entitlements) in OPERATIONS {
                            option value=(name) data-entitlements=(takes_entitlements) { (name) }
                        }
                    } }
                p { label for="person" { "Subscriber" }
                    input #person name="person" type="text" required list="people-list" autocomplete="off"
                        placeholder="sub or Partner User ID" value=[options.publisher.people.first().map(|person| &person.sub)];
                    datalist #people-list {
                        @for person in &options.publisher.people { option value=(person.sub) { (person.name) } }
                    } }
                p #entitlements-field { label for="entitlements" { "Entitlements, with commas" }
                    input #entitlements name="entitlements" type="text" autocomplete="off"; }
                p { label for="version" { "Version (optional)" } input #version name="version" type="number" min="0"; }
                p.buttons {
                    button #send.main type="submit" { "Send" }
                    button #show-curl type="button" { "Show as curl" }
                }
            }
            div #signed-result.output role="status" {}
        },
    )
}

/// Renders the variables of the functions. They are names and URLs; those for AWS are the sandbox's own.
fn settings(console: &Console) -> Markup {
    let variables = variables(&console.0.options, &console.0.addresses);
    let shown = variables
        .iter()
        .filter(|(name, value)| !name.starts_with("AWS_") && !value.is_empty());
    html! {
        p.soft { "The functions' variables, as the sandbox started them." }
        dl.stacked { @for (name, value) in shown { dt { code { (name) } } dd { (value) } } }
    }
}

fn link_form(console: &Console) -> Markup {
    let options = &console.0.options;
    html! {
        form #link-form data-partner=(options.partner_id) {
            h3 { "Add a link that the partner does not know of" }
            p { label for="link-person" { "Partner User ID" }
                input #link-person name="partner_user_id" type="text" required list="ids-list" autocomplete="off"
                    pattern="[0-9a-f]{16,128}" title="16 to 128 lower-case hexadecimal characters";
                datalist #ids-list {
                    @for person in &options.publisher.people {
                        option value=(options.partner_user_id(&options.partner_id, person)) { (person.name) }
                    }
                } }
            p { label for="link-account" { "Spotify account" }
                select #link-account name="account" {
                    @for account in console.0.spotify.accounts() { option value=(account.id) { (account.name) } }
                } }
            p { label for="link-entitlements" { "Entitlements, with commas" }
                input #link-entitlements name="entitlements" type="text" autocomplete="off"; }
            p.buttons { button #add-link type="submit" { "Add link" } }
        }
        p.result role="status" {}
    }
}

fn fault_form() -> Markup {
    let number = |id: &str, label: &str| {
        html! { p { label for=(id) { (label) } input id=(id) name=(id) type="number" min="0"; } }
    };
    html! {
        form #fault-form {
            h3 { "Add a fault at Spotify" }
            p { label for="fault-path" { "Path, or its start" }
                input #fault-path name="path" type="text" required list="fault-paths" autocomplete="off" value=(FAULT_PATHS[0]);
                datalist #fault-paths { @for path in FAULT_PATHS { option value=(path) {} } } }
            p { label for="effect" { "Effect" }
                select #effect name="effect" { @for (name, members) in EFFECTS { option value=(members) { (name) } } } }
            div.fields {
                (number("status", "Status"))
                (number("delay_ms", "Delay, ms"))
                (number("retry_after", "Retry-After, s"))
                (number("times", "Times"))
                (number("skip", "Skip first"))
            }
            p.check { input #after name="after" type="checkbox"; label for="after" { "The request takes effect all the same" } }
            p.buttons {
                button #add-fault type="submit" { "Add fault" }
                button #clear-faults type="button" data-method="DELETE" data-path="/_sandbox/faults" { "Remove all" }
            }
        }
        p.result role="status" {}
    }
}

fn clock_buttons() -> Markup {
    let row = |title: &str, path: &str, body: &dyn Fn(u64) -> String| {
        html! {
            h3 { (title) }
            p.buttons {
                @for (name, seconds) in STEPS {
                    button type="button" data-method="POST" data-path=(path) data-body=(body(seconds)) { "+" (name) }
                }
            }
        }
    };
    html! {
        (row("Advance everything", "/_sandbox/console/clock", &|seconds| format!(r#"{{"advance_seconds":{seconds}}}"#)))
        (row("Advance Spotify only", "/_sandbox/clock", &|seconds| format!(r#"{{"advance_ms":{}}}"#, seconds * 1000)))
        p.buttons {
            button #reset-clock type="button" data-method="POST" data-path="/_sandbox/console/clock" data-body=r#"{"reset":{}}"# {
                "Back to the system's time"
            }
        }
        p.buttons {
            button #revoke-tokens type="button" data-method="DELETE" data-path="/_sandbox/tokens" { "Revoke all tokens" }
            button #reset type="button" data-method="POST" data-path="/_sandbox/reset" { "Reset Spotify" }
        }
    }
}
