//! What a 404 of Spotify means. It may be true or false: a wrong URL, a fault at Spotify, or a link that is not complete yet. A link that Spotify has confirmed
//! therefore ends only with a second 404, and many first 404s at once end no link at all.

use shared::{
    log,
    store::{LinkState, Subscriber, SyncOutcome},
    telemetry::Code,
};

use crate::{
    Synchronizer,
    retry::{NOT_LINKED_YET, SyncError},
    subscriber::RunState,
};

/// Time in seconds after `register-user` during which a 404 may mean that Spotify has not completed the link yet (Open Access, `register-user`).
const LINK_GRACE_SECS: i64 = 300;
/// Delay in seconds before a recent link is checked again.
const LINK_RECHECK_SECS: i64 = 30;
/// Minimum time in seconds between the first and the second 404 of a link that was confirmed. Also the interval of the checks while the brake is on.
const SUSPECT_SECS: i64 = 600;
/// Interval of the checks of an unlinked subscriber, in seconds.
const DAILY_SECS: i64 = 86_400;
/// Number of daily checks after the end of a link.
const DAILY_CHECKS: i64 = 7;

impl Synchronizer {
    /// Outcome of a 404, answered to the call `evidence`.
    pub(crate) async fn not_linked(
        &self,
        subscriber: &Subscriber,
        evidence: &'static str,
        state: &mut RunState,
    ) -> Result<SyncOutcome, SyncError> {
        let now = self.clock.now();
        let link = &subscriber.link;
        let since = link.since.unwrap_or(now);
        if link.is_unlinking() {
            // Our own call explains the 404.
            return Ok(SyncOutcome::Unlinked { evidence, at: None });
        }
        if link.state == LinkState::Unlinked {
            let at = self.next_daily_check(subscriber);
            return Ok(SyncOutcome::Unlinked { evidence, at });
        }
        if link.state == LinkState::Suspect {
            let confirmable_at = since.saturating_add(SUSPECT_SECS);
            if now < confirmable_at {
                return Ok(SyncOutcome::CheckAgain {
                    at: Some(confirmable_at),
                });
            }
            return self.unlinked_unless_held(subscriber, evidence, state).await;
        }
        let completed_by = subscriber.registered_at.map(|at| at.saturating_add(LINK_GRACE_SECS));
        if completed_by.is_some_and(|completed_by| now < completed_by) {
            return Ok(SyncOutcome::Retry {
                at: now.saturating_add(LINK_RECHECK_SECS),
                in_flight: false,
                failure: NOT_LINKED_YET,
            });
        }
        if !subscriber.was_linked() {
            return self.unlinked_unless_held(subscriber, evidence, state).await;
        }
        let partner_id = &subscriber.partner_id;
        if self.brake.count_first_404(partner_id, now).await? {
            log!(error, Code::UnlinksHeld, partner_id = partner_id.as_str());
        }
        let at = now.saturating_add(SUSPECT_SECS);
        Ok(SyncOutcome::Suspect { evidence, at })
    }

    /// Time of the next daily check of an unlinked subscriber, in seconds since 1970; `None` after a week.
    pub(crate) fn next_daily_check(&self, subscriber: &Subscriber) -> Option<i64> {
        let now = self.clock.now();
        next_daily_check(subscriber.link.since.unwrap_or(now), now)
    }

    /// Ends a link, unless the partner's brake is on: then the link keeps its state and is checked again.
    async fn unlinked_unless_held(
        &self,
        subscriber: &Subscriber,
        evidence: &'static str,
        state: &mut RunState,
    ) -> Result<SyncOutcome, SyncError> {
        let now = self.clock.now();
        let partner_id = subscriber.partner_id.as_str();
        if !state.brakes_on.contains(partner_id) {
            if !self.brake.is_on_hold(&subscriber.partner_id).await? {
                let at = next_daily_check(now, now);
                return Ok(SyncOutcome::Unlinked { evidence, at });
            }
            state.brakes_on.insert(partner_id.to_owned());
        }
        let at = Some(now.saturating_add(SUSPECT_SECS));
        Ok(SyncOutcome::CheckAgain { at })
    }
}

/// Time of the next daily check of a subscriber who was unlinked at `since`; `None` after a week. All times are in seconds since 1970.
fn next_daily_check(since: i64, now: i64) -> Option<i64> {
    let day = now.saturating_sub(since).max(0) / DAILY_SECS + 1;
    (day <= DAILY_CHECKS).then_some(since.saturating_add(day.saturating_mul(DAILY_SECS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unlinked_subscriber_is_checked_daily_for_a_week() {
        let mut at = vec![1_000];
        // Each check runs up to a minute late.
        while let Some(next) = at.last().and_then(|last| next_daily_check(1_000, last + 59)) {
            at.push(next);
        }
        let days: Vec<_> = at.iter().map(|at| (at - 1_000) / DAILY_SECS).collect();
        assert_eq!(days, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
