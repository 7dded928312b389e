//! Rate limit of calls to Spotify, shared by all workers. One item of the subscribers table per client stores the time of the next permitted call.

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};

use super::{
    StoreError,
    item::{ItemExt as _, number, text},
    write::{Condition, ConditionalWrite, Write},
};

/// Upper bound of attempts to acquire a permit while other workers acquire theirs.
const MAX_ATTEMPTS: usize = 16;

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
    /// The permit is acquired. The caller must wait this many milliseconds before the call.
    After(i64),
    /// No permit is acquired: the wait, in milliseconds, would exceed the maximum.
    Unavailable(i64),
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

    /// Acquires the next permit from `now_ms` (milliseconds since 1970) on, unless the wait exceeds `max_wait_ms`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if too many workers compete, or DynamoDB is unavailable. A retry is safe: at worst one permit stays unused. Otherwise
    /// another [`StoreError`].
    pub async fn acquire(&self, now_ms: i64, max_wait_ms: i64) -> Result<Permit, StoreError> {
        let mut next = now_ms;
        for _ in 0..MAX_ATTEMPTS {
            let call_at = next.max(now_ms);
            let wait = call_at.saturating_sub(now_ms);
            if wait > max_wait_ms {
                return Ok(Permit::Unavailable(wait));
            }
            match self
                .advance(next, call_at.saturating_add(self.interval), now_ms)
                .await?
            {
                Ok(()) => return Ok(Permit::After(wait)),
                Err(stored) => next = stored,
            }
        }
        Err(StoreError::Unavailable)
    }

    /// Pauses all calls until `until_ms` (milliseconds since 1970), as Spotify's `Retry-After` demands. Never shortens a pause.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
    pub async fn pause_until(&self, until_ms: i64) -> Result<(), StoreError> {
        let earlier = Condition::less("next_call_at", number(until_ms));
        let write = Write::new()
            .set("next_call_at", number(until_ms))
            .when(Condition::absent("next_call_at").or(earlier));
        // The condition does not hold if a longer pause is stored.
        write.send(self.update()).await.map(drop)
    }

    /// Moves the time of the next call from `from` to `to`. The inner error is the stored time, if it is neither `from` nor in the past.
    async fn advance(&self, from: i64, to: i64, now_ms: i64) -> Result<Result<(), i64>, StoreError> {
        let mut free = Condition::absent("next_call_at").or(Condition::equal("next_call_at", number(from)));
        if from <= now_ms {
            free = free.or(Condition::less("next_call_at", number(now_ms)));
        }
        let update = self
            .update()
            .return_values(ReturnValue::None)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let write = Write::new().set("next_call_at", number(to)).when(free);
        match write.send(update).await? {
            ConditionalWrite::Done(_) => Ok(Ok(())),
            ConditionalWrite::Refused(item) => {
                let stored = item.unwrap_or_default().integer("next_call_at")?;
                stored.map(Err).ok_or(StoreError::Malformed)
            }
        }
    }

    fn update(&self) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        update.key("id", text(&self.id))
    }
}
