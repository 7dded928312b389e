//! Keeps Spotify in sync with the subscribers table: sends each dirty subscriber's full set of entitlements in one `replace-entitlements` call. The table is
//! the queue; an event only triggers a run. The table's stream triggers a run for recent changes, and a schedule for all due subscribers (`{"task": "sweep"}`).
//! A slower schedule checks all linked subscribers (`{"task": "reconcile"}`), because Spotify does not report changes on its side.

pub mod event_bus;
mod events;
mod retry;
mod run;
mod subscriber;

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    clock::Clock,
    config::{Config as _, Environment, SyncConfig},
    encoding::hex,
    http_client::HttpClient,
    log,
    rng::Rng,
    runtime::{
        startup::StartError,
        worker::{EventError, EventFunction},
    },
    secrets::ManagedSecret,
    spotify::Spotify,
    store::{RateLimiter, RevocationGuard, Subscribers},
    telemetry::Code,
};

use crate::{
    event_bus::EventBus,
    run::{Run, RunSummary},
};

/// The `sync` function.
pub struct Synchronizer {
    subscribers: Subscribers,
    pace: RateLimiter,
    guard: RevocationGuard,
    event_bus: Option<EventBus>,
    spotify: Spotify,
    clock: Clock,
    rng: Rng,
}

impl Synchronizer {
    /// Creates a random name for the owner of a lease.
    fn name(&self) -> Result<String, EventError> {
        let bytes = self.rng.bytes::<16>().map_err(|_| EventError("no random bytes"))?;
        Ok(hex(&bytes))
    }
}

impl EventFunction for Synchronizer {
    const NAME: &'static str = "sync";

    async fn start(environment: Environment, clock: Clock, rng: Rng) -> Result<Self, StartError> {
        let config = SyncConfig::from_environment(environment)?;
        let http = HttpClient::new()?;
        let dynamodb = config.aws.dynamodb(&http);
        let secrets_manager = config.aws.secrets_manager(&http);
        let client_secret = ManagedSecret::new(secrets_manager, config.client_secret_id.clone(), clock.clone());
        let client_id = config.spotify.client_id.clone();
        let pace = RateLimiter::new(
            dynamodb.clone(),
            config.subscribers_table.clone(),
            &client_id,
            config.rate,
        );
        let guard = RevocationGuard::new(dynamodb.clone(), config.subscribers_table.clone(), config.guard);
        let subscribers = Subscribers::new(dynamodb, config.subscribers_table.clone());
        let event_bus = config.event_bus.clone();
        let event_bus = event_bus.map(|name| EventBus::new(&config.aws, &http, name));
        let spotify = Spotify::new(config.spotify, http, client_secret, clock.clone(), rng.clone());
        spotify.preload().await?;
        Ok(Self {
            subscribers,
            pace,
            guard,
            event_bus,
            spotify,
            clock,
            rng,
        })
    }

    async fn handle(&self, event: &Value, within: Duration) -> Result<Value, EventError> {
        let mut run = Run::new(self, within);
        let records = event.get("Records").and_then(Value::as_array);
        let (task, outcome) = match (records, event.get("task").and_then(Value::as_str)) {
            (Some(records), _) => ("stream", run.follow_stream(records).await),
            (None, Some("sweep")) => {
                let swept = run.sweep().await;
                run.count_dirty().await;
                ("sweep", swept.and(run.require_guard()))
            }
            (None, Some("reconcile")) => {
                let reconciled = run.reconcile().await;
                ("reconcile", reconciled.and(run.require_guard()))
            }
            _ => return Err(EventError("unknown event: neither stream records nor a known task")),
        };
        let RunSummary {
            synced,
            changed,
            lost,
            later,
        } = run.summary;
        // A run without work is not logged, except for the reconciliation, which runs rarely.
        if run.summary != RunSummary::default() || task == "reconcile" {
            let stopped = run.stopped;
            log!(info, Code::SyncDone, task, synced, changed, lost, later, stopped);
        }
        if let Err(error) = outcome {
            log!(error, Code::SyncFailed, task, reason = error.0);
            return Err(error);
        }
        // Unsynced subscribers stay in the dirty index. Only records whose events were not published must be delivered again.
        let first_unpublished = match records {
            Some(records) => run.publish_events(records).await,
            None => None,
        };
        let failure = first_unpublished.map(|sequence_number| json!({ "itemIdentifier": sequence_number }));
        Ok(json!({"batchItemFailures": Vec::from_iter(failure)}))
    }
}
