//! A simulated Lambda event source mapping: passes batches of a table's stream to a function, and retries from the first failed record.

use std::collections::HashMap;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::config::{BehaviorVersion, Config, Region};
use aws_sdk_dynamodbstreams::types::{AttributeValue, OperationType, Record, ShardIteratorType, StreamDescription};
use serde_json::{Map, Value, json};
use shared::aws::{AwsConfig, http_client};
use shared::http_client::HttpClient;

use crate::RoutesError;

/// Interval between polls of an empty stream, and before the retry of a batch.
const PAUSE: Duration = Duration::from_millis(200);
/// Upper bound of records in a batch.
const BATCH: i32 = 100;

/// The stream of a table.
#[derive(Debug)]
pub struct Stream {
    client: Client,
    arn: String,
}

impl Stream {
    /// Finds the stream of a table.
    ///
    /// # Errors
    ///
    /// Fails if the table has no stream, or if DynamoDB is unreachable.
    pub async fn of_table(aws: &AwsConfig, table: &str) -> Result<Self, RoutesError> {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("sandbox", "sandbox", None, None, "sandbox"))
            .http_client(http_client(&HttpClient::new()?))
            .endpoint_url(aws.dynamodb_origin())
            .build();
        let client = Client::from_conf(config);
        let streams = client.list_streams().table_name(table).send().await?;
        let arn = streams.streams().first().and_then(|stream| stream.stream_arn());
        let arn = arn.ok_or("the table has no stream")?.to_owned();
        Ok(Self { client, arn })
    }

    /// Passes records written from now on to `function`, as Lambda does. Runs until it is dropped or the stream ends.
    ///
    /// `function` returns `None` if the whole batch failed.
    ///
    /// # Errors
    ///
    /// Fails if the stream is unreachable.
    pub async fn feed<F: Future<Output = Option<Value>>>(
        &self,
        function: impl Fn(Value) -> F,
    ) -> Result<(), RoutesError> {
        let described = self.client.describe_stream().stream_arn(&self.arn).send().await?;
        let shards = described.stream_description().map(StreamDescription::shards);
        let shard = shards
            .and_then(|shards| shards.last())
            .and_then(|shard| shard.shard_id());
        let shard = shard.ok_or("the stream has no shard")?;
        let iterator = |kind| {
            let iterator = self.client.get_shard_iterator().stream_arn(&self.arn);
            iterator.shard_id(shard).shard_iterator_type(kind)
        };
        let mut position = iterator(ShardIteratorType::Latest).send().await?.shard_iterator;
        while let Some(from) = position {
            let batch = self
                .client
                .get_records()
                .shard_iterator(from)
                .limit(BATCH)
                .send()
                .await?;
            let records: Vec<_> = batch.records().iter().map(record).collect();
            position = batch.next_shard_iterator;
            if records.is_empty() {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let first = records.first().and_then(sequence_number).map(str::to_owned);
            let failed = match function(json!({"Records": records})).await {
                Some(answer) => {
                    let failed = answer
                        .pointer("/batchItemFailures/0/itemIdentifier")
                        .and_then(Value::as_str);
                    failed.map(str::to_owned)
                }
                None => first,
            };
            if let Some(failed) = failed {
                tokio::time::sleep(PAUSE).await;
                let again = iterator(ShardIteratorType::AtSequenceNumber).sequence_number(failed);
                position = again.send().await?.shard_iterator;
            }
        }
        Ok(())
    }
}

fn sequence_number(record: &Value) -> Option<&str> {
    record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str)
}

/// Converts a record to the form that Lambda passes to functions.
fn record(record: &Record) -> Value {
    let change = record.dynamodb();
    let image = |image: Option<&HashMap<String, AttributeValue>>| image.map(item);
    let mut told = Map::new();
    let members = [
        ("Keys", change.and_then(|change| image(change.keys()))),
        ("OldImage", change.and_then(|change| image(change.old_image()))),
        ("NewImage", change.and_then(|change| image(change.new_image()))),
        (
            "SequenceNumber",
            change.and_then(|change| change.sequence_number()).map(Value::from),
        ),
        (
            "ApproximateCreationDateTime",
            change
                .and_then(|change| change.approximate_creation_date_time())
                .map(|time| time.secs().into()),
        ),
    ];
    for (name, value) in members {
        told.extend(value.map(|value| (name.to_owned(), value)));
    }
    json!({
        "eventID": record.event_id(),
        "eventName": record.event_name().map(OperationType::as_str),
        "eventSource": "aws:dynamodb",
        "dynamodb": told,
    })
}

fn item(item: &HashMap<String, AttributeValue>) -> Value {
    item.iter()
        .map(|(name, value)| (name.clone(), attribute(value)))
        .collect()
}

fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(truth) => json!({ "BOOL": truth }),
        AttributeValue::L(list) => json!({ "L": list.iter().map(attribute).collect::<Vec<_>>() }),
        AttributeValue::M(map) => json!({ "M": item(map) }),
        AttributeValue::Ss(set) => json!({ "SS": set }),
        // The tables have no attributes of other types.
        _ => json!({ "NULL": true }),
    }
}
