//! Owns what is fetched from elsewhere and kept for a while: how old it may be, how long an old one serves while nobody answers, and how often is
//! asked out of turn. Needs the clock. Refuses to know what it keeps, and to become a stampede: one caller fetches, the others wait for it.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::clock::Clock;

/// For how long a fetched value is good. All in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How old a value may be before it is fetched again.
    pub max_age: i64,
    /// How old while fetching fails.
    pub stale_if_error: i64,
    /// How long none is tried after a failure, when there is no value to serve meanwhile.
    pub backoff: i64,
    /// How long after a failure, or after asking out of turn, the value at hand serves without another try.
    pub min_refresh_interval: i64,
}

impl Policy {
    /// Of what a partner publishes at a URL: keys, and an `OpenID` provider's metadata. Five minutes, at most once a minute for a key that is not known;
    /// while the URL is down, what is at hand serves for a day, so a withdrawn key lives no longer than that.
    pub const PUBLISHED: Self = Self {
        max_age: 300,
        stale_if_error: 24 * 3600,
        backoff: 5,
        min_refresh_interval: 60,
    };
}

/// A failure before did not lie long enough behind to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InBackoff;

/// A value that is fetched when it is needed.
#[derive(Debug)]
pub struct Cached<T> {
    limits: Policy,
    clock: Clock,
    kept: Mutex<Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    value: Option<Arc<T>>,
    fetched_at: i64,
    /// Not before this is anything fetched out of turn.
    next_try: i64,
}

impl<T> Cached<T> {
    /// Nothing yet.
    #[must_use]
    pub fn new(limits: Policy, clock: Clock) -> Self {
        let kept = Entry {
            value: None,
            fetched_at: 0,
            next_try: 0,
        };
        Self {
            limits,
            clock,
            kept: Mutex::new(kept),
        }
    }

    /// The value, young enough. `fetch` is told whether there is an older one.
    ///
    /// # Errors
    /// Those of `fetch`, when there is no value young enough to serve instead.
    pub async fn get<E, F>(&self, fetch: impl FnOnce(bool) -> F) -> Result<Arc<T>, E>
    where
        E: From<InBackoff>,
        F: Future<Output = Result<T, E>>,
    {
        // One at a time: those who wait find what the first has fetched.
        let mut kept = self.kept.lock().await;
        let now = self.clock.now();
        let age = now.saturating_sub(kept.fetched_at);
        match &kept.value {
            // A clock that went backwards makes an age below zero: fetch again.
            Some(value) if (0..self.limits.max_age).contains(&age) => return Ok(value.clone()),
            Some(value) if age < self.limits.stale_if_error && now < kept.next_try => return Ok(value.clone()),
            _ if now < kept.next_try => return Err(InBackoff.into()),
            _ => {}
        }
        match (self.fetch(&mut kept, fetch).await, &kept.value) {
            (Err(_), Some(value)) if (0..self.limits.stale_if_error).contains(&age) => Ok(value.clone()),
            (outcome, _) => outcome,
        }
    }

    /// The value after `refused` turned out not to be good: fetched again at once, unless that has just been done.
    ///
    /// # Errors
    /// Those of `fetch`.
    pub async fn refresh_unless_newer<E, F>(&self, refused: &Arc<T>, fetch: impl FnOnce(bool) -> F) -> Result<Arc<T>, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut kept = self.kept.lock().await;
        match &kept.value {
            Some(value) if !Arc::ptr_eq(value, refused) => Ok(value.clone()),
            Some(value) if self.clock.now() < kept.next_try => Ok(value.clone()),
            _ => {
                kept.next_try = self.clock.now().saturating_add(self.limits.min_refresh_interval);
                self.fetch(&mut kept, fetch).await
            }
        }
    }

    async fn fetch<E, F>(&self, kept: &mut Entry<T>, fetch: impl FnOnce(bool) -> F) -> Result<Arc<T>, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let now = self.clock.now();
        let has_value = kept.value.is_some();
        match fetch(has_value).await {
            Ok(value) => {
                let value = Arc::new(value);
                kept.fetched_at = now;
                kept.value = Some(value.clone());
                Ok(value)
            }
            Err(error) => {
                let pause = if has_value {
                    self.limits.min_refresh_interval
                } else {
                    self.limits.backoff
                };
                kept.next_try = now.saturating_add(pause);
                Err(error)
            }
        }
    }
}
