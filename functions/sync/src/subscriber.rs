//! Syncs one subscriber: which calls to Spotify are made, and what the answers mean. `missing_links` decides what a 404 means.

use std::collections::{HashMap, HashSet};

use shared::{
    log,
    partner::{Entitlements, ObservedEntitlements},
    runtime::worker::EventError,
    spotify::{OpenAccessError, SpotifyError},
    store::{Lane, LinkState, RevocationDecision, StoreError, Subscriber, SubscriberKey, SyncOutcome, SyncTrigger},
    telemetry::{
        Code,
        metrics::{self, Metric},
    },
};

use crate::{
    Synchronizer,
    permits::PermitBlock,
    retry::{Attempt, GUARD_UNAVAILABLE_REASON, HOLD_RECHECK_DELAY, Impact, SyncError},
};

/// `last_error`: a revocation is on hold until an operator releases the guard.
const GUARD_HELD: &str = "guard_held";
/// Error of a run in which the revocation guard was unavailable.
pub(crate) const GUARD_UNAVAILABLE: EventError = EventError("the revocation guard is unavailable");
const TABLE: EventError = EventError("the subscribers table is unavailable");

/// What a run has learned about partners, and its permits. Spares calls to the table for each further subscriber.
#[derive(Debug, Default)]
pub(crate) struct RunState {
    /// Partners whose revocations are on hold for the rest of the run, with the `last_error` to store.
    revocation_holds: HashMap<String, &'static str>,
    /// Partners whose brake is on.
    pub(crate) brakes_on: HashSet<String>,
    pub(crate) permits: PermitBlock,
}

impl RunState {
    /// Whether the revocation guard was unavailable in the run.
    pub(crate) fn guard_unavailable(&self) -> bool {
        self.revocation_holds
            .values()
            .any(|failure| *failure == GUARD_UNAVAILABLE_REASON)
    }
}

impl Synchronizer {
    /// Syncs one subscriber under a lease, and repeats while the record changes during the attempt.
    pub(crate) async fn sync_subscriber(
        &self,
        key: &SubscriberKey,
        why: SyncTrigger,
        state: &mut RunState,
    ) -> Result<Attempt, EventError> {
        let owner = self.name()?;
        let mut previous: Option<Attempt> = None;
        loop {
            let mut leased = match self.subscribers.acquire_lease(key, why, &owner, self.clock.now()).await {
                Ok(Some(leased)) => leased,
                Ok(None) => {
                    // The record changed and is not due yet. The impact of the previous attempt still applies to the run.
                    if previous.is_some() {
                        self.subscribers.release_lease(key, &owner).await.map_err(|_| TABLE)?;
                    }
                    let previous = previous.filter(|previous| previous.impact != Impact::None);
                    return Ok(previous.unwrap_or_else(|| no_op(Impact::None)));
                }
                Err(StoreError::Malformed) => return Ok(unreadable(key)),
                Err(_) => return Err(TABLE),
            };
            let attempt = match self.reconcile(&mut leased, why, &owner, state).await {
                Ok(outcome) => Attempt {
                    outcome,
                    impact: Impact::None,
                },
                Err(SyncError::Spotify(error)) => self.retry_outcome(&leased, &error).await?,
                Err(SyncError::NoPermit { seconds, paused }) => self.defer(seconds, paused),
                Err(SyncError::Table(_)) => return Err(TABLE),
            };
            let attempt = self.limit_checks(&leased, attempt);
            let now = self.clock.now();
            match self.subscribers.complete(&leased, &attempt.outcome, &owner, now).await {
                Ok(true) => {
                    log_outcome(&leased, &attempt.outcome);
                    record_metrics(&leased, &attempt.outcome, why, now);
                    return Ok(attempt);
                }
                // The record changed meanwhile, and this worker still holds the lease.
                Ok(false) => previous = Some(attempt),
                Err(StoreError::Malformed) => return Ok(unreadable(key)),
                Err(_) => return Err(TABLE),
            }
        }
    }

    /// Asks Spotify for a linked subscriber's entitlements, without a lease, because nothing is sent. Returns whether the record is up to date: if not, the
    /// subscriber must be synced.
    pub(crate) async fn is_in_sync(&self, subscriber: &Subscriber, state: &mut RunState) -> Result<bool, SyncError> {
        let observed = self.observe(subscriber, state).await?;
        Ok(observed.is_some_and(|observed| {
            subscriber.is_satisfied_by(&observed) && subscriber.observed.as_ref() == Some(&observed)
        }))
    }

    async fn observe(
        &self,
        subscriber: &Subscriber,
        state: &mut RunState,
    ) -> Result<Option<ObservedEntitlements>, SyncError> {
        let asked = self
            .spotify
            .get_entitlements(&subscriber.partner_id, &subscriber.partner_user_id);
        // Boxed: the future of a call is too large for the stack.
        self.call_permitted(&mut state.permits, Box::pin(asked)).await
    }

    /// Compares the entitlements at Spotify with the desired ones, and replaces them if they differ. `subscriber` is the leased record, and is updated if
    /// Spotify confirms the link.
    async fn reconcile(
        &self,
        subscriber: &mut Subscriber,
        why: SyncTrigger,
        owner: &str,
        state: &mut RunState,
    ) -> Result<SyncOutcome, SyncError> {
        if subscriber.link.state == LinkState::None {
            return Ok(SyncOutcome::NoOp);
        }
        if let Some(on_hold) = self.still_on_hold(subscriber, state).await {
            return Ok(on_hold);
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
            let Some(observed) = self.observe(subscriber, state).await? else {
                return self.not_linked(subscriber, "get-entitlements", state).await;
            };
            if subscriber.is_satisfied_by(&observed) {
                return Ok(SyncOutcome::InSync {
                    evidence: "get-entitlements",
                    changed: false,
                    observed,
                });
            }
            // Stored before anything is sent: whatever happens to the change, a link that Spotify has just confirmed is not missing.
            if subscriber.link.state != LinkState::Linked && !self.confirm(subscriber, owner).await? {
                let at = Some(self.clock.now());
                return Ok(SyncOutcome::CheckAgain { at });
            }
            observed
        };
        let desired = subscriber.desired().cloned().unwrap_or_default();
        if !observed.is_subset(&desired)
            && let Some(failure) = self.revocation_hold(subscriber, state).await
        {
            return self.grant_only(subscriber, observed, &desired, failure, state).await;
        }
        let desired = ObservedEntitlements::from(&desired);
        if !self.replace(subscriber, &desired, state).await? {
            return self.not_linked(subscriber, "replace-entitlements", state).await;
        }
        Ok(SyncOutcome::InSync {
            evidence: "replace-entitlements",
            changed: true,
            observed: desired,
        })
    }

    /// Stores that Spotify has confirmed the link. Returns `false` if the link has changed meanwhile, so that the attempt must begin anew.
    async fn confirm(&self, subscriber: &mut Subscriber, owner: &str) -> Result<bool, SyncError> {
        let now = self.clock.now();
        let confirmed = self
            .subscribers
            .confirm_link(subscriber, "get-entitlements", owner, now);
        let Some(confirmed) = confirmed.await? else {
            return Ok(false);
        };
        log_confirmed(subscriber);
        *subscriber = confirmed;
        Ok(true)
    }

    /// Outcome for a subscriber whose revocation is still on hold and who has nothing to be granted: no call to Spotify. Thousands may wait for an operator.
    async fn still_on_hold(&self, subscriber: &Subscriber, state: &mut RunState) -> Option<SyncOutcome> {
        let is_held = subscriber.last_error.as_deref() == Some(GUARD_HELD);
        let observed = subscriber.observed.as_ref().filter(|_| is_held)?;
        let desired = subscriber.desired()?;
        if observed.equals(desired) || !observed.is_superset(desired) {
            return None;
        }
        let failure = self.revocation_hold(subscriber, state).await?;
        Some(SyncOutcome::RevocationOnHold {
            observed: observed.clone(),
            at: self.clock.now().saturating_add(HOLD_RECHECK_DELAY),
            failure,
        })
    }

    /// A check of an unlinked subscriber that failed is not retried, but made again the next day, as long as the daily checks go on.
    fn limit_checks(&self, leased: &Subscriber, attempt: Attempt) -> Attempt {
        let is_unlinked = leased.link.state == LinkState::Unlinked;
        match attempt.outcome {
            SyncOutcome::Retry { .. } if is_unlinked => Attempt {
                outcome: SyncOutcome::CheckAgain {
                    at: self.next_daily_check(leased),
                },
                ..attempt
            },
            _ => attempt,
        }
    }

    /// Calls `replace-entitlements` with the full set. Returns `false` if Spotify reported that there is no link.
    async fn replace(
        &self,
        subscriber: &Subscriber,
        entitlements: &ObservedEntitlements,
        state: &mut RunState,
    ) -> Result<bool, SyncError> {
        let (partner_id, partner_user_id) = (&subscriber.partner_id, &subscriber.partner_user_id);
        let replaced = self
            .spotify
            .replace_entitlements(partner_id, partner_user_id, entitlements);
        match self.call_permitted(&mut state.permits, Box::pin(replaced)).await {
            Ok(()) => Ok(true),
            Err(SyncError::Spotify(SpotifyError::OpenAccess(OpenAccessError::NotLinked))) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Asks the revocation guard whether the subscriber may lose entitlements. Returns the `last_error` to store if not, or `None` if it may.
    async fn revocation_hold(&self, subscriber: &Subscriber, state: &mut RunState) -> Option<&'static str> {
        let partner_id = subscriber.partner_id.as_str();
        if let Some(failure) = state.revocation_holds.get(partner_id) {
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
        state.revocation_holds.insert(partner_id.to_owned(), failure);
        Some(failure)
    }

    /// Sends the grants and leaves out the revocations, which are on hold.
    async fn grant_only(
        &self,
        subscriber: &Subscriber,
        observed: ObservedEntitlements,
        desired: &Entitlements,
        failure: &'static str,
        state: &mut RunState,
    ) -> Result<SyncOutcome, SyncError> {
        let mut both = observed.union(desired);
        if both.len() > Entitlements::MAX_COUNT {
            // The union exceeds the limit: leave the entitlements unchanged.
            both.clone_from(&observed);
        }
        if both != observed && !self.replace(subscriber, &both, state).await? {
            return self.not_linked(subscriber, "replace-entitlements", state).await;
        }
        Ok(SyncOutcome::RevocationOnHold {
            observed: both,
            at: self.clock.now().saturating_add(HOLD_RECHECK_DELAY),
            failure,
        })
    }
}

/// Attempt without effect: nothing was due, or another worker holds the lease.
fn no_op(impact: Impact) -> Attempt {
    Attempt {
        outcome: SyncOutcome::NoOp,
        impact,
    }
}

/// Attempt at a subscriber whose item is malformed. It must not stop the run.
fn unreadable(key: &SubscriberKey) -> Attempt {
    log!(
        error,
        Code::SyncFailed,
        partner_id = key.partner_id(),
        reason = "malformed item in the subscribers table"
    );
    no_op(Impact::Unreadable)
}

/// Records how long a sync took or has been pending, and counts drift: a change at Spotify that did not come from this table. A check of a missing link is
/// neither.
fn record_metrics(before: &Subscriber, outcome: &SyncOutcome, why: SyncTrigger, now: i64) {
    let waited = before.dirty_since.map(|since| now.saturating_sub(since));
    match outcome {
        SyncOutcome::InSync { changed: true, .. } => match waited {
            // An import takes hours, as its operator knows.
            Some(_) if before.lane == Some(Lane::Bulk) => {}
            Some(waited) => metrics::record(Metric::SyncLag, waited),
            None if why == SyncTrigger::Reconcile => metrics::count(Metric::Drift),
            None => {}
        },
        SyncOutcome::Retry { .. } | SyncOutcome::RevocationOnHold { .. } if before.lane != Some(Lane::Check) => {
            metrics::record(Metric::DirtyAge, waited.unwrap_or(0));
        }
        _ => {}
    }
}

/// Logs that Spotify has confirmed a link, or has one again.
fn log_confirmed(before: &Subscriber) {
    let partner_id = before.partner_id.as_str();
    if before.link.is_missing() {
        log!(info, Code::LinkRestored, partner_id);
    } else {
        log!(info, Code::LinkConfirmed, partner_id);
        metrics::count(Metric::Confirmed);
    }
}

/// Logs a change of the link.
fn log_outcome(before: &Subscriber, outcome: &SyncOutcome) {
    let partner_id = before.partner_id.as_str();
    let link = &before.link;
    match outcome {
        SyncOutcome::InSync { .. } if link.state != LinkState::Linked => log_confirmed(before),
        SyncOutcome::Suspect { .. } => log!(warn, Code::LinkSuspect, partner_id),
        SyncOutcome::Unlinked { .. } => match link.state {
            LinkState::Unlinked => {}
            _ if link.is_unlinking() => log!(info, Code::LinkEnded, partner_id),
            LinkState::Suspect => {
                log!(warn, Code::LinkLost, partner_id);
                metrics::count(Metric::LinkLost);
            }
            _ => log!(info, Code::LinkNotCompleted, partner_id),
        },
        _ => {}
    }
}
