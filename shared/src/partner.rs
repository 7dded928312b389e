//! Owns the words of Spotify Open Access about partners: who a partner is, who a subscriber is to it, and what they may hear.
//! Needs nothing but HMAC. Refuses everything outside Spotify's rules, so that whoever holds one of these types need not check again.

use std::{collections::BTreeSet, fmt};

use aws_lc_rs::hmac;
use serde::Serialize;

use crate::encoding::hex;

/// A partner, as Spotify names it: opaque, 22 characters of base 62 in every example seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PartnerId(String);

impl PartnerId {
    /// Takes 1 to 64 characters of `[0-9A-Za-z]`: what fits into a path unescaped.
    ///
    /// # Errors
    /// [`PartnerError::PartnerId`] for anything else.
    pub fn parse(partner_id: &str) -> Result<Self, PartnerError> {
        if (1..=64).contains(&partner_id.len()) && partner_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(Self(partner_id.to_owned()))
        } else {
            Err(PartnerError::PartnerId)
        }
    }

    /// The id as Spotify wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it looks like every partner id seen so far. Worth a warning when it does not, never a refusal.
    #[must_use]
    pub fn has_usual_length(&self) -> bool {
        self.0.len() == 22
    }
}

impl fmt::Display for PartnerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A subscriber, as the partner names them to Spotify: lower-case hexadecimal, 16 to 128 characters, unique, never given to
/// another person, no personal data (Open Access Concepts, "Partner User ID").
///
/// It never prints: a subscriber is known in logs by a short keyed hash only.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PartnerUserId(String);

impl PartnerUserId {
    /// Takes `^[0-9a-f]{16,128}$`.
    ///
    /// # Errors
    /// [`PartnerError::PartnerUserId`] for anything else: dashes, braces, upper case, `0x`.
    pub fn parse(partner_user_id: &str) -> Result<Self, PartnerError> {
        let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if (16..=128).contains(&partner_user_id.len()) && partner_user_id.bytes().all(hexadecimal) {
            Ok(Self(partner_user_id.to_owned()))
        } else {
            Err(PartnerError::PartnerUserId)
        }
    }

    /// HMAC-SHA-256 of `partner_id`, a zero byte and `sub`: 64 characters, the same for ever under the same key, and of no use
    /// to anybody who guesses account names without it.
    #[must_use]
    pub fn derive(key: &hmac::Key, partner_id: &PartnerId, sub: &str) -> Self {
        let mut context = hmac::Context::with_key(key);
        context.update(partner_id.as_str().as_bytes());
        context.update(&[0]);
        context.update(sub.as_bytes());
        Self(hex(context.sign().as_ref()))
    }

    /// The id itself, for the signed payload and for the table's key.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PartnerUserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PartnerUserId([redacted])")
    }
}

/// What opens an episode: a name of the partner's choice that a subscriber and an episode share.
///
/// Spotify documents no alphabet; `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`, compared case-sensitively, is ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Entitlement(String);

impl Entitlement {
    /// Takes one name.
    ///
    /// # Errors
    /// [`PartnerError::Entitlement`] outside the alphabet or longer than 128 characters.
    pub fn parse(entitlement: &str) -> Result<Self, PartnerError> {
        let bytes = entitlement.as_bytes();
        let starts_well = bytes.first().is_some_and(u8::is_ascii_alphanumeric);
        let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"._:-".contains(byte);
        if starts_well && bytes.len() <= 128 && bytes.iter().all(inside) {
            Ok(Self(entitlement.to_owned()))
        } else {
            Err(PartnerError::Entitlement)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A subscriber's whole set of entitlements: each once, sorted, so that equal sets are signed as equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Entitlements(BTreeSet<Entitlement>);

impl Entitlements {
    /// The most one subscriber may hold. Spotify names no limit; a signed body of this many stays far below 100 KB.
    pub const MAX_COUNT: usize = 500;

    /// Takes the names of one set, dropping repeats.
    ///
    /// # Errors
    /// [`PartnerError::Entitlement`] for a bad name, [`PartnerError::TooManyEntitlements`] above [`Self::MAX_COUNT`].
    pub fn parse<S: AsRef<str>>(entitlements: impl IntoIterator<Item = S>) -> Result<Self, PartnerError> {
        let mut set = BTreeSet::new();
        for entitlement in entitlements {
            set.insert(Entitlement::parse(entitlement.as_ref())?);
            if set.len() > Self::MAX_COUNT {
                return Err(PartnerError::TooManyEntitlements);
            }
        }
        Ok(Self(set))
    }

    /// Those of both.
    #[must_use]
    pub fn union(&self, more: &Self) -> Self {
        Self(self.0.union(&more.0).cloned().collect())
    }

    /// Those that are not among `less`.
    #[must_use]
    pub fn difference(&self, less: &Self) -> Self {
        Self(self.0.difference(&less.0).cloned().collect())
    }

    /// Whether each of them is among `others`.
    #[must_use]
    pub fn is_subset(&self, others: &Self) -> bool {
        self.0.is_subset(&others.0)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Entitlement::as_str)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A show on Spotify, `spotify:show:` and 22 characters of base 62.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShowUri(String);

impl ShowUri {
    /// Takes a show's URI, or its bare id.
    ///
    /// # Errors
    /// [`PartnerError::ShowUri`] for anything else.
    pub fn parse(show: &str) -> Result<Self, PartnerError> {
        let id = show.strip_prefix("spotify:show:").unwrap_or(show);
        if id.len() == 22 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(Self(format!("spotify:show:{id}")))
        } else {
            Err(PartnerError::ShowUri)
        }
    }

    /// The URI.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 22 characters at its end.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.strip_prefix("spotify:show:").unwrap_or_default()
    }
}

/// What breaks one of Spotify's rules, or ours where it has none. Never holds the value that broke it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartnerError {
    /// Not a partner id.
    #[error("a partner_id is 1 to 64 characters of 0-9, A-Z, a-z")]
    PartnerId,
    /// Not a Partner User ID.
    #[error("a partner_user_id is 16 to 128 characters of lower-case hexadecimal")]
    PartnerUserId,
    /// Not an entitlement.
    #[error(
        "an entitlement is 1 to 128 characters of 0-9, A-Z, a-z, '.', '_', ':', '-', and starts with a letter or digit"
    )]
    Entitlement,
    /// More entitlements than we send.
    #[error("a subscriber has at most 500 entitlements")]
    TooManyEntitlements,
    /// Not a show.
    #[error("a show is spotify:show: and 22 characters of 0-9, A-Z, a-z")]
    ShowUri,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_partner_user_id_is_16_to_128_lower_case_hexadecimal_characters() {
        for good in [
            "0123456789abcdef",
            &"a".repeat(32),
            &"0".repeat(64),
            &"f".repeat(128),
            &"a".repeat(17),
        ] {
            assert_eq!(PartnerUserId::parse(good).unwrap().expose(), good);
        }
        let dashed = "63e6d54b-993a-447f-a1e8-1d25dd5f09ac";
        let bad = [
            "",
            &"a".repeat(15),
            &"a".repeat(129),
            "0123456789ABCDEF",
            dashed,
            "{0123456789abcdef}",
            "0x0123456789abcdef",
        ];
        for bad in bad.into_iter().chain([
            " 0123456789abcdef",
            "0123456789abcdef\n",
            "٠١٢٣٤٥٦٧٨٩abcdef",
            "0123456789abcdeg",
        ]) {
            assert_eq!(PartnerUserId::parse(bad), Err(PartnerError::PartnerUserId), "{bad:?}");
        }
    }

    #[test]
    fn a_derived_partner_user_id_is_stable_keyed_and_namespaced_by_partner() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let other_key = hmac::Key::new(hmac::HMAC_SHA256, &[8; 32]);
        let partner = PartnerId::parse("0000000000000000000000").unwrap();
        let other = PartnerId::parse("1111111111111111111111").unwrap();
        let derived = PartnerUserId::derive(&key, &partner, "ada@example.com");
        assert_eq!(derived, PartnerUserId::derive(&key, &partner, "ada@example.com"));
        assert_ne!(derived, PartnerUserId::derive(&other_key, &partner, "ada@example.com"));
        assert_ne!(derived, PartnerUserId::derive(&key, &other, "ada@example.com"));
        assert_ne!(derived, PartnerUserId::derive(&key, &partner, "eve@example.com"));
        assert!(PartnerUserId::parse(derived.expose()).is_ok());
        assert_eq!(derived.expose().len(), 64);
    }

    #[test]
    fn a_partner_user_id_does_not_print() {
        let id = PartnerUserId::parse("0123456789abcdef").unwrap();
        assert!(!format!("{id:?}").contains("0123"));
    }

    #[test]
    fn entitlements_are_sorted_and_each_once() {
        let set = Entitlements::parse(["tier-b", "tier-a", "tier-b", "Tier-a"]).unwrap();
        assert_eq!(set.iter().collect::<Vec<_>>(), ["Tier-a", "tier-a", "tier-b"]);
        assert!(Entitlements::parse((0..=Entitlements::MAX_COUNT).map(|n| n.to_string())).is_err());
        for bad in ["", "-a", ".a", "a b", "ä", "a/b", "a\n", &"a".repeat(129)] {
            assert!(Entitlement::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_show_is_taken_as_uri_or_id() {
        let uri = "spotify:show:5CfCWKI5pZ28U0uOzXkDHe";
        assert_eq!(
            ShowUri::parse(uri).unwrap(),
            ShowUri::parse("5CfCWKI5pZ28U0uOzXkDHe").unwrap()
        );
        assert_eq!(ShowUri::parse(uri).unwrap().as_str(), uri);
        for bad in [
            "",
            "spotify:show:",
            "spotify:show:short",
            "spotify:episode:5CfCWKI5pZ28U0uOzXkDHe",
            "5CfCWKI5pZ28U0uOzXkDH/",
        ] {
            assert!(ShowUri::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_parses_reads_back_unchanged(text in ".{0,140}", hexadecimal in "[0-9a-f]{16,128}") {
            if let Ok(id) = PartnerId::parse(&text) { prop_assert_eq!(id.as_str(), &text); }
            if let Ok(id) = PartnerUserId::parse(&text) { prop_assert_eq!(id.expose(), &text); }
            if let Ok(name) = Entitlement::parse(&text) { prop_assert_eq!(name.as_str(), &text); }
            if let Ok(show) = ShowUri::parse(&text) { prop_assert_eq!(ShowUri::parse(show.as_str()), Ok(show.clone())); }
            prop_assert!(PartnerUserId::parse(&hexadecimal).is_ok());
        }
    }
}
