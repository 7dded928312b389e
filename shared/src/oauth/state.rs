//! `state` (RFC 6749 §10.12): 256 random bits that identify one journey. Only the hash is stored, so a reader of the table cannot complete
//! a journey.

use crate::{
    encoding::base64url,
    rng::{Rng, RngError},
    secret::{secret_type, sha256_hex},
};

secret_type! {
    /// The `state` of one journey: 43 characters of base64url.
    State
}

impl State {
    /// Generates a state.
    ///
    /// # Errors
    /// [`RngError`] if there are no random bytes. A retry is safe.
    pub fn generate(rng: &Rng) -> Result<Self, RngError> {
        Ok(Self::new(base64url(rng.bytes::<32>()?)))
    }

    /// Parses 43 characters of `[A-Za-z0-9_-]`. Returns `None` for any other text.
    #[must_use]
    pub fn parse(state: &str) -> Option<Self> {
        // Unused trailing bits are not checked, because no pending link is stored under a changed state.
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (state.len() == 43 && state.bytes().all(usual)).then(|| Self::new(state))
    }

    /// Computes the hash under which the pending link is stored.
    #[must_use]
    pub fn hash(&self) -> StateHash {
        StateHash(sha256_hex(self.expose()))
    }
}

/// SHA-256 of a [`State`], in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateHash(String);

impl StateHash {
    /// The hash as text of 64 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Rng, *};
    use proptest::prelude::*;

    #[test]
    fn generated_states_are_unique_and_valid() {
        let states: Vec<_> = (0..64).map(|_| State::generate(&Rng::System).unwrap()).collect();
        let unique: std::collections::HashSet<_> = states.iter().map(|state| state.expose().to_owned()).collect();
        assert_eq!(unique.len(), 64);
        assert!(
            states
                .iter()
                .all(|state| state.expose().len() == 43 && State::parse(state.expose()).is_some())
        );
    }

    #[test]
    fn a_malformed_state_is_rejected() {
        let good = State::generate(&Rng::seeded(1)).unwrap();
        let good = good.expose();
        let long = format!("{good}A");
        let padded = format!("{good}=");
        for bad in [
            "",
            &good[..42],
            &long,
            &padded,
            &"=".repeat(43),
            &"é".repeat(43),
            &format!("{}\0", &good[..42]),
        ] {
            assert!(State::parse(bad).is_none(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_state_round_trips(seed: u64, text in ".{0,60}") {
            let state = State::generate(&Rng::seeded(seed)).unwrap();
            prop_assert_eq!(State::parse(state.expose()).unwrap().hash(), state.hash());
            if let Some(parsed) = State::parse(&text) { prop_assert_eq!(parsed.expose(), text); }
        }
    }
}
