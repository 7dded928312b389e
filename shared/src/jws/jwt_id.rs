//! The identity of a single-use token.

use crate::secret::sha256_hex;

/// The `jti` of a single-use token, as it is stored. A `jti` is unique only per issuer (RFC 7519 §4.1.7), so another issuer cannot use it up.
#[derive(Debug)]
pub struct JwtId {
    id: String,
    /// When it may be forgotten, in seconds since 1970: the token's `exp` plus the leeway.
    pub expires_at: i64,
}

impl JwtId {
    /// The `jti` of an issuer's hand-off token.
    #[must_use]
    pub fn handoff(issuer: &str, jti: &str, expires_at: i64) -> Self {
        Self::new("handoff", issuer, jti, expires_at)
    }

    /// The `jti` of a signed request of an issuer's backend.
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

    /// The key under which it is stored. It contains a hash of the `jti`, not the `jti`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.id
    }
}
