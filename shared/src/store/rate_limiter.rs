//! Rate limit of calls to Spotify, shared by all workers. One item of the subscribers table per client stores the time of the next permitted call, and a pause
//! that Spotify demanded.

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};

use super::{
    StoreError,
    error::store_error,
    item::{Item, ItemExt as _, number, text},
    write::{Condition, ConditionalWrite, Write},
};

/// Upper bound of the time for which callers queue, in milliseconds.
const MAX_QUEUE_MS: i64 = 60_000;
/// Upper bound of attempts to acquire a permit while other workers acquire theirs.
const MAX_ATTEMPTS: usize = 16;
/// Interval between the probes of a pause, in milliseconds. Spotify's `Retry-After` is obeyed by all other calls (Open Access, "Rate limits"); the probes are a
/// deliberate exception, because a pause of days would otherwise outlast its cause.
const PROBE_INTERVAL_MS: i64 = 3_600_000;

/// The rate limiter of one Spotify client.
#[derive(Clone, Debug)]
pub struct RateLimiter {
    client: Client,
    table: String,
    id: String,
    /// Minimum time between two calls, in milliseconds.
    interval: i64,
}

/// Result of [`RateLimiter::acquire`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// `count` permits are acquired, one for each `interval` from `first_call_at_ms` (milliseconds since 1970) on. The caller waits for the time of a permit.
    From {
        /// Time of the first permitted call.
        first_call_at_ms: i64,
        /// Number of permitted calls.
        count: i64,
    },
    /// The caller may call at once to find out whether Spotify still demands the pause. If Spotify accepts the call, the caller ends the pause.
    Probe,
    /// No permit is acquired before this time, in milliseconds since 1970.
    Unavailable {
        /// Earliest time of the next attempt.
        until_ms: i64,
        /// Whether Spotify demanded a pause, instead of other callers being ahead.
        paused: bool,
    },
}

/// State of the rate limiter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimiterStatus {
    /// Time of the next permitted call, in milliseconds since 1970; `None` if no call was made yet.
    pub next_call_at_ms: Option<i64>,
    /// End of the pause that Spotify demanded, in milliseconds since 1970; `None` without a pause.
    pub paused_until_ms: Option<i64>,
    /// Time of the next probe, in milliseconds since 1970; `None` without a pause.
    pub probe_at_ms: Option<i64>,
}

impl RateLimiter {
    /// Creates a limiter of `rate` calls per second for the client `client_id`.
    #[must_use]
    pub fn new(client: Client, table: String, client_id: &str, rate: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the cast saturates, and the configuration bounds the rate"
        )]
        let interval = (1000.0 / rate).ceil() as i64;
        Self {
            client,
            table,
            id: format!("rate-limit#{client_id}"),
            interval,
        }
    }

    /// Minimum time between two calls, in milliseconds.
    #[must_use]
    pub fn interval_ms(&self) -> i64 {
        self.interval
    }

    /// Acquires permits from `now_ms` (milliseconds since 1970) on: at most `count`, and all of them at most `max_wait_ms` ahead. Callers without urgency
    /// therefore ask for a short `max_wait_ms`: an urgent caller comes after the permits that others hold.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if too many workers compete, or DynamoDB is unavailable. A retry is safe: at worst permits stay unused. Otherwise
    /// another [`StoreError`].
    pub async fn acquire(&self, count: i64, now_ms: i64, max_wait_ms: i64) -> Result<Permit, StoreError> {
        let mut next = now_ms;
        for _ in 0..MAX_ATTEMPTS {
            let first_call_at_ms = next.max(now_ms);
            let latest = now_ms.saturating_add(max_wait_ms);
            if first_call_at_ms > latest {
                let until_ms = first_call_at_ms.saturating_sub(max_wait_ms);
                // A time so far ahead is no queue, but a pause that an earlier version stored.
                let paused = first_call_at_ms.saturating_sub(now_ms) > MAX_QUEUE_MS;
                return Ok(Permit::Unavailable { until_ms, paused });
            }
            let room = latest.saturating_sub(first_call_at_ms) / self.interval;
            let count = count.clamp(1, room.max(1));
            let end = first_call_at_ms.saturating_add(count.saturating_mul(self.interval));
            let Err(stored) = self.advance(next, end, now_ms).await? else {
                return Ok(Permit::From {
                    first_call_at_ms,
                    count,
                });
            };
            if let Some(paused_until_ms) = stored.paused_until_ms.filter(|until| *until > now_ms) {
                return self.probe(paused_until_ms, stored.probe_at_ms, now_ms).await;
            }
            next = stored.next_call_at_ms.unwrap_or(now_ms);
        }
        Err(StoreError::Unavailable)
    }

    /// Pauses all calls until `until_ms` (milliseconds since 1970), as Spotify's `Retry-After` demands, except for one probe an hour. Never shortens a pause.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
    pub async fn pause_until(&self, until_ms: i64, now_ms: i64) -> Result<(), StoreError> {
        let earlier = Condition::less("paused_until", number(until_ms));
        let write = Write::new()
            .set("paused_until", number(until_ms))
            .set("probe_at", number(now_ms.saturating_add(PROBE_INTERVAL_MS)))
            .when(Condition::absent("paused_until").or(earlier));
        // The condition does not hold if a longer pause is stored.
        write.send(self.update()).await.map(drop)
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
    pub async fn clear(&self) -> Result<(), StoreError> {
        let write = Write::new().remove(&["next_call_at", "paused_until", "probe_at"]);
        write.send(self.update()).await.map(drop)
    }

    /// Reads the state of the limiter.
    ///
    /// # Errors
    /// [`StoreError`] if the item cannot be read or is malformed. A retry is safe.
    pub async fn status(&self) -> Result<RateLimiterStatus, StoreError> {
        let get = self.client.get_item().table_name(&self.table);
        let got = get.key("id", text(&self.id)).consistent_read(true).send().await;
        status_of(&got.map_err(|error| store_error(&error))?.item.unwrap_or_default())
    }

    /// Acquires the next probe of a pause, if it is time. Exactly one of several callers succeeds.
    async fn probe(&self, until_ms: i64, probe_at_ms: Option<i64>, now_ms: i64) -> Result<Permit, StoreError> {
        let unavailable = |until_ms| Permit::Unavailable { until_ms, paused: true };
        let probe_at_ms = probe_at_ms.unwrap_or(i64::MAX);
        if probe_at_ms > now_ms {
            return Ok(unavailable(until_ms.min(probe_at_ms)));
        }
        let next_probe_at_ms = now_ms.saturating_add(PROBE_INTERVAL_MS);
        let write = Write::new()
            .set("probe_at", number(next_probe_at_ms))
            .when(Condition::equal("probe_at", number(probe_at_ms)));
        Ok(if write.send(self.update()).await?.is_done() {
            Permit::Probe
        } else {
            unavailable(until_ms.min(next_probe_at_ms))
        })
    }

    /// Moves the time of the next call from `from` to `to`. The inner error is the stored state, if there is a pause, or the time is neither `from` nor past.
    async fn advance(&self, from: i64, to: i64, now_ms: i64) -> Result<Result<(), RateLimiterStatus>, StoreError> {
        let mut free = Condition::absent("next_call_at").or(Condition::equal("next_call_at", number(from)));
        if from <= now_ms {
            free = free.or(Condition::less("next_call_at", number(now_ms)));
        }
        let pause_ended = Condition::at_most("paused_until", number(now_ms));
        let write = Write::new()
            .set("next_call_at", number(to))
            .when(free)
            .when(Condition::absent("paused_until").or(pause_ended));
        match write.send(self.update()).await? {
            ConditionalWrite::Done(_) => Ok(Ok(())),
            ConditionalWrite::Refused(item) => status_of(&item.unwrap_or_default()).map(Err),
        }
    }

    fn update(&self) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        update
            .key("id", text(&self.id))
            .return_values(ReturnValue::None)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

impl RateLimiterStatus {
    /// End of a pause that has not ended at `now_ms`, in milliseconds since 1970.
    #[must_use]
    pub fn paused_until(&self, now_ms: i64) -> Option<i64> {
        let queued_until = now_ms.saturating_add(MAX_QUEUE_MS);
        let far_ahead = self.next_call_at_ms.filter(|at| *at > queued_until);
        self.paused_until_ms.max(far_ahead).filter(|until| *until > now_ms)
    }
}

fn status_of(item: &Item) -> Result<RateLimiterStatus, StoreError> {
    Ok(RateLimiterStatus {
        next_call_at_ms: item.integer("next_call_at")?,
        paused_until_ms: item.integer("paused_until")?,
        probe_at_ms: item.integer("probe_at")?,
    })
}
