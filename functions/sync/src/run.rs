//! One run: which subscribers are synced, in which order, and when the run stops.

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

/// Upper bound of items per page of the dirty index and of the table.
const PAGE_SIZE: i32 = 100;
/// Upper bound of the time for one subscriber: two waits for a permit, and the calls. With less time left, a subscriber is left for the next run.
const MAX_TIME_PER_SUBSCRIBER: Duration = Duration::from_secs(45);
/// Number of consecutive attempts without an answer after which a run stops. The subscribers that were not tried stay due, so they follow right after the
/// outage.
const OUTAGE_THRESHOLD: u32 = 10;

/// Counts of what a run did, in subscribers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunSummary {
    /// Subscribers that are in sync.
    pub(crate) synced: u32,
    /// Those of them whose entitlements at Spotify were changed.
    pub(crate) changed: u32,
    /// Subscribers that Spotify reported as unlinked.
    pub(crate) lost: u32,
    /// Subscribers that must be retried.
    pub(crate) later: u32,
}

/// One run.
pub(crate) struct Run<'a> {
    sync: &'a Synchronizer,
    /// Time after which no lease is acquired.
    until: Instant,
    attempts: u32,
    pub(crate) summary: RunSummary,
    /// Number of consecutive attempts without an answer.
    unanswered: u32,
    /// Whether the run has stopped because of Spotify: an outage, a pause, or a refused client.
    pub(crate) stopped: bool,
    /// Partners whose calls Spotify refused; the run skips their subscribers.
    refused: HashSet<String>,
    holds: RevocationHolds,
}

impl<'a> Run<'a> {
    /// Creates a run that may last for `within`.
    pub(crate) fn new(sync: &'a Synchronizer, within: Duration) -> Self {
        Self {
            sync,
            until: Instant::now() + lease_window(within),
            attempts: 0,
            summary: RunSummary::default(),
            unanswered: 0,
            stopped: false,
            refused: HashSet::new(),
            holds: RevocationHolds::new(),
        }
    }

    /// Syncs one subscriber. Returns whether the run continues.
    async fn sync_one(&mut self, key: &SubscriberKey, why: SyncTrigger) -> Result<bool, EventError> {
        if self.stopped || Instant::now() >= self.until {
            return Ok(false);
        }
        if self.refused.contains(key.partner_id()) {
            return Ok(true);
        }
        let attempt = self.sync.sync_subscriber(key, why, &mut self.holds).await?;
        self.attempts += 1;
        // A metric holds at most 100 values between two flushes.
        if self.attempts.is_multiple_of(20) {
            metrics::flush();
        }
        let summary = &mut self.summary;
        match attempt.outcome {
            SyncOutcome::InSync { changed, .. } => {
                summary.synced += 1;
                summary.changed += u32::from(changed);
            }
            SyncOutcome::Unlinked { .. } => {
                summary.lost += 1;
                // A run with nothing but lost links points to a wrong URL or a fault at Spotify, not to so many unlinks.
                if summary.lost == OUTAGE_THRESHOLD && summary.synced == 0 {
                    log!(
                        warn,
                        Code::SyncStopped,
                        reason = "Spotify reports every subscriber as unlinked"
                    );
                    self.stopped = true;
                }
            }
            SyncOutcome::Retry { .. } | SyncOutcome::RevocationOnHold { .. } => summary.later += 1,
            SyncOutcome::NoOp => return Ok(true),
        }
        self.apply_impact(attempt.impact, key);
        Ok(!self.stopped)
    }

    /// Applies the impact of one attempt to the rest of the run.
    fn apply_impact(&mut self, impact: Impact, key: &SubscriberKey) {
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

    /// Syncs the subscribers of the stream records, in order, each once. The records only name them: the current state is read from the table. Subscribers that
    /// are not synced stay dirty, so no record must be delivered again.
    pub(crate) async fn follow_stream(&mut self, records: &[Value]) -> Result<(), EventError> {
        let mut seen = HashSet::new();
        for record in records.iter().filter(|record| concerns_spotify(record)) {
            let id = record.pointer("/dynamodb/Keys/id/S").and_then(Value::as_str);
            let Some(id) = id.filter(|id| seen.insert((*id).to_owned())) else {
                continue;
            };
            if !self.sync_one(&SubscriberKey::new(id), SyncTrigger::Due).await? {
                break;
            }
        }
        Ok(())
    }

    /// Publishes the events of the stream records. Returns the sequence number of the first record with an unpublished event, from which the stream must be
    /// delivered again.
    pub(crate) async fn publish_events(&self, records: &[Value]) -> Option<Value> {
        let bus = self.sync.event_bus.as_ref()?;
        let (sources, events): (Vec<_>, Vec<_>) = records
            .iter()
            .flat_map(|record| events::events_of(record).into_iter().map(move |event| (record, event)))
            .unzip();
        let PublishError { first_unsent: first } = bus.publish(&events).await.err()?;
        log!(error, Code::EventsUnsent, unsent = events.len().saturating_sub(first));
        sources.get(first)?.pointer("/dynamodb/SequenceNumber").cloned()
    }

    /// Syncs all subscribers that are due.
    pub(crate) async fn sweep(&mut self) -> Result<(), EventError> {
        let now = self.sync.clock.now();
        for shard in 0..DIRTY_SHARDS {
            let mut after = None;
            loop {
                let due = self.sync.subscribers.due(shard, now, PAGE_SIZE, after).await;
                let (due, next) = due.map_err(|_| EventError("the dirty index is unavailable"))?;
                for key in &due {
                    if !self.sync_one(key, SyncTrigger::Due).await? {
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

    /// Fails if the revocation guard was unavailable, so that the run counts as an error and raises an alarm.
    pub(crate) fn require_guard(&self) -> Result<(), EventError> {
        if guard_unavailable(&self.holds) {
            Err(GUARD_UNAVAILABLE)
        } else {
            Ok(())
        }
    }

    /// Records the number of dirty subscribers as a metric.
    pub(crate) async fn count_dirty(&self) {
        if let Ok(dirty) = self.sync.subscribers.count_dirty().await {
            metrics::record(Metric::DirtyItems, dirty);
        }
    }

    /// Checks all linked subscribers at Spotify and corrects differences. Continues where the last run ended, for as long as time is left. At the end of a
    /// round, gives the revocation guard the number of linked subscribers per partner.
    pub(crate) async fn reconcile(&mut self) -> Result<(), EventError> {
        const TABLE: EventError = EventError("the subscribers table is unavailable");
        let (subscribers, guard) = (&self.sync.subscribers, &self.sync.guard);
        let mut round = subscribers.cursor().await.map_err(|_| TABLE)?;
        loop {
            let page = subscribers.scan_linked(round.last_id.as_ref(), PAGE_SIZE).await;
            let (linked, next) = page.map_err(|_| TABLE)?;
            for key in linked {
                if !self.sync_one(&key, SyncTrigger::Reconcile).await? {
                    return subscribers.save_cursor(&round).await.map_err(|_| TABLE);
                }
                // Stored after each subscriber, so that none is checked twice in a round if the run is cut off.
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

/// Part of a run's time in which leases may be acquired: at least half, so that a short run also makes progress.
fn lease_window(within: Duration) -> Duration {
    within.saturating_sub(MAX_TIME_PER_SUBSCRIBER).max(within / 2)
}

/// Whether a record contains a change that must be synced to Spotify; writes by `sync` itself do not.
fn concerns_spotify(record: &Value) -> bool {
    let value = |image: &str, name: &str| record.pointer(&format!("/dynamodb/{image}/{name}/N")).cloned();
    let dirty = record.pointer("/dynamodb/NewImage/dirty").is_some();
    dirty
        && ["version", "registered_at"]
            .iter()
            .any(|name| value("OldImage", name) != value("NewImage", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_acquired_only_while_time_for_one_subscriber_is_left() {
        let window = |seconds| lease_window(Duration::from_secs(seconds)).as_secs();
        assert_eq!([295, 100, 60, 4].map(window), [250, 55, 30, 2]);
    }
}
