//! Publishes events on an EventBridge bus. Must not know which changes yield an event: see `events`.

use aws_sdk_eventbridge::{Client, config::Builder, primitives::DateTime, types::PutEventsRequestEntry};
use serde_json::Value;
use shared::{aws::AwsConfig, http_client::HttpClient};

/// Value of `source` in every event.
const SOURCE: &str = "soa-link";
/// Upper bound of events per `PutEvents` call, as EventBridge sets it.
const MAX_ENTRIES: usize = 10;
/// Upper bound of the details in one `PutEvents` call, in bytes. EventBridge's limit of 256 KiB also counts the other members of the entries.
const MAX_BATCH_BYTES: usize = 200 * 1024;

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

/// An EventBridge bus.
#[derive(Clone, Debug)]
pub struct EventBus {
    client: Client,
    name: String,
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

    /// Publishes events in order, in batches.
    ///
    /// # Errors
    /// [`PublishError`] with the index of the first event that EventBridge did not confirm, if a call fails or EventBridge refuses an entry. A retry from that
    /// index is safe; it may publish events twice.
    pub async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        let mut rest = events.iter().enumerate().peekable();
        while let Some((first, _)) = rest.peek().copied() {
            let (mut entries, mut size) = (Vec::new(), 0);
            while let Some((_, event)) = rest.peek().copied() {
                let detail = event.detail.to_string();
                size += detail.len();
                if entries.len() == MAX_ENTRIES || (size > MAX_BATCH_BYTES && !entries.is_empty()) {
                    break;
                }
                entries.push(self.entry(event, detail));
                rest.next();
            }
            let put = self.client.put_events().set_entries(Some(entries)).send().await;
            let put = put.map_err(|_| PublishError { first_unsent: first })?;
            if let Some(refused) = put.entries().iter().position(|entry| entry.error_code().is_some()) {
                return Err(PublishError {
                    first_unsent: first + refused,
                });
            }
        }
        Ok(())
    }

    fn entry(&self, event: &Event, detail: String) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(event.detail_type)
            .time(DateTime::from_secs(event.at))
            .detail(detail)
            .build()
    }
}

/// EventBridge failed, or refused an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("EventBridge did not accept an event")]
pub struct PublishError {
    /// Index of the first event that EventBridge did not confirm.
    pub first_unsent: usize,
}
