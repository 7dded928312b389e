//! Sync of single events: changes, links, unlinks and records of the table's stream.

use serde_json::{Value, json};
use shared::{partner::Entitlements, runtime::worker::EventFunction as _, store::Lane};

use crate::support::{
    World,
    synchronizer::{LONG, ada, calls, heard, link, linked, start, subscribers, sweep},
};

#[tokio::test]
async fn a_change_reaches_spotify_in_one_call_with_the_full_set() {
    let (world, sync) = linked().await;
    world.write_entitlements("replace", "ada", &["gold", "silver"]).await;
    world.write_entitlements("delete", "ada", &["silver"]).await;
    world.write_entitlements("add", "ada", &["bronze"]).await;
    sweep(&sync).await;
    assert_eq!(heard(&world), ["bronze", "gold"]);
    assert_eq!(calls(&world), (0, 1));
    sweep(&sync).await;
    assert_eq!(calls(&world), (0, 1));
    // A cancelled subscription removes all entitlements and keeps the link.
    world.write_entitlements("replace", "ada", &[]).await;
    sweep(&sync).await;
    assert!(heard(&world).is_empty());
    assert_eq!(
        link(&world).await,
        ("linked".to_owned(), "replace-entitlements".to_owned())
    );
}

#[tokio::test]
async fn a_subscriber_who_is_not_linked_causes_no_call() {
    let world = World::new().await;
    let sync = start(&world).await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    sweep(&sync).await;
    assert_eq!((calls(&world), world.calls()), ((0, 0), (0, 0, 0)));
}

/// Spotify completes a link when the landing page loads. Before that, a 404 within five minutes does not end the link.
#[tokio::test]
async fn an_unfinished_link_is_checked_again_for_five_minutes() {
    let world = World::new().await;
    let sync = start(&world).await;
    world
        .spotify()
        .set_switches(|switches| switches.a16_pending_until_landing = true);
    let mut ada = world.signed_in("ada");
    let done = ada.link("mara").await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    for _ in 0..4 {
        world.advance(30);
        sweep(&sync).await;
        assert_eq!(link(&world).await.0, "pending");
    }
    assert_eq!(calls(&world), (4, 0));
    ada.get(done.location()).await;
    world.advance(30);
    sweep(&sync).await;
    assert_eq!(
        (link(&world).await.0.as_str(), heard(&world)),
        ("linked", vec!["gold".to_owned()])
    );

    // A person who never opens the landing page is not linked.
    let world = World::new().await;
    let sync = start(&world).await;
    world
        .spotify()
        .set_switches(|switches| switches.a16_pending_until_landing = true);
    world.signed_in("ada").link("mara").await;
    world.advance(300);
    sweep(&sync).await;
    assert_eq!(
        link(&world).await,
        ("unlinked".to_owned(), "get-entitlements".to_owned())
    );
}

/// A late `register-user` must not overwrite a change that the backend makes during the call.
#[tokio::test]
async fn sync_makes_no_call_while_a_link_is_in_progress() {
    let (world, sync) = linked().await;
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    world.spotify().requests().clear();
    world.write_entitlements("replace", "ada", &["gold"]).await;
    world.advance(18);
    sweep(&sync).await;
    assert_eq!(calls(&world), (0, 0));
    world.advance(1);
    sweep(&sync).await;
    assert_eq!(
        (heard(&world), link(&world).await.0),
        (vec!["gold".to_owned()], "linked".to_owned())
    );
}

/// The link is made between the backend's read and its write. The stale write is rejected; a second one makes the subscriber due after 20 seconds.
#[tokio::test]
async fn a_change_that_races_a_new_link_is_synced() {
    let world = World::new().await;
    let subscribers = subscribers(&world, &[]);
    let (partner_id, ada) = ada(&world);
    let before = subscribers.get(&partner_id, &ada).await.unwrap();
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    let gold = Entitlements::parse(["gold"]).unwrap();
    let now = world.clock.now();
    assert!(
        subscribers
            .replace_if_unchanged(&before, &gold, Lane::Individual, now)
            .await
            .unwrap()
            .is_none()
    );
    let again = subscribers.get(&partner_id, &ada).await.unwrap();
    let written = subscribers
        .replace_if_unchanged(&again, &gold, Lane::Individual, now)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(written.next_try_at, Some(now + 20));
}

/// A change during an unlink does not make the subscriber due before the unlink has ended.
#[tokio::test]
async fn a_change_waits_for_an_unlink_in_progress() {
    let world = World::new().await;
    let subscribers = subscribers(&world, &[]);
    let (partner_id, ada) = ada(&world);
    let now = world.clock.now();
    subscribers
        .begin_registration(&partner_id, &ada, None, now)
        .await
        .unwrap();
    subscribers.begin_unlink(&partner_id, &ada, now + 30).await.unwrap();
    let before = subscribers.get(&partner_id, &ada).await.unwrap();
    let gold = Entitlements::parse(["gold"]).unwrap();
    let written = subscribers
        .replace_if_unchanged(&before, &gold, Lane::Individual, now + 31)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(written.next_try_at, Some(now + 50));
}

/// After an unlink on our page, sync checks with Spotify. An unlink of an unknown subscriber leaves no record.
#[tokio::test]
async fn an_unlink_on_our_page_is_confirmed_by_spotify() {
    let (world, sync) = linked().await;
    let mut ada = world.signed_in("ada");
    let form = format!("form_token={}", ada.get("/unlink").await.form_token());
    assert_eq!(ada.post("/unlink", &form).await.status, 200);
    assert_eq!(link(&world).await, ("suspect".to_owned(), "unlink-user".to_owned()));
    world.advance(20);
    sweep(&sync).await;
    assert_eq!(
        link(&world).await,
        ("unlinked".to_owned(), "get-entitlements".to_owned())
    );
    // An unlink that the backend requests for an unknown subscriber writes no record.
    let request = world.request_claims("bela", "jti-of-bela");
    assert_eq!(world.backend_unlink(&World::request_token(&request)).await.status, 204);
    assert_eq!(world.read_entitlements("bela").await["link"]["state"], "none");
}

/// A stream record of a change starts a sync. A record of sync's own write does not.
#[tokio::test]
async fn stream_records_start_a_sync_except_for_its_own_writes() {
    let (world, sync) = linked().await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    let id = format!(
        "{}#{}",
        world.sandbox.options().partner_id,
        world.partner_user_id("ada")
    );
    let record = |old: Value, new: Value| json!({"eventName": "MODIFY", "dynamodb": {"Keys": {"id": {"S": id}}, "OldImage": old, "NewImage": new}});
    let dirty = json!({"dirty": {"S": "1"}, "version": {"N": "1"}});
    let ours = record(dirty.clone(), dirty.clone());
    let clean = record(dirty.clone(), json!({"version": {"N": "1"}}));
    let answer = sync
        .handle(&json!({"Records": [ours, clean, {}, null]}), LONG)
        .await
        .unwrap();
    assert_eq!((answer, calls(&world)), (json!({"batchItemFailures": []}), (0, 0)));
    let changed = record(json!({}), dirty);
    sync.handle(&json!({"Records": [changed, changed]}), LONG)
        .await
        .unwrap();
    assert_eq!((heard(&world), calls(&world)), (vec!["gold".to_owned()], (0, 1)));
    assert!(sync.handle(&json!({"task": "other"}), LONG).await.is_err());
}
