//! Spotify follows what is wanted: changes, links, unlinkings, the stream.

use serde_json::{Value, json};
use shared::{partner::Entitlements, runtime::worker::EventFunction as _};

use crate::support::{
    World,
    synchronizer::{LONG, ada, calls, heard, link, linked, start, subscribers, sweep},
};

#[tokio::test]
async fn a_change_reaches_spotify_by_one_call_with_the_whole_set() {
    let (world, sync) = linked().await;
    world.write_entitlements("replace", "ada", &["gold", "silver"]).await;
    world.write_entitlements("delete", "ada", &["silver"]).await;
    world.write_entitlements("add", "ada", &["bronze"]).await;
    sweep(&sync).await;
    assert_eq!(heard(&world), ["bronze", "gold"]);
    assert_eq!(calls(&world), (0, 1));
    sweep(&sync).await;
    assert_eq!(calls(&world), (0, 1));
    // A cancelled subscription takes everything away and keeps the link.
    world.write_entitlements("replace", "ada", &[]).await;
    sweep(&sync).await;
    assert!(heard(&world).is_empty());
    assert_eq!(
        link(&world).await,
        ("linked".to_owned(), "replace-entitlements".to_owned())
    );
}

#[tokio::test]
async fn nobody_who_is_not_linked_gets_a_call() {
    let world = World::new().await;
    let sync = start(&world).await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    sweep(&sync).await;
    assert_eq!((calls(&world), world.calls()), ((0, 0), (0, 0, 0)));
}

/// Nobody tells us when they unlink at Spotify.
#[tokio::test]
async fn whoever_unlinked_at_spotify_is_known_by_the_next_call_and_gets_no_other() {
    let (world, sync) = linked().await;
    world
        .spotify()
        .remove_link(&world.sandbox.options().partner_id, &world.partner_user_id("ada"));
    world.advance(300);
    world.write_entitlements("replace", "ada", &["gold"]).await;
    sweep(&sync).await;
    assert_eq!(
        link(&world).await,
        ("unlinked".to_owned(), "replace-entitlements".to_owned())
    );
    world.write_entitlements("add", "ada", &["silver"]).await;
    sweep(&sync).await;
    assert_eq!(calls(&world), (0, 1));
    // Until they link again, with what is wanted by then.
    assert_eq!(world.signed_in("ada").link("jonas").await.status, 302);
    assert_eq!(heard(&world), ["gold", "silver"]);
    world.advance(20);
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "linked");
}

/// A link counts only when the landing page was loaded: until then, and for five minutes, a 404 is no end.
#[tokio::test]
async fn a_link_that_spotify_has_not_finished_is_asked_about_again_for_five_minutes() {
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

    // Whoever never lands is not linked, after all.
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

/// What the backend says while `register-user` is on its way must not be overtaken by it.
#[tokio::test]
async fn nobody_is_told_of_somebody_who_is_being_linked_just_now() {
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

/// Somebody is linked between the backend's reading and its writing.
#[tokio::test]
async fn a_change_for_somebody_who_has_just_been_linked_is_followed() {
    let world = World::new().await;
    let subscribers = subscribers(&world, &[]);
    let (partner_id, ada) = ada(&world);
    let before = subscribers.get(&partner_id, &ada).await.unwrap();
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    let gold = Entitlements::parse(["gold"]).unwrap();
    let now = world.clock.now();
    assert!(
        subscribers
            .replace_if_unchanged(&before, &gold, now)
            .await
            .unwrap()
            .is_none()
    );
    let again = subscribers.get(&partner_id, &ada).await.unwrap();
    let written = subscribers
        .replace_if_unchanged(&again, &gold, now)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(written.next_try_at, Some(now + 20));
}

/// What the backend says has nobody asked about before the unlinking is over.
#[tokio::test]
async fn a_change_for_somebody_who_is_being_unlinked_waits_for_that() {
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
        .replace_if_unchanged(&before, &gold, now + 31)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(written.next_try_at, Some(now + 50));
}

/// What a person asked of us, Spotify is asked about as well.
#[tokio::test]
async fn whoever_unlinks_here_is_known_to_be_unlinked_when_spotify_says_so() {
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
    // A backend's word for somebody whom nobody knows leaves no trace.
    let request = world.request_claims("bela", "jti-of-bela");
    assert_eq!(world.backend_unlink(&World::request_token(&request)).await.status, 204);
    assert_eq!(world.read_entitlements("bela").await["link"]["state"], "none");
}

/// A record of the table's stream says when to look; what we note ourselves is nothing to look at.
#[tokio::test]
async fn the_stream_has_spotify_follow_at_once_and_our_own_notes_do_not() {
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
