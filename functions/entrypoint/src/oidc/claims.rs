//! Reads a subscriber's identity from the claims of an ID token, whose names are configured for each provider.

use serde_json::Value;
use shared::{
    jws::JwsError,
    log,
    partner::{Entitlement, PartnerId},
    sign_in::IdentityClaims,
    telemetry::Code,
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
            entitlements: self.entitlements(claims)?,
            name: claims.get("name").cloned(),
            nonce: None,
        })
    }

    /// The entitlements in the claims: an array of names, or one text with names that are separated by spaces. Returns `None` without the claim.
    fn entitlements(&self, claims: &Value) -> Result<Option<Vec<String>>, JwsError> {
        let names: Vec<&str> = match self.config.entitlements.lookup(claims) {
            // Linking without them would revoke what the subscriber has.
            None | Some(Value::Null) if self.is_elsewhere(claims) => {
                return Err(JwsError::Claim(
                    "entitlements is referred to by _claim_names, and not in the token",
                ));
            }
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(names)) => names.split_ascii_whitespace().collect(),
            Some(Value::Array(names)) => {
                let names: Option<_> = names.iter().map(Value::as_str).collect();
                names.ok_or(JwsError::Claim("entitlements"))?
            }
            Some(_) => return Err(JwsError::Claim("entitlements")),
        };
        // A claim of groups or roles also serves other purposes: names without the prefix are ignored.
        let ours = names.iter().filter_map(|name| {
            // Keycloak begins the path of a group with a slash.
            let name = name.strip_prefix('/').unwrap_or(name);
            name.strip_prefix(self.config.entitlements_prefix.as_str())
        });
        let (usable, unusable): (Vec<_>, Vec<_>) = ours.partition(|name| Entitlement::parse(name).is_ok());
        if !unusable.is_empty() {
            log!(warn, Code::SignInNamesIgnored, ignored = unusable.len());
        }
        Ok(Some(usable.into_iter().map(str::to_owned).collect()))
    }

    /// Whether the provider has moved the entitlements out of the token (OpenID Connect Core 1.0 §5.6.2), as Entra does with more than 200 groups.
    fn is_elsewhere(&self, claims: &Value) -> bool {
        claims
            .get("_claim_names")
            .is_some_and(|elsewhere| self.config.entitlements.lookup(elsewhere).is_some())
    }
}
