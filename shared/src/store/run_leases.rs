//! Leases on the scheduled tasks of `sync`: at most one run of a task at a time, so that runs which take longer than their schedule do not pile up.

use aws_sdk_dynamodb::{Client, operation::update_item::builders::UpdateItemFluentBuilder};

use super::{
    StoreError,
    item::{number, text},
    write::{Condition, Write},
};

/// The leases, in one item of the subscribers table for each task.
#[derive(Clone, Debug)]
pub struct RunLeases {
    client: Client,
    table: String,
}

impl RunLeases {
    /// Creates the leases; `table` is the subscribers table.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Acquires the lease on `task` for `owner`, for `seconds` from `now` (seconds since 1970). Returns `false` if another run holds it. The lease of a run that
    /// died expires.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry with the same `owner` is safe.
    pub async fn acquire(&self, task: &str, owner: &str, now: i64, seconds: i64) -> Result<bool, StoreError> {
        let expired = Condition::at_most("lease_expires_at", number(now));
        let write = Write::new()
            .set("lease_owner", text(owner))
            .set("lease_expires_at", number(now.saturating_add(seconds)))
            .when(
                Condition::absent("lease_owner")
                    .or(expired)
                    .or(Condition::equal("lease_owner", text(owner))),
            );
        Ok(write.send(self.update(task)).await?.is_done())
    }

    /// Releases the lease of `owner`. Does nothing if another run holds it.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe; otherwise the lease expires.
    pub async fn release(&self, task: &str, owner: &str) -> Result<(), StoreError> {
        let write = Write::new()
            .remove(&["lease_owner", "lease_expires_at"])
            .when(Condition::equal("lease_owner", text(owner)));
        write.send(self.update(task)).await.map(drop)
    }

    fn update(&self, task: &str) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        update.key("id", text(&format!("lease#{task}")))
    }
}
