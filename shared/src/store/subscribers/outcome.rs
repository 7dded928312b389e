//! The outcome of one attempt to sync a subscriber, and how it is stored.

use super::{LEASE_SECS, LinkState, Subscriber, Subscribers, record::shard};
use crate::{
    partner::Entitlements,
    store::{
        StoreError,
        item::{list, number, text},
        write::{Condition, Write},
    },
};

/// Attributes that are removed when the subscriber is no longer dirty.
const DIRTY_ATTRIBUTES: [&str; 7] = [
    "dirty",
    "next_try_at",
    "dirty_since",
    "attempts",
    "last_error",
    "lease_owner",
    "lease_expires_at",
];

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
        observed: Entitlements,
    },
    /// Spotify reported that there is no link.
    Unlinked {
        /// Name of the Spotify call that confirmed it.
        evidence: &'static str,
    },
    /// Nothing to do: no link is known, or no lease was acquired.
    NoOp,
    /// Spotify has the grants, unless they exceed the limit; the revocation guard holds the revocations.
    RevocationOnHold {
        /// Entitlements that Spotify has now.
        observed: Entitlements,
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
                Condition::unchanged("link_since", leased.link.since.map(number)),
            ],
            Self::Unlinked { .. } => vec![leased.has_registered_at()],
            Self::NoOp => vec![leased.has_link_state()],
        }
    }

    /// The write that stores the outcome.
    fn write(&self, leased: &Subscriber, now: i64) -> Write {
        let write = Write::new();
        match self {
            Self::InSync {
                evidence,
                changed,
                observed,
            } => {
                let write = link(write, leased, LinkState::Linked, evidence, now)
                    .set("synced_version", number(leased.version))
                    .set("observed_entitlements", list(observed))
                    .remove(&DIRTY_ATTRIBUTES);
                if *changed {
                    write.set("synced_at", number(now))
                } else {
                    write
                }
            }
            Self::Unlinked { evidence } => {
                link(write, leased, LinkState::Unlinked, evidence, now).remove(&DIRTY_ATTRIBUTES)
            }
            Self::NoOp => write.remove(&DIRTY_ATTRIBUTES),
            Self::RevocationOnHold { observed, at, failure } => retry_at(write, leased, *at, failure, now)
                .set("observed_entitlements", list(observed))
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

fn retry_at(write: Write, leased: &Subscriber, at: i64, failure: &str, now: i64) -> Write {
    write
        .set("last_error", text(failure))
        .set("dirty", shard(&leased.partner_id, &leased.partner_user_id))
        .set("next_try_at", number(at))
        .set_if_absent("dirty_since", number(now))
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
                    .set("lease_expires_at", number(now.saturating_add(LEASE_SECS)))
                    .increment("attempts")
                    .when(holds_lease());
                Ok(extend_lease.send(update()).await?.is_done())
            }
            _ => Ok(stored),
        }
    }
}
