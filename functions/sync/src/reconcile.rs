//! The reconciliation: compares all linked subscribers with Spotify, because Spotify does not report changes on its side. One round takes as many runs as it
//! needs, and the next one begins `RECONCILE_HOURS` after its start. A subscriber without a difference costs one call to Spotify and no write.

use shared::{
    log,
    partner::PartnerId,
    runtime::worker::EventError,
    store::{LinkState, ReconcileCursor, StoreError, Subscriber, SubscriberKey, SyncTrigger},
    telemetry::Code,
};

use crate::{
    retry::{Impact, SyncError},
    run::{Run, Step},
    sweep::BLOCK,
};

/// Upper bound of items per page of the table.
const PAGE_SIZE: i32 = 100;

fn table(_: StoreError) -> EventError {
    EventError("the subscribers table is unavailable")
}

impl Run<'_> {
    /// Whether a round has begun, or the next one is due.
    pub(crate) async fn is_round_due(&self) -> Result<bool, EventError> {
        let cursor = self.sync.subscribers.cursor().await.map_err(table)?;
        Ok(self.is_due(&cursor))
    }

    fn is_due(&self, cursor: &ReconcileCursor) -> bool {
        let next_round_at = |started: i64| started.saturating_add(self.sync.reconcile_interval);
        let is_between_rounds = cursor.last_id.is_none();
        let started = cursor.round_started_at.filter(|_| is_between_rounds);
        started.is_none_or(|started| self.sync.clock.now() >= next_round_at(started))
    }

    /// Checks linked subscribers from where the last run ended, for as long as time is left. Does nothing between two rounds.
    pub(crate) async fn reconcile(&mut self) -> Result<(), EventError> {
        let subscribers = &self.sync.subscribers;
        let mut cursor = subscribers.cursor().await.map_err(table)?;
        if !self.is_due(&cursor) {
            return Ok(());
        }
        if cursor.last_id.is_none() {
            cursor = ReconcileCursor {
                round_started_at: Some(self.sync.clock.now()),
                ..ReconcileCursor::default()
            };
        }
        loop {
            let page = subscribers.scan_linked(cursor.last_id.as_ref(), PAGE_SIZE).await;
            let page = page.map_err(table)?;
            for key in &page.malformed {
                let partner_id = key.partner_id();
                let reason = "malformed item in the subscribers table";
                log!(error, Code::SyncFailed, partner_id, reason);
            }
            let mut finished = true;
            for block in page.subscribers.chunks(BLOCK) {
                finished = self.check_block(block, &mut cursor).await?;
                if !finished {
                    break;
                }
            }
            if finished {
                cursor.last_id = page.next;
                if cursor.last_id.is_none() {
                    self.store_linked_counts(&mut cursor).await?;
                }
            } else if cursor.last_id.is_none() {
                // Without a position, the round would count as one that has ended. The next run begins it.
                return Ok(());
            }
            // Position and counts are stored together, so that a run that ends here loses neither. Once a page: the counts of many partners are a large item.
            subscribers.save_cursor(&cursor).await.map_err(table)?;
            // Pages without linked subscribers take time too.
            if !finished || cursor.last_id.is_none() || self.has_ended() {
                return Ok(());
            }
        }
    }

    /// Checks a block of subscribers and moves the cursor past each of them. Returns `false` if the run ends before the end of the block.
    async fn check_block(&mut self, block: &[Subscriber], cursor: &mut ReconcileCursor) -> Result<bool, EventError> {
        let count = block.iter().filter(|subscriber| self.must_check(subscriber)).count();
        if count > 0 && (self.has_ended() || self.reserve_permits(count).await.is_none()) {
            return Ok(false);
        }
        for subscriber in block {
            if self.must_check(subscriber) && self.check(subscriber).await? == Step::End {
                return Ok(false);
            }
            let partner_id = subscriber.partner_id.as_str().to_owned();
            *cursor.linked_counts.entry(partner_id).or_default() += 1;
            cursor.last_id = Some(SubscriberKey::of(subscriber));
        }
        Ok(true)
    }

    /// Whether a subscriber is compared with Spotify. The sweep syncs a dirty one and checks a suspect one.
    fn must_check(&self, subscriber: &Subscriber) -> bool {
        let is_refused = self.refused.contains(subscriber.partner_id.as_str());
        subscriber.link.state == LinkState::Linked && subscriber.lane.is_none() && !is_refused
    }

    /// Checks one linked subscriber, and syncs them if Spotify has something else.
    async fn check(&mut self, subscriber: &Subscriber) -> Result<Step, EventError> {
        let partner_id = subscriber.partner_id.as_str();
        if self.has_ended() {
            return Ok(Step::End);
        }
        let impact = match Box::pin(self.sync.is_in_sync(subscriber, &mut self.state)).await {
            Ok(true) => {
                self.summary.synced += 1;
                Impact::None
            }
            Ok(false) => {
                return self
                    .sync_one(&SubscriberKey::of(subscriber), SyncTrigger::Reconcile)
                    .await;
            }
            Err(SyncError::Spotify(error)) => match self.sync.retry_outcome(subscriber, &error).await?.impact {
                // Synced under a lease, the failure is stored, and the sweep retries.
                Impact::None | Impact::Unanswered | Impact::Unreadable => {
                    return self
                        .sync_one(&SubscriberKey::of(subscriber), SyncTrigger::Reconcile)
                        .await;
                }
                impact => impact,
            },
            Err(SyncError::NoPermit { seconds, paused }) => self.sync.defer(seconds, paused).impact,
            Err(SyncError::Table(error)) => return Err(table(error)),
        };
        self.apply_impact(impact, partner_id);
        Ok(if self.stopped { Step::End } else { Step::Continue })
    }

    /// At the end of a round, gives guard and brake the number of linked subscribers per partner.
    async fn store_linked_counts(&self, cursor: &mut ReconcileCursor) -> Result<(), EventError> {
        for (partner_id, linked) in std::mem::take(&mut cursor.linked_counts) {
            let Ok(partner_id) = PartnerId::parse(&partner_id) else {
                continue;
            };
            self.sync
                .guard
                .set_linked_count(&partner_id, linked)
                .await
                .map_err(table)?;
            self.sync
                .brake
                .set_linked_count(&partner_id, linked)
                .await
                .map_err(table)?;
        }
        Ok(())
    }
}
