//! Sealed values: JSON encrypted with AES-256-GCM, so that a browser can store a value but neither read nor change it. This module does
//! not know what it seals, and manages no keys.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use serde::{Serialize, de::DeserializeOwned};

use crate::encoding::{base64url, from_base64url};

/// Encrypts `value` under a random nonce, and encodes nonce and ciphertext as base64url. Returns `None` if `value` has no JSON form.
#[must_use]
pub fn seal<T: Serialize>(key: &[u8; 32], value: &T) -> Option<String> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
    let mut sealed = serde_json::to_vec(value).ok()?;
    let nonce = key.seal_in_place_append_tag(Aad::empty(), &mut sealed).ok()?;
    Some(base64url([nonce.as_ref().as_slice(), &sealed].concat()))
}

/// Decrypts a text made by [`seal`]. Returns `None` if the key differs, the text was changed, or the value is not a `T`.
#[must_use]
pub fn unseal<T: DeserializeOwned>(key: &[u8; 32], text: &str) -> Option<T> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
    let bytes = from_base64url(text)?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut sealed = sealed.to_vec();
    serde_json::from_slice(key.open_in_place(nonce, Aad::empty(), &mut sealed).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_sealed_value_opens_only_with_its_key() {
        let sealed = seal(&[1; 32], &"ada").unwrap();
        assert_eq!(unseal::<String>(&[1; 32], &sealed).as_deref(), Some("ada"));
        assert_eq!(unseal::<String>(&[2; 32], &sealed), None);
        assert!(!sealed.contains("ada"));
    }

    proptest! {
        #[test]
        fn a_flipped_bit_is_detected(bit in 0usize..200, text in ".{0,80}") {
            let mut bytes = from_base64url(&seal(&[1; 32], &"a value of some length").unwrap()).unwrap();
            let place = bit / 8 % bytes.len();
            bytes[place] ^= 1 << (bit % 8);
            prop_assert_eq!(unseal::<String>(&[1; 32], &base64url(bytes)), None);
            prop_assert_eq!(unseal::<String>(&[1; 32], &text), None);
        }
    }
}
