//! Publishes events on an EventBridge bus. Must not know which changes yield an event: see `events`.

use aws_sdk_eventbridge::{
    Client, config::Builder, error::ProvideErrorMetadata as _, primitives::DateTime, types::PutEventsRequestEntry,
};
use serde_json::{Value, json};
use shared::{aws::AwsConfig, http_client::HttpClient};

/// Value of `source` in every event.
const SOURCE: &str = "soa-link";
/// Upper bound of events per `PutEvents` call, as EventBridge sets it.
const MAX_ENTRIES: usize = 10;
/// Upper bound of the details in one `PutEvents` call, in bytes. EventBridge's limit of 256 KiB also counts the other members of the entries.
const MAX_BATCH_BYTES: usize = 200 * 1024;
/// Error codes of an entry whose content is at fault, so that no retry can succeed (EventBridge API reference, `PutEventsResultEntry`). That page also lists
/// missing permissions as not retryable; an operator can add them, so these events wait.
const REJECTED_ENTRY_CODES: [&str; 3] = ["InvalidArgument", "MalformedDetail", "RedactionFailure"];
/// Error codes of a call whose content is at fault.
const REJECTED_CALL_CODES: [&str; 3] = [
    "ValidationException",
    "ValidationError",
    "RequestEntityTooLargeException",
];

/// An event to publish.
#[derive(Clone, Debug)]
pub struct Event {
    /// `detail-type`: kind of the event.
    pub detail_type: &'static str,
    /// Time of the change, in seconds since 1970.
    pub at: i64,
    /// `detail`: subscriber and change. A repeated event has the same detail.
    pub detail: Value,
}

impl Event {
    /// The event as an operator can send it by hand: an entry of `PutEvents` without the bus.
    pub(crate) fn to_json(&self) -> Value {
        json!({"Source": SOURCE, "DetailType": self.detail_type, "Time": self.at, "Detail": self.detail})
    }
}

/// An EventBridge bus.
#[derive(Clone, Debug)]
pub struct EventBus {
    client: Client,
    name: String,
}

/// Result of [`EventBus::publish`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Indexes of the events that EventBridge rejects because of their content. A retry fails again.
    pub rejected: Vec<usize>,
    /// Index of the first event that EventBridge did not confirm for another reason; `None` if all others were confirmed. A retry from that index is safe; it
    /// may publish events twice.
    pub first_unsent: Option<usize>,
}

impl EventBus {
    /// Creates a client of the bus `name`.
    #[must_use]
    pub fn new(aws: &AwsConfig, http: &HttpClient, name: String) -> Self {
        let mut config = Builder::from(&aws.sdk(http));
        config.set_endpoint_url(aws.eventbridge_endpoint.clone());
        Self {
            client: Client::from_conf(config.build()),
            name,
        }
    }

    /// Publishes events in order, in batches, until one is not confirmed. Rejected events do not stop it.
    pub async fn publish(&self, events: &[Event]) -> Published {
        let mut published = Published::default();
        for batch in batches(events) {
            let batch_start = batch.start;
            let entries = events.get(batch.clone()).unwrap_or_default();
            let outcomes = match self.put(entries).await {
                // One entry is at fault. Sent alone, each of them has its own outcome.
                Err(PutError::Rejected) if entries.len() > 1 => {
                    let mut outcomes = Vec::with_capacity(entries.len());
                    for entry in entries {
                        outcomes.extend(single_outcome(self.put(std::slice::from_ref(entry)).await));
                    }
                    outcomes
                }
                put if entries.len() == 1 => single_outcome(put),
                Ok(outcomes) => outcomes,
                Err(_) => vec![Outcome::Unsent; entries.len()],
            };
            for (index, outcome) in (batch_start..).zip(outcomes) {
                match outcome {
                    Outcome::Sent => {}
                    Outcome::Rejected => published.rejected.push(index),
                    Outcome::Unsent => {
                        published.first_unsent = Some(index);
                        return published;
                    }
                }
            }
        }
        published
    }

    /// Makes one `PutEvents` call. Returns the outcome of each event.
    async fn put(&self, events: &[Event]) -> Result<Vec<Outcome>, PutError> {
        let entries = events.iter().map(|event| self.entry(event)).collect();
        let put = self.client.put_events().set_entries(Some(entries)).send().await;
        let put = put.map_err(|error| match error.code() {
            Some(code) if REJECTED_CALL_CODES.contains(&code) => PutError::Rejected,
            _ => PutError::Failed,
        })?;
        let outcomes = put.entries().iter().map(|entry| match entry.error_code() {
            None => Outcome::Sent,
            Some(code) if REJECTED_ENTRY_CODES.contains(&code) => Outcome::Rejected,
            Some(_) => Outcome::Unsent,
        });
        Ok(outcomes.collect())
    }

    fn entry(&self, event: &Event) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(event.detail_type)
            .time(DateTime::from_secs(event.at))
            .detail(event.detail.to_string())
            .build()
    }
}

/// Why a `PutEvents` call failed.
enum PutError {
    /// The content of an entry is at fault.
    Rejected,
    Failed,
}

/// What happened to one event.
#[derive(Clone, Copy)]
enum Outcome {
    Sent,
    Rejected,
    Unsent,
}

fn single_outcome(put: Result<Vec<Outcome>, PutError>) -> Vec<Outcome> {
    match put {
        Ok(outcomes) => outcomes,
        Err(PutError::Rejected) => vec![Outcome::Rejected],
        Err(PutError::Failed) => vec![Outcome::Unsent],
    }
}

/// Splits events into the ranges of one `PutEvents` call each.
fn batches(events: &[Event]) -> Vec<std::ops::Range<usize>> {
    let (mut batches, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, event) in events.iter().enumerate() {
        let event_bytes = event.detail.to_string().len();
        if index > start && (index - start == MAX_ENTRIES || bytes + event_bytes > MAX_BATCH_BYTES) {
            batches.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes += event_bytes;
    }
    if start < events.len() {
        batches.push(start..events.len());
    }
    batches
}
