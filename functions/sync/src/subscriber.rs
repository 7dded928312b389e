//! Settling one person: what Spotify is asked, and what its answer means.

use std::{collections::HashMap, time::Duration};

use shared::{
    log,
    partner::Entitlements,
    runtime::worker::EventError,
    spotify::{OpenAccessError, SpotifyError},
    store::{LinkState, Outcome, Removal, StoreError, Subscriber, SubscriberKey, Turn, Why},
    telemetry::{
        Code,
        metrics::{self, Metric},
    },
};

use crate::{
    Synchronizer,
    retry::{Attempt, GUARD_UNAVAILABLE, HELD, Impact, NOT_LINKED_YET, Trouble},
};

/// For so long, in seconds, after `register-user` a 404 may only mean that Spotify has not finished.
const SETTLING: i64 = 300;
/// How long until a link that Spotify may not have finished is asked about again.
const ASK_AGAIN: i64 = 30;
/// Rights would be taken away, and an operator has to look first.
const GUARD_HELD: &str = "guard_held";
/// The guard does not answer: what a run that met it ends with.
pub(crate) const UNGUARDED: EventError = EventError("the guard does not answer");
/// How long, in milliseconds, a turn at Spotify is waited for: two turns and what is called in them must fit into [`shared::store::LEASE`].
const LONGEST_WAIT: i64 = 15_000;

/// The partners from whose people nothing is taken away for the rest of a run, and why: there may be thousands of people behind one, and each question to the guard
/// is a write.
pub(crate) type Withheld = HashMap<String, &'static str>;

/// Whether a run met a guard that does not answer.
pub(crate) fn is_unguarded(withheld: &Withheld) -> bool {
    withheld.values().any(|failure| *failure == GUARD_UNAVAILABLE)
}

impl Synchronizer {
    /// Makes Spotify follow one person, again while what is wanted changes meanwhile.
    pub(crate) async fn settle(
        &self,
        key: &SubscriberKey,
        why: Why,
        withheld: &mut Withheld,
    ) -> Result<Attempt, EventError> {
        const TABLE: EventError = EventError("the table does not answer");
        let me = self.name()?;
        let mut before: Option<Attempt> = None;
        loop {
            let taken = match self.subscribers.take(key, why, &me, self.clock.now()).await {
                Ok(Some(taken)) => taken,
                Ok(None) => {
                    // What has changed meanwhile is not due yet. What Spotify said of everybody is still true.
                    if before.is_some() {
                        self.subscribers.let_go(key, &me).await.map_err(|_| TABLE)?;
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
            let attempt = match self.asked(&taken, why, withheld).await {
                Ok(outcome) => Attempt {
                    outcome,
                    impact: Impact::None,
                },
                Err(Trouble::Spotify(error)) => self.in_vain(&taken, &error).await?,
                Err(Trouble::NotNow(seconds)) => self.put_off(seconds),
            };
            let now = self.clock.now();
            let noted = self
                .subscribers
                .note(&taken, &attempt.outcome, &me, now)
                .await
                .map_err(|_| TABLE)?;
            if noted {
                tell(&taken, &attempt.outcome);
                measure(&taken, &attempt.outcome, why, now);
                return Ok(attempt);
            }
            // They changed meanwhile, and are still in our hand.
            before = Some(attempt);
        }
    }

    /// Asks Spotify what has to be asked, and has it follow.
    async fn asked(&self, person: &Subscriber, why: Why, withheld: &mut Withheld) -> Result<Outcome, Trouble> {
        if !person.link.state.may_be_linked() {
            return Ok(Outcome::NothingToDo);
        }
        // Whoever is linked, and of whom the backend has said something new, needs no question first.
        let news = person.link.state == LinkState::Linked && person.version > person.synced_version;
        let known = person.held.clone().filter(|_| why == Why::Due && news);
        let held = if let Some(held) = known {
            held
        } else {
            self.turn().await?;
            let asked = self
                .spotify
                .get_entitlements(&person.partner_id, &person.partner_user_id);
            let Some(held) = asked.await? else {
                return Ok(self.not_linked(person, "get-entitlements"));
            };
            if person.wanted().is_none_or(|wanted| *wanted == held) {
                return Ok(Outcome::Follows {
                    evidence: "get-entitlements",
                    changed: false,
                    held,
                });
            }
            held
        };
        let wanted = person.wanted().cloned().unwrap_or_default();
        if !held.is_subset(&wanted)
            && let Some(failure) = self.withheld(person, withheld).await
        {
            return self.grant_alone(person, held, &wanted, failure).await;
        }
        if let Some(lost) = self.replace(person, &wanted).await? {
            return Ok(lost);
        }
        Ok(Outcome::Follows {
            evidence: "replace-entitlements",
            changed: true,
            held: wanted,
        })
    }

    /// One call with the whole set; what it means when there is no link.
    async fn replace(&self, person: &Subscriber, entitlements: &Entitlements) -> Result<Option<Outcome>, Trouble> {
        self.turn().await?;
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
    async fn withheld(&self, person: &Subscriber, withheld: &mut Withheld) -> Option<&'static str> {
        let partner_id = person.partner_id.as_str();
        if let Some(failure) = withheld.get(partner_id) {
            return Some(failure);
        }
        let asked = self
            .guard
            .removal(&person.partner_id, &person.partner_user_id, self.clock.now())
            .await;
        let failure = match asked {
            Ok(Removal::Allowed) => return None,
            Ok(Removal::Held { just_now }) => {
                if just_now {
                    log!(error, Code::GuardHeld, partner_id);
                }
                GUARD_HELD
            }
            Err(_) => {
                log!(error, Code::SyncFailed, partner_id, reason = UNGUARDED.0);
                GUARD_UNAVAILABLE
            }
        };
        withheld.insert(partner_id.to_owned(), failure);
        Some(failure)
    }

    /// Gives what is to be granted, and leaves what would be taken away until an operator has looked.
    async fn grant_alone(
        &self,
        person: &Subscriber,
        held: Entitlements,
        wanted: &Entitlements,
        failure: &'static str,
    ) -> Result<Outcome, Trouble> {
        let mut both = held.union(wanted);
        if both.len() > Entitlements::MOST {
            // Nobody may have as many, so that they keep what they have.
            both.clone_from(&held);
        }
        if both != held
            && let Some(lost) = self.replace(person, &both).await?
        {
            return Ok(lost);
        }
        Ok(Outcome::Withheld {
            held: both,
            at: self.clock.now().saturating_add(HELD),
            failure,
        })
    }

    /// A 404: no link, unless it is so young that Spotify may not have finished it.
    fn not_linked(&self, person: &Subscriber, evidence: &'static str) -> Outcome {
        let now = self.clock.now();
        let young = person
            .registered_at
            .is_some_and(|registered_at| now < registered_at.saturating_add(SETTLING));
        if young {
            Outcome::Later {
                at: now.saturating_add(ASK_AGAIN),
                in_flight: false,
                failure: NOT_LINKED_YET,
            }
        } else {
            Outcome::NotLinked { evidence }
        }
    }

    /// Waits for a turn at Spotify. Where none can be had, the pace is the last thing to fail over.
    async fn turn(&self) -> Result<(), Trouble> {
        let wait = match self.pace.turn(self.clock.now_ms(), LONGEST_WAIT).await {
            Ok(Turn::In(wait)) => wait,
            Ok(Turn::NotWithin(wait)) => return Err(Trouble::NotNow(wait.saturating_add(999) / 1000)),
            Err(_) => 0,
        };
        tokio::time::sleep(Duration::from_millis(u64::try_from(wait).unwrap_or(0))).await;
        Ok(())
    }
}

/// There was nothing to do, or another has them in hand.
fn nothing() -> Attempt {
    Attempt {
        outcome: Outcome::NothingToDo,
        impact: Impact::None,
    }
}

/// How long it took until Spotify followed, or has taken so far; and what had changed there behind our back.
fn measure(before: &Subscriber, outcome: &Outcome, why: Why, now: i64) {
    let waited = before.waiting_since.map(|since| now.saturating_sub(since));
    match outcome {
        Outcome::Follows { changed: true, .. } => match waited {
            Some(waited) => metrics::record(Metric::SyncLag, waited),
            None if why == Why::Reconcile => metrics::count(Metric::Drift),
            None => {}
        },
        Outcome::Later { .. } | Outcome::Withheld { .. } => metrics::record(Metric::DirtyAge, waited.unwrap_or(0)),
        _ => {}
    }
}

/// Writes down a change of the link.
fn tell(before: &Subscriber, outcome: &Outcome) {
    let partner_id = before.partner_id.as_str();
    match outcome {
        Outcome::Follows { .. } if before.link.state != LinkState::Linked => {
            log!(info, Code::LinkConfirmed, partner_id);
            metrics::count(Metric::Confirmed);
        }
        Outcome::NotLinked { .. } => {
            log!(warn, Code::LinkLost, partner_id);
            metrics::count(Metric::LinkLost);
        }
        _ => {}
    }
}
