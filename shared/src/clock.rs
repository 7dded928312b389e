//! Owns the time: the only place that reads it. Needs nothing. Refuses to be guessed at: everything that depends on the time
//! takes `now`, in whole seconds since 1970, as an argument.

#[cfg(feature = "test-support")]
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the time comes from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that moves when it is told to.
    #[cfg(feature = "test-support")]
    Fixed(Arc<AtomicI64>),
    /// The machine's clock, ahead by so many seconds.
    #[cfg(feature = "test-support")]
    Ahead(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `now` until [`Clock::advance`].
    #[cfg(feature = "test-support")]
    #[must_use]
    pub fn fixed(now: i64) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(now)))
    }

    /// A clock that goes as the machine's, and leaps by [`Clock::advance`].
    #[cfg(feature = "test-support")]
    #[must_use]
    pub fn ahead() -> Self {
        Self::Ahead(Arc::default())
    }

    /// Moves a clock of tests, also backwards; the machine's does not move.
    #[cfg(feature = "test-support")]
    pub fn advance(&self, seconds: i64) {
        if let Self::Fixed(moved) | Self::Ahead(moved) = self {
            moved.fetch_add(seconds, Ordering::SeqCst);
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the time")]
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            #[cfg(feature = "test-support")]
            Self::Fixed(now) => now.load(Ordering::SeqCst).saturating_mul(1000),
            #[cfg(feature = "test-support")]
            Self::Ahead(by) => Self::System
                .now_ms()
                .saturating_add(by.load(Ordering::SeqCst).saturating_mul(1000)),
        }
    }

    /// Whole seconds since 1970-01-01T00:00:00Z. A machine whose clock stands before that gets 0.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the time")]
    pub fn now(&self) -> i64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
            #[cfg(feature = "test-support")]
            Self::Fixed(now) => now.load(Ordering::SeqCst),
            #[cfg(feature = "test-support")]
            Self::Ahead(by) => Self::System.now().saturating_add(by.load(Ordering::SeqCst)),
        }
    }
}
