//! Metrics of 90 simulated minutes in which people link, cancel and are synced. `make dashboard` draws them.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::PathBuf,
    time::Duration,
};

use sandbox::{Fault, deployment};
use serde_json::{Value, json};
use shared::{
    aws::AwsConfig,
    http_client::HttpClient,
    rng::Rng,
    runtime::http::{HttpFunction as _, handle_event},
    runtime::worker::EventFunction as _,
    store::UnlinkBrake,
    telemetry::metrics,
};
use sync::Synchronizer;

use crate::support::{
    World,
    synchronizer::{LONG, ada, many_registered, start, sweep},
};

const MINUTES: u32 = 90;

/// Sums the metrics of one minute by name and dimension, as CloudWatch reads them from the log, and appends the lines to `file`.
pub(super) fn of_this_minute(world: &World, file: &mut impl Write) -> BTreeMap<String, usize> {
    let mut written = Vec::new();
    metrics::flush_to(&mut written);
    let mut sums = BTreeMap::new();
    for line in written.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let mut line: Value = serde_json::from_slice(line).unwrap();
        line["_aws"]["Timestamp"] = (world.clock.now() * 1000).into();
        writeln!(file, "{line}").unwrap();
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        let dimension = directive["Dimensions"][0][0].as_str();
        let suffix = dimension.map_or_else(String::new, |name| format!(" {}", line[name].as_str().unwrap()));
        for metric in directive["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap();
            let values = line[name]
                .as_array()
                .cloned()
                .unwrap_or_else(|| vec![line[name].clone()]);
            // All values are whole numbers, but some are written as 1.0.
            let whole = |value: &Value| value.to_string().split('.').next()?.parse::<usize>().ok();
            let sum: usize = values.iter().map(|value| whole(value).unwrap()).sum();
            *sums.entry(format!("{name}{suffix}")).or_default() += sum;
        }
    }
    sums
}

#[tokio::test]
async fn each_step_of_the_funnel_and_each_call_is_counted_once() {
    metrics::init("soa-link/${AWS::StackName}".to_owned());
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target"));
    let mut file = fs::File::create(folder.join("metrics.jsonl")).unwrap();
    let world = World::new().await;
    let environment = world.environment(&[("SPOTIFY_RATE", "1000")]);
    let sync = Synchronizer::start(environment, world.clock.clone(), Rng::System)
        .await
        .unwrap();
    let people = [("ada", "mara"), ("bela", "jonas"), ("yuki", "ines"), ("noor", "teo")];
    let (mut counted, mut linked, mut cancelled, mut changed) = (BTreeMap::new(), 0, 0, 0);
    for minute in 0..MINUTES {
        let down = (40..55).contains(&minute);
        if minute == 40 {
            world.spotify().faults().add(Fault {
                status: Some(503),
                times: None,
                ..Fault::on("/api/v1/")
            });
        }
        if minute == 55 {
            world.spotify().faults().clear();
        }
        for (place, (person, account)) in people.iter().enumerate() {
            let place = u32::try_from(place).unwrap();
            if (minute + place * 3).is_multiple_of(5) {
                let status = world.signed_in(person).link(account).await.status;
                assert_eq!(status == 302, !down, "{minute} {status}");
                linked += usize::from(status == 302);
            }
        }
        if minute.is_multiple_of(7) {
            let mut browser = world.signed_in("noor");
            let authorize = browser.begin().await;
            let back = browser.cancel(&authorize).await;
            assert_eq!(browser.get(&back).await.status, 403);
            cancelled += 1;
        }
        if minute.is_multiple_of(4) {
            let set = if (minute / 4).is_multiple_of(2) {
                "gold"
            } else {
                "silver"
            };
            world.write_entitlements("replace", "ada", &[set]).await;
            changed += 1;
        }
        sync.handle(&json!({"task": "sweep"}), Duration::from_mins(1))
            .await
            .unwrap();
        if minute.is_multiple_of(5) {
            sync.handle(&json!({"task": "reconcile"}), Duration::from_mins(1))
                .await
                .unwrap();
        }
        world.advance(60);
        for (name, sum) in of_this_minute(&world, &mut file) {
            *counted.entry(name).or_insert(0) += sum;
        }
    }
    let count = |name: &str| counted.get(name).copied().unwrap_or(0);
    let calls = |path: &str| world.spotify().requests().to(path).len();
    assert_eq!(
        (count("Registered"), count("Completed")),
        (linked, linked),
        "{counted:?}"
    );
    assert_eq!(count("ConsentRefused"), cancelled);
    let begun = count("ConsentSent");
    assert_eq!((count("EntrypointReached"), count("SignedIn")), (begun, begun));
    // Each journey that began ended in exactly one way.
    let failed: usize = counted
        .iter()
        .filter(|(name, _)| name.starts_with("LinkFailed"))
        .map(|(_, sum)| sum)
        .sum();
    assert_eq!(begun, linked + cancelled + failed);
    assert!(count("LinkFailed SPOTIFY_UNAVAILABLE") > 0, "{counted:?}");
    assert!(changed > 20 && count("Confirmed") > 0 && count("SyncLag") > 0 && count("DirtyAge") > 0);
    // The metrics count each call in Spotify's log once.
    let paths = [
        "/api/token",
        "/api/v1/register-user",
        "/api/v1/get-entitlements",
        "/api/v1/replace-entitlements",
    ];
    let there: usize = paths.iter().map(|path| calls(path)).sum();
    let here: usize = ["2xx", "4xx", "429", "5xx", "none"]
        .iter()
        .map(|status| count(&format!("SpotifyCalls {status}")))
        .sum();
    assert_eq!(here, there);
    assert_eq!(world.linked("ada").unwrap().1.len(), 1);
}

/// A canary deployment rolls back on this metric, so each function counts its faults, inside and outside of journeys.
#[tokio::test]
async fn each_server_fault_is_counted_in_every_function() {
    metrics::init("soa-link/test".to_owned());
    let world = World::with(sandbox::Options::default(), &[("PENDING_LINKS_TABLE", "not-there")]).await;
    let faults = |counted: BTreeMap<String, usize>| counted.get("Faults").copied().unwrap_or(0);
    let counted = || faults(of_this_minute(&world, &mut io::sink()));
    // An invalid request of the backend is not a server fault.
    assert_eq!(world.backend_unlink("nonsense").await.status, 401);
    assert_eq!(counted(), 0);
    assert_eq!(world.signed_in("ada").get("/entrypoint").await.status, 500);
    assert_eq!(counted(), 1);
    for path in ["/unlink", "/get-entitlements", "/replace-entitlements"] {
        let mut claims = world.request_claims("ada", path);
        claims["aud"] = world.gateway(path).into();
        if path.starts_with("/replace") {
            claims["entitlements"] = json!(["gold"]);
        }
        let answer = world.backend_call(path, &World::request_token(&claims)).await;
        assert_eq!((answer.status, counted()), (500, 1), "{path} {}", answer.body);
    }
    // No time is left for the read of the partners table.
    let (environment, clock) = (world.environment(&[]), world.clock.clone());
    let event = |path: &str, method: &str| {
        json!({
            "version": "2.0", "rawPath": path, "rawQueryString": "", "headers": {}, "isBase64Encoded": false,
            "requestContext": {"http": {"method": method, "path": path}, "requestId": "late"},
        })
        .to_string()
    };
    let unlink = unlink::Unlink::start(environment.clone(), clock.clone(), Rng::System).await;
    let late = handle_event(
        &unlink.unwrap(),
        &event("/partners/other/unlink", "GET"),
        Duration::ZERO,
    )
    .await;
    assert_eq!((late.status_code, counted()), (504, 1));
    let entitlements = entitlements::Entitlements::start(environment, clock, Rng::System).await;
    let path = "/partners/other/get-entitlements";
    let late = handle_event(&entitlements.unwrap(), &event(path, "POST"), Duration::ZERO).await;
    assert_eq!((late.status_code, counted()), (504, 1));
}

/// The brake lets at most ten links of a small partner end within an hour. The alarm is for the links that end after an operator has released it.
#[tokio::test]
async fn the_links_lost_alarm_is_raised_when_many_links_end() {
    metrics::init("soa-link/test".to_owned());
    let world = World::new().await;
    let sync = start(&world).await;
    let people = many_registered(&world, 45).await;
    world.advance(301);
    sweep(&sync).await;
    let (partner_id, _) = ada(&world);
    for person in &people {
        world.spotify().remove_link(partner_id.as_str(), person);
    }
    let environment = world.environment(&[]);
    let dynamodb = AwsConfig::from_env(&environment)
        .unwrap()
        .dynamodb(&HttpClient::new().unwrap());
    let brake = UnlinkBrake::new(dynamodb, deployment::SUBSCRIBERS_TABLE.to_owned());
    brake.release(&partner_id, world.clock.now() + 3600).await.unwrap();
    sync.handle(&json!({"task": "reconcile"}), LONG).await.unwrap();
    // The first 404s are no lost links.
    assert_eq!(of_this_minute(&world, &mut io::sink()).get("LinkLost"), None);
    world.advance(600);
    sweep(&sync).await;
    let alarm = crate::support::template::template()["Resources"]["LinksLostAlarm"]["Properties"].clone();
    let number = |name: &str| usize::try_from(alarm[name].as_u64().unwrap()).unwrap();
    assert_eq!(number("EvaluationPeriods"), 1);
    // The run has flushed the metrics of its first forty subscribers.
    assert_eq!(of_this_minute(&world, &mut io::sink())["LinkLost"], 5);
    assert!(number("Threshold") <= crate::support::logged().matches("LINK_LOST").count());
}
