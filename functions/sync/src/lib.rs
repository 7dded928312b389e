//! Makes Spotify follow: whoever is dirty in the subscribers table is settled, by one `replace-entitlements` with the whole set. The table is the queue, so an
//! event only says when to look: the table's stream at once, a schedule for what is left (`{"task": "sweep"}`). A slower one asks Spotify about everybody linked
//! (`{"task": "reconcile"}`), for nobody tells us what changes there.

mod settle;

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};
use shared::{
    chance::Chance,
    clock::Clock,
    config::{Config as _, Environment, SyncConfig},
    encoding::hex,
    log,
    outbound::Outbound,
    secrets::Secret,
    spotify::Spotify,
    start::StartError,
    store::{DIRTY_SHARDS, Pace, SubscriberKey, Subscribers, Why},
    telemetry::Code,
    worker::{Unfinished, Worker},
};
use tokio::time::Instant;

use self::settle::Settled;

/// How many are read from one part of the index at a time.
const AT_A_TIME: i32 = 100;

/// The function and what it works with.
pub struct Synchronizer {
    subscribers: Subscribers,
    pace: Pace,
    spotify: Spotify,
    clock: Clock,
    chance: Chance,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Spotify follows them now.
    synced: u32,
    /// Those of them for whom it had something else.
    changed: u32,
    /// Spotify knows no link of theirs.
    lost: u32,
    /// To be tried again.
    later: u32,
    /// Whether the run stopped before its end.
    stopped: bool,
}

impl Tally {
    /// Counts one in; whether to go on.
    fn count(&mut self, settled: Settled) -> bool {
        match settled {
            Settled::Follows { changed } => {
                self.synced += 1;
                self.changed += u32::from(changed);
            }
            Settled::NotLinked => self.lost += 1,
            Settled::Later => self.later += 1,
            Settled::NothingToDo => {}
            Settled::Stop => {
                self.later += 1;
                self.stopped = true;
            }
        }
        !self.stopped
    }
}

impl Synchronizer {
    /// The function, as this process is configured.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn of_process() -> Result<Self, StartError> {
        Self::start(Environment::of_process(), Clock::System, Chance::System).await
    }

    /// The function, its secret read and its connections open.
    ///
    /// # Errors
    /// [`StartError`] when the configuration or the client secret is not what it must be. Spotify being down is none.
    pub async fn start(environment: Environment, clock: Clock, chance: Chance) -> Result<Self, StartError> {
        let config = SyncConfig::from_environment(environment)?;
        let outbound = Outbound::new()?;
        let dynamodb = config.aws.dynamodb(&outbound);
        let secrets_manager = config.aws.secrets_manager(&outbound);
        let client_secret = Secret::new(secrets_manager, config.client_secret_id.clone(), clock.clone());
        let client_id = config.spotify.client_id.clone();
        let pace = Pace::new(
            dynamodb.clone(),
            config.subscribers_table.clone(),
            &client_id,
            config.rate,
        );
        let subscribers = Subscribers::new(dynamodb, config.subscribers_table.clone());
        let spotify = Spotify::new(config.spotify, outbound, client_secret, clock.clone(), chance.clone());
        spotify.prepare().await?;
        Ok(Self {
            subscribers,
            pace,
            spotify,
            clock,
            chance,
        })
    }

    /// Settles those whom the stream's records are about, in their order, each once. What a record says is not looked at: the table says how things are now. Whoever
    /// is not settled stays dirty, so no record needs to come again.
    async fn follow_stream(&self, records: &[Value], until: Instant) -> Result<Tally, Unfinished> {
        let mut seen = HashSet::new();
        let mut tally = Tally::default();
        for record in records.iter().filter(|record| concerns_spotify(record)) {
            let id = record.pointer("/dynamodb/Keys/id/S").and_then(Value::as_str);
            let Some(id) = id.filter(|id| seen.insert((*id).to_owned())) else {
                continue;
            };
            if Instant::now() >= until || !tally.count(self.settle(&SubscriberKey::new(id), Why::Due).await?) {
                break;
            }
        }
        Ok(tally)
    }

    /// Settles all whose next try is due.
    async fn sweep(&self, until: Instant) -> Result<Tally, Unfinished> {
        let mut tally = Tally::default();
        for shard in 0..DIRTY_SHARDS {
            loop {
                let due = self.subscribers.due(shard, self.clock.now(), AT_A_TIME).await;
                let due = due.map_err(|_| Unfinished("the index does not answer"))?;
                let before = tally;
                for key in &due {
                    if Instant::now() >= until || !tally.count(self.settle(key, Why::Due).await?) {
                        return Ok(tally);
                    }
                }
                // Those that others have in hand come again: then somebody else is at it.
                if due.len() < usize::try_from(AT_A_TIME).unwrap_or(0) || tally == before {
                    break;
                }
            }
        }
        Ok(tally)
    }

    /// Looks whether Spotify still has what is wanted for everybody linked, and mends what it has not: from where the last run came to, as far as the time
    /// lasts.
    async fn reconcile(&self, until: Instant) -> Result<Tally, Unfinished> {
        const TABLE: Unfinished = Unfinished("the table does not answer");
        let mut tally = Tally::default();
        let mut cursor = self.subscribers.cursor().await.map_err(|_| TABLE)?;
        loop {
            let (linked, next) = self.subscribers.linked(cursor, AT_A_TIME).await.map_err(|_| TABLE)?;
            for key in linked {
                if Instant::now() >= until || !tally.count(self.settle(&key, Why::Reconcile).await?) {
                    return Ok(tally);
                }
                // Each that is done is not looked at again this time round, whenever the run ends.
                self.subscribers.keep_cursor(Some(&key)).await.map_err(|_| TABLE)?;
            }
            self.subscribers.keep_cursor(next.as_ref()).await.map_err(|_| TABLE)?;
            if next.is_none() {
                return Ok(tally);
            }
            cursor = next;
        }
    }

    /// Names this run, for what it takes in hand.
    fn name(&self) -> Result<String, Unfinished> {
        let bytes = self.chance.bytes::<16>().map_err(|_| Unfinished("no random bytes"))?;
        Ok(hex(&bytes))
    }
}

/// Whether a record tells of something that Spotify is to follow: what we note ourselves is nothing to be followed.
fn concerns_spotify(record: &Value) -> bool {
    let of = |image: &str, name: &str| record.pointer(&format!("/dynamodb/{image}/{name}/N")).cloned();
    let dirty = record.pointer("/dynamodb/NewImage/dirty").is_some();
    dirty
        && ["version", "registered_at"]
            .iter()
            .any(|name| of("OldImage", name) != of("NewImage", name))
}

impl Worker for Synchronizer {
    const NAME: &'static str = "sync";

    async fn work(&self, event: &Value, within: Duration) -> Result<Value, Unfinished> {
        let until = Instant::now() + within;
        let tally = match (
            event.get("Records").and_then(Value::as_array),
            event.get("task").and_then(Value::as_str),
        ) {
            (Some(records), _) => self.follow_stream(records, until).await,
            (None, Some("sweep")) => self.sweep(until).await,
            (None, Some("reconcile")) => self.reconcile(until).await,
            _ => return Err(Unfinished("an event that is neither of a stream nor of a schedule")),
        };
        let Tally {
            synced,
            changed,
            lost,
            later,
            stopped,
        } = match tally {
            Ok(tally) => tally,
            Err(error) => {
                log!(error, Code::SyncFailed, reason = error.0);
                return Err(error);
            }
        };
        let task = event
            .get("task")
            .and_then(Value::as_str)
            .filter(|task| ["sweep", "reconcile"].contains(task));
        log!(
            info,
            Code::SyncDone,
            task = task.unwrap_or("stream"),
            synced,
            changed,
            lost,
            later,
            stopped
        );
        // Nothing of a stream is to come again: whoever was not settled is in the index.
        Ok(json!({"batchItemFailures": []}))
    }
}
