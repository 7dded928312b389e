//! What sync makes of a 404: a false one ends no link, and many of them end none until an operator agrees.

use std::io;

use sandbox::{Fault, deployment};
use serde_json::{Value, json};
use shared::{
    aws::AwsConfig,
    http_client::HttpClient,
    partner::{PartnerId, PartnerUserId},
    runtime::worker::EventFunction as _,
    store::{HoldStatus, Lane, UnlinkBrake},
    telemetry::metrics,
};
use sync::Synchronizer;

use super::metrics::of_this_minute;
use crate::support::{
    World, set_entitlements,
    synchronizer::{
        GET, LONG, REPLACE, ada, calls, heard, link, linked, many_registered, start, start_with, subscribers, sweep,
    },
};

const DAY: i64 = 86_400;

fn unlink_at_spotify(world: &World, person: &str) {
    let partner_id = &world.sandbox.options().partner_id;
    world.spotify().remove_link(partner_id, &world.partner_user_id(person));
}

/// Spotify answers the next `times` calls to `path` with 404, although the link exists.
fn false_404(world: &World, path: &str, times: u32) {
    world.spotify().faults().add(Fault {
        times: Some(times),
        ..Fault::answer(path, 404, "")
    });
}

fn brake(world: &World) -> (UnlinkBrake, PartnerId) {
    let environment = world.environment(&[]);
    let dynamodb = AwsConfig::from_env(&environment)
        .unwrap()
        .dynamodb(&HttpClient::new().unwrap());
    (
        UnlinkBrake::new(dynamodb, deployment::SUBSCRIBERS_TABLE.to_owned()),
        ada(world).0,
    )
}

async fn brake_state(world: &World) -> HoldStatus {
    let (brake, partner_id) = brake(world);
    brake.state(&partner_id, world.clock.now()).await.unwrap()
}

/// `many` linked subscribers who are in sync.
async fn many_linked(world: &World, sync: &Synchronizer, many: usize) -> Vec<String> {
    let people = many_registered(world, many).await;
    world.advance(301);
    sweep(sync).await;
    assert_eq!(states(world, &people).await, vec!["linked"; many]);
    world.spotify().requests().clear();
    people
}

async fn states(world: &World, people: &[String]) -> Vec<&'static str> {
    let partner_id = ada(world).0;
    let table = subscribers(world, &[]);
    let mut states = Vec::new();
    for person in people {
        let person = PartnerUserId::parse(person).unwrap();
        states.push(table.get(&partner_id, &person).await.unwrap().link.state.as_str());
    }
    states
}

async fn reconcile(sync: &Synchronizer) {
    sync.handle(&json!({"task": "reconcile"}), LONG).await.unwrap();
}

/// Spotify sends no notification of an unlink.
#[tokio::test]
async fn a_link_ends_with_a_second_404_ten_minutes_after_the_first() {
    let (world, sync) = linked().await;
    unlink_at_spotify(&world, "ada");
    world.advance(300);
    world.write_entitlements("replace", "ada", &["gold"]).await;
    sweep(&sync).await;
    assert_eq!(
        link(&world).await,
        ("suspect".to_owned(), "replace-entitlements".to_owned())
    );
    assert!(crate::support::logged().contains("LINK_SUSPECT"));
    // From now on, sync only asks. A change in between is a reason to ask, and not a second 404 yet.
    world.advance(300);
    world.write_entitlements("add", "ada", &["silver"]).await;
    sweep(&sync).await;
    assert_eq!((calls(&world), link(&world).await.0), ((1, 1), "suspect".to_owned()));
    world.advance(250);
    sweep(&sync).await;
    assert_eq!(calls(&world), (1, 1));
    world.advance(100);
    sweep(&sync).await;
    assert_eq!(
        (calls(&world), link(&world).await),
        ((2, 1), ("unlinked".to_owned(), "get-entitlements".to_owned()))
    );
    assert!(crate::support::logged().contains("LINK_LOST"));
    // A new link starts with the entitlements that are desired by then.
    assert_eq!(world.signed_in("ada").link("jonas").await.status, 302);
    assert_eq!(heard(&world), ["gold", "silver"]);
    world.advance(20);
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "linked");
}

/// A cancellation while Spotify answers 404 falsely reaches Spotify as soon as it answers 200 again.
#[tokio::test]
async fn a_false_404_does_not_end_a_link() {
    for path in [GET, REPLACE] {
        let (world, sync) = linked().await;
        world.advance(DAY);
        false_404(&world, path, 1);
        if path == REPLACE {
            world.write_entitlements("replace", "ada", &["gold"]).await;
            sweep(&sync).await;
        } else {
            // The reconciliation asks twice before it believes a 404.
            false_404(&world, path, 1);
            reconcile(&sync).await;
        }
        assert_eq!(link(&world).await.0, "suspect", "{path}");
        world.write_entitlements("replace", "ada", &[]).await;
        sweep(&sync).await;
        assert!(heard(&world).is_empty(), "{path}");
        assert_eq!(link(&world).await.0, "linked", "{path}");
        assert!(crate::support::logged().contains("LINK_RESTORED"));
    }
}

/// Spotify answers 404 for so long that the link counts as unlinked. A later cancellation still reaches Spotify.
#[tokio::test]
async fn a_change_of_an_unlinked_subscriber_asks_spotify_once() {
    let (world, sync) = linked().await;
    world.advance(300);
    false_404(&world, "/api/v1/", 2);
    world.write_entitlements("replace", "ada", &["gold"]).await;
    sweep(&sync).await;
    world.advance(600);
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "unlinked");
    // Long after the daily checks have ended.
    world.spotify().faults().clear();
    world.advance(30 * DAY);
    world.write_entitlements("replace", "ada", &[]).await;
    sweep(&sync).await;
    assert!(heard(&world).is_empty());
    assert_eq!(link(&world).await.0, "linked");
    // The negative twin: without a link, a change causes one call, and no second one.
    unlink_at_spotify(&world, "ada");
    world.write_entitlements("replace", "ada", &["gold"]).await;
    sweep(&sync).await;
    world.advance(600);
    sweep(&sync).await;
    world.advance(30 * DAY);
    sweep(&sync).await;
    world.spotify().requests().clear();
    world.write_entitlements("replace", "ada", &["silver"]).await;
    for _ in 0..3 {
        sweep(&sync).await;
        world.advance(DAY);
    }
    assert_eq!(calls(&world), (1, 0));
}

#[tokio::test]
async fn an_unlinked_subscriber_is_checked_daily_for_a_week() {
    let (world, sync) = linked().await;
    world.advance(300);
    unlink_at_spotify(&world, "ada");
    world.write_entitlements("replace", "ada", &["gold"]).await;
    sweep(&sync).await;
    world.advance(600);
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "unlinked");
    world.spotify().requests().clear();
    for _ in 0..14 * 24 {
        world.advance(3600);
        sweep(&sync).await;
    }
    assert_eq!(calls(&world), (7, 0));
    assert_eq!(link(&world).await.0, "unlinked");
}

/// An operator asks again, for example after a wrong URL was corrected. Only missing links are checked.
#[tokio::test]
async fn a_check_that_an_operator_asks_for_restores_a_link() {
    let (world, sync) = linked().await;
    let table = subscribers(&world, &[]);
    let (partner_id, ada) = ada(&world);
    let now = |world: &World| world.clock.now();
    let stored = table.get(&partner_id, &ada).await.unwrap();
    assert!(!table.schedule_check(&stored, now(&world)).await.unwrap());
    world.advance(300);
    false_404(&world, "/api/v1/", 2);
    world.write_entitlements("replace", "ada", &["gold"]).await;
    sweep(&sync).await;
    world.advance(600);
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "unlinked");
    let stored = table.get(&partner_id, &ada).await.unwrap();
    assert!(table.schedule_check(&stored, now(&world)).await.unwrap());
    sweep(&sync).await;
    assert_eq!(
        (link(&world).await.0, heard(&world)),
        ("linked".to_owned(), vec!["gold".to_owned()])
    );
}

/// Nothing waits for the check of a missing link, so no alarm may count it.
#[tokio::test]
async fn checks_of_missing_links_count_neither_as_dirty_items_nor_for_the_dirty_age() {
    metrics::init("soa-link/test".to_owned());
    let (world, sync) = linked().await;
    world.advance(300);
    unlink_at_spotify(&world, "ada");
    world.write_entitlements("replace", "ada", &["gold"]).await;
    sweep(&sync).await;
    of_this_minute(&world, &mut io::sink());
    // The check itself fails, and is retried.
    world.spotify().faults().add(Fault {
        times: None,
        ..Fault::answer(GET, 503, "")
    });
    for _ in 0..3 {
        world.advance(7 * 3600);
        sweep(&sync).await;
    }
    let counted = of_this_minute(&world, &mut io::sink());
    assert!(calls(&world).0 >= 3);
    assert_eq!(
        (counted.get("DirtyAge"), counted["DirtyItems"]),
        (None, 0),
        "{counted:?}"
    );
    // The twin: a change of a linked subscriber that Spotify does not take counts for both.
    let (world, sync) = linked().await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    world.spotify().faults().add(Fault {
        times: None,
        ..Fault::answer("/api/v1/", 503, "")
    });
    of_this_minute(&world, &mut io::sink());
    world.advance(3600);
    sweep(&sync).await;
    let counted = of_this_minute(&world, &mut io::sink());
    assert!(counted["DirtyAge"] >= 3600 && counted["DirtyItems"] == 1, "{counted:?}");
}

#[tokio::test]
async fn our_own_unlink_ends_with_one_404_and_is_no_lost_link() {
    metrics::init("soa-link/test".to_owned());
    let (world, sync) = linked().await;
    let mut browser = world.signed_in("ada");
    let form = format!("form_token={}", browser.get("/unlink").await.form_token());
    assert_eq!(browser.post("/unlink", &form).await.status, 200);
    world.advance(20);
    of_this_minute(&world, &mut io::sink());
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "unlinked");
    let log = crate::support::logged();
    assert!(log.contains("LINK_ENDED") && !log.contains("LINK_LOST") && !log.contains("LINK_SUSPECT"));
    assert_eq!(of_this_minute(&world, &mut io::sink()).get("LinkLost"), None);
    assert_eq!(brake_state(&world).await.counted, 0);
}

/// The person never opened Spotify's landing page, so there was no link to lose. If the 404 was false, the daily check finds out.
#[tokio::test]
async fn an_abandoned_landing_page_is_no_lost_link() {
    metrics::init("soa-link/test".to_owned());
    let world = World::new().await;
    let sync = start(&world).await;
    world
        .spotify()
        .set_switches(|switches| switches.a16_pending_until_landing = true);
    let landing = world.signed_in("ada").link("mara").await;
    world.advance(300);
    of_this_minute(&world, &mut io::sink());
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "unlinked");
    let log = crate::support::logged();
    assert!(log.contains("LINK_NOT_COMPLETED") && !log.contains("LINK_LOST") && !log.contains("LINK_SUSPECT"));
    assert_eq!(of_this_minute(&world, &mut io::sink()).get("LinkLost"), None);
    assert_eq!(brake_state(&world).await.counted, 0);
    world.signed_in("ada").get(landing.location()).await;
    world.advance(DAY);
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "linked");
}

/// A link that was confirmed before is not lost by one 404, even if the person has just linked again.
#[tokio::test]
async fn a_confirmed_link_that_is_made_again_needs_two_404s() {
    let (world, sync) = linked().await;
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    world.advance(300);
    false_404(&world, GET, 1);
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "suspect");
    world.advance(600);
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "linked");
}

/// A wrong URL or a fault at Spotify: it answers 404 for everyone. Runs of ten subscribers each count together.
#[tokio::test]
async fn beyond_ten_first_404s_an_hour_no_link_ends_until_an_operator_releases_the_brake() {
    let world = World::new().await;
    let sync = start(&world).await;
    let people = many_linked(&world, &sync, 24).await;
    for person in &people {
        world.spotify().remove_link(&world.sandbox.options().partner_id, person);
    }
    // The first ten are found by the stream, in two invocations, and the others by the reconciliation.
    let partner_id = ada(&world).0;
    for some in people[..10].chunks(5) {
        let mut records = Vec::new();
        for person in some {
            records.push(changed_record(&world, person).await);
        }
        sync.handle(&json!({ "Records": records }), LONG).await.unwrap();
    }
    assert_eq!(brake_state(&world).await.on_hold_since, None);
    assert_eq!(states(&world, &people[..10]).await, vec!["suspect"; 10]);
    world.advance(DAY);
    for person in &people[..10] {
        let gold = sandbox::Link {
            partner_id: partner_id.as_str().to_owned(),
            partner_user_id: person.clone(),
            account: format!("account of {person}"),
            entitlements: Vec::new(),
            ..sandbox::Link::default()
        };
        world.spotify().force_link(gold);
    }
    sweep(&sync).await;
    assert_eq!(states(&world, &people[..10]).await, vec!["linked"; 10]);
    for person in &people[..10] {
        world.spotify().remove_link(partner_id.as_str(), person);
    }
    reconcile(&sync).await;
    assert_eq!(states(&world, &people).await, vec!["suspect"; 24]);
    assert!(brake_state(&world).await.on_hold_since.is_some());
    assert_eq!(crate::support::logged().matches("UNLINKS_HELD").count(), 1);
    // Neither sweep, reconciliation nor stream ends a link, however much time passes, and the checks go on.
    world.spotify().requests().clear();
    for _ in 0..4 {
        world.advance(3700);
        sweep(&start(&world).await).await;
        reconcile(&sync).await;
        let record = changed_record(&world, &people[0]).await;
        sync.handle(&json!({"Records": [record]}), LONG).await.unwrap();
    }
    assert_eq!(states(&world, &people).await, vec!["suspect"; 24]);
    assert!(calls(&world).0 >= 4 * 24, "{:?}", calls(&world));
    assert_eq!(calls(&world).1, 0);
    // A 200 restores a link, and the release ends the others.
    world.spotify().force_link(sandbox::Link {
        partner_id: partner_id.as_str().to_owned(),
        partner_user_id: people[3].clone(),
        account: "back".to_owned(),
        ..sandbox::Link::default()
    });
    world.advance(600);
    sweep(&sync).await;
    assert_eq!(states(&world, &people[3..4]).await, ["linked"]);
    let (brake, partner_id) = brake(&world);
    brake.release(&partner_id, world.clock.now() + 3600).await.unwrap();
    world.advance(600);
    sweep(&sync).await;
    let ended = states(&world, &people)
        .await
        .iter()
        .filter(|state| **state == "unlinked")
        .count();
    assert_eq!(ended, 23);
}

/// A change of a subscriber, as the stream delivers it.
async fn changed_record(world: &World, person: &str) -> Value {
    let (partner_id, person) = (ada(world).0, PartnerUserId::parse(person).unwrap());
    let table = subscribers(world, &[]);
    let set = format!("v{}", world.clock.now());
    let after = set_entitlements(&table, &partner_id, &person, &[&set], world.clock.now()).await;
    let id = format!("{partner_id}#{}", person.expose());
    json!({"dynamodb": {
        "Keys": {"id": {"S": id}}, "OldImage": {},
        "NewImage": {"dirty": {"S": "0"}, "version": {"N": after.version.to_string()}},
    }})
}

/// With 300 linked subscribers, fifteen may be reported as missing within an hour.
#[tokio::test]
async fn the_brake_is_on_beyond_five_percent_of_the_linked() {
    let world = World::new().await;
    let sync = start(&world).await;
    let people = many_linked(&world, &sync, 16).await;
    let (brake, partner_id) = brake(&world);
    brake.set_linked_count(&partner_id, 300).await.unwrap();
    assert_eq!(brake_state(&world).await.limit, 15);
    for person in &people[..15] {
        world.spotify().remove_link(&world.sandbox.options().partner_id, person);
    }
    world.advance(DAY);
    reconcile(&sync).await;
    assert_eq!(
        (
            brake_state(&world).await.counted,
            brake_state(&world).await.on_hold_since
        ),
        (15, None)
    );
    // The round has counted the linked anew, the suspect ones among them.
    assert_eq!(brake_state(&world).await.limit, 10);
    brake.set_linked_count(&partner_id, 300).await.unwrap();
    world
        .spotify()
        .remove_link(&world.sandbox.options().partner_id, &people[15]);
    world.advance(60);
    let record = changed_record(&world, &people[15]).await;
    sync.handle(&json!({"Records": [record]}), LONG).await.unwrap();
    assert!(brake_state(&world).await.on_hold_since.is_some());
    // An hour later the count starts again, and the hold stays.
    world.advance(3600);
    assert_eq!(brake_state(&world).await.counted, 0);
    assert!(brake_state(&world).await.on_hold_since.is_some());
}

/// While Spotify answers 404 for everyone, it also does for links that were made a moment ago.
#[tokio::test]
async fn a_pending_link_does_not_end_while_the_brake_is_on() {
    let world = World::new().await;
    let sync = start(&world).await;
    let (brake, partner_id) = brake(&world);
    for _ in 0..11 {
        brake.count_first_404(&partner_id, world.clock.now()).await.unwrap();
    }
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    world.advance(300);
    false_404(&world, GET, 1);
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "pending");
    world.advance(600);
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "linked");
}

/// Spotify has the link again, but a change cannot be sent: the guard holds it, or Spotify fails. The next 404 is a first one.
#[tokio::test]
async fn a_200_restores_a_link_even_if_the_change_after_it_fails() {
    for held in [true, false] {
        let (world, _) = linked().await;
        let people = if held { "0" } else { "100" };
        let sync = start_with(&world, &[("GUARD_PEOPLE", people)]).await;
        world.advance(DAY);
        false_404(&world, GET, 2);
        reconcile(&sync).await;
        assert_eq!(link(&world).await.0, "suspect");
        world.write_entitlements("replace", "ada", &[]).await;
        let fails = Fault {
            times: None,
            ..Fault::answer(REPLACE, 503, "")
        };
        world.spotify().faults().add(fails);
        sweep(&sync).await;
        assert_eq!(link(&world).await.0, "linked", "held {held}");
        assert_eq!(heard(&world), ["all-access", "basic"]);
        let (partner_id, ada) = ada(&world);
        let stored = subscribers(&world, &[]).get(&partner_id, &ada).await.unwrap();
        // Now a change waits for sync, behind all individual ones.
        assert_eq!(stored.lane, Some(Lane::Bulk), "held {held}");
        assert!(stored.dirty_since.is_some() && stored.last_error.is_some());
        world.spotify().faults().clear();
        world.advance(600);
        false_404(&world, "/api/v1/", 1);
        sweep(&sync).await;
        let expected = if held { "linked" } else { "suspect" };
        assert_eq!(link(&world).await.0, expected);
    }
}

/// The bulk of an import has former subscribers too. The stream leaves them to the sweep.
#[tokio::test]
async fn the_stream_leaves_checks_of_missing_links_to_the_sweep() {
    let (world, sync) = linked().await;
    world.advance(300);
    unlink_at_spotify(&world, "ada");
    world.write_entitlements("replace", "ada", &["gold"]).await;
    sweep(&sync).await;
    world.spotify().requests().clear();
    let record = |dirty: &str| {
        let id = format!(
            "{}#{}",
            world.sandbox.options().partner_id,
            world.partner_user_id("ada")
        );
        json!({"Records": [{"dynamodb": {
            "Keys": {"id": {"S": id}}, "OldImage": {}, "NewImage": {"dirty": {"S": dirty}, "version": {"N": "2"}},
        }}]})
    };
    world.write_entitlements("replace", "ada", &["silver"]).await;
    sync.handle(&record("check#3"), LONG).await.unwrap();
    assert_eq!(calls(&world), (0, 0));
    sweep(&sync).await;
    assert_eq!(calls(&world), (1, 0));
}

/// Spotify refuses the calls of a partner for good. Its former subscribers cause no calls and no alarms for ever.
#[tokio::test]
async fn checks_that_fail_end_after_a_week_too() {
    let (world, sync) = linked().await;
    world.advance(300);
    unlink_at_spotify(&world, "ada");
    world.write_entitlements("replace", "ada", &["gold"]).await;
    sweep(&sync).await;
    world.advance(600);
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "unlinked");
    world.spotify().requests().clear();
    world.spotify().faults().add(Fault {
        times: None,
        ..Fault::answer("/api/v1/", 403, "")
    });
    for _ in 0..14 * 12 {
        world.advance(7200);
        sweep(&sync).await;
    }
    assert_eq!(calls(&world), (7, 0));
}

/// She unlinks here, begins to link again, and never opens the landing page.
#[tokio::test]
async fn an_abandoned_link_after_our_own_unlink_is_no_lost_link() {
    let (world, sync) = linked().await;
    world
        .spotify()
        .set_switches(|switches| switches.a16_pending_until_landing = true);
    let mut browser = world.signed_in("ada");
    let form = format!("form_token={}", browser.get("/unlink").await.form_token());
    assert_eq!(browser.post("/unlink", &form).await.status, 200);
    assert_eq!(browser.link("mara").await.status, 302);
    world.advance(300);
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "unlinked");
    let log = crate::support::logged();
    assert!(log.contains("LINK_NOT_COMPLETED") && !log.contains("LINK_SUSPECT") && !log.contains("LINK_LOST"));
    assert_eq!(brake_state(&world).await.counted, 0);
}
