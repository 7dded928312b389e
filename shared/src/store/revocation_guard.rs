//! The guard against taking rights away from many at once by mistake: an empty roster, a wrong file, a backend gone mad. One item of the subscribers table for each
//! partner names the people who lost rights within an hour; beyond [`RevocationLimits`] nobody else does, until an operator releases them. Grants are never held.

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

/// Over how long removals are counted, in seconds.
const WINDOW_SECS: i64 = 3600;
/// How often it is counted anew when others begin the hour at the same moment.
const MAX_ATTEMPTS: usize = 4;

/// The fewest people that a share of the linked comes to: of twenty linked people, two who cancel within an hour are no accident.
const MIN_LIMIT: i64 = 10;

/// From how many people of a partner rights may be taken away within an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationLimits {
    /// People (`GUARD_PEOPLE`).
    pub people: i64,
    /// Percent of those linked (`GUARD_PERCENT`); ten people are always few enough.
    pub percent: i64,
}

impl RevocationLimits {
    /// How many of `linked` people those percent are.
    fn share(&self, linked: i64) -> i64 {
        (linked.saturating_mul(self.percent) / 100).max(MIN_LIMIT)
    }

    /// How many people it comes to where `linked` people are linked, if that is known.
    #[must_use]
    pub fn limit(&self, linked: Option<i64>) -> i64 {
        linked.map_or(self.people, |linked| self.people.min(self.share(linked)))
    }
}

/// The guard of all partners.
#[derive(Clone, Debug)]
pub struct RevocationGuard {
    client: Client,
    table: String,
    limits: RevocationLimits,
}

/// How the guard of a partner stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardStatus {
    /// Since when removals are held, in seconds since 1970; not, when that is nothing.
    pub on_hold_since: Option<i64>,
    /// Until when all pass, in seconds since 1970, when an operator said so.
    pub released_until: Option<i64>,
    /// From how many people rights were taken away within the hour that is counted.
    pub revoked: i64,
    /// From how many they may be.
    pub limit: i64,
}

/// Whether rights may be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationDecision {
    /// They may.
    Allowed,
    /// Not before an operator says so.
    OnHold {
        /// Whether it is this one that raised the alarm.
        newly: bool,
    },
}

impl RevocationGuard {
    /// Removals within these limits, for each partner.
    #[must_use]
    pub fn new(client: Client, table: String, limits: RevocationLimits) -> Self {
        Self { client, table, limits }
    }

    /// Notes how many people of a partner are linked, as the last round of the reconciliation counted them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_linked_count(&self, partner_id: &PartnerId, linked: i64) -> Result<(), StoreError> {
        let write = Write::new().set("linked_limit", number(self.limits.share(linked)));
        write.send(self.update(partner_id)).await.map(drop)
    }

    /// How it stands.
    ///
    /// # Errors
    /// [`StoreError`].
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

    /// Asks whether somebody may lose rights, and counts them if so: once, however often Spotify has to be told.
    ///
    /// # Errors
    /// [`StoreError`].
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
                return Ok(held(on_hold_since, now));
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
            // Refused when another worker has begun the hour meanwhile: then this person is counted in it.
            if begin.send(self.update(partner_id)).await?.is_done() {
                return Ok(RevocationDecision::Allowed);
            }
        }
        Err(StoreError::Unavailable)
    }

    /// Holds what comes, until it is released; or has been meanwhile.
    async fn hold(&self, partner_id: &PartnerId, now: i64) -> Result<RevocationDecision, StoreError> {
        let over = Condition::at_most("released_until", number(now));
        let hold = Write::new()
            .set("on_hold_since", number(now))
            .when(Condition::absent("on_hold_since"))
            .when(Condition::absent("released_until").or(over));
        Ok(match hold.send(self.update(partner_id)).await? {
            ConditionalWrite::Done(_) => RevocationDecision::OnHold { newly: true },
            ConditionalWrite::Refused(guard) => match guard.unwrap_or_default().integer("on_hold_since")? {
                Some(on_hold_since) => held(on_hold_since, now),
                None => RevocationDecision::Allowed,
            },
        })
    }

    /// Lets removals pass until `until`, in seconds since 1970.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn release(&self, partner_id: &PartnerId, until: i64) -> Result<(), StoreError> {
        let release =
            Write::new()
                .set("released_until", number(until))
                .remove(&["on_hold_since", "window_start", "people"]);
        release.send(self.update(partner_id)).await.map(drop)
    }

    /// Fewer people than either limit were counted.
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

/// Whoever finds it held since this moment tells of it too: the answer of the write that did it may have been lost, and somebody has to be told.
fn held(on_hold_since: i64, now: i64) -> RevocationDecision {
    RevocationDecision::OnHold {
        newly: on_hold_since == now,
    }
}

fn id(partner_id: &PartnerId) -> String {
    format!("guard#{partner_id}")
}
