//! The outcome of one attempt to sync a subscriber, and how it is stored.

use super::{LEASE_SECS, Lane, LinkState, Subscriber, Subscribers, record::dirty};
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
    /// Spotify answered 404, which does not settle the link yet. The state of the link stays.
    CheckAgain {
        /// Time of the next check, in seconds since 1970.
        at: i64,
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
            Self::Unlinked { .. } => vec![leased.has_registered_at()],
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
                leased.last_error.as_deref() != Some(failure)
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
                    .set("observed_entitlements", observed_list(observed))
                    .set_if_absent("confirmed_at", number(now))
                    .remove(&WAITING_ATTRIBUTES)
                    .remove(&INDEX_ATTRIBUTES);
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
            Self::CheckAgain { at } => check_at(write, leased, Some(*at)),
            Self::Unlinked { evidence, at } => {
                let write = link(write, leased, LinkState::Unlinked, evidence, now).remove(&["confirmed_at"]);
                check_at(write, leased, *at)
            }
            Self::NoOp => write.remove(&WAITING_ATTRIBUTES).remove(&INDEX_ATTRIBUTES),
            Self::RevocationOnHold { observed, at, failure } => retry_at(write, leased, *at, failure, now)
                .set("observed_entitlements", observed_list(observed))
                .remove(&["lease_owner", "lease_expires_at"]),
            Self::Retry { at, in_flight, failure } => {
                let write = retry_at(write, leased, *at, failure, now).increment("attempts");
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

/// Lists the subscriber for the next attempt, in the same lane as before.
fn retry_at(write: Write, leased: &Subscriber, at: i64, failure: &str, now: i64) -> Write {
    let lane = leased.lane.unwrap_or(Lane::Individual);
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

impl Subscribers {
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
