//! The browser binding: a journey must end in the browser in which it began (RFC 9700 §2.1). One cookie holds a random value per journey,
//! and the pending link stores the hash of its value.
//!
//! The cookie is a list, newest last, so that several tabs can link at once. Each value carries an HMAC tag, and a value without a valid
//! tag is dropped when the cookie is rewritten. This module sets no cookies.

use aws_lc_rs::hmac;

use crate::{
    encoding::base64url,
    rng::{Rng, RngError},
    secret::{constant_time_eq, secret_type, sha256_hex},
};

/// Upper bound of concurrent journeys in one browser. A further journey drops the oldest.
const MAX_BINDINGS: usize = 8;

secret_type! {
    /// The value of one journey: 43 random characters, followed by the 22 characters of their tag.
    BrowserBinding
}

impl BrowserBinding {
    /// Generates a value with a tag under `key`.
    ///
    /// # Errors
    /// [`RngError`] if there are no random bytes. A retry is safe.
    pub fn generate(rng: &Rng, key: &hmac::Key) -> Result<Self, RngError> {
        let value = base64url(rng.bytes::<32>()?);
        let tag = tag(key, &value);
        Ok(Self::new(value + &tag))
    }

    /// Parses 65 characters of `[A-Za-z0-9_-]`. The tag is not checked.
    fn parse(value: &str) -> Option<Self> {
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (value.len() == 65 && value.bytes().all(usual)).then(|| Self::new(value))
    }

    fn is_ours(&self, key: &hmac::Key) -> bool {
        self.expose()
            .split_at_checked(43)
            .is_some_and(|(value, its_tag)| constant_time_eq(tag(key, value).as_bytes(), its_tag.as_bytes()))
    }

    /// SHA-256 of the value, which the pending link stores.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256_hex(self.expose())
    }

    /// The `nonce` that a hand-off token for `partner_id` must contain to be accepted in this browser. It is a hash, so it does not reveal the
    /// value. It differs by partner, so one partner's sign-in page cannot sign the browser in at another.
    #[must_use]
    pub fn nonce(&self, partner_id: &str) -> String {
        sha256_hex(&format!("nonce {partner_id} {}", self.expose()))
    }
}

fn tag(key: &hmac::Key, value: &str) -> String {
    let tag = hmac::sign(key, value.as_bytes());
    base64url(tag.as_ref().get(..16).unwrap_or_default())
}

/// The values of one browser's journeys, oldest first.
#[derive(Debug, Default)]
pub struct BrowserBindings(Vec<BrowserBinding>);

impl BrowserBindings {
    /// Parses the value of the cookie. Malformed entries are left out, and only the newest eight are kept.
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

    /// Drops the values without a valid tag under `key`.
    #[must_use]
    pub fn retain_authentic(mut self, key: &hmac::Key) -> Self {
        self.0.retain(|binding| binding.is_ours(key));
        self
    }

    /// Iterates over the values, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &BrowserBinding> {
        self.0.iter()
    }

    /// Removes the value with this hash, because its journey has ended. Does nothing if there is no such value.
    pub fn remove(&mut self, hash: &str) {
        self.0
            .retain(|binding| !constant_time_eq(binding.hash().as_bytes(), hash.as_bytes()));
    }

    /// Builds the value of the cookie, with `new` as the last entry. Returns `None` if there are no entries.
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
    fn a_planted_value_is_dropped_and_an_authentic_one_is_kept() {
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
        fn no_cookie_yields_more_than_eight_bindings(cookie in ".{0,2000}") {
            prop_assert!(BrowserBindings::parse(&cookie).iter().count() <= MAX_BINDINGS);
        }
    }
}
