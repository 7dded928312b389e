//! Owns what must never be seen: each secret is a type of its own that cannot be printed, compared with `==`, copied by
//! accident or serialised, and is wiped from memory when it is dropped. Needs `secrecy`. Refuses to know what a secret is for.

use aws_lc_rs::{constant_time, digest};
use secrecy::{ExposeSecret as _, SecretString};

use crate::encoding::hex;

/// Declares a secret text.
macro_rules! secret_type {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        pub struct $name(secrecy::SecretString);

        impl $name {
            /// Takes the secret into custody.
            #[must_use]
            pub fn new(secret: impl Into<String>) -> Self {
                Self(secrecy::SecretString::from(secret.into()))
            }

            /// The secret itself, for the one place that must put it on the wire.
            #[must_use]
            pub fn expose(&self) -> &str {
                use secrecy::ExposeSecret as _;
                self.0.expose_secret()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    };
}
pub(crate) use secret_type;

/// Spotify's client secret: authenticates the client at the token endpoint, and its characters are the HMAC key of every
/// signed payload (Open Access Concepts).
///
/// Two secrets cannot be compared by accident:
/// ```compile_fail
/// # use shared::secret::ClientSecret;
/// # let secret = ClientSecret::parse("0123456789abcdef0123456789abcdef").unwrap();
/// # let other = ClientSecret::parse("0123456789abcdef0123456789abcdef").unwrap();
/// assert!(secret == other);
/// ```
/// nor printed:
/// ```compile_fail
/// # use shared::secret::ClientSecret;
/// println!("{}", ClientSecret::parse("0123456789abcdef0123456789abcdef").unwrap());
/// ```
/// nor serialised:
/// ```compile_fail
/// # use shared::secret::ClientSecret;
/// serde_json::to_string(&ClientSecret::parse("0123456789abcdef0123456789abcdef").unwrap());
/// ```
pub struct ClientSecret(SecretString);

impl ClientSecret {
    /// Takes 32 characters or more, all printable ASCII: an HS256 key has at least 256 bits (RFC 7518 §3.2), and white space
    /// around a secret is a mistake made while pasting it.
    ///
    /// # Errors
    /// [`InvalidClientSecret`], which does not hold what was given.
    pub fn parse(secret: &str) -> Result<Self, InvalidClientSecret> {
        if secret.len() >= 32 && secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(SecretString::from(secret)))
        } else {
            Err(InvalidClientSecret)
        }
    }

    /// The secret itself, for the token endpoint's Basic authentication and as HMAC key.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether both are the same secret, in constant time.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        constant_time_eq(self.expose().as_bytes(), other.expose().as_bytes())
    }
}

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ClientSecret([redacted])")
    }
}

/// A secret too short or with characters that cannot be its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be at least 32 printable ASCII characters without white space")]
pub struct InvalidClientSecret;

/// Whether two byte strings are equal, in time that depends on their lengths alone.
#[must_use]
pub fn constant_time_eq(one: &[u8], other: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// SHA-256 of a text in hexadecimal: what is kept of a secret that must be recognised but not known.
#[must_use]
pub fn sha256_hex(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_or_padded_client_secret_is_refused() {
        assert!(ClientSecret::parse("0123456789abcdef0123456789abcdef").is_ok());
        for weak in [
            "",
            "secret",
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdef\n",
            " 0123456789abcdef0123456789abcdef",
        ] {
            assert!(ClientSecret::parse(weak).is_err(), "{weak:?}");
        }
    }

    #[test]
    fn a_secret_does_not_print() {
        let secret = ClientSecret::parse("0123456789abcdef0123456789abcdef").unwrap();
        assert_eq!(format!("{secret:?}"), "ClientSecret([redacted])");
    }
}
