//! How often `GET /account` asks Spotify, and that the page is true although it does not always ask.

use std::time::Duration;

use sandbox::{Fault, Link, Options, deployment};
use serde_json::{Value, json};
use shared::{
    rng::Rng,
    runtime::http::{HttpFunction as _, handle_event},
};
use unlink::Unlink;

use crate::support::{
    NO_PARTNERS_TABLE, TestResponse, World, join_all,
    proxy::Proxy,
    synchronizer::{GET, start, sweep},
};

fn state(answer: &TestResponse) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let (_, rest) = answer.body.split_once("data-state=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

/// The state that the account page shows a person who is signed in.
async fn shown(world: &World, person: &str) -> String {
    state(&world.signed_in(person).get("/account").await)
}

/// Number of get-entitlements calls so far.
fn asked(world: &World) -> usize {
    world.spotify().requests().to(GET).len()
}

/// The state of a person's link in the subscribers table.
async fn stored_state(world: &World, person: &str) -> Value {
    world.read_entitlements(person).await["link"]["state"].clone()
}

fn link(world: &World, person: &str, account: &str) {
    world.spotify().force_link(Link {
        partner_id: world.sandbox.options().partner_id.clone(),
        partner_user_id: world.partner_user_id(person),
        account: account.to_owned(),
        entitlements: vec!["basic".to_owned()],
        ..Link::default()
    });
}

#[tokio::test]
async fn the_account_page_asks_spotify_once_in_30_seconds_for_each_person() {
    let world = World::new().await;
    link(&world, "ada", "mara");
    for (person, expected) in [("ada", "linked"), ("bela", "not-linked")] {
        let before = asked(&world);
        for _ in 0..3 {
            assert_eq!(shown(&world, person).await, expected);
        }
        assert_eq!(asked(&world), before + 1, "{person}");
    }
    world.advance(29);
    for person in ["ada", "bela"] {
        shown(&world, person).await;
    }
    assert_eq!(asked(&world), 2);
    world.advance(1);
    for calls in [3, 3] {
        shown(&world, "ada").await;
        assert_eq!(asked(&world), calls);
    }
    // If the clock goes backwards, an answer is not used for longer.
    world.advance(-1);
    shown(&world, "ada").await;
    assert_eq!(asked(&world), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_account_pages_of_one_person_share_a_call() {
    let world = World::new().await;
    link(&world, "ada", "mara");
    let states = join_all((0..8).map(|_| shown(&world, "ada"))).await;
    assert!(states.iter().all(|state| state == "linked"));
    assert_eq!(asked(&world), 1);
}

#[tokio::test]
async fn an_answer_of_one_partner_is_not_shown_at_another() {
    let other = "1111111111111111111111";
    let options = Options {
        more_partners: vec![(other.to_owned(), "Second".to_owned())],
        ..Options::default()
    };
    let world = World::with(options, &[NO_PARTNERS_TABLE]).await;
    link(&world, "ada", "mara");
    let mut ada = world.signed_in("ada");
    for _ in 0..2 {
        assert_eq!(state(&ada.get("/account").await), "linked");
        assert_eq!(
            state(&ada.get(&format!("/partners/{other}/account")).await),
            "not-linked"
        );
    }
    assert_eq!(asked(&world), 2);
}

/// An outage is shown only as long as it lasts.
#[tokio::test]
async fn a_failure_of_spotify_is_not_cached() {
    let world = World::new().await;
    link(&world, "ada", "mara");
    let down = Fault::answer(GET, 403, "");
    world.spotify().faults().add(Fault { times: None, ..down });
    for calls in [1, 2] {
        assert_eq!(shown(&world, "ada").await, "unknown");
        assert_eq!(asked(&world), calls);
    }
    world.spotify().faults().clear();
    for _ in 0..2 {
        assert_eq!(shown(&world, "ada").await, "linked");
    }
    assert_eq!(asked(&world), 3);
    // An answer that is too old is not shown in place of a failure.
    world.advance(30);
    let down = Fault::answer(GET, 403, "");
    world.spotify().faults().add(Fault { times: None, ..down });
    assert_eq!(shown(&world, "ada").await, "unknown");
}

#[tokio::test]
async fn a_subscriber_who_has_just_linked_is_shown_as_linked() {
    let world = World::new().await;
    let sync = start(&world).await;
    let mut ada = world.signed_in("ada");
    assert_eq!(state(&ada.get("/account").await), "not-linked");
    // The link is pending until sync has asked Spotify.
    assert_eq!(ada.link("mara").await.status, 302);
    assert_eq!(state(&ada.get("/account").await), "linked");
    assert_eq!(asked(&world), 2);

    let mut bela = world.signed_in("bela");
    assert_eq!(bela.link("jonas").await.status, 302);
    let (partner_id, partner_user_id) = (&world.sandbox.options().partner_id, world.partner_user_id("bela"));
    let unlink_at_spotify = || world.spotify().remove_link(partner_id, &partner_user_id);
    unlink_at_spotify();
    assert_eq!(state(&bela.get("/account").await), "not-linked");
    // The link began in the same second as the answer, so the answer may be older.
    link(&world, "bela", "jonas");
    assert_eq!(state(&bela.get("/account").await), "linked");

    // Sync confirms a link after the page was shown.
    world.advance(31);
    unlink_at_spotify();
    assert_eq!(state(&bela.get("/account").await), "not-linked");
    link(&world, "bela", "jonas");
    sweep(&sync).await;
    assert_eq!(stored_state(&world, "bela").await, "linked");
    assert_eq!(state(&bela.get("/account").await), "linked");
}

/// A link that began before the answer is no reason to ask again within 30 seconds.
#[tokio::test]
async fn a_link_that_stays_unfinished_is_asked_about_once_in_30_seconds() {
    let world = World::new().await;
    world
        .spotify()
        .set_switches(|switches| switches.a16_pending_until_landing = true);
    let mut ada = world.signed_in("ada");
    assert_eq!(ada.link("mara").await.status, 302);
    world.advance(1);
    for _ in 0..5 {
        assert_eq!(state(&ada.get("/account").await), "not-linked");
    }
    assert_eq!(asked(&world), 1);
}

#[tokio::test]
async fn a_link_that_was_known_before_does_not_outweigh_a_newer_answer() {
    let world = World::new().await;
    let sync = start(&world).await;
    let mut browser = world.signed_in("ada");
    assert_eq!(browser.link("mara").await.status, 302);
    world.advance(20);
    sweep(&sync).await;
    // She unlinks at Spotify, which sync does not know yet.
    world.advance(1);
    world
        .spotify()
        .remove_link(&world.sandbox.options().partner_id, &world.partner_user_id("ada"));
    let before = asked(&world);
    for _ in 0..3 {
        assert_eq!(shown(&world, "ada").await, "not-linked");
    }
    assert_eq!(stored_state(&world, "ada").await, "linked");
    assert_eq!(asked(&world), before + 1);
}

#[tokio::test]
async fn an_unlink_ends_a_cached_answer_by_form_and_by_backend() {
    let world = World::new().await;
    for by_form in [true, false] {
        link(&world, "ada", "mara");
        link(&world, "bela", "jonas");
        world.advance(30);
        let mut ada = world.signed_in("ada");
        assert_eq!(state(&ada.get("/account").await), "linked");
        assert_eq!(shown(&world, "bela").await, "linked");
        if by_form {
            let form = ada.get("/unlink").await.form_token();
            assert_eq!(ada.post("/unlink", &format!("form_token={form}")).await.status, 200);
        } else {
            let jws = World::request_token(&world.request_claims("ada", "1"));
            assert_eq!(world.backend_unlink(&jws).await.status, 204);
        }
        assert_eq!(state(&ada.get("/account").await), "not-linked");
        // Another person's answer stays cached.
        let before = asked(&world);
        assert_eq!(shown(&world, "bela").await, "linked");
        assert_eq!(asked(&world), before);
    }
}

/// Spotify may have unlinked although it answered with an error.
#[tokio::test]
async fn a_failed_unlink_ends_a_cached_answer() {
    let world = World::new().await;
    link(&world, "ada", "mara");
    assert_eq!(shown(&world, "ada").await, "linked");
    world.spotify().faults().add(Fault {
        after: true,
        times: None,
        ..Fault::answer("/api/v1/unlink-user", 500, "")
    });
    let jws = World::request_token(&world.request_claims("ada", "1"));
    assert_eq!(world.backend_unlink(&jws).await.status, 502);
    assert_eq!(world.linked("ada"), None);
    assert_eq!(shown(&world, "ada").await, "not-linked");
}

/// The answer about the link leaves Spotify before the unlink. It arrives after it, or while the unlink is on its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_an_unlink_overtakes_is_not_cached() {
    for (slow, first_page_ms, first_unlink_ms) in [
        (
            Fault {
                after: true,
                ..late(GET)
            },
            0,
            250,
        ),
        (late("/api/v1/unlink-user"), 250, 0),
    ] {
        let world = World::new().await;
        link(&world, "ada", "mara");
        world.spotify().faults().add(slow);
        let page = async {
            tokio::time::sleep(Duration::from_millis(first_page_ms)).await;
            shown(&world, "ada").await
        };
        let unlinked = async {
            tokio::time::sleep(Duration::from_millis(first_unlink_ms)).await;
            let jws = World::request_token(&world.request_claims("ada", "1"));
            world.backend_unlink(&jws).await.status
        };
        let (before, status) = tokio::join!(page, unlinked);
        assert_eq!((before.as_str(), status), ("linked", 204));
        assert_eq!(shown(&world, "ada").await, "not-linked");
    }
}

/// A fault that delays one call.
fn late(path: &str) -> Fault {
    Fault {
        path: path.to_owned(),
        delay_ms: Some(700),
        times: Some(1),
        ..Fault::default()
    }
}

/// The time for the response ends before Spotify's answer to the unlink.
#[tokio::test]
async fn an_unlink_without_an_answer_ends_a_cached_answer() {
    let world = World::new().await;
    link(&world, "ada", "mara");
    let unlink = Unlink::start(world.environment(&[]), world.clock.clone(), Rng::System)
        .await
        .unwrap();
    let account = async || {
        let answer = handle_event(&unlink, &account_of(&world, "ada").to_string(), Duration::from_secs(9)).await;
        let answer = serde_json::to_value(answer).unwrap();
        let (_, rest) = answer["body"].as_str().unwrap().split_once("data-state=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    assert_eq!(account().await, "linked");
    world.spotify().faults().add(Fault {
        after: true,
        delay_ms: Some(2500),
        ..late("/api/v1/unlink-user")
    });
    let event = json!({
        "version": "2.0", "rawPath": "/unlink", "rawQueryString": "", "headers": {"content-type": "application/jwt"},
        "requestContext": {"http": {"method": "POST", "path": "/unlink"}, "requestId": "unlink"}, "isBase64Encoded": false,
        "body": World::request_token(&world.request_claims("ada", "1")),
    });
    let late = handle_event(&unlink, &event.to_string(), Duration::from_millis(1500)).await;
    assert_eq!((late.status_code, world.linked("ada")), (504, None));
    assert_eq!(account().await, "not-linked");
}

/// The event of a page load by a person who is signed in.
fn account_of(world: &World, person: &str) -> Value {
    let session = world.site_token("JWT", &world.session_claims(person));
    json!({
        "version": "2.0", "rawPath": "/account", "rawQueryString": "", "headers": {}, "isBase64Encoded": false,
        "cookies": [format!("{}={session}", world.sandbox.options().session_cookie)],
        "requestContext": {"http": {"method": "GET", "path": "/account"}, "requestId": "account"},
    })
}

/// The record says whether a change is on its way, and whether it is newer than a cached answer of Spotify. Nothing is written.
#[tokio::test]
async fn the_account_page_reads_one_record_and_writes_nothing() {
    let world = World::new().await;
    let dynamodb = Proxy::in_front_of(&world.sandbox.addresses().dynamodb).await;
    dynamodb.matching("GetItem", None, 0);
    let environment = world.environment(&[("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.origin())]);
    let routes = deployment::routes(&environment, &world.clock, &Rng::System)
        .await
        .unwrap();
    let account = routes.iter().find(|route| route.path == "/account").unwrap();
    link(&world, "ada", "mara");
    let before = dynamodb.seen();
    // Calls of get-entitlements, of DynamoDB, and of those the reads.
    for (person, calls) in [
        ("ada", (1, 1, 1)),
        ("ada", (1, 2, 2)),
        ("bela", (2, 3, 3)),
        ("bela", (2, 4, 4)),
    ] {
        let answer = (account.function)(account_of(&world, person)).await;
        let now = (asked(&world), dynamodb.seen() - before, dynamodb.seen_about("GetItem"));
        assert_eq!((answer["statusCode"].as_u64(), now), (Some(200), calls), "{person}");
    }
}

/// Without the table it is not known whether a link is newer, so Spotify is asked.
#[tokio::test]
async fn a_cached_not_linked_counts_only_while_the_table_can_be_read() {
    let world = World::with(Options::default(), &[("SUBSCRIBERS_TABLE", "not-there")]).await;
    for calls in [1, 2] {
        assert_eq!(shown(&world, "ada").await, "not-linked");
        assert_eq!(asked(&world), calls);
    }
    link(&world, "ada", "mara");
    assert_eq!(shown(&world, "ada").await, "linked");
}
