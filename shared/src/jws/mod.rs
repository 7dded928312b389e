//! Owns JSON Web Signatures in compact serialization (RFC 7515, RFC 7519, with the advice of RFC 8725). Needs `jsonwebtoken` for
//! the cryptography. Refuses to know a network, a clock or Spotify: time is an argument, and a claim can be read only after
//! its signature held.

mod jwt_id;
mod keys;
mod members;
mod sign;
#[cfg(test)]
mod tests;
mod verify;

pub use jwt_id::JwtId;
pub use keys::{KeyError, KeySet};
pub use members::parse_object;
pub use sign::{SignError, SignedJws, sign};
pub use verify::{JwsError, TokenKind, UnverifiedJws, Verified, Verifier};

/// How far two honest clocks may differ, in seconds: accepted after `exp`, and before `iat` and `nbf`. A used `jti` is kept until
/// `exp` plus this, for until then its token would still be accepted.
pub const LEEWAY: i64 = 60;
