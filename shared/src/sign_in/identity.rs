//! A subscriber's identity, and its derivation from claims.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{InvalidMember, PartnerKeys, SignInMethod};
use crate::{
    jws::JwsError,
    partner::{Entitlements, PartnerId, PartnerUserId},
    secret::constant_time_eq,
    secrets::Versions,
};

/// A subscriber who proved who they are.
#[derive(Debug)]
pub struct Identity {
    /// The subscriber's id at Spotify.
    pub partner_user_id: PartnerUserId,
    /// The entitlements that the token names; `None` if it names none.
    pub entitlements: Option<Entitlements>,
    /// Their name in the token, shown only to the subscriber.
    pub name: Option<String>,
    /// The method by which they proved it.
    pub method: SignInMethod,
}

/// The claims of a token from which an identity is derived.
#[derive(Debug, Deserialize)]
pub struct IdentityClaims {
    /// The partner's own account id.
    pub sub: String,
    /// The partner, required where several partners share an issuer.
    pub partner_id: Option<String>,
    /// A Partner User ID in Spotify's format; if absent, one is derived from `sub`.
    pub partner_user_id: Option<String>,
    /// Names of entitlements.
    pub entitlements: Option<Vec<String>>,
    /// Display name.
    pub name: Option<Value>,
    /// The nonce of a hand-off.
    pub nonce: Option<String>,
}

/// The Partner User ID of the subscriber in a backend's request, which names either `partner_user_id` or `sub`. Both at once are rejected, because they could
/// differ.
///
/// # Errors
/// [`InvalidMember`] if both are missing or present, or the one is malformed. A retry does not help.
pub fn subject_id(
    keys: &Versions<PartnerKeys>,
    partner_id: &PartnerId,
    claims: &Map<String, Value>,
) -> Result<PartnerUserId, InvalidMember> {
    match (claims.get("partner_user_id"), claims.get("sub")) {
        (Some(id), None) => {
            let id = id.as_str().and_then(|id| PartnerUserId::parse(id).ok());
            id.ok_or_else(|| InvalidMember::new("partner_user_id", "must match ^[0-9a-f]{16,128}$"))
        }
        (None, Some(sub)) => {
            let id = sub.as_str().map(|sub| derive_user_id(keys, partner_id, sub));
            id.and_then(Result::ok).ok_or_else(|| {
                InvalidMember::new("sub", "must be a string of 1 to 255 bytes without control characters")
            })
        }
        (None, None) => Err(InvalidMember::new("partner_user_id or sub", "must be present")),
        (Some(_), Some(_)) => Err(InvalidMember::new(
            "partner_user_id or sub",
            "must be present, not both",
        )),
    }
}

impl Identity {
    pub(super) fn from_claims(
        keys: &Versions<PartnerKeys>,
        claims: IdentityClaims,
        partner_id: &PartnerId,
        method: SignInMethod,
    ) -> Result<Self, JwsError> {
        let derived = derive_user_id(keys, partner_id, &claims.sub)?;
        let partner_user_id = match claims.partner_user_id {
            Some(id) => PartnerUserId::parse(&id).map_err(|_| JwsError::Claim("partner_user_id"))?,
            None => derived,
        };
        let entitlements = claims
            .entitlements
            .map(Entitlements::parse)
            .transpose()
            .map_err(|_| JwsError::Claim("entitlements"))?;
        let sub = claims.sub;
        Ok(Self {
            partner_user_id,
            entitlements,
            // Some sites put the account id there, which must not be shown.
            name: claims
                .name
                .as_ref()
                .and_then(Value::as_str)
                .filter(|name| is_a_name(name) && *name != sub)
                .map(str::to_owned),
            method,
        })
    }

    /// Whether this is the subscriber with that id. Compares in constant time.
    #[must_use]
    pub fn matches(&self, partner_user_id: &PartnerUserId) -> bool {
        constant_time_eq(
            self.partner_user_id.expose().as_bytes(),
            partner_user_id.expose().as_bytes(),
        )
    }
}

/// Whether a text can be shown as a name: one line of at most 100 characters.
fn is_a_name(text: &str) -> bool {
    (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// Derives a Partner User ID, always with the current key: a subscriber's id must never change, so this key is never rotated.
fn derive_user_id(keys: &Versions<PartnerKeys>, partner_id: &PartnerId, sub: &str) -> Result<PartnerUserId, JwsError> {
    if sub.is_empty() || sub.len() > 255 || sub.chars().any(char::is_control) {
        return Err(JwsError::Claim("sub"));
    }
    Ok(PartnerUserId::derive(&keys.current.partner_user_id, partner_id, sub))
}
