//! Signed requests that are sent again: the identical bytes have their effect once, and are answered with the present state.

use aws_sdk_dynamodb::types::AttributeValue;
use sandbox::{Fault, deployment};
use serde_json::{Value, json};
use shared::{aws::AwsConfig, http_client::HttpClient, rng::Rng};

use crate::support::{
    TestResponse, World, join_all,
    proxy::{Proxy, Step},
};

fn body(answer: &TestResponse) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

fn told(entitlements: &[&str], version: i64) -> Value {
    json!({"entitlements": entitlements, "version": version})
}

/// A signed request to `path` about `person`, with these members and a `jti` of its own.
fn request(world: &World, path: &str, person: &str, more: &Value) -> String {
    World::request_token(&world.to(path, person, more))
}

#[tokio::test]
async fn a_repeated_change_has_no_second_effect() {
    let world = World::new().await;
    for (path, person, first, later) in [
        ("/replace-entitlements", "ada", told(&["a"], 1), told(&["b"], 2)),
        ("/add-entitlements", "bela", told(&["a"], 1), told(&["b"], 2)),
        ("/delete-entitlements", "noor", told(&[], 1), told(&["b"], 2)),
    ] {
        let jws = request(&world, path, person, &json!({"entitlements": ["a"]}));
        let answer = world.backend_call(path, &jws).await;
        assert_eq!((answer.status, body(&answer)), (202, first), "{path}");
        world.write_entitlements("replace", person, &["b"]).await;
        // White space around the JWS is not part of it.
        for again in [jws.clone(), format!("\n{jws} \r\n")] {
            let answer = world.backend_call(path, &again).await;
            assert_eq!((answer.status, body(&answer)), (202, later.clone()), "{path}");
        }
        assert_eq!(world.read_entitlements(person).await["version"], 2);
    }
}

/// One byte of the payload differs.
#[tokio::test]
async fn another_request_with_a_used_jti_is_rejected() {
    let world = World::new().await;
    for path in [
        "/get-entitlements",
        "/add-entitlements",
        "/replace-entitlements",
        "/delete-entitlements",
        "/unlink",
    ] {
        let mut claims = world.to(path, "ada", &json!({"entitlements": ["a"]}));
        assert!(world.asks(path, &claims).await.status < 300, "{path}");
        for (member, value) in [
            ("entitlements", json!(["b"])),
            ("version", json!(7)),
            ("as_of", json!(1)),
        ] {
            claims[member] = value;
            let answer = world.asks(path, &claims).await;
            assert_eq!(
                (answer.status, &answer.problem()["code"]),
                (401, &json!("invalid_token")),
                "{path} {member}"
            );
        }
    }
    assert!(
        !world.read_entitlements("ada").await["entitlements"]
            .to_string()
            .contains('b')
    );
}

#[tokio::test]
async fn a_repeated_change_for_a_version_is_not_a_conflict() {
    let world = World::new().await;
    let path = "/replace-entitlements";
    let first = request(&world, path, "ada", &json!({"entitlements": ["a"], "version": 0}));
    assert_eq!(world.backend_call(path, &first).await.status, 202);
    let again = world.backend_call(path, &first).await;
    assert_eq!((again.status, body(&again)), (202, told(&["a"], 1)));
    // Another request for the same version is one.
    let late = request(&world, path, "ada", &json!({"entitlements": ["late"], "version": 0}));
    for _ in 0..2 {
        assert_eq!(world.backend_call(path, &late).await.status, 409);
    }
    assert_eq!(world.read_entitlements("ada").await["entitlements"], json!(["a"]));
}

/// The version that a request expects comes to be between its two attempts.
#[tokio::test]
async fn a_rejected_request_is_not_used_up() {
    let world = World::new().await;
    let path = "/add-entitlements";
    let early = request(&world, path, "ada", &json!({"entitlements": ["b"], "version": 1}));
    assert_eq!(world.backend_call(path, &early).await.status, 409);
    world.write_entitlements("replace", "ada", &["a"]).await;
    let answer = world.backend_call(path, &early).await;
    assert_eq!((answer.status, body(&answer)), (202, told(&["a", "b"], 2)));
    // Too many names: the set is full, until another request makes room.
    let full: Vec<_> = (0..500).map(|n| format!("name-{n}")).collect();
    let full: Vec<_> = full.iter().map(String::as_str).collect();
    world.write_entitlements("replace", "ada", &full).await;
    let one_more = request(&world, path, "ada", &json!({"entitlements": ["one-more"]}));
    assert_eq!(world.backend_call(path, &one_more).await.status, 400);
    world.write_entitlements("replace", "ada", &[]).await;
    assert_eq!(world.backend_call(path, &one_more).await.status, 202);
    world.write_entitlements("replace", "ada", &full).await;
    let answer = world.backend_call(path, &one_more).await;
    assert_eq!((answer.status, &body(&answer)["version"]), (202, &json!(6)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_copies_of_a_request_have_one_effect() {
    let world = World::new().await;
    let path = "/add-entitlements";
    let jws = request(&world, path, "ada", &json!({"entitlements": ["a"]}));
    let answers = join_all((0..8).map(|_| world.backend_call(path, &jws))).await;
    for answer in &answers {
        assert_eq!((answer.status, body(answer)), (202, told(&["a"], 1)));
    }
    assert_eq!(world.read_entitlements("ada").await["version"], 1);
}

/// DynamoDB carries out the write, and every answer of it is lost. The backend hears 503, and sends the same bytes again.
#[tokio::test]
async fn a_change_whose_answers_were_lost_is_not_made_again() {
    let world = World::new().await;
    let proxy = Proxy::in_front_of(&world.sandbox.addresses().dynamodb).await;
    let environment = world.environment(&[("AWS_ENDPOINT_URL_DYNAMODB", proxy.origin())]);
    let routes = deployment::routes(&environment, &world.clock, &Rng::System)
        .await
        .unwrap();
    let path = "/add-entitlements";
    let route = routes.iter().find(|route| route.path == path).unwrap();
    let jws = request(&world, path, "ada", &json!({"entitlements": ["a"]}));
    let event = json!({
        "version": "2.0", "rawPath": path, "rawQueryString": "",
        "headers": {"content-type": "application/jwt"}, "body": jws, "isBase64Encoded": false,
        "requestContext": {"http": {"method": "POST", "path": path}, "requestId": "lost"},
    });
    proxy.matching("TransactWriteItems", Some(Step::Lose), usize::MAX);
    let answer = (route.function)(event).await;
    assert_eq!(answer["statusCode"], 503, "{answer}");
    let again = world.backend_call(path, &jws).await;
    assert_eq!((again.status, body(&again)), (202, told(&["a"], 1)));
    assert_eq!(world.read_entitlements("ada").await["version"], 1);
}

#[tokio::test]
async fn a_repeated_read_reads_again() {
    let world = World::new().await;
    let path = "/get-entitlements";
    let jws = request(&world, path, "ada", &json!({}));
    assert_eq!(body(&world.backend_call(path, &jws).await)["version"], 0);
    world.write_entitlements("replace", "ada", &["a"]).await;
    let again = world.backend_call(path, &jws).await;
    assert_eq!((again.status, &body(&again)["entitlements"]), (200, &json!(["a"])));
    let people = json!({"sub": null, "people": [{"sub": world.person("ada").sub}]});
    let jws = request(&world, path, "ada", &people);
    for version in [1, 2] {
        let read = body(&world.backend_call(path, &jws).await);
        assert_eq!(read["people"][0]["version"], version);
        world.write_entitlements("replace", "ada", &["b"]).await;
    }
}

/// The second person's record cannot be changed at first.
#[tokio::test]
async fn a_repeated_batch_completes_only_the_people_who_were_not_done() {
    let world = World::new().await;
    let dynamodb = AwsConfig::from_env(&world.environment(&[]))
        .unwrap()
        .dynamodb(&HttpClient::new().unwrap());
    let id = AttributeValue::S(format!(
        "{}#{}",
        world.sandbox.options().partner_id,
        world.partner_user_id("bela")
    ));
    let put = dynamodb.put_item().table_name(deployment::SUBSCRIBERS_TABLE);
    let put = put
        .item("id", id.clone())
        .item("version", AttributeValue::S("x".into()));
    put.send().await.unwrap();
    for person in ["ada", "noor"] {
        world.write_entitlements("replace", person, &["old"]).await;
    }
    let path = "/add-entitlements";
    let people = ["ada", "bela", "noor", "yuki"].map(|person| {
        let version = if person == "noor" { json!(7) } else { json!(null) };
        let mut member = json!({"sub": world.person(person).sub, "entitlements": ["gold"], "version": version});
        member.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        member
    });
    let jws = request(&world, path, "ada", &json!({"sub": null, "people": people}));
    let statuses = |answer: &TestResponse| -> Vec<u64> {
        let people = body(answer)["people"].as_array().unwrap().clone();
        people.iter().map(|person| person["status"].as_u64().unwrap()).collect()
    };
    let answer = world.backend_call(path, &jws).await;
    assert_eq!(statuses(&answer), [202, 500, 409, 202], "{}", answer.body);

    // Ada loses it again by another request, and the fault is repaired.
    world.write_entitlements("delete", "ada", &["gold"]).await;
    let delete = dynamodb.delete_item().table_name(deployment::SUBSCRIBERS_TABLE);
    delete.key("id", id).send().await.unwrap();
    let answer = world.backend_call(path, &jws).await;
    assert_eq!(statuses(&answer), [202, 202, 409, 202], "{}", answer.body);
    let people = &body(&answer)["people"];
    assert_eq!(
        (&people[0]["entitlements"], &people[0]["version"]),
        (&json!(["old"]), &json!(3))
    );
    assert_eq!(
        (&people[1]["entitlements"], &people[1]["version"]),
        (&json!(["gold"]), &json!(1))
    );
    assert_eq!(world.read_entitlements("yuki").await["version"], 1);
    assert_eq!(world.read_entitlements("ada").await["entitlements"], json!(["old"]));
}

#[tokio::test]
async fn a_repeated_unlink_is_answered_without_a_second_call() {
    let world = World::new().await;
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    let jws = World::request_token(&world.request_claims("ada", "1"));
    assert_eq!(world.backend_unlink(&jws).await.status, 204);
    let calls = world.calls();
    // She links again: the old request must not end the new link.
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    assert_eq!(world.backend_unlink(&jws).await.status, 204);
    assert_eq!(world.calls().2, calls.2);
    assert!(world.linked("ada").is_some());
}

#[tokio::test]
async fn a_repeated_unlink_that_had_failed_is_the_next_attempt() {
    let world = World::new().await;
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    world.spotify().faults().add(Fault {
        status: Some(503),
        times: None,
        ..Fault::on("/api/v1/unlink-user")
    });
    let jws = World::request_token(&world.request_claims("ada", "1"));
    assert_eq!(world.backend_unlink(&jws).await.status, 502);
    world.spotify().faults().clear();
    assert_eq!(world.backend_unlink(&jws).await.status, 204);
    assert!(world.linked("ada").is_none());
}
