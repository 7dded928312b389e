//! A run for records of the table's stream. What can never succeed is set aside and acknowledged; everything else fails its record, and waits.

use std::collections::HashSet;

use serde_json::Value;
use shared::{
    log,
    runtime::worker::EventError,
    store::{Lane, SubscriberKey, SyncTrigger},
    telemetry::Code,
};

use crate::{
    dead_letters::NotSetAside,
    event_bus::Published,
    events,
    run::{Run, Step},
};

const NOT_SET_ASIDE: EventError = EventError("a record cannot be set aside");

impl Run<'_> {
    /// Syncs the subscribers of the stream records, in order, each once. The records only name them: the current state is read from the table. Subscribers that
    /// are not synced stay dirty, so no record must be delivered again. Changes of a bulk are left to the sweep.
    pub(crate) async fn follow_stream(&mut self, records: &[Value]) -> Result<(), EventError> {
        let mut seen = HashSet::new();
        for record in records.iter().filter(|record| concerns_spotify(record)) {
            let id = record.pointer("/dynamodb/Keys/id/S").and_then(Value::as_str);
            let Some(id) = id.filter(|id| seen.insert((*id).to_owned())) else {
                continue;
            };
            match self.sync_one(&SubscriberKey::new(id), SyncTrigger::Due).await? {
                Step::Continue => {}
                Step::Unreadable => {
                    let set_aside = self.sync.dead_letters.set_aside(record, "unreadable item", None).await;
                    set_aside.map_err(|NotSetAside| NOT_SET_ASIDE)?;
                }
                Step::End => break,
            }
        }
        Ok(())
    }

    /// Publishes the events of the stream records. Returns the sequence number of the first record with an unpublished event, from which the stream must be
    /// delivered again.
    pub(crate) async fn publish_events(&self, records: &[Value]) -> Option<Value> {
        let bus = self.sync.event_bus.as_ref()?;
        let (sources, events): (Vec<_>, Vec<_>) = records
            .iter()
            .flat_map(|record| events::events_of(record).into_iter().map(move |event| (record, event)))
            .unzip();
        let Published {
            rejected,
            mut first_unsent,
        } = bus.publish(&events).await;
        for index in rejected {
            let (record, event) = (sources.get(index)?, events.get(index)?);
            let dead_letters = &self.sync.dead_letters;
            let set_aside = dead_letters.set_aside(record, "event rejected", Some(event.to_json()));
            if set_aside.await.is_err() {
                first_unsent = Some(index);
                break;
            }
        }
        let first_unsent = first_unsent?;
        log!(
            error,
            Code::EventsUnsent,
            unsent = events.len().saturating_sub(first_unsent)
        );
        sources.get(first_unsent)?.pointer("/dynamodb/SequenceNumber").cloned()
    }
}

/// Whether a record contains an individual change that must be synced to Spotify; writes by `sync` itself do not. Bulk changes and link checks are left to the
/// sweep. An unreadable lane is not, so that the record is set aside.
fn concerns_spotify(record: &Value) -> bool {
    let value = |image: &str, name: &str| record.pointer(&format!("/dynamodb/{image}/{name}/N")).cloned();
    let dirty = record.pointer("/dynamodb/NewImage/dirty/S").and_then(Value::as_str);
    dirty.is_some_and(|dirty| matches!(Lane::parse(dirty), None | Some(Lane::Individual)))
        && ["version", "registered_at"]
            .iter()
            .any(|name| value("OldImage", name) != value("NewImage", name))
}
