//! Settling one person: what Spotify is asked, and what its answer means.

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

/// For so long, in seconds, after `register-user` a 404 may only mean that Spotify has not finished.
const LINK_GRACE_SECS: i64 = 300;
/// How long until a link that Spotify may not have finished is asked about again.
const LINK_RECHECK_SECS: i64 = 30;
/// Rights would be taken away, and an operator has to look first.
const GUARD_HELD: &str = "guard_held";
/// The guard does not answer: what a run that met it ends with.
pub(crate) const GUARD_UNAVAILABLE: EventError = EventError("the guard does not answer");
/// How long, in milliseconds, a turn at Spotify is waited for: two turns and what is called in them must fit into [`shared::store::LEASE_SECS`].
const MAX_PERMIT_WAIT_MS: i64 = 15_000;

/// The partners from whose people nothing is taken away for the rest of a run, and why: there may be thousands of people behind one, and each question to the guard
/// is a write.
pub(crate) type RevocationHolds = HashMap<String, &'static str>;

/// Whether a run met a guard that does not answer.
pub(crate) fn guard_unavailable(withheld: &RevocationHolds) -> bool {
    withheld.values().any(|failure| *failure == GUARD_UNAVAILABLE_REASON)
}

impl Synchronizer {
    /// Makes Spotify follow one person, again while what is wanted changes meanwhile.
    pub(crate) async fn sync_subscriber(
        &self,
        key: &SubscriberKey,
        why: SyncTrigger,
        withheld: &mut RevocationHolds,
    ) -> Result<Attempt, EventError> {
        const TABLE: EventError = EventError("the table does not answer");
        let owner = self.name()?;
        let mut before: Option<Attempt> = None;
        loop {
            let taken = match self.subscribers.acquire_lease(key, why, &owner, self.clock.now()).await {
                Ok(Some(taken)) => taken,
                Ok(None) => {
                    // What has changed meanwhile is not due yet. What Spotify said of everybody is still true.
                    if before.is_some() {
                        self.subscribers.release_lease(key, &owner).await.map_err(|_| TABLE)?;
                    }
                    let of_everybody = before.filter(|before| before.impact != Impact::None);
                    return Ok(of_everybody.unwrap_or_else(nothing));
                }
                // One item that cannot be read holds up nobody else.
                Err(StoreError::Malformed) => {
                    log!(
                        error,
                        Code::SyncFailed,
                        partner_id = key.partner_id(),
                        reason = "an item of the table is malformed"
                    );
                    return Ok(nothing());
                }
                Err(_) => return Err(TABLE),
            };
            let attempt = match self.reconcile(&taken, why, withheld).await {
                Ok(outcome) => Attempt {
                    outcome,
                    impact: Impact::None,
                },
                Err(SyncError::Spotify(error)) => self.retry_outcome(&taken, &error).await?,
                Err(SyncError::RateLimited(seconds)) => self.defer(seconds),
            };
            let now = self.clock.now();
            let noted = self
                .subscribers
                .complete(&taken, &attempt.outcome, &owner, now)
                .await
                .map_err(|_| TABLE)?;
            if noted {
                log_outcome(&taken, &attempt.outcome);
                record_metrics(&taken, &attempt.outcome, why, now);
                return Ok(attempt);
            }
            // They changed meanwhile, and are still in our hand.
            before = Some(attempt);
        }
    }

    /// Asks Spotify what has to be asked, and has it follow.
    async fn reconcile(
        &self,
        person: &Subscriber,
        why: SyncTrigger,
        withheld: &mut RevocationHolds,
    ) -> Result<SyncOutcome, SyncError> {
        if !person.link.state.may_be_linked() {
            return Ok(SyncOutcome::NoOp);
        }
        // Whoever is linked, and of whom the backend has said something new, needs no question first.
        let news = person.link.state == LinkState::Linked && person.version > person.synced_version;
        let known = person.observed.clone().filter(|_| why == SyncTrigger::Due && news);
        let held = if let Some(held) = known {
            held
        } else {
            self.wait_for_permit().await?;
            let asked = self
                .spotify
                .get_entitlements(&person.partner_id, &person.partner_user_id);
            let Some(held) = asked.await? else {
                return Ok(self.not_linked(person, "get-entitlements"));
            };
            if person.desired().is_none_or(|wanted| *wanted == held) {
                return Ok(SyncOutcome::InSync {
                    evidence: "get-entitlements",
                    changed: false,
                    observed: held,
                });
            }
            held
        };
        let wanted = person.desired().cloned().unwrap_or_default();
        if !held.is_subset(&wanted)
            && let Some(failure) = self.revocation_hold(person, withheld).await
        {
            return self.grant_only(person, held, &wanted, failure).await;
        }
        if let Some(lost) = self.replace(person, &wanted).await? {
            return Ok(lost);
        }
        Ok(SyncOutcome::InSync {
            evidence: "replace-entitlements",
            changed: true,
            observed: wanted,
        })
    }

    /// One call with the whole set; what it means when there is no link.
    async fn replace(
        &self,
        person: &Subscriber,
        entitlements: &Entitlements,
    ) -> Result<Option<SyncOutcome>, SyncError> {
        self.wait_for_permit().await?;
        let (partner_id, partner_user_id) = (&person.partner_id, &person.partner_user_id);
        match self
            .spotify
            .replace_entitlements(partner_id, partner_user_id, entitlements)
            .await
        {
            Ok(()) => Ok(None),
            Err(SpotifyError::OpenAccess(OpenAccessError::NotLinked)) => {
                Ok(Some(self.not_linked(person, "replace-entitlements")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Why rights may not be taken away from one more person of the partner just now; nothing when they may.
    async fn revocation_hold(&self, person: &Subscriber, withheld: &mut RevocationHolds) -> Option<&'static str> {
        let partner_id = person.partner_id.as_str();
        if let Some(failure) = withheld.get(partner_id) {
            return Some(failure);
        }
        let asked = self
            .guard
            .check_revocation(&person.partner_id, &person.partner_user_id, self.clock.now())
            .await;
        let failure = match asked {
            Ok(RevocationDecision::Allowed) => return None,
            Ok(RevocationDecision::OnHold { newly: just_now }) => {
                if just_now {
                    log!(error, Code::GuardHeld, partner_id);
                }
                GUARD_HELD
            }
            Err(_) => {
                log!(error, Code::SyncFailed, partner_id, reason = GUARD_UNAVAILABLE.0);
                GUARD_UNAVAILABLE_REASON
            }
        };
        withheld.insert(partner_id.to_owned(), failure);
        Some(failure)
    }

    /// Gives what is to be granted, and leaves what would be taken away until an operator has looked.
    async fn grant_only(
        &self,
        person: &Subscriber,
        held: Entitlements,
        wanted: &Entitlements,
        failure: &'static str,
    ) -> Result<SyncOutcome, SyncError> {
        let mut both = held.union(wanted);
        if both.len() > Entitlements::MAX_COUNT {
            // Nobody may have as many, so that they keep what they have.
            both.clone_from(&held);
        }
        if both != held
            && let Some(lost) = self.replace(person, &both).await?
        {
            return Ok(lost);
        }
        Ok(SyncOutcome::RevocationOnHold {
            observed: both,
            at: self.clock.now().saturating_add(HOLD_RECHECK_DELAY),
            failure,
        })
    }

    /// A 404: no link, unless it is so young that Spotify may not have finished it.
    fn not_linked(&self, person: &Subscriber, evidence: &'static str) -> SyncOutcome {
        let now = self.clock.now();
        let young = person
            .registered_at
            .is_some_and(|registered_at| now < registered_at.saturating_add(LINK_GRACE_SECS));
        if young {
            SyncOutcome::Retry {
                at: now.saturating_add(LINK_RECHECK_SECS),
                in_flight: false,
                failure: NOT_LINKED_YET,
            }
        } else {
            SyncOutcome::Unlinked { evidence }
        }
    }

    /// Waits for a turn at Spotify. Where none can be had, the pace is the last thing to fail over.
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

/// There was nothing to do, or another has them in hand.
fn nothing() -> Attempt {
    Attempt {
        outcome: SyncOutcome::NoOp,
        impact: Impact::None,
    }
}

/// How long it took until Spotify followed, or has taken so far; and what had changed there behind our back.
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

/// Writes down a change of the link.
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
