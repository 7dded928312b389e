//! Keys that verify: a JWK set (RFC 7517) in which each key stands for exactly one algorithm (RFC 8725 §3.1).

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde_json::Value;

use crate::encoding::{from_base64url, hex};

/// The most keys one set may have; each is tried in turn when a token names none.
const MAX_KEYS: usize = 32;

/// Keys of one partner for one purpose.
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
    /// Takes a JWK set: `oct` (HS256), `RSA` (RS256, or PS256 where `alg` says so), `EC` on P-256 (ES256), `OKP` on Ed25519 (`EdDSA`).
    ///
    /// # Errors
    /// [`KeyError`] names the first fault by the key's place, and never shows a part of a key.
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

    /// Takes a JWK set that was published at a URL, which may well hold keys for other purposes: those that cannot be used are left out. So is
    /// a symmetric one: whoever can read it there could sign.
    ///
    /// # Errors
    /// [`KeyError::NotAJwkSet`], [`KeyError::TooMany`], or, when no key can be used, [`KeyError::NoUsableKey`].
    pub fn from_published(jwks: &Value) -> Result<Self, KeyError> {
        let keys = jwks.get("keys").and_then(Value::as_array).ok_or(KeyError::NotAJwkSet)?;
        if keys.len() > MAX_KEYS {
            return Err(KeyError::TooMany);
        }
        let public = keys
            .iter()
            .filter(|jwk| jwk.get("kty").and_then(Value::as_str) != Some("oct"));
        let keys: Vec<_> = public.filter_map(|jwk| Key::parse(jwk, 0).ok()).collect();
        if keys.is_empty() {
            return Err(KeyError::NoUsableKey);
        }
        Ok(Self { keys })
    }

    /// Whether there is no key, so that no token can be good.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys a token may have been signed with: those of its `kid`, or all when it names none.
    pub(super) fn candidates<'a>(&'a self, kid: Option<&'a str>) -> impl Iterator<Item = &'a Key> {
        self.keys
            .iter()
            .filter(move |key| kid.is_none() || key.kid.as_deref() == kid)
    }
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
        // RFC 7517 §4.2 and §4.3: `use` and `key_ops` are both optional, and either can keep a key from verifying.
        let (key_use, operations) = (&jwk.common.public_key_use, &jwk.common.key_operations);
        let is_for_signatures = key_use
            .as_ref()
            .is_none_or(|key_use| *key_use == PublicKeyUse::Signature);
        let may_verify = operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        if !is_for_signatures || !may_verify {
            return Err(KeyError::NotForSignatures(place));
        }
        let bytes = |text: &str| from_base64url(text).ok_or(KeyError::Malformed(place));
        let algorithm = match (&jwk.algorithm, jwk.common.key_algorithm) {
            (AlgorithmParameters::OctetKey(oct), None | Some(KeyAlgorithm::HS256)) => {
                // RFC 7518 §3.2: a key of the hash's size or larger.
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
                // Odd, and more than 1.
                if exponent.last().is_none_or(|last| last % 2 == 0)
                    || exponent.iter().all(|byte| *byte <= 1) && exponent.len() == 1
                {
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
                // SEC 1 §2.3.3, uncompressed; a point that is not on the curve is refused here.
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

/// Whether an Ed25519 public key is one of the few points under which anybody can sign (RFC 8032 §5.1.7 does not make verifiers look). A
/// placeholder of zeros is one of them. The sign bit, the highest of the last byte, makes no difference.
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

/// Why a JWK set cannot be used. Numbers are the key's place in the set, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No array `keys`.
    #[error("is not a JWK set: it has no array `keys`")]
    NotAJwkSet,
    /// More keys than a rotation needs.
    #[error("has more than 32 keys")]
    TooMany,
    /// Not one key that can be used.
    #[error("has no key that can be used")]
    NoUsableKey,
    /// Not a JWK, or not in canonical base64url.
    #[error("key {0} is not a well-formed JWK")]
    Malformed(usize),
    /// A private key where a public one belongs.
    #[error("key {0} holds a private key: put its public half here")]
    Private(usize),
    /// `use` is not `sig`, or `key_ops` does not include `verify`.
    #[error("key {0} is not for signatures: its `use` is not `sig`, or its `key_ops` lack `verify`")]
    NotForSignatures(usize),
    /// Below 256 bits (HS256) or 2048 bits (RSA).
    #[error("key {0} is too short: HS256 needs 32 bytes, RSA 2048 bits")]
    TooShort(usize),
    /// An algorithm outside the five, or one that does not fit the key.
    #[error("key {0} is for no algorithm we take: HS256, RS256, PS256, ES256 (P-256), EdDSA (Ed25519)")]
    Algorithm(usize),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::base64url;
    use serde_json::json;

    #[test]
    fn a_key_that_is_short_private_or_for_another_use_is_refused() {
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
    fn of_published_keys_those_that_can_be_used_are_taken_and_never_a_symmetric_one() {
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
    fn a_public_key_under_which_nobody_or_everybody_can_sign_is_refused() {
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
        fn no_jwk_set_is_a_panic(member in "(kty|k|n|e|x|y|crv|alg|use|kid|d)", kty in "(oct|RSA|EC|OKP|.{0,5})", text in ".{0,60}") {
            let jwk = json!({"kty": kty, "k": base64url([1; 32]), "n": "AQAB", "e": "AQAB", "x": text, "y": "", "crv": "P-256", member: text});
            let _ = KeySet::parse(&json!({"keys": [jwk, text]}));
            let _ = KeySet::parse(&json!(text));
        }
    }
}
