//! JSON Web Signatures in compact serialization (RFC 7515, RFC 7519, RFC 8725): signing, verifying and key sets. Claims can be read only after
//! the signature is verified. The time is an argument. This module knows neither network, clock nor Spotify.

mod id_token;
mod json;
mod jwt_id;
mod keys;
mod sign;
#[cfg(test)]
mod tests;
mod verify;

pub use id_token::{IdTokenVerifier, MAX_ID_TOKEN_BYTES};
pub use json::parse_object;
pub use jwt_id::{JwtId, RequestId};
pub use keys::{KeyError, KeySet};
pub use sign::{SignError, SignedJws, sign};
pub use verify::{JwsError, TokenKind, UnverifiedJws, Verified, Verifier};

/// Allowed clock difference, in seconds: accepted after `exp`, and before `iat` and `nbf`. A used `jti` is stored until `exp` plus the leeway,
/// because its token is accepted until then.
pub const LEEWAY: i64 = 60;
