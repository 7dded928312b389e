//! Owns chance: the only place that draws random bytes. Needs the operating system's generator. Refuses to be drawn from
//! behind a caller's back: everything that needs chance takes it as an argument.

#[cfg(feature = "test-support")]
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Where random bytes come from.
#[derive(Clone, Debug, Default)]
pub enum Rng {
    /// The operating system, by way of aws-lc.
    #[default]
    System,
    /// The same bytes in the same order for the same seed.
    #[cfg(feature = "test-support")]
    Seeded(u64, Arc<AtomicU64>),
}

/// The operating system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct RngError;

impl Rng {
    /// Repeatable chance.
    #[cfg(feature = "test-support")]
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(seed, Arc::new(AtomicU64::new(0)))
    }

    /// `N` random bytes.
    ///
    /// # Errors
    /// [`RngError`] when the operating system has none to give.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that draws random bytes")]
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], RngError> {
        let mut bytes = [0; N];
        match self {
            Self::System => aws_lc_rs::rand::fill(&mut bytes).map_err(|_| RngError)?,
            #[cfg(feature = "test-support")]
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
