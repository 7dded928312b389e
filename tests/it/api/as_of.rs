//! `as_of`: a request that arrives late does not replace a newer state.

use serde_json::{Value, json};

use crate::support::{TestResponse, World, join_all, set_entitlements, synchronizer};

const PATH: &str = "/replace-entitlements";

async fn replace(world: &World, person: &str, name: &str, as_of: Value) -> TestResponse {
    world.advance(1);
    let more = json!({"entitlements": [name], "as_of": as_of});
    world.asks(PATH, &world.to(PATH, person, &more)).await
}

/// Fails unless the request was accepted. Returns the name and the version in the response, and whether it was superseded.
async fn replaced(world: &World, person: &str, name: &str, as_of: Value) -> (String, i64, bool) {
    let answer = replace(world, person, name, as_of).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let names = body["entitlements"].as_array().unwrap();
    assert_eq!(names.len(), 1, "{body}");
    let superseded = body.get("superseded");
    assert!(superseded.is_none() || superseded == Some(&json!(true)), "{body}");
    (
        names[0].as_str().unwrap().to_owned(),
        body["version"].as_i64().unwrap(),
        superseded.is_some(),
    )
}

fn told(name: &str, version: i64, superseded: bool) -> (String, i64, bool) {
    (name.to_owned(), version, superseded)
}

#[tokio::test]
async fn an_older_state_is_not_applied() {
    let world = World::new().await;
    let now = world.clock.now();
    assert_eq!(replaced(&world, "ada", "b", json!(now - 50)).await, told("b", 1, false));
    assert_eq!(replaced(&world, "ada", "a", json!(now - 60)).await, told("b", 1, true));
    // The same moment is not older, and later is newer.
    assert_eq!(replaced(&world, "ada", "c", json!(now - 50)).await, told("c", 2, false));
    assert_eq!(replaced(&world, "ada", "d", json!(now - 40)).await, told("d", 3, false));
    // Another person has another state.
    assert_eq!(replaced(&world, "bela", "a", json!(0)).await, told("a", 1, false));
}

#[tokio::test]
async fn seconds_fractions_and_milliseconds_are_compared_as_times() {
    let world = World::new().await;
    let now = world.clock.now();
    let ms = now * 1000;
    for (n, as_of) in [
        json!(now - 100),
        json!(ms - 99_999),
        json!((ms - 99_500) / 1000),
        json!(f64::from(u32::try_from(now - 99).unwrap()) + 0.5),
        json!(ms - 98_000),
    ]
    .into_iter()
    .enumerate()
    {
        let (_, _, superseded) = replaced(&world, "ada", &format!("n{n}"), as_of).await;
        // The third is cut to the second before the one before it.
        assert_eq!(superseded, n == 2, "{n}");
    }
}

#[tokio::test]
async fn a_time_that_is_ahead_or_not_a_time_is_rejected() {
    let world = World::new().await;
    let now = world.clock.now();
    for as_of in [
        json!(now + 70),
        json!((now + 70) * 1000),
        json!(99_999_999_999_i64),
        json!(u64::MAX),
        json!(1e300),
        json!(-1),
        json!("1700000000"),
        json!(true),
        json!([now]),
        json!({"s": now}),
    ] {
        let answer = replace(&world, "ada", "a", as_of.clone()).await;
        let problem = answer.problem();
        assert_eq!(
            (answer.status, &problem["code"], &problem["member"]),
            (400, &json!("invalid_request"), &json!("as_of")),
            "{as_of}"
        );
        assert!(as_of == json!(true) || !answer.body.contains(&as_of.to_string()));
    }
    assert_eq!(world.read_entitlements("ada").await["version"], 0);
    let now = world.clock.now();
    // `replace` advances the clock by one second.
    assert_eq!(replaced(&world, "ada", "a", json!(now + 61)).await, told("a", 1, false));
    assert_eq!(replace(&world, "ada", "a", json!(now + 63)).await.status, 400);
}

#[tokio::test]
async fn the_version_is_checked_before_the_time() {
    let world = World::new().await;
    let now = world.clock.now();
    assert_eq!(replaced(&world, "ada", "a", json!(now)).await, told("a", 1, false));
    for (version, status) in [(0, 409), (1, 202)] {
        let more = json!({"entitlements": ["b"], "as_of": now - 10, "version": version});
        assert_eq!(world.asks(PATH, &world.to(PATH, "ada", &more)).await.status, status);
    }
    assert_eq!(world.read_entitlements("ada").await["entitlements"], json!(["a"]));
}

/// What one call knows all accept.
#[tokio::test]
async fn other_calls_accept_the_member_and_ignore_it() {
    let world = World::new().await;
    for path in [
        "/get-entitlements",
        "/add-entitlements",
        "/delete-entitlements",
        "/unlink",
    ] {
        for as_of in [json!(1), json!("yesterday"), json!(u64::MAX)] {
            let more = json!({"entitlements": ["a"], "as_of": as_of});
            let answer = world.asks(path, &world.to(path, "ada", &more)).await;
            assert!(answer.status < 300, "{path} {as_of} {}", answer.body);
            assert!(!answer.body.contains("superseded"));
        }
    }
}

#[tokio::test]
async fn in_a_batch_it_applies_to_all_and_a_person_may_have_another() {
    let world = World::new().await;
    let now = world.clock.now();
    for person in ["ada", "bela", "noor"] {
        replaced(&world, person, "known", json!(now - 50)).await;
    }
    let people = json!([
        {"sub": world.person("ada").sub, "entitlements": ["batch"]},
        {"sub": world.person("bela").sub, "entitlements": ["batch"], "as_of": now - 40},
        {"sub": world.person("noor").sub, "entitlements": ["batch"], "as_of": now + 1000},
        {"sub": world.person("yuki").sub, "entitlements": ["batch"]},
    ]);
    let more = json!({"sub": null, "people": people, "as_of": now - 60});
    let answer = world.asks(PATH, &world.to(PATH, "ada", &more)).await;
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        body["people"],
        json!([
            {"status": 202, "entitlements": ["known"], "version": 1, "superseded": true},
            {"status": 202, "entitlements": ["batch"], "version": 2},
            {
                "status": 400, "code": "invalid_request", "member": "people[2].as_of",
                "detail": "`people[2].as_of` must be at most 60 s ahead of our clock.",
            },
            {"status": 202, "entitlements": ["batch"], "version": 1},
        ])
    );
    let more = json!({"sub": null, "people": people, "as_of": "now"});
    let answer = world.asks(PATH, &world.to(PATH, "ada", &more)).await;
    assert_eq!((answer.status, &answer.problem()["member"]), (400, &json!("as_of")));
}

/// Writes that name no time, also those that change nothing, are of the moment at which they arrive.
#[tokio::test]
async fn a_write_without_a_time_counts_as_known_now() {
    let world = World::new().await;
    world.write_entitlements("replace", "ada", &["a"]).await;
    let first = world.clock.now();
    assert_eq!(replaced(&world, "ada", "b", json!(first - 1)).await, told("a", 1, true));
    world.advance(100);
    // Nothing changes, but the state is known anew.
    world.write_entitlements("replace", "ada", &["a"]).await;
    assert_eq!(
        replaced(&world, "ada", "b", json!(first + 50)).await,
        told("a", 1, true)
    );
    let now = world.clock.now();
    assert_eq!(replaced(&world, "ada", "b", json!(now)).await, told("b", 2, false));
    world.advance(100);
    world.write_entitlements("add", "ada", &["b"]).await;
    assert_eq!(replaced(&world, "ada", "c", json!(now + 50)).await, told("b", 2, true));
    // An import.
    let subscribers = synchronizer::subscribers(&world, &[]);
    let (partner_id, person) = synchronizer::ada(&world);
    world.advance(100);
    let now = world.clock.now();
    set_entitlements(&subscribers, &partner_id, &person, &["import"], now).await;
    assert_eq!(
        replaced(&world, "ada", "c", json!(now - 1)).await,
        told("import", 3, true)
    );
}

#[tokio::test]
async fn a_newer_time_of_the_same_set_keeps_the_version() {
    let world = World::new().await;
    let now = world.clock.now();
    assert_eq!(replaced(&world, "ada", "a", json!(now - 50)).await, told("a", 1, false));
    assert_eq!(replaced(&world, "ada", "a", json!(now - 30)).await, told("a", 1, false));
    assert_eq!(replaced(&world, "ada", "b", json!(now - 40)).await, told("a", 1, true));
}

/// A partner's clock is ahead: what it knew later stays the newest state, also after a write that names no time.
#[tokio::test]
async fn a_state_that_was_known_ahead_of_our_clock_stays_the_newest() {
    let world = World::new().await;
    let now = world.clock.now();
    assert_eq!(replaced(&world, "ada", "a", json!(now + 50)).await, told("a", 1, false));
    world.write_entitlements("add", "ada", &["b"]).await;
    let late = replace(&world, "ada", "c", json!(now + 40)).await;
    assert!(late.body.contains("superseded"), "{}", late.body);
}

#[tokio::test]
async fn a_repeated_request_is_answered_with_the_present_state() {
    let world = World::new().await;
    let now = world.clock.now();
    let more = json!({"entitlements": ["a"], "as_of": now - 50});
    let first = World::request_token(&world.to(PATH, "ada", &more));
    assert_eq!(world.backend_call(PATH, &first).await.status, 202);
    assert!(!world.backend_call(PATH, &first).await.body.contains("superseded"));
    replaced(&world, "ada", "b", json!(now - 40)).await;
    let again = world.backend_call(PATH, &first).await;
    let body: Value = serde_json::from_str(&again.body).unwrap();
    assert_eq!(
        (again.status, body),
        (202, json!({"entitlements": ["b"], "version": 2, "superseded": true}))
    );
}

/// The newest of many states wins, in whatever order they arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_concurrent_states_the_newest_remains() {
    let world = World::new().await;
    let now = world.clock.now();
    let requests = (0..40).map(|n: i64| {
        let as_of = (now - 100) * 1000 + (n * 17) % 40;
        let more = json!({"entitlements": [format!("at-{}", (n * 17) % 40)], "as_of": as_of});
        World::request_token(&world.to(PATH, "ada", &more))
    });
    let requests: Vec<_> = requests.collect();
    let answers = join_all(requests.iter().map(|request| world.backend_call(PATH, request))).await;
    assert!(answers.iter().all(|answer| answer.status == 202));
    assert_eq!(world.read_entitlements("ada").await["entitlements"], json!(["at-39"]));
}
