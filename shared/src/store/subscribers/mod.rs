//! The subscribers table: partition key `id`, one item per partner and subscriber. An item stores the entitlements that the partner wants, and the last state
//! seen at Spotify. Only Spotify knows whether the link exists. The table is also the queue of `sync`: an item with unsynced changes has the attribute `dirty`,
//! and a sparse index lists these items by the time of their next attempt.

mod changes;
mod leases;
mod link_changes;
mod outcome;
mod record;
mod scan;

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{KeysAndAttributes, ReturnValue, Update, builders::UpdateBuilder},
};

pub use changes::{Answered, CONTENTION_TIMEOUT, Change, ChangeError, ChangeRequest};
pub use leases::{LEASE_SECS, SyncTrigger};
pub use outcome::SyncOutcome;
pub use record::{Lane, Link, LinkState, Subscriber, SubscriberKey};
pub use scan::{DuePosition, LinkedPage, ReconcileCursor};

use self::record::{id, subscriber_of};
use crate::{
    partner::{PartnerId, PartnerUserId},
    store::{
        StoreError,
        error::store_error,
        item::{Item, text},
    },
};

/// Name of the index of dirty items: partition key `dirty`, sort key `next_try_at`.
pub const DIRTY_INDEX: &str = "dirty";
/// Number of partitions of each lane of the dirty index. One partition could not take a large partner's changes.
pub const DIRTY_SHARDS: u8 = 8;
/// Attributes by which the filter of the stream recognizes a write that `sync` must see: a time, set by that write and removed by the next one. `changed_at` is an
/// individual change, `events_at` a result that yields an event.
const STREAM_MARKERS: [&str; 2] = ["changed_at", "events_at"];
/// Upper bound of attempts at a read that is throttled.
const MAX_ATTEMPTS: usize = 8;

/// The subscribers table.
#[derive(Clone, Debug)]
pub struct Subscribers {
    client: Client,
    table: String,
}

impl Subscribers {
    /// Uses the table named `table`.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Reads a subscriber. Without an item in the table, returns [`Subscriber::new`].
    ///
    /// # Errors
    /// [`StoreError`] if the item cannot be read or is malformed. A retry is safe.
    pub async fn get(&self, partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> Result<Subscriber, StoreError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("id", text(&id(partner_id, partner_user_id)))
            .consistent_read(true);
        let got = get.send().await.map_err(|error| store_error(&error))?;
        match got.item() {
            Some(item) => subscriber_of(item),
            None => Ok(Subscriber::new(partner_id.clone(), partner_user_id.clone())),
        }
    }

    /// Reads up to 100 subscribers, in no particular order. Subscribers without an item in the table are omitted.
    ///
    /// # Errors
    /// [`StoreError`] if an item cannot be read or is malformed, or DynamoDB keeps throttling the read. A retry is safe.
    pub async fn get_many(
        &self,
        partner_id: &PartnerId,
        partner_user_ids: impl IntoIterator<Item = &PartnerUserId>,
    ) -> Result<Vec<Subscriber>, StoreError> {
        let keys = partner_user_ids
            .into_iter()
            .map(|partner_user_id| Item::from([("id".to_owned(), text(&id(partner_id, partner_user_id)))]));
        let mut keys: Vec<_> = keys.collect();
        let mut found = Vec::with_capacity(keys.len());
        for pause in 0..MAX_ATTEMPTS {
            if keys.is_empty() {
                break;
            }
            // DynamoDB throttled the keys that are left.
            tokio::time::sleep(Duration::from_millis(if pause == 0 { 0 } else { 50 << pause })).await;
            let request = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(true)
                .build();
            let request = request.map_err(|_| StoreError::Malformed)?;
            let got = self
                .client
                .batch_get_item()
                .request_items(&self.table, request)
                .send()
                .await;
            let got = got.map_err(|error| store_error(&error))?;
            for item in got.responses.into_iter().flat_map(HashMap::into_values).flatten() {
                found.push(subscriber_of(&item)?);
            }
            let left = got.unprocessed_keys.unwrap_or_default();
            keys = left.into_values().flat_map(|left| left.keys).collect();
        }
        if keys.is_empty() {
            Ok(found)
        } else {
            Err(StoreError::Unavailable)
        }
    }

    fn update(&self, partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("id", text(&id(partner_id, partner_user_id)))
            .return_values(ReturnValue::AllNew)
    }

    /// An update as part of a transaction.
    fn transaction_update(&self, partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .key("id", text(&id(partner_id, partner_user_id)))
    }
}
