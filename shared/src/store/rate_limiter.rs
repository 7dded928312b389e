//! The pace at which all workers together call Spotify: one item of the subscribers table says when the next call may be made.

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

/// How often a turn is asked for anew when others take theirs at the same moment.
const MAX_ATTEMPTS: usize = 16;

/// The pace of one client of Spotify's.
#[derive(Clone, Debug)]
pub struct RateLimiter {
    client: Client,
    table: String,
    id: String,
    /// Between two calls, in milliseconds.
    interval: i64,
}

/// When whoever asks may call, in milliseconds from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Theirs, after so long.
    After(i64),
    /// None was taken, for it would have been so long.
    Unavailable(i64),
}

impl RateLimiter {
    /// Of the client `client_id`, at most `rate` calls per second.
    #[must_use]
    pub fn new(client: Client, table: String, client_id: &str, rate: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the cast saturates, and the rate is within reason"
        )]
        let interval = (1000.0 / rate).ceil() as i64;
        Self {
            client,
            table,
            id: format!("rate-limit#{client_id}"),
            interval,
        }
    }

    /// Takes the next turn after `now_ms` (milliseconds since 1970), unless that is more than `longest_ms` away.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn acquire(&self, now_ms: i64, max_wait_ms: i64) -> Result<Permit, StoreError> {
        let mut next = now_ms;
        for _ in 0..MAX_ATTEMPTS {
            let ours = next.max(now_ms);
            let wait = ours.saturating_sub(now_ms);
            if wait > max_wait_ms {
                return Ok(Permit::Unavailable(wait));
            }
            match self.advance(next, ours.saturating_add(self.interval), now_ms).await? {
                Ok(()) => return Ok(Permit::After(wait)),
                Err(other) => next = other,
            }
        }
        Err(StoreError::Unavailable)
    }

    /// Nobody calls before `until_ms`: Spotify has asked us to wait.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pause_until(&self, until_ms: i64) -> Result<(), StoreError> {
        let earlier = Condition::less("next_call_at", number(until_ms));
        let write = Write::new()
            .set("next_call_at", number(until_ms))
            .when(Condition::absent("next_call_at").or(earlier));
        // Refused when somebody has asked for longer.
        write.send(self.update()).await.map(drop)
    }

    /// Moves the next call from `from` to `to`; where it is another, that one is told. One that lies behind is as good as none.
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
                let other = item.unwrap_or_default().integer("next_call_at")?;
                other.map(Err).ok_or(StoreError::Malformed)
            }
        }
    }

    fn update(&self) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        update.key("id", text(&self.id))
    }
}
