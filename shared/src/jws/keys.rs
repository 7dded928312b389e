//! JWK sets of verification keys (RFC 7517). Each key has exactly one algorithm (RFC 8725 §3.1). This module does not know where a set comes
//! from.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde_json::Value;

use crate::encoding::{from_base64url, hex};

/// Upper bound of the keys in a set. A token without `kid` is checked against each of them.
const MAX_KEYS: usize = 32;

/// The verification keys of one partner for one purpose.
#[derive(Clone, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

#[derive(Clone)]
pub(super) struct Key {
    kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) verifying: DecodingKey,
}

impl KeySet {
    /// Parses a JWK set. Supported key types are `oct` (HS256), `RSA` (RS256, or PS256 by `alg`), `EC` on P-256 (ES256) and `OKP` on
    /// Ed25519 (`EdDSA`).
    ///
    /// # Errors
    /// [`KeyError`] for the first fault, with the position of the key. It contains no part of a key. A retry does not help.
    pub fn parse(jwks: &Value) -> Result<Self, KeyError> {
        let keys = jwks.get("keys").and_then(Value::as_array).ok_or(KeyError::NotAJwkSet)?;
        if keys.len() > MAX_KEYS {
            return Err(KeyError::TooMany);
        }
        let keys = keys
            .iter()
            .enumerate()
            .map(|(place, jwk)| Key::parse(jwk, place + 1))
            .collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// Parses a JWK set that is published at a URL. Unusable keys are skipped, because the set may serve other purposes too. Symmetric keys are
    /// skipped, because every reader of the URL could sign with them.
    ///
    /// # Errors
    /// [`KeyError::NotAJwkSet`], [`KeyError::TooMany`], or [`KeyError::NoUsableKey`] if all keys were skipped. A retry helps only after the
    /// published set has changed.
    pub fn from_published(jwks: &Value) -> Result<Self, KeyError> {
        let keys = jwks.get("keys").and_then(Value::as_array).ok_or(KeyError::NotAJwkSet)?;
        if keys.len() > MAX_KEYS {
            return Err(KeyError::TooMany);
        }
        let public = keys
            .iter()
            .filter(|jwk| jwk.get("kty").and_then(Value::as_str) != Some("oct"));
        let keys: Vec<_> = public
            .filter_map(|jwk| Key::parse(&used_members(jwk), 0).ok())
            .collect();
        if keys.is_empty() {
            return Err(KeyError::NoUsableKey);
        }
        Ok(Self { keys })
    }

    /// Parses the JWK set of an `OpenID` provider, as [`Self::from_published`]. An RSA key without `alg` verifies RS256 and PS256: providers publish such keys
    /// and sign with either.
    ///
    /// # Errors
    /// As [`Self::from_published`].
    pub fn from_provider(jwks: &Value) -> Result<Self, KeyError> {
        let mut set = Self::from_published(jwks)?;
        let jwks = jwks.get("keys").and_then(Value::as_array).ok_or(KeyError::NotAJwkSet)?;
        let without_algorithm = jwks
            .iter()
            .filter(|jwk| jwk.get("kty").and_then(Value::as_str) == Some("RSA") && jwk.get("alg").is_none());
        let as_pss = without_algorithm.filter_map(|jwk| {
            let mut jwk = used_members(jwk);
            jwk.as_object_mut()?.insert("alg".to_owned(), "PS256".into());
            Key::parse(&jwk, 0).ok()
        });
        set.keys.extend(as_pss);
        Ok(set)
    }

    /// Whether the set has no keys, so that every token is rejected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that may have signed a token: those with its `kid`, or all if it has none.
    pub(super) fn candidates<'a>(&'a self, kid: Option<&'a str>) -> impl Iterator<Item = &'a Key> {
        self.keys
            .iter()
            .filter(move |key| kid.is_none() || key.kid.as_deref() == kid)
    }
}

/// The members of a published key that are used, and those of a private key, which must not be published. Others come in many forms, and say nothing that matters.
fn used_members(jwk: &Value) -> Value {
    const USED: [&str; 16] = [
        "kty", "kid", "use", "key_ops", "alg", "n", "e", "crv", "x", "y", "d", "p", "q", "dp", "dq", "qi",
    ];
    let members = jwk.as_object().into_iter().flatten();
    let used = members.filter(|(name, _)| USED.contains(&name.as_str()));
    used.map(|(name, value)| (name.clone(), value.clone())).collect()
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "KeySet({} keys)", self.keys.len())
    }
}

impl Key {
    fn parse(jwk: &Value, place: usize) -> Result<Self, KeyError> {
        if ["d", "p", "q", "dp", "dq", "qi"]
            .iter()
            .any(|member| jwk.get(member).is_some())
        {
            return Err(KeyError::Private(place));
        }
        let jwk: Jwk = serde_json::from_value(jwk.clone()).map_err(|_| KeyError::Malformed(place))?;
        if !is_for_verification(&jwk) {
            return Err(KeyError::NotForSignatures(place));
        }
        let bytes = |text: &str| from_base64url(text).ok_or(KeyError::Malformed(place));
        let algorithm = match (&jwk.algorithm, jwk.common.key_algorithm) {
            (AlgorithmParameters::OctetKey(oct), None | Some(KeyAlgorithm::HS256)) => {
                // At least the size of the hash (RFC 7518 §3.2).
                if bytes(&oct.value)?.len() < 32 {
                    return Err(KeyError::TooShort(place));
                }
                Algorithm::HS256
            }
            (AlgorithmParameters::RSA(rsa), algorithm) => {
                let (modulus, exponent) = (bytes(&rsa.n)?, bytes(&rsa.e)?);
                if modulus.iter().skip_while(|byte| **byte == 0).count() < 256 {
                    return Err(KeyError::TooShort(place));
                }
                // A valid exponent is odd and greater than 1.
                if matches!(exponent.as_slice(), [0 | 1]) || exponent.last().is_none_or(|last| last % 2 == 0) {
                    return Err(KeyError::Malformed(place));
                }
                match algorithm {
                    None | Some(KeyAlgorithm::RS256) => Algorithm::RS256,
                    Some(KeyAlgorithm::PS256) => Algorithm::PS256,
                    Some(_) => return Err(KeyError::Algorithm(place)),
                }
            }
            (AlgorithmParameters::EllipticCurve(ec), None | Some(KeyAlgorithm::ES256))
                if ec.curve == EllipticCurve::P256 =>
            {
                // Parsed as an uncompressed point (SEC 1 §2.3.3), which rejects points off the curve.
                let point = [vec![4], bytes(&ec.x)?, bytes(&ec.y)?].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| KeyError::Malformed(place))?;
                Algorithm::ES256
            }
            (AlgorithmParameters::OctetKeyPair(okp), None | Some(KeyAlgorithm::EdDSA))
                if okp.curve == EllipticCurve::Ed25519 =>
            {
                let point = bytes(&okp.x)?;
                if point.len() != 32 || has_small_order(&point) {
                    return Err(KeyError::Malformed(place));
                }
                Algorithm::EdDSA
            }
            _ => return Err(KeyError::Algorithm(place)),
        };
        let verifying = DecodingKey::from_jwk(&jwk).map_err(|_| KeyError::Malformed(place))?;
        Ok(Self {
            kid: jwk.common.key_id,
            algorithm,
            verifying,
        })
    }
}

/// Whether a key may verify signatures. `use` and `key_ops` are optional, and each can exclude it (RFC 7517 §4.2, §4.3).
fn is_for_verification(jwk: &Jwk) -> bool {
    let (key_use, operations) = (&jwk.common.public_key_use, &jwk.common.key_operations);
    let is_for_signatures = key_use
        .as_ref()
        .is_none_or(|key_use| *key_use == PublicKeyUse::Signature);
    let may_verify = operations
        .as_ref()
        .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    is_for_signatures && may_verify
}

/// Whether an Ed25519 public key is a point of small order, under which signatures can be forged without a private key. RFC 8032 §5.1.7 does
/// not require verifiers to check this. The sign bit, the highest bit of the last byte, is ignored. A key of zeros is such a point.
fn has_small_order(point: &[u8]) -> bool {
    const POINTS: [&str; 7] = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let mut point = point.to_vec();
    if let Some(last) = point.last_mut() {
        *last &= 0x7f;
    }
    POINTS.contains(&hex(&point).as_str())
}

/// Why a JWK set is rejected. Numbers are positions in the set, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The array `keys` is missing.
    #[error("is not a JWK set: it has no array `keys`")]
    NotAJwkSet,
    /// More than 32 keys.
    #[error("has more than 32 keys")]
    TooMany,
    /// No usable key.
    #[error("has no usable key")]
    NoUsableKey,
    /// Not a JWK, not in canonical base64url, or an invalid public key.
    #[error("key {0} is not a well-formed JWK")]
    Malformed(usize),
    /// A private key in place of a public key.
    #[error("key {0} holds a private key: put its public half here")]
    Private(usize),
    /// `use` is not `sig`, or `key_ops` lacks `verify`.
    #[error("key {0} is not for signatures: its `use` is not `sig`, or its `key_ops` lack `verify`")]
    NotForSignatures(usize),
    /// Shorter than 256 bits (HS256) or 2048 bits (RSA).
    #[error("key {0} is too short: HS256 needs 32 bytes, RSA 2048 bits")]
    TooShort(usize),
    /// An unsupported algorithm, or one that does not match the key type.
    #[error("key {0} has no supported algorithm: HS256, RS256, PS256, ES256 (P-256), EdDSA (Ed25519)")]
    Algorithm(usize),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::base64url;
    use serde_json::json;

    #[test]
    fn a_short_private_or_non_signature_key_is_rejected() {
        let oct = |bytes: &[u8]| json!({"keys": [{"kty": "oct", "k": base64url(bytes)}]});
        assert!(KeySet::parse(&oct(&[1; 32])).is_ok());
        assert_eq!(KeySet::parse(&oct(&[1; 31])).err(), Some(KeyError::TooShort(1)));
        let private =
            json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": base64url([1; 32]), "d": base64url([2; 32])}]});
        assert_eq!(KeySet::parse(&private).err(), Some(KeyError::Private(1)));
        let encryption = json!({"keys": [{"kty": "oct", "use": "enc", "k": base64url([1; 32])}]});
        assert_eq!(KeySet::parse(&encryption).err(), Some(KeyError::NotForSignatures(1)));
        let with_operations = |operations: &Value| json!({"keys": [{"kty": "oct", "use": "sig", "key_ops": operations, "k": base64url([1; 32])}]});
        for operations in [
            json!([]),
            json!(["sign"]),
            json!(["encrypt", "decrypt"]),
            json!(["Verify"]),
        ] {
            let refused = KeySet::parse(&with_operations(&operations)).err();
            assert_eq!(refused, Some(KeyError::NotForSignatures(1)), "{operations}");
        }
        for operations in [
            json!(["verify"]),
            json!(["sign", "verify"]),
            json!(["verify", "unheard-of"]),
        ] {
            assert!(KeySet::parse(&with_operations(&operations)).is_ok(), "{operations}");
        }
        assert_eq!(
            KeySet::parse(&with_operations(&json!("verify"))).err(),
            Some(KeyError::Malformed(1))
        );
        let weak = json!({"keys": [{"kty": "RSA", "n": base64url([255; 128]), "e": "AQAB"}]});
        assert_eq!(KeySet::parse(&weak).err(), Some(KeyError::TooShort(1)));
        let confused = json!({"keys": [{"kty": "oct", "alg": "RS256", "k": base64url([1; 32])}]});
        assert_eq!(KeySet::parse(&confused).err(), Some(KeyError::Algorithm(1)));
        let spaced = json!({"keys": [{"kty": "oct", "k": format!(" {}", base64url([1; 32]))}]});
        assert_eq!(KeySet::parse(&spaced).err(), Some(KeyError::Malformed(1)));
        for not_a_set in [json!(null), json!([]), json!({}), json!({"keys": {}}), json!("keys")] {
            assert_eq!(KeySet::parse(&not_a_set).err(), Some(KeyError::NotAJwkSet));
        }
    }

    #[test]
    fn published_sets_keep_only_usable_public_keys() {
        let oct = json!({"kty": "oct", "k": base64url([1; 32])});
        let okp = json!({"kty": "OKP", "crv": "Ed25519", "kid": "good", "x": base64url([9; 32])});
        let encryption = json!({"kty": "RSA", "use": "enc", "n": base64url([255; 256]), "e": "AQAB"});
        let other = json!({"kty": "EC", "crv": "secp256k1", "x": "", "y": ""});
        let set = KeySet::from_published(&json!({"keys": [oct, encryption, other, okp, "rubbish"]})).unwrap();
        assert_eq!(set.keys.len(), 1);
        assert_eq!(set.candidates(Some("good")).count(), 1);
        for none in [json!({"keys": []}), json!({"keys": [oct]})] {
            assert_eq!(KeySet::from_published(&none).err(), Some(KeyError::NoUsableKey));
        }
        assert_eq!(KeySet::from_published(&json!([])).err(), Some(KeyError::NotAJwkSet));
        assert_eq!(
            KeySet::from_published(&json!({"keys": vec![okp; 33]})).err(),
            Some(KeyError::TooMany)
        );
    }

    #[test]
    fn a_malformed_or_small_order_public_key_is_rejected() {
        let okp = |x: &[u8]| json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(x)});
        let ec = |x: &[u8], y: &[u8]| json!({"kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y)});
        let rsa = |n: &[u8], e: &[u8]| json!({"kty": "RSA", "n": base64url(n), "e": base64url(e)});
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut negative = identity;
        negative[31] = 0x80;
        let bad = [
            okp(&[]),
            okp(&[9; 31]),
            okp(&[0; 32]),
            okp(&identity),
            okp(&negative),
            ec(&[1], &[2]),
            ec(&[1; 32], &[2; 32]),
        ];
        let modulus = [vec![0; 128], vec![255; 128]].concat();
        let bad = bad.into_iter().chain([
            rsa(&modulus, &[1, 0, 1]),
            rsa(&[255; 256], &[]),
            rsa(&[255; 256], &[1]),
            rsa(&[255; 256], &[2]),
        ]);
        for jwk in bad {
            assert!(KeySet::parse(&json!({"keys": [jwk]})).is_err(), "{jwk}");
        }
        assert!(KeySet::parse(&json!({"keys": [rsa(&[255; 256], &[3])]})).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_jwk_set_panics(member in "(kty|k|n|e|x|y|crv|alg|use|kid|d)", kty in "(oct|RSA|EC|OKP|.{0,5})", text in ".{0,60}") {
            let jwk = json!({"kty": kty, "k": base64url([1; 32]), "n": "AQAB", "e": "AQAB", "x": text, "y": "", "crv": "P-256", member: text});
            let _ = KeySet::parse(&json!({"keys": [jwk, text]}));
            let _ = KeySet::parse(&json!(text));
        }
    }
}
