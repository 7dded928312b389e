//! Identifiers of single-use tokens. This module stores none.

use crate::secret::sha256_hex;

/// The storage key of a used `jti`. It includes the issuer, because a `jti` is unique only per issuer (RFC 7519 §4.1.7).
#[derive(Debug)]
pub struct JwtId {
    id: String,
    /// Time after which the `jti` may be deleted, in seconds since 1970: `exp` plus the leeway.
    pub expires_at: i64,
}

impl JwtId {
    /// Builds the key for a hand-off token that expires at `expires_at`, in seconds since 1970.
    #[must_use]
    pub fn handoff(issuer: &str, jti: &str, expires_at: i64) -> Self {
        Self::new("handoff", issuer, jti, expires_at)
    }

    /// Builds the key for a signed backend request that expires at `expires_at`, in seconds since 1970.
    #[must_use]
    pub fn request(issuer: &str, jti: &str, expires_at: i64) -> Self {
        Self::new("request", issuer, jti, expires_at)
    }

    fn new(kind: &str, issuer: &str, jti: &str, expires_at: i64) -> Self {
        Self {
            id: format!("jti#{kind}#{}", sha256_hex(&format!("{issuer}\0{jti}"))),
            expires_at: expires_at.saturating_add(super::LEEWAY),
        }
    }

    /// The key as text. It contains a hash of issuer and `jti`, not their plain text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.id
    }
}
