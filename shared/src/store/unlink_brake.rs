//! Stops marking links as unlinked when Spotify suddenly reports many linked subscribers of a partner as not linked: a wrong URL or a fault at Spotify is
//! likelier than so many unlinks. One item of the subscribers table per partner counts the first 404s of linked subscribers within an hour. Beyond the limit, no
//! further link is marked as unlinked until an operator releases the brake. Checks of the links go on, and a 200 restores a link.

use aws_sdk_dynamodb::Client;

use super::{
    StoreError,
    hold::{HoldStatus, Holds, WINDOW_SECS, is_counting, released_until},
    item::{Item, ItemExt as _, number},
    write::{Condition, Write},
};
use crate::partner::PartnerId;

/// Upper bound of attempts to count while other workers start a window.
const MAX_ATTEMPTS: usize = 4;
/// Lower bound of the limit, in subscribers: a partner with few subscribers must not hit it by ordinary unlinks.
const MIN_LIMIT: i64 = 10;
/// The limit as a percentage of the linked subscribers.
const LIMIT_PERCENT: i64 = 5;

/// The brake of all partners.
#[derive(Clone, Debug)]
pub struct UnlinkBrake {
    holds: Holds,
}

impl UnlinkBrake {
    /// Creates a brake; `table` is the subscribers table.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        let counters = ["window_start", "first_404s"];
        Self {
            holds: Holds::new(client, table, "brake#", counters),
        }
    }

    /// Counts the first 404 of a linked subscriber. Returns whether this started the hold. A repeated call counts again, so the hold may start early, never late.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if too many workers compete, or DynamoDB is unavailable; otherwise another [`StoreError`]. A retry is safe.
    pub async fn count_first_404(&self, partner_id: &PartnerId, now: i64) -> Result<bool, StoreError> {
        let ago = now.saturating_sub(WINDOW_SECS);
        for _ in 0..MAX_ATTEMPTS {
            let count = Write::new()
                .increment("first_404s")
                .when(Condition::greater("window_start", number(ago)));
            let ended = Condition::at_most("window_start", number(ago));
            let begin = Write::new()
                .set("window_start", number(now))
                .set("first_404s", number(1))
                .when(Condition::absent("window_start").or(ended));
            let mut counted = count.send(self.holds.update(partner_id)).await?.done();
            if counted.is_none() {
                // If another worker has started the window, the next attempt counts in it.
                counted = begin.send(self.holds.update(partner_id)).await?.done();
            }
            if let Some(brake) = counted {
                return self.start_hold(partner_id, &brake, now).await;
            }
        }
        Err(StoreError::Unavailable)
    }

    /// Starts the hold if the count exceeds the limit. A hold that started at `now` counts as new: the write that started it may have lost its response, and
    /// the hold must reach the log.
    async fn start_hold(&self, partner_id: &PartnerId, brake: &Item, now: i64) -> Result<bool, StoreError> {
        let exceeded = brake.integer("first_404s")?.unwrap_or(0) > limit(brake)?;
        if !exceeded || brake.integer("on_hold_since")?.is_some() || released_until(brake, now)?.is_some() {
            return Ok(false);
        }
        Ok(self.holds.start(partner_id, now).await? == Some(now))
    }

    /// Whether links of the partner must not be marked as unlinked now.
    ///
    /// # Errors
    /// [`StoreError`] if the item cannot be read or is malformed. A retry is safe.
    pub async fn is_on_hold(&self, partner_id: &PartnerId) -> Result<bool, StoreError> {
        let brake = self.holds.item(partner_id).await?;
        Ok(brake.integer("on_hold_since")?.is_some())
    }

    /// Stores the limit for `linked` subscribers, as a round of the reconciliation counted them.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
    pub async fn set_linked_count(&self, partner_id: &PartnerId, linked: i64) -> Result<(), StoreError> {
        let write = Write::new().set("linked_limit", number(linked.saturating_mul(LIMIT_PERCENT) / 100));
        write.send(self.holds.update(partner_id)).await.map(drop)
    }

    /// Reads the state of a partner's brake.
    ///
    /// # Errors
    /// [`StoreError`] if the item cannot be read or is malformed. A retry is safe.
    pub async fn state(&self, partner_id: &PartnerId, now: i64) -> Result<HoldStatus, StoreError> {
        let brake = self.holds.item(partner_id).await?;
        let counted = if is_counting(&brake, now)? {
            brake.integer("first_404s")?.unwrap_or(0)
        } else {
            0
        };
        Ok(HoldStatus {
            on_hold_since: brake.integer("on_hold_since")?,
            released_until: released_until(&brake, now)?,
            counted,
            limit: limit(&brake)?,
        })
    }

    /// Ends a hold, and allows links to be marked as unlinked until `until`, in seconds since 1970.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
    pub async fn release(&self, partner_id: &PartnerId, until: i64) -> Result<(), StoreError> {
        self.holds.release(partner_id, until).await
    }
}

/// Number of first 404s within an hour beyond which the hold starts.
fn limit(brake: &Item) -> Result<i64, StoreError> {
    Ok(brake.integer("linked_limit")?.unwrap_or(0).max(MIN_LIMIT))
}
