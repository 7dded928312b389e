//! Spotify follows what is wanted, whatever happens meanwhile.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use sandbox::{Fault, Link, bundle};
use serde_json::{Value, json};
use shared::{
    aws::Aws,
    chance::Chance,
    outbound::Outbound,
    partner::{Entitlements, PartnerId, PartnerUserId},
    store::{Change, ChangeError, Guard, Limits, Removal, Subscribers},
    worker::Worker as _,
};
use sync::Synchronizer;

use crate::{
    storage::{
        proxy::{Proxy, Step},
        throttled,
    },
    world::{NO_PARTNERS_TABLE, World},
};

const LONG: Duration = Duration::from_mins(1);
const GET: &str = "/api/v1/get-entitlements";
const REPLACE: &str = "/api/v1/replace-entitlements";

/// A world in which Ada is linked, and the function that makes Spotify follow.
async fn linked() -> (World, Synchronizer) {
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

async fn start(world: &World) -> Synchronizer {
    start_with(world, &[]).await
}

async fn start_with(world: &World, changes: &[(&str, &str)]) -> Synchronizer {
    // The clock stands still, so that every turn is a little later than the last one.
    let environment = world.environment(&[&[("SPOTIFY_RATE", "1000")], changes].concat());
    Synchronizer::start(environment, world.clock.clone(), Chance::System)
        .await
        .unwrap()
}

async fn sweep(sync: &Synchronizer) -> Value {
    sync.work(&json!({"task": "sweep"}), LONG).await.unwrap()
}

async fn link(world: &World) -> (String, String) {
    let link = world.hears("ada").await["link"].clone();
    let text = |name: &str| link[name].as_str().unwrap_or_default().to_owned();
    (text("state"), text("evidence"))
}

/// How often Spotify was asked, and told.
fn calls(world: &World) -> (usize, usize) {
    let to = |path| world.spotify().requests().to(path).len();
    (to(GET), to(REPLACE))
}

fn heard(world: &World) -> Vec<String> {
    world.linked("ada").unwrap().1
}

#[tokio::test]
async fn a_change_reaches_spotify_by_one_call_with_the_whole_set() {
    let (world, sync) = linked().await;
    world.says("replace", "ada", &["gold", "silver"]).await;
    world.says("delete", "ada", &["silver"]).await;
    world.says("add", "ada", &["bronze"]).await;
    sweep(&sync).await;
    assert_eq!(heard(&world), ["bronze", "gold"]);
    assert_eq!(calls(&world), (0, 1));
    sweep(&sync).await;
    assert_eq!(calls(&world), (0, 1));
    // A cancelled subscription takes everything away and keeps the link.
    world.says("replace", "ada", &[]).await;
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
    world.says("replace", "ada", &["gold"]).await;
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
    world.says("replace", "ada", &["gold"]).await;
    sweep(&sync).await;
    assert_eq!(
        link(&world).await,
        ("unlinked".to_owned(), "replace-entitlements".to_owned())
    );
    world.says("add", "ada", &["silver"]).await;
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
    world.says("replace", "ada", &["gold"]).await;
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

#[tokio::test]
async fn trouble_at_spotify_loses_nothing() {
    let (world, sync) = linked().await;
    world.says("replace", "ada", &["gold"]).await;
    for fault in [
        Fault::answer(REPLACE, 500, ""),
        Fault::answer(REPLACE, 503, "<html>"),
        Fault::answer("/api/token", 500, ""),
        Fault {
            reset: true,
            ..Fault::on(REPLACE)
        },
    ] {
        world.spotify().revoke_tokens();
        world.spotify().faults().add(Fault { times: None, ..fault });
        world.advance(700);
        sweep(&sync).await;
        assert_eq!(heard(&world), ["all-access", "basic"]);
        world.spotify().faults().clear();
        // Not at once, either.
        let before = calls(&world);
        sweep(&sync).await;
        assert_eq!(calls(&world), before);
    }
    world.advance(700);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["gold"]);
}

/// What Spotify was told, and nobody heard that it was: the call is repeated, to the same effect.
#[tokio::test]
async fn a_call_whose_answer_was_lost_is_made_again_and_nothing_else_before() {
    let (world, sync) = linked().await;
    world.says("replace", "ada", &["gold"]).await;
    let lost = Fault {
        reset: true,
        after: true,
        times: Some(2),
        ..Fault::on(REPLACE)
    };
    world.spotify().faults().add(lost);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["gold"]);
    // Wanted meanwhile; but the first call may still be on its way.
    world.says("replace", "ada", &["silver"]).await;
    sweep(&sync).await;
    assert_eq!(heard(&world), ["gold"]);
    world.advance(60);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["silver"]);
}

#[tokio::test]
async fn when_spotify_asks_for_a_pause_nobody_calls_until_it_is_over() {
    let (world, sync) = linked().await;
    let other = start(&world).await;
    assert_eq!(world.signed_in("bela").link("jonas").await.status, 302);
    world.advance(20);
    world.says("replace", "ada", &["gold"]).await;
    world.spotify().requests().clear();
    let limited = Fault {
        headers: [("Retry-After".to_owned(), "40".to_owned())].into(),
        ..Fault::answer("/api/v1/", 429, "")
    };
    world.spotify().faults().add(Fault {
        times: Some(1),
        ..limited
    });
    sweep(&sync).await;
    assert_eq!(calls(&world).0 + calls(&world).1, 1);
    // Another worker does not call either, nor wait for it with somebody in hand: what else it has to do is not held up.
    tokio::time::timeout(Duration::from_secs(5), sweep(&other))
        .await
        .unwrap();
    assert_eq!(calls(&world).0 + calls(&world).1, 1);
    world.advance(100);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["gold"]);
}

/// More people of a refused partner are due than are read at a time, and all of them before the others.
#[tokio::test]
async fn a_refused_partner_with_many_people_does_not_stand_in_the_way_of_others() {
    let (world, sync) = linked().await;
    let refused = PartnerId::parse("1111111111111111111111").unwrap();
    let subscribers = subscribers(&world, &[]);
    // In the part of the index that has Ada.
    let part_of = |partner_id: &str, person: &str| {
        let hash = shared::secret::sha256_hex(&format!("{partner_id}#{person}"));
        u8::from_str_radix(&hash[..2], 16).unwrap() % shared::store::DIRTY_SHARDS
    };
    let ada = part_of(&world.sandbox.options().partner_id, &world.partner_user_id("ada"));
    let people = (0..).map(|n| format!("{n:032x}"));
    for person in people
        .filter(|person| part_of(refused.as_str(), person) == ada)
        .take(110)
    {
        let person = PartnerUserId::parse(&person).unwrap();
        let now = world.clock.now();
        subscribers.registering(&refused, &person, None, now).await.unwrap();
    }
    world.advance(20);
    world.says("replace", "ada", &["gold"]).await;
    world.spotify().faults().add(Fault {
        times: None,
        ..Fault::answer(GET, 403, "")
    });
    sweep(&sync).await;
    assert_eq!((heard(&world), calls(&world)), (vec!["gold".to_owned()], (1, 1)));
}

/// What the backend says while `register-user` is on its way must not be overtaken by it.
#[tokio::test]
async fn nobody_is_told_of_somebody_who_is_being_linked_just_now() {
    let (world, sync) = linked().await;
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    world.spotify().requests().clear();
    world.says("replace", "ada", &["gold"]).await;
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
    assert!(subscribers.replace(&before, &gold, now).await.unwrap().is_none());
    let again = subscribers.get(&partner_id, &ada).await.unwrap();
    let written = subscribers.replace(&again, &gold, now).await.unwrap().unwrap();
    assert_eq!(written.next_try_at, Some(now + 20));
}

/// Rather a wrong address, or a fault of Spotify's: a run that hears "no such link" of everybody does not believe it of the whole table.
#[tokio::test]
async fn a_run_that_finds_nobody_linked_stops_after_ten() {
    let world = World::new().await;
    let sync = start(&world).await;
    let people = many_registered(&world, 30).await;
    let partner_id = world.sandbox.options().partner_id.clone();
    for person in &people {
        world.spotify().remove_link(&partner_id, person);
    }
    world.advance(301);
    sweep(&sync).await;
    assert_eq!(calls(&world), (10, 0));
    assert!(crate::world::logged().contains("Spotify knows nobody of those asked about"));
    // It is true after all: the next runs find the others.
    sweep(&sync).await;
    sweep(&sync).await;
    assert_eq!(calls(&world), (30, 0));
}

/// Spotify refuses one partner's calls: the others go on, and so does that one by itself.
#[tokio::test]
async fn a_partner_that_is_refused_stops_alone_and_loudly_and_goes_on_by_itself() {
    let other = "1111111111111111111111";
    let options = sandbox::Options {
        more_partners: vec![(other.to_owned(), "Second".to_owned())],
        ..sandbox::Options::default()
    };
    let world = World::with(options, &[NO_PARTNERS_TABLE]).await;
    let sync = start(&world).await;
    for (person, account) in [("ada", "mara"), ("bela", "jonas"), ("yuki", "ines")] {
        assert_eq!(world.signed_in(person).link(account).await.status, 302);
    }
    let mut elsewhere = world.signed_in("noor");
    let consent = elsewhere.get(&format!("/partners/{other}/entrypoint")).await;
    let callback = elsewhere.agree(&consent.location().parse().unwrap(), "teo").await;
    assert_eq!(elsewhere.get(&callback).await.status, 302);
    world.advance(20);
    world.spotify().requests().clear();
    // The first call of the run is refused, whosever it is.
    world.spotify().faults().add(Fault {
        times: Some(1),
        ..Fault::answer(GET, 403, "")
    });
    sweep(&sync).await;
    let asked = world.spotify().requests().to(GET);
    let of: Vec<_> = asked
        .iter()
        .map(|request| request.jws.as_ref().unwrap().payload["partner_id"].clone())
        .collect();
    // Its partner is asked about no further; of the others, everybody.
    let expected = if of[0] == other { 1 + 3 } else { 1 + 1 };
    assert_eq!(of.len(), expected, "{of:?}");
    assert_eq!(of.iter().filter(|partner_id| **partner_id == of[0]).count(), 1);
    assert!(crate::world::logged().contains("SYNC_STOPPED"));
    world.advance(300);
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "linked");
}

/// A version that was superseded while its call was on the way is never taken for synced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_during_a_call_follows_at_once() {
    let (world, sync) = linked().await;
    world.says("replace", "ada", &["gold"]).await;
    let slow = Fault {
        delay_ms: Some(700),
        times: Some(1),
        ..Fault::on(REPLACE)
    };
    world.spotify().faults().add(slow);
    let change = async {
        tokio::time::sleep(Duration::from_millis(250)).await;
        world.says("replace", "ada", &["silver"]).await;
        // Another worker hears of it, and leaves it to the first one, who has her in hand.
        sweep(&start(&world).await).await;
    };
    tokio::join!(sweep(&sync), change);
    assert_eq!(heard(&world), ["silver"]);
    assert_eq!(calls(&world), (0, 2));
    sweep(&sync).await;
    assert_eq!(calls(&world), (0, 2));
}

/// Has something happen while a call that is about to be answered so is on its way.
async fn during(world: &World, sync: &Synchronizer, fault: Fault, happens: impl Future<Output = ()>) {
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

/// A refusal of what was wanted before is none of what is wanted now: nobody waits an hour for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_while_spotify_refuses_a_call_follows_at_once() {
    let (world, sync) = linked().await;
    world.says("replace", "ada", &["gold"]).await;
    let changes = async { drop(world.says("replace", "ada", &["silver"]).await) };
    during(&world, &sync, Fault::answer(REPLACE, 422, ""), changes).await;
    assert_eq!((heard(&world), calls(&world)), (vec!["silver".to_owned()], (0, 2)));
}

/// A gateway before Spotify has given up; what was asked is done all the same, later, and must not come after what is asked next.
#[tokio::test]
async fn a_write_that_a_gateway_gave_up_on_is_not_overtaken_by_itself() {
    for status in [408, 502, 504] {
        let (world, sync) = linked().await;
        world.says("replace", "ada", &["gold"]).await;
        world.spotify().faults().add(Fault {
            times: Some(1),
            ..Fault::answer(REPLACE, status, "<html>")
        });
        sweep(&sync).await;
        // It is not sent again at once, either: the second answer would hide the first.
        let before = calls(&world);
        assert_eq!(before, (0, 1), "{status}");
        world.says("replace", "ada", &[]).await;
        // What the backend says takes a second.
        world.advance(58);
        sweep(&sync).await;
        assert_eq!(calls(&world), before, "{status}");
        world.advance(1);
        sweep(&sync).await;
        assert!(heard(&world).is_empty(), "{status}");
    }
}

/// However long an outage was: what is wanted after it waits only as long as a call may be on its way.
#[tokio::test]
async fn a_change_after_many_timeouts_follows_as_soon_as_no_call_can_be_on_its_way() {
    let (world, sync) = linked().await;
    world.says("replace", "ada", &["gold"]).await;
    world.spotify().faults().add(Fault {
        reset: true,
        times: None,
        ..Fault::on(REPLACE)
    });
    for _ in 0..9 {
        world.advance(700);
        sweep(&sync).await;
    }
    world.spotify().faults().clear();
    world.says("replace", "ada", &["silver"]).await;
    world.advance(58);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["all-access", "basic"]);
    world.advance(1);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["silver"]);
}

/// Also when it changes while the last of those calls hangs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_during_a_call_that_breaks_waits_for_that_call_alone() {
    let (world, sync) = linked().await;
    world.says("replace", "ada", &["gold"]).await;
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
        drop(world.says("replace", "ada", &["silver"]).await);
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

#[tokio::test]
async fn a_pause_of_two_hours_is_kept_for_two_hours() {
    let (world, sync) = linked().await;
    world.says("replace", "ada", &["gold"]).await;
    world.spotify().faults().add(Fault {
        headers: [("Retry-After".to_owned(), "7200".to_owned())].into(),
        times: Some(1),
        ..Fault::answer(REPLACE, 429, "")
    });
    sweep(&sync).await;
    world.spotify().requests().clear();
    for _ in 0..2 {
        // A turn that is less than 15 s away would be waited for.
        world.advance(3590);
        sweep(&sync).await;
        assert!(world.spotify().requests().all().is_empty());
    }
    world.advance(300);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["gold"]);
}

/// Spotify has lifted it, or it was a mistake: an operator ends it, and nobody has been put off for hours.
#[tokio::test]
async fn a_pause_that_an_operator_has_lifted_is_over_for_everybody_within_minutes() {
    let (world, sync) = linked().await;
    world.says("replace", "ada", &["gold"]).await;
    world.spotify().faults().add(Fault {
        headers: [("Retry-After".to_owned(), "86400".to_owned())].into(),
        times: Some(1),
        ..Fault::answer(REPLACE, 429, "")
    });
    sweep(&sync).await;
    world.advance(600);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["all-access", "basic"]);
    let dynamodb = Aws::of(&world.environment(&[]))
        .unwrap()
        .dynamodb(&Outbound::new().unwrap());
    let pace = format!("pace#{}", world.sandbox.options().client_id);
    let delete = dynamodb.delete_item().table_name(bundle::SUBSCRIBERS_TABLE);
    delete.key("id", AttributeValue::S(pace)).send().await.unwrap();
    world.advance(300);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["gold"]);
}

/// What has changed during a call is not due for some seconds: until then, and no longer, nobody looks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_links_during_a_call_is_asked_about_as_soon_as_that_is_settled() {
    let (world, sync) = linked().await;
    world.says("replace", "ada", &["gold"]).await;
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
        .registering(&partner_id, &ada, Some(&basic), now)
        .await
        .unwrap();
    let before = subscribers.get(&partner_id, &ada).await.unwrap();
    let later = now + 30;
    subscribers
        .registering(&partner_id, &ada, Some(&more), later)
        .await
        .unwrap();
    assert!(subscribers.replace(&before, &extra, later).await.unwrap().is_none());
}

/// What the backend says has nobody asked about before the unlinking is over.
#[tokio::test]
async fn a_change_for_somebody_who_is_being_unlinked_waits_for_that() {
    let world = World::new().await;
    let subscribers = subscribers(&world, &[]);
    let (partner_id, ada) = ada(&world);
    let now = world.clock.now();
    subscribers.registering(&partner_id, &ada, None, now).await.unwrap();
    subscribers.unlinking(&partner_id, &ada, now + 30).await.unwrap();
    let before = subscribers.get(&partner_id, &ada).await.unwrap();
    let gold = Entitlements::parse(["gold"]).unwrap();
    let written = subscribers.replace(&before, &gold, now + 31).await.unwrap().unwrap();
    assert_eq!(written.next_try_at, Some(now + 50));
}

/// DynamoDB has written, and only its answer is lost: whoever asked for the next version has made it.
#[tokio::test]
async fn a_change_for_a_version_whose_answer_was_lost_is_no_mismatch() {
    let world = World::new().await;
    let proxy = Proxy::before(&world.sandbox.addresses().dynamodb).await;
    let subscribers = subscribers(&world, &[("AWS_ENDPOINT_URL_DYNAMODB", proxy.origin())]);
    let (partner_id, ada) = ada(&world);
    let change = |name| Change::Add(Entitlements::parse([name]).unwrap());
    let changed = async |name, expected| {
        let now = world.clock.now();
        subscribers
            .change(&partner_id, &ada, &change(name), Some(expected), now)
            .await
    };
    assert_eq!(changed("gold", 0).await.unwrap().version, 1);
    proxy.about("UpdateItem", Some(Step::Lose), 1);
    assert_eq!(changed("silver", 1).await.unwrap().version, 2);
    assert_eq!(proxy.seen_about("UpdateItem"), 2);
    assert_eq!(changed("bronze", 1).await.unwrap_err(), ChangeError::OtherVersion);
}

fn ada(world: &World) -> (PartnerId, PartnerUserId) {
    (
        PartnerId::parse(&world.sandbox.options().partner_id).unwrap(),
        PartnerUserId::parse(&world.partner_user_id("ada")).unwrap(),
    )
}

fn subscribers(world: &World, changes: &[(&str, &str)]) -> Subscribers {
    let environment = world.environment(changes);
    let dynamodb = Aws::of(&environment).unwrap().dynamodb(&Outbound::new().unwrap());
    Subscribers::new(dynamodb, bundle::SUBSCRIBERS_TABLE.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_workers_at_once_one_calls() {
    let (world, _) = linked().await;
    world.says("replace", "ada", &["gold"]).await;
    let mut workers = Vec::new();
    for _ in 0..8 {
        workers.push(start(&world).await);
    }
    crate::link::join_all(workers.iter().map(sweep)).await;
    assert_eq!((heard(&world), calls(&world)), (vec!["gold".to_owned()], (0, 1)));
}

/// Killed in the middle of a call: the next worker takes over when nobody can have them in hand any more.
#[tokio::test]
async fn a_worker_that_dies_leaves_nothing_undone() {
    let (world, sync) = linked().await;
    world.says("replace", "ada", &["gold"]).await;
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
        ended = sync.work(&task, LONG) => panic!("{ended:?}"),
        () = on_its_way => {}
    }
    let next = start(&world).await;
    sweep(&next).await;
    assert_eq!(heard(&world), ["all-access", "basic"]);
    world.advance(60);
    sweep(&next).await;
    assert_eq!(heard(&world), ["gold"]);
}

async fn reconcile(sync: &Synchronizer) -> Value {
    sync.work(&json!({"task": "reconcile"}), LONG).await.unwrap()
}

/// Nobody tells us what changes at Spotify: everybody linked is asked about, and what differs is mended.
#[tokio::test]
async fn what_spotify_has_otherwise_than_is_wanted_is_found_and_mended() {
    let (world, sync) = linked().await;
    let options = world.sandbox.options();
    reconcile(&sync).await;
    assert_eq!(calls(&world), (1, 0));
    // Somebody has changed it behind our back.
    let drifted = sandbox::Link {
        partner_id: options.partner_id.clone(),
        partner_user_id: world.partner_user_id("ada"),
        account: "mara".to_owned(),
        entitlements: vec!["everything".to_owned()],
        ..sandbox::Link::default()
    };
    world.spotify().force_link(drifted);
    reconcile(&sync).await;
    assert_eq!(
        (heard(&world), calls(&world)),
        (vec!["all-access".to_owned(), "basic".to_owned()], (2, 1))
    );
    // And somebody has unlinked there.
    world
        .spotify()
        .remove_link(&options.partner_id, &world.partner_user_id("ada"));
    world.advance(300);
    reconcile(&sync).await;
    assert_eq!(
        link(&world).await,
        ("unlinked".to_owned(), "get-entitlements".to_owned())
    );
    reconcile(&sync).await;
    assert_eq!(calls(&world), (3, 1));
}

/// A run that ends early is gone on with, and each person is asked about once in a round.
#[tokio::test]
async fn the_reconciliation_goes_on_where_the_last_run_came_to() {
    let (world, sync) = linked().await;
    for (person, account) in [("bela", "jonas"), ("yuki", "ines"), ("noor", "teo")] {
        assert_eq!(world.signed_in(person).link(account).await.status, 302);
    }
    world.advance(20);
    sweep(&sync).await;
    world.spotify().requests().clear();
    // No run has time for more than one or two.
    world.spotify().faults().add(Fault {
        delay_ms: Some(50),
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
        sync.work(&json!({"task": "reconcile"}), Duration::from_millis(60))
            .await
            .unwrap();
    }
    let each: std::collections::BTreeSet<_> = asked().into_iter().collect();
    assert_eq!((each.len(), asked().len()), (4, 4), "each once, in {runs} runs");
    assert!(runs > 1);
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
    assert_eq!(world.hears("bela").await["link"]["state"], "none");
}

/// A record of the table's stream says when to look; what we note ourselves is nothing to look at.
#[tokio::test]
async fn the_stream_has_spotify_follow_at_once_and_our_own_notes_do_not() {
    let (world, sync) = linked().await;
    world.says("replace", "ada", &["gold"]).await;
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
        .work(&json!({"Records": [ours, clean, {}, null]}), LONG)
        .await
        .unwrap();
    assert_eq!((answer, calls(&world)), (json!({"batchItemFailures": []}), (0, 0)));
    let changed = record(json!({}), dirty);
    sync.work(&json!({"Records": [changed, changed]}), LONG).await.unwrap();
    assert_eq!((heard(&world), calls(&world)), (vec!["gold".to_owned()], (0, 1)));
    assert!(sync.work(&json!({"task": "other"}), LONG).await.is_err());
}

/// One person within an hour, whatever part of all that is.
const PEOPLE_ALONE: Limits = Limits {
    people: 1,
    percent: 100,
};

/// Ada and two others, all with `all-access` and `basic`, of whom one may lose something within an hour.
async fn guarded() -> (World, Synchronizer, Guard) {
    let (world, sync) = linked().await;
    for (person, account) in [("bela", "jonas"), ("yuki", "ines")] {
        assert_eq!(world.signed_in(person).link(account).await.status, 302);
        world.says("replace", person, &["all-access", "basic"]).await;
    }
    world.says("replace", "ada", &["all-access", "basic"]).await;
    world.advance(20);
    sweep(&sync).await;
    world.spotify().requests().clear();
    let sync = start_with(&world, &[("GUARD_PEOPLE", "1")]).await;
    let environment = world.environment(&[]);
    let dynamodb = Aws::of(&environment).unwrap().dynamodb(&Outbound::new().unwrap());
    (
        world,
        sync,
        Guard::new(dynamodb, bundle::SUBSCRIBERS_TABLE.to_owned(), PEOPLE_ALONE),
    )
}

fn hear(world: &World, person: &str) -> Vec<String> {
    world.linked(person).unwrap().1
}

#[tokio::test]
async fn an_empty_roster_locks_nobody_out_beyond_the_limit_until_an_operator_says_so() {
    let (world, sync, guard) = guarded().await;
    let people = ["ada", "bela", "yuki"];
    for person in people {
        world.says("replace", person, &[]).await;
    }
    let shut_out = || people.iter().filter(|person| hear(&world, person).is_empty()).count();
    sweep(&sync).await;
    assert_eq!(shut_out(), 1);
    // Neither time nor another worker releases it.
    for _ in 0..3 {
        world.advance(3700);
        sweep(&start_with(&world, &[("GUARD_PEOPLE", "1")]).await).await;
        sync.work(&json!({"task": "reconcile"}), LONG).await.unwrap();
        assert_eq!(shut_out(), 1);
    }
    let partner_id = PartnerId::parse(&world.sandbox.options().partner_id).unwrap();
    guard.release(&partner_id, world.clock.now() + 3600).await.unwrap();
    world.advance(300);
    sweep(&sync).await;
    assert_eq!(shut_out(), 3);
}

#[tokio::test]
async fn what_is_granted_passes_a_guard_that_is_held() {
    let (world, sync, _) = guarded().await;
    world.says("replace", "ada", &[]).await;
    sweep(&sync).await;
    world.says("replace", "bela", &["basic", "gold"]).await;
    world.says("replace", "yuki", &["all-access", "basic", "gold"]).await;
    sweep(&sync).await;
    assert_eq!(hear(&world, "bela"), ["all-access", "basic", "gold"]);
    assert_eq!(hear(&world, "yuki"), ["all-access", "basic", "gold"]);
    // Wanted as it is, and nothing is left to be released.
    world.says("replace", "bela", &["all-access", "basic", "gold"]).await;
    sweep(&sync).await;
    world.spotify().requests().clear();
    world.advance(3700);
    sweep(&sync).await;
    assert_eq!(calls(&world), (0, 0));
}

/// The guard holds what would be taken away, and while that is noted something more is granted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_comes_while_a_removal_is_being_held_follows_at_once() {
    let (world, sync, _) = guarded().await;
    world.says("replace", "ada", &[]).await;
    sweep(&sync).await;
    world.says("replace", "yuki", &["gold"]).await;
    let grants = async { drop(world.says("replace", "yuki", &["gold", "silver"]).await) };
    during(&world, &sync, Fault::on(REPLACE), grants).await;
    assert_eq!(hear(&world, "yuki"), ["all-access", "basic", "gold", "silver"]);
}

/// There may be thousands behind it, and each question is a write.
#[tokio::test]
async fn while_removals_are_held_the_guard_is_asked_once_a_run() {
    let (world, _, _) = guarded().await;
    let proxy = Proxy::before(&world.sandbox.addresses().dynamodb).await;
    proxy.about("guard#", None, 0);
    let variables = [("GUARD_PEOPLE", "1"), ("AWS_ENDPOINT_URL_DYNAMODB", proxy.origin())];
    let sync = start_with(&world, &variables).await;
    for person in ["ada", "bela", "yuki"] {
        world.says("replace", person, &[]).await;
    }
    // The first begins the hour, the second has it held, and of the third it is known.
    sweep(&sync).await;
    assert_eq!(proxy.seen_about("guard#"), 4);
    world.advance(300);
    sweep(&sync).await;
    assert_eq!(proxy.seen_about("guard#"), 5);
}

#[tokio::test]
async fn a_guard_that_does_not_answer_holds_up_nobody_who_is_granted_something() {
    let (world, _, _) = guarded().await;
    let proxy = Proxy::before(&world.sandbox.addresses().dynamodb).await;
    proxy.about("guard#", Some(throttled()), usize::MAX);
    let sync = start_with(&world, &[("AWS_ENDPOINT_URL_DYNAMODB", proxy.origin())]).await;
    world.says("replace", "ada", &[]).await;
    world.says("replace", "bela", &["all-access", "basic", "gold"]).await;
    world.says("replace", "yuki", &["all-access", "silver"]).await;
    // The run says at its end that something is wrong.
    let swept = sync.work(&json!({"task": "sweep"}), LONG).await;
    assert_eq!(swept.unwrap_err().to_string(), "the guard does not answer");
    // Three tries of one question.
    assert_eq!(proxy.seen_about("guard#"), 3);
    assert_eq!(hear(&world, "ada"), ["all-access", "basic"]);
    assert_eq!(hear(&world, "bela"), ["all-access", "basic", "gold"]);
    assert_eq!(hear(&world, "yuki"), ["all-access", "basic", "silver"]);
    // Nor is support told that it were Spotify.
    let subscribers = subscribers(&world, &[]);
    let (partner_id, ada) = ada(&world);
    let ada = subscribers.get(&partner_id, &ada).await.unwrap();
    assert_eq!(ada.failure.as_deref(), Some("guard_unavailable"));
}

/// What somebody has and what they are to have is more than anybody may have.
#[tokio::test]
async fn a_held_removal_of_very_many_names_grants_nothing_and_spoils_nothing() {
    let (world, sync, _) = guarded().await;
    let names = |of: &str| (0..300).map(|n| format!("{of}{n}")).collect::<Vec<_>>();
    let (old, new) = (names("old"), names("new"));
    let [old, new] = [&old, &new].map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
    let with_old = [&["all-access", "basic"], old.as_slice()].concat();
    world.says("replace", "bela", &with_old).await;
    world.says("replace", "ada", &[]).await;
    sweep(&sync).await;
    assert_eq!(hear(&world, "bela").len(), 302);
    world.says("replace", "bela", &new).await;
    sweep(&sync).await;
    assert_eq!(hear(&world, "bela").len(), 302);
    assert_eq!(world.hears("bela").await["entitlements"].as_array().unwrap().len(), 300);
}

/// Whoever has to be told twice is one person, and the next hour begins anew.
#[tokio::test]
async fn the_guard_counts_people_and_forgets_them_after_an_hour() {
    let (world, sync, _) = guarded().await;
    world.spotify().faults().add(Fault {
        status: Some(503),
        times: Some(2),
        ..Fault::on(REPLACE)
    });
    world.says("replace", "ada", &["basic"]).await;
    for _ in 0..4 {
        sweep(&sync).await;
        world.advance(60);
    }
    world.says("replace", "ada", &[]).await;
    sweep(&sync).await;
    assert!(hear(&world, "ada").is_empty());
    world.advance(3600);
    world.says("replace", "bela", &[]).await;
    sweep(&sync).await;
    assert!(hear(&world, "bela").is_empty());
}

/// Whoever finds that another has begun the hour is one more in it, and no alarm.
#[tokio::test]
async fn the_first_removals_of_an_hour_at_the_same_moment_are_all_counted() {
    let (world, _) = linked().await;
    let environment = world.environment(&[]);
    let dynamodb = Aws::of(&environment).unwrap().dynamodb(&Outbound::new().unwrap());
    let limits = Limits {
        people: 16,
        ..PEOPLE_ALONE
    };
    let guard = Guard::new(dynamodb, bundle::SUBSCRIBERS_TABLE.to_owned(), limits);
    let partner_id = PartnerId::parse(&world.sandbox.options().partner_id).unwrap();
    let people: Vec<_> = (0..17)
        .map(|n| PartnerUserId::parse(&format!("{n:032x}")).unwrap())
        .collect();
    let now = world.clock.now();
    let asked = crate::link::join_all(
        people[..16]
            .iter()
            .map(|person| guard.removal(&partner_id, person, now)),
    )
    .await;
    assert!(asked.into_iter().all(|asked| asked.unwrap() == Removal::Allowed));
    let one_more = guard.removal(&partner_id, &people[16], now).await.unwrap();
    assert_eq!(one_more, Removal::Held { just_now: true });
}

/// As many people who have just been linked, with `gold`, at Spotify with nothing yet.
async fn many_registered(world: &World, many: usize) -> Vec<String> {
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
            .registering(&partner_id, &person, Some(&gold), now)
            .await
            .unwrap();
    }
    people
}

/// In an outage few are tried, so that the others need not wait out a pause after it.
#[tokio::test]
async fn when_spotify_is_down_the_rest_are_left_for_when_it_is_back() {
    let (world, sync) = linked().await;
    let partner_id = world.sandbox.options().partner_id.clone();
    let people = many_registered(&world, 30).await;
    world.spotify().faults().add(Fault {
        status: Some(503),
        times: None,
        ..Fault::on("/api/v1/")
    });
    world.advance(20);
    sweep(&sync).await;
    let asked = |path| {
        world
            .spotify()
            .requests()
            .to(path)
            .into_iter()
            .filter_map(|request| request.jws)
    };
    let tried: std::collections::BTreeSet<_> = asked(GET).map(|jws| jws.payload_text).collect();
    assert!(tried.len() <= 20, "{}", tried.len());
    world.spotify().faults().clear();
    sweep(&sync).await;
    let follow = |person: &&String| world.spotify().link(&partner_id, person).unwrap().entitlements == ["gold"];
    assert_eq!(people.iter().filter(follow).count(), 20);
    world.advance(5);
    sweep(&sync).await;
    assert_eq!(people.iter().filter(follow).count(), 30);
}

/// Where few are linked, fewer may lose something; a round of the reconciliation counts them.
#[tokio::test]
async fn the_share_of_the_linked_counts_once_they_are_counted() {
    let world = World::new().await;
    let people = many_registered(&world, 14).await;
    let sync = start_with(&world, &[("GUARD_PERCENT", "50")]).await;
    world.advance(20);
    sweep(&sync).await;
    sync.work(&json!({"task": "reconcile"}), LONG).await.unwrap();
    let environment = world.environment(&[]);
    let dynamodb = Aws::of(&environment).unwrap().dynamodb(&Outbound::new().unwrap());
    let subscribers = Subscribers::new(dynamodb.clone(), bundle::SUBSCRIBERS_TABLE.to_owned());
    let partner_id = PartnerId::parse(&world.sandbox.options().partner_id).unwrap();
    let limits = Limits {
        people: 100,
        percent: 50,
    };
    let guard = Guard::new(dynamodb, bundle::SUBSCRIBERS_TABLE.to_owned(), limits);
    // Half of fourteen would be seven, but ten are always few enough.
    assert_eq!(guard.state(&partner_id, world.clock.now()).await.unwrap().most, 10);
    for person in &people {
        let (person, nothing) = (
            PartnerUserId::parse(person).unwrap(),
            Change::Replace(Entitlements::default()),
        );
        let now = world.clock.now();
        subscribers
            .change(&partner_id, &person, &nothing, None, now)
            .await
            .unwrap();
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
    assert!(state.held_since.is_some() && state.people == 10, "{state:?}");
}
