//! Sets aside what can never succeed, so that it does not block a shard of the stream. A message in an SQS queue holds it for an operator. This module does not
//! decide what can never succeed.

use aws_sdk_sqs::{Client, config::Builder};
use serde_json::{Value, json};
use shared::{aws::AwsConfig, http_client::HttpClient, log, telemetry::Code};

/// The queue of records that were set aside.
#[derive(Clone, Debug)]
pub(crate) struct DeadLetters {
    client: Client,
    /// URL of the queue; `None` only logs.
    queue_url: Option<String>,
}

/// SQS did not accept a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotSetAside;

impl DeadLetters {
    pub(crate) fn new(aws: &AwsConfig, http: &HttpClient, queue_url: Option<String>) -> Self {
        let mut config = Builder::from(&aws.sdk(http));
        config.set_endpoint_url(aws.sqs_endpoint.clone());
        Self {
            client: Client::from_conf(config.build()),
            queue_url,
        }
    }

    /// Sets a stream record aside, with the event that was rejected, if there is one. The message names the subscriber, the log line does not.
    ///
    /// # Errors
    /// [`NotSetAside`] if SQS does not confirm the message. A retry is safe; it may send the message twice.
    pub(crate) async fn set_aside(
        &self,
        record: &Value,
        reason: &'static str,
        event: Option<Value>,
    ) -> Result<(), NotSetAside> {
        let of = |path: &str| record.pointer(path).cloned().unwrap_or_default();
        let (event_id, sequence_number) = (of("/eventID"), of("/dynamodb/SequenceNumber"));
        if let Some(queue_url) = &self.queue_url {
            let message = json!({
                "reason": reason, "event_id": event_id, "sequence_number": sequence_number,
                "id": of("/dynamodb/Keys/id/S"), "event": event,
            });
            let message = message.to_string();
            let sent = self.client.send_message().queue_url(queue_url).message_body(message);
            sent.send().await.map_err(|_| NotSetAside)?;
        }
        let event_id = event_id.as_str().unwrap_or_default();
        log!(error, Code::RecordSetAside, reason, event_id);
        Ok(())
    }
}
