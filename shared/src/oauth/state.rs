//! `state` (RFC 6749 §10.12): 256 random bits that name one journey. Only its hash is stored, so a reader of the table cannot
//! finish anybody's journey.

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
    /// A new one.
    ///
    /// # Errors
    /// [`RngError`].
    pub fn generate(rng: &Rng) -> Result<Self, RngError> {
        Ok(Self::new(base64url(rng.bytes::<32>()?)))
    }

    /// Takes what a browser brought back, if it can be one of ours.
    #[must_use]
    pub fn parse(state: &str) -> Option<Self> {
        // Whether its last character can be one is not asked: a state that was changed is unknown, like any other that is not ours.
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (state.len() == 43 && state.bytes().all(usual)).then(|| Self::new(state))
    }

    /// The name it is stored under.
    #[must_use]
    pub fn hash(&self) -> StateHash {
        StateHash(sha256_hex(self.expose()))
    }
}

/// SHA-256 of a [`State`], in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateHash(String);

impl StateHash {
    /// 64 characters.
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
    fn states_are_unguessable_and_each_its_own() {
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
    fn what_cannot_be_ours_is_not_a_state() {
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
        fn a_state_reads_back(seed: u64, text in ".{0,60}") {
            let state = State::generate(&Rng::seeded(seed)).unwrap();
            prop_assert_eq!(State::parse(state.expose()).unwrap().hash(), state.hash());
            if let Some(parsed) = State::parse(&text) { prop_assert_eq!(parsed.expose(), text); }
        }
    }
}
