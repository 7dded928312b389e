//! Tests of the algorithm and the signature.

use jsonwebtoken::Algorithm;
use serde_json::json;

use super::{
    AUDIENCE, ISSUER, KINDS, SECRET, Signer, claims, hs256, key_set, segments, session, signature, verdict,
    with_signature,
};
use crate::{
    encoding::{base64url, hex},
    jws::{JwsError, KeyError, KeySet, TokenKind},
};

// The algorithm. S-JWS-1, S-JWS-2.

#[test]
fn an_unsigned_token_is_rejected_in_every_spelling() {
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
fn an_algorithm_other_than_the_keys_is_rejected() {
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
        let token = hs256().token(TokenKind::Session, |header, _| header["alg"] = json!(alg));
        assert_eq!(session(&token), Err(JwsError::Algorithm), "{alg}");
    }
    // Correctly signed by the same key.
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let signer = Signer { algorithm, ..hs256() };
        assert_eq!(session(&signer.good(TokenKind::Session)), Err(JwsError::Algorithm));
    }
    for claimed in [Algorithm::HS384, Algorithm::HS512] {
        let signer = Signer {
            algorithm: claimed,
            ..hs256()
        };
        let token = signer.token(TokenKind::Session, |header, _| header["alg"] = json!("HS256"));
        assert_eq!(session(&token), Err(JwsError::Signature));
    }
}

#[test]
fn a_missing_or_non_text_algorithm_is_rejected() {
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
        let token = hs256().token(TokenKind::Session, |header, _| header["alg"] = alg);
        assert_eq!(session(&token), Err(JwsError::Malformed));
    }
    // The parameter name is case-sensitive.
    let token = hs256().token(TokenKind::Session, |header, _| {
        *header = json!({"ALG": "HS256", "Alg": "HS256", "typ": "JWT"});
    });
    assert_eq!(session(&token), Err(JwsError::Algorithm));
}

#[test]
fn an_rsa_key_verifies_exactly_one_algorithm() {
    // S-JWS-2: the key fixes the algorithm.
    let one = Signer::rsa(Algorithm::RS256);
    let mut pss = one.jwk.clone();
    pss["alg"] = json!("PS256");
    let mut pkcs1 = one.jwk.clone();
    pkcs1["alg"] = json!("RS256");
    let rs256 = one.good(TokenKind::Session);
    let signer = Signer {
        algorithm: Algorithm::PS256,
        ..one
    };
    let ps256 = signer.good(TokenKind::Session);
    for jwk in [&signer.jwk, &pkcs1] {
        assert_eq!(verdict(&key_set(&[jwk]), TokenKind::Session, &rs256), Ok(()));
        assert_eq!(
            verdict(&key_set(&[jwk]), TokenKind::Session, &ps256),
            Err(JwsError::Algorithm)
        );
    }
    assert_eq!(verdict(&key_set(&[&pss]), TokenKind::Session, &ps256), Ok(()));
    assert_eq!(
        verdict(&key_set(&[&pss]), TokenKind::Session, &rs256),
        Err(JwsError::Algorithm)
    );
    // The header has the algorithm of the key, the signature uses the other one.
    let mixed = signer.token(TokenKind::Session, |header, _| header["alg"] = json!("RS256"));
    assert_eq!(
        verdict(&key_set(&[&pkcs1]), TokenKind::Session, &mixed),
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
            let token = attacker.good(TokenKind::Session);
            let alg = format!("{:?}", victim.algorithm);
            assert_eq!(
                verdict(&victim.keys(), TokenKind::Session, &token),
                Err(JwsError::Algorithm),
                "{alg}"
            );
            assert!(
                matches!(
                    verdict(&together, TokenKind::Session, &token),
                    Err(JwsError::Algorithm | JwsError::Signature)
                ),
                "{alg}"
            );
            let claiming = attacker.token(TokenKind::Session, |header, _| header["alg"] = json!(alg));
            assert_eq!(
                verdict(&victim.keys(), TokenKind::Session, &claiming),
                Err(JwsError::Signature),
                "{alg}"
            );
        }
    }
}

#[test]
fn a_token_signed_by_another_key_of_any_algorithm_is_rejected() {
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
            let token = attacker.good(TokenKind::Session);
            assert_eq!(verdict(&our.keys(), TokenKind::Session, &token), Err(expected));
        }
    }
}

// The signature. S-JWS-3, S-JWS-14.

#[test]
fn a_signature_of_the_wrong_length_or_content_is_rejected() {
    // S-JWS-3, CVE-2020-28042.
    let token = hs256().good(TokenKind::Session);
    let right = signature(&token);
    assert_eq!(session(&with_signature(&token, "")), Err(JwsError::Malformed));
    let longer = [right.clone(), vec![0]].concat();
    let other = hs256().token(TokenKind::Session, |_, payload| payload["sub"] = json!("eve"));
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
    // Unencoded hexadecimal is valid base64url, too.
    let [header, payload, _] = segments(&token);
    let as_hex = format!("{header}.{payload}.{}", hex(&right));
    assert_eq!(session(&as_hex), Err(JwsError::Signature));
    for place in 0..right.len() {
        let mut bad = right.clone();
        bad[place] ^= 0x80;
        assert_eq!(session(&with_signature(&token, bad)), Err(JwsError::Signature));
    }
    // A signature moved to another token, and a payload exchanged under a signature.
    assert_eq!(session(&with_signature(&other, &right)), Err(JwsError::Signature));
    let [header, _, signature] = segments(&token);
    let put_together = format!("{header}.{}.{signature}", segments(&other)[1]);
    assert_eq!(session(&put_together), Err(JwsError::Signature));
}

#[test]
fn a_constant_signature_is_rejected_by_every_algorithm() {
    // S-JWS-3, and CVE-2022-21449 for ES256.
    for signer in Signer::all() {
        let token = signer.good(TokenKind::Session);
        let verdict =
            |signature: &[u8]| verdict(&signer.keys(), TokenKind::Session, &with_signature(&token, signature));
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
fn an_es256_signature_in_der_is_rejected() {
    // S-JWS-3, RFC 7518 §3.4: the signature is R and S concatenated.
    let signer = Signer::ec();
    let token = signer.good(TokenKind::Session);
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
        verdict(&signer.keys(), TokenKind::Session, &with_signature(&token, der)),
        Err(JwsError::Signature)
    );
}

#[test]
fn a_non_canonical_eddsa_signature_is_rejected() {
    // S-JWS-3, RFC 8032 §5.1.7: S must be below the group order, which is added here.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let signer = Signer::ed();
    let token = signer.good(TokenKind::Session);
    let mut second = signature(&token);
    let mut carry = 0;
    for (byte, order) in second[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert_eq!(
        verdict(&signer.keys(), TokenKind::Session, &with_signature(&token, second)),
        Err(JwsError::Signature)
    );
}

#[test]
fn a_token_signed_by_a_guessed_key_is_rejected() {
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
