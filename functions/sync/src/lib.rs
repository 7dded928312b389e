//! Keeps Spotify in sync with the subscribers table: sends each dirty subscriber's full set of entitlements in one `replace-entitlements` call. The table is
//! the queue; an event only triggers a run. The table's stream triggers a run for recent changes, and a schedule for all due subscribers (`{"task": "sweep"}`).
//! A slower schedule checks all linked subscribers (`{"task": "reconcile"}`), because Spotify does not report changes on its side.

mod dead_letters;
pub mod event_bus;
mod events;
mod missing_links;
mod permits;
mod reconcile;
mod retry;
mod run;
mod stream;
mod subscriber;
mod sweep;

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
    store::{RateLimiter, RevocationGuard, RunLeases, Subscribers, UnlinkBrake},
    telemetry::Code,
};

use crate::{
    dead_letters::DeadLetters,
    event_bus::EventBus,
    run::{Run, RunSummary},
};

/// The `sync` function.
pub struct Synchronizer {
    subscribers: Subscribers,
    run_leases: RunLeases,
    rate_limiter: RateLimiter,
    guard: RevocationGuard,
    brake: UnlinkBrake,
    /// Time from the start of a reconciliation round to the start of the next, in seconds.
    reconcile_interval: i64,
    event_bus: Option<EventBus>,
    dead_letters: DeadLetters,
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

    /// Runs a scheduled task, unless another run of it has not ended: long runs would otherwise take all of the account's concurrency.
    async fn run_alone(&self, task: &str, run: &mut Run<'_>, within: Duration) -> Result<(), EventError> {
        const TABLE: EventError = EventError("the subscribers table is unavailable");
        if task == "reconcile" && !run.is_round_due().await? {
            return Ok(());
        }
        let owner = self.name()?;
        let seconds = i64::try_from(within.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
        let acquired = self.run_leases.acquire(task, &owner, self.clock.now(), seconds).await;
        if !acquired.map_err(|_| TABLE)? {
            return Ok(());
        }
        let outcome = if task == "sweep" {
            let swept = run.sweep().await;
            run.count_dirty().await;
            swept
        } else {
            run.reconcile().await
        };
        // If this fails, the lease expires.
        let _ = self.run_leases.release(task, &owner).await;
        outcome.and(run.require_guard())
    }
}

impl EventFunction for Synchronizer {
    const NAME: &'static str = "sync";

    async fn start(environment: Environment, clock: Clock, rng: Rng) -> Result<Self, StartError> {
        let config = SyncConfig::from_environment(environment)?;
        let http = HttpClient::new()?;
        let (dynamodb, dynamodb_origin) = (config.aws.dynamodb(&http), config.aws.dynamodb_origin());
        let secrets_manager = config.aws.secrets_manager(&http);
        let client_secret = ManagedSecret::new(secrets_manager, config.client_secret_id.clone(), clock.clone());
        let client_id = config.spotify.client_id.clone();
        let table = || config.subscribers_table.clone();
        let rate_limiter = RateLimiter::new(dynamodb.clone(), table(), &client_id, config.rate);
        let guard = RevocationGuard::new(dynamodb.clone(), table(), config.guard);
        let brake = UnlinkBrake::new(dynamodb.clone(), table());
        let run_leases = RunLeases::new(dynamodb.clone(), table());
        let subscribers = Subscribers::new(dynamodb, table());
        let event_bus = config.event_bus.clone();
        let event_bus = event_bus.map(|name| EventBus::new(&config.aws, &http, name));
        let dead_letters = DeadLetters::new(&config.aws, &http, config.dead_letter_queue_url.clone());
        let spotify = Spotify::new(config.spotify, http.clone(), client_secret, clock.clone(), rng.clone());
        let (loaded, ()) = tokio::join!(spotify.preload(), http.preconnect(&dynamodb_origin));
        loaded?;
        Ok(Self {
            subscribers,
            run_leases,
            rate_limiter,
            guard,
            brake,
            reconcile_interval: config.reconcile_hours.saturating_mul(3600),
            event_bus,
            dead_letters,
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
            (None, Some("sweep")) => ("sweep", self.run_alone("sweep", &mut run, within).await),
            (None, Some("reconcile")) => ("reconcile", self.run_alone("reconcile", &mut run, within).await),
            _ => return Err(EventError("unknown event: neither stream records nor a known task")),
        };
        let RunSummary {
            synced,
            changed,
            missing,
            later,
        } = run.summary;
        // A run without work is not logged.
        if run.summary != RunSummary::default() {
            let stopped = run.stopped;
            log!(info, Code::SyncDone, task, synced, changed, missing, later, stopped);
        }
        if let Err(error) = outcome {
            log!(error, Code::SyncFailed, task, reason = error.0);
            return Err(error);
        }
        // Unsynced subscribers stay in the dirty index. Only records whose events were not published must be delivered again.
        let first_unpublished = match records {
            Some(records) => Box::pin(run.publish_events(records)).await,
            None => None,
        };
        let failure = first_unpublished.map(|sequence_number| json!({ "itemIdentifier": sequence_number }));
        Ok(json!({"batchItemFailures": Vec::from_iter(failure)}))
    }
}
