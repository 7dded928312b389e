//! Retries: maps an error of a Spotify call to an outcome, and to its impact on the rest of the run.

use shared::{
    log,
    oauth::token::TokenError,
    runtime::worker::EventError,
    spotify::{OpenAccessError, SpotifyError},
    store::{LEASE_SECS, StoreError, Subscriber, SyncOutcome},
    telemetry::Code,
};

use crate::Synchronizer;

/// Delay in seconds after Spotify refused a request: only an operator can fix the cause.
const REQUEST_REFUSED_DELAY: i64 = 3600;
/// Delay in seconds after Spotify refused the client or its access to a partner.
const CLIENT_REFUSED_DELAY: i64 = 300;
/// Upper bound, in seconds, of the delay during a hold by the revocation guard or a pause by Spotify. An operator may end either early.
pub(crate) const HOLD_RECHECK_DELAY: i64 = 300;
/// `last_error`: the revocation guard is unavailable.
pub(crate) const GUARD_UNAVAILABLE_REASON: &str = "guard_unavailable";
/// `last_error`: Spotify may not have completed a recent link.
pub(crate) const NOT_LINKED_YET: &str = "not_linked_yet";
/// `last_error`: Spotify or the rate limiter permits no calls for now.
const RATE_LIMITED: &str = "rate_limited";
/// Failures that are not published as events: they pass without action, or an alarm reports them.
pub(crate) const INTERNAL_ERRORS: [&str; 3] = [NOT_LINKED_YET, RATE_LIMITED, GUARD_UNAVAILABLE_REASON];
/// Upper bound of the retry backoff, in seconds.
const MAX_BACKOFF_SECS: i64 = 600;

/// Result of one attempt to sync one subscriber.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// Outcome to store.
    pub(crate) outcome: SyncOutcome,
    /// Impact on the rest of the run.
    pub(crate) impact: Impact,
}

/// Impact of an attempt on the rest of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Impact {
    /// The run continues.
    None,
    /// The run continues. The item of the subscriber is unreadable, so no retry can succeed.
    Unreadable,
    /// Spotify did not answer, or the answer says nothing about this subscriber. Several in a row stop the run.
    Unanswered,
    /// The run skips the partner's other subscribers.
    StopPartner,
    /// The run stops.
    StopRun,
}

/// Why an attempt to sync a subscriber failed.
pub(crate) enum SyncError {
    /// A call to Spotify failed.
    Spotify(SpotifyError),
    /// The rate limiter permits no call yet.
    NoPermit {
        /// Time until a permit may be available, in seconds.
        seconds: i64,
        /// Whether Spotify demanded a pause, instead of other calls being ahead.
        paused: bool,
    },
    /// The brake cannot be read or written.
    Table(StoreError),
}

impl From<StoreError> for SyncError {
    fn from(error: StoreError) -> Self {
        Self::Table(error)
    }
}

impl From<SpotifyError> for SyncError {
    fn from(error: SpotifyError) -> Self {
        Self::Spotify(error)
    }
}

impl Synchronizer {
    /// Decides when a failed call is retried, and its impact on the run. A 429 pauses all workers for the time in `Retry-After`, except for one probe an hour.
    pub(crate) async fn retry_outcome(
        &self,
        subscriber: &Subscriber,
        error: &SpotifyError,
    ) -> Result<Attempt, EventError> {
        let now = self.clock.now();
        let retry_in = |seconds: i64, failure| SyncOutcome::Retry {
            at: now.saturating_add(seconds),
            in_flight: false,
            failure,
        };
        let backoff = backoff(subscriber.attempts);
        let (outcome, impact, code) = match error {
            SpotifyError::OpenAccess(OpenAccessError::RateLimited { retry_after })
            | SpotifyError::Token(TokenError::RateLimited { retry_after }) => {
                let seconds = self.pause(*retry_after).await?;
                (
                    retry_in(seconds.min(HOLD_RECHECK_DELAY), RATE_LIMITED),
                    Impact::StopRun,
                    Code::SyncStopped,
                )
            }
            SpotifyError::OpenAccess(OpenAccessError::Forbidden) => (
                retry_in(CLIENT_REFUSED_DELAY, "partner_refused"),
                Impact::StopPartner,
                Code::SyncStopped,
            ),
            SpotifyError::OpenAccess(OpenAccessError::Unauthorized)
            | SpotifyError::Token(TokenError::InvalidClient | TokenError::ScopeMissing | TokenError::Refused { .. })
            | SpotifyError::Secret(_) => (
                retry_in(CLIENT_REFUSED_DELAY, "client_refused"),
                Impact::StopRun,
                Code::SyncStopped,
            ),
            SpotifyError::OpenAccess(OpenAccessError::Refused { .. } | OpenAccessError::Conflict) => (
                retry_in(REQUEST_REFUSED_DELAY, "request_refused"),
                Impact::None,
                Code::SyncFailed,
            ),
            // Spotify may still process the call: no other call for the subscriber may start until it can no longer be in flight.
            SpotifyError::OpenAccess(error) if error.may_be_in_flight() => {
                let in_flight = SyncOutcome::Retry {
                    at: now.saturating_add(backoff.max(LEASE_SECS)),
                    in_flight: true,
                    failure: "no_answer",
                };
                (in_flight, Impact::Unanswered, Code::SyncFailed)
            }
            _ => (retry_in(backoff, "unavailable"), Impact::Unanswered, Code::SyncFailed),
        };
        log!(
            warn,
            code,
            partner_id = subscriber.partner_id.as_str(),
            reason = error.to_string()
        );
        Ok(Attempt { outcome, impact })
    }

    /// Pauses all workers for the time in `Retry-After`. Returns that time, in seconds.
    async fn pause(&self, retry_after: Option<u64>) -> Result<i64, EventError> {
        let seconds = retry_after.and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(5);
        let now_ms = self.clock.now_ms();
        let until_ms = now_ms.saturating_add(seconds.saturating_mul(1000));
        let paused = self.rate_limiter.pause_until(until_ms, now_ms).await;
        paused.map_err(|_| EventError("the rate limiter is unavailable"))?;
        Ok(seconds)
    }

    /// Defers a subscriber without a call, because the rate limiter permits none for a while. Waiting here would outlast the lease.
    pub(crate) fn defer(&self, seconds: i64, paused: bool) -> Attempt {
        if paused {
            log!(warn, Code::SyncStopped, reason = "calls to Spotify are paused");
        }
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

/// Exponential backoff after `attempts` failed attempts, in seconds.
fn backoff(attempts: i64) -> i64 {
    5_i64.saturating_mul(1 << attempts.clamp(0, 7)).min(MAX_BACKOFF_SECS)
}
