//! A DynamoDB with an empty table of pending links: dynoxide, ministack, or the endpoint in `STORE_ENDPOINT_URL`.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::timeout::TimeoutConfig,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
        StreamSpecification, StreamViewType, TableStatus, TimeToLiveSpecification,
    },
};
use reqwest::header::{HeaderMap, HeaderValue};
use sandbox::{Endpoint, Options, Sandbox, deployment};
use serde_json::{Value, json};
use shared::{aws::AwsConfig, config::Environment, http_client::HttpClient, rng::Rng, store::PendingLinks};
use tokio::time::Instant;

use crate::support::{
    Ministack,
    proxy::{Proxy, Step},
};

/// How long a test waits for stream records.
pub(crate) const SOON: Duration = Duration::from_secs(3);

/// A DynamoDB with an empty pending-links table.
pub(crate) struct Engine {
    endpoint: String,
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) links: PendingLinks,
    _running: Running,
}

#[expect(dead_code, reason = "dropping it would stop the emulator")]
enum Running {
    Dynoxide(Sandbox),
    Ministack(Ministack),
    Elsewhere,
}

impl Engine {
    pub(crate) async fn dynoxide() -> Self {
        let elsewhere = || Endpoint::External("http://127.0.0.1:1".to_owned());
        let options = Options {
            gateway: elsewhere(),
            spotify: elsewhere(),
            site: elsewhere(),
            secrets_manager: elsewhere(),
            ..Options::default()
        };
        let sandbox = Sandbox::start(options, async |_| Ok(Vec::new())).await.unwrap();
        let endpoint = sandbox.addresses().dynamodb.clone();
        Self::emulator(endpoint, Running::Dynoxide(sandbox)).await
    }

    pub(crate) async fn ministack() -> Self {
        let ministack = Ministack::start().await;
        let endpoint = ministack.origin().to_owned();
        Self::emulator(endpoint, Running::Ministack(ministack)).await
    }

    async fn emulator(endpoint: String, running: Running) -> Self {
        let client = emulated(&endpoint);
        deployment::create_tables(&emulated_environment(&endpoint))
            .await
            .unwrap();
        Self::new(endpoint, client, deployment::PENDING_LINKS_TABLE.to_owned(), running)
    }

    /// The DynamoDB at `STORE_ENDPOINT_URL`, with a new table. Returns `None` if the variable is unset or empty.
    #[expect(
        clippy::disallowed_methods,
        reason = "reads the environment of the test, not of a function"
    )]
    pub(crate) async fn given() -> Option<Self> {
        let endpoint = std::env::var("STORE_ENDPOINT_URL").ok().filter(|url| !url.is_empty())?;
        let variables = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
        let environment: Environment = variables
            .chain([("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), endpoint.clone())])
            .collect();
        let aws = AwsConfig::from_env(&environment)
            .expect("STORE_ENDPOINT_URL needs AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
        let client = aws.dynamodb(&HttpClient::new().unwrap());
        let table = format!("soa-link-test-{:x?}", u64::from_be_bytes(Rng::System.bytes().unwrap()));
        create_table(&client, &table).await.unwrap();
        Some(Self::new(endpoint, client, table, Running::Elsewhere))
    }

    fn new(endpoint: String, client: Client, table: String, running: Running) -> Self {
        Self {
            endpoint,
            links: PendingLinks::new(client.clone(), table.clone()),
            client,
            table,
            _running: running,
        }
    }

    /// The table with longer timeouts, for race tests: fifty concurrent calls must not time out on a busy machine.
    pub(crate) fn patient(&self) -> PendingLinks {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_secs(3))
            .operation_timeout(Duration::from_secs(12))
            .build();
        let config = self.client.config().to_builder().timeout_config(timeouts).build();
        PendingLinks::new(Client::from_conf(config), self.table.clone())
    }

    /// The table behind a proxy that applies `steps` to the first requests.
    pub(crate) async fn behind(&self, steps: &[Step]) -> (Proxy, PendingLinks) {
        let proxy = Proxy::in_front_of(&self.endpoint).await;
        proxy.then(steps);
        let links = PendingLinks::new(emulated(proxy.origin()), self.table.clone());
        (proxy, links)
    }

    pub(crate) async fn item(&self, id: &str) -> Option<HashMap<String, AttributeValue>> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.key("id", AttributeValue::S(id.to_owned()));
        get.send().await.unwrap().item
    }

    /// Reads a stream from its beginning until it has `count` records or [`SOON`] has passed.
    pub(crate) async fn records(&self, arn: &str, count: usize) -> Vec<Value> {
        let stream = self.stream("DescribeStream", json!({"StreamArn": arn})).await;
        let shards = stream["StreamDescription"]["Shards"].as_array().unwrap();
        let started = Instant::now();
        loop {
            let mut records = Vec::new();
            for shard in shards {
                let from = json!({"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
                let iterator = self.stream("GetShardIterator", from).await;
                let read = json!({"ShardIterator": iterator["ShardIterator"]});
                let read = self.stream("GetRecords", read).await;
                records.extend(read["Records"].as_array().unwrap().iter().cloned());
            }
            if records.len() >= count || started.elapsed() > SOON {
                return records;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Calls DynamoDB Streams over plain HTTP: its SDK would lengthen the build for three calls.
    async fn stream(&self, action: &str, input: Value) -> Value {
        let authorization = "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/dynamodb/aws4_request, \
                             SignedHeaders=host, Signature=unchecked";
        let target = format!("DynamoDBStreams_20120810.{action}");
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static(authorization));
        headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
        headers.insert("x-amz-date", HeaderValue::from_static("20260101T000000Z"));
        headers.insert("x-amz-target", target.parse().unwrap());
        let http = HttpClient::new().unwrap();
        let answer = http.post(&self.endpoint, headers, input.to_string()).await.unwrap();
        assert!(answer.status.is_success(), "{action}: {}", answer.body.expose());
        serde_json::from_str(answer.body.expose()).unwrap()
    }
}

pub(crate) fn emulated(endpoint: &str) -> Client {
    let aws = AwsConfig::from_env(&emulated_environment(endpoint)).unwrap();
    aws.dynamodb(&HttpClient::new().unwrap())
}

fn emulated_environment(endpoint: &str) -> Environment {
    Environment::from_iter([
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ])
}

/// Creates a table with the schema of the pending links and a stream. Returns the ARN of the stream.
pub(crate) async fn create_table(client: &Client, table: &str) -> Option<String> {
    let id = AttributeDefinition::builder().attribute_name("id");
    let key = KeySchemaElement::builder().attribute_name("id");
    let stream = StreamSpecification::builder().stream_enabled(true);
    let create = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(id.attribute_type(ScalarAttributeType::S).build().unwrap())
        .key_schema(key.key_type(KeyType::Hash).build().unwrap())
        .stream_specification(
            stream
                .stream_view_type(StreamViewType::NewAndOldImages)
                .build()
                .unwrap(),
        );
    create.send().await.unwrap();
    let table_is_there = async {
        loop {
            let described = client
                .describe_table()
                .table_name(table)
                .send()
                .await
                .unwrap()
                .table
                .unwrap();
            if described.table_status() == Some(&TableStatus::Active) {
                return described;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let described = tokio::time::timeout(Duration::from_mins(1), table_is_there)
        .await
        .unwrap();
    let time_to_live = TimeToLiveSpecification::builder().attribute_name("delete_at");
    let time_to_live = time_to_live.enabled(true).build().unwrap();
    let update = client.update_time_to_live().table_name(table);
    update.time_to_live_specification(time_to_live).send().await.unwrap();
    described.latest_stream_arn
}
