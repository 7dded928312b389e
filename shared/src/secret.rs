//! Types for secret values. Each secret has its own type, which cannot be printed, cloned, serialised or compared with `==`. Its memory is
//! wiped on drop. This module does not know what a secret is used for.

use aws_lc_rs::{constant_time, digest};
use secrecy::{ExposeSecret as _, SecretString};

use crate::encoding::hex;

/// Declares a type for one kind of secret text.
macro_rules! secret_type {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        pub struct $name(secrecy::SecretString);

        impl $name {
            /// Wraps `secret`.
            #[must_use]
            pub fn new(secret: impl Into<String>) -> Self {
                Self(secrecy::SecretString::from(secret.into()))
            }

            /// The plain text, for the one place that sends it.
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

/// Spotify's client secret. It authenticates the client at the token endpoint, and its characters are the HMAC key of every signed payload
/// (Open Access Concepts).
///
/// It has no `==`, because only [`Self::ct_eq`] compares in constant time:
/// ```compile_fail
/// # use shared::secret::ClientSecret;
/// # let secret = ClientSecret::parse("0123456789abcdef0123456789abcdef").unwrap();
/// # let other = ClientSecret::parse("0123456789abcdef0123456789abcdef").unwrap();
/// assert!(secret == other);
/// ```
/// It cannot be printed:
/// ```compile_fail
/// # use shared::secret::ClientSecret;
/// println!("{}", ClientSecret::parse("0123456789abcdef0123456789abcdef").unwrap());
/// ```
/// It cannot be serialised:
/// ```compile_fail
/// # use shared::secret::ClientSecret;
/// serde_json::to_string(&ClientSecret::parse("0123456789abcdef0123456789abcdef").unwrap());
/// ```
pub struct ClientSecret(SecretString);

impl ClientSecret {
    /// Parses a secret of at least 32 printable ASCII characters. An HS256 key needs 256 bits (RFC 7518 §3.2). White space is rejected,
    /// because it is usually a pasting mistake.
    ///
    /// # Errors
    /// [`InvalidClientSecret`] if the text is shorter or has other characters. The error does not contain the text. A retry does not help.
    pub fn parse(secret: &str) -> Result<Self, InvalidClientSecret> {
        if secret.len() >= 32 && secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(SecretString::from(secret)))
        } else {
            Err(InvalidClientSecret)
        }
    }

    /// The plain text, for Basic authentication at the token endpoint and as HMAC key.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Compares two secrets in constant time.
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

/// The text is too short for a client secret, or has a character other than printable ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be at least 32 printable ASCII characters without white space")]
pub struct InvalidClientSecret;

/// Compares two byte strings in a time that depends only on their lengths.
#[must_use]
pub fn constant_time_eq(one: &[u8], other: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// SHA-256 of `text` in lower-case hexadecimal. Stored in place of a secret that must be recognised but not readable.
#[must_use]
pub fn sha256_hex(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_or_padded_client_secret_is_rejected() {
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
    fn a_client_secret_is_redacted_in_debug_output() {
        let secret = ClientSecret::parse("0123456789abcdef0123456789abcdef").unwrap();
        assert_eq!(format!("{secret:?}"), "ClientSecret([redacted])");
    }
}
