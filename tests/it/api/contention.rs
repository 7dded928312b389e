//! Many writers of one subscriber at once.

use serde_json::json;

use crate::support::{World, join_all};

/// Each writer adds a name of its own, sixty at a time. None of them is told that DynamoDB is down, and no name is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_writers_of_one_subscriber_all_succeed() {
    let world = World::new().await;
    let path = "/add-entitlements";
    let requests = (0..300).map(|n| {
        let mut claims = world.request_claims("ada", &format!("writer-{n}"));
        claims["aud"] = world.gateway(path).into();
        claims["entitlements"] = json!([format!("name-{n:03}")]);
        World::request_token(&claims)
    });
    let requests: Vec<_> = requests.collect();
    let mut answers = Vec::new();
    for some in requests.chunks(60) {
        answers.extend(join_all(some.iter().map(|request| world.backend_call(path, request))).await);
    }
    let refused: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status != 202)
        .map(|answer| answer.status)
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
    let stored = world.read_entitlements("ada").await;
    let names = stored["entitlements"].as_array().unwrap().iter();
    let names = names.filter(|name| name.as_str().unwrap().starts_with("name-"));
    assert_eq!((names.count(), &stored["version"]), (300, &json!(300)));
}

/// With `version`, exactly one of the writers succeeds, and the others hear that they came second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_writers_with_the_same_version_one_succeeds() {
    let world = World::new().await;
    let path = "/replace-entitlements";
    let requests = (0..50).map(|n| {
        let mut claims = world.request_claims("ada", &format!("writer-{n}"));
        claims["aud"] = world.gateway(path).into();
        claims["entitlements"] = json!([format!("name-{n}")]);
        claims["version"] = json!(0);
        World::request_token(&claims)
    });
    let requests: Vec<_> = requests.collect();
    let answers = join_all(requests.iter().map(|request| world.backend_call(path, request))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(202), count(409)), (1, 49));
}
