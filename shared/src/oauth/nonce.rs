//! `nonce` (`OpenID` Connect Core §3.1.2.1): 256 random bits that come back in the ID token, so that no other's can be put in its place.

use crate::{
    chance::{Chance, NoChance},
    encoding::base64url,
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
    /// [`NoChance`].
    pub fn generate(chance: &Chance) -> Result<Self, NoChance> {
        Ok(Self::new(base64url(chance.bytes::<32>()?)))
    }
}
