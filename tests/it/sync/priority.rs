//! Individual changes go before bulk changes, in the stream, in the sweep, and at the rate limiter.

use std::time::Duration;

use sandbox::{deployment, stream::Stream};
use serde_json::{Value, json};
use shared::{
    aws::AwsConfig,
    clock::Clock,
    http_client::HttpClient,
    partner::{Entitlements, PartnerId, PartnerUserId},
    rng::Rng,
    runtime::worker::EventFunction as _,
    store::{Lane, Permit, RateLimiter, Subscribers},
};
use sync::Synchronizer;

use crate::support::{
    World, join_all,
    synchronizer::{LONG, REPLACE, ada, add_linked, calls, heard, link, linked, subscribers, sweep},
};

/// Calls per second, the default of `SPOTIFY_RATE`.
const RATE: usize = 5;

/// Writes `gold` for everyone, as `soa-link import` does.
async fn import(table: &Subscribers, partner_id: &PartnerId, people: &[PartnerUserId]) {
    let gold = Entitlements::parse(["gold"]).unwrap();
    for some in people.chunks(100) {
        let known = table.get_many(partner_id, some).await.unwrap();
        let now = Clock::System.now();
        join_all(
            known
                .iter()
                .map(|before| table.replace_if_unchanged(before, &gold, Lane::Bulk, now)),
        )
        .await;
    }
}

async fn synchronizer(world: &World) -> Synchronizer {
    let rate = RATE.to_string();
    let environment = world.environment(&[("SPOTIFY_RATE", &rate)]);
    Synchronizer::start(environment, Clock::ahead(), Rng::System)
        .await
        .unwrap()
}

/// Runs sweeps until Spotify has one individual change of Ada, made while the bulk is being synced. Returns the number of calls that came before it.
async fn calls_before_an_individual_change(world: &World, sync: &Synchronizer) -> usize {
    let sweeps = async {
        loop {
            sync.handle(&json!({"task": "sweep"}), LONG).await.unwrap();
        }
    };
    let change = async {
        let made = || calls(world).0 + calls(world).1;
        while made() < 2 * RATE {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        world.write_entitlements("replace", "ada", &["platinum"]).await;
        let before = made();
        while heard(world) != ["platinum"] {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        made() - before
    };
    tokio::select! {
        () = sweeps => unreachable!(),
        calls = change => calls,
    }
}

/// Ten seconds are fifty calls. 20,000 subscribers wait for sync, and the import writes more while the sweep and the stream follow it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_individual_change_reaches_spotify_within_ten_seconds_during_an_import_of_20_000() {
    let (world, _) = linked().await;
    add_linked(&world, 0..20_000, Some("bulk#")).await;
    let people = add_linked(&world, 20_000..22_000, None).await;
    let (table, partner_id) = (subscribers(&world, &[]), ada(&world).0);
    let (sweeping, following) = (synchronizer(&world).await, synchronizer(&world).await);
    let aws = AwsConfig::from_env(&world.environment(&[])).unwrap();
    let stream = Stream::of_table(&aws, deployment::SUBSCRIBERS_TABLE).await.unwrap();
    let importing = async {
        import(&table, &partner_id, &people).await;
        std::future::pending::<()>().await;
    };
    let waited = tokio::select! {
        () = importing => unreachable!(),
        ended = stream.feed(async |event| following.handle(&event, LONG).await.ok()) => panic!("{ended:?}"),
        waited = calls_before_an_individual_change(&world, &sweeping) => waited,
    };
    assert!(waited <= 10 * RATE, "{waited} calls");
}

/// The stream may be late. The sweep that is busy with the bulk looks for individual changes itself.
#[tokio::test]
async fn a_sweep_that_is_busy_with_an_import_notices_an_individual_change() {
    let (world, _) = linked().await;
    add_linked(&world, 0..500, Some("bulk#")).await;
    let waited = calls_before_an_individual_change(&world, &synchronizer(&world).await).await;
    assert!(waited <= 10 * RATE, "{waited} calls");
}

#[tokio::test]
async fn the_stream_leaves_bulk_changes_to_the_sweep() {
    let (world, sync) = linked().await;
    let of = |person: &str, set: &[&str]| json!({"sub": world.person(person).sub, "entitlements": set});
    let lane = async || {
        let (partner_id, ada) = ada(&world);
        subscribers(&world, &[]).get(&partner_id, &ada).await.unwrap().lane
    };
    let id = format!(
        "{}#{}",
        world.sandbox.options().partner_id,
        world.partner_user_id("ada")
    );
    let record = |dirty: Value| {
        json!({"Records": [{"dynamodb": {
            "Keys": {"id": {"S": id}}, "OldImage": {}, "NewImage": {"dirty": {"S": dirty}, "version": {"N": "1"}},
        }}]})
    };
    world.replace_for_many(&[of("ada", &["gold"]), of("bela", &[])]).await;
    assert_eq!(lane().await, Some(Lane::Bulk));
    sync.handle(&record(json!("bulk#3")), LONG).await.unwrap();
    assert_eq!(calls(&world), (0, 0));
    sweep(&sync).await;
    assert_eq!(heard(&world), ["gold"]);
    // An individual change moves a subscriber out of the bulk, and a bulk does not move them back.
    world.replace_for_many(&[of("ada", &["silver"]), of("bela", &[])]).await;
    world.write_entitlements("add", "ada", &["extra"]).await;
    assert_eq!(lane().await, Some(Lane::Individual));
    world.replace_for_many(&[of("ada", &["bronze"]), of("bela", &[])]).await;
    assert_eq!(lane().await, Some(Lane::Individual));
    sync.handle(&record(json!("3")), LONG).await.unwrap();
    assert_eq!(
        (heard(&world), link(&world).await.0),
        (vec!["bronze".to_owned()], "linked".to_owned())
    );
}

/// A run ends before it has reached all shards. The next one begins with another.
#[tokio::test]
async fn each_shard_of_the_index_is_the_first_one_in_some_sweep() {
    let (world, sync) = linked().await;
    let people = add_linked(&world, 0..40, None).await;
    let (table, partner_id) = (subscribers(&world, &[]), ada(&world).0);
    let mut first = std::collections::BTreeSet::new();
    for minute in 0..8 {
        let set = Entitlements::parse([format!("e{minute}")]).unwrap();
        for before in table.get_many(&partner_id, &people).await.unwrap() {
            let lane = if minute % 2 == 0 { Lane::Individual } else { Lane::Bulk };
            let written = table.replace_if_unchanged(&before, &set, lane, world.clock.now()).await;
            assert!(written.unwrap().is_some());
        }
        world.spotify().requests().clear();
        sweep(&sync).await;
        let asked = world.spotify().requests().to(REPLACE);
        let person = asked[0].jws.as_ref().unwrap().payload["partner_user_id"].clone();
        let hash = shared::secret::sha256_hex(&format!("{partner_id}#{}", person.as_str().unwrap()));
        first.insert(u8::from_str_radix(&hash[..2], 16).unwrap() % shared::store::DIRTY_SHARDS);
        world.advance(60);
    }
    assert_eq!(first.len(), 8, "{first:?}");
}

/// A block of checks takes its permits at once. An urgent call comes after at most two seconds of them.
#[tokio::test]
async fn an_urgent_call_waits_for_two_seconds_of_permits_at_most() {
    let world = World::new().await;
    let dynamodb = AwsConfig::from_env(&world.environment(&[]))
        .unwrap()
        .dynamodb(&HttpClient::new().unwrap());
    let limiter = RateLimiter::new(dynamodb, deployment::SUBSCRIBERS_TABLE.to_owned(), "client", 5.0);
    let now_ms = world.clock.now_ms();
    let acquired = |at: i64, count| Permit::From {
        first_call_at_ms: now_ms + at,
        count,
    };
    assert_eq!(limiter.acquire(100, now_ms, 2_000).await.unwrap(), acquired(0, 10));
    assert_eq!(limiter.acquire(1, now_ms, 15_000).await.unwrap(), acquired(2_000, 1));
    // The next block waits until the urgent calls leave room.
    let unavailable = Permit::Unavailable {
        until_ms: now_ms + 200,
        paused: false,
    };
    assert_eq!(limiter.acquire(100, now_ms, 2_000).await.unwrap(), unavailable);
    assert_eq!(
        limiter.acquire(100, now_ms + 1_000, 2_000).await.unwrap(),
        acquired(2_200, 4)
    );
}
