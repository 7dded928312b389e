//! Limits how many subscribers of a partner lose entitlements within an hour, as protection against mistakes such as an empty roster. One item of the
//! subscribers table per partner lists the subscribers who lost entitlements. Beyond [`RevocationLimits`], further revocations are on hold until an operator
//! releases the guard. Grants are never on hold.

use aws_sdk_dynamodb::{Client, types::AttributeValue};

use super::{
    StoreError,
    hold::{HoldStatus, Holds, WINDOW_SECS, is_counting, released_until},
    item::{ItemExt as _, number, text},
    write::{Condition, ConditionalWrite, Write},
};
use crate::partner::{PartnerId, PartnerUserId};

/// Upper bound of attempts to count a revocation while other workers start a window.
const MAX_ATTEMPTS: usize = 4;

/// Lower bound of the limit by percentage, in subscribers: a partner with few subscribers must not hit its limit by ordinary cancellations.
const MIN_LIMIT: i64 = 10;

/// How many subscribers of a partner may lose entitlements within an hour. The smaller limit applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationLimits {
    /// Number of subscribers (`GUARD_PEOPLE`).
    pub people: i64,
    /// Percentage of the linked subscribers (`GUARD_PERCENT`), but at least ten subscribers.
    pub percent: i64,
}

impl RevocationLimits {
    /// The limit by percentage for `linked` subscribers.
    fn share(&self, linked: i64) -> i64 {
        (linked.saturating_mul(self.percent) / 100).max(MIN_LIMIT)
    }

    /// The limit in subscribers, if `linked` subscribers are linked; `None` if their number is unknown.
    #[must_use]
    pub fn limit(&self, linked: Option<i64>) -> i64 {
        linked.map_or(self.people, |linked| self.people.min(self.share(linked)))
    }
}

/// The revocation guard of all partners.
#[derive(Clone, Debug)]
pub struct RevocationGuard {
    holds: Holds,
    limits: RevocationLimits,
}

/// Answer of the guard to one revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationDecision {
    /// The revocation may be sent to Spotify.
    Allowed,
    /// The revocation waits until an operator releases the guard.
    OnHold {
        /// Whether this revocation started the hold.
        newly: bool,
    },
}

impl RevocationGuard {
    /// Creates a guard with these limits for each partner; `table` is the subscribers table.
    #[must_use]
    pub fn new(client: Client, table: String, limits: RevocationLimits) -> Self {
        let holds = Holds::new(client, table, "guard#", ["window_start", "people"]);
        Self { holds, limits }
    }

    /// Stores the limit by percentage for `linked` subscribers, as a round of the reconciliation counted them.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
    pub async fn set_linked_count(&self, partner_id: &PartnerId, linked: i64) -> Result<(), StoreError> {
        let write = Write::new().set("linked_limit", number(self.limits.share(linked)));
        write.send(self.holds.update(partner_id)).await.map(drop)
    }

    /// Reads the state of a partner's guard.
    ///
    /// # Errors
    /// [`StoreError`] if the item cannot be read or is malformed. A retry is safe.
    pub async fn state(&self, partner_id: &PartnerId, now: i64) -> Result<HoldStatus, StoreError> {
        let guard = self.holds.item(partner_id).await?;
        let counting = is_counting(&guard, now)?;
        let people = guard
            .get("people")
            .filter(|_| counting)
            .and_then(|people| people.as_ss().ok());
        Ok(HoldStatus {
            on_hold_since: guard.integer("on_hold_since")?,
            released_until: released_until(&guard, now)?,
            counted: people.map_or(0, |people| i64::try_from(people.len()).unwrap_or(i64::MAX)),
            limit: guard
                .integer("linked_limit")?
                .map_or(self.limits.people, |share| self.limits.people.min(share)),
        })
    }

    /// Checks whether a subscriber may lose entitlements, and counts the subscriber if so. A subscriber counts once per window, however often this is called.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if too many workers compete, or DynamoDB is unavailable; otherwise another [`StoreError`]. A retry is safe.
    pub async fn check_revocation(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
        now: i64,
    ) -> Result<RevocationDecision, StoreError> {
        let ago = now.saturating_sub(WINDOW_SECS);
        let people = AttributeValue::Ss(vec![partner_user_id.expose().to_owned()]);
        for _ in 0..MAX_ATTEMPTS {
            let counted_before = Condition::contains("people", text(partner_user_id.expose()));
            let count = Write::new()
                .add("people", people.clone())
                .when(Condition::absent("on_hold_since"))
                .when(Condition::greater("window_start", number(ago)))
                .when(counted_before.or(self.below_limits()));
            let ConditionalWrite::Refused(guard) = count.send(self.holds.update(partner_id)).await? else {
                return Ok(RevocationDecision::Allowed);
            };
            let guard = guard.unwrap_or_default();
            if released_until(&guard, now)?.is_some() {
                return Ok(RevocationDecision::Allowed);
            }
            if let Some(on_hold_since) = guard.integer("on_hold_since")? {
                return Ok(on_hold(on_hold_since, now));
            }
            if is_counting(&guard, now)? || self.limits.people == 0 {
                let started = self.holds.start(partner_id, now).await?;
                return Ok(started.map_or(RevocationDecision::Allowed, |since| on_hold(since, now)));
            }
            let ended = Condition::at_most("window_start", number(ago));
            let begin = Write::new()
                .set("window_start", number(now))
                .set("people", people.clone())
                .when(Condition::absent("on_hold_since"))
                .when(Condition::absent("window_start").or(ended));
            // If another worker has started the window, the next attempt counts the subscriber in it.
            if begin.send(self.holds.update(partner_id)).await?.is_done() {
                return Ok(RevocationDecision::Allowed);
            }
        }
        Err(StoreError::Unavailable)
    }

    /// Ends a hold and allows all revocations until `until`, in seconds since 1970.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
    pub async fn release(&self, partner_id: &PartnerId, until: i64) -> Result<(), StoreError> {
        self.holds.release(partner_id, until).await
    }

    /// The condition that the counted subscribers are below both limits.
    fn below_limits(&self) -> Condition {
        let below_share = Condition::size_less_than_attribute("people", "linked_limit");
        let below_share = Condition::absent("linked_limit").or(below_share);
        Condition::size_less("people", number(self.limits.people)).and(below_share)
    }
}

/// A hold that started at `now` counts as new. The write that started it may have lost its response, and the hold must reach the log.
fn on_hold(on_hold_since: i64, now: i64) -> RevocationDecision {
    RevocationDecision::OnHold {
        newly: on_hold_since == now,
    }
}
