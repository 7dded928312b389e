//! Changes during a call to Spotify, and several workers at once.

use std::time::Duration;

use sandbox::Fault;
use serde_json::json;
use shared::{partner::Entitlements, runtime::worker::EventFunction as _};

use crate::support::{
    World,
    synchronizer::{GET, LONG, REPLACE, ada, calls, during, heard, link, linked, start, subscribers, sweep},
};

/// A version that was superseded while its call was on the way is never taken for synced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_during_a_call_follows_at_once() {
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
        // Another worker hears of it, and leaves it to the first one, who has her in hand.
        sweep(&start(&world).await).await;
    };
    tokio::join!(sweep(&sync), change);
    assert_eq!(heard(&world), ["silver"]);
    assert_eq!(calls(&world), (0, 2));
    sweep(&sync).await;
    assert_eq!(calls(&world), (0, 2));
}

/// A refusal of what was wanted before is none of what is wanted now: nobody waits an hour for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_while_spotify_refuses_a_call_follows_at_once() {
    let (world, sync) = linked().await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    let changes = async { drop(world.write_entitlements("replace", "ada", &["silver"]).await) };
    during(&world, &sync, Fault::answer(REPLACE, 422, ""), changes).await;
    assert_eq!((heard(&world), calls(&world)), (vec!["silver".to_owned()], (0, 2)));
}

/// Also when it changes while the last of those calls hangs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_during_a_call_that_breaks_waits_for_that_call_alone() {
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

/// Spotify still said "linked" when it was asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unlinking_that_begins_while_sync_asks_is_asked_about_again() {
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

/// What has changed during a call is not due for some seconds: until then, and no longer, nobody looks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_links_during_a_call_is_asked_about_as_soon_as_that_is_settled() {
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

/// The partner's backend adds to what a token had said, and meanwhile a newer token says more.
#[tokio::test]
async fn a_first_addition_does_not_start_from_a_claim_that_was_replaced_meanwhile() {
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
            .replace_if_unchanged(&before, &extra, later)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_workers_at_once_one_calls() {
    let (world, _) = linked().await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    let mut workers = Vec::new();
    for _ in 0..8 {
        workers.push(start(&world).await);
    }
    crate::support::join_all(workers.iter().map(sweep)).await;
    assert_eq!((heard(&world), calls(&world)), (vec!["gold".to_owned()], (0, 1)));
}

/// Killed in the middle of a call: the next worker takes over when nobody can have them in hand any more.
#[tokio::test]
async fn a_worker_that_dies_leaves_nothing_undone() {
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
