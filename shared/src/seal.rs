//! Owns what a browser keeps for us and cannot read or change: JSON under AES-256-GCM. Needs aws-lc. Refuses to open what another key, or
//! nobody, has sealed.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use serde::{Serialize, de::DeserializeOwned};

use crate::encoding::{base64url, from_base64url};

/// Seals a value into text.
#[must_use]
pub fn seal<T: Serialize>(key: &[u8; 32], value: &T) -> Option<String> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
    let mut sealed = serde_json::to_vec(value).ok()?;
    let nonce = key.seal_in_place_append_tag(Aad::empty(), &mut sealed).ok()?;
    Some(base64url([nonce.as_ref().as_slice(), &sealed].concat()))
}

/// Opens what [`seal`] made of a value with the same key.
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
    fn what_was_sealed_opens_with_its_key_alone() {
        let sealed = seal(&[1; 32], &"ada").unwrap();
        assert_eq!(unseal::<String>(&[1; 32], &sealed).as_deref(), Some("ada"));
        assert_eq!(unseal::<String>(&[2; 32], &sealed), None);
        assert!(!sealed.contains("ada"));
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_seen(bit in 0usize..200, text in ".{0,80}") {
            let mut bytes = from_base64url(&seal(&[1; 32], &"a value of some length").unwrap()).unwrap();
            let place = bit / 8 % bytes.len();
            bytes[place] ^= 1 << (bit % 8);
            prop_assert_eq!(unseal::<String>(&[1; 32], &base64url(bytes)), None);
            prop_assert_eq!(unseal::<String>(&[1; 32], &text), None);
        }
    }
}
