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

/// Identifies a signed request of the backend: its `jti`, and a hash of its bytes, which tells a repetition from another request with the same `jti`.
#[derive(Debug)]
pub struct RequestId {
    /// Storage key of the `jti`.
    pub jti: JwtId,
    /// SHA-256 of the JWS, in lower-case hexadecimal.
    pub token_hash: String,
}

impl RequestId {
    /// Identifies the request `jws` with this `jti`, which expires at `expires_at`, in seconds since 1970.
    #[must_use]
    pub fn new(issuer: &str, jti: &str, expires_at: i64, jws: &str) -> Self {
        Self {
            jti: JwtId::new("request", issuer, jti, expires_at),
            token_hash: sha256_hex(jws),
        }
    }

    /// Identifies the part of the request that is about the person at `place` among its `people`.
    #[must_use]
    pub fn for_person(&self, place: usize) -> Self {
        Self {
            jti: JwtId {
                id: format!("{}#{place}", self.jti.id),
                expires_at: self.jti.expires_at,
            },
            token_hash: self.token_hash.clone(),
        }
    }
}
