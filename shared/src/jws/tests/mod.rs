//! Tests of the verifier with valid tokens, with the examples of the RFCs, and with forged tokens. A comment such as S-JWS-1 names the security
//! check that a test covers.

mod algorithms;
mod claims;
mod keys;
mod parsing;
mod properties;
mod rfc_examples;

use aws_lc_rs::{
    encoding::AsDer,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaPublicKeyComponents},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, crypto};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    encoding::{base64url, from_base64url},
    jws::{JwsError, KeySet, TokenKind, UnverifiedJws, Verified, Verifier},
};

const NOW: i64 = 1_767_225_600;
const ISSUER: &str = "https://www.example.com";
const AUDIENCE: &str = "https://link.example.com";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const KINDS: [TokenKind; 3] = [TokenKind::Session, TokenKind::Handoff, TokenKind::Request];
const DAY: i64 = 24 * 3600;

#[derive(Debug, Deserialize)]
struct Subject {
    sub: String,
}

/// A private key and the JWK of its public key.
struct Signer {
    algorithm: Algorithm,
    key: EncodingKey,
    jwk: Value,
    /// The public key in every form in which it may be published: DER, raw bytes and text.
    public: Vec<Vec<u8>>,
}

impl Signer {
    fn hmac(secret: &[u8]) -> Self {
        Self {
            algorithm: Algorithm::HS256,
            key: EncodingKey::from_secret(secret),
            jwk: json!({"kty": "oct", "k": base64url(secret)}),
            public: Vec::new(),
        }
    }

    fn rsa(algorithm: Algorithm) -> Self {
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        // `jsonwebtoken` takes an RSAPrivateKey. In PKCS #8, it follows a header of 26 bytes for a 2048-bit key.
        let private = pair.as_der().unwrap().as_ref()[26..].to_vec();
        let public = pair.public_key();
        let parts = RsaPublicKeyComponents::<Vec<u8>>::from(public);
        let spki = public.as_der().unwrap().as_ref().to_vec();
        let mut jwk = json!({"kty": "RSA", "n": base64url(&parts.n), "e": base64url(&parts.e)});
        if algorithm != Algorithm::RS256 {
            jwk["alg"] = json!(format!("{algorithm:?}"));
        }
        Self {
            algorithm,
            key: EncodingKey::from_rsa_der(&private),
            public: forms(&jwk, vec![spki, public.as_ref().to_vec(), parts.n]),
            jwk,
        }
    }

    fn ec() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": base64url(&point[1..33]), "y": base64url(&point[33..])});
        Self {
            algorithm: Algorithm::ES256,
            key: EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref()),
            public: forms(
                &jwk,
                vec![
                    pair.public_key().as_der().unwrap().as_ref().to_vec(),
                    point.to_vec(),
                    point[1..33].to_vec(),
                ],
            ),
            jwk,
        }
    }

    fn ed() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let public = pair.public_key();
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(public)});
        Self {
            algorithm: Algorithm::EdDSA,
            key: EncodingKey::from_ed_der(pair.to_pkcs8().unwrap().as_ref()),
            public: forms(
                &jwk,
                vec![public.as_der().unwrap().as_ref().to_vec(), public.as_ref().to_vec()],
            ),
            jwk,
        }
    }

    /// One signer for each of the five algorithms.
    fn all() -> [Self; 5] {
        [
            Self::hmac(SECRET),
            Self::rsa(Algorithm::RS256),
            Self::rsa(Algorithm::PS256),
            Self::ec(),
            Self::ed(),
        ]
    }

    fn keys(&self) -> KeySet {
        key_set(&[&self.jwk])
    }

    /// Signs exactly this signing input.
    fn sign_input(&self, input: &str) -> String {
        let signature = crypto::sign(input.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{input}.{signature}")
    }

    /// Signs exactly these bytes.
    fn sign_bytes(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        self.sign_input(&format!("{}.{}", base64url(header), base64url(payload)))
    }

    fn sign(&self, header: &Value, payload: &Value) -> String {
        self.sign_bytes(header.to_string(), payload.to_string())
    }

    /// A valid token of `kind`, modified by `change` before signing.
    fn token(&self, kind: TokenKind, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let (mut header, mut payload) = (header(self.algorithm, kind), claims());
        change(&mut header, &mut payload);
        self.sign(&header, &payload)
    }

    fn good(&self, kind: TokenKind) -> String {
        self.token(kind, |_, _| {})
    }
}

/// Adds to `bytes`, which begins with the DER form, the other forms of a public key: base64, PEM and JWK.
fn forms(jwk: &Value, mut bytes: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let spki = crate::encoding::base64(&bytes[0]);
    let lines: Vec<_> = spki
        .as_bytes()
        .chunks(64)
        .map(|line| str::from_utf8(line).unwrap())
        .collect();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----",
        lines.join("\n")
    );
    bytes.extend([spki, format!("{pem}\n"), pem, jwk.to_string()].map(String::into_bytes));
    for name in ["n", "x"] {
        bytes.extend(jwk[name].as_str().map(|text| text.as_bytes().to_vec()));
    }
    bytes
}

fn key_set(jwks: &[&Value]) -> KeySet {
    KeySet::parse(&json!({"keys": jwks})).unwrap()
}

fn hs256() -> Signer {
    Signer::hmac(SECRET)
}

fn typ(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Session => "JWT",
        TokenKind::Handoff => "soa-handoff+jwt",
        TokenKind::Request => "soa-request+jwt",
    }
}

fn header(algorithm: Algorithm, kind: TokenKind) -> Value {
    json!({"alg": format!("{algorithm:?}"), "typ": typ(kind)})
}

/// Claims that are valid for every kind.
fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": NOW, "exp": NOW + 100, "jti": "4f1d"})
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name).unwrap();
    value
}

fn verify_at(keys: &KeySet, kind: TokenKind, token: &str, now: i64) -> Result<Verified<Subject>, JwsError> {
    let verifier = Verifier {
        keys,
        kind,
        issuer: ISSUER,
        audience: AUDIENCE,
    };
    verifier.verify(&UnverifiedJws::parse(token)?, now)
}

fn verdict_at(keys: &KeySet, kind: TokenKind, token: &str, now: i64) -> Result<(), JwsError> {
    verify_at(keys, kind, token, now).map(drop)
}

fn verdict(keys: &KeySet, kind: TokenKind, token: &str) -> Result<(), JwsError> {
    verdict_at(keys, kind, token, NOW)
}

/// Verifies a token as a session token, with the HMAC key.
fn session(token: &str) -> Result<(), JwsError> {
    verdict(&hs256().keys(), TokenKind::Session, token)
}

/// A valid session token whose claim `name` has the literal value `json`.
fn with_claim(name: &str, json: &str) -> String {
    let mark = "\"here\"";
    let mut payload = claims();
    payload[name] = json!("here");
    let payload = payload.to_string();
    assert_eq!(payload.matches(mark).count(), 1);
    hs256().sign_bytes(
        header(Algorithm::HS256, TokenKind::Session).to_string(),
        payload.replace(mark, json),
    )
}

/// The three segments of a token.
fn segments(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

/// Replaces the signature of a token.
fn with_signature(token: &str, signature: impl AsRef<[u8]>) -> String {
    let [header, payload, _] = segments(token);
    format!("{header}.{payload}.{}", base64url(signature))
}

fn signature(token: &str) -> Vec<u8> {
    from_base64url(segments(token)[2]).unwrap()
}

fn flipped(token: &str) -> String {
    let mut signature = signature(token);
    signature[0] ^= 1;
    with_signature(token, signature)
}

/// Sets an unused bit of the last character. A lenient decoder still reads the same bytes.
fn with_unused_bit(segment: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert_ne!(segment.len() % 4, 0, "the segment has no unused bits");
    let (rest, last) = segment.split_at(segment.len() - 1);
    let place = ALPHABET.iter().position(|letter| [*letter] == last.as_bytes()).unwrap();
    format!("{rest}{}", char::from(ALPHABET[place + 1]))
}

#[test]
fn a_valid_token_of_each_algorithm_and_kind_is_accepted() {
    for signer in Signer::all() {
        for kind in KINDS {
            // Encoded by `jsonwebtoken`, so that the test does not depend on this crate's own encoding.
            let mut header = Header::new(signer.algorithm);
            header.typ = Some(typ(kind).to_owned());
            let token = jsonwebtoken::encode(&header, &claims(), &signer.key).unwrap();
            let verified = verify_at(&signer.keys(), kind, &token, NOW).unwrap();
            assert_eq!(verified.claims.sub, "ada");
            assert_eq!(verified.expires_at, NOW + 100);
            assert_eq!(verified.jti.as_deref(), Some("4f1d"));
            assert_eq!(
                verdict(&signer.keys(), kind, &flipped(&token)),
                Err(JwsError::Signature),
                "{:?}",
                signer.algorithm
            );
        }
    }
}
