//! The reconciliation compares each linked subscriber with Spotify and corrects differences.

use std::time::Duration;

use sandbox::{Fault, deployment};
use serde_json::{Value, json};
use shared::{
    aws::AwsConfig,
    http_client::HttpClient,
    partner::PartnerUserId,
    runtime::worker::EventFunction as _,
    store::{Lane, RevocationGuard, RevocationLimits, UnlinkBrake},
};
use sync::Synchronizer;

use crate::support::{
    World, set_entitlements,
    synchronizer::{GET, LONG, ada, add_linked, calls, heard, link, linked, start, start_with, subscribers, sweep},
};

const DAY: i64 = 86_400;

async fn reconcile(sync: &Synchronizer) -> Value {
    sync.handle(&json!({"task": "reconcile"}), LONG).await.unwrap()
}

/// Spotify sends no notifications, so the reconciliation reads each link and corrects what differs.
#[tokio::test]
async fn reconciliation_finds_and_corrects_drift() {
    let (world, sync) = linked().await;
    let options = world.sandbox.options();
    reconcile(&sync).await;
    assert_eq!(calls(&world), (1, 0));
    // Between two rounds, nothing is checked.
    reconcile(&sync).await;
    assert_eq!(calls(&world), (1, 0));
    // The entitlements have changed at Spotify.
    let drifted = sandbox::Link {
        partner_id: options.partner_id.clone(),
        partner_user_id: world.partner_user_id("ada"),
        account: "mara".to_owned(),
        entitlements: vec!["everything".to_owned()],
        ..sandbox::Link::default()
    };
    world.spotify().force_link(drifted);
    world.advance(DAY);
    reconcile(&sync).await;
    // Before the correction, Spotify is asked again under a lease.
    assert_eq!(
        (heard(&world), calls(&world)),
        (vec!["all-access".to_owned(), "basic".to_owned()], (3, 1))
    );
    // The link has been removed at Spotify.
    world
        .spotify()
        .remove_link(&options.partner_id, &world.partner_user_id("ada"));
    world.advance(DAY);
    reconcile(&sync).await;
    assert_eq!(
        link(&world).await,
        ("suspect".to_owned(), "get-entitlements".to_owned())
    );
    world.advance(600);
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "unlinked");
    let before = calls(&world);
    world.advance(3600);
    reconcile(&sync).await;
    assert_eq!(calls(&world), before);
}

/// The next run resumes a run that ended early, and a round checks each subscriber once.
#[tokio::test]
async fn reconciliation_resumes_where_the_last_run_stopped() {
    let (world, sync) = linked().await;
    for (person, account) in [("bela", "jonas"), ("yuki", "ines"), ("noor", "teo")] {
        assert_eq!(world.signed_in(person).link(account).await.status, 302);
    }
    world.advance(20);
    sweep(&sync).await;
    world.spotify().requests().clear();
    // A run has time for only one or two subscribers.
    world.spotify().faults().add(Fault {
        delay_ms: Some(150),
        times: None,
        ..Fault::on(GET)
    });
    let asked = || -> Vec<_> {
        let requests = world.spotify().requests().to(GET);
        requests
            .iter()
            .map(|request| request.jws.as_ref().unwrap().payload_text.clone())
            .collect()
    };
    let mut runs = 0;
    while asked().len() < 4 && runs < 100 {
        runs += 1;
        sync.handle(&json!({"task": "reconcile"}), Duration::from_millis(250))
            .await
            .unwrap();
    }
    let each: std::collections::BTreeSet<_> = asked().into_iter().collect();
    assert_eq!((each.len(), asked().len()), (4, 4), "each once, in {runs} runs");
    assert!(runs > 1);
}

/// Spotify demands a pause before the first subscriber is checked. The next run starts the round, and does not wait for a day.
#[tokio::test]
async fn a_round_that_could_not_begin_begins_with_the_next_run() {
    let (world, sync) = linked().await;
    world.spotify().faults().add(Fault {
        headers: [("Retry-After".to_owned(), "60".to_owned())].into(),
        times: Some(1),
        ..Fault::answer(GET, 429, "")
    });
    reconcile(&sync).await;
    assert_eq!(calls(&world), (1, 0));
    world.advance(300);
    reconcile(&sync).await;
    assert_eq!(calls(&world), (2, 0));
    // The round has ended.
    world.advance(300);
    reconcile(&sync).await;
    assert_eq!(calls(&world), (2, 0));
}

/// Another client, or an older integration, has set rights with names that ours may not have.
#[tokio::test]
async fn an_entitlement_that_is_not_ours_is_a_difference() {
    let foreign = ["Ältere Rechte", "a b", "", "-x", "all-access", "basic"];
    let many: Vec<_> = (0..700).map(|n| format!("old-right-{n}")).collect();
    let sets: [Vec<&str>; 2] = [foreign.to_vec(), many.iter().map(String::as_str).collect()];
    for held in sets {
        let (world, sync) = linked().await;
        let options = world.sandbox.options();
        world.spotify().force_link(sandbox::Link {
            partner_id: options.partner_id.clone(),
            partner_user_id: world.partner_user_id("ada"),
            account: "mara".to_owned(),
            entitlements: held.iter().map(|name| (*name).to_owned()).collect(),
            ..sandbox::Link::default()
        });
        world.advance(DAY);
        reconcile(&sync).await;
        assert_eq!(heard(&world), ["all-access", "basic"], "{} names", held.len());
        let requests = calls(&world);
        world.advance(DAY);
        reconcile(&sync).await;
        assert_eq!(calls(&world), (requests.0 + 1, requests.1));
    }
}

/// The guard holds revocations of every name, and a grant meanwhile takes nothing away.
#[tokio::test]
async fn an_entitlement_that_is_not_ours_stays_while_the_guard_holds_revocations() {
    let (world, _) = linked().await;
    let sync = start_with(&world, &[("GUARD_PEOPLE", "0")]).await;
    let options = world.sandbox.options();
    world.spotify().force_link(sandbox::Link {
        partner_id: options.partner_id.clone(),
        partner_user_id: world.partner_user_id("ada"),
        account: "mara".to_owned(),
        entitlements: vec!["basic".to_owned(), "Ältere Rechte".to_owned()],
        ..sandbox::Link::default()
    });
    world.advance(DAY);
    reconcile(&sync).await;
    assert_eq!(heard(&world), ["all-access", "basic", "Ältere Rechte"]);
}

/// A run that ends early, between two subscribers or in the middle of a call, loses no count.
#[tokio::test]
async fn a_round_that_takes_many_runs_counts_every_linked_subscriber_once() {
    let world = World::new().await;
    let sync = start(&world).await;
    let people = add_linked(&world, 0..230, None).await;
    let partner_id = ada(&world).0;
    let dynamodb = AwsConfig::from_env(&world.environment(&[]))
        .unwrap()
        .dynamodb(&HttpClient::new().unwrap());
    let brake = UnlinkBrake::new(dynamodb, deployment::SUBSCRIBERS_TABLE.to_owned());
    let task = json!({"task": "reconcile"});
    let limit = async || brake.state(&partner_id, world.clock.now()).await.unwrap().limit;
    let mut runs = 0;
    while limit().await == 10 && runs < 200 {
        runs += 1;
        if runs % 2 == 0 {
            // The process is killed.
            let _ = tokio::time::timeout(Duration::from_millis(400), sync.handle(&task, LONG)).await;
            world.advance(60);
        } else {
            sync.handle(&task, Duration::from_millis(800)).await.unwrap();
        }
    }
    assert!(runs > 2, "{runs}");
    assert_eq!(limit().await, i64::try_from(people.len()).unwrap() * 5 / 100);
}

/// Thousands of differences may wait for an operator. They cost no call meanwhile, and are in no one's way.
#[tokio::test]
async fn a_difference_that_the_guard_holds_waits_in_the_lane_of_bulk_changes_without_a_call() {
    let (world, _) = linked().await;
    let sync = start_with(&world, &[("GUARD_PEOPLE", "0")]).await;
    let options = world.sandbox.options();
    world.spotify().force_link(sandbox::Link {
        partner_id: options.partner_id.clone(),
        partner_user_id: world.partner_user_id("ada"),
        account: "mara".to_owned(),
        entitlements: vec!["all-access".to_owned(), "basic".to_owned(), "old".to_owned()],
        ..sandbox::Link::default()
    });
    world.advance(DAY);
    reconcile(&sync).await;
    let (partner_id, ada) = ada(&world);
    let stored = subscribers(&world, &[]).get(&partner_id, &ada).await.unwrap();
    assert_eq!(
        (stored.lane, stored.last_error.as_deref()),
        (Some(Lane::Bulk), Some("guard_held"))
    );
    world.spotify().requests().clear();
    for _ in 0..3 {
        world.advance(300);
        sweep(&sync).await;
    }
    assert_eq!(calls(&world), (0, 0));
    // After the release, the difference is corrected.
    let dynamodb = AwsConfig::from_env(&world.environment(&[]))
        .unwrap()
        .dynamodb(&HttpClient::new().unwrap());
    let limits = RevocationLimits { people: 0, percent: 5 };
    let guard = RevocationGuard::new(dynamodb, deployment::SUBSCRIBERS_TABLE.to_owned(), limits);
    guard.release(&partner_id, world.clock.now() + 3600).await.unwrap();
    world.advance(300);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["all-access", "basic"]);
}

/// A large table of people who never linked: a run that ends among them keeps its place.
#[tokio::test]
async fn a_run_that_finds_no_linked_subscriber_keeps_its_place() {
    let world = World::new().await;
    let sync = start(&world).await;
    let table = subscribers(&world, &[]);
    let partner_id = ada(&world).0;
    for n in 0..250 {
        let person = PartnerUserId::parse(&format!("{n:032x}")).unwrap();
        set_entitlements(&table, &partner_id, &person, &["gold"], world.clock.now()).await;
    }
    let mut places = Vec::new();
    for _ in 0..10 {
        let run = sync
            .handle(&json!({"task": "reconcile"}), Duration::from_millis(2))
            .await;
        run.unwrap();
        let cursor = table.cursor().await.unwrap();
        assert!(cursor.round_started_at.is_some());
        let Some(place) = cursor.last_id else { break };
        assert!(!places.contains(&place));
        places.push(place);
    }
    // Three pages: the first two runs end between them.
    assert_eq!(places.len(), 2);
}
