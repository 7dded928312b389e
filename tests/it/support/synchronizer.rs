//! The sync function in a world with linked subscribers, and the calls that it makes to Spotify.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use sandbox::{Fault, Link, deployment};
use serde_json::{Value, json};
use shared::{
    aws::AwsConfig,
    http_client::HttpClient,
    partner::{Entitlements, PartnerId, PartnerUserId},
    rng::Rng,
    runtime::worker::EventFunction as _,
    store::Subscribers,
};
use sync::Synchronizer;

use crate::support::World;

pub(crate) const LONG: Duration = Duration::from_mins(1);
pub(crate) const GET: &str = "/api/v1/get-entitlements";
pub(crate) const REPLACE: &str = "/api/v1/replace-entitlements";

/// A world in which Ada is linked and synced, and its sync function.
pub(crate) async fn linked() -> (World, Synchronizer) {
    let world = World::new().await;
    let sync = start(&world).await;
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    world.spotify().requests().clear();
    world.advance(20);
    sweep(&sync).await;
    assert_eq!(link(&world).await, ("linked".to_owned(), "get-entitlements".to_owned()));
    assert_eq!(calls(&world), (1, 0));
    world.spotify().requests().clear();
    (world, sync)
}

pub(crate) async fn start(world: &World) -> Synchronizer {
    start_with(world, &[]).await
}

pub(crate) async fn start_with(world: &World, changes: &[(&str, &str)]) -> Synchronizer {
    // The clock does not move: at a low rate the limiter would delay each call further than the last.
    let environment = world.environment(&[&[("SPOTIFY_RATE", "1000")], changes].concat());
    Synchronizer::start(environment, world.clock.clone(), Rng::System)
        .await
        .unwrap()
}

pub(crate) async fn sweep(sync: &Synchronizer) -> Value {
    sync.handle(&json!({"task": "sweep"}), LONG).await.unwrap()
}

/// Handles a stream record of a change of Ada, as the worker of a shard does.
pub(crate) async fn follow(world: &World, sync: &Synchronizer) -> Value {
    let id = format!(
        "{}#{}",
        world.sandbox.options().partner_id,
        world.partner_user_id("ada")
    );
    let record = json!({"dynamodb": {
        "Keys": {"id": {"S": id}}, "OldImage": {}, "NewImage": {"dirty": {"S": "0"}, "version": {"N": "1"}},
    }});
    sync.handle(&json!({"Records": [record]}), LONG).await.unwrap()
}

pub(crate) async fn link(world: &World) -> (String, String) {
    let link = world.read_entitlements("ada").await["link"].clone();
    let text = |name: &str| link[name].as_str().unwrap_or_default().to_owned();
    (text("state"), text("evidence"))
}

/// Number of calls to Spotify: get-entitlements, replace-entitlements.
pub(crate) fn calls(world: &World) -> (usize, usize) {
    let to = |path| world.spotify().requests().to(path).len();
    (to(GET), to(REPLACE))
}

pub(crate) fn heard(world: &World) -> Vec<String> {
    world.linked("ada").unwrap().1
}

/// Sweeps with `fault` on the next matching call, delayed, and runs `happens` while that call is in flight.
pub(crate) async fn during(world: &World, sync: &Synchronizer, fault: Fault, happens: impl Future<Output = ()>) {
    world.spotify().faults().add(Fault {
        delay_ms: Some(700),
        times: Some(1),
        ..fault
    });
    let later = async {
        tokio::time::sleep(Duration::from_millis(250)).await;
        happens.await;
    };
    tokio::join!(sweep(sync), later);
}

pub(crate) fn ada(world: &World) -> (PartnerId, PartnerUserId) {
    (
        PartnerId::parse(&world.sandbox.options().partner_id).unwrap(),
        PartnerUserId::parse(&world.partner_user_id("ada")).unwrap(),
    )
}

pub(crate) fn subscribers(world: &World, changes: &[(&str, &str)]) -> Subscribers {
    let environment = world.environment(changes);
    let dynamodb = AwsConfig::from_env(&environment)
        .unwrap()
        .dynamodb(&HttpClient::new().unwrap());
    Subscribers::new(dynamodb, deployment::SUBSCRIBERS_TABLE.to_owned())
}

/// Registers `many` subscribers who are wanted with `gold` and have no entitlements at Spotify yet. Returns their partner user ids.
pub(crate) async fn many_registered(world: &World, many: usize) -> Vec<String> {
    let partner_id = world.sandbox.options().partner_id.clone();
    let subscribers = subscribers(world, &[]);
    let people: Vec<_> = (0..many).map(|n| format!("{n:032x}")).collect();
    for person in &people {
        world.spotify().force_link(Link {
            partner_id: partner_id.clone(),
            partner_user_id: person.clone(),
            account: format!("account of {person}"),
            entitlements: Vec::new(),
            pending: false,
            since_ms: 0,
        });
        let (partner_id, person) = (
            PartnerId::parse(&partner_id).unwrap(),
            PartnerUserId::parse(person).unwrap(),
        );
        let gold = Entitlements::parse(["gold"]).unwrap();
        let now = world.clock.now();
        subscribers
            .begin_registration(&partner_id, &person, Some(&gold), now)
            .await
            .unwrap();
    }
    people
}

/// Adds subscribers who are linked and in sync, as hours of linking would, numbered as `numbers`. With `lane`, a change to `gold` waits there for sync.
pub(crate) async fn add_linked(
    world: &World,
    numbers: std::ops::Range<usize>,
    lane: Option<&str>,
) -> Vec<PartnerUserId> {
    let dynamodb = AwsConfig::from_env(&world.environment(&[]))
        .unwrap()
        .dynamodb(&HttpClient::new().unwrap());
    let partner_id = world.sandbox.options().partner_id.clone();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: i64| AttributeValue::N(number.to_string());
    let people: Vec<_> = numbers.map(|n| format!("{n:032x}")).collect();
    world.spotify().add_links(people.iter().map(|person| Link {
        partner_id: partner_id.clone(),
        partner_user_id: person.clone(),
        account: format!("account of {person}"),
        ..Link::default()
    }));
    for some in people.chunks(25) {
        let puts = some.iter().map(|person| {
            let mut item = HashMap::from([
                ("id".to_owned(), text(&format!("{partner_id}#{person}"))),
                ("partner_id".to_owned(), text(&partner_id)),
                ("partner_user_id".to_owned(), text(person)),
                ("link_state".to_owned(), text("linked")),
                ("link_since".to_owned(), number(1)),
                ("link_evidence".to_owned(), text("get-entitlements")),
                ("registered_at".to_owned(), number(1)),
                ("observed_entitlements".to_owned(), AttributeValue::L(Vec::new())),
            ]);
            if let Some(lane) = lane {
                let hash = shared::secret::sha256_hex(&format!("{partner_id}#{person}"));
                let shard = u8::from_str_radix(&hash[..2], 16).unwrap() % shared::store::DIRTY_SHARDS;
                item.extend([
                    ("entitlements".to_owned(), AttributeValue::L(vec![text("gold")])),
                    ("version".to_owned(), number(1)),
                    ("dirty".to_owned(), text(&format!("{lane}{shard}"))),
                    ("next_try_at".to_owned(), number(1)),
                    ("dirty_since".to_owned(), number(1)),
                ]);
            }
            let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        });
        let write = dynamodb.batch_write_item();
        let write = write.request_items(deployment::SUBSCRIBERS_TABLE, puts.collect());
        write.send().await.unwrap();
    }
    people
        .iter()
        .map(|person| PartnerUserId::parse(person).unwrap())
        .collect()
}
