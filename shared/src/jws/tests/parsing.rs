//! Tests of the header and the encoding of a token.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{KINDS, NOW, claims, hs256, segments, session, typ, verdict, verify_at, with_unused_bit, without};
use crate::{
    encoding::base64url,
    jws::{JwsError, TokenKind},
};

// The header. S-JWS-6, S-JWS-7.

#[test]
fn a_header_extension_is_rejected_critical_or_not() {
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
    // Names are case-sensitive, so these have no meaning.
    for name in ["CRIT", "Crit", "B64", "CTY"] {
        let token = hs256().token(TokenKind::Session, |header, _| header[name] = json!(["x"]));
        assert_eq!(session(&token), Ok(()), "{name}");
    }
}

#[test]
fn an_unencoded_payload_is_rejected() {
    // S-JWS-6, RFC 7797.
    let header = base64url(json!({"alg": "HS256", "typ": "JWT", "b64": false, "crit": ["b64"]}).to_string());
    let payload = claims().to_string();
    assert_eq!(
        session(&hs256().sign_input(&format!("{header}.{payload}"))),
        Err(JwsError::Malformed)
    );
    let letters_only = hs256().sign_input(&format!("{header}.abcd"));
    assert_eq!(session(&letters_only), Err(JwsError::Header));
    // A detached payload, RFC 7515 Appendix F.
    let token = hs256().good(TokenKind::Session);
    let [header, _, signature] = segments(&token);
    assert_eq!(session(&format!("{header}..{signature}")), Err(JwsError::Signature));
}

#[test]
fn a_token_of_one_kind_is_rejected_as_another() {
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
fn typ_is_compared_as_a_media_type() {
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
        let expected = if kind == TokenKind::Session {
            Ok(())
        } else {
            Err(JwsError::Typ)
        };
        assert_eq!(verdict(&keys, kind, &without), expected);
    }
}

// The encoding. S-JWS-11, S-JWS-12, S-JWS-13.

#[test]
fn a_signed_segment_in_non_canonical_base64url_is_rejected() {
    // S-JWS-11. Both segments have unused bits, and characters that differ between base64 and base64url.
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
    // Not every signature has a character that differs between the alphabets, so search for one that does.
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
fn a_repeated_member_name_is_rejected() {
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
        assert_eq!(session(&token), Err(JwsError::Payload), "{more}");
    }
    // An escaped name that occurs once, and the same name in another case or at another depth, are no repetitions.
    for more in [
        r#","\u0078":1}"#,
        r#","SUB":"eve","Sub":"eve"}"#,
        r#","x":{"sub":"eve"},"y":[{"sub":1},{"sub":2}]}"#,
    ] {
        let token = hs256().sign_bytes(r#"{"alg":"HS256"}"#, format!("{good}{more}"));
        let verified = verify_at(&hs256().keys(), TokenKind::Session, &token, NOW).unwrap();
        assert_eq!(verified.claims.sub, "ada", "{more}");
    }
}

/// Texts made from a JSON object that are not one JSON object in UTF-8.
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
fn anything_but_one_json_object_is_rejected() {
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
            Err(JwsError::Payload),
            "{}",
            String::from_utf8_lossy(&bad)
        );
    }
    // White space around the object is allowed (RFC 8259 §2).
    assert_eq!(
        session(&hs256().sign_bytes(format!(" {header}\r\n"), format!("\t{payload}\n"))),
        Ok(())
    );
}

#[test]
fn anything_but_one_compact_serialization_is_rejected() {
    // S-JWS-13.
    let token = hs256().good(TokenKind::Session);
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
    // A nested token without `cty`.
    let nested = hs256().sign_bytes(r#"{"alg":"HS256","typ":"JWT"}"#, &token);
    assert_eq!(session(&nested), Err(JwsError::Payload));
    // Members of the JSON serialization have no meaning in the payload.
    let payload = json!({"payload": payload, "signatures": [], "header": {"alg": "none"}});
    assert_eq!(
        session(&hs256().sign(&json!({"alg": "HS256"}), &payload)),
        Err(JwsError::Claim("iss"))
    );
}

#[test]
fn an_overlong_token_is_rejected_quickly() {
    // S-JWS-13.
    let padded = |length: usize| {
        hs256().token(TokenKind::Session, |_, payload| {
            payload["x"] = json!("x".repeat(length));
        })
    };
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
