//! One run: who is settled, in which order, and when it stops.

use std::{collections::HashSet, time::Duration};

use serde_json::Value;
use shared::{
    log,
    partner::PartnerId,
    runtime::worker::EventError,
    store::{DIRTY_SHARDS, SubscriberKey, SyncOutcome, SyncTrigger},
    telemetry::{
        Code,
        metrics::{self, Metric},
    },
};
use tokio::time::Instant;

use crate::{
    Synchronizer,
    event_bus::PublishError,
    events,
    retry::Impact,
    subscriber::{GUARD_UNAVAILABLE, RevocationHolds, guard_unavailable},
};

/// How many are read from one part of the index at a time.
const PAGE_SIZE: i32 = 100;
/// What one person may take: two turns at Spotify and the calls. Whoever would not be done in time is left for the next run.
const MAX_TIME_PER_SUBSCRIBER: Duration = Duration::from_secs(45);
/// After so many in a row without an answer Spotify is down. Whoever has not been tried by then is due as before, so they follow as soon as it is back.
const OUTAGE_THRESHOLD: u32 = 10;

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunSummary {
    /// Spotify follows them now.
    pub(crate) synced: u32,
    /// Those of them for whom it had something else.
    pub(crate) changed: u32,
    /// Spotify knows no link of theirs.
    pub(crate) lost: u32,
    /// To be tried again.
    pub(crate) later: u32,
}

/// One run.
pub(crate) struct Run<'a> {
    sync: &'a Synchronizer,
    /// When the last person is taken in hand.
    until: Instant,
    settled: u32,
    pub(crate) tally: RunSummary,
    /// How many in a row Spotify gave no answer about.
    unanswered: u32,
    /// Whether Spotify wants no more calls, of anybody, or takes none.
    pub(crate) stopped: bool,
    /// Partners for whom Spotify refused us: the others go on.
    refused: HashSet<String>,
    withheld: RevocationHolds,
}

impl<'a> Run<'a> {
    /// A run that may last for `within`.
    pub(crate) fn new(sync: &'a Synchronizer, within: Duration) -> Self {
        Self {
            sync,
            until: Instant::now() + lease_window(within),
            settled: 0,
            tally: RunSummary::default(),
            unanswered: 0,
            stopped: false,
            refused: HashSet::new(),
            withheld: RevocationHolds::new(),
        }
    }

    /// Settles one person; whether to go on with others.
    async fn settle(&mut self, key: &SubscriberKey, why: SyncTrigger) -> Result<bool, EventError> {
        if self.stopped || Instant::now() >= self.until {
            return Ok(false);
        }
        if self.refused.contains(key.partner_id()) {
            return Ok(true);
        }
        let attempt = self.sync.sync_subscriber(key, why, &mut self.withheld).await?;
        self.settled += 1;
        // A metric keeps a hundred values at most until they are written.
        if self.settled.is_multiple_of(20) {
            metrics::flush();
        }
        let tally = &mut self.tally;
        match attempt.outcome {
            SyncOutcome::InSync { changed, .. } => {
                tally.synced += 1;
                tally.changed += u32::from(changed);
            }
            SyncOutcome::Unlinked { .. } => {
                tally.lost += 1;
                // So many in a row, and nobody else, is likelier a wrong address or a fault of Spotify's than as many people who have unlinked.
                if tally.lost == OUTAGE_THRESHOLD && tally.synced == 0 {
                    log!(
                        warn,
                        Code::SyncStopped,
                        reason = "Spotify knows nobody of those asked about"
                    );
                    self.stopped = true;
                }
            }
            SyncOutcome::Retry { .. } | SyncOutcome::RevocationOnHold { .. } => tally.later += 1,
            SyncOutcome::NoOp => return Ok(true),
        }
        self.heed(attempt.impact, key);
        Ok(!self.stopped)
    }

    /// Draws the consequences of one attempt for the rest of the run.
    fn heed(&mut self, impact: Impact, key: &SubscriberKey) {
        self.unanswered = if impact == Impact::Unanswered {
            self.unanswered + 1
        } else {
            0
        };
        match impact {
            Impact::Unanswered if self.unanswered == OUTAGE_THRESHOLD => {
                log!(warn, Code::SyncStopped, reason = "Spotify does not answer");
                self.stopped = true;
            }
            Impact::StopPartner => {
                self.refused.insert(key.partner_id().to_owned());
            }
            Impact::StopRun => self.stopped = true,
            Impact::None | Impact::Unanswered => {}
        }
    }

    /// Settles those whom the stream's records are about, in their order, each once. What a record says is not looked at: the table says how things are now.
    /// Whoever is not settled stays dirty, so no record needs to come again for this.
    pub(crate) async fn follow_stream(&mut self, records: &[Value]) -> Result<(), EventError> {
        let mut seen = HashSet::new();
        for record in records.iter().filter(|record| concerns_spotify(record)) {
            let id = record.pointer("/dynamodb/Keys/id/S").and_then(Value::as_str);
            let Some(id) = id.filter(|id| seen.insert((*id).to_owned())) else {
                continue;
            };
            if !self.settle(&SubscriberKey::new(id), SyncTrigger::Due).await? {
                break;
            }
        }
        Ok(())
    }

    /// Tells others what the stream's records tell. What the bus does not take comes again, from the record on that is returned.
    pub(crate) async fn tell(&self, records: &[Value]) -> Option<Value> {
        let bus = self.sync.event_bus.as_ref()?;
        let (of, events): (Vec<_>, Vec<_>) = records
            .iter()
            .flat_map(|record| events::events_of(record).into_iter().map(move |event| (record, event)))
            .unzip();
        let PublishError { first_unsent: first } = bus.publish(&events).await.err()?;
        log!(error, Code::EventsUnsent, unsent = events.len().saturating_sub(first));
        of.get(first)?.pointer("/dynamodb/SequenceNumber").cloned()
    }

    /// Settles all whose next try is due.
    pub(crate) async fn sweep(&mut self) -> Result<(), EventError> {
        let now = self.sync.clock.now();
        for shard in 0..DIRTY_SHARDS {
            let mut after = None;
            loop {
                let due = self.sync.subscribers.due(shard, now, PAGE_SIZE, after).await;
                let (due, next) = due.map_err(|_| EventError("the index does not answer"))?;
                for key in &due {
                    if !self.settle(key, SyncTrigger::Due).await? {
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
    pub(crate) fn was_guarded(&self) -> Result<(), EventError> {
        if guard_unavailable(&self.withheld) {
            Err(GUARD_UNAVAILABLE)
        } else {
            Ok(())
        }
    }

    /// Notes how many Spotify does not follow yet.
    pub(crate) async fn count_dirty(&self) {
        if let Ok(dirty) = self.sync.subscribers.count_dirty().await {
            metrics::record(Metric::DirtyItems, dirty);
        }
    }

    /// Looks whether Spotify still has what is wanted for everybody linked, and mends what it has not: from where the last run came to, as far as the time
    /// lasts. A round that ends has counted the linked.
    pub(crate) async fn reconcile(&mut self) -> Result<(), EventError> {
        const TABLE: EventError = EventError("the table does not answer");
        let (subscribers, guard) = (&self.sync.subscribers, &self.sync.guard);
        let mut round = subscribers.cursor().await.map_err(|_| TABLE)?;
        loop {
            let page = subscribers.scan_linked(round.last_id.as_ref(), PAGE_SIZE).await;
            let (linked, next) = page.map_err(|_| TABLE)?;
            for key in linked {
                if !self.settle(&key, SyncTrigger::Reconcile).await? {
                    return subscribers.save_cursor(&round).await.map_err(|_| TABLE);
                }
                // Each that is done is not looked at again this time round, whenever the run ends.
                subscribers.advance_cursor(&key).await.map_err(|_| TABLE)?;
                *round.linked_counts.entry(key.partner_id().to_owned()).or_default() += 1;
                round.last_id = Some(key);
            }
            let ended = next.is_none();
            if ended {
                for (partner_id, linked) in std::mem::take(&mut round.linked_counts) {
                    let Ok(partner_id) = PartnerId::parse(&partner_id) else {
                        continue;
                    };
                    guard.set_linked_count(&partner_id, linked).await.map_err(|_| TABLE)?;
                }
            }
            round.last_id = next;
            subscribers.save_cursor(&round).await.map_err(|_| TABLE)?;
            if ended {
                return Ok(());
            }
        }
    }
}

/// Of the time for a run, that in which people may be taken in hand. Where it is so little that nobody would ever be settled, they are all the same.
fn lease_window(within: Duration) -> Duration {
    within.saturating_sub(MAX_TIME_PER_SUBSCRIBER).max(within / 2)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_taken_in_hand_who_could_not_be_settled_in_what_is_left() {
        let taking = |seconds| lease_window(Duration::from_secs(seconds)).as_secs();
        assert_eq!([295, 100, 60, 4].map(taking), [250, 55, 30, 2]);
    }
}
