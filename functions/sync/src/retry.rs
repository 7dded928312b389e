//! What is left to try again: how an error of Spotify's becomes an outcome, and what it means for the rest of the run.

use shared::{
    log,
    oauth::token::TokenError,
    runtime::worker::EventError,
    spotify::{OpenAccessError, SpotifyError},
    store::{LEASE_SECS, Subscriber, SyncOutcome},
    telemetry::Code,
};

use crate::Synchronizer;

/// How long, in seconds, somebody waits whose call Spotify refused as wrong: nobody but an operator can mend that.
const REQUEST_REFUSED_DELAY: i64 = 3600;
/// How long a partner waits whose client Spotify refused.
const CLIENT_REFUSED_DELAY: i64 = 300;
/// How long until what the guard, or a pause of Spotify's, holds is looked at again: an operator may have ended either.
pub(crate) const HOLD_RECHECK_DELAY: i64 = 300;
/// Whether rights may be taken away cannot be told.
pub(crate) const GUARD_UNAVAILABLE_REASON: &str = "guard_unavailable";
/// Spotify has not finished a link that is young.
pub(crate) const NOT_LINKED_YET: &str = "not_linked_yet";
/// Spotify has asked us to slow down.
const RATE_LIMITED: &str = "rate_limited";
/// Failures that are none to anybody but us: they pass by themselves, or we are paged.
pub(crate) const INTERNAL_ERRORS: [&str; 3] = [NOT_LINKED_YET, RATE_LIMITED, GUARD_UNAVAILABLE_REASON];
/// The longest wait after passing trouble.
const MAX_BACKOFF_SECS: i64 = 600;

/// One attempt to have Spotify follow one person.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// What is stored.
    pub(crate) outcome: SyncOutcome,
    /// What it means for the others.
    pub(crate) impact: Impact,
}

/// What an attempt means for the rest of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Impact {
    /// Nothing.
    None,
    /// Spotify gave no answer, or none that says anything of this person.
    Unanswered,
    /// No other subscriber of the partner is tried.
    StopPartner,
    /// No other subscriber is tried.
    StopRun,
}

/// Why somebody could not be settled.
pub(crate) enum SyncError {
    /// Spotify's: they will be tried again.
    Spotify(SpotifyError),
    /// Nobody may call Spotify for so many seconds.
    RateLimited(i64),
}

impl From<SpotifyError> for SyncError {
    fn from(error: SpotifyError) -> Self {
        Self::Spotify(error)
    }
}

impl Synchronizer {
    /// When to try again after a call that came to nothing, and whether anybody else is tried before.
    pub(crate) async fn retry_outcome(&self, person: &Subscriber, error: &SpotifyError) -> Result<Attempt, EventError> {
        let now = self.clock.now();
        let later = |seconds: i64, failure| SyncOutcome::Retry {
            at: now.saturating_add(seconds),
            in_flight: false,
            failure,
        };
        let backoff = backoff(person.attempts);
        let (outcome, impact, code) = match error {
            SpotifyError::OpenAccess(OpenAccessError::RateLimited { retry_after })
            | SpotifyError::Token(TokenError::RateLimited { retry_after }) => {
                let seconds = retry_after.and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(5);
                let until = self.clock.now_ms().saturating_add(seconds.saturating_mul(1000));
                let paused = self.pace.pause_until(until).await;
                paused.map_err(|_| EventError("the pace does not answer"))?;
                (
                    later(seconds.min(HOLD_RECHECK_DELAY), RATE_LIMITED),
                    Impact::StopRun,
                    Code::SyncStopped,
                )
            }
            SpotifyError::OpenAccess(OpenAccessError::Forbidden) => (
                later(CLIENT_REFUSED_DELAY, "partner_refused"),
                Impact::StopPartner,
                Code::SyncStopped,
            ),
            SpotifyError::OpenAccess(OpenAccessError::Unauthorized)
            | SpotifyError::Token(TokenError::InvalidClient | TokenError::ScopeMissing | TokenError::Refused { .. })
            | SpotifyError::Secret(_) => (
                later(CLIENT_REFUSED_DELAY, "client_refused"),
                Impact::StopRun,
                Code::SyncStopped,
            ),
            SpotifyError::OpenAccess(OpenAccessError::Refused { .. } | OpenAccessError::Conflict) => (
                later(REQUEST_REFUSED_DELAY, "request_refused"),
                Impact::None,
                Code::SyncFailed,
            ),
            // What was sent may yet be done: not before nobody can have it on the way any more is anything else sent about them.
            SpotifyError::OpenAccess(error) if error.may_be_in_flight() => {
                let in_flight = SyncOutcome::Retry {
                    at: now.saturating_add(backoff.max(LEASE_SECS)),
                    in_flight: true,
                    failure: "no_answer",
                };
                (in_flight, Impact::Unanswered, Code::SyncFailed)
            }
            _ => (later(backoff, "unavailable"), Impact::Unanswered, Code::SyncFailed),
        };
        log!(
            warn,
            code,
            partner_id = person.partner_id.as_str(),
            reason = error.to_string()
        );
        Ok(Attempt { outcome, impact })
    }

    /// Nothing was asked: it is not our turn for long. Whoever waited here would hold up the run, and have the person in hand beyond their time.
    pub(crate) fn defer(&self, seconds: i64) -> Attempt {
        log!(warn, Code::SyncStopped, reason = "Spotify wants no calls for a while");
        let outcome = SyncOutcome::Retry {
            at: self.clock.now().saturating_add(seconds.min(HOLD_RECHECK_DELAY)),
            in_flight: false,
            failure: RATE_LIMITED,
        };
        Attempt {
            outcome,
            impact: Impact::StopRun,
        }
    }
}

/// How many seconds to wait after so many tries.
fn backoff(tries: i64) -> i64 {
    5_i64.saturating_mul(1 << tries.clamp(0, 7)).min(MAX_BACKOFF_SECS)
}
