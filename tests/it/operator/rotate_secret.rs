//! `soa-link secret rotate`: rotation of the client secret without failed journeys or lost changes.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, http::StatusCode, routing::post};
use sandbox::deployment;
use serde_json::{Value, json};
use shared::{rng::Rng, runtime::worker::EventFunction as _};
use sync::Synchronizer;

use crate::support::cli::CliHarness;

const NEW: &str = "fedcba9876543210fedcba9876543210";

impl CliHarness {
    /// Writes the functions' variables, as the sandbox prints them, to a file and returns its path.
    fn variables(&self, changes: &[(&str, &str)]) -> String {
        let options = self.world.sandbox.options();
        let all = deployment::variables(options, self.world.sandbox.addresses());
        let changes = changes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let lines: Vec<_> = all
            .into_iter()
            .chain(changes)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        self.file("variables.env", &lines.join("\n"))
    }

    async fn rotates(&self, variables: &str, secret: &str) -> (i32, String) {
        let file = self.file("secret.txt", &format!("{secret}\n"));
        self.says(&["secret", "rotate", "--variables", variables, "--from", &file])
            .await
    }

    fn at_spotify(&self, secret: &str) {
        let client_id = self.world.sandbox.options().client_id.clone();
        self.world.spotify().rotate_secret(&client_id, secret);
    }

    /// The client secret of the version with this staging label; `None` if there is no such version.
    async fn kept(&self, stage: &str) -> Option<String> {
        let environment = self.world.environment(&[]);
        let aws = shared::aws::AwsConfig::from_env(&environment).unwrap();
        let client = aws.secrets_manager(&shared::http_client::HttpClient::new().unwrap());
        let read = client
            .get_secret_value()
            .secret_id(deployment::CLIENT_SECRET_ID)
            .version_stage(stage);
        let value: Value = serde_json::from_str(read.send().await.ok()?.secret_string()?).unwrap();
        Some(value["client_secret"].as_str().unwrap().to_owned())
    }
}

/// Four people link continuously and the backend changes entitlements while the secret is rotated. Then Spotify stops accepting the old secret.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_journey_fails_while_the_client_secret_is_rotated_under_load() {
    let desk = CliHarness::new("rotation").await;
    let world = &desk.world;
    let environment = world.environment(&[("SPOTIFY_RATE", "1000")]);
    let sync = Synchronizer::start(environment, world.clock.clone(), Rng::System)
        .await
        .unwrap();
    let (over, journeys) = (Cell::new(false), Cell::new(0));
    let linking = |person: &'static str, account: &'static str| {
        let (over, journeys) = (&over, &journeys);
        async move {
            let mut statuses = Vec::new();
            while !over.get() {
                statuses.push(world.signed_in(person).link(account).await.status);
                journeys.set(journeys.get() + 1);
            }
            statuses
        }
    };
    let following = async {
        for round in 0.. {
            if over.get() {
                break;
            }
            world
                .write_entitlements("replace", "ada", &[if round % 2 == 0 { "gold" } else { "silver" }])
                .await;
            sync.handle(&json!({"task": "sweep"}), Duration::from_mins(1))
                .await
                .unwrap();
        }
        world.write_entitlements("replace", "ada", &["bronze"]).await;
        world.advance(60);
        sync.handle(&json!({"task": "sweep"}), Duration::from_mins(1))
            .await
            .unwrap();
    };
    let rotating = async {
        let of_the_load = |more: usize| {
            let (until, journeys) = (journeys.get() + more, &journeys);
            async move {
                while journeys.get() < until {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        };
        of_the_load(20).await;
        // Spotify accepts the new secret and still the old one.
        world
            .spotify()
            .set_switches(|switches| switches.a12_previous_secret = true);
        desk.at_spotify(NEW);
        of_the_load(20).await;
        let rotated = desk.rotates(&desk.variables(&[]), NEW).await;
        of_the_load(20).await;
        // Spotify no longer accepts the old secret.
        world
            .spotify()
            .set_switches(|switches| switches.a12_previous_secret = false);
        desk.at_spotify(NEW);
        of_the_load(40).await;
        over.set(true);
        rotated
    };
    let (ada, bela, yuki, noor, (), (code, said)) = tokio::join!(
        linking("ada", "mara"),
        linking("bela", "jonas"),
        linking("yuki", "ines"),
        linking("noor", "teo"),
        following,
        rotating,
    );
    assert!(
        code == 0 && said.contains("Spotify still accepts the old secret"),
        "{said}"
    );
    let statuses = [ada, bela, yuki, noor].concat();
    assert!(statuses.len() >= 100);
    let failed = statuses.iter().filter(|status| **status != 302).count();
    assert_eq!(failed, 0, "of {} journeys", statuses.len());
    assert_eq!(world.linked("ada").unwrap().1, ["bronze"]);
    assert_eq!(desk.kept("AWSCURRENT").await.as_deref(), Some(NEW));
    assert!(desk.kept("AWSPENDING").await.is_none());
}

#[tokio::test]
async fn a_secret_refused_by_spotify_changes_nothing() {
    let desk = CliHarness::new("not-taken").await;
    let before = desk.kept("AWSCURRENT").await;
    let (code, said) = desk.rotates(&desk.variables(&[]), NEW).await;
    assert!(
        code == 1 && said.contains("nothing was changed") && !said.contains(NEW),
        "{said}"
    );
    assert_eq!(desk.kept("AWSCURRENT").await, before);
    assert!(desk.kept("AWSPENDING").await.is_none());
    // A malformed secret, and one that cannot be checked with Spotify, change nothing either.
    let (code, said) = desk.rotates(&desk.variables(&[]), "short").await;
    assert!(code == 2 && !said.contains("short\n"), "{said}");
    let nowhere = desk.variables(&[("SPOTIFY_ACCOUNTS_URL", "http://127.0.0.1:1")]);
    let (code, said) = desk.rotates(&nowhere, NEW).await;
    assert!(code == 2 && said.contains("run the same command again"), "{said}");
    assert_eq!(desk.kept("AWSCURRENT").await, before);
}

/// Spotify accepts the new secret before the switch and refuses it afterwards.
#[tokio::test]
async fn a_secret_refused_after_the_switch_is_rolled_back() {
    let desk = CliHarness::new("changed-back").await;
    let before = desk.kept("AWSCURRENT").await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let token = move || async move {
        // Accepts the checks of the old and the new secret, and refuses the check after the switch.
        if count.fetch_add(1, Ordering::SeqCst) < 2 {
            (
                StatusCode::OK,
                json!({"access_token": "x", "token_type": "Bearer", "scope": "user-soa-unlink"}).to_string(),
            )
        } else {
            (StatusCode::BAD_REQUEST, json!({"error": "invalid_client"}).to_string())
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let accounts = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/api/token", post(token));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let (code, said) = desk
        .rotates(&desk.variables(&[("SPOTIFY_ACCOUNTS_URL", &accounts)]), NEW)
        .await;
    assert!(code == 1 && said.contains("use the previous one again"), "{said}");
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    assert!(desk.kept("AWSPENDING").await.is_none());
    assert_eq!(desk.kept("AWSCURRENT").await, before);
}

/// The worker still has the old secret and a token obtained with it. Spotify refuses signature and secret with 400.
#[tokio::test]
async fn a_call_signed_with_a_dead_secret_is_signed_again_at_once() {
    let desk = CliHarness::new("signed-again").await;
    let world = &desk.world;
    let environment = world.environment(&[("SPOTIFY_RATE", "1000")]);
    let sync = Synchronizer::start(environment, world.clock.clone(), Rng::System)
        .await
        .unwrap();
    let sweep = || async {
        sync.handle(&json!({"task": "sweep"}), Duration::from_mins(1))
            .await
            .unwrap()
    };
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    world.advance(20);
    sweep().await;
    // The worker has read the secret again before the rotation, so its cache is fresh.
    world.advance(301);
    sweep().await;
    desk.at_spotify(NEW);
    assert_eq!(desk.rotates(&desk.variables(&[]), NEW).await.0, 0);
    world.write_entitlements("replace", "ada", &["gold"]).await;
    sweep().await;
    assert_eq!(world.linked("ada").unwrap().1, ["gold"]);
    assert!(world.read_entitlements("ada").await["link"]["state"] == "linked");
}
