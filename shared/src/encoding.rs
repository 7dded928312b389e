//! Text encodings of bytes: unpadded base64url (RFC 7515 §2), padded base64 and lower-case hexadecimal. Decoding is strict: it rejects
//! other alphabets, white space and unused trailing bits.

use base64::{
    Engine as _,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(false),
);

/// Encodes bytes as unpadded base64url.
#[must_use]
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL.encode(bytes)
}

/// Decodes unpadded base64url. Returns `None` if the text is not in canonical form.
#[must_use]
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    BASE64URL.decode(text).ok()
}

/// Encodes bytes as padded base64, the form of HTTP Basic authentication (RFC 7617 §2).
#[must_use]
pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Decodes padded base64, the form of a binary body from API Gateway. Returns `None` if the text is not in canonical form.
#[must_use]
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// Encodes bytes as lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or_default());
    let mut text = String::with_capacity(bytes.len() * 2);
    text.extend(bytes.iter().flat_map(digits));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base64url_accepts_only_its_canonical_form() {
        assert_eq!(from_base64url("AQ"), Some(vec![1]));
        for bad in ["AQ==", "AR", "A+8", "A/8", " AQ", "AQ\n", "A", "AQ."] {
            assert_eq!(from_base64url(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn base64url_round_trips(bytes: Vec<u8>) {
            prop_assert_eq!(from_base64url(&base64url(&bytes)), Some(bytes));
        }
    }
}
