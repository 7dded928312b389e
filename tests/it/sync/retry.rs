//! Retries: Spotify fails, refuses a call or asks for a pause, and no change is lost.

use std::time::Duration;

use sandbox::{Fault, deployment};
use shared::{
    aws::AwsConfig,
    http_client::HttpClient,
    jws::RequestId,
    partner::{Entitlements, PartnerId, PartnerUserId},
    store::{CONTENTION_TIMEOUT, Change, ChangeError, ChangeRequest, Lane, PendingLinks, RateLimiter},
};
use tokio::time::Instant;

use crate::support::{
    NO_PARTNERS_TABLE, World,
    proxy::{Proxy, Step},
    synchronizer::{GET, REPLACE, ada, calls, heard, link, linked, many_registered, start, subscribers, sweep},
};

#[tokio::test]
async fn no_change_is_lost_while_spotify_fails() {
    let (world, sync) = linked().await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
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
        // The retry waits for its backoff.
        let before = calls(&world);
        sweep(&sync).await;
        assert_eq!(calls(&world), before);
    }
    world.advance(700);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["gold"]);
}

/// Spotify carries out the call and its answer is lost, so the call may still be in flight when the next change arrives.
#[tokio::test]
async fn a_change_waits_while_a_call_with_a_lost_answer_may_be_in_flight() {
    let (world, sync) = linked().await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    let lost = Fault {
        reset: true,
        after: true,
        times: Some(2),
        ..Fault::on(REPLACE)
    };
    world.spotify().faults().add(lost);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["gold"]);
    // A new change must wait, because the first call may still be in flight.
    world.write_entitlements("replace", "ada", &["silver"]).await;
    sweep(&sync).await;
    assert_eq!(heard(&world), ["gold"]);
    world.advance(60);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["silver"]);
}

#[tokio::test]
async fn no_worker_calls_spotify_before_retry_after_has_passed() {
    let (world, sync) = linked().await;
    let other = start(&world).await;
    assert_eq!(world.signed_in("bela").link("jonas").await.status, 302);
    world.advance(20);
    world.write_entitlements("replace", "ada", &["gold"]).await;
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
    // Another worker does not call either, and does not wait for the pause while it holds a lease.
    tokio::time::timeout(Duration::from_secs(5), sweep(&other))
        .await
        .unwrap();
    assert_eq!(calls(&world).0 + calls(&world).1, 1);
    world.advance(100);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["gold"]);
}

/// The refused partner has more due subscribers than one page of the index, and all of them sort before those of other partners.
#[tokio::test]
async fn a_refused_partner_with_many_subscribers_does_not_block_others() {
    let (world, sync) = linked().await;
    let refused = PartnerId::parse("1111111111111111111111").unwrap();
    let subscribers = subscribers(&world, &[]);
    // The subscribers are in the same shard of the index as Ada.
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
        subscribers
            .begin_registration(&refused, &person, None, now)
            .await
            .unwrap();
    }
    world.advance(20);
    world.write_entitlements("replace", "ada", &["gold"]).await;
    world.spotify().faults().add(Fault {
        times: None,
        ..Fault::answer(GET, 403, "")
    });
    sweep(&sync).await;
    assert_eq!((heard(&world), calls(&world)), (vec!["gold".to_owned()], (1, 1)));
}

/// Spotify refuses the calls of one partner. The other partners continue, and that one resumes by itself.
#[tokio::test]
async fn a_refused_partner_stops_alone_and_resumes_by_itself() {
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
    // The first call of the run is refused, whichever partner it is for.
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
    // Sync makes no further call for that partner, and one call for each subscriber of the other.
    let expected = if of[0] == other { 1 + 3 } else { 1 + 1 };
    assert_eq!(of.len(), expected, "{of:?}");
    assert_eq!(of.iter().filter(|partner_id| **partner_id == of[0]).count(), 1);
    assert!(crate::support::logged().contains("SYNC_STOPPED"));
    world.advance(300);
    sweep(&sync).await;
    assert_eq!(link(&world).await.0, "linked");
}

/// A gateway in front of Spotify times out. Spotify may still carry out the call later, so the next call must not be sent too early.
#[tokio::test]
async fn a_new_change_waits_after_a_gateway_timeout() {
    for status in [408, 502, 504] {
        let (world, sync) = linked().await;
        world.write_entitlements("replace", "ada", &["gold"]).await;
        world.spotify().faults().add(Fault {
            times: Some(1),
            ..Fault::answer(REPLACE, status, "<html>")
        });
        sweep(&sync).await;
        // The call is not repeated at once, because a second answer would hide the first.
        let before = calls(&world);
        assert_eq!(before, (0, 1), "{status}");
        world.write_entitlements("replace", "ada", &[]).await;
        // The backend's request advances the clock by one second.
        world.advance(58);
        sweep(&sync).await;
        assert_eq!(calls(&world), before, "{status}");
        world.advance(1);
        sweep(&sync).await;
        assert!(heard(&world).is_empty(), "{status}");
    }
}

/// A change after a long outage waits only while the last call may be in flight, not for the full backoff.
#[tokio::test]
async fn a_change_after_many_timeouts_waits_only_for_the_last_call() {
    let (world, sync) = linked().await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
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
    world.write_entitlements("replace", "ada", &["silver"]).await;
    world.advance(58);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["all-access", "basic"]);
    world.advance(1);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["silver"]);
}

/// A fault that is answered 429 with this `Retry-After`.
fn rate_limited(retry_after: &str, times: u32) -> Fault {
    Fault {
        headers: [("Retry-After".to_owned(), retry_after.to_owned())].into(),
        times: Some(times),
        ..Fault::answer(REPLACE, 429, "")
    }
}

#[tokio::test]
async fn a_retry_after_of_half_an_hour_is_kept_without_a_probe() {
    let (world, sync) = linked().await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    world.spotify().faults().add(rate_limited("1800", 1));
    sweep(&sync).await;
    world.spotify().requests().clear();
    for _ in 0..5 {
        // The backend's request advanced the clock by one second.
        world.advance(359);
        sweep(&sync).await;
        assert!(world.spotify().requests().all().is_empty());
    }
    world.advance(10);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["gold"]);
}

/// Spotify still answers 429 to the first probe. The second one ends the pause for everyone, long before the end that Spotify gave.
#[tokio::test]
async fn a_pause_of_a_day_is_probed_once_an_hour_until_spotify_accepts_a_call() {
    let (world, sync) = linked().await;
    let partner_id = world.sandbox.options().partner_id.clone();
    let people = many_registered(&world, 5).await;
    world.advance(20);
    world.write_entitlements("replace", "ada", &["gold"]).await;
    world.spotify().faults().add(Fault {
        headers: [("Retry-After".to_owned(), "86400".to_owned())].into(),
        times: Some(2),
        ..Fault::answer("/api/v1/", 429, "")
    });
    sweep(&sync).await;
    let other = start(&world).await;
    let mut asked = Vec::new();
    for _ in 0..24 {
        world.advance(300);
        tokio::join!(sweep(&sync), sweep(&other));
        asked.push(calls(&world).0 + calls(&world).1);
    }
    // One call is answered 429, and one probe after an hour. The second probe, after two hours, is accepted, and all others follow.
    assert_eq!(asked[10], 1, "{asked:?}");
    assert_eq!((asked[11], asked[22]), (2, 2), "{asked:?}");
    assert_eq!(heard(&world), ["gold"]);
    world.advance(300);
    sweep(&sync).await;
    let follow = |person: &&String| world.spotify().link(&partner_id, person).unwrap().entitlements == ["gold"];
    assert_eq!(people.iter().filter(follow).count(), 5);
}

/// An operator ends the pause, and no subscriber stays deferred until the end that Spotify gave.
#[tokio::test]
async fn a_pause_ended_by_an_operator_ends_within_minutes() {
    let (world, sync) = linked().await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    world.spotify().faults().add(rate_limited("86400", 1));
    sweep(&sync).await;
    world.advance(600);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["all-access", "basic"]);
    let dynamodb = AwsConfig::from_env(&world.environment(&[]))
        .unwrap()
        .dynamodb(&HttpClient::new().unwrap());
    let table = deployment::SUBSCRIBERS_TABLE.to_owned();
    let limiter = RateLimiter::new(dynamodb, table, &world.sandbox.options().client_id, 5.0);
    assert!(limiter.status().await.unwrap().paused_until_ms.is_some());
    limiter.clear().await.unwrap();
    world.advance(300);
    sweep(&sync).await;
    assert_eq!(heard(&world), ["gold"]);
}

/// DynamoDB writes the change and its answer is lost. The retry recognises its own write.
#[tokio::test]
async fn a_retry_of_a_versioned_change_is_not_a_version_conflict() {
    let world = World::new().await;
    let proxy = Proxy::in_front_of(&world.sandbox.addresses().dynamodb).await;
    let subscribers = subscribers(&world, &[("AWS_ENDPOINT_URL_DYNAMODB", proxy.origin())]);
    let (partner_id, ada) = ada(&world);
    let change = |name| Change::Add(Entitlements::parse([name]).unwrap());
    let pending_links = PendingLinks::new(
        AwsConfig::from_env(&world.environment(&[]))
            .unwrap()
            .dynamodb(&HttpClient::new().unwrap()),
        deployment::PENDING_LINKS_TABLE.to_owned(),
    );
    let changed = async |name, expected| {
        let now = world.clock.now();
        let request = ChangeRequest {
            id: &RequestId::new("backend", name, now, name),
            partner_id: &partner_id,
            partner_user_id: &ada,
            change: &change(name),
            expected: Some(expected),
            as_of: None,
            lane: Lane::Individual,
            give_up_at: Instant::now() + CONTENTION_TIMEOUT,
        };
        subscribers.change(&pending_links, request, now * 1000).await
    };
    assert_eq!(changed("gold", 0).await.unwrap().version, 1);
    proxy.matching("TransactWriteItems", Some(Step::Lose), 1);
    assert_eq!(changed("silver", 1).await.unwrap().version, 2);
    assert_eq!(proxy.seen_about("TransactWriteItems"), 2);
    assert_eq!(changed("bronze", 1).await.unwrap_err(), ChangeError::OtherVersion);
}

/// In an outage a run tries few subscribers, so that the others have no backoff to wait for when Spotify is back.
#[tokio::test]
async fn an_outage_backs_off_only_the_few_subscribers_tried() {
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
