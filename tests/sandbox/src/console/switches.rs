//! The controls of the switches.

use maud::{Markup, html};
use serde_json::Value;

use super::Console;

/// The form control of a switch.
enum Control {
    /// `true` or `false`.
    OnOff,
    /// One of these values.
    Choice(&'static [&'static str]),
    /// A number.
    Number,
    /// A number, or none.
    OptionalNumber,
    /// A text, or none.
    OptionalText,
    /// A list of texts, or none.
    OptionalList,
}

/// Every switch, with its question.
const SWITCHES: [(&str, &str, Control); 22] = [
    (
        "a3_content_type",
        "A3: the only Content-Type for signed bodies (empty: any)",
        Control::OptionalText,
    ),
    (
        "a4_entitlements_required",
        "A4: register-user and add-entitlements require entitlements",
        Control::OnOff,
    ),
    (
        "a6_pkce",
        "A6: PKCE beside a client secret is",
        Control::Choice(&["optional", "required", "refused"]),
    ),
    (
        "a7_conflict_status",
        "A7: status of a conflict at register-user",
        Control::Number,
    ),
    (
        "a7_error_body",
        "A7: form of error bodies",
        Control::Choice(&["web_api", "oauth", "html", "empty"]),
    ),
    (
        "a8_forward_show",
        "A8: the show is passed on to the Entrypoint URL",
        Control::OnOff,
    ),
    (
        "a9_strict_entitlements",
        "A9: entitlements have a strict character set",
        Control::OnOff,
    ),
    (
        "a9_most_entitlements",
        "A9: entitlements of a subscriber at most (empty: no bound)",
        Control::OptionalNumber,
    ),
    (
        "a11_token_type",
        "A11: token_type of token responses",
        Control::Choice(&["Bearer", "bearer"]),
    ),
    ("a11_expires_in", "A11: lifetime of tokens, in seconds", Control::Number),
    (
        "a12_previous_secret",
        "A12: the old secret works after a rotation",
        Control::OnOff,
    ),
    (
        "a12_rotation_revokes",
        "A12: a rotation revokes issued tokens",
        Control::OnOff,
    ),
    (
        "a13_requests_per_second",
        "A13: calls per second at most (empty: no bound)",
        Control::OptionalNumber,
    ),
    (
        "a13_retry_after",
        "A13: Retry-After of 429, in seconds (empty: none)",
        Control::OptionalNumber,
    ),
    (
        "a14_conflict_moves",
        "A14: a conflict at register-user moves the link",
        Control::OnOff,
    ),
    (
        "a15_listed_accounts",
        "A15: only these accounts, with commas (empty: all)",
        Control::OptionalList,
    ),
    (
        "a15_stops_at",
        "A15: where other accounts are stopped",
        Control::Choice(&["authorize", "token", "register"]),
    ),
    (
        "a16_pending_until_landing",
        "A16: a link counts only after the landing page",
        Control::OnOff,
    ),
    (
        "a17_create_partner_status",
        "A17: status of create-partner",
        Control::Number,
    ),
    (
        "a18_concrete_image_type",
        "A18: upload-logo refuses image/*",
        Control::OnOff,
    ),
    (
        "a21_refuse_extra_claims",
        "A21: undocumented members of a payload are refused",
        Control::OnOff,
    ),
    (
        "skip_consent_when_approved",
        "Consent is skipped for an account that approved before",
        Control::OnOff,
    ),
];

/// Renders all switches with their current values. The script sends each change at once.
pub(super) fn controls(console: &Console) -> Markup {
    let current = serde_json::to_value(console.0.spotify.switches()).unwrap_or_default();
    let value = |name: &str| current.get(name).cloned().unwrap_or_default();
    html! {
        @for (name, question, control) in &SWITCHES {
            p.switch { label for=(name) { (question) } (input(name, control, &value(name))) }
        }
    }
}

fn input(name: &str, control: &Control, value: &Value) -> Markup {
    match control {
        Control::OnOff => html! {
            input id=(name) type="checkbox" data-switch="on-off" checked[*value == Value::Bool(true)];
        },
        Control::Choice(choices) => html! {
            select id=(name) data-switch="text" {
                @for choice in *choices { option value=(choice) selected[value == choice] { (choice) } }
            }
        },
        Control::Number => html! { input id=(name) type="number" min="0" data-switch="number" value=(value); },
        Control::OptionalNumber => html! {
            input id=(name) type="number" min="0" data-switch="number" value=[value.as_u64()];
        },
        Control::OptionalText => html! {
            input id=(name) type="text" data-switch="optional-text" value=[value.as_str()];
        },
        Control::OptionalList => html! {
            input id=(name) type="text" data-switch="list" value=(joined(value));
        },
    }
}

fn joined(value: &Value) -> String {
    let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::spotify::Switches;

    #[test]
    fn each_switch_has_a_control() {
        let switches = serde_json::to_value(Switches::default()).unwrap();
        let names: BTreeSet<_> = switches.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(SWITCHES.iter().map(|(name, ..)| *name).collect::<BTreeSet<_>>(), names);
    }
}
