//! Publishes events on an EventBridge bus, at least once. What is worth an event is decided by `events`.

use aws_sdk_eventbridge::{Client, config::Builder, primitives::DateTime, types::PutEventsRequestEntry};
use serde_json::Value;
use shared::{aws::AwsConfig, http_client::HttpClient};

/// `source` of every event.
const SOURCE: &str = "soa-link";
/// The most events of one call (EventBridge, `PutEvents`).
const MAX_ENTRIES: usize = 10;
/// The most that one call carries, in bytes: 256 KiB is EventBridge's limit, over all members of its entries.
const MAX_BATCH_BYTES: usize = 200 * 1024;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// `detail-type`: what.
    pub detail_type: &'static str,
    /// When, in seconds since 1970.
    pub at: i64,
    /// `detail`: of whom, and all else. A repetition has the same.
    pub detail: Value,
}

/// A bus.
#[derive(Clone, Debug)]
pub struct EventBus {
    client: Client,
    name: String,
}

impl EventBus {
    /// The bus of this name.
    #[must_use]
    pub fn new(aws: &AwsConfig, http: &HttpClient, name: String) -> Self {
        let mut config = Builder::from(&aws.sdk(http));
        config.set_endpoint_url(aws.eventbridge_endpoint.clone());
        Self {
            client: Client::from_conf(config.build()),
            name,
        }
    }

    /// Puts events on the bus, in their order.
    ///
    /// # Errors
    /// [`PublishError`] with the place of the first that the bus may not have taken.
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

/// The bus does not answer, or has not taken all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("EventBridge has not taken an event")]
pub struct PublishError {
    /// The place of the first that it may not have taken.
    pub first_unsent: usize,
}
