//! `soa-link check-links`, `soa-link rate-limit` and the brake: what an operator can tell sync to do.

use sandbox::deployment;
use serde_json::{Value, json};
use shared::{
    aws::AwsConfig,
    clock::Clock,
    http_client::HttpClient,
    runtime::worker::EventFunction as _,
    store::{RateLimiter, UnlinkBrake},
};

use crate::support::{
    cli::CliHarness,
    synchronizer::{LONG, link, start},
};

fn dynamodb(desk: &CliHarness) -> aws_sdk_dynamodb::Client {
    let environment = desk.world.environment(&[]);
    AwsConfig::from_env(&environment)
        .unwrap()
        .dynamodb(&HttpClient::new().unwrap())
}

/// Ada links. Spotify then answers 404 for her twice, ten minutes apart.
#[tokio::test]
async fn check_links_schedules_checks_of_missing_links_alone() {
    let desk = CliHarness::new("check-links").await;
    let world = &desk.world;
    let (code, said) = desk.says(&["check-links"]).await;
    assert!(code == 1 && said.contains("0 checks scheduled"), "{said}");
    let sync = start(world).await;
    let sweep = async || sync.handle(&json!({"task": "sweep"}), LONG).await.unwrap();
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    world.advance(20);
    sweep().await;
    let ada = world.partner_user_id("ada");
    assert_eq!(desk.says(&["check-links", "--partner-user-id", &ada]).await.0, 1);
    world.advance(300);
    world.spotify().faults().add(sandbox::Fault {
        times: Some(2),
        ..sandbox::Fault::answer("/api/v1/", 404, "")
    });
    world.write_entitlements("replace", "ada", &["gold"]).await;
    sweep().await;
    world.advance(600);
    sweep().await;
    assert_eq!(link(world).await.0, "unlinked");
    for arguments in [
        &["check-links", "--json"][..],
        &["check-links", "--partner-user-id", &ada, "--json"],
    ] {
        let output = desk.run(arguments).await;
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(
            serde_json::from_slice::<Value>(&output.stdout).unwrap(),
            json!({"scheduled": 1})
        );
    }
    // The command uses the system's time, and the world's clock is ahead of it by minutes.
    sweep().await;
    assert_eq!(link(world).await.0, "linked");
    let (code, said) = desk.says(&["check-links", "--partner-user-id", "not-an-id"]).await;
    assert!(code == 2 && said.contains("16 to 128"), "{said}");
}

#[tokio::test]
async fn rate_limit_shows_a_pause_and_ends_it() {
    let desk = CliHarness::new("rate-limit").await;
    let client_id = desk.world.sandbox.options().client_id.clone();
    let command = |what| ["rate-limit", what, "--client-id", client_id.as_str()];
    let (code, said) = desk.says(&command("show")).await;
    assert!(code == 0 && said.contains("not paused"), "{said}");
    let limiter = RateLimiter::new(
        dynamodb(&desk),
        deployment::SUBSCRIBERS_TABLE.to_owned(),
        &client_id,
        5.0,
    );
    let now_ms = Clock::System.now_ms();
    limiter.pause_until(now_ms + 86_400_000, now_ms).await.unwrap();
    let (code, said) = desk.says(&command("show")).await;
    assert!(
        code == 0 && said.contains("paused for another 8") && said.contains("probe is due in 3"),
        "{said}"
    );
    let (code, said) = desk.says(&command("clear")).await;
    assert!(code == 0 && said.contains("not paused"), "{said}");
    assert_eq!(limiter.status().await.unwrap().paused_until_ms, None);
}

#[tokio::test]
async fn the_brake_is_shown_and_released() {
    let desk = CliHarness::new("brake").await;
    let partner_id = shared::partner::PartnerId::parse(&desk.world.sandbox.options().partner_id).unwrap();
    let brake = UnlinkBrake::new(dynamodb(&desk), deployment::SUBSCRIBERS_TABLE.to_owned());
    for _ in 0..11 {
        brake.count_first_404(&partner_id, Clock::System.now()).await.unwrap();
    }
    let says = async |command| {
        let output = desk.run(&["partners", "--json", command, partner_id.as_str()]).await;
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let shown = says("brake").await;
    assert!(shown["on_hold_since"].is_i64(), "{shown}");
    assert_eq!((&shown["people"], &shown["limit"]), (&json!(11), &json!(10)), "{shown}");
    let released = says("release-brake").await;
    assert!(
        released["released_until"].is_i64() && released["on_hold_since"].is_null(),
        "{released}"
    );
    // The guard is another hold.
    assert!(says("guard").await["released_until"].is_null());
}
