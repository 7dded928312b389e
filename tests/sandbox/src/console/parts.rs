//! The parts of the page that change while it is open.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::{Console, activity, switches};
use crate::faults::Armed;
use crate::site::Person;
use crate::spotify::Link;

/// Upper bound of shown events and links.
const MAX_SHOWN: usize = 50;

/// Renders every part, by the name that the page gives it.
pub(super) fn all(console: &Console) -> Vec<(&'static str, Markup)> {
    vec![
        ("activity", activity::list(console)),
        ("faults", faults(console)),
        ("switches", switches::controls(console)),
        ("people", people(console)),
        ("clock", clock(console)),
        ("events", events(console)),
    ]
}

fn faults(console: &Console) -> Markup {
    let armed = console.0.spotify.faults().all();
    html! {
        @if armed.is_empty() { p.soft { "No faults." } }
        ul.rows {
            @for fault in &armed {
                li data-fault=(fault.id) {
                    p { strong { "#" (fault.id) } " " code { (fault.fault.path) } " " (effect(fault)) }
                    p.soft { (fault.hits) @if let Some(times) = fault.fault.times { " of " (times) } " applied" }
                    button type="button" data-method="DELETE" data-path={ "/_sandbox/faults?id=" (fault.id) }
                        aria-label={ "Remove fault " (fault.id) } { "Remove" }
                }
            }
        }
    }
}

/// Returns the members of a fault that make its effect, as JSON.
fn effect(armed: &Armed) -> String {
    let Ok(Value::Object(mut members)) = serde_json::to_value(&armed.fault) else {
        return String::new();
    };
    let unset = [json!(false), json!(null), json!(0), json!([]), json!({})];
    // A `completion_url` of `null` is an effect.
    members.retain(|name, value| {
        name == "completion_url" || (!["path", "times"].contains(&name.as_str()) && !unset.contains(value))
    });
    Value::Object(members).to_string()
}

/// Renders the known subscribers with their links, and the links of others.
fn people(console: &Console) -> Markup {
    let options = &console.0.options;
    let links = console.0.spotify.links();
    let known: Vec<_> = options
        .publisher
        .people
        .iter()
        .map(|person| (person, options.partner_user_id(&options.partner_id, person)))
        .collect();
    let is_of = |link: &Link, id: &str| link.partner_id == options.partner_id && link.partner_user_id == id;
    let others = links.iter().filter(|link| !known.iter().any(|(_, id)| is_of(link, id)));
    html! {
        ul.rows {
            @for (person, id) in &known {
                (subscriber(Some(person), id, links.iter().find(|link| is_of(link, id))))
            }
            @for link in others.take(MAX_SHOWN) { (subscriber(None, &link.partner_user_id, Some(link))) }
        }
        @if known.is_empty() && links.is_empty() { p.soft { "No links yet." } }
    }
}

fn subscriber(person: Option<&Person>, id: &str, link: Option<&Link>) -> Markup {
    let list = |entitlements: &[String]| match entitlements {
        [] => "none".to_owned(),
        some => some.join(", "),
    };
    html! {
        li data-person=[person.map(|person| &person.id)] data-account=[link.map(|link| &link.account)] {
            @if let Some(person) = person {
                p {
                    strong { (person.name) } " " code { (person.sub) }
                    span.soft { " plan: " (person.plan.as_deref().unwrap_or("none")) }
                }
            }
            p.id { span.soft { "Partner User ID " } code { (id) } }
            @match link {
                None => p.soft { "Not linked at Spotify." },
                Some(link) => {
                    p {
                        @if link.pending { "Link pending with " } @else { "Linked with " }
                        strong { (link.account) }
                        ", entitlements: " (list(&link.entitlements))
                    }
                    @let query = url::form_urlencoded::Serializer::new(String::new())
                        .append_pair("partner_id", &link.partner_id)
                        .append_pair("partner_user_id", &link.partner_user_id)
                        .finish();
                    button type="button" data-method="DELETE" data-path={ "/_sandbox/links?" (query) } {
                        "Remove the link of " (link.account)
                    }
                },
            }
        }
    }
}

fn clock(console: &Console) -> Markup {
    let functions = console.0.options.clock.now();
    let system = shared::clock::Clock::System.now();
    let row = |name: &str, ahead: i64| {
        html! { dt { (name) } dd { (ahead_text(ahead)) } }
    };
    let seconds = |ms: u64| i64::try_from(ms / 1000).unwrap_or(i64::MAX);
    html! {
        dl {
            (row("Functions", functions.saturating_sub(system)))
            (row("Gateway and demo site", seconds(console.0.gateway.clock.ahead_ms())))
            (row("Spotify", seconds(console.0.spotify.clock().ahead_ms())))
        }
    }
}

/// Describes an offset of a clock, in seconds.
fn ahead_text(ahead: i64) -> String {
    let (days, hours, minutes, seconds) = (ahead / 86_400, ahead / 3600 % 24, ahead / 60 % 60, ahead % 60);
    let units = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")];
    let text: Vec<_> = units
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number} {unit}"))
        .collect();
    if text.is_empty() {
        "the system's time".to_owned()
    } else {
        format!("{} ahead", text.join(" "))
    }
}

fn events(console: &Console) -> Markup {
    let events = console.0.secrets.event_bus().all();
    html! {
        @if events.is_empty() { p.soft { "No events yet." } }
        ul.rows {
            @for event in events.iter().rev().take(MAX_SHOWN) {
                @let kind = event.get("detail-type").and_then(Value::as_str).unwrap_or_default();
                li data-event=(kind) {
                    p { strong { (kind) } }
                    pre tabindex="0" aria-label={ "Detail of " (kind) } {
                        (serde_json::to_string_pretty(&event.get("detail")).unwrap_or_default())
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Fault;

    #[test]
    fn an_offset_names_only_its_units() {
        assert_eq!(ahead_text(0), "the system's time");
        assert_eq!(ahead_text(-5), "the system's time");
        assert_eq!(ahead_text(60), "1 min ahead");
        assert_eq!(ahead_text(90_061), "1 d 1 h 1 min 1 s ahead");
    }

    #[test]
    fn the_effect_of_a_fault_has_only_what_is_set() {
        let armed = |fault| Armed {
            id: 1,
            fault,
            hits: 0,
            skipped: 0,
        };
        let fault = Fault {
            status: Some(503),
            times: Some(1),
            ..Fault::on("/api/token")
        };
        assert_eq!(effect(&armed(fault)), r#"{"status":503}"#);
        let fault = Fault {
            completion_url: Some(Value::Null),
            ..Fault::on("/")
        };
        assert_eq!(effect(&armed(fault)), r#"{"completion_url":null}"#);
    }
}
