//! PKCE with S256 (RFC 7636): only the client that sent the authorization request can redeem the code.

use aws_lc_rs::digest::{SHA256, digest};

use crate::{
    encoding::base64url,
    rng::{Rng, RngError},
    secret::secret_type,
};

secret_type! {
    /// `code_verifier` (RFC 7636 §4.1): 43 characters from 256 random bits. It cannot be cloned, because it is valid for one exchange:
    ///
    /// ```compile_fail
    /// # use shared::{rng::Rng, oauth::pkce::CodeVerifier};
    /// let verifier = CodeVerifier::generate(&Rng::System).unwrap();
    /// let another = verifier.clone();
    /// ```
    CodeVerifier
}

impl CodeVerifier {
    /// Generates a verifier.
    ///
    /// # Errors
    /// [`RngError`] if there are no random bytes. A retry is safe.
    pub fn generate(rng: &Rng) -> Result<Self, RngError> {
        Ok(Self::new(base64url(rng.bytes::<32>()?)))
    }

    /// Computes `code_challenge` by the method S256 (RFC 7636 §4.2).
    #[must_use]
    pub fn challenge(&self) -> String {
        base64url(digest(&SHA256, self.expose().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_matches_rfc_7636_appendix_b() {
        let verifier = CodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
