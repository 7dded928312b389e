//! The identifiers of Spotify Open Access: partner, subscriber, entitlement and show. Parsing rejects every value outside Spotify's rules,
//! so a value of these types needs no further check. This module knows neither storage nor HTTP.

use std::{collections::BTreeSet, fmt};

use aws_lc_rs::hmac;
use serde::Serialize;

use crate::encoding::hex;

/// Spotify's identifier of a partner (Open Access Concepts, "Partner ID"). Opaque; all known examples have 22 base-62 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PartnerId(String);

impl PartnerId {
    /// Parses 1 to 64 characters of `[0-9A-Za-z]`, which need no escaping in a URL path.
    ///
    /// # Errors
    /// [`PartnerError::PartnerId`] for any other text. A retry does not help.
    pub fn parse(partner_id: &str) -> Result<Self, PartnerError> {
        if (1..=64).contains(&partner_id.len()) && partner_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(Self(partner_id.to_owned()))
        } else {
            Err(PartnerError::PartnerId)
        }
    }

    /// The identifier as Spotify issued it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the identifier has 22 characters, as all known examples. Another length deserves a warning, but is not rejected.
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

/// The partner's identifier of a subscriber: 16 to 128 characters of lower-case hexadecimal (Open Access Concepts, "Partner User ID").
/// It is unique, never reassigned to another person, and contains no personal data.
///
/// `Debug` redacts it, because logs identify a subscriber only by a short keyed hash.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PartnerUserId(String);

impl PartnerUserId {
    /// Parses a text that matches `^[0-9a-f]{16,128}$`.
    ///
    /// # Errors
    /// [`PartnerError::PartnerUserId`] for any other text, such as one with dashes, braces or upper case. A retry does not help.
    pub fn parse(partner_user_id: &str) -> Result<Self, PartnerError> {
        let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if (16..=128).contains(&partner_user_id.len()) && partner_user_id.bytes().all(hexadecimal) {
            Ok(Self(partner_user_id.to_owned()))
        } else {
            Err(PartnerError::PartnerUserId)
        }
    }

    /// Derives the identifier from the account `sub`, as HMAC-SHA-256 of `partner_id`, a zero byte and `sub`. The result has 64 characters
    /// and depends on nothing else. Without `key`, it cannot be matched to a guessed account.
    #[must_use]
    pub fn derive(key: &hmac::Key, partner_id: &PartnerId, sub: &str) -> Self {
        let mut context = hmac::Context::with_key(key);
        context.update(partner_id.as_str().as_bytes());
        context.update(&[0]);
        context.update(sub.as_bytes());
        Self(hex(context.sign().as_ref()))
    }

    /// The plain text, for signed payloads and table keys.
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

/// A name chosen by the partner. A gated episode plays if subscriber and episode share an entitlement (Open Access Concepts, "Entitlement").
///
/// Spotify documents no alphabet. This crate accepts `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$` and compares case-sensitively.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Entitlement(String);

impl Entitlement {
    /// Parses one name.
    ///
    /// # Errors
    /// [`PartnerError::Entitlement`] if the name is empty, longer than 128 characters, or outside the alphabet. A retry does not help.
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

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The complete set of a subscriber's entitlements, unique and sorted, so that equal sets serialise to equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Entitlements(BTreeSet<Entitlement>);

impl Entitlements {
    /// Upper bound of a subscriber's entitlements. Spotify documents no limit; a signed body of this size stays below 100 KB.
    pub const MAX_COUNT: usize = 500;

    /// Parses the names of one set and drops repeated ones.
    ///
    /// # Errors
    /// [`PartnerError::Entitlement`] for an invalid name, or [`PartnerError::TooManyEntitlements`] for more than [`Self::MAX_COUNT`] names.
    /// A retry does not help.
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

    /// The entitlements in either set.
    #[must_use]
    pub fn union(&self, more: &Self) -> Self {
        Self(self.0.union(&more.0).cloned().collect())
    }

    /// The entitlements that are not in `less`.
    #[must_use]
    pub fn difference(&self, less: &Self) -> Self {
        Self(self.0.difference(&less.0).cloned().collect())
    }

    /// Whether every entitlement is in `others`.
    #[must_use]
    pub fn is_subset(&self, others: &Self) -> bool {
        self.0.is_subset(&others.0)
    }

    /// The number of entitlements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Entitlement::as_str)
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Entitlement names that Spotify holds for a subscriber, unique and sorted. Another client may have set them, so they may be any strings, and any number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ObservedEntitlements(BTreeSet<String>);

impl ObservedEntitlements {
    /// Whether Spotify holds exactly the entitlements `desired`.
    #[must_use]
    pub fn equals(&self, desired: &Entitlements) -> bool {
        self.0.iter().map(String::as_str).eq(desired.iter())
    }

    /// Whether every name is in `desired`, so that replacing one set by the other revokes nothing.
    #[must_use]
    pub fn is_subset(&self, desired: &Entitlements) -> bool {
        let desired: BTreeSet<_> = desired.iter().collect();
        self.0.iter().all(|name| desired.contains(name.as_str()))
    }

    /// Whether Spotify holds every entitlement of `desired`, so that nothing has to be granted.
    #[must_use]
    pub fn is_superset(&self, desired: &Entitlements) -> bool {
        desired.iter().all(|name| self.0.contains(name))
    }

    /// The names in either set.
    #[must_use]
    pub fn union(&self, more: &Entitlements) -> Self {
        self.iter().chain(more.iter()).collect()
    }

    /// The names that this crate accepts, up to [`Entitlements::MAX_COUNT`]. Only these may be shown to people.
    #[must_use]
    pub fn known(&self) -> Entitlements {
        let known = self.0.iter().filter_map(|name| Entitlement::parse(name).ok());
        Entitlements(known.take(Entitlements::MAX_COUNT).collect())
    }

    /// The number of names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether Spotify holds no entitlements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<S: Into<String>> FromIterator<S> for ObservedEntitlements {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

impl From<&Entitlements> for ObservedEntitlements {
    fn from(entitlements: &Entitlements) -> Self {
        entitlements.iter().collect()
    }
}

/// The URI of a show on Spotify: `spotify:show:` followed by 22 base-62 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShowUri(String);

impl ShowUri {
    /// Parses the URI of a show, its bare id, or a link to it as Spotify's "Copy link" gives it: `https://open.spotify.com/show/<id>?si=…`, perhaps with a
    /// language (`/intl-de/show/<id>`).
    ///
    /// # Errors
    /// [`PartnerError::ShowUri`] for any other text. A retry does not help.
    pub fn parse(show: &str) -> Result<Self, PartnerError> {
        let id = show
            .strip_prefix("spotify:show:")
            .or_else(|| id_in_link(show))
            .unwrap_or(show);
        if id.len() == 22 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(Self(format!("spotify:show:{id}")))
        } else {
            Err(PartnerError::ShowUri)
        }
    }

    /// The URI as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the show: the last 22 characters of the URI.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.strip_prefix("spotify:show:").unwrap_or_default()
    }
}

/// The id in a link to a show; `None` if it is no such link.
fn id_in_link(link: &str) -> Option<&str> {
    let path = link.strip_prefix("https://open.spotify.com/")?;
    let path = match path.split_once('/') {
        Some((language, rest)) if language.starts_with("intl-") => rest,
        _ => path,
    };
    let id = path.strip_prefix("show/")?.split(['?', '#']).next()?;
    Some(id.strip_suffix('/').unwrap_or(id))
}

/// Which rule a value breaks. Never contains the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartnerError {
    /// Invalid partner id.
    #[error("a partner_id is 1 to 64 characters of 0-9, A-Z, a-z")]
    PartnerId,
    /// Invalid Partner User ID.
    #[error("a partner_user_id is 16 to 128 characters of lower-case hexadecimal")]
    PartnerUserId,
    /// Invalid entitlement.
    #[error(
        "an entitlement is 1 to 128 characters of 0-9, A-Z, a-z, '.', '_', ':', '-', and starts with a letter or digit"
    )]
    Entitlement,
    /// More entitlements than [`Entitlements::MAX_COUNT`].
    #[error("a subscriber has at most 500 entitlements")]
    TooManyEntitlements,
    /// Invalid show.
    #[error("a show is spotify:show: followed by 22 characters of 0-9, A-Z, a-z")]
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
    fn a_partner_user_id_is_redacted_in_debug_output() {
        let id = PartnerUserId::parse("0123456789abcdef").unwrap();
        assert!(!format!("{id:?}").contains("0123"));
    }

    #[test]
    fn entitlements_are_sorted_and_unique() {
        let set = Entitlements::parse(["tier-b", "tier-a", "tier-b", "Tier-a"]).unwrap();
        assert_eq!(set.iter().collect::<Vec<_>>(), ["Tier-a", "tier-a", "tier-b"]);
        assert!(Entitlements::parse((0..=Entitlements::MAX_COUNT).map(|n| n.to_string())).is_err());
        for bad in ["", "-a", ".a", "a b", "ä", "a/b", "a\n", &"a".repeat(129)] {
            assert!(Entitlement::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_foreign_name_at_spotify_is_a_difference_and_is_not_shown() {
        let desired = Entitlements::parse(["gold"]).unwrap();
        let same = ObservedEntitlements::from(&desired);
        assert!(same.equals(&desired) && same.is_subset(&desired));
        let foreign: ObservedEntitlements = ["gold", "Ältere Rechte"].into_iter().collect();
        assert!(!foreign.equals(&desired) && !foreign.is_subset(&desired));
        assert_eq!(foreign.known(), desired);
        let many: ObservedEntitlements = (0..=Entitlements::MAX_COUNT).map(|n| format!("e{n}")).collect();
        assert!(!many.equals(&many.known()));
        assert_eq!(many.known().len(), Entitlements::MAX_COUNT);
    }

    #[test]
    fn a_show_is_accepted_as_uri_or_id() {
        let uri = "spotify:show:5CfCWKI5pZ28U0uOzXkDHe";
        assert_eq!(
            ShowUri::parse(uri).unwrap(),
            ShowUri::parse("5CfCWKI5pZ28U0uOzXkDHe").unwrap()
        );
        assert_eq!(ShowUri::parse(uri).unwrap().as_str(), uri);
        for link in [
            "https://open.spotify.com/show/5CfCWKI5pZ28U0uOzXkDHe",
            "https://open.spotify.com/show/5CfCWKI5pZ28U0uOzXkDHe?si=6f1c2a&utm_source=copy-link",
            "https://open.spotify.com/intl-de/show/5CfCWKI5pZ28U0uOzXkDHe?si=6f1c2a",
            "https://open.spotify.com/show/5CfCWKI5pZ28U0uOzXkDHe/#top",
        ] {
            assert_eq!(ShowUri::parse(link).unwrap().as_str(), uri, "{link}");
        }
        for bad in [
            "",
            "spotify:show:",
            "spotify:show:short",
            "https://open.spotify.com/episode/5CfCWKI5pZ28U0uOzXkDHe",
            "https://open.spotify.com.evil.example/show/5CfCWKI5pZ28U0uOzXkDHe",
            "https://evil.example/show/5CfCWKI5pZ28U0uOzXkDHe",
            "http://open.spotify.com/show/5CfCWKI5pZ28U0uOzXkDHe",
            "https://open.spotify.com/show/5CfCWKI5pZ28U0uOzXkDHe/x",
            "https://open.spotify.com/show/?si=5CfCWKI5pZ28U0uOzXkDHe",
            "spotify:episode:5CfCWKI5pZ28U0uOzXkDHe",
            "5CfCWKI5pZ28U0uOzXkDH/",
        ] {
            assert!(ShowUri::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn parsed_values_round_trip(text in ".{0,140}", hexadecimal in "[0-9a-f]{16,128}") {
            if let Ok(id) = PartnerId::parse(&text) { prop_assert_eq!(id.as_str(), &text); }
            if let Ok(id) = PartnerUserId::parse(&text) { prop_assert_eq!(id.expose(), &text); }
            if let Ok(name) = Entitlement::parse(&text) { prop_assert_eq!(name.as_str(), &text); }
            if let Ok(show) = ShowUri::parse(&text) { prop_assert_eq!(ShowUri::parse(show.as_str()), Ok(show.clone())); }
            prop_assert!(PartnerUserId::parse(&hexadecimal).is_ok());
        }
    }
}
