//! Reading many subscribers: a partner's, those who are linked, those who are due; and how far the reconciliation has come.

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

/// How many people of the whole table are read at once: what DynamoDB reads for one answer, a megabyte, can be more than ten thousand of them.
const PAGE: i32 = 1_000;
/// The item of the round of the reconciliation that is under way.
const ROUND: &str = "cursor#reconcile";

/// A round of the reconciliation: through the whole table, in as many runs as it takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReconcileCursor {
    /// Whom it came to last; nobody at its beginning.
    pub last_id: Option<SubscriberKey>,
    /// How many people of each partner it has found linked so far.
    pub linked_counts: BTreeMap<String, i64>,
}

/// Somebody's place in the index of those who are due.
#[derive(Clone, Debug)]
pub struct DuePosition(Item);

impl Subscribers {
    /// Some of a partner's people, of one of `segments` parts of the table, from `after` on; and where to go on, if there are more.
    ///
    /// # Errors
    /// [`StoreError`].
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
        let people: Result<Vec<_>, _> = found.items().iter().map(subscriber_of).collect();
        Ok((people?, next_key(found.last_evaluated_key())))
    }

    /// Some of the table, from `cursor` on (its beginning without one): those who are linked, and where to go on; nothing further at its end.
    ///
    /// # Errors
    /// [`StoreError`].
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

    /// The round of the reconciliation that is under way, as whoever ran it last left it: no run need reach the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cursor(&self) -> Result<ReconcileCursor, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("id", text(ROUND));
        let got = get
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        let Some(item) = got.item() else {
            return Ok(ReconcileCursor::default());
        };
        let mut linked = BTreeMap::new();
        if let Some(counted) = item.map("linked_counts") {
            for partner_id in counted.keys() {
                let count = counted.integer(partner_id)?;
                linked.extend(count.map(|count| (partner_id.clone(), count)));
            }
        }
        Ok(ReconcileCursor {
            last_id: item.text("last_id").map(SubscriberKey::new),
            linked_counts: linked,
        })
    }

    /// Keeps how far the round has come.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn advance_cursor(&self, key: &SubscriberKey) -> Result<(), StoreError> {
        let update = self.client.update_item().table_name(&self.table).key("id", text(ROUND));
        Write::new().set("last_id", text(&key.0)).send(update).await.map(drop)
    }

    /// Keeps the whole round; one that has reached nobody begins anew.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn save_cursor(&self, round: &ReconcileCursor) -> Result<(), StoreError> {
        let counted = round
            .linked_counts
            .iter()
            .map(|(partner_id, count)| (partner_id.clone(), number(*count)));
        let put = self.client.put_item().table_name(&self.table).item("id", text(ROUND));
        let put = put.item("linked_counts", AttributeValue::M(counted.collect()));
        let put = match &round.last_id {
            Some(SubscriberKey(id)) => put.item("last_id", text(id)),
            None => put,
        };
        put.send().await.map(drop).map_err(|error| store_error(&error))
    }

    /// Some of those of one part of the index whose next try is due, the longest overdue first, from `after` on; and where to go on, if there are more.
    ///
    /// # Errors
    /// [`StoreError`].
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

    /// How many Spotify does not follow yet, whenever their next try is; of a very bad day, when the index no longer fits into an answer, the first
    /// some thousands of each part.
    ///
    /// # Errors
    /// [`StoreError`].
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
