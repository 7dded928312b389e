//! Signing, the way Spotify Open Access prescribes it: HS256, header exactly `{"alg":"HS256","typ":"JWT"}`, no claim that the
//! caller did not give.

use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde::Serialize;

use crate::{encoding::base64url, secret::secret_type};

secret_type! {
    /// A signed payload in compact serialization. Anyone can read what it says, so it is kept out of sight like a secret.
    SignedJws
}

/// base64url of `{"alg":"HS256","typ":"JWT"}`. Written out because `jsonwebtoken`'s own header puts `typ` first, and Spotify's
/// documentation shows `alg` first.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// Signs `payload` with HS256. The characters of `key` are its bytes: Spotify does not decode the client secret, so neither do we.
///
/// # Errors
/// [`SignError`] when the payload cannot be written as JSON.
pub fn sign<P: Serialize>(payload: &P, key: &str) -> Result<SignedJws, SignError> {
    let payload = base64url(serde_json::to_vec(payload).map_err(|_| SignError)?);
    let input = format!("{HEADER}.{payload}");
    let key = EncodingKey::from_secret(key.as_bytes());
    let signature = crypto::sign(input.as_bytes(), &key, Algorithm::HS256).map_err(|_| SignError)?;
    Ok(SignedJws::new(format!("{input}.{signature}")))
}

/// A payload that cannot be signed.
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
