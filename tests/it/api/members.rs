//! The members of a backend's signed request: what one call knows all accept, everything else is rejected by name.

use serde_json::{Value, json};

use crate::support::{CLOCK_LEEWAY, TestResponse, World, logged};

/// The calls of a backend, and the status of their success.
const CALLS: [(&str, u16); 5] = [
    ("/get-entitlements", 200),
    ("/add-entitlements", 202),
    ("/replace-entitlements", 202),
    ("/delete-entitlements", 202),
    ("/unlink", 204),
];
/// The calls for several subscribers.
const BATCH_CALLS: [(&str, u16); 4] = [CALLS[0], CALLS[1], CALLS[2], CALLS[3]];

/// Fails unless a call was rejected as `invalid_request`, with this `member` or without one.
fn must_reject(answer: &TestResponse, member: Option<&str>, what: &str) {
    let problem = answer.problem();
    assert_eq!(
        (answer.status, &problem["code"], problem["member"].as_str()),
        (400, &json!("invalid_request"), member),
        "{what}"
    );
}

#[tokio::test]
async fn an_unknown_member_of_a_signed_request_is_rejected_by_name() {
    let world = World::new().await;
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    world.write_entitlements("replace", "ada", &["kept"]).await;
    let longest = "n".repeat(64);
    for (path, _) in CALLS {
        // The first one is a misspelt `version`, without which the write would be unconditional.
        for name in ["verison", "Version", "asof", "nonce", "name", "a-b.c_9", &longest] {
            let more = json!({"entitlements": ["other"], name: 1});
            let answer = world.asks(path, &world.to(path, "ada", &more)).await;
            must_reject(&answer, Some(name), path);
        }
    }
    let known = world.read_entitlements("ada").await;
    assert_eq!(
        (&known["entitlements"], &known["version"]),
        (&json!(["kept"]), &json!(1))
    );
    assert_eq!(world.calls().2, 0);
    assert!(!logged().contains("verison"));
}

#[tokio::test]
async fn a_name_that_is_long_or_not_plain_is_rejected_without_being_repeated() {
    let world = World::new().await;
    let too_long = "n".repeat(65);
    for (path, _) in CALLS {
        for name in [
            "",
            "ver sion",
            "<b>version</b>",
            "vers\u{131}on",
            "version\n",
            "version[0]",
            &too_long,
        ] {
            let more = json!({"entitlements": [], name: 1});
            let answer = world.asks(path, &world.to(path, "ada", &more)).await;
            must_reject(&answer, None, path);
            assert!(name.is_empty() || !answer.body.contains(name), "{}", answer.body);
        }
    }
    assert_eq!(
        (
            world.read_entitlements("ada").await["version"].as_i64(),
            world.calls().2
        ),
        (Some(0), 0)
    );
}

#[tokio::test]
async fn an_unknown_member_of_a_person_is_rejected_by_its_path() {
    let world = World::new().await;
    let too_long = "n".repeat(65);
    for (n, (path, status)) in BATCH_CALLS.into_iter().enumerate() {
        let sub = |person: usize| format!("member-{n}-{person}");
        let people = json!([
            {"sub": sub(0), "entitlements": ["gold"], "version": 0},
            {"sub": sub(1), "entitlements": ["gold"], "verison": 7},
            {"sub": sub(2), "entitlements": ["gold"], "partner_id": world.sandbox.options().partner_id},
            {"sub": sub(3), "entitlements": ["gold"], "nbf": 0},
            {"sub": sub(4), "entitlements": ["gold"], too_long.as_str(): 1},
            {"sub": sub(5), "entitlements": ["gold"], "<b>": 1},
            {"sub": sub(6), "entitlements": ["gold"]},
        ]);
        let answer = world
            .asks(path, &world.to(path, "ada", &json!({"sub": null, "people": people})))
            .await;
        assert_eq!(answer.status, status, "{}", answer.body);
        let results: Value = serde_json::from_str(&answer.body).unwrap();
        let results = results["people"].as_array().unwrap();
        for (person, member) in [
            (1, "people[1].verison"),
            (2, "people[2].partner_id"),
            (3, "people[3].nbf"),
            (4, "people[4]"),
            (5, "people[5]"),
        ] {
            let result = &results[person];
            assert_eq!(
                (&result["status"], &result["code"], &result["member"]),
                (&json!(400), &json!("invalid_request"), &json!(member)),
                "{path}"
            );
        }
        // An unknown member of one person does not affect the others.
        for person in [0, 6] {
            assert_eq!(results[person]["status"], status, "{path}");
        }
        let written = json!({"sub": null, "people": [{"sub": sub(1)}, {"sub": sub(6)}]});
        let read = world.to("/get-entitlements", "ada", &written);
        let read: Value = serde_json::from_str(&world.asks("/get-entitlements", &read).await.body).unwrap();
        let version = i64::from(status == 202);
        assert_eq!(
            (
                read["people"][0]["version"].as_i64(),
                read["people"][1]["version"].as_i64()
            ),
            (Some(0), Some(version)),
            "{path}"
        );
    }
}

/// The members are the registered claims (RFC 7519 §4.1), and everything that some call reads.
#[tokio::test]
async fn what_one_call_knows_every_call_accepts() {
    let world = World::new().await;
    let person = world.person("ada").sub.clone();
    for (path, status) in CALLS {
        // The version is that of the subscriber: the three writes compare it.
        let version = world.read_entitlements("ada").await["version"].clone();
        let more = json!({"nbf": world.clock.now(), "entitlements": ["gold"], "version": version});
        let answer = world.asks(path, &world.to(path, "ada", &more)).await;
        assert_eq!(answer.status, status, "{path} {}", answer.body);

        let version = world.read_entitlements("ada").await["version"].clone();
        let people = json!([{"sub": person, "entitlements": ["gold"], "version": version}]);
        // `/unlink` is for one subscriber, and ignores `people`.
        let sub = if path == "/unlink" { json!(person) } else { json!(null) };
        let more = json!({"nbf": world.clock.now(), "sub": sub, "people": people});
        let answer = world.asks(path, &world.to(path, "ada", &more)).await;
        assert_eq!(answer.status, status, "{path} {}", answer.body);
        let results: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let result = results["people"][0]["status"].as_u64();
        assert_eq!(result, (path != "/unlink").then_some(status.into()), "{path} {results}");
    }
}

#[tokio::test]
async fn a_call_ignores_the_value_of_a_member_that_it_does_not_read() {
    let world = World::new().await;
    world.write_entitlements("replace", "ada", &["gold"]).await;
    let more = json!({"entitlements": ["other"], "version": 5});
    let read = world
        .asks("/get-entitlements", &world.to("/get-entitlements", "ada", &more))
        .await;
    let read: Value = serde_json::from_str(&read.body).unwrap();
    assert_eq!((&read["entitlements"], &read["version"]), (&json!(["gold"]), &json!(1)));
    // A call that reads them does not.
    for (more, member) in [
        (json!({"entitlements": "gold"}), "entitlements"),
        (json!({"entitlements": [], "version": "1"}), "version"),
    ] {
        let path = "/replace-entitlements";
        must_reject(
            &world.asks(path, &world.to(path, "ada", &more)).await,
            Some(member),
            path,
        );
    }
}

/// Without a key, a caller does not learn which members are known.
#[tokio::test]
async fn an_unknown_member_is_named_only_in_a_verified_request() {
    let world = World::new().await;
    let now = world.clock.now();
    for (path, _) in CALLS {
        let with = |more: &Value| {
            let mut claims = world.to(path, "ada", &json!({"verison": 1}));
            for (name, value) in more.as_object().unwrap() {
                claims[name] = value.clone();
            }
            World::request_token(&claims)
        };
        let valid = with(&json!({}));
        let (unsigned, _) = valid.rsplit_once('.').unwrap();
        for jws in [
            format!("{unsigned}.AAAA"),
            with(&json!({"aud": world.gateway("/other")})),
            with(&json!({"iat": now - 400, "exp": now - 100})),
            with(&json!({"partner_id": "1111111111111111111111"})),
        ] {
            let answer = world.backend_call(path, &jws).await;
            assert_eq!((answer.status, answer.problem().get("member")), (401, None), "{path}");
        }
        must_reject(&world.backend_call(path, &valid).await, Some("verison"), path);
    }
}

/// S-TIME-1.
#[tokio::test]
async fn a_signed_request_is_rejected_before_its_nbf() {
    let world = World::new().await;
    let now = world.clock.now();
    for (path, status) in CALLS {
        for (nbf, expected) in [
            (now - 1, status),
            (now + CLOCK_LEEWAY, status),
            (now + CLOCK_LEEWAY + 1, 401),
        ] {
            let more = json!({"entitlements": [], "nbf": nbf});
            let answer = world.asks(path, &world.to(path, "ada", &more)).await;
            assert_eq!(answer.status, expected, "{path} {nbf} {}", answer.body);
        }
    }
}
