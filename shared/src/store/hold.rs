//! A hold per partner: something stops for this partner until an operator releases it. Guard and brake count different things; how a hold starts, ends and is
//! released is the same for both.

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};

use super::{
    StoreError,
    error::store_error,
    item::{Item, ItemExt as _, number, text},
    write::{Condition, ConditionalWrite, Write},
};
use crate::partner::PartnerId;

/// Length of the window in which events are counted, in seconds.
pub(super) const WINDOW_SECS: i64 = 3600;

/// State of a partner's hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldStatus {
    /// Start of the hold, in seconds since 1970; `None` if nothing is on hold.
    pub on_hold_since: Option<i64>,
    /// End of the operator's release, in seconds since 1970; `None` if there is no release or it has ended.
    pub released_until: Option<i64>,
    /// Number of subscribers who were counted in the current window.
    pub counted: i64,
    /// Upper bound of `counted`; beyond it the hold starts.
    pub limit: i64,
}

/// The items of one kind of hold, one for each partner.
#[derive(Clone, Debug)]
pub(super) struct Holds {
    client: Client,
    table: String,
    /// Prefix of the items' keys.
    prefix: &'static str,
    /// Attributes that count, and that a release resets.
    counters: [&'static str; 2],
}

impl Holds {
    pub(super) fn new(client: Client, table: String, prefix: &'static str, counters: [&'static str; 2]) -> Self {
        Self {
            client,
            table,
            prefix,
            counters,
        }
    }

    /// Reads the item of a partner; empty if nothing is stored.
    pub(super) async fn item(&self, partner_id: &PartnerId) -> Result<Item, StoreError> {
        let get = self.client.get_item().table_name(&self.table);
        let got = get.key("id", text(&self.id(partner_id))).consistent_read(true).send();
        Ok(got.await.map_err(|error| store_error(&error))?.item.unwrap_or_default())
    }

    /// Starts a hold, unless another worker has started one or an operator has released it meanwhile. Returns the start of the hold; `None` without one.
    pub(super) async fn start(&self, partner_id: &PartnerId, now: i64) -> Result<Option<i64>, StoreError> {
        let release_ended = Condition::at_most("released_until", number(now));
        let hold = Write::new()
            .set("on_hold_since", number(now))
            .when(Condition::absent("on_hold_since"))
            .when(Condition::absent("released_until").or(release_ended));
        match hold.send(self.update(partner_id)).await? {
            ConditionalWrite::Done(_) => Ok(Some(now)),
            ConditionalWrite::Refused(item) => item.unwrap_or_default().integer("on_hold_since"),
        }
    }

    /// Ends a hold, and allows everything until `until`, in seconds since 1970.
    pub(super) async fn release(&self, partner_id: &PartnerId, until: i64) -> Result<(), StoreError> {
        let release = Write::new()
            .set("released_until", number(until))
            .remove(&["on_hold_since"])
            .remove(&self.counters);
        release.send(self.update(partner_id)).await.map(drop)
    }

    /// An update of the partner's item. A refused condition returns the stored item.
    pub(super) fn update(&self, partner_id: &PartnerId) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        update
            .key("id", text(&self.id(partner_id)))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    fn id(&self, partner_id: &PartnerId) -> String {
        format!("{}{partner_id}", self.prefix)
    }
}

/// Whether an item has a window that has not ended at `now`.
pub(super) fn is_counting(item: &Item, now: i64) -> Result<bool, StoreError> {
    let start = item.integer("window_start")?;
    Ok(start.is_some_and(|start| start > now.saturating_sub(WINDOW_SECS)))
}

/// End of an operator's release that has not ended at `now`, in seconds since 1970.
pub(super) fn released_until(item: &Item, now: i64) -> Result<Option<i64>, StoreError> {
    Ok(item.integer("released_until")?.filter(|until| *until > now))
}
