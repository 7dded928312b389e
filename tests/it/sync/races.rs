//! Races: changes during a call to Spotify, and concurrent workers.

use std::time::Duration;

use sandbox::Fault;
use serde_json::json;
use shared::{partner::Entitlements, runtime::worker::EventFunction as _, store::Lane};

use crate::support::{
    World,
    synchronizer::{GET, LONG, REPLACE, ada, calls, during, follow, heard, link, linked, start, subscribers, sweep},
};

/// A version that is superseded during its call is never recorded as synced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_during_a_call_is_synced_at_once() {
    let (world, sync) = linked().await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    let slow = Fault {
        delay_ms: Some(700),
        times: Some(1),
        ..Fault::on(REPLACE)
    };
    world.spotify().faults().add(slow);
    let change = async {
        tokio::time::sleep(Duration::from_millis(250)).await;
        world.write_entitlements("replace", "ada", &["silver"]).await;
        // Another worker sees the change and leaves it to the first one, which holds the lease.
        follow(&world, &start(&world).await).await;
    };
    tokio::join!(sweep(&sync), change);
    assert_eq!(heard(&world), ["silver"]);
    assert_eq!(calls(&world), (0, 2));
    sweep(&sync).await;
    assert_eq!(calls(&world), (0, 2));
}

/// A refusal of the old set does not apply to the new one, which need not wait for the backoff of an hour.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_during_a_refused_call_is_synced_at_once() {
    let (world, sync) = linked().await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    let changes = async { drop(world.write_entitlements("replace", "ada", &["silver"]).await) };
    during(&world, &sync, Fault::answer(REPLACE, 422, ""), changes).await;
    assert_eq!((heard(&world), calls(&world)), (vec!["silver".to_owned()], (0, 2)));
}

/// A change during the last call of a long outage waits until that call cannot be in flight, not for the full backoff.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_during_a_broken_call_waits_only_for_that_call() {
    let (world, sync) = linked().await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    let breaks = Fault {
        reset: true,
        ..Fault::on(REPLACE)
    };
    world.spotify().faults().add(Fault {
        times: None,
        ..breaks.clone()
    });
    for _ in 0..9 {
        world.advance(700);
        sweep(&sync).await;
    }
    world.advance(700);
    world.spotify().faults().clear();
    let changes = async {
        drop(world.write_entitlements("replace", "ada", &["silver"]).await);
        world.spotify().faults().add(Fault {
            times: None,
            ..breaks.clone()
        });
    };
    during(&world, &sync, breaks.clone(), changes).await;
    world.spotify().faults().clear();
    world.advance(60);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["silver"]);
}

/// Spotify answers "linked" to a check that began before the unlink.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unlink_during_a_check_is_checked_again() {
    let (world, sync) = linked().await;
    let mut ada = world.signed_in("ada");
    let form = format!("form_token={}", ada.get("/unlink").await.form_token());
    world.spotify().faults().add(Fault {
        times: Some(2),
        ..Fault::answer("/api/v1/unlink-user", 503, "")
    });
    assert_eq!(ada.post("/unlink", &form).await.status, 502);
    world.advance(20);
    let form = format!("form_token={}", ada.get("/unlink").await.form_token());
    let unlinks = async { assert_eq!(ada.post("/unlink", &form).await.status, 200) };
    let says_linked = Fault {
        after: true,
        ..Fault::on(GET)
    };
    during(&world, &sync, says_linked, unlinks).await;
    assert_eq!(link(&world).await.0, "suspect");
    world.advance(60);
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "unlinked");
}

/// A link made during a call becomes due some seconds later, and is checked as soon as it is due.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_made_during_a_call_is_confirmed_once_it_is_due() {
    let (world, sync) = linked().await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    let links = async { assert_eq!(world.signed_in("ada").link("mara").await.status, 302) };
    during(&world, &sync, Fault::on(REPLACE), links).await;
    world.advance(20);
    sweep(&sync).await;
    assert_eq!(
        (heard(&world), link(&world).await.0),
        (vec!["gold".to_owned()], "linked".to_owned())
    );
}

/// The backend adds to the entitlements of a token's claim while a newer token replaces the claim. The stale write is rejected.
#[tokio::test]
async fn a_first_addition_fails_if_a_newer_token_changed_the_record() {
    let world = World::new().await;
    let subscribers = subscribers(&world, &[]);
    let (partner_id, ada) = ada(&world);
    let now = world.clock.now();
    let [basic, more, extra] = [&["basic"][..], &["basic", "gold"], &["basic", "extra"]]
        .map(|names| Entitlements::parse(names.iter().copied()).unwrap());
    subscribers
        .begin_registration(&partner_id, &ada, Some(&basic), now)
        .await
        .unwrap();
    let before = subscribers.get(&partner_id, &ada).await.unwrap();
    let later = now + 30;
    subscribers
        .begin_registration(&partner_id, &ada, Some(&more), later)
        .await
        .unwrap();
    assert!(
        subscribers
            .replace_if_unchanged(&before, &extra, Lane::Individual, later)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_eight_concurrent_workers_calls_spotify() {
    let (world, _) = linked().await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    let mut workers = Vec::new();
    for _ in 0..8 {
        workers.push(start(&world).await);
    }
    crate::support::join_all(workers.iter().map(|worker| follow(&world, worker))).await;
    assert_eq!((heard(&world), calls(&world)), (vec!["gold".to_owned()], (0, 1)));
}

/// A sweep starts each minute and may take longer. Together they would use up the account's concurrency.
#[tokio::test]
async fn a_task_does_not_start_while_its_last_run_goes_on() {
    for task in ["sweep", "reconcile"] {
        let (world, sync) = linked().await;
        world.advance(86_400);
        world.write_entitlements("replace", "ada", &["gold"]).await;
        if task == "reconcile" {
            follow(&world, &sync).await;
        }
        world.spotify().requests().clear();
        world.spotify().faults().add(Fault {
            delay_ms: Some(30_000),
            times: Some(1),
            ..Fault::on("/api/v1/")
        });
        let event = json!({ "task": task });
        let made = || calls(&world).0 + calls(&world).1;
        let first = async {
            let ended = sync.handle(&event, LONG).await;
            panic!("{ended:?}");
        };
        let second = async {
            while made() == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let other = start(&world).await;
            // A subscriber whom the first run has not reached.
            assert_eq!(world.signed_in("bela").link("jonas").await.status, 302);
            world.advance(20);
            let begun = made();
            other.handle(&event, LONG).await.unwrap();
            assert_eq!(made(), begun, "{task}");
            // The first run is killed. Its lease ends with its time.
            world.advance(40);
            other
        };
        let other = tokio::select! {
            () = first => unreachable!(),
            other = second => other,
        };
        let begun = made();
        other.handle(&event, LONG).await.unwrap();
        assert!(made() > begun, "{task}");
    }
}

/// A worker is killed during a call. The next one takes over when the lease has expired.
#[tokio::test]
async fn the_next_worker_finishes_what_a_dead_worker_left() {
    let (world, sync) = linked().await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    world.spotify().faults().add(Fault {
        delay_ms: Some(30_000),
        times: Some(1),
        ..Fault::on(REPLACE)
    });
    let on_its_way = async {
        while calls(&world) != (0, 1) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let task = json!({"task": "sweep"});
    tokio::select! {
        ended = sync.handle(&task, LONG) => panic!("{ended:?}"),
        () = on_its_way => {}
    }
    let next = start(&world).await;
    sweep(&next).await;
    assert_eq!(heard(&world), ["all-access", "basic"]);
    world.advance(60);
    sweep(&next).await;
    assert_eq!(heard(&world), ["gold"]);
}
