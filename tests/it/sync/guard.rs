//! The revocation guard holds removals beyond its limits until an operator releases them.

use sandbox::{Fault, deployment};
use serde_json::json;
use shared::{
    aws::AwsConfig,
    http_client::HttpClient,
    partner::{PartnerId, PartnerUserId},
    runtime::worker::EventFunction as _,
    store::{RevocationDecision, RevocationGuard, RevocationLimits, Subscribers},
};
use sync::Synchronizer;

use crate::support::{
    World,
    proxy::{Proxy, throttled},
    set_entitlements,
    synchronizer::{LONG, REPLACE, ada, calls, during, linked, many_registered, start_with, subscribers, sweep},
};

/// A limit of one person an hour, regardless of the percentage.
const PEOPLE_ALONE: RevocationLimits = RevocationLimits {
    people: 1,
    percent: 100,
};

/// A world with Ada and two others, all with `all-access` and `basic`. One of them may lose entitlements within an hour.
async fn guarded() -> (World, Synchronizer, RevocationGuard) {
    let (world, sync) = linked().await;
    for (person, account) in [("bela", "jonas"), ("yuki", "ines")] {
        assert_eq!(world.signed_in(person).link(account).await.status, 302);
        world
            .write_entitlements("replace", person, &["all-access", "basic"])
            .await;
    }
    world
        .write_entitlements("replace", "ada", &["all-access", "basic"])
        .await;
    world.advance(20);
    sweep(&sync).await;
    world.spotify().requests().clear();
    let sync = start_with(&world, &[("GUARD_PEOPLE", "1")]).await;
    let environment = world.environment(&[]);
    let dynamodb = AwsConfig::from_env(&environment)
        .unwrap()
        .dynamodb(&HttpClient::new().unwrap());
    (
        world,
        sync,
        RevocationGuard::new(dynamodb, deployment::SUBSCRIBERS_TABLE.to_owned(), PEOPLE_ALONE),
    )
}

fn hear(world: &World, person: &str) -> Vec<String> {
    world.linked(person).unwrap().1
}

#[tokio::test]
async fn removals_beyond_the_limit_stay_on_hold_until_an_operator_releases_them() {
    let (world, sync, guard) = guarded().await;
    let people = ["ada", "bela", "yuki"];
    for person in people {
        world.write_entitlements("replace", person, &[]).await;
    }
    let shut_out = || people.iter().filter(|person| hear(&world, person).is_empty()).count();
    sweep(&sync).await;
    assert_eq!(shut_out(), 1);
    // Neither time nor another worker releases the hold.
    for _ in 0..3 {
        world.advance(3700);
        sweep(&start_with(&world, &[("GUARD_PEOPLE", "1")]).await).await;
        sync.handle(&json!({"task": "reconcile"}), LONG).await.unwrap();
        assert_eq!(shut_out(), 1);
    }
    let partner_id = PartnerId::parse(&world.sandbox.options().partner_id).unwrap();
    guard.release(&partner_id, world.clock.now() + 3600).await.unwrap();
    world.advance(300);
    sweep(&sync).await;
    assert_eq!(shut_out(), 3);
}

#[tokio::test]
async fn grants_pass_while_removals_are_on_hold() {
    let (world, sync, _) = guarded().await;
    world.write_entitlements("replace", "ada", &[]).await;
    sweep(&sync).await;
    world.write_entitlements("replace", "bela", &["basic", "gold"]).await;
    world
        .write_entitlements("replace", "yuki", &["all-access", "basic", "gold"])
        .await;
    sweep(&sync).await;
    assert_eq!(hear(&world, "bela"), ["all-access", "basic", "gold"]);
    assert_eq!(hear(&world, "yuki"), ["all-access", "basic", "gold"]);
    // The backend now wants the present state, so nothing is left to release.
    world
        .write_entitlements("replace", "bela", &["all-access", "basic", "gold"])
        .await;
    sweep(&sync).await;
    world.spotify().requests().clear();
    world.advance(3700);
    sweep(&sync).await;
    assert_eq!(calls(&world), (0, 0));
}

/// The backend grants an entitlement while sync records that a removal is on hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_made_while_a_removal_is_put_on_hold_syncs_at_once() {
    let (world, sync, _) = guarded().await;
    world.write_entitlements("replace", "ada", &[]).await;
    sweep(&sync).await;
    world.write_entitlements("replace", "yuki", &["gold"]).await;
    let grants = async { drop(world.write_entitlements("replace", "yuki", &["gold", "silver"]).await) };
    during(&world, &sync, Fault::on(REPLACE), grants).await;
    assert_eq!(hear(&world, "yuki"), ["all-access", "basic", "gold", "silver"]);
}

/// Thousands of removals may wait, and each check is a write.
#[tokio::test]
async fn the_guard_is_asked_once_a_run_while_removals_are_on_hold() {
    let (world, _, _) = guarded().await;
    let proxy = Proxy::in_front_of(&world.sandbox.addresses().dynamodb).await;
    proxy.matching("guard#", None, 0);
    let variables = [("GUARD_PEOPLE", "1"), ("AWS_ENDPOINT_URL_DYNAMODB", proxy.origin())];
    let sync = start_with(&world, &variables).await;
    for person in ["ada", "bela", "yuki"] {
        world.write_entitlements("replace", person, &[]).await;
    }
    // The first removal opens the hour, the second starts the hold, and the third needs no check.
    sweep(&sync).await;
    assert_eq!(proxy.seen_about("guard#"), 4);
    world.advance(300);
    sweep(&sync).await;
    assert_eq!(proxy.seen_about("guard#"), 5);
}

#[tokio::test]
async fn grants_pass_while_the_guard_is_unavailable() {
    let (world, _, _) = guarded().await;
    let proxy = Proxy::in_front_of(&world.sandbox.addresses().dynamodb).await;
    proxy.matching("guard#", Some(throttled()), usize::MAX);
    let sync = start_with(&world, &[("AWS_ENDPOINT_URL_DYNAMODB", proxy.origin())]).await;
    world.write_entitlements("replace", "ada", &[]).await;
    world
        .write_entitlements("replace", "bela", &["all-access", "basic", "gold"])
        .await;
    world
        .write_entitlements("replace", "yuki", &["all-access", "silver"])
        .await;
    // The run reports the failure when it ends.
    let swept = sync.handle(&json!({"task": "sweep"}), LONG).await;
    assert_eq!(swept.unwrap_err().to_string(), "the revocation guard is unavailable");
    // One check, with three attempts.
    assert_eq!(proxy.seen_about("guard#"), 3);
    assert_eq!(hear(&world, "ada"), ["all-access", "basic"]);
    assert_eq!(hear(&world, "bela"), ["all-access", "basic", "gold"]);
    assert_eq!(hear(&world, "yuki"), ["all-access", "basic", "silver"]);
    // The recorded error names the guard, not Spotify.
    let subscribers = subscribers(&world, &[]);
    let (partner_id, ada) = ada(&world);
    let ada = subscribers.get(&partner_id, &ada).await.unwrap();
    assert_eq!(ada.last_error.as_deref(), Some("guard_unavailable"));
}

/// The present and the desired set together exceed the maximum number of entitlements.
#[tokio::test]
async fn a_held_change_beyond_the_entitlement_limit_changes_nothing() {
    let (world, sync, _) = guarded().await;
    let names = |of: &str| (0..300).map(|n| format!("{of}{n}")).collect::<Vec<_>>();
    let (old, new) = (names("old"), names("new"));
    let [old, new] = [&old, &new].map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
    let with_old = [&["all-access", "basic"], old.as_slice()].concat();
    world.write_entitlements("replace", "bela", &with_old).await;
    world.write_entitlements("replace", "ada", &[]).await;
    sweep(&sync).await;
    assert_eq!(hear(&world, "bela").len(), 302);
    world.write_entitlements("replace", "bela", &new).await;
    sweep(&sync).await;
    assert_eq!(hear(&world, "bela").len(), 302);
    assert_eq!(
        world.read_entitlements("bela").await["entitlements"]
            .as_array()
            .unwrap()
            .len(),
        300
    );
}

/// A subscriber with several removals counts once, and the count restarts after an hour.
#[tokio::test]
async fn the_guard_counts_each_subscriber_once_an_hour() {
    let (world, sync, _) = guarded().await;
    world.spotify().faults().add(Fault {
        status: Some(503),
        times: Some(2),
        ..Fault::on(REPLACE)
    });
    world.write_entitlements("replace", "ada", &["basic"]).await;
    for _ in 0..4 {
        sweep(&sync).await;
        world.advance(60);
    }
    world.write_entitlements("replace", "ada", &[]).await;
    sweep(&sync).await;
    assert!(hear(&world, "ada").is_empty());
    world.advance(3600);
    world.write_entitlements("replace", "bela", &[]).await;
    sweep(&sync).await;
    assert!(hear(&world, "bela").is_empty());
}

/// Concurrent checks that find the hour already opened add to its count and start no hold.
#[tokio::test]
async fn concurrent_first_removals_of_an_hour_are_all_counted() {
    let (world, _) = linked().await;
    let environment = world.environment(&[]);
    let dynamodb = AwsConfig::from_env(&environment)
        .unwrap()
        .dynamodb(&HttpClient::new().unwrap());
    let limits = RevocationLimits {
        people: 16,
        ..PEOPLE_ALONE
    };
    let guard = RevocationGuard::new(dynamodb, deployment::SUBSCRIBERS_TABLE.to_owned(), limits);
    let partner_id = PartnerId::parse(&world.sandbox.options().partner_id).unwrap();
    let people: Vec<_> = (0..17)
        .map(|n| PartnerUserId::parse(&format!("{n:032x}")).unwrap())
        .collect();
    let now = world.clock.now();
    let asked = crate::support::join_all(
        people[..16]
            .iter()
            .map(|person| guard.check_revocation(&partner_id, person, now)),
    )
    .await;
    assert!(
        asked
            .into_iter()
            .all(|asked| asked.unwrap() == RevocationDecision::Allowed)
    );
    let one_more = guard.check_revocation(&partner_id, &people[16], now).await.unwrap();
    assert_eq!(one_more, RevocationDecision::OnHold { newly: true });
}

/// The percentage is of the linked subscribers, whom a reconciliation counts. It never lowers the limit below ten.
#[tokio::test]
async fn the_percentage_limit_applies_once_links_are_counted() {
    let world = World::new().await;
    let people = many_registered(&world, 14).await;
    let sync = start_with(&world, &[("GUARD_PERCENT", "50")]).await;
    world.advance(20);
    sweep(&sync).await;
    sync.handle(&json!({"task": "reconcile"}), LONG).await.unwrap();
    let environment = world.environment(&[]);
    let dynamodb = AwsConfig::from_env(&environment)
        .unwrap()
        .dynamodb(&HttpClient::new().unwrap());
    let subscribers = Subscribers::new(dynamodb.clone(), deployment::SUBSCRIBERS_TABLE.to_owned());
    let partner_id = PartnerId::parse(&world.sandbox.options().partner_id).unwrap();
    let limits = RevocationLimits {
        people: 100,
        percent: 50,
    };
    let guard = RevocationGuard::new(dynamodb, deployment::SUBSCRIBERS_TABLE.to_owned(), limits);
    // Half of fourteen is seven, but the limit is never below ten.
    assert_eq!(guard.state(&partner_id, world.clock.now()).await.unwrap().limit, 10);
    for person in &people {
        let (person, now) = (PartnerUserId::parse(person).unwrap(), world.clock.now());
        set_entitlements(&subscribers, &partner_id, &person, &[], now).await;
    }
    sweep(&sync).await;
    let link = |person: &String| {
        world
            .spotify()
            .link(&world.sandbox.options().partner_id, person)
            .unwrap()
    };
    assert_eq!(
        people
            .iter()
            .filter(|person| link(person).entitlements.is_empty())
            .count(),
        10
    );
    let state = guard.state(&partner_id, world.clock.now()).await.unwrap();
    assert!(state.on_hold_since.is_some() && state.counted == 10, "{state:?}");
}
