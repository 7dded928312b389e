//! Properties of all tokens.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{KINDS, NOW, Signer, hs256, segments, session, verdict, verdict_at};
use crate::{
    encoding::{base64url, from_base64url},
    jws::{JwsError, KeySet, TokenKind, UnverifiedJws, json::StrictObject},
};

static SIGNERS: LazyLock<Vec<(KeySet, String)>> = LazyLock::new(|| {
    Signer::all()
        .iter()
        .map(|signer| (signer.keys(), signer.good(TokenKind::Handoff)))
        .collect()
});

/// JSON of any shape. Fractions are multiples of a quarter, so that they round-trip.
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
    fn a_token_with_a_flipped_bit_is_rejected(signer in 0..5_usize, place: prop::sample::Index, bit in 0..8_u32) {
        let (keys, token) = &SIGNERS[signer];
        prop_assert_eq!(verdict(keys, TokenKind::Handoff, token), Ok(()));
        let mut bytes = token.clone().into_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        // Flipping the highest bit leaves no valid UTF-8.
        if let Ok(token) = String::from_utf8(bytes) {
            prop_assert!(verdict(keys, TokenKind::Handoff, &token).is_err());
        }
    }

    #[test]
    fn a_token_with_a_flipped_bit_in_a_decoded_segment_is_rejected(
        signer in 0..5_usize, segment in 0..3_usize, place: prop::sample::Index, bit in 0..8_u32,
    ) {
        let (keys, token) = &SIGNERS[signer];
        let mut parts = segments(token).map(|segment| from_base64url(segment).unwrap());
        let place = place.index(parts[segment].len());
        parts[segment][place] ^= 1 << bit;
        let token = parts.map(base64url).join(".");
        let verdict = verdict(keys, TokenKind::Handoff, &token);
        if segment == 0 {
            prop_assert!(verdict.is_err());
        } else {
            prop_assert_eq!(verdict, Err(JwsError::Signature));
        }
    }

    #[test]
    fn a_token_with_text_removed_or_inserted_is_rejected(
        signer in 0..5_usize, from: prop::sample::Index, length in 0..8_usize, put_in in "[A-Za-z0-9._=-]{0,4}",
    ) {
        let (keys, token) = &SIGNERS[signer];
        let from = from.index(token.len());
        let to = (from + length).min(token.len());
        let changed = format!("{}{put_in}{}", &token[..from], &token[to..]);
        prop_assert_eq!(verdict(keys, TokenKind::Handoff, &changed).is_ok(), changed == *token);
    }

    #[test]
    fn no_text_panics_the_parser(text in any::<String>(), letters in "[A-Za-z0-9_.=-]{0,200}") {
        for text in [text, letters] {
            prop_assert!(session(&text).is_err());
        }
    }

    #[test]
    fn no_bytes_panic_the_parser(header: Vec<u8>, payload: Vec<u8>, signature: Vec<u8>) {
        let token = [&header, &payload, &signature].map(base64url).join(".");
        prop_assert!(session(&token).is_err());
        // The same with a valid signature.
        prop_assert!(session(&hs256().sign_bytes(&header, &payload)).is_err());
        prop_assert_eq!(session(&hs256().sign_bytes(r#"{"alg":"HS256"}"#, &payload)), Err(JwsError::Payload));
    }

    #[test]
    fn a_parsed_token_is_the_only_encoding_of_its_bytes(
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
    fn an_object_without_repeated_names_is_read_unchanged(object in any_json()) {
        let text = object.to_string();
        let read = StrictObject::parse(text.as_bytes()).map(|members| Value::Object(members.0));
        prop_assert_eq!(read.is_some(), object.is_object());
        if let Some(read) = read {
            // Serialising and parsing it again changes nothing.
            prop_assert_eq!(&read, &serde_json::from_str::<Value>(&text).unwrap());
            let again = StrictObject::parse(read.to_string().as_bytes()).unwrap();
            prop_assert_eq!(Value::Object(again.0), read);
        }
    }

    #[test]
    fn dates_of_any_value_do_not_overflow(
        iat in any::<i64>(), exp in any::<i64>(), nbf in any::<i64>(), now in any::<i64>(), near in -200_i64..200, kind in 0..3_usize,
    ) {
        let kind = KINDS[kind];
        let keys = hs256().keys();
        let token = |iat: i64, exp: i64, nbf: i64| hs256().token(kind, |_, payload| {
            payload["iat"] = json!(iat);
            payload["exp"] = json!(exp);
            payload["nbf"] = json!(nbf);
        });
        // Only the absence of overflows is tested here.
        let _ = verdict_at(&keys, kind, &token(iat, exp, nbf), now);
        // Near `NOW`, the result follows RFC 7519 §4.1 with the leeway.
        let good = (-60..160).contains(&near);
        let token = token(NOW, NOW + 100, 0);
        prop_assert_eq!(verdict_at(&keys, kind, &token, NOW + near).is_ok(), good);
    }
}
