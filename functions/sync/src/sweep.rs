//! The sweep: syncs all subscribers that are due. Individual changes come first; blocks of bulk changes and of link checks follow, and between two blocks the
//! sweep looks for individual changes again.

use std::collections::VecDeque;

use shared::{
    runtime::worker::EventError,
    store::{DIRTY_SHARDS, DuePosition, Lane, SubscriberKey, SyncTrigger},
};

use crate::{
    Synchronizer,
    run::{Run, Step},
};

/// Upper bound of items per page of the dirty index.
const PAGE_SIZE: i32 = 100;
/// Upper bound of the subscribers in a block without urgency. At the default rate, a block takes two seconds.
pub(crate) const BLOCK: usize = 10;

/// Reads the due subscribers of one lane, shard by shard.
struct LaneReader {
    lane: Lane,
    shards: VecDeque<u8>,
    /// Position in the first of `shards`.
    position: Option<DuePosition>,
    keys: VecDeque<SubscriberKey>,
}

impl LaneReader {
    /// Starts at the shard `first`, so that no shard is always the last one.
    fn new(lane: Lane, first: u8) -> Self {
        Self {
            lane,
            shards: (0..DIRTY_SHARDS).map(|shard| (first + shard) % DIRTY_SHARDS).collect(),
            position: None,
            keys: VecDeque::new(),
        }
    }

    /// The next due subscriber; `None` at the end of the lane.
    async fn next(&mut self, sync: &Synchronizer) -> Result<Option<SubscriberKey>, EventError> {
        while self.keys.is_empty() {
            let Some(shard) = self.shards.front().copied() else {
                return Ok(None);
            };
            let due = sync
                .subscribers
                .due((self.lane, shard), sync.clock.now(), PAGE_SIZE, self.position.take())
                .await;
            let (keys, next) = due.map_err(|_| EventError("the dirty index is unavailable"))?;
            self.keys.extend(keys);
            if next.is_none() {
                self.shards.pop_front();
            }
            self.position = next;
        }
        Ok(self.keys.pop_front())
    }
}

impl Run<'_> {
    /// Syncs all subscribers that are due.
    pub(crate) async fn sweep(&mut self) -> Result<(), EventError> {
        let minute = self.sync.clock.now().max(0) / 60;
        let first = u8::try_from(minute % i64::from(DIRTY_SHARDS)).unwrap_or(0);
        let mut checks = LaneReader::new(Lane::Check, first);
        let mut bulk = LaneReader::new(Lane::Bulk, first);
        loop {
            let mut individual = LaneReader::new(Lane::Individual, first);
            while let Some(key) = individual.next(self.sync).await? {
                if self.sync_one(&key, SyncTrigger::Due).await? == Step::End {
                    return Ok(());
                }
            }
            let mut is_idle = true;
            for lane in [&mut checks, &mut bulk] {
                let block = self.block(lane).await?;
                is_idle &= block.is_empty();
                if !block.is_empty() && !self.sync_block(block, lane).await? {
                    return Ok(());
                }
            }
            if is_idle {
                return Ok(());
            }
        }
    }

    /// Reads the next block of a lane, without the subscribers of partners that Spotify refuses.
    async fn block(&self, lane: &mut LaneReader) -> Result<Vec<SubscriberKey>, EventError> {
        let mut block = Vec::with_capacity(BLOCK);
        while block.len() < BLOCK
            && let Some(key) = lane.next(self.sync).await?
        {
            if !self.refused.contains(key.partner_id()) {
                block.push(key);
            }
        }
        Ok(block)
    }

    /// Syncs as many subscribers of a block as there are permits, and returns the others to the lane. Returns `false` if the run ends.
    async fn sync_block(&mut self, mut block: Vec<SubscriberKey>, lane: &mut LaneReader) -> Result<bool, EventError> {
        if self.has_ended() {
            return Ok(false);
        }
        let Some(granted) = self.reserve_permits(block.len()).await else {
            return Ok(false);
        };
        while block.len() > granted.max(1) {
            lane.keys.extend(block.pop());
            lane.keys.rotate_right(1);
        }
        for key in &block {
            if self.sync_one(key, SyncTrigger::Due).await? == Step::End {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
