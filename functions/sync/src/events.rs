//! Derives EventBridge events for the partner's systems from records of the table's stream, so that events describe only durable changes and none is lost. A
//! record that is delivered again yields the same `event_id`.

use serde_json::{Map, Value, json};

use crate::{event_bus::Event, retry::INTERNAL_ERRORS};

/// The old or new image of a subscriber's item in a stream record.
struct Image<'a>(&'a Value);

impl<'a> Image<'a> {
    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name)?.get("S")?.as_str()
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.get("N")?.as_str()?.parse().ok()
    }

    fn link_state(&self) -> &'a str {
        self.text("link_state").unwrap_or("none")
    }

    fn names(&self, name: &str) -> Option<Vec<&'a str>> {
        let names = self.0.get(name)?.get("L")?.as_array()?;
        Some(names.iter().filter_map(|name| name.get("S")?.as_str()).collect())
    }
}

/// Derives the events of a stream record.
pub(crate) fn events_of(record: &Value) -> Vec<Event> {
    let image = |name: &str| Image(record.pointer(&format!("/dynamodb/{name}")).unwrap_or(&Value::Null));
    let (before, after) = (image("OldImage"), image("NewImage"));
    let (Some(id), Some(partner_id), Some(partner_user_id)) = (
        record.get("eventID").and_then(Value::as_str),
        after.text("partner_id"),
        after.text("partner_user_id"),
    ) else {
        // The item is not a subscriber's.
        return Vec::new();
    };
    let at = record.pointer("/dynamodb/ApproximateCreationDateTime");
    let at = at.and_then(Value::as_f64).unwrap_or_default();
    let event = |kind: &'static str, more: Value| {
        let mut detail = Map::from_iter([
            ("event_id".to_owned(), format!("{id}-{kind}").into()),
            ("partner_id".to_owned(), partner_id.into()),
            ("partner_user_id".to_owned(), partner_user_id.into()),
        ]);
        detail.extend(more.as_object().cloned().unwrap_or_default());
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the cast saturates, and seconds are far from the limit"
        )]
        let at = at as i64;
        Event {
            detail_type: kind,
            at,
            detail: detail.into(),
        }
    };
    let mut events: Vec<_> = link_change(&before, &after)
        .map(|(kind, more)| event(kind, more))
        .into_iter()
        .collect();
    let synced = |image: &Image<'_>| (image.number("synced_version").unwrap_or(0), image.number("synced_at"));
    if after.link_state() == "linked" && synced(&before) != synced(&after) {
        let observed = after.names("observed_entitlements").unwrap_or_default();
        let detail = json!({"entitlements": observed, "version": after.number("synced_version")});
        events.push(event("EntitlementsSynced", detail));
    }
    let failure = after
        .text("last_error")
        .filter(|failure| !INTERNAL_ERRORS.contains(failure));
    if let Some(failure) = failure.filter(|failure| before.text("last_error") != Some(*failure)) {
        let detail =
            json!({"reason": failure, "version": after.number("version"), "next_try_at": after.number("next_try_at")});
        events.push(event("SyncFailed", detail));
    }
    events
}

/// Kind and detail of the event that follows from a change of the link.
fn link_change(before: &Image<'_>, after: &Image<'_>) -> Option<(&'static str, Value)> {
    let (was, is) = (before.link_state(), after.link_state());
    let link = json!({"state": is, "since": after.number("link_since"), "evidence": after.text("link_evidence")});
    match is {
        _ if was == is => None,
        "linked" => Some(("LinkConfirmed", json!({ "link": link }))),
        // A link that was never completed has not been confirmed, so its end is no news.
        "unlinked" if was != "pending" => {
            let requested = before.text("link_evidence") == Some("unlink-user");
            Some(("LinkLost", json!({"link": link, "requested": requested})))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(failure: &str) -> Vec<&'static str> {
        let item = |failure: Value| json!({"partner_id": {"S": "p"}, "partner_user_id": {"S": "u"}, "link_state": {"S": "linked"}, "last_error": failure});
        let record = json!({"eventID": "1", "dynamodb": {
            "OldImage": item(Value::Null), "NewImage": item(json!({ "S": failure })),
        }});
        events_of(&record).into_iter().map(|event| event.detail_type).collect()
    }

    #[test]
    fn internal_failures_are_not_published() {
        assert_eq!(published("request_refused"), ["SyncFailed"]);
        for failure in ["rate_limited", "not_linked_yet", "guard_unavailable"] {
            assert!(published(failure).is_empty(), "{failure}");
        }
    }
}
