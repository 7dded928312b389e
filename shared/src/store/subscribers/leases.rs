//! Leases on subscribers: at most one worker at a time calls Spotify for a subscriber.

use aws_sdk_dynamodb::{operation::update_item::builders::UpdateItemFluentBuilder, types::ReturnValue};

use super::{
    LinkState, STREAM_MARKERS, Subscriber, SubscriberKey, Subscribers,
    record::{QUIET_PERIOD_SECS, subscriber_of},
};
use crate::store::{
    StoreError,
    item::{number, text},
    write::{Condition, Write},
};

/// Length of a lease, in seconds: longer than all calls for one subscriber take.
pub const LEASE_SECS: i64 = 60;

/// Why a subscriber is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncTrigger {
    /// The subscriber is dirty, and the time of the next attempt has come.
    Due,
    /// The reconciliation checks whether Spotify still has the desired entitlements.
    Reconcile,
}

impl Subscribers {
    /// Acquires the sync lease on a subscriber for `owner`: concurrent calls to Spotify could arrive in the wrong order. The lease expires after
    /// [`LEASE_SECS`]. Returns `None` if nothing is due or another worker holds the lease.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write, or the item is malformed. A retry with the same `owner` is safe.
    pub async fn acquire_lease(
        &self,
        key: &SubscriberKey,
        why: SyncTrigger,
        owner: &str,
        now: i64,
    ) -> Result<Option<Subscriber>, StoreError> {
        let write = Write::new()
            .set("lease_owner", text(owner))
            .set("lease_expires_at", number(now.saturating_add(LEASE_SECS)))
            .remove(&STREAM_MARKERS);
        let write = match why {
            // Never during a registration, whatever `next_try_at` says: `register-user` may still be in flight.
            SyncTrigger::Due => {
                let registered = Condition::at_most("registered_at", number(now.saturating_sub(QUIET_PERIOD_SECS)));
                write
                    .when(Condition::exists("dirty"))
                    .when(Condition::at_most("next_try_at", number(now)))
                    .when(Condition::absent("registered_at").or(registered))
            }
            SyncTrigger::Reconcile => write.when(Condition::equal("link_state", text(LinkState::Linked.as_str()))),
        };
        let write = write.when(
            Condition::absent("lease_expires_at")
                .or(Condition::at_most("lease_expires_at", number(now)))
                .or(Condition::equal("lease_owner", text(owner))),
        );
        let update = self.update_key(key).return_values(ReturnValue::AllNew);
        let leased = write.send(update).await?.done();
        leased.as_ref().map(subscriber_of).transpose()
    }

    /// Releases the lease of `owner` without storing an outcome. Does nothing if another worker holds the lease.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe; otherwise the lease expires.
    pub async fn release_lease(&self, key: &SubscriberKey, owner: &str) -> Result<(), StoreError> {
        let write = Write::new()
            .remove(&["lease_owner", "lease_expires_at"])
            .when(Condition::equal("lease_owner", text(owner)));
        write.send(self.update_key(key)).await.map(drop)
    }

    fn update_key(&self, key: &SubscriberKey) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        update.key("id", text(&key.0))
    }
}
