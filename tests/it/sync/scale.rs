//! Work follows the subscribers who are dirty, not the size of the table: what a sweep and the records of the stream cost in requests to DynamoDB and calls to
//! Spotify. `make bench-scale` counts the same with a million subscribers.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use sandbox::{deployment, stream::Stream};
use serde_json::{Value, json};
use shared::{
    aws::AwsConfig,
    clock::Clock,
    http_client::HttpClient,
    partner::{Entitlements, PartnerUserId},
    rng::Rng,
    runtime::worker::EventFunction as _,
    store::Lane,
};
use sync::Synchronizer;

use crate::support::{
    World,
    meter::{Counts, Meter},
    synchronizer::{LONG, ada, add_linked, calls, subscribers},
    template::filtered,
};

const DIRTY: usize = 10;
/// Queries of an idle sweep: each shard of the three lanes, and again those of two lanes for the metric of dirty subscribers.
const IDLE_QUERIES: usize = 40;

/// A world with linked subscribers who are in sync, and a sync function whose calls to DynamoDB are counted.
struct Case {
    world: World,
    meter: Meter,
    sync: Synchronizer,
    people: Vec<PartnerUserId>,
}

impl Case {
    async fn with(people: usize) -> Self {
        let world = World::new().await;
        let people = add_linked(&world, 0..people, None).await;
        let meter = Meter::in_front_of(&world.sandbox.addresses().dynamodb).await.unwrap();
        // The clock moves: otherwise each permit would be a millisecond further ahead, and take a second attempt.
        let variables = [("SPOTIFY_RATE", "1000"), ("AWS_ENDPOINT_URL_DYNAMODB", meter.origin())];
        let sync = Synchronizer::start(world.environment(&variables), Clock::ahead(), Rng::System);
        let sync = sync.await.unwrap();
        meter.take();
        Self {
            world,
            meter,
            sync,
            people,
        }
    }

    fn id(&self, person: usize) -> String {
        format!(
            "{}#{}",
            self.world.sandbox.options().partner_id,
            self.people[person].expose()
        )
    }

    /// The partner wants `gold` for a person.
    async fn change(&self, person: usize, lane: Lane) {
        let table = subscribers(&self.world, &[]);
        let before = table.get(&ada(&self.world).0, &self.people[person]).await.unwrap();
        let gold = Entitlements::parse(["gold"]).unwrap();
        let changed = table.replace_if_unchanged(&before, &gold, lane, self.world.clock.now());
        assert!(changed.await.unwrap().is_some());
    }

    /// What one event costs: requests to DynamoDB, and calls to Spotify.
    async fn cost(&self, event: Value) -> (Counts, (usize, usize)) {
        self.world.spotify().requests().clear();
        self.meter.take();
        self.sync.handle(&event, LONG).await.unwrap();
        (self.meter.take(), calls(&self.world))
    }

    async fn sweep(&self) -> (Counts, (usize, usize)) {
        self.cost(json!({"task": "sweep"})).await
    }
}

#[tokio::test]
async fn a_sweep_costs_the_same_in_a_table_a_hundred_times_larger() {
    let (small, large) = (Case::with(DIRTY).await, Case::with(100 * DIRTY).await);
    let mut costs = Vec::new();
    for case in [&small, &large] {
        for person in 0..DIRTY {
            case.change(person, Lane::Individual).await;
        }
        let (counts, calls) = case.sweep().await;
        // The lease of the run is written twice, a dirty subscriber three times: permit, lease, result.
        let requests = BTreeMap::from([
            ("Query".to_owned(), IDLE_QUERIES),
            ("UpdateItem".to_owned(), 2 + 3 * DIRTY),
        ]);
        assert_eq!((&counts.requests, calls), (&requests, (0, DIRTY)));
        let mut dirty: Vec<_> = (0..DIRTY).map(|person| case.id(person)).collect();
        assert_eq!(
            (Vec::from_iter(counts.returned.clone()), counts.items_read),
            (dirty.clone(), 10)
        );
        let limiter = format!("rate-limit#{}", case.world.sandbox.options().client_id);
        dirty.extend(["lease#sweep".to_owned(), limiter]);
        dirty.sort();
        assert_eq!(Vec::from_iter(counts.written.clone()), dirty);
        costs.push(counts);
    }
    assert_eq!(costs[0], costs[1]);

    // The count is not blind: one more dirty subscriber costs one more of each.
    for person in 0..=DIRTY {
        let gold = ["gold", "silver"];
        let table = subscribers(&large.world, &[]);
        let partner_id = ada(&large.world).0;
        let now = large.world.clock.now();
        crate::support::set_entitlements(&table, &partner_id, &large.people[person], &gold, now).await;
    }
    let (counts, calls) = large.sweep().await;
    assert_eq!(
        (counts.requests["UpdateItem"], counts.items_read, calls),
        (5 + 3 * DIRTY, 11, (0, 11))
    );
    // And in sync, all are left alone.
    let (counts, calls) = large.sweep().await;
    let requests = BTreeMap::from([("Query".to_owned(), IDLE_QUERIES), ("UpdateItem".to_owned(), 2)]);
    assert_eq!((counts.requests, counts.items_read, calls), (requests, 0, (0, 0)));
}

/// Everything that sync, an import and an operator write comes back as a record. None of it costs a request or a call, except for individual changes.
#[tokio::test]
async fn of_the_records_of_a_stream_only_individual_changes_are_worked_on() {
    let case = Case::with(3 * DIRTY).await;
    let aws = AwsConfig::from_env(&case.world.environment(&[])).unwrap();
    let dynamodb = aws.dynamodb(&HttpClient::new().unwrap());
    let stream = Stream::of_table(&aws, deployment::SUBSCRIBERS_TABLE).await.unwrap();
    let records = Mutex::new(Vec::<Value>::new());
    let collect = async |event: Value| {
        records
            .lock()
            .unwrap()
            .extend(event["Records"].as_array().unwrap().clone());
        Some(json!({"batchItemFailures": []}))
    };
    let written = async {
        // An import, its sync, a round of the reconciliation, and a deletion.
        tokio::time::sleep(Duration::from_millis(500)).await;
        for person in 0..DIRTY {
            case.change(person, Lane::Bulk).await;
        }
        case.sweep().await;
        case.cost(json!({"task": "reconcile"})).await;
        let delete = dynamodb.delete_item().table_name(deployment::SUBSCRIBERS_TABLE);
        let last = AttributeValue::S(case.id(3 * DIRTY - 1));
        delete.key("id", last).send().await.unwrap();
        // The stream delivers its records a moment later.
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    tokio::select! {
        ended = stream.feed(collect) => panic!("{ended:?}"),
        () = written => {}
    }
    let mut records = records.into_inner().unwrap();
    let kinds = |name: &str| records.iter().filter(|record| record["eventName"] == name).count();
    assert!(
        kinds("MODIFY") > 3 * DIRTY && kinds("INSERT") > 3 && kinds("REMOVE") == 1,
        "{records:?}"
    );

    let (counts, called) = case.cost(json!({ "Records": records })).await;
    assert_eq!((counts, called), (Counts::default(), (0, 0)));
    // Lambda does not even pass most of them: the results alone have an event.
    let passed = filtered(&json!({ "Records": records })).unwrap();
    let passed = passed["Records"].as_array().unwrap().len();
    assert_eq!(passed, DIRTY);

    // The same records with one individual change among them.
    case.change(DIRTY, Lane::Individual).await;
    let change = json!({"eventName": "MODIFY", "dynamodb": {
        "Keys": {"id": {"S": case.id(DIRTY)}}, "OldImage": {},
        "NewImage": {"dirty": {"S": "0"}, "version": {"N": "1"}, "changed_at": {"N": "1"}},
    }});
    records.insert(records.len() / 2, change);
    assert_eq!(
        filtered(&json!({ "Records": records })).unwrap()["Records"]
            .as_array()
            .unwrap()
            .len(),
        DIRTY + 1
    );
    let (counts, called) = case.cost(json!({ "Records": records })).await;
    let requests = BTreeMap::from([("UpdateItem".to_owned(), 3)]);
    assert_eq!((counts.requests, counts.items_read, called), (requests, 0, (0, 1)));
}
