//! A simulated Amazon EventBridge: accepts events and keeps the latest for inspection. It has no rules and no targets.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

/// Upper bound of kept events; older ones are dropped.
const MAX_EVENTS: usize = 10_000;
/// Upper bound of entries in one call.
const ENTRIES: usize = 10;
/// Upper bound of the details of one call together, in bytes.
const BYTES: usize = 256 * 1024;

/// An event bus. Clones share the bus.
#[derive(Clone, Debug, Default)]
pub struct EventBus {
    events: Arc<Mutex<VecDeque<Value>>>,
}

impl EventBus {
    fn events(&self) -> MutexGuard<'_, VecDeque<Value>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the kept events, oldest first, in the form a rule's target receives.
    #[must_use]
    pub fn all(&self) -> Vec<Value> {
        self.events().iter().cloned().collect()
    }

    /// Removes all events.
    pub fn clear(&self) {
        self.events().clear();
    }

    /// Handles `PutEvents`. The error is the message that AWS returns.
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
