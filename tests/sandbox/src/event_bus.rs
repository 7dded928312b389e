//! A small Amazon EventBridge: it takes events and keeps the last of them to be looked at. There are no rules and no targets.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

/// How many events are kept.
const MAX_EVENTS: usize = 10_000;
/// The most entries of one call, and the most bytes of all their details.
const ENTRIES: usize = 10;
const BYTES: usize = 256 * 1024;

/// The bus. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct EventBus {
    events: Arc<Mutex<VecDeque<Value>>>,
}

impl EventBus {
    fn events(&self) -> MutexGuard<'_, VecDeque<Value>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The events, oldest first, as a rule's target would see them.
    #[must_use]
    pub fn all(&self) -> Vec<Value> {
        self.events().iter().cloned().collect()
    }

    /// Forgets them.
    pub fn clear(&self) {
        self.events().clear();
    }

    /// `PutEvents`; a text that says what is wrong with it, in Amazon's words.
    pub(crate) fn put(&self, input: &Map<String, Value>, new_id: impl Fn() -> String) -> Result<Value, &'static str> {
        let entries = input.get("Entries").and_then(Value::as_array);
        let entries = entries.filter(|entries| (1..=ENTRIES).contains(&entries.len()));
        let entries = entries.ok_or("Entries must have 1 to 10 members.")?;
        let text = |entry: &Value, name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
        let size: usize = entries
            .iter()
            .filter_map(|entry| text(entry, "Detail"))
            .map(|detail| detail.len())
            .sum();
        if size > BYTES {
            return Err("Total size of the entries in the request is over the limit.");
        }
        let mut taken = Vec::with_capacity(entries.len());
        for entry in entries {
            let detail = text(entry, "Detail").and_then(|detail| serde_json::from_str::<Map<_, _>>(&detail).ok());
            let (Some(source), Some(kind), Some(detail)) = (text(entry, "Source"), text(entry, "DetailType"), detail)
            else {
                taken.push(json!({"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}));
                continue;
            };
            let id = new_id();
            taken.push(json!({ "EventId": id }));
            let mut events = self.events();
            if events.len() == MAX_EVENTS {
                events.pop_front();
            }
            events.push_back(json!({
                "version": "0", "id": id, "source": source, "detail-type": kind, "time": entry.get("Time"),
                "account": "123456789012", "region": "eu-west-1", "resources": [], "detail": detail,
            }));
        }
        let failed = taken.iter().filter(|entry| entry.get("ErrorCode").is_some()).count();
        Ok(json!({"FailedEntryCount": failed, "Entries": taken}))
    }
}
