//! A cache for one fetched value, with a maximum age, stale-if-error and backoff. One caller fetches while the others wait for its result.
//! The cache does not know what it holds or where it comes from.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::clock::Clock;

/// Limits of a cached value, all in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Maximum age of a value before it is fetched again.
    pub max_age: i64,
    /// Maximum age of a value that is served while fetching fails.
    pub stale_if_error: i64,
    /// Pause after a failed fetch while no value is cached.
    pub backoff: i64,
    /// Pause after a failed fetch or a forced refresh, during which the cached value is served.
    pub min_refresh_interval: i64,
}

impl Policy {
    /// Policy for keys and `OpenID` provider metadata that a partner publishes at a URL. They are fetched every five minutes, and at most once
    /// a minute for an unknown key. While the URL is down, a withdrawn key stays in use for at most a day.
    pub const PUBLISHED: Self = Self {
        max_age: 300,
        stale_if_error: 24 * 3600,
        backoff: 5,
        min_refresh_interval: 60,
    };
}

/// The last fetch failed, and its backoff has not elapsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InBackoff;

/// A cached value that is fetched on demand.
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
    /// Earliest time of the next fetch after a failure or a forced refresh, in seconds since 1970.
    next_try: i64,
}

impl<T> Cached<T> {
    /// An empty cache.
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

    /// The cached value, or a new one from `fetch` if it is too old. The argument of `fetch` says whether an older value is cached.
    ///
    /// # Errors
    /// The error of `fetch`, or [`InBackoff`], if no cached value is recent enough to be served. A retry is safe after the backoff.
    pub async fn get<E, F>(&self, fetch: impl FnOnce(bool) -> F) -> Result<Arc<T>, E>
    where
        E: From<InBackoff>,
        F: Future<Output = Result<T, E>>,
    {
        // Held during the fetch, so that waiting callers find its result.
        let mut kept = self.kept.lock().await;
        let now = self.clock.now();
        let age = now.saturating_sub(kept.fetched_at);
        match &kept.value {
            // A negative age means that the clock went backwards: fetch again.
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

    /// Fetches again at once, because `refused` proved invalid. Returns the cached value if it is another one, or during the pause
    /// after a failure or forced refresh.
    ///
    /// # Errors
    /// The error of `fetch`. A retry is safe.
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
