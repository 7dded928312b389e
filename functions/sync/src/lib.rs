//! Makes Spotify follow: whoever is dirty in the subscribers table is settled, by one `replace-entitlements` with the whole set. The table is the queue, so an
//! event only says when to look: the table's stream at once, a schedule for what is left (`{"task": "sweep"}`). A slower one asks Spotify about everybody linked
//! (`{"task": "reconcile"}`), for nobody tells us what changes there.

mod events;
mod settle;

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};
use shared::{
    chance::Chance,
    clock::Clock,
    config::{Config as _, Environment, SyncConfig},
    encoding::hex,
    events::{EventBus, NotTaken},
    log,
    outbound::Outbound,
    partner::PartnerId,
    secrets::Secret,
    spotify::Spotify,
    start::StartError,
    store::{DIRTY_SHARDS, Guard, Pace, SubscriberKey, Subscribers, Why},
    telemetry::{
        Code,
        metrics::{self, Metric},
    },
    worker::{Unfinished, Worker},
};
use tokio::time::Instant;

use self::settle::{Settled, UNGUARDED, Withheld, is_unguarded};

/// How many are read from one part of the index at a time.
const AT_A_TIME: i32 = 100;
/// What one person may take: two turns at Spotify and the calls. Whoever would not be done in time is left for the next run.
const LONGEST_FOR_ONE: Duration = Duration::from_secs(45);
/// After so many in a row without an answer Spotify is down. Whoever has not been tried by then is due as before, so they follow as soon as it is back.
const DOWN: u32 = 10;

/// The function and what it works with.
pub struct Synchronizer {
    subscribers: Subscribers,
    pace: Pace,
    guard: Guard,
    event_bus: Option<EventBus>,
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
}

/// One run.
struct Run<'a> {
    sync: &'a Synchronizer,
    /// When the last person is taken in hand.
    until: Instant,
    settled: u32,
    tally: Tally,
    /// How many in a row Spotify gave no answer about.
    unanswered: u32,
    /// Whether Spotify wants no more calls, of anybody, or takes none.
    stopped: bool,
    /// Partners for whom Spotify refused us: the others go on.
    refused: HashSet<String>,
    withheld: Withheld,
}

impl Run<'_> {
    /// Settles one person; whether to go on with others.
    async fn settle(&mut self, key: &SubscriberKey, why: Why) -> Result<bool, Unfinished> {
        if self.stopped || Instant::now() >= self.until {
            return Ok(false);
        }
        if self.refused.contains(key.partner_id()) {
            return Ok(true);
        }
        let settled = self.sync.settle(key, why, &mut self.withheld).await?;
        self.settled += 1;
        // A metric keeps a hundred values at most until they are written.
        if self.settled.is_multiple_of(20) {
            metrics::flush();
        }
        let tally = &mut self.tally;
        match settled {
            Settled::Follows { changed } => {
                tally.synced += 1;
                tally.changed += u32::from(changed);
            }
            Settled::NotLinked => {
                tally.lost += 1;
                // So many in a row, and nobody else, is likelier a wrong address or a fault of Spotify's than as many people who have unlinked.
                if tally.lost == DOWN && tally.synced == 0 {
                    log!(
                        warn,
                        Code::SyncStopped,
                        reason = "Spotify knows nobody of those asked about"
                    );
                    self.stopped = true;
                }
            }
            Settled::Later => tally.later += 1,
            Settled::NothingToDo => return Ok(true),
            Settled::Unanswered => {
                tally.later += 1;
                self.unanswered += 1;
                if self.unanswered == DOWN {
                    log!(warn, Code::SyncStopped, reason = "Spotify does not answer");
                    self.stopped = true;
                }
                return Ok(!self.stopped);
            }
            Settled::PartnerRefused => {
                tally.later += 1;
                self.refused.insert(key.partner_id().to_owned());
            }
            Settled::Stop => {
                tally.later += 1;
                self.stopped = true;
            }
        }
        self.unanswered = 0;
        Ok(!self.stopped)
    }

    /// Settles those whom the stream's records are about, in their order, each once. What a record says is not looked at: the table says how things are now.
    /// Whoever is not settled stays dirty, so no record needs to come again for this.
    async fn follow_stream(&mut self, records: &[Value]) -> Result<(), Unfinished> {
        let mut seen = HashSet::new();
        for record in records.iter().filter(|record| concerns_spotify(record)) {
            let id = record.pointer("/dynamodb/Keys/id/S").and_then(Value::as_str);
            let Some(id) = id.filter(|id| seen.insert((*id).to_owned())) else {
                continue;
            };
            if !self.settle(&SubscriberKey::new(id), Why::Due).await? {
                break;
            }
        }
        Ok(())
    }

    /// Tells others what the stream's records tell. What the bus does not take comes again, from the record on that is returned.
    async fn tell(&self, records: &[Value]) -> Option<Value> {
        let bus = self.sync.event_bus.as_ref()?;
        let (of, events): (Vec<_>, Vec<_>) = records
            .iter()
            .flat_map(|record| events::events_of(record).into_iter().map(move |event| (record, event)))
            .unzip();
        let NotTaken { first } = bus.put(&events).await.err()?;
        log!(error, Code::EventsUnsent, unsent = events.len().saturating_sub(first));
        of.get(first)?.pointer("/dynamodb/SequenceNumber").cloned()
    }

    /// Settles all whose next try is due.
    async fn sweep(&mut self) -> Result<(), Unfinished> {
        let now = self.sync.clock.now();
        for shard in 0..DIRTY_SHARDS {
            let mut after = None;
            loop {
                let due = self.sync.subscribers.due(shard, now, AT_A_TIME, after).await;
                let (due, next) = due.map_err(|_| Unfinished("the index does not answer"))?;
                for key in &due {
                    if !self.settle(key, Why::Due).await? {
                        return Ok(());
                    }
                }
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// A run whose removals all wait, for nobody could be asked whether they are meant, has failed: somebody should look.
    fn was_guarded(&self) -> Result<(), Unfinished> {
        if is_unguarded(&self.withheld) {
            Err(UNGUARDED)
        } else {
            Ok(())
        }
    }

    /// Notes how many Spotify does not follow yet.
    async fn count_dirty(&self) {
        if let Ok(dirty) = self.sync.subscribers.count_dirty().await {
            metrics::record(Metric::DirtyItems, dirty);
        }
    }

    /// Looks whether Spotify still has what is wanted for everybody linked, and mends what it has not: from where the last run came to, as far as the time
    /// lasts. A round that ends has counted the linked.
    async fn reconcile(&mut self) -> Result<(), Unfinished> {
        const TABLE: Unfinished = Unfinished("the table does not answer");
        let (subscribers, guard) = (&self.sync.subscribers, &self.sync.guard);
        let mut round = subscribers.round().await.map_err(|_| TABLE)?;
        loop {
            let page = subscribers.linked(round.reached.as_ref(), AT_A_TIME).await;
            let (linked, next) = page.map_err(|_| TABLE)?;
            for key in linked {
                if !self.settle(&key, Why::Reconcile).await? {
                    return subscribers.keep_round(&round).await.map_err(|_| TABLE);
                }
                // Each that is done is not looked at again this time round, whenever the run ends.
                subscribers.reached(&key).await.map_err(|_| TABLE)?;
                *round.linked.entry(key.partner_id().to_owned()).or_default() += 1;
                round.reached = Some(key);
            }
            let ended = next.is_none();
            if ended {
                for (partner_id, linked) in std::mem::take(&mut round.linked) {
                    let Ok(partner_id) = PartnerId::parse(&partner_id) else {
                        continue;
                    };
                    guard.counted(&partner_id, linked).await.map_err(|_| TABLE)?;
                }
            }
            round.reached = next;
            subscribers.keep_round(&round).await.map_err(|_| TABLE)?;
            if ended {
                return Ok(());
            }
        }
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
        let guard = Guard::new(dynamodb.clone(), config.subscribers_table.clone(), config.guard);
        let subscribers = Subscribers::new(dynamodb, config.subscribers_table.clone());
        let event_bus = config.event_bus.clone();
        let event_bus = event_bus.map(|name| EventBus::new(config.aws.eventbridge(&outbound), name));
        let spotify = Spotify::new(config.spotify, outbound, client_secret, clock.clone(), chance.clone());
        spotify.prepare().await?;
        Ok(Self {
            subscribers,
            pace,
            guard,
            event_bus,
            spotify,
            clock,
            chance,
        })
    }

    /// Names this run, for what it takes in hand.
    fn name(&self) -> Result<String, Unfinished> {
        let bytes = self.chance.bytes::<16>().map_err(|_| Unfinished("no random bytes"))?;
        Ok(hex(&bytes))
    }
}

/// Of the time for a run, that in which people may be taken in hand. Where it is so little that nobody would ever be settled, they are all the same.
fn for_taking(within: Duration) -> Duration {
    within.saturating_sub(LONGEST_FOR_ONE).max(within / 2)
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
        let mut run = Run {
            sync: self,
            until: Instant::now() + for_taking(within),
            settled: 0,
            tally: Tally::default(),
            unanswered: 0,
            stopped: false,
            refused: HashSet::new(),
            withheld: Withheld::new(),
        };
        let records = event.get("Records").and_then(Value::as_array);
        let (task, outcome) = match (records, event.get("task").and_then(Value::as_str)) {
            (Some(records), _) => ("stream", run.follow_stream(records).await),
            (None, Some("sweep")) => {
                let swept = run.sweep().await;
                run.count_dirty().await;
                ("sweep", swept.and(run.was_guarded()))
            }
            (None, Some("reconcile")) => {
                let reconciled = run.reconcile().await;
                ("reconcile", reconciled.and(run.was_guarded()))
            }
            _ => return Err(Unfinished("an event that is neither of a stream nor of a schedule")),
        };
        let Tally {
            synced,
            changed,
            lost,
            later,
        } = run.tally;
        // A run that found nothing to do is not worth a line, but for the round that looks at everybody.
        if run.tally != Tally::default() || task == "reconcile" {
            let stopped = run.stopped;
            log!(info, Code::SyncDone, task, synced, changed, lost, later, stopped);
        }
        if let Err(error) = outcome {
            log!(error, Code::SyncFailed, task, reason = error.0);
            return Err(error);
        }
        // Whoever was not settled is in the index; what could not be told is to come again.
        let again = match records {
            Some(records) => run.tell(records).await,
            None => None,
        };
        let again = again.map(|record| json!({ "itemIdentifier": record }));
        Ok(json!({"batchItemFailures": Vec::from_iter(again)}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_taken_in_hand_who_could_not_be_settled_in_what_is_left() {
        let taking = |seconds| for_taking(Duration::from_secs(seconds)).as_secs();
        assert_eq!([295, 100, 60, 4].map(taking), [250, 55, 30, 2]);
    }
}
