//! One run: which subscribers are synced, in which order, and when the run stops.

use std::{collections::HashSet, time::Duration};

use shared::{
    log,
    runtime::worker::EventError,
    store::{SubscriberKey, SyncOutcome, SyncTrigger},
    telemetry::{
        Code,
        metrics::{self, Metric},
    },
};
use tokio::time::Instant;

use crate::{
    Synchronizer,
    permits::Reservation,
    retry::Impact,
    subscriber::{GUARD_UNAVAILABLE, RunState},
};

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
    /// Subscribers whose link Spotify reported as missing.
    pub(crate) missing: u32,
    /// Subscribers that must be retried.
    pub(crate) later: u32,
}

/// One run.
pub(crate) struct Run<'a> {
    pub(crate) sync: &'a Synchronizer,
    /// Time after which no lease is acquired.
    pub(crate) until: Instant,
    attempts: u32,
    pub(crate) summary: RunSummary,
    /// Number of consecutive attempts without an answer.
    unanswered: u32,
    /// Whether the run has stopped because of Spotify: an outage, a pause, or a refused client.
    pub(crate) stopped: bool,
    /// Partners whose calls Spotify refused; the run skips their subscribers.
    pub(crate) refused: HashSet<String>,
    pub(crate) state: RunState,
}

/// What happened to one subscriber in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The run continues.
    Continue,
    /// The run continues. The item of the subscriber is unreadable.
    Unreadable,
    /// The run ends. The subscriber may not have been synced.
    End,
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
            state: RunState::default(),
        }
    }

    /// Whether the run must not start with another subscriber.
    pub(crate) fn has_ended(&self) -> bool {
        self.stopped || Instant::now() >= self.until
    }

    /// Syncs one subscriber.
    pub(crate) async fn sync_one(&mut self, key: &SubscriberKey, why: SyncTrigger) -> Result<Step, EventError> {
        if self.has_ended() {
            return Ok(Step::End);
        }
        if self.refused.contains(key.partner_id()) {
            return Ok(Step::Continue);
        }
        // Boxed: the future is too large for the stack.
        let attempt = Box::pin(self.sync.sync_subscriber(key, why, &mut self.state)).await?;
        let summary = &mut self.summary;
        match attempt.outcome {
            SyncOutcome::InSync { changed, .. } => {
                summary.synced += 1;
                summary.changed += u32::from(changed);
            }
            SyncOutcome::Suspect { .. } | SyncOutcome::CheckAgain { .. } | SyncOutcome::Unlinked { .. } => {
                summary.missing += 1;
            }
            SyncOutcome::Retry { .. } | SyncOutcome::RevocationOnHold { .. } => summary.later += 1,
            SyncOutcome::NoOp => {}
        }
        if attempt.impact == Impact::Unreadable {
            return Ok(Step::Unreadable);
        }
        if attempt.outcome == SyncOutcome::NoOp && attempt.impact == Impact::None {
            return Ok(Step::Continue);
        }
        self.apply_impact(attempt.impact, key.partner_id());
        Ok(if self.stopped { Step::End } else { Step::Continue })
    }

    /// Applies the impact of one attempt to the rest of the run.
    pub(crate) fn apply_impact(&mut self, impact: Impact, partner_id: &str) {
        self.attempts += 1;
        // A metric holds at most 100 values between two flushes.
        if self.attempts.is_multiple_of(20) {
            metrics::flush();
        }
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
                self.refused.insert(partner_id.to_owned());
            }
            Impact::StopRun => self.stopped = true,
            Impact::None | Impact::Unreadable | Impact::Unanswered => {}
        }
    }

    /// Acquires permits for up to `count` subscribers without urgency. Returns how many of them may follow, or `None` if the run ends.
    pub(crate) async fn reserve_permits(&mut self, count: usize) -> Option<usize> {
        let reserved = self
            .sync
            .reserve_permits(&mut self.state.permits, count, self.until)
            .await;
        self.stopped |= reserved == Reservation::Paused;
        match reserved {
            Reservation::Granted(granted) => Some(granted),
            Reservation::Paused | Reservation::OutOfTime => None,
        }
    }

    /// Fails if the revocation guard was unavailable, so that the run counts as an error and raises an alarm.
    pub(crate) fn require_guard(&self) -> Result<(), EventError> {
        if self.state.guard_unavailable() {
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
}

/// Part of a run's time in which leases may be acquired: at least half, so that a short run also makes progress.
fn lease_window(within: Duration) -> Duration {
    within.saturating_sub(MAX_TIME_PER_SUBSCRIBER).max(within / 2)
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
