//! The outcome of one attempt to sync a subscriber, and how it is stored.

use super::{
    LEASE_SECS, Lane, LinkState, Subscriber, Subscribers,
    record::{dirty, subscriber_of},
};
use crate::{
    partner::ObservedEntitlements,
    store::{
        StoreError,
        item::{number, observed_list, text},
        write::{Condition, Write},
    },
};

/// Attributes that are removed when no change waits for sync any more.
const WAITING_ATTRIBUTES: [&str; 5] = [
    "dirty_since",
    "attempts",
    "last_error",
    "lease_owner",
    "lease_expires_at",
];
/// Attributes that list a subscriber in the dirty index.
const INDEX_ATTRIBUTES: [&str; 2] = ["dirty", "next_try_at"];

/// Outcome of one attempt to sync a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncOutcome {
    /// Spotify has the entitlements that were desired when the lease was acquired.
    InSync {
        /// Name of the Spotify call that confirmed it.
        evidence: &'static str,
        /// Whether the attempt changed the entitlements at Spotify.
        changed: bool,
        /// Entitlements that Spotify has now.
        observed: ObservedEntitlements,
    },
    /// Spotify answered 404 for the first time since it confirmed the link.
    Suspect {
        /// Name of the Spotify call that was answered 404.
        evidence: &'static str,
        /// Time of the next check, in seconds since 1970.
        at: i64,
    },
    /// A check that does not settle the link: a 404 that is not enough, or a failure. The state of the link stays.
    CheckAgain {
        /// Time of the next check, in seconds since 1970; `None` if no further check is scheduled.
        at: Option<i64>,
    },
    /// Spotify reported that there is no link.
    Unlinked {
        /// Name of the Spotify call that confirmed it.
        evidence: &'static str,
        /// Time of the next check, in seconds since 1970; `None` if no further check is scheduled.
        at: Option<i64>,
    },
    /// Nothing to do: no link is known, or no lease was acquired.
    NoOp,
    /// Spotify has the grants, unless they exceed the limit; the revocation guard holds the revocations.
    RevocationOnHold {
        /// Entitlements that Spotify has now.
        observed: ObservedEntitlements,
        /// Time of the next attempt, in seconds since 1970.
        at: i64,
        /// Value of `last_error`.
        failure: &'static str,
    },
    /// The attempt failed and must be retried.
    Retry {
        /// Time of the retry, in seconds since 1970.
        at: i64,
        /// Whether a call may still be in flight. If so, the lease is kept for another [`LEASE_SECS`], so that no other call overtakes it.
        in_flight: bool,
        /// Value of `last_error`.
        failure: &'static str,
    },
}

impl SyncOutcome {
    /// The attributes that must be unchanged since the lease was acquired, so that the outcome still applies.
    fn preconditions(&self, leased: &Subscriber) -> Vec<Condition> {
        match self {
            Self::InSync { .. } | Self::RevocationOnHold { .. } | Self::Retry { .. } => vec![
                leased.has_version(),
                leased.has_registered_at(),
                leased.has_link_state(),
                leased.has_link_since(),
            ],
            Self::Suspect { .. } | Self::CheckAgain { .. } => vec![
                leased.has_registered_at(),
                leased.has_link_state(),
                leased.has_link_since(),
            ],
            Self::Unlinked { .. } => vec![leased.has_registered_at(), leased.has_link_since()],
            Self::NoOp => vec![leased.has_link_state()],
        }
    }

    /// Whether an event for the partner's systems follows from the write that stores the outcome. The stream delivers only such writes to `sync`.
    fn yields_event(&self, leased: &Subscriber) -> bool {
        match self {
            Self::InSync { changed, .. } => {
                *changed || leased.link.state != LinkState::Linked || leased.synced_version != leased.version
            }
            Self::Unlinked { .. } => leased.link.state != LinkState::Unlinked,
            Self::RevocationOnHold { failure, .. } | Self::Retry { failure, .. } => {
                leased.lane != Some(Lane::Check) && leased.last_error.as_deref() != Some(failure)
            }
            Self::Suspect { .. } | Self::CheckAgain { .. } | Self::NoOp => false,
        }
    }

    /// The write that stores the outcome.
    fn write(&self, leased: &Subscriber, now: i64) -> Write {
        let write = if self.yields_event(leased) {
            Write::new().set("events_at", number(now))
        } else {
            Write::new()
        };
        match self {
            Self::InSync {
                evidence,
                changed,
                observed,
            } => {
                let write = link(write, leased, LinkState::Linked, evidence, now)
                    .set("synced_version", number(leased.version))
                    .set_if_absent("confirmed_at", number(now))
                    .remove(&WAITING_ATTRIBUTES)
                    .remove(&INDEX_ATTRIBUTES);
                let write = store_observed(write, observed);
                if *changed {
                    write.set("synced_at", number(now))
                } else {
                    write
                }
            }
            Self::Suspect { evidence, at } => {
                let write = link(write, leased, LinkState::Suspect, evidence, now);
                check_at(write, leased, Some(*at))
            }
            Self::CheckAgain { at } => check_at(write, leased, *at),
            Self::Unlinked { evidence, at } => {
                let write = link(write, leased, LinkState::Unlinked, evidence, now).remove(&["confirmed_at"]);
                check_at(write, leased, *at)
            }
            Self::NoOp => write.remove(&WAITING_ATTRIBUTES).remove(&INDEX_ATTRIBUTES),
            Self::RevocationOnHold { observed, at, failure } => {
                // Thousands may be on hold. In the lane of individual changes they would be in the way of all others.
                let write = retry_at(write, leased, Lane::Bulk, *at, failure, now);
                store_observed(write, observed).remove(&["lease_owner", "lease_expires_at"])
            }
            Self::Retry { at, in_flight, failure } => {
                // A difference that the reconciliation found is no individual change.
                let lane = leased.lane.unwrap_or(Lane::Bulk);
                let write = retry_at(write, leased, lane, *at, failure, now).increment("attempts");
                if *in_flight {
                    write.set("lease_expires_at", number(now.saturating_add(LEASE_SECS)))
                } else {
                    write.remove(&["lease_owner", "lease_expires_at"])
                }
            }
        }
    }
}

fn link(write: Write, leased: &Subscriber, state: LinkState, evidence: &str, now: i64) -> Write {
    write
        .set("link_state", text(state.as_str()))
        .set("link_since", number(leased.since(state, now)))
        .set("link_evidence", text(evidence))
}

/// Lists the subscriber for the next check of the link. No change waits for it.
fn check_at(write: Write, leased: &Subscriber, at: Option<i64>) -> Write {
    let write = write.remove(&WAITING_ATTRIBUTES);
    match at {
        Some(at) => write
            .set("dirty", dirty(Lane::Check, &leased.partner_id, &leased.partner_user_id))
            .set("next_try_at", number(at)),
        None => write.remove(&INDEX_ATTRIBUTES),
    }
}

/// Lists the subscriber for the next attempt.
fn retry_at(write: Write, leased: &Subscriber, lane: Lane, at: i64, failure: &str, now: i64) -> Write {
    let write = write
        .set("last_error", text(failure))
        .set("dirty", dirty(lane, &leased.partner_id, &leased.partner_user_id))
        .set("next_try_at", number(at));
    if lane == Lane::Check {
        write
    } else {
        write.set_if_absent("dirty_since", number(now))
    }
}

fn store_observed(write: Write, observed: &ObservedEntitlements) -> Write {
    match observed_list(observed) {
        Some(list) => write.set("observed_entitlements", list),
        None => write.remove(&["observed_entitlements"]),
    }
}

impl Subscribers {
    /// Stores that Spotify has confirmed the link, while `owner` holds the lease and goes on with the subscriber. From now on a change waits for sync, in the
    /// lane of a bulk if the link was missing. Returns the new record, or `None` if the link has changed since the lease was acquired.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. The lease then expires, and the subscriber is synced again.
    pub async fn confirm_link(
        &self,
        leased: &Subscriber,
        evidence: &str,
        owner: &str,
        now: i64,
    ) -> Result<Option<Subscriber>, StoreError> {
        let (partner_id, partner_user_id) = (&leased.partner_id, &leased.partner_user_id);
        let lane = match leased.lane {
            Some(Lane::Individual) => Lane::Individual,
            _ => Lane::Bulk,
        };
        let write = link(Write::new(), leased, LinkState::Linked, evidence, now)
            .set_if_absent("confirmed_at", number(now))
            .set("events_at", number(now))
            .set("dirty", dirty(lane, partner_id, partner_user_id))
            .set("next_try_at", number(now))
            .set_if_absent("dirty_since", number(now))
            .when(Condition::equal("lease_owner", text(owner)))
            .when(leased.has_registered_at())
            .when(leased.has_link_state())
            .when(leased.has_link_since());
        let written = write.send(self.update(partner_id, partner_user_id)).await?.done();
        written.as_ref().map(subscriber_of).transpose()
    }

    /// Stores the outcome and releases the lease, if `owner` still holds it and the attributes that the outcome depends on are unchanged. A version or a link
    /// that is newer than the lease is therefore never overwritten. Returns `false` if nothing was stored; `owner` may still hold the lease.
    ///
    /// A retry with a call in flight always keeps the lease. It is stored without a new `next_try_at` if the subscriber has changed.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. The lease then expires, and the subscriber is synced again.
    pub async fn complete(
        &self,
        leased: &Subscriber,
        outcome: &SyncOutcome,
        owner: &str,
        now: i64,
    ) -> Result<bool, StoreError> {
        let holds_lease = || Condition::equal("lease_owner", text(owner));
        let update = || self.update(&leased.partner_id, &leased.partner_user_id);
        let write = outcome
            .write(leased, now)
            .when(holds_lease())
            .when_all(outcome.preconditions(leased));
        let stored = write.send(update()).await?.is_done();
        match outcome {
            // The change has set `next_try_at`; the lease delays that attempt until no call can be in flight.
            SyncOutcome::Retry {
                in_flight: true,
                failure,
                ..
            } if !stored => {
                let extend_lease = Write::new()
                    .set("last_error", text(failure))
                    .set("events_at", number(now))
                    .set("lease_expires_at", number(now.saturating_add(LEASE_SECS)))
                    .increment("attempts")
                    .when(holds_lease());
                Ok(extend_lease.send(update()).await?.is_done())
            }
            _ => Ok(stored),
        }
    }
}
