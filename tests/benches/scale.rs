//! Counts the work of sync in a table of `PEOPLE` linked subscribers (default 100,000, at most 1,000,000), of whom 1 % are dirty: first in a sweep, then in as
//! many records of the stream. The reference is a table that has no other subscribers than the dirty ones. The counts must be exact; times are only printed.

#![expect(clippy::print_stdout, reason = "the benchmark prints its results")]

#[path = "../it/support/meter.rs"]
mod meter;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    env,
    error::Error,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, PutRequest, StreamSpecification, WriteRequest},
};
use sandbox::{Addresses, Link, Options, Sandbox, deployment};
use serde_json::{Value, json};
use shared::{
    aws::AwsConfig,
    clock::Clock,
    config::Environment,
    http_client::HttpClient,
    partner::{Entitlements, PartnerId, PartnerUserId},
    rng::Rng,
    runtime::worker::EventFunction as _,
    store::{Lane, Subscribers},
};
use sync::Synchronizer;
use tokio::task::JoinSet;

use crate::meter::{Counts, Meter};

type Done<T> = Result<T, Box<dyn Error>>;

/// A time limit longer than any run.
const LONG: Duration = Duration::from_hours(6);
/// One in a hundred subscribers is dirty, and one in a hundred records is an individual change.
const ONE_IN: usize = 100;
/// Records in an invocation, as in `infra/template.yaml`.
const BATCH: usize = 100;
/// Concurrent writes while the table is filled.
const AT_ONCE: usize = 8;
const GET: &str = "/api/v1/get-entitlements";
const REPLACE: &str = "/api/v1/replace-entitlements";
const TEMPLATE: &str = include_str!("../../infra/template.yaml");

#[tokio::main]
async fn main() -> Done<()> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let people = people()?;
    let dirty = people / ONE_IN;
    // Boxed: the futures hold a whole sandbox and are too large for the stack.
    let small = Box::pin(World::new(dirty, 1)).await?;
    let large = Box::pin(World::new(people, ONE_IN)).await?;

    println!("\na sweep with {dirty} dirty subscribers");
    let (reference, reference_took) = small.sweep(&["basic", "gold"]).await?;
    let (counts, took) = large.sweep(&["basic", "gold"]).await?;
    print("of as many", &reference);
    print(&format!("of {people}"), &counts);
    println!("  {:.2} times the time", took.div_duration_f64(reference_took));
    require("requests", &counts.requests, &reference.requests)?;
    require("items read", &counts.items_read, &reference.items_read)?;
    require(
        "units",
        &(counts.read_units, counts.write_units),
        &(reference.read_units, reference.write_units),
    )?;

    println!("\n{people} records of the stream, of which {dirty} are individual changes");
    large.change(&["basic", "gold", "silver"], &[Lane::Individual]).await?;
    let filter = filter();
    let is_passed = |record: &Value| filter.iter().any(|path| record.pointer(path).is_some());
    let passed = large.records().filter(is_passed).count();
    let (counts, took) = large.follow_stream().await?;
    print("all records", &counts);
    #[expect(
        clippy::cast_precision_loss,
        reason = "the number of records is small enough to be exact"
    )]
    let share = 100.0 * passed as f64 / people as f64;
    println!(
        "  {:.1} ms for each change",
        took.as_secs_f64() * 1000.0 / f64::from(u32::try_from(dirty)?)
    );
    println!("  the filter of the template passes {passed} of {people} to the function, {share:.0} %");
    // The changes themselves, and the results of their sync, which yield events.
    require("records that pass the filter", &passed, &(2 * dirty))?;
    require(
        "requests",
        &counts.requests,
        &BTreeMap::from([("UpdateItem".to_owned(), 3 * dirty)]),
    )?;
    require(
        "events",
        &large.sandbox.secrets_manager().event_bus().all().len(),
        &dirty,
    )
}

/// A table of linked and synced subscribers, and a sync function whose requests to DynamoDB are counted.
struct World {
    sandbox: Sandbox,
    clock: Clock,
    sync: Synchronizer,
    meter: Meter,
    subscribers: Subscribers,
    partner_id: PartnerId,
    people: usize,
    /// The subscribers who become dirty.
    dirty: Vec<PartnerUserId>,
}

impl World {
    /// A table of `people`, of whom one in `one_in` becomes dirty. The tables have the same dirty subscribers.
    async fn new(people: usize, one_in: usize) -> Done<Self> {
        let clock = Clock::ahead();
        let options = deployment::with_secrets(Options::default());
        let sandbox = Sandbox::start(options.clone(), async |_: Addresses| Ok(Vec::new())).await?;
        let meter = Meter::in_front_of(&sandbox.addresses().dynamodb).await?;
        let environment = |changes: &[(&str, &str)]| -> Environment {
            let variables = deployment::variables(&options, sandbox.addresses()).into_iter();
            let changes = changes
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            variables
                .chain(changes)
                .collect::<BTreeMap<_, _>>()
                .into_iter()
                .collect()
        };
        deployment::create_tables(&environment(&[]))
            .await
            .map_err(|error| error.to_string())?;
        let aws = AwsConfig::from_env(&environment(&[])).ok_or("no AWS variables")?;
        let dynamodb = aws.dynamodb(&HttpClient::new()?);
        without_stream(&dynamodb).await?;
        let metered = [("SPOTIFY_RATE", "1000"), ("AWS_ENDPOINT_URL_DYNAMODB", meter.origin())];
        let sync = Synchronizer::start(environment(&metered), clock.clone(), Rng::System).await?;
        let partner_id = PartnerId::parse(&options.partner_id)?;
        let dirty: Result<Vec<_>, _> = (0..people / one_in).map(|n| PartnerUserId::parse(&person(n))).collect();
        let world = Self {
            sandbox,
            clock,
            sync,
            meter,
            subscribers: Subscribers::new(dynamodb.clone(), deployment::SUBSCRIBERS_TABLE.to_owned()),
            partner_id,
            people,
            dirty: dirty?,
        };
        world.fill(&dynamodb).await?;
        Ok(world)
    }

    /// Writes all subscribers as they are after their sync.
    async fn fill(&self, dynamodb: &Client) -> Done<()> {
        let began = Instant::now();
        let partner_id = self.partner_id.as_str();
        // Spotify answers 404 about all others, so a call about one of them would change the table.
        self.sandbox.spotify().add_links(self.dirty.iter().map(|person| Link {
            partner_id: partner_id.to_owned(),
            partner_user_id: person.expose().to_owned(),
            account: format!("account of {}", person.expose()),
            entitlements: vec!["basic".to_owned()],
            ..Link::default()
        }));
        let mut writes = JoinSet::new();
        for from in (0..self.people).step_by(25) {
            if writes.len() == AT_ONCE
                && let Some(written) = writes.join_next().await
            {
                written??;
            }
            let puts = (from..self.people.min(from + 25)).map(|n| {
                let put = PutRequest::builder()
                    .set_item(Some(item(partner_id, &person(n))))
                    .build()?;
                Ok(WriteRequest::builder().put_request(put).build())
            });
            let puts: Done<Vec<_>> = puts.collect();
            let write = dynamodb
                .batch_write_item()
                .request_items(deployment::SUBSCRIBERS_TABLE, puts?);
            writes.spawn(async move { write.send().await.map(drop) });
        }
        while let Some(written) = writes.join_next().await {
            written??;
        }
        println!(
            "{} subscribers written in {:.0} s",
            self.people,
            began.elapsed().as_secs_f64()
        );
        Ok(())
    }

    /// Changes the entitlements of the subscribers who become dirty, in these lanes in turns.
    async fn change(&self, entitlements: &[&str], lanes: &[Lane]) -> Done<()> {
        let entitlements = Entitlements::parse(entitlements)?;
        for (person, lane) in self.dirty.iter().zip(lanes.iter().cycle()) {
            let before = self.subscribers.get(&self.partner_id, person).await?;
            let now = self.clock.now();
            let changed = self
                .subscribers
                .replace_if_unchanged(&before, &entitlements, *lane, now);
            changed.await?.ok_or("a change was not written")?;
        }
        Ok(())
    }

    /// Changes the dirty subscribers and sweeps once. Checks that exactly they were read, written and sent.
    async fn sweep(&self, entitlements: &[&str]) -> Done<(Counts, Duration)> {
        self.change(entitlements, &[Lane::Individual, Lane::Bulk]).await?;
        let (counts, took) = self.measured(entitlements, [json!({"task": "sweep"})]).await?;
        let dirty: BTreeSet<_> = self.dirty.iter().map(|person| self.id(person.expose())).collect();
        require("subscribers read", &counts.returned.len(), &dirty.len())?;
        require("subscribers read", &counts.returned, &dirty)?;
        Ok((counts, took))
    }

    /// Passes all records to the function, also those that the filter would keep away.
    async fn follow_stream(&self) -> Done<(Counts, Duration)> {
        let mut records = self.records();
        let batches = std::iter::from_fn(|| {
            let batch: Vec<_> = records.by_ref().take(BATCH).collect();
            (!batch.is_empty()).then(|| json!({ "Records": batch }))
        });
        let entitlements = ["basic", "gold", "silver"];
        let (counts, took) = self.measured(&entitlements, batches).await?;
        require("items read", &counts.items_read, &0)?;
        Ok((counts, took))
    }

    /// Handles events, and checks that exactly the dirty subscribers were leased, sent and written.
    async fn measured(
        &self,
        entitlements: &[&str],
        events: impl IntoIterator<Item = Value>,
    ) -> Done<(Counts, Duration)> {
        let requests = self.sandbox.spotify().requests();
        requests.clear();
        self.sandbox.secrets_manager().event_bus().clear();
        self.meter.take();
        let began = Instant::now();
        for event in events {
            self.sync.handle(&event, LONG).await?;
        }
        let took = began.elapsed();
        let counts = self.meter.take();
        let calls = (requests.to(GET).len(), requests.to(REPLACE).len());
        require("calls to Spotify", &calls, &(0, self.dirty.len()))?;
        let is_of_sync = |id: &&String| !id.starts_with("rate-limit#") && !id.starts_with("lease#");
        let written: BTreeSet<_> = counts.written.iter().filter(is_of_sync).cloned().collect();
        let dirty: BTreeSet<_> = self.dirty.iter().map(|person| self.id(person.expose())).collect();
        require("subscribers written", &written.len(), &dirty.len())?;
        require("subscribers written", &written, &dirty)?;
        let wrong = self.sandbox.spotify().links();
        let wrong = wrong.iter().filter(|link| link.entitlements != entitlements).count();
        require("subscribers whose entitlements at Spotify differ", &wrong, &0)?;
        Ok((counts, took))
    }

    fn id(&self, person: &str) -> String {
        format!("{}#{person}", self.partner_id)
    }

    /// As many records as there are subscribers. One in a hundred is an individual change, and one is the result of its sync. The others are what else sync, an
    /// import and an operator write.
    fn records(&self) -> impl Iterator<Item = Value> {
        let record = |id: String, old: Value, new: Value| {
            let name = if new.is_null() { "REMOVE" } else { "MODIFY" };
            let images = json!({"Keys": {"id": {"S": id}}, "OldImage": old, "NewImage": new, "SequenceNumber": "1"});
            json!({"eventID": id, "eventName": name, "dynamodb": images})
        };
        (0..self.people).map(move |n| {
            let (changed, kind) = (n / ONE_IN, n % ONE_IN);
            let key = self.id(&person(n));
            let image = |more: Value| {
                let mut image = json!({
                    "partner_id": {"S": self.partner_id.as_str()}, "partner_user_id": {"S": person(n)},
                    "link_state": {"S": "linked"}, "version": {"N": "2"}, "synced_version": {"N": "1"},
                });
                if let (Some(image), Some(more)) = (image.as_object_mut(), more.as_object()) {
                    image.extend(more.clone());
                }
                image
            };
            let dirty = |lane: &str| json!({"dirty": {"S": format!("{lane}{}", n % 8)}, "next_try_at": {"N": "1"}});
            match kind {
                0 => record(
                    self.id(&person(changed)),
                    image(json!({"version": {"N": "1"}})),
                    image(json!({"dirty": {"S": "0"}, "version": {"N": "2"}, "changed_at": {"N": "1"}})),
                ),
                1 => record(
                    key,
                    image(dirty("")),
                    image(json!({"synced_version": {"N": "2"}, "events_at": {"N": "1"}})),
                ),
                // The rate limiter, and the items of the runs.
                2..20 => record(
                    "rate-limit#client".to_owned(),
                    json!({}),
                    json!({"next_call_at": {"N": "1"}}),
                ),
                20..25 => record("lease#sweep".to_owned(), json!({}), json!({"lease_owner": {"S": "0"}})),
                25..30 => record("cursor#reconcile".to_owned(), json!({}), json!({"last_id": {"S": key}})),
                // The lease of a change, a retry, a check of a missing link.
                30..50 => record(
                    key,
                    image(dirty("")),
                    image(json!({"dirty": {"S": "1"}, "lease_owner": {"S": "0"}})),
                ),
                50..60 => record(
                    key,
                    image(dirty("")),
                    image(json!({"dirty": {"S": "1"}, "attempts": {"N": "1"}})),
                ),
                60..70 => record(key, image(json!({})), image(dirty("check#"))),
                // A change by an import, and its lease.
                70..90 => record(key, image(json!({"version": {"N": "1"}})), image(dirty("bulk#"))),
                90..98 => record(key, image(dirty("bulk#")), image(dirty("bulk#"))),
                // Deleted by an operator, or by a time to live.
                _ => record(key, image(json!({})), Value::Null),
            }
        })
    }
}

/// The Partner User ID of a subscriber.
fn person(n: usize) -> String {
    format!("{n:064x}")
}

/// A subscriber who is linked and in sync.
fn item(partner_id: &str, person: &str) -> HashMap<String, AttributeValue> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: &str| AttributeValue::N(number.to_owned());
    let basic = || AttributeValue::L(vec![AttributeValue::S("basic".to_owned())]);
    let item = [
        ("id", text(&format!("{partner_id}#{person}"))),
        ("partner_id", text(partner_id)),
        ("partner_user_id", text(person)),
        ("entitlements", basic()),
        ("version", number("1")),
        ("as_of", number("1700000000000")),
        ("synced_version", number("1")),
        ("synced_at", number("1700000000")),
        ("observed_entitlements", basic()),
        ("link_state", text("linked")),
        ("link_since", number("1700000000")),
        ("link_evidence", text("replace-entitlements")),
        ("confirmed_at", number("1700000000")),
        ("registered_at", number("1700000000")),
    ];
    item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The attributes of the new image that the filter of the template asks for. A record with one of them passes.
fn filter() -> Vec<String> {
    let patterns = TEMPLATE
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- Pattern: "));
    let patterns = patterns.filter_map(|pattern| serde_json::from_str::<Value>(pattern.trim_matches('\'')).ok());
    let paths = patterns.filter_map(|pattern| {
        let image = pattern.pointer("/dynamodb/NewImage")?.as_object()?;
        Some(format!("/dynamodb/NewImage/{}/N", image.keys().next()?))
    });
    paths.collect()
}

/// Disables the table's stream. The emulator scans all of it at each write.
async fn without_stream(dynamodb: &Client) -> Done<()> {
    let none = StreamSpecification::builder().stream_enabled(false).build()?;
    let table = dynamodb.update_table().table_name(deployment::SUBSCRIBERS_TABLE);
    table.stream_specification(none).send().await?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the environment of the benchmark, not of a function"
)]
fn people() -> Done<usize> {
    let people = env::var("PEOPLE").map_or(Ok(100_000), |people| people.parse())?;
    // The simulated services keep a limited number of requests and events.
    if (ONE_IN..=1_000_000).contains(&people) && people.is_multiple_of(ONE_IN) {
        return Ok(people);
    }
    Err("PEOPLE must be a multiple of 100, at most 1000000".into())
}

fn print(what: &str, counts: &Counts) {
    println!(
        "  table {what}: requests {:?}, {} items read, {:.0} read and {:.0} write units",
        counts.requests, counts.items_read, counts.read_units, counts.write_units
    );
}

fn require<T: PartialEq + std::fmt::Debug>(what: &str, counted: &T, expected: &T) -> Done<()> {
    if counted == expected {
        return Ok(());
    }
    let (mut counted, mut expected) = (format!("{counted:?}"), format!("{expected:?}"));
    counted.truncate(200);
    expected.truncate(200);
    Err(format!("{what}: {counted}, expected {expected}").into())
}
