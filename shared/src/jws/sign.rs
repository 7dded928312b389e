//! Signing as Spotify Open Access requires it (Open Access Concepts): HS256 with the header `{"alg":"HS256","typ":"JWT"}`. No claim is added to
//! the payload.

use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde::Serialize;

use crate::{encoding::base64url, secret::secret_type};

secret_type! {
    /// A signed payload in compact serialization. Treated as a secret, because the payload is not encrypted.
    SignedJws
}

/// base64url of `{"alg":"HS256","typ":"JWT"}`. A literal, because `jsonwebtoken` puts `typ` first and Spotify's documentation `alg`.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// Signs `payload` with HS256. The characters of `key` are the key bytes, because Spotify does not decode the client secret.
///
/// # Errors
/// [`SignError`] if the payload cannot be serialised or signed. A retry does not help.
pub fn sign<P: Serialize>(payload: &P, key: &str) -> Result<SignedJws, SignError> {
    let payload = base64url(serde_json::to_vec(payload).map_err(|_| SignError)?);
    let input = format!("{HEADER}.{payload}");
    let key = EncodingKey::from_secret(key.as_bytes());
    let signature = crypto::sign(input.as_bytes(), &key, Algorithm::HS256).map_err(|_| SignError)?;
    Ok(SignedJws::new(format!("{input}.{signature}")))
}

/// The payload cannot be serialised or signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payload could not be signed")]
pub struct SignError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_alg_then_typ_and_nothing_else() {
        assert_eq!(HEADER, base64url(r#"{"alg":"HS256","typ":"JWT"}"#));
    }
}
