//! What an idle day and a change cost: DynamoDB units, invocations and calls to Spotify, counted and compared with `infra/README.md`.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Mutex,
};

use aws_sdk_dynamodb::types::AttributeValue;
use sandbox::{deployment, stream::Stream};
use serde_json::{Value, json};
use shared::{aws::AwsConfig, clock::Clock, http_client::HttpClient, rng::Rng, runtime::worker::EventFunction as _};
use sync::Synchronizer;

use crate::support::{
    World,
    proxy::Proxy,
    synchronizer::{LONG, add_linked, calls, follow, linked, start_with},
    template::{ROOT, filtered},
};

const LINKED: usize = 1_000;
const MINUTES: usize = 24 * 60;
/// Sweeps of an idle day all cost the same, so one an hour is run and counted for all.
const SWEEP_EVERY: usize = 60;
/// The operations that the functions use. Each `UpdateItem` or `PutItem` of less than 1 KB is one write unit, apart from its index.
const OPERATIONS: [&str; 7] = [
    "DynamoDB_20120810.UpdateItem",
    "DynamoDB_20120810.PutItem",
    "DynamoDB_20120810.Query",
    "DynamoDB_20120810.GetItem",
    "DynamoDB_20120810.Scan",
    "DynamoDB_20120810.BatchGetItem",
    "DynamoDB_20120810.TransactWriteItems",
];

/// A proxy that counts the operations.
async fn counting(world: &World) -> Proxy {
    let proxy = Proxy::in_front_of(&world.sandbox.addresses().dynamodb).await;
    for operation in OPERATIONS {
        proxy.matching(operation, None, 0);
    }
    proxy
}

fn counts(proxy: &Proxy) -> BTreeMap<&'static str, usize> {
    let count = |operation: &'static str| {
        (
            operation.trim_start_matches("DynamoDB_20120810."),
            proxy.seen_about(operation),
        )
    };
    OPERATIONS.into_iter().map(count).collect()
}

fn difference(
    after: &BTreeMap<&'static str, usize>,
    before: &BTreeMap<&'static str, usize>,
) -> BTreeMap<&'static str, usize> {
    after
        .iter()
        .map(|(name, count)| (*name, count - before[name]))
        .collect()
}

/// The rows of the table of the idle day in `infra/README.md`.
fn documented() -> HashMap<String, usize> {
    let readme = std::fs::read_to_string(format!("{ROOT}/infra/README.md")).unwrap();
    let (_, section) = readme
        .split_once("\n### One idle day with 1,000 linked subscribers\n")
        .unwrap();
    let rows = section
        .split("\n##")
        .next()
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(2);
    let row = |row: &str| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        (cells[0].to_owned(), cells[1].replace(',', "").parse().unwrap())
    };
    rows.map(row).collect()
}

/// The size of an item as DynamoDB bills it, roughly: names and values.
fn size(item: &HashMap<String, AttributeValue>) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        other => panic!("{other:?}"),
    };
    let of = |attribute: &AttributeValue| match attribute {
        AttributeValue::L(values) => 3 + values.iter().map(|element| 1 + value(element)).sum::<usize>(),
        attribute => value(attribute),
    };
    item.iter().map(|(name, attribute)| name.len() + of(attribute)).sum()
}

#[tokio::test]
async fn an_idle_day_with_a_thousand_linked_subscribers_costs_what_the_readme_says() {
    let world = World::new().await;
    add_linked(&world, 0..LINKED, None).await;
    let aws = AwsConfig::from_env(&world.environment(&[])).unwrap();
    let dynamodb = aws.dynamodb(&HttpClient::new().unwrap());
    let items = dynamodb
        .scan()
        .table_name(deployment::SUBSCRIBERS_TABLE)
        .send()
        .await
        .unwrap();
    let bytes: usize = items.items().iter().map(size).sum();
    let proxy = counting(&world).await;
    let clock = Clock::ahead();
    let variables = [("SPOTIFY_RATE", "1000"), ("AWS_ENDPOINT_URL_DYNAMODB", proxy.origin())];
    let sync = Synchronizer::start(world.environment(&variables), clock.clone(), Rng::System);
    let sync = sync.await.unwrap();
    let stream = Stream::of_table(&aws, deployment::SUBSCRIBERS_TABLE).await.unwrap();
    let records = Mutex::new(Vec::<Value>::new());
    let run = async |task: &str| {
        let before = counts(&proxy);
        sync.handle(&json!({ "task": task }), LONG).await.unwrap();
        difference(&counts(&proxy), &before)
    };
    let day = async {
        let (mut units, mut invocations) = (BTreeMap::<&str, usize>::new(), 0);
        let mut sweeps = Vec::new();
        for minute in 0..MINUTES {
            invocations += 1;
            if minute % SWEEP_EVERY == 0 {
                sweeps.push(run("sweep").await);
            }
            if minute % 5 == 0 {
                invocations += 1;
                for (name, count) in run("reconcile").await {
                    *units.entry(name).or_default() += count;
                }
            }
            clock.advance(60);
        }
        assert!(sweeps.iter().all(|sweep| sweep == &sweeps[0]), "{sweeps:?}");
        for (name, count) in &sweeps[0] {
            *units.entry(name).or_default() += count * MINUTES;
        }
        // The stream delivers its records a moment later.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        (units, invocations)
    };
    let collect = async |event: Value| {
        records
            .lock()
            .unwrap()
            .extend(event["Records"].as_array().unwrap().clone());
        Some(json!({"batchItemFailures": []}))
    };
    let (units, invocations) = tokio::select! {
        ended = stream.feed(collect) => panic!("{ended:?}"),
        day = day => day,
    };
    // No write of sync about an unchanged subscriber invokes it again.
    let records = records.into_inner().unwrap();
    assert!(records.len() > 100, "{}", records.len());
    assert_eq!(filtered(&json!({ "Records": records })), None);

    let writes = units["UpdateItem"] + units["PutItem"];
    // Eventually consistent reads are half a unit, consistent ones a whole unit for each 4 KB. Each page of the scan rounds up.
    let scanned = bytes.div_ceil(2 * 4096) + units["Scan"];
    let reads = units["Query"] / 2 + units["GetItem"] + scanned;
    assert_eq!((units["BatchGetItem"], units["TransactWriteItems"]), (0, 0));
    let asked = calls(&world);
    assert_eq!((asked, world.calls()), ((LINKED, 0), (1, 0, 0)));
    let documented = documented();
    let about = |name: &str, counted: usize| {
        let documented = documented[name];
        assert!(
            counted.abs_diff(documented) * 100 <= documented,
            "{name}: {counted}, documented {documented}"
        );
    };
    about("Invocations of `sync`", invocations);
    about("DynamoDB write units", writes);
    about("DynamoDB read units", reads);
    about("Calls to Spotify", asked.0 + world.calls().0);
}

/// The rows of DynamoDB in the table of a million changes: a read and five write units for the request (two items of a transaction count twice), four for its sync.
#[tokio::test]
async fn a_change_costs_the_writes_that_the_readme_says() {
    let (world, _) = linked().await;
    let readme = std::fs::read_to_string(format!("{ROOT}/infra/README.md")).unwrap();
    assert!(readme.contains("| DynamoDB: `jti` and entitlements in a transaction, index `dirty` | 5 writes, 1 read |"));
    assert!(readme.contains("| DynamoDB: rate limiter, lease, result, index `dirty` | 4 writes |"));
    let proxy = counting(&world).await;
    let sync = start_with(&world, &[("AWS_ENDPOINT_URL_DYNAMODB", proxy.origin())]).await;
    // A revocation also writes the guard.
    world.write_entitlements("add", "ada", &["gold"]).await;
    follow(&world, &sync).await;
    let counts = counts(&proxy);
    // The index entry is written with the change and deleted with the result; the lease leaves it.
    assert_eq!(
        (counts["UpdateItem"], counts["PutItem"], counts["GetItem"]),
        (3, 0, 0),
        "{counts:?}"
    );
}
