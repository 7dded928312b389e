//! Reads many subscribers: those of a partner, those who are linked, those who are due. Also stores the progress of the reconciliation.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Select};

use super::{DIRTY_INDEX, DIRTY_SHARDS, LinkState, Subscriber, SubscriberKey, Subscribers, record::subscriber_of};
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

/// Progress of a reconciliation round, which reads the whole table and may take several runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReconcileCursor {
    /// Last subscriber that was checked; `None` at the start of a round.
    pub last_id: Option<SubscriberKey>,
    /// Number of linked subscribers found so far, by Partner ID.
    pub linked_counts: BTreeMap<String, i64>,
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

    /// Reads a page of at most `most` items after `cursor`, and returns the keys of the linked subscribers in it. Also returns the key to continue after, or
    /// `None` at the end of the table.
    ///
    /// # Errors
    /// [`StoreError`] if the page cannot be read or contains a malformed item. A retry is safe.
    pub async fn scan_linked(
        &self,
        cursor: Option<&SubscriberKey>,
        most: i32,
    ) -> Result<(Vec<SubscriberKey>, Option<SubscriberKey>), StoreError> {
        let mut scan = self
            .client
            .scan()
            .table_name(&self.table)
            .limit(most)
            .filter_expression("link_state = :linked")
            .expression_attribute_values(":linked", text(LinkState::Linked.as_str()))
            .projection_expression("id");
        if let Some(SubscriberKey(id)) = cursor {
            scan = scan.exclusive_start_key("id", text(id));
        }
        let found = scan.send().await.map_err(|error| store_error(&error))?;
        let keys: Result<Vec<_>, _> = found
            .items()
            .iter()
            .map(|item| item.required("id").map(SubscriberKey::new))
            .collect();
        Ok((keys?, next_key(found.last_evaluated_key())))
    }

    /// Reads the progress of the current reconciliation round. Without a stored round, returns the start of one.
    ///
    /// # Errors
    /// [`StoreError`] if the item cannot be read or is malformed. A retry is safe.
    pub async fn cursor(&self) -> Result<ReconcileCursor, StoreError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("id", text(CURSOR_ID));
        let got = get
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        let Some(item) = got.item() else {
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
            last_id: item.text("last_id").map(SubscriberKey::new),
            linked_counts,
        })
    }

    /// Stores the last subscriber that was checked, and keeps the stored counts.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
    pub async fn advance_cursor(&self, key: &SubscriberKey) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", text(CURSOR_ID));
        Write::new().set("last_id", text(&key.0)).send(update).await.map(drop)
    }

    /// Stores the progress of the round. Without `last_id`, the next run starts a new round.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
    pub async fn save_cursor(&self, cursor: &ReconcileCursor) -> Result<(), StoreError> {
        let counts = cursor
            .linked_counts
            .iter()
            .map(|(partner_id, count)| (partner_id.clone(), number(*count)));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("id", text(CURSOR_ID));
        let put = put.item("linked_counts", AttributeValue::M(counts.collect()));
        let put = match &cursor.last_id {
            Some(SubscriberKey(id)) => put.item("last_id", text(id)),
            None => put,
        };
        put.send().await.map(drop).map_err(|error| store_error(&error))
    }

    /// Reads a page of at most `most` keys of subscribers in one shard who are due at `now`, the longest overdue first. Also returns the position to continue
    /// after, or `None` at the end of the shard.
    ///
    /// # Errors
    /// [`StoreError`] if the index cannot be read or contains a malformed item. A retry is safe.
    pub async fn due(
        &self,
        shard: u8,
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
            .expression_attribute_values(":dirty", text(&shard.to_string()))
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

    /// Counts the dirty subscribers, due or not. Reads one page of 1 MB per shard, so the count of a larger index is a lower bound.
    ///
    /// # Errors
    /// [`StoreError`] if the index cannot be read. A retry is safe.
    pub async fn count_dirty(&self) -> Result<i64, StoreError> {
        let mut count = 0_i64;
        for shard in 0..DIRTY_SHARDS {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(DIRTY_INDEX)
                .select(Select::Count)
                .key_condition_expression("dirty = :dirty")
                .expression_attribute_values(":dirty", text(&shard.to_string()));
            let counted = query.send().await.map_err(|error| store_error(&error))?;
            count = count.saturating_add(i64::from(counted.count()));
        }
        Ok(count)
    }
}

fn next_key(last_evaluated_key: Option<&Item>) -> Option<SubscriberKey> {
    last_evaluated_key?.text("id").map(SubscriberKey::new)
}
