//! What came of settling a person, and how that is stored.

use super::{LEASE_SECS, LinkState, Subscriber, Subscribers, record::shard};
use crate::{
    partner::Entitlements,
    store::{
        StoreError,
        item::{list, number, text},
        write::{Condition, Write},
    },
};

/// What is removed when nothing is left to do.
const CLEAN: [&str; 7] = [
    "dirty",
    "next_try_at",
    "dirty_since",
    "attempts",
    "last_error",
    "lease_owner",
    "lease_expires_at",
];

/// What came of settling a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncOutcome {
    /// Spotify has what was wanted when they were taken.
    InSync {
        /// The call that says so.
        evidence: &'static str,
        /// Whether Spotify had something else before.
        changed: bool,
        /// What it has now.
        observed: Entitlements,
    },
    /// Spotify knows no link.
    Unlinked {
        /// The call that says so.
        evidence: &'static str,
    },
    /// Nobody has linked them: Spotify is not asked.
    NoOp,
    /// Spotify has what was to be granted, and not yet lost what is to be taken away: that waits for an operator.
    RevocationOnHold {
        /// What it has now.
        observed: Entitlements,
        /// When it is looked at again, in seconds since 1970.
        at: i64,
        /// Why, in a word.
        failure: &'static str,
    },
    /// To be tried again.
    Retry {
        /// When, in seconds since 1970.
        at: i64,
        /// Whether a call may still be on its way: nobody asks within [`LEASE_SECS`], whatever is wanted meanwhile.
        in_flight: bool,
        /// Why, in a word.
        failure: &'static str,
    },
}

impl SyncOutcome {
    /// What of a person must be as it was when they were taken, for this to be true of them.
    fn preconditions(&self, taken: &Subscriber) -> Vec<Condition> {
        match self {
            Self::InSync { .. } | Self::RevocationOnHold { .. } | Self::Retry { .. } => vec![
                taken.has_version(),
                taken.has_registered_at(),
                taken.has_link_state(),
                Condition::unchanged("link_since", taken.link.since.map(number)),
            ],
            Self::Unlinked { .. } => vec![taken.has_registered_at()],
            Self::NoOp => vec![taken.has_link_state()],
        }
    }

    /// How it is stored of the person who was taken.
    fn write(&self, taken: &Subscriber, now: i64) -> Write {
        let write = Write::new();
        match self {
            Self::InSync {
                evidence,
                changed,
                observed: held,
            } => {
                let write = link(write, taken, LinkState::Linked, evidence, now)
                    .set("synced_version", number(taken.version))
                    .set("observed_entitlements", list(held))
                    .remove(&CLEAN);
                if *changed {
                    write.set("synced_at", number(now))
                } else {
                    write
                }
            }
            Self::Unlinked { evidence } => link(write, taken, LinkState::Unlinked, evidence, now).remove(&CLEAN),
            Self::NoOp => write.remove(&CLEAN),
            Self::RevocationOnHold {
                observed: held,
                at,
                failure,
            } => again(write, taken, *at, failure, now)
                .set("observed_entitlements", list(held))
                .remove(&["lease_owner", "lease_expires_at"]),
            Self::Retry { at, in_flight, failure } => {
                let write = again(write, taken, *at, failure, now).increment("attempts");
                if *in_flight {
                    write.set("lease_expires_at", number(now.saturating_add(LEASE_SECS)))
                } else {
                    write.remove(&["lease_owner", "lease_expires_at"])
                }
            }
        }
    }
}

fn link(write: Write, taken: &Subscriber, state: LinkState, evidence: &str, now: i64) -> Write {
    write
        .set("link_state", text(state.as_str()))
        .set("link_since", number(taken.since(state, now)))
        .set("link_evidence", text(evidence))
}

fn again(write: Write, taken: &Subscriber, at: i64, failure: &str, now: i64) -> Write {
    write
        .set("last_error", text(failure))
        .set("dirty", shard(&taken.partner_id, &taken.partner_user_id))
        .set("next_try_at", number(at))
        .set_if_absent("dirty_since", number(now))
}

impl Subscribers {
    /// Notes what came of it, and lets go of the person. Only as long as they are what they were when they were taken: a version that was superseded meanwhile is
    /// never noted as synced, nor a link that was made meanwhile as lost, and what is wanted since then waits for nothing that was wanted before. Else nothing is
    /// noted, and the person is still in hand.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn complete(
        &self,
        taken: &Subscriber,
        outcome: &SyncOutcome,
        owner: &str,
        now: i64,
    ) -> Result<bool, StoreError> {
        let ours = || Condition::equal("lease_owner", text(owner));
        let update = || self.update(&taken.partner_id, &taken.partner_user_id);
        let write = outcome
            .write(taken, now)
            .when(ours())
            .when_all(outcome.preconditions(taken));
        let noted = write.send(update()).await?.is_done();
        match outcome {
            // Whoever has changed meanwhile is due as the change has it, but no sooner than nothing can be on its way any more.
            SyncOutcome::Retry {
                in_flight: true,
                failure,
                ..
            } if !noted => {
                let hold = Write::new()
                    .set("last_error", text(failure))
                    .set("lease_expires_at", number(now.saturating_add(LEASE_SECS)))
                    .increment("attempts")
                    .when(ours());
                Ok(hold.send(update()).await?.is_done())
            }
            _ => Ok(noted),
        }
    }
}
