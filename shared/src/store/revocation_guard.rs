//! Limits how many subscribers of a partner lose entitlements within an hour, as protection against mistakes such as an empty roster. One item of the
//! subscribers table per partner lists the subscribers who lost entitlements. Beyond [`RevocationLimits`], further revocations are on hold until an operator
//! releases the guard. Grants are never on hold.

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};

use super::{
    StoreError,
    error::store_error,
    item::{ItemExt as _, number, text},
    write::{Condition, ConditionalWrite, Write},
};
use crate::partner::{PartnerId, PartnerUserId};

/// Length of the window in which revocations are counted, in seconds.
const WINDOW_SECS: i64 = 3600;
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
    client: Client,
    table: String,
    limits: RevocationLimits,
}

/// State of a partner's guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardStatus {
    /// Start of the hold, in seconds since 1970; `None` if revocations are not on hold.
    pub on_hold_since: Option<i64>,
    /// End of the operator's release, in seconds since 1970; `None` if there is no release or it has ended.
    pub released_until: Option<i64>,
    /// Number of subscribers who lost entitlements in the current window.
    pub revoked: i64,
    /// Upper bound of `revoked`.
    pub limit: i64,
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
        Self { client, table, limits }
    }

    /// Stores the limit by percentage for `linked` subscribers, as a round of the reconciliation counted them.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
    pub async fn set_linked_count(&self, partner_id: &PartnerId, linked: i64) -> Result<(), StoreError> {
        let write = Write::new().set("linked_limit", number(self.limits.share(linked)));
        write.send(self.update(partner_id)).await.map(drop)
    }

    /// Reads the state of a partner's guard.
    ///
    /// # Errors
    /// [`StoreError`] if the item cannot be read or is malformed. A retry is safe.
    pub async fn state(&self, partner_id: &PartnerId, now: i64) -> Result<GuardStatus, StoreError> {
        let get = self.client.get_item().table_name(&self.table);
        let got = get.key("id", text(&id(partner_id))).consistent_read(true).send().await;
        let item = got.map_err(|error| store_error(&error))?.item.unwrap_or_default();
        let counting = item
            .integer("window_start")?
            .is_some_and(|start| start > now.saturating_sub(WINDOW_SECS));
        let people = item
            .get("people")
            .filter(|_| counting)
            .and_then(|people| people.as_ss().ok());
        Ok(GuardStatus {
            on_hold_since: item.integer("on_hold_since")?,
            released_until: item.integer("released_until")?.filter(|until| *until > now),
            revoked: people.map_or(0, |people| i64::try_from(people.len()).unwrap_or(i64::MAX)),
            limit: item
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
            let ConditionalWrite::Refused(guard) = count.send(self.update(partner_id)).await? else {
                return Ok(RevocationDecision::Allowed);
            };
            let guard = guard.unwrap_or_default();
            if guard.integer("released_until")?.is_some_and(|until| until > now) {
                return Ok(RevocationDecision::Allowed);
            }
            if let Some(on_hold_since) = guard.integer("on_hold_since")? {
                return Ok(on_hold(on_hold_since, now));
            }
            let counting = guard.integer("window_start")?.is_some_and(|start| start > ago);
            if counting || self.limits.people == 0 {
                return self.hold(partner_id, now).await;
            }
            let ended = Condition::at_most("window_start", number(ago));
            let begin = Write::new()
                .set("window_start", number(now))
                .set("people", people.clone())
                .when(Condition::absent("on_hold_since"))
                .when(Condition::absent("window_start").or(ended));
            // If another worker has started the window, the next attempt counts the subscriber in it.
            if begin.send(self.update(partner_id)).await?.is_done() {
                return Ok(RevocationDecision::Allowed);
            }
        }
        Err(StoreError::Unavailable)
    }

    /// Starts a hold, unless another worker has started one or an operator has released the guard meanwhile.
    async fn hold(&self, partner_id: &PartnerId, now: i64) -> Result<RevocationDecision, StoreError> {
        let release_ended = Condition::at_most("released_until", number(now));
        let hold = Write::new()
            .set("on_hold_since", number(now))
            .when(Condition::absent("on_hold_since"))
            .when(Condition::absent("released_until").or(release_ended));
        Ok(match hold.send(self.update(partner_id)).await? {
            ConditionalWrite::Done(_) => RevocationDecision::OnHold { newly: true },
            ConditionalWrite::Refused(guard) => match guard.unwrap_or_default().integer("on_hold_since")? {
                Some(on_hold_since) => on_hold(on_hold_since, now),
                None => RevocationDecision::Allowed,
            },
        })
    }

    /// Ends a hold and allows all revocations until `until`, in seconds since 1970.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
    pub async fn release(&self, partner_id: &PartnerId, until: i64) -> Result<(), StoreError> {
        let release =
            Write::new()
                .set("released_until", number(until))
                .remove(&["on_hold_since", "window_start", "people"]);
        release.send(self.update(partner_id)).await.map(drop)
    }

    /// The condition that the counted subscribers are below both limits.
    fn below_limits(&self) -> Condition {
        let below_share = Condition::size_less_than_attribute("people", "linked_limit");
        let below_share = Condition::absent("linked_limit").or(below_share);
        Condition::size_less("people", number(self.limits.people)).and(below_share)
    }

    fn update(&self, partner_id: &PartnerId) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        update
            .key("id", text(&id(partner_id)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

/// A hold that started at `now` counts as new. The write that started it may have lost its response, and the hold must reach the log.
fn on_hold(on_hold_since: i64, now: i64) -> RevocationDecision {
    RevocationDecision::OnHold {
        newly: on_hold_since == now,
    }
}

fn id(partner_id: &PartnerId) -> String {
    format!("guard#{partner_id}")
}
