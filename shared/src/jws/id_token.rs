//! ID tokens (`OpenID` Connect Core 1.0 §2): the checks of §3.1.3.7 and §3.1.3.8. Only the claims that a check needs are read, because providers send the others in
//! many forms. The checks that depend on a request of ours that we never make (`acr`, `auth_time`, encryption) are absent.

use aws_lc_rs::digest::{Algorithm as DigestAlgorithm, SHA256, SHA512, digest};
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::{
    JwsError, KeySet, LEEWAY, UnverifiedJws,
    json::StrictObject,
    verify::{check_extensions, check_signature, date},
};
use crate::{encoding::base64url, secret::constant_time_eq};

/// Upper bound of an ID token, in bytes. Providers put long lists of groups into it.
pub const MAX_ID_TOKEN_BYTES: usize = 64 * 1024;

/// The requirements on an ID token. The numbers in its documentation are those of the checks in OpenID Connect Core 1.0 §3.1.3.7.
pub struct IdTokenVerifier<'a> {
    /// Keys of the provider (6, 7). They are all asymmetric (8).
    pub keys: &'a KeySet,
    /// Required `iss` (2).
    pub issuer: &'a str,
    /// Our client id: required in `aud` (3), and as `azp`, if that is present (4, 5).
    pub client_id: &'a str,
    /// Audiences that `aud` may have beside ours (3).
    pub trusted_audiences: &'a [String],
    /// Required `nonce` (11).
    pub nonce: &'a str,
}

impl IdTokenVerifier<'_> {
    /// Verifies a token at the time `now`, in seconds since 1970, and returns its claims. `access_token` is the token that was granted with it, against which
    /// `at_hash` is checked, if both are present (§3.1.3.8).
    ///
    /// # Errors
    /// The first check that fails. [`JwsError::BrowserMismatch`] is another `nonce`, and [`JwsError::Claim`] a claim that is missing, malformed or unexpected.
    pub fn verify(
        &self,
        id_token: &UnverifiedJws<'_>,
        access_token: Option<&str>,
        now: i64,
    ) -> Result<Map<String, Value>, JwsError> {
        check_extensions(id_token)?;
        let algorithm = check_signature(self.keys, id_token)?;
        let claims = StrictObject::parse(id_token.payload()).ok_or(JwsError::Payload)?.0;
        if claims.get("iss").and_then(Value::as_str) != Some(self.issuer) {
            return Err(JwsError::Claim("iss"));
        }
        self.check_audience(&claims)?;
        let issued_at = date(&claims, "iat")?.ok_or(JwsError::Claim("iat"))?;
        let expires_at = date(&claims, "exp")?.ok_or(JwsError::Claim("exp"))?;
        if expires_at.saturating_add(LEEWAY) <= now {
            return Err(JwsError::Expired);
        }
        let latest = now.saturating_add(LEEWAY);
        if issued_at > latest || date(&claims, "nbf")?.is_some_and(|not_before| not_before > latest) {
            return Err(JwsError::NotYetValid);
        }
        let nonce = claims.get("nonce").and_then(Value::as_str);
        let nonce = nonce.ok_or(JwsError::Claim("nonce"))?;
        if !constant_time_eq(nonce.as_bytes(), self.nonce.as_bytes()) {
            return Err(JwsError::BrowserMismatch);
        }
        match (claims.get("at_hash"), access_token) {
            (Some(hash), Some(access_token)) if *hash != half_hash(algorithm, access_token) => {
                Err(JwsError::Claim("at_hash"))
            }
            _ => Ok(claims),
        }
    }

    /// Checks `aud` and `azp`. An audience beside ours could present the token here, so it must be trusted.
    fn check_audience(&self, claims: &Map<String, Value>) -> Result<(), JwsError> {
        let audiences = match claims.get("aud") {
            Some(Value::Array(audiences)) => audiences.as_slice(),
            Some(audience) => std::slice::from_ref(audience),
            None => &[],
        };
        let is_ours = |audience: &Value| audience == self.client_id;
        let is_trusted = |audience: &Value| {
            self.trusted_audiences
                .iter()
                .any(|trusted| audience == trusted.as_str())
        };
        let is_allowed = |audience: &Value| is_ours(audience) || is_trusted(audience);
        if !audiences.iter().any(is_ours) || !audiences.iter().all(is_allowed) {
            return Err(JwsError::Claim("aud"));
        }
        match claims.get("azp") {
            Some(party) if party != self.client_id => Err(JwsError::Claim("azp")),
            _ => Ok(()),
        }
    }
}

/// The left half of the hash of `text`, by the hash function of the signature algorithm. `EdDSA` uses SHA-512.
fn half_hash(algorithm: Algorithm, text: &str) -> String {
    let function: &DigestAlgorithm = match algorithm {
        Algorithm::EdDSA => &SHA512,
        _ => &SHA256,
    };
    let hash = digest(function, text.as_bytes());
    let bytes = hash.as_ref();
    base64url(bytes.get(..bytes.len() / 2).unwrap_or_default())
}
