//! `nonce` (`OpenID` Connect Core §3.1.2.1): 256 random bits that the ID token repeats, so that an ID token of another sign-in is rejected.

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
    /// Generates a nonce.
    ///
    /// # Errors
    /// [`RngError`] if there are no random bytes. A retry is safe.
    pub fn generate(rng: &Rng) -> Result<Self, RngError> {
        Ok(Self::new(base64url(rng.bytes::<32>()?)))
    }
}
