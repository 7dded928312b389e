//! The clock. The only module that reads the system time; everything else takes a [`Clock`], or `now` in seconds since 1970, so tests are
//! reproducible.

#[cfg(any(test, feature = "test-support"))]
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of the current time.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system clock.
    #[default]
    System,
    /// A clock that moves only by [`Clock::advance`]. Its value is in seconds since 1970.
    #[cfg(any(test, feature = "test-support"))]
    Fixed(Arc<AtomicI64>),
    /// The system clock plus an offset in seconds.
    #[cfg(any(test, feature = "test-support"))]
    Ahead(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stays at `now`, in seconds since 1970, until [`Clock::advance`].
    #[cfg(any(test, feature = "test-support"))]
    #[must_use]
    pub fn fixed(now: i64) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(now)))
    }

    /// A clock that runs with the system clock, and jumps by [`Clock::advance`].
    #[cfg(any(test, feature = "test-support"))]
    #[must_use]
    pub fn ahead() -> Self {
        Self::Ahead(Arc::default())
    }

    /// Moves a test clock by `seconds`, which may be negative. Has no effect on [`Clock::System`].
    #[cfg(any(test, feature = "test-support"))]
    pub fn advance(&self, seconds: i64) {
        if let Self::Fixed(moved) | Self::Ahead(moved) = self {
            moved.fetch_add(seconds, Ordering::SeqCst);
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z; 0 if the system clock is earlier.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "only this module reads the time")]
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            #[cfg(any(test, feature = "test-support"))]
            Self::Fixed(now) => now.load(Ordering::SeqCst).saturating_mul(1000),
            #[cfg(any(test, feature = "test-support"))]
            Self::Ahead(by) => Self::System
                .now_ms()
                .saturating_add(by.load(Ordering::SeqCst).saturating_mul(1000)),
        }
    }

    /// Whole seconds since 1970-01-01T00:00:00Z; 0 if the system clock is earlier.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "only this module reads the time")]
    pub fn now(&self) -> i64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
            #[cfg(any(test, feature = "test-support"))]
            Self::Fixed(now) => now.load(Ordering::SeqCst),
            #[cfg(any(test, feature = "test-support"))]
            Self::Ahead(by) => Self::System.now().saturating_add(by.load(Ordering::SeqCst)),
        }
    }
}
