//! The subscribers table: partition key `id`, one item for each person of each partner. It holds what the partner wants them to hear, and what was last seen at
//! Spotify; never the truth about the link, which is Spotify's. The table is the queue as well: an item that Spotify does not follow yet has `dirty`, and a
//! sparse index lists those by the time of their next try.

mod changes;
mod leases;
mod outcome;
mod record;
mod scan;

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{KeysAndAttributes, ReturnValue},
};

pub use changes::{Change, ChangeError};
pub use leases::{LEASE_SECS, SyncTrigger};
pub use outcome::SyncOutcome;
pub use record::{Link, LinkState, Subscriber, SubscriberKey};
pub use scan::{DuePosition, ReconcileCursor};

use self::record::{id, subscriber_of};
use crate::{
    partner::{PartnerId, PartnerUserId},
    store::{
        StoreError,
        error::store_error,
        item::{Item, text},
    },
};

/// The index of dirty items: partition key `dirty`, sort key `next_try_at`.
pub const DIRTY_INDEX: &str = "dirty";
/// Over how many partitions of the index dirty items are spread: one would be too narrow for a large partner's bad day.
pub const DIRTY_SHARDS: u8 = 8;
/// How often a write is tried anew when somebody else has written in between.
const MAX_ATTEMPTS: usize = 8;

/// The table of subscribers.
#[derive(Clone, Debug)]
pub struct Subscribers {
    client: Client,
    table: String,
}

impl Subscribers {
    /// The table of this name.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// A person, as they are now. Somebody whom nobody has written of is somebody without anything.
    ///
    /// # Errors
    /// [`StoreError`].
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

    /// Some people, at most a hundred, as they are now and in no order; who is not in the table is not among them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get_many(
        &self,
        partner_id: &PartnerId,
        people: impl IntoIterator<Item = &PartnerUserId>,
    ) -> Result<Vec<Subscriber>, StoreError> {
        let keys = people
            .into_iter()
            .map(|person| Item::from([("id".to_owned(), text(&id(partner_id, person)))]));
        let mut keys: Vec<_> = keys.collect();
        let mut found = Vec::with_capacity(keys.len());
        for pause in 0..MAX_ATTEMPTS {
            if keys.is_empty() {
                break;
            }
            // What was left over was throttled.
            tokio::time::sleep(Duration::from_millis(if pause == 0 { 0 } else { 50 << pause })).await;
            let keys_here = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(true)
                .build();
            let keys_here = keys_here.map_err(|_| StoreError::Malformed)?;
            let got = self
                .client
                .batch_get_item()
                .request_items(&self.table, keys_here)
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
}
