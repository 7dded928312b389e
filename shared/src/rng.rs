//! Random bytes. The only module that reads the operating system's generator; everything else takes an [`Rng`] argument, so tests are
//! reproducible.

#[cfg(any(test, feature = "test-support"))]
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::Duration;

/// A source of random bytes.
#[derive(Clone, Debug, Default)]
pub enum Rng {
    /// The operating system's generator, through aws-lc.
    #[default]
    System,
    /// A deterministic generator: its seed, and the number of blocks drawn so far.
    #[cfg(any(test, feature = "test-support"))]
    Seeded(u64, Arc<AtomicU64>),
}

/// The operating system returned no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no random bytes from the operating system")]
pub struct RngError;

impl Rng {
    /// A generator that yields the same bytes for the same seed.
    #[cfg(any(test, feature = "test-support"))]
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(seed, Arc::new(AtomicU64::new(0)))
    }

    /// Draws `N` random bytes.
    ///
    /// # Errors
    /// [`RngError`] if the operating system returns none. A retry is safe.
    #[expect(clippy::disallowed_methods, reason = "only this module draws random bytes")]
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], RngError> {
        let mut bytes = [0; N];
        match self {
            Self::System => aws_lc_rs::rand::fill(&mut bytes).map_err(|_| RngError)?,
            #[cfg(any(test, feature = "test-support"))]
            Self::Seeded(seed, drawn) => {
                for chunk in bytes.chunks_mut(32) {
                    let turn = drawn.fetch_add(1, Ordering::SeqCst);
                    let block = [seed.to_be_bytes(), turn.to_be_bytes()].concat();
                    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &block);
                    for (byte, random) in chunk.iter_mut().zip(digest.as_ref()) {
                        *byte = *random;
                    }
                }
            }
        }
        Ok(bytes)
    }
}

/// A random duration below `bound`, so that competing callers do not wait equally long. Predictable: never for secrets.
#[must_use]
pub fn jitter(bound: Duration) -> Duration {
    bound.mul_f64(fastrand::f64())
}
