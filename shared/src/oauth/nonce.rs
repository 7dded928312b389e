//! `nonce` (`OpenID` Connect Core §3.1.2.1): 256 random bits that come back in the ID token, so that no other's can be put in its place.

use crate::{
    encoding::base64url,
    rng::{Rng, RngError},
    secret::secret_type,
};

secret_type! {
    /// The `nonce` of one sign-in: 43 characters of base64url.
    Nonce
}

impl Nonce {
    /// A new one.
    ///
    /// # Errors
    /// [`RngError`].
    pub fn generate(rng: &Rng) -> Result<Self, RngError> {
        Ok(Self::new(base64url(rng.bytes::<32>()?)))
    }
}
