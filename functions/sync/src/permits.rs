//! Permits of the rate limiter. A block of subscribers without urgency takes its permits at once, and only a short time ahead, so that an urgent change never
//! waits for many of them. An urgent call takes one permit and waits for it.

use std::time::Duration;

use shared::{
    log,
    spotify::{OpenAccessError, SpotifyError},
    store::Permit,
    telemetry::Code,
};
use tokio::time::Instant;

use crate::{Synchronizer, retry::SyncError};

/// Upper bound of the wait for one permit, in milliseconds: two waits and their calls must fit into [`shared::store::LEASE_SECS`].
const MAX_PERMIT_WAIT_MS: i64 = 15_000;
/// How far ahead a block may take its permits, in milliseconds.
const MAX_AHEAD_MS: i64 = 2_000;

/// Permits that a run has acquired for a block of subscribers and not used yet.
#[derive(Debug, Default)]
pub(crate) struct PermitBlock {
    next_call_at_ms: i64,
    left: i64,
    /// Whether the next call is the probe of a pause.
    is_probe: bool,
}

/// Whether permits for a block were acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reservation {
    /// The block may start, with this number of subscribers.
    Granted(usize),
    /// Spotify has demanded a pause.
    Paused,
    /// The run's time is over.
    OutOfTime,
}

impl PermitBlock {
    /// Takes the next permit, and returns the time of its call. Permits that were left unused for long are void: used late, they would make a burst.
    fn take(&mut self, now_ms: i64, interval_ms: i64) -> Option<i64> {
        if self.left == 0 || self.next_call_at_ms.saturating_add(MAX_AHEAD_MS) < now_ms {
            return None;
        }
        let at = self.next_call_at_ms;
        self.left -= 1;
        self.next_call_at_ms = at.saturating_add(interval_ms);
        Some(at)
    }
}

impl Synchronizer {
    /// Acquires permits for up to `count` calls without urgency, and waits until urgent calls leave room. Does not wait longer than until `until`.
    pub(crate) async fn reserve_permits(&self, block: &mut PermitBlock, count: usize, until: Instant) -> Reservation {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        loop {
            let now_ms = self.clock.now_ms();
            let until_ms = match self.rate_limiter.acquire(count, now_ms, MAX_AHEAD_MS).await {
                Ok(Permit::From {
                    first_call_at_ms,
                    count,
                }) => {
                    *block = PermitBlock {
                        next_call_at_ms: first_call_at_ms,
                        left: count,
                        is_probe: false,
                    };
                    return Reservation::Granted(usize::try_from(count).unwrap_or(1));
                }
                Ok(Permit::Probe) => {
                    *block = PermitBlock {
                        is_probe: true,
                        ..PermitBlock::default()
                    };
                    return Reservation::Granted(1);
                }
                Ok(Permit::Unavailable { paused: true, .. }) => {
                    log!(warn, Code::SyncStopped, reason = "calls to Spotify are paused");
                    return Reservation::Paused;
                }
                Ok(Permit::Unavailable { until_ms, .. }) => until_ms,
                // Each call acquires its own permit.
                Err(_) => return Reservation::Granted(1),
            };
            let wake_at = Instant::now() + milliseconds(until_ms.saturating_sub(now_ms));
            if wake_at >= until {
                return Reservation::OutOfTime;
            }
            tokio::time::sleep_until(wake_at).await;
        }
    }

    /// Makes a call to Spotify when the rate limiter permits it. A probe that Spotify accepts ends the pause. An unavailable rate limiter does not prevent the
    /// call.
    pub(crate) async fn call_permitted<T>(
        &self,
        block: &mut PermitBlock,
        call: impl Future<Output = Result<T, SpotifyError>>,
    ) -> Result<T, SyncError> {
        let is_probe = self.wait_for_permit(block).await?;
        let answer = call.await;
        if is_probe && ends_pause(&answer) {
            // If this fails, the pause ends by itself or with a later probe.
            let _ = self.rate_limiter.clear().await;
        }
        Ok(answer?)
    }

    /// Waits for the next permit. Returns whether the call is a probe.
    async fn wait_for_permit(&self, block: &mut PermitBlock) -> Result<bool, SyncError> {
        if std::mem::take(&mut block.is_probe) {
            return Ok(true);
        }
        let now_ms = self.clock.now_ms();
        let call_at_ms = match block.take(now_ms, self.rate_limiter.interval_ms()) {
            Some(at) => at,
            None => match self.rate_limiter.acquire(1, now_ms, MAX_PERMIT_WAIT_MS).await {
                Ok(Permit::From { first_call_at_ms, .. }) => first_call_at_ms,
                Ok(Permit::Probe) => return Ok(true),
                Ok(Permit::Unavailable { until_ms, paused }) => {
                    let wait = until_ms.saturating_sub(now_ms).saturating_add(999) / 1000;
                    return Err(SyncError::NoPermit { seconds: wait, paused });
                }
                Err(_) => now_ms,
            },
        };
        // The shortest sleep takes a millisecond, also if the call may be made at once.
        if call_at_ms > now_ms {
            tokio::time::sleep(milliseconds(call_at_ms.saturating_sub(now_ms))).await;
        }
        Ok(false)
    }
}

/// Whether Spotify did not reject the probe because of its rate, whatever else it decided.
fn ends_pause<T>(answer: &Result<T, SpotifyError>) -> bool {
    match answer {
        Ok(_) => true,
        Err(SpotifyError::OpenAccess(error)) => matches!(
            error,
            OpenAccessError::NotLinked
                | OpenAccessError::Conflict
                | OpenAccessError::Refused { .. }
                | OpenAccessError::Unauthorized
                | OpenAccessError::Forbidden
        ),
        Err(_) => false,
    }
}

fn milliseconds(number: i64) -> Duration {
    Duration::from_millis(u64::try_from(number).unwrap_or(0))
}
