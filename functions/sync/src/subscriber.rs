//! Syncs one subscriber: which calls to Spotify are made, and what the answers mean.

use std::{collections::HashMap, time::Duration};

use shared::{
    log,
    partner::Entitlements,
    runtime::worker::EventError,
    spotify::{OpenAccessError, SpotifyError},
    store::{LinkState, Permit, RevocationDecision, StoreError, Subscriber, SubscriberKey, SyncOutcome, SyncTrigger},
    telemetry::{
        Code,
        metrics::{self, Metric},
    },
};

use crate::{
    Synchronizer,
    retry::{Attempt, GUARD_UNAVAILABLE_REASON, HOLD_RECHECK_DELAY, Impact, NOT_LINKED_YET, SyncError},
};

/// Time in seconds after `register-user` during which a 404 may mean that Spotify has not completed the link yet (Open Access, `register-user`).
const LINK_GRACE_SECS: i64 = 300;
/// Delay in seconds before a recent link is checked again.
const LINK_RECHECK_SECS: i64 = 30;
/// `last_error`: a revocation is on hold until an operator releases the guard.
const GUARD_HELD: &str = "guard_held";
/// Error of a run in which the revocation guard was unavailable.
pub(crate) const GUARD_UNAVAILABLE: EventError = EventError("the revocation guard is unavailable");
/// Upper bound of the wait for a permit, in milliseconds: two waits and their calls must fit into [`shared::store::LEASE_SECS`].
const MAX_PERMIT_WAIT_MS: i64 = 15_000;

/// Partners whose revocations are on hold for the rest of a run, with the `last_error` to store. Spares a write to the guard for each further subscriber.
pub(crate) type RevocationHolds = HashMap<String, &'static str>;

/// Whether the revocation guard was unavailable in a run.
pub(crate) fn guard_unavailable(holds: &RevocationHolds) -> bool {
    holds.values().any(|failure| *failure == GUARD_UNAVAILABLE_REASON)
}

impl Synchronizer {
    /// Syncs one subscriber under a lease, and repeats while the record changes during the attempt.
    pub(crate) async fn sync_subscriber(
        &self,
        key: &SubscriberKey,
        why: SyncTrigger,
        holds: &mut RevocationHolds,
    ) -> Result<Attempt, EventError> {
        const TABLE: EventError = EventError("the subscribers table is unavailable");
        let owner = self.name()?;
        let mut previous: Option<Attempt> = None;
        loop {
            let leased = match self.subscribers.acquire_lease(key, why, &owner, self.clock.now()).await {
                Ok(Some(leased)) => leased,
                Ok(None) => {
                    // The record changed and is not due yet. The impact of the previous attempt still applies to the run.
                    if previous.is_some() {
                        self.subscribers.release_lease(key, &owner).await.map_err(|_| TABLE)?;
                    }
                    let previous = previous.filter(|previous| previous.impact != Impact::None);
                    return Ok(previous.unwrap_or_else(no_op));
                }
                // A malformed item must not stop the run.
                Err(StoreError::Malformed) => {
                    log!(
                        error,
                        Code::SyncFailed,
                        partner_id = key.partner_id(),
                        reason = "malformed item in the subscribers table"
                    );
                    return Ok(no_op());
                }
                Err(_) => return Err(TABLE),
            };
            let attempt = match self.reconcile(&leased, why, holds).await {
                Ok(outcome) => Attempt {
                    outcome,
                    impact: Impact::None,
                },
                Err(SyncError::Spotify(error)) => self.retry_outcome(&leased, &error).await?,
                Err(SyncError::RateLimited(seconds)) => self.defer(seconds),
            };
            let now = self.clock.now();
            let stored = self
                .subscribers
                .complete(&leased, &attempt.outcome, &owner, now)
                .await
                .map_err(|_| TABLE)?;
            if stored {
                log_outcome(&leased, &attempt.outcome);
                record_metrics(&leased, &attempt.outcome, why, now);
                return Ok(attempt);
            }
            // The record changed meanwhile, and this worker still holds the lease.
            previous = Some(attempt);
        }
    }

    /// Compares the entitlements at Spotify with the desired ones, and replaces them if they differ.
    async fn reconcile(
        &self,
        subscriber: &Subscriber,
        why: SyncTrigger,
        holds: &mut RevocationHolds,
    ) -> Result<SyncOutcome, SyncError> {
        if !subscriber.link.state.may_be_linked() {
            return Ok(SyncOutcome::NoOp);
        }
        // A new version for a confirmed link needs no `get-entitlements` call first.
        let has_new_version =
            subscriber.link.state == LinkState::Linked && subscriber.version > subscriber.synced_version;
        let known = subscriber
            .observed
            .clone()
            .filter(|_| why == SyncTrigger::Due && has_new_version);
        let observed = if let Some(observed) = known {
            observed
        } else {
            self.wait_for_permit().await?;
            let asked = self
                .spotify
                .get_entitlements(&subscriber.partner_id, &subscriber.partner_user_id);
            let Some(observed) = asked.await? else {
                return Ok(self.not_linked(subscriber, "get-entitlements"));
            };
            if subscriber.desired().is_none_or(|desired| *desired == observed) {
                return Ok(SyncOutcome::InSync {
                    evidence: "get-entitlements",
                    changed: false,
                    observed,
                });
            }
            observed
        };
        let desired = subscriber.desired().cloned().unwrap_or_default();
        if !observed.is_subset(&desired)
            && let Some(failure) = self.revocation_hold(subscriber, holds).await
        {
            return self.grant_only(subscriber, observed, &desired, failure).await;
        }
        if let Some(lost) = self.replace(subscriber, &desired).await? {
            return Ok(lost);
        }
        Ok(SyncOutcome::InSync {
            evidence: "replace-entitlements",
            changed: true,
            observed: desired,
        })
    }

    /// Calls `replace-entitlements` with the full set. Returns an outcome if Spotify reported that there is no link.
    async fn replace(
        &self,
        subscriber: &Subscriber,
        entitlements: &Entitlements,
    ) -> Result<Option<SyncOutcome>, SyncError> {
        self.wait_for_permit().await?;
        let (partner_id, partner_user_id) = (&subscriber.partner_id, &subscriber.partner_user_id);
        match self
            .spotify
            .replace_entitlements(partner_id, partner_user_id, entitlements)
            .await
        {
            Ok(()) => Ok(None),
            Err(SpotifyError::OpenAccess(OpenAccessError::NotLinked)) => {
                Ok(Some(self.not_linked(subscriber, "replace-entitlements")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Asks the revocation guard whether the subscriber may lose entitlements. Returns the `last_error` to store if not, or `None` if it may.
    async fn revocation_hold(&self, subscriber: &Subscriber, holds: &mut RevocationHolds) -> Option<&'static str> {
        let partner_id = subscriber.partner_id.as_str();
        if let Some(failure) = holds.get(partner_id) {
            return Some(failure);
        }
        let asked = self
            .guard
            .check_revocation(&subscriber.partner_id, &subscriber.partner_user_id, self.clock.now())
            .await;
        let failure = match asked {
            Ok(RevocationDecision::Allowed) => return None,
            Ok(RevocationDecision::OnHold { newly }) => {
                if newly {
                    log!(error, Code::GuardHeld, partner_id);
                }
                GUARD_HELD
            }
            Err(_) => {
                log!(error, Code::SyncFailed, partner_id, reason = GUARD_UNAVAILABLE.0);
                GUARD_UNAVAILABLE_REASON
            }
        };
        holds.insert(partner_id.to_owned(), failure);
        Some(failure)
    }

    /// Sends the grants and leaves out the revocations, which are on hold.
    async fn grant_only(
        &self,
        subscriber: &Subscriber,
        observed: Entitlements,
        desired: &Entitlements,
        failure: &'static str,
    ) -> Result<SyncOutcome, SyncError> {
        let mut both = observed.union(desired);
        if both.len() > Entitlements::MAX_COUNT {
            // The union exceeds the limit: leave the entitlements unchanged.
            both.clone_from(&observed);
        }
        if both != observed
            && let Some(lost) = self.replace(subscriber, &both).await?
        {
            return Ok(lost);
        }
        Ok(SyncOutcome::RevocationOnHold {
            observed: both,
            at: self.clock.now().saturating_add(HOLD_RECHECK_DELAY),
            failure,
        })
    }

    /// Outcome of a 404: no link, unless Spotify may not have completed a recent one.
    fn not_linked(&self, subscriber: &Subscriber, evidence: &'static str) -> SyncOutcome {
        let now = self.clock.now();
        let recent = subscriber
            .registered_at
            .is_some_and(|registered_at| now < registered_at.saturating_add(LINK_GRACE_SECS));
        if recent {
            SyncOutcome::Retry {
                at: now.saturating_add(LINK_RECHECK_SECS),
                in_flight: false,
                failure: NOT_LINKED_YET,
            }
        } else {
            SyncOutcome::Unlinked { evidence }
        }
    }

    /// Waits for a permit of the rate limiter. An unavailable rate limiter does not prevent the call.
    async fn wait_for_permit(&self) -> Result<(), SyncError> {
        let wait = match self.pace.acquire(self.clock.now_ms(), MAX_PERMIT_WAIT_MS).await {
            Ok(Permit::After(wait)) => wait,
            Ok(Permit::Unavailable(wait)) => return Err(SyncError::RateLimited(wait.saturating_add(999) / 1000)),
            Err(_) => 0,
        };
        tokio::time::sleep(Duration::from_millis(u64::try_from(wait).unwrap_or(0))).await;
        Ok(())
    }
}

/// Attempt without effect: nothing was due, or another worker holds the lease.
fn no_op() -> Attempt {
    Attempt {
        outcome: SyncOutcome::NoOp,
        impact: Impact::None,
    }
}

/// Records how long a sync took or has been pending, and counts drift: a change at Spotify that did not come from this table.
fn record_metrics(before: &Subscriber, outcome: &SyncOutcome, why: SyncTrigger, now: i64) {
    let waited = before.dirty_since.map(|since| now.saturating_sub(since));
    match outcome {
        SyncOutcome::InSync { changed: true, .. } => match waited {
            Some(waited) => metrics::record(Metric::SyncLag, waited),
            None if why == SyncTrigger::Reconcile => metrics::count(Metric::Drift),
            None => {}
        },
        SyncOutcome::Retry { .. } | SyncOutcome::RevocationOnHold { .. } => {
            metrics::record(Metric::DirtyAge, waited.unwrap_or(0));
        }
        _ => {}
    }
}

/// Logs a change of the link.
fn log_outcome(before: &Subscriber, outcome: &SyncOutcome) {
    let partner_id = before.partner_id.as_str();
    match outcome {
        SyncOutcome::InSync { .. } if before.link.state != LinkState::Linked => {
            log!(info, Code::LinkConfirmed, partner_id);
            metrics::count(Metric::Confirmed);
        }
        SyncOutcome::Unlinked { .. } => {
            log!(warn, Code::LinkLost, partner_id);
            metrics::count(Metric::LinkLost);
        }
        _ => {}
    }
}
