//! Random ids, codes and tokens: from the operating system, or from a seed for repeatable values.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::hex;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A source of random tokens. Clones draw from the same sequence.
#[derive(Clone, Debug)]
pub(crate) struct TokenSource(Arc<Source>);

#[derive(Debug)]
enum Source {
    System(SystemRandom),
    Seeded { seed: u64, drawn: AtomicU64 },
}

impl TokenSource {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self(Arc::new(match seed {
            Some(seed) => Source::Seeded {
                seed,
                drawn: AtomicU64::new(0),
            },
            None => Source::System(SystemRandom::new()),
        }))
    }

    /// Restarts a seeded sequence.
    pub(crate) fn rewind(&self) {
        if let Source::Seeded { drawn, .. } = &*self.0 {
            drawn.store(0, Ordering::Relaxed);
        }
    }

    fn block(&self) -> [u8; 32] {
        let mut block = [0; 32];
        match &*self.0 {
            Source::System(random) => {
                if random.fill(&mut block).is_err() {
                    // Predictable tokens would be worse than no sandbox.
                    std::process::abort();
                }
            }
            Source::Seeded { seed, drawn } => {
                let turn = drawn.fetch_add(1, Ordering::Relaxed);
                let message = [seed.to_be_bytes(), turn.to_be_bytes()].concat();
                block.copy_from_slice(digest(&SHA256, &message).as_ref());
            }
        }
        block
    }

    /// Returns a token of 43 URL-safe characters.
    pub(crate) fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.block())
    }

    /// Returns `length` base-62 characters, at most 32.
    pub(crate) fn base62(&self, length: usize) -> String {
        self.block()
            .iter()
            .take(length)
            // The modulo bias is harmless in an id.
            .filter_map(|byte| BASE62.get(usize::from(*byte) % BASE62.len()))
            .map(|byte| char::from(*byte))
            .collect()
    }

    /// Returns a random UUID (version 4).
    pub(crate) fn uuid(&self) -> String {
        let mut uuid = String::with_capacity(36);
        for (place, byte) in self.block().iter().take(16).enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                uuid.push('-');
            }
            let byte = match place {
                6 => (byte & 0x0f) | 0x40,
                8 => (byte & 0x3f) | 0x80,
                _ => *byte,
            };
            uuid.push_str(&hex::encode(&[byte]));
        }
        uuid
    }

    /// Returns 32 lower-case hexadecimal characters.
    pub(crate) fn hex(&self) -> String {
        self.block()
            .first_chunk::<16>()
            .map(|bytes| hex::encode(bytes))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_tokens_and_another_seed_differs() {
        let (one, again, other) = (
            TokenSource::new(Some(7)),
            TokenSource::new(Some(7)),
            TokenSource::new(Some(8)),
        );
        let first = one.token();
        assert_eq!(first, again.token());
        assert_ne!(first, one.token());
        assert_ne!(first, other.token());
        one.rewind();
        assert_eq!(first, one.token());
    }

    #[test]
    fn generated_ids_have_the_expected_format() {
        let rng = TokenSource::new(None);
        assert_eq!(rng.base62(22).len(), 22);
        let uuid = rng.uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
    }
}
