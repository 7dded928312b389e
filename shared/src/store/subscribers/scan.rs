//! Reads many subscribers: those of a partner, those who are linked, those who are due. Also stores the progress of the reconciliation.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Select};

use super::{
    DIRTY_INDEX, DIRTY_SHARDS, Lane, LinkState, STREAM_MARKERS, Subscriber, SubscriberKey, Subscribers,
    record::{dirty, subscriber_of},
};
use crate::{
    partner::PartnerId,
    store::{
        StoreError,
        error::store_error,
        item::{Item, ItemExt as _, number, text},
        write::Write,
    },
};

/// Upper bound of items per page of a partner scan. A full page of 1 MB could contain more than 10,000 subscribers.
const PAGE: i32 = 1_000;
/// Key of the item that stores the progress of the reconciliation.
const CURSOR_ID: &str = "cursor#reconcile";

/// Progress of the reconciliation. A round reads the whole table and may take several runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReconcileCursor {
    /// Start of the current round, or of the last one, in seconds since 1970; `None` before the first round.
    pub round_started_at: Option<i64>,
    /// Last subscriber that was checked in the current round; `None` between two rounds.
    pub last_id: Option<SubscriberKey>,
    /// Number of linked subscribers found so far in the current round, by Partner ID.
    pub linked_counts: BTreeMap<String, i64>,
}

/// A page of the table, with the subscribers who are linked.
#[derive(Clone, Debug)]
pub struct LinkedPage {
    /// The linked subscribers, and those whose link is suspect, in the order of the table.
    pub subscribers: Vec<Subscriber>,
    /// Linked subscribers whose items are malformed.
    pub malformed: Vec<SubscriberKey>,
    /// Key to continue after; `None` at the end of the table.
    pub next: Option<SubscriberKey>,
}

/// A position in the dirty index.
#[derive(Clone, Debug)]
pub struct DuePosition(Item);

impl Subscribers {
    /// Reads a page of a partner's subscribers from one segment of the table, after `after`. Also returns the key to continue after, or `None` at the end of
    /// the segment. A page may be empty before the end.
    ///
    /// # Errors
    /// [`StoreError`] if the page cannot be read or contains a malformed item. A retry is safe.
    pub async fn scan_partner(
        &self,
        partner_id: &PartnerId,
        (segment, segments): (i32, i32),
        after: Option<&SubscriberKey>,
    ) -> Result<(Vec<Subscriber>, Option<SubscriberKey>), StoreError> {
        let mut scan = self
            .client
            .scan()
            .table_name(&self.table)
            .segment(segment)
            .total_segments(segments)
            .limit(PAGE)
            .filter_expression("begins_with(id, :partner)")
            .expression_attribute_values(":partner", text(&format!("{partner_id}#")));
        if let Some(SubscriberKey(id)) = after {
            scan = scan.exclusive_start_key("id", text(id));
        }
        let found = scan.send().await.map_err(|error| store_error(&error))?;
        let subscribers: Result<Vec<_>, _> = found.items().iter().map(subscriber_of).collect();
        Ok((subscribers?, next_key(found.last_evaluated_key())))
    }

    /// Reads a page of at most `most` items after `cursor`, and returns the subscribers in it who are linked or suspect.
    ///
    /// # Errors
    /// [`StoreError`] if the page cannot be read. A retry is safe.
    pub async fn scan_linked(&self, cursor: Option<&SubscriberKey>, most: i32) -> Result<LinkedPage, StoreError> {
        let mut scan = self
            .client
            .scan()
            .table_name(&self.table)
            .limit(most)
            .filter_expression("link_state IN (:linked, :suspect)")
            .expression_attribute_values(":linked", text(LinkState::Linked.as_str()))
            .expression_attribute_values(":suspect", text(LinkState::Suspect.as_str()));
        if let Some(SubscriberKey(id)) = cursor {
            scan = scan.exclusive_start_key("id", text(id));
        }
        let found = scan.send().await.map_err(|error| store_error(&error))?;
        let mut page = LinkedPage {
            subscribers: Vec::new(),
            malformed: Vec::new(),
            next: next_key(found.last_evaluated_key()),
        };
        for item in found.items() {
            match subscriber_of(item) {
                Ok(subscriber) => page.subscribers.push(subscriber),
                Err(_) => page.malformed.extend(item.text("id").map(SubscriberKey::new)),
            }
        }
        Ok(page)
    }

    /// Reads the progress of the reconciliation. Without a stored one, returns that of a table whose first round has not begun.
    ///
    /// # Errors
    /// [`StoreError`] if the item cannot be read or is malformed. A retry is safe.
    pub async fn cursor(&self) -> Result<ReconcileCursor, StoreError> {
        let get = self.client.get_item().table_name(&self.table);
        let got = get.key("id", text(CURSOR_ID)).consistent_read(true).send().await;
        let Some(item) = got.map_err(|error| store_error(&error))?.item else {
            return Ok(ReconcileCursor::default());
        };
        let mut linked_counts = BTreeMap::new();
        if let Some(counted) = item.map("linked_counts") {
            for partner_id in counted.keys() {
                let count = counted.integer(partner_id)?;
                linked_counts.extend(count.map(|count| (partner_id.clone(), count)));
            }
        }
        Ok(ReconcileCursor {
            round_started_at: item.integer("round_started_at")?,
            last_id: item.text("last_id").map(SubscriberKey::new),
            linked_counts,
        })
    }

    /// Stores the progress of the reconciliation, position and counts in one write.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
    pub async fn save_cursor(&self, cursor: &ReconcileCursor) -> Result<(), StoreError> {
        let counts = cursor
            .linked_counts
            .iter()
            .map(|(partner_id, count)| (partner_id.clone(), number(*count)));
        let mut item = Item::from([
            ("id".to_owned(), text(CURSOR_ID)),
            ("linked_counts".to_owned(), AttributeValue::M(counts.collect())),
        ]);
        let started = cursor.round_started_at.map(number);
        item.extend(started.map(|at| ("round_started_at".to_owned(), at)));
        let last_id = cursor.last_id.as_ref().map(|SubscriberKey(id)| text(id));
        item.extend(last_id.map(|id| ("last_id".to_owned(), id)));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(drop).map_err(|error| store_error(&error))
    }

    /// Reads a page of at most `most` keys of subscribers in one shard of a lane who are due at `now`, the longest overdue first. Also returns the position to
    /// continue after, or `None` at the end of the shard.
    ///
    /// # Errors
    /// [`StoreError`] if the index cannot be read or contains a malformed item. A retry is safe.
    pub async fn due(
        &self,
        (lane, shard): (Lane, u8),
        now: i64,
        most: i32,
        after: Option<DuePosition>,
    ) -> Result<(Vec<SubscriberKey>, Option<DuePosition>), StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(DIRTY_INDEX)
            .key_condition_expression("dirty = :dirty AND next_try_at <= :now")
            .expression_attribute_values(":dirty", lane.partition(shard))
            .expression_attribute_values(":now", number(now))
            .set_exclusive_start_key(after.map(|DuePosition(key)| key))
            .limit(most);
        let found = query.send().await.map_err(|error| store_error(&error))?;
        let keys = found
            .items()
            .iter()
            .map(|item| item.required("id").map(SubscriberKey::new));
        let keys: Result<Vec<_>, _> = keys.collect();
        Ok((keys?, found.last_evaluated_key.map(DuePosition)))
    }

    /// Counts the subscribers whose changes wait for sync, due or not. Checks of missing links do not count. Reads one page of 1 MB per shard, so the count of
    /// a larger index is a lower bound.
    ///
    /// # Errors
    /// [`StoreError`] if the index cannot be read. A retry is safe.
    pub async fn count_dirty(&self) -> Result<i64, StoreError> {
        let mut count = 0_i64;
        for (lane, shard) in [Lane::Individual, Lane::Bulk]
            .into_iter()
            .flat_map(|lane| (0..DIRTY_SHARDS).map(move |shard| (lane, shard)))
        {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(DIRTY_INDEX)
                .select(Select::Count)
                .key_condition_expression("dirty = :dirty")
                .expression_attribute_values(":dirty", lane.partition(shard));
            let counted = query.send().await.map_err(|error| store_error(&error))?;
            count = count.saturating_add(i64::from(counted.count()));
        }
        Ok(count)
    }

    /// Schedules a check of a subscriber's link at `now`, if Spotify has reported the link as missing. Returns whether it is scheduled.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
    pub async fn schedule_check(&self, subscriber: &Subscriber, now: i64) -> Result<bool, StoreError> {
        if !subscriber.link.is_missing() {
            return Ok(false);
        }
        let (partner_id, partner_user_id) = (&subscriber.partner_id, &subscriber.partner_user_id);
        let write = Write::new()
            .set("dirty", dirty(Lane::Check, partner_id, partner_user_id))
            .set("next_try_at", number(now))
            .remove(&STREAM_MARKERS)
            .when(subscriber.has_link_state())
            .when(subscriber.has_link_since());
        Ok(write.send(self.update(partner_id, partner_user_id)).await?.is_done())
    }
}

fn next_key(last_evaluated_key: Option<&Item>) -> Option<SubscriberKey> {
    last_evaluated_key?.text("id").map(SubscriberKey::new)
}
