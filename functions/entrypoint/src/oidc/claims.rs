//! Reads a subscriber's identity from the claims of an ID token, whose names are configured for each provider.

use serde_json::Value;
use shared::{
    jws::JwsError,
    partner::{Entitlement, PartnerId},
    sign_in::IdentityClaims,
};

use super::OidcClient;

impl OidcClient {
    /// The identity in the claims.
    ///
    /// # Errors
    /// [`JwsError::Claim`] with our name of a claim that is missing or malformed.
    pub(super) fn claims(&self, claims: &Value, partner_id: &PartnerId) -> Result<IdentityClaims, JwsError> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let sub = match self.config.sub.lookup(claims) {
            // Other numbers are rejected: they would be rounded, and two subscribers could get the same id.
            Some(Value::Number(number)) if number.is_i64() || number.is_u64() => number.to_string(),
            sub => sub.and_then(text).ok_or(JwsError::Claim("sub"))?,
        };
        let partner_user_id = match self.config.partner_user_id.as_ref().map(|path| path.lookup(claims)) {
            Some(claim) => Some(claim.and_then(text).ok_or(JwsError::Claim("partner_user_id"))?),
            None => None,
        };
        let entitlements = match self.config.entitlements.lookup(claims) {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(vec![name.clone()]),
            Some(Value::Array(names)) => {
                let names: Option<Vec<_>> = names.iter().map(text).collect();
                Some(names.ok_or(JwsError::Claim("entitlements"))?)
            }
            Some(_) => return Err(JwsError::Claim("entitlements")),
        };
        // A claim of groups or roles also serves other purposes, so names without the prefix or in another form are ignored.
        let ours = |name: String| {
            let name = name.strip_prefix(&self.config.entitlements_prefix)?;
            Entitlement::parse(name).ok().map(|_| name.to_owned())
        };
        let partner_id = match self.config.partner_id.lookup(claims) {
            None | Some(Value::Null) => None,
            Some(Value::String(one)) => Some(one.clone()),
            Some(Value::Array(several)) => {
                let their_own = several.iter().any(|one| one == partner_id.as_str());
                Some(if their_own {
                    partner_id.to_string()
                } else {
                    String::new()
                })
            }
            Some(_) => return Err(JwsError::Claim("partner_id")),
        };
        Ok(IdentityClaims {
            sub,
            partner_id,
            partner_user_id,
            entitlements: entitlements.map(|names| names.into_iter().filter_map(ours).collect()),
            name: claims.get("name").cloned(),
            nonce: None,
        })
    }
}
