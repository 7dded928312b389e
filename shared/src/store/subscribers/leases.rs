//! Leases on subscribers: at most one worker calls Spotify about a person at a time.

use aws_sdk_dynamodb::types::ReturnValue;

use super::{
    LinkState, Subscriber, SubscriberKey, Subscribers,
    record::{QUIET_PERIOD_SECS, subscriber_of},
};
use crate::store::{
    StoreError,
    item::{number, text},
    write::{Condition, Write},
};

/// How long, in seconds, somebody is in a worker's hand at most: longer than all calls about one person take.
pub const LEASE_SECS: i64 = 60;

/// Why somebody is taken in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncTrigger {
    /// Spotify does not follow them yet, and the time of the next try has come.
    Due,
    /// To see whether Spotify still has what is wanted.
    Reconcile,
}

impl Subscribers {
    /// Takes a person in hand for the worker `me`, so that no other calls Spotify about them meanwhile: two calls on the way at once could arrive in the wrong
    /// order. Whoever dies with somebody in hand lets go of them after [`LEASE_SECS`]. Nothing when there is nothing to do for them now, or another has them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn acquire_lease(
        &self,
        key: &SubscriberKey,
        why: SyncTrigger,
        owner: &str,
        now: i64,
    ) -> Result<Option<Subscriber>, StoreError> {
        let write = Write::new()
            .set("lease_owner", text(owner))
            .set("lease_expires_at", number(now.saturating_add(LEASE_SECS)));
        let write = match why {
            // Nobody who is being linked just now, whoever has made them due: see `write`.
            SyncTrigger::Due => {
                let settled = Condition::at_most("registered_at", number(now.saturating_sub(QUIET_PERIOD_SECS)));
                write
                    .when(Condition::exists("dirty"))
                    .when(Condition::at_most("next_try_at", number(now)))
                    .when(Condition::absent("registered_at").or(settled))
            }
            SyncTrigger::Reconcile => write.when(Condition::equal("link_state", text(LinkState::Linked.as_str()))),
        };
        let write = write.when(
            Condition::absent("lease_expires_at")
                .or(Condition::at_most("lease_expires_at", number(now)))
                .or(Condition::equal("lease_owner", text(owner))),
        );
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", text(&key.0))
            .return_values(ReturnValue::AllNew);
        let taken = write.send(update).await?.done();
        taken.as_ref().map(subscriber_of).transpose()
    }

    /// Lets go of a person of whom nothing was noted, so that others may take them at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn release_lease(&self, key: &SubscriberKey, owner: &str) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", text(&key.0));
        let write = Write::new()
            .remove(&["lease_owner", "lease_expires_at"])
            .when(Condition::equal("lease_owner", text(owner)));
        write.send(update).await.map(drop)
    }
}
