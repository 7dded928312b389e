//! Events on the event bus, published from records of the table's stream.

use std::time::Duration;

use sandbox::{Fault, deployment, stream::Stream};
use serde_json::{Value, json};
use shared::{aws::AwsConfig, http_client::HttpClient, rng::Rng, runtime::worker::EventFunction as _};
use sync::{
    Synchronizer,
    event_bus::{Event, EventBus, Published},
};

use crate::support::{Ministack, World, template::filtered};

const LONG: Duration = Duration::from_mins(1);
const SCHEMA: &str = include_str!("../../../infra/events.schema.json");

/// Runs `story` while the table's stream feeds the sync function, as on AWS. The story gets the function too, to run its scheduled tasks.
async fn with_stream(story: impl AsyncFnOnce(&World, &Synchronizer)) {
    let world = World::new().await;
    let environment = world.environment(&[("SPOTIFY_RATE", "1000")]);
    let sync = Synchronizer::start(environment.clone(), world.clock.clone(), Rng::System);
    let sync = sync.await.unwrap();
    let aws = AwsConfig::from_env(&environment).unwrap();
    let stream = Stream::of_table(&aws, deployment::SUBSCRIBERS_TABLE).await.unwrap();
    tokio::select! {
        ended = stream.feed(async |event| fed(&sync, &event).await) => panic!("{ended:?}"),
        () = story(&world, &sync) => {}
    }
}

/// Passes the records to the function that the template's filter lets through. All others count as handled.
async fn fed(sync: &Synchronizer, event: &Value) -> Option<Value> {
    match filtered(event) {
        Some(event) => sync.handle(&event, LONG).await.ok(),
        None => Some(json!({"batchItemFailures": []})),
    }
}

fn told(world: &World) -> Vec<Value> {
    world.sandbox.secrets_manager().event_bus().all()
}

fn kinds(world: &World) -> Vec<String> {
    told(world)
        .iter()
        .map(|event| event["detail-type"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits for as many events as `kinds_told` names, and asserts that no others arrive.
async fn until_told(world: &World, kinds_told: &[&str]) {
    for _ in 0..100 {
        if kinds(world).len() >= kinds_told.len() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(kinds(world), kinds_told);
}

async fn link_ada(world: &World, sync: &Synchronizer) {
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    world.advance(20);
    sync.handle(&json!({"task": "sweep"}), LONG).await.unwrap();
}

fn matches_schema(value: &Value, schema: &Value, schemas: &Value) -> Result<(), String> {
    let schema = match schema["$ref"].as_str() {
        Some(name) => schemas.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    if let Some(words) = schema["enum"].as_array() {
        return words
            .contains(value)
            .then_some(())
            .ok_or(format!("{value} is not one of {words:?}"));
    }
    let types = schema["type"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![schema["type"].clone()]);
    let is = |name: &Value| match name.as_str().unwrap() {
        "object" => value.is_object(),
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other}"),
    };
    if !types.iter().any(is) {
        return Err(format!("{value} is not {types:?}"));
    }
    for item in value.as_array().into_iter().flatten() {
        matches_schema(item, &schema["items"], schemas)?;
    }
    let Some(members) = value.as_object() else {
        return Ok(());
    };
    let missing = schema["required"]
        .as_array()
        .unwrap()
        .iter()
        .find(|name| !members.contains_key(name.as_str().unwrap()));
    if let Some(missing) = missing {
        return Err(format!("{missing} is missing"));
    }
    for (name, member) in members {
        let of_member = schema["properties"]
            .get(name)
            .ok_or(format!("{name} is not in the schema"))?;
        matches_schema(member, of_member, schemas)?;
    }
    Ok(())
}

#[tokio::test]
async fn each_event_is_published_once_and_matches_the_schema() {
    with_stream(async |world, sync| {
        link_ada(world, sync).await;
        until_told(world, &["LinkConfirmed"]).await;
        world.write_entitlements("replace", "ada", &["gold"]).await;
        until_told(world, &["LinkConfirmed", "EntitlementsSynced"]).await;
        // Repeated failures of one version publish one event.
        world.spotify().faults().add(Fault {
            status: Some(503),
            times: Some(3),
            ..Fault::on("/api/v1/")
        });
        world.write_entitlements("replace", "ada", &["silver"]).await;
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            world.advance(60);
            sync.handle(&json!({"task": "sweep"}), LONG).await.unwrap();
        }
        let so_far = [
            "LinkConfirmed",
            "EntitlementsSynced",
            "SyncFailed",
            "EntitlementsSynced",
        ];
        until_told(world, &so_far).await;
        world
            .spotify()
            .remove_link(&world.sandbox.options().partner_id, &world.partner_user_id("ada"));
        world.advance(300);
        world.write_entitlements("replace", "ada", &[]).await;
        // The first 404 is no event.
        until_told(world, &so_far).await;
        world.advance(600);
        sync.handle(&json!({"task": "sweep"}), LONG).await.unwrap();
        until_told(world, &[so_far.as_slice(), &["LinkLost"]].concat()).await;

        let schemas: Value = serde_json::from_str(SCHEMA).unwrap();
        let events = told(world);
        for event in &events {
            assert_eq!(event["source"], "soa-link");
            let schema = &schemas["$defs"][event["detail-type"].as_str().unwrap()];
            matches_schema(&event["detail"], schema, &schemas).unwrap();
            assert_eq!(event["detail"]["partner_user_id"], world.partner_user_id("ada"));
        }
        let of = |place: usize, member: &str| events[place]["detail"][member].clone();
        assert_eq!(of(0, "link")["evidence"], "get-entitlements");
        assert_eq!((of(1, "entitlements"), of(1, "version")), (json!(["gold"]), json!(1)));
        assert_eq!((of(2, "reason"), of(2, "version")), (json!("unavailable"), json!(2)));
        assert_eq!(of(3, "entitlements"), json!(["silver"]));
        assert_eq!(
            (&of(4, "link")["state"], of(4, "requested")),
            (&json!("unlinked"), json!(false))
        );
        let ids: std::collections::BTreeSet<_> = events
            .iter()
            .map(|event| event["detail"]["event_id"].to_string())
            .collect();
        assert_eq!(ids.len(), events.len());
    })
    .await;
}

#[tokio::test]
async fn a_failed_event_is_published_again_with_the_same_id() {
    with_stream(async |world, sync| {
        // The bus fails more often than the SDK retries, so the stream must deliver the record again.
        let faults = world.sandbox.secrets_manager().faults();
        faults.add(Fault {
            times: Some(6),
            ..Fault::answer("/", 500, r#"{"__type":"InternalException"}"#)
        });
        link_ada(world, sync).await;
        until_told(world, &["LinkConfirmed"]).await;
        faults.add(Fault {
            after: true,
            reset: true,
            times: Some(3),
            ..Fault::on("/")
        });
        world.write_entitlements("replace", "ada", &["gold"]).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let synced: Vec<_> = told(world)
            .into_iter()
            .filter(|event| event["detail-type"] == "EntitlementsSynced")
            .collect();
        assert!(synced.len() > 1, "{}", synced.len());
        assert!(synced.iter().all(|event| event["detail"] == synced[0]["detail"]));
        assert_eq!(world.linked("ada").unwrap().1, ["gold"]);
    })
    .await;
}

/// An unavailable bus does not delay entitlements at Spotify.
#[tokio::test]
async fn sync_continues_while_the_event_bus_is_down() {
    with_stream(async |world, sync| {
        link_ada(world, sync).await;
        until_told(world, &["LinkConfirmed"]).await;
        world
            .sandbox
            .secrets_manager()
            .faults()
            .add(Fault::answer("/", 500, "{}"));
        world.write_entitlements("replace", "ada", &["gold"]).await;
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if world.linked("ada").unwrap().1 == ["gold"] {
                return;
            }
        }
        panic!("Spotify was not updated");
    })
    .await;
}

/// Events beyond the size of one `PutEvents` call, on ministack and on the sandbox.
#[tokio::test]
async fn many_events_are_split_into_several_calls() {
    let ministack = Ministack::start().await;
    let world = World::new().await;
    let environment = world.environment(&[("AWS_ENDPOINT_URL_EVENTBRIDGE", ministack.origin())]);
    let http = HttpClient::new().unwrap();
    let bus = EventBus::new(&AwsConfig::from_env(&environment).unwrap(), &http, "default".to_owned());
    let events: Vec<_> = (0..25)
        .map(|n| Event {
            detail_type: "EntitlementsSynced",
            at: world.clock.now(),
            detail: json!({"event_id": n, "entitlements": vec!["x".repeat(128); 300]}),
        })
        .collect();
    assert_eq!(bus.publish(&events).await, Published::default());
    let aws = AwsConfig::from_env(&world.environment(&[])).unwrap();
    let bus = EventBus::new(&aws, &http, "default".to_owned());
    assert_eq!(bus.publish(&events).await, Published::default());
    let told = told(&world);
    let ids: Vec<_> = told
        .iter()
        .map(|event| event["detail"]["event_id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids, (0..25).collect::<Vec<_>>());
}
