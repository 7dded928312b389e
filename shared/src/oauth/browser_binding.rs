//! The browser binding (RFC 9700 §2.1): a journey ends in the browser in which it began. The browser holds a random value per
//! journey in one cookie; the pending link knows the value's hash.
//!
//! The cookie is a list, newest last, so that several tabs can be on their way at once. Values that we did not make ourselves are
//! dropped when it is written anew: each carries a tag (HMAC) of ours.

use aws_lc_rs::hmac;

use crate::{
    encoding::base64url,
    rng::{Rng, RngError},
    secret::{constant_time_eq, secret_type, sha256_hex},
};

/// How many journeys one browser can have under way. The oldest gives way.
const MAX_BINDINGS: usize = 8;

secret_type! {
    /// One journey's value in the browser: 43 random characters and the 22 of its tag.
    BrowserBinding
}

impl BrowserBinding {
    /// A new one.
    ///
    /// # Errors
    /// [`RngError`].
    pub fn generate(rng: &Rng, key: &hmac::Key) -> Result<Self, RngError> {
        let value = base64url(rng.bytes::<32>()?);
        let tag = tag(key, &value);
        Ok(Self::new(value + &tag))
    }

    /// Takes a value of the right shape.
    fn parse(value: &str) -> Option<Self> {
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (value.len() == 65 && value.bytes().all(usual)).then(|| Self::new(value))
    }

    fn is_ours(&self, key: &hmac::Key) -> bool {
        self.expose()
            .split_at_checked(43)
            .is_some_and(|(value, its_tag)| constant_time_eq(tag(key, value).as_bytes(), its_tag.as_bytes()))
    }

    /// What the pending link knows of it.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256_hex(self.expose())
    }

    /// The `nonce` that a hand-off token for this partner must bring back to this browser. It reveals nothing about the value, and counts at no other
    /// partner: one partner's sign-in page cannot use the nonce that it was given to sign a browser in at another.
    #[must_use]
    pub fn nonce(&self, partner_id: &str) -> String {
        sha256_hex(&format!("nonce {partner_id} {}", self.expose()))
    }
}

fn tag(key: &hmac::Key, value: &str) -> String {
    let tag = hmac::sign(key, value.as_bytes());
    base64url(tag.as_ref().get(..16).unwrap_or_default())
}

/// The journeys a browser has under way.
#[derive(Debug, Default)]
pub struct BrowserBindings(Vec<BrowserBinding>);

impl BrowserBindings {
    /// Takes the cookie's value; what is not of the right shape is left out.
    #[must_use]
    pub fn parse(cookie: &str) -> Self {
        let mut bindings: Vec<_> = cookie
            .split('.')
            .take(4 * MAX_BINDINGS)
            .filter_map(BrowserBinding::parse)
            .collect();
        bindings.drain(..bindings.len().saturating_sub(MAX_BINDINGS));
        Self(bindings)
    }

    /// Without the values that we did not make.
    #[must_use]
    pub fn retain_authentic(mut self, key: &hmac::Key) -> Self {
        self.0.retain(|binding| binding.is_ours(key));
        self
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &BrowserBinding> {
        self.0.iter()
    }

    /// Takes out the one with this hash, if it is there: its journey is over.
    pub fn remove(&mut self, hash: &str) {
        self.0
            .retain(|binding| !constant_time_eq(binding.hash().as_bytes(), hash.as_bytes()));
    }

    /// The cookie's value with `new` added, when there is something to keep.
    #[must_use]
    pub fn to_cookie(&self, new: Option<&BrowserBinding>) -> Option<String> {
        let kept = self.0.len().min(MAX_BINDINGS - usize::from(new.is_some()));
        let values: Vec<_> = self
            .0
            .iter()
            .skip(self.0.len() - kept)
            .chain(new)
            .map(BrowserBinding::expose)
            .collect();
        (!values.is_empty()).then(|| values.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::{Rng, *};
    use proptest::prelude::*;

    fn key(byte: u8) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32])
    }

    #[test]
    fn a_planted_value_is_dropped_and_ours_are_kept() {
        let ours = BrowserBinding::generate(&Rng::System, &key(1)).unwrap();
        let planted = BrowserBinding::generate(&Rng::System, &key(2)).unwrap();
        let cookie = format!("{}.{}.rubbish.", planted.expose(), ours.expose());
        let kept = BrowserBindings::parse(&cookie).retain_authentic(&key(1));
        assert_eq!(kept.to_cookie(None).as_deref(), Some(ours.expose()));
    }

    #[test]
    fn a_browser_keeps_its_eight_newest_journeys() {
        let mut cookie = String::new();
        let mut made = Vec::new();
        for _ in 0..10 {
            let new = BrowserBinding::generate(&Rng::System, &key(1)).unwrap();
            cookie = BrowserBindings::parse(&cookie)
                .retain_authentic(&key(1))
                .to_cookie(Some(&new))
                .unwrap();
            made.push(new.expose().to_owned());
        }
        assert_eq!(
            cookie.split('.').collect::<Vec<_>>(),
            made[2..].iter().map(String::as_str).collect::<Vec<_>>()
        );
        assert!(cookie.len() < 1024);
    }

    #[test]
    fn a_finished_journey_leaves_the_others() {
        let [one, other] = [1, 2].map(|seed| BrowserBinding::generate(&Rng::seeded(seed), &key(1)).unwrap());
        let mut bindings = BrowserBindings::parse(&format!("{}.{}", one.expose(), other.expose()));
        bindings.remove(&one.hash());
        assert_eq!(bindings.to_cookie(None).as_deref(), Some(other.expose()));
        bindings.remove(&other.hash());
        assert_eq!(bindings.to_cookie(None), None);
    }

    #[test]
    fn a_nonce_belongs_to_one_browser_and_one_partner() {
        let [one, other] = [1, 2].map(|seed| BrowserBinding::generate(&Rng::seeded(seed), &key(1)).unwrap());
        let nonces = [one.nonce("lunar"), one.nonce("solar"), other.nonce("lunar")];
        assert_eq!(one.nonce("lunar"), nonces[0]);
        assert!(nonces[0] != nonces[1] && nonces[0] != nonces[2]);
    }

    proptest! {
        #[test]
        fn no_cookie_makes_more_than_eight_bindings(cookie in ".{0,2000}") {
            prop_assert!(BrowserBindings::parse(&cookie).iter().count() <= MAX_BINDINGS);
        }
    }
}
