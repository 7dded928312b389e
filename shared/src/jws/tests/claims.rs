//! Tests of the dates and the other claims.

use serde_json::{Value, json};

use super::{
    AUDIENCE, DAY, ISSUER, KINDS, NOW, flipped, hs256, session, verdict, verdict_at, verify_at, with_claim, without,
};
use crate::jws::{JwsError, TokenKind};

// The dates. S-JWS-8, S-TIME-1.

#[test]
fn a_missing_or_malformed_date_is_rejected() {
    // S-JWS-8.
    for name in ["exp", "iat"] {
        let token = hs256().token(TokenKind::Session, |_, payload| {
            *payload = without(payload.take(), name);
        });
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
            assert_eq!(session(&with_claim(name, bad)), Err(JwsError::Payload), "{name} {bad}");
        }
    }
}

#[test]
fn a_date_in_the_wrong_unit_or_far_away_is_rejected() {
    // S-JWS-8.
    for (name, date, expected) in [
        ("exp", "1767225700000", JwsError::Claim("exp")),
        ("exp", "1767225700000000", JwsError::Claim("exp")),
        ("exp", "9223372036854775807", JwsError::Claim("exp")),
        ("exp", "9223372036854775800", JwsError::Claim("exp")),
        ("exp", "1e15", JwsError::Claim("exp")),
        ("exp", "0", JwsError::Expired),
        ("exp", "1767225", JwsError::Expired),
        ("iat", "1767225600000", JwsError::Claim("iat")),
        ("iat", "9223372036854775807", JwsError::Claim("iat")),
        ("iat", "0", JwsError::Claim("exp")),
        ("iat", "1767225", JwsError::Claim("exp")),
        ("nbf", "1767225600000", JwsError::Claim("nbf")),
        ("nbf", "9223372036854775807", JwsError::Claim("nbf")),
    ] {
        assert_eq!(session(&with_claim(name, date)), Err(expected), "{name} {date}");
    }
    // All dates in milliseconds.
    let in_milliseconds = hs256().token(TokenKind::Session, |_, payload| {
        payload["iat"] = json!(NOW * 1000);
        payload["exp"] = json!((NOW + 100) * 1000);
    });
    assert_eq!(session(&in_milliseconds), Err(JwsError::Claim("iat")));
    for good in ["0", "1767225600", "1767225600.9", "1.7672256e9", "1767225600.0"] {
        assert_eq!(session(&with_claim("nbf", good)), Ok(()), "{good}");
    }
    for good in ["1767225700.5", "1.7672257E9", "1767225700.0"] {
        let verified = verify_at(&hs256().keys(), TokenKind::Session, &with_claim("exp", good), NOW).unwrap();
        assert_eq!(verified.expires_at, NOW + 100, "{good}");
    }
}

#[test]
fn a_lifetime_above_the_limit_of_its_kind_is_rejected() {
    // S-JWS-8.
    let keys = hs256().keys();
    for (kind, longest) in [
        (TokenKind::Session, 400 * DAY),
        (TokenKind::Handoff, 120),
        (TokenKind::Request, 300),
    ] {
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
        // The remaining lifetime does not matter.
        let token = hs256().token(kind, |_, payload| {
            payload["iat"] = json!(NOW - longest);
            payload["exp"] = json!(NOW + 1);
        });
        assert_eq!(verdict(&keys, kind, &token), Err(JwsError::Claim("exp")));
    }
}

#[test]
fn a_clock_difference_of_a_minute_is_accepted() {
    // S-TIME-1.
    let keys = hs256().keys();
    let at = |now, change: &dyn Fn(&mut Value)| {
        let token = hs256().token(TokenKind::Session, |_, payload| change(payload));
        verdict_at(&keys, TokenKind::Session, &token, now)
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
        (61, Err(JwsError::NotYetValid)),
    ] {
        assert_eq!(at(NOW - seconds, &as_it_is), expected, "{seconds} s before iat");
        let not_before = |payload: &mut Value| payload["nbf"] = json!(NOW + 50);
        assert_eq!(at(NOW + 50 - seconds, &not_before), expected, "{seconds} s before nbf");
    }
    let too_late = |payload: &mut Value| payload["nbf"] = json!(exp + 61);
    assert_eq!(at(exp, &too_late), Err(JwsError::NotYetValid));
}

#[test]
fn an_extreme_clock_does_not_panic() {
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
    .map(|(name, date)| hs256().token(TokenKind::Session, |_, payload| payload[name] = json!(date)));
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
            assert!(verdict_at(&keys, TokenKind::Session, token, now).is_err(), "{now}");
        }
    }
    let good = hs256().good(TokenKind::Session);
    for now in [i64::MIN, 0] {
        assert_eq!(
            verdict_at(&keys, TokenKind::Session, &good, now),
            Err(JwsError::NotYetValid)
        );
    }
    assert_eq!(
        verdict_at(&keys, TokenKind::Session, &good, i64::MAX),
        Err(JwsError::Expired)
    );
    // The earliest and the latest representable token.
    for iat in [0, 100_000_000_000 - 101] {
        let token = hs256().token(TokenKind::Session, |_, payload| {
            payload["iat"] = json!(iat);
            payload["exp"] = json!(iat + 100);
        });
        assert_eq!(verdict_at(&keys, TokenKind::Session, &token, iat), Ok(()));
    }
}

// The other claims. S-JWS-9, S-JWS-10.

#[test]
fn an_issuer_or_audience_that_differs_is_rejected() {
    // S-JWS-9.
    for (name, right) in [("iss", ISSUER), ("aud", AUDIENCE)] {
        let token = hs256().token(TokenKind::Session, |_, payload| {
            *payload = without(payload.take(), name);
        });
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
            let token = hs256().token(TokenKind::Session, |_, payload| payload[name] = wrong.clone());
            assert_eq!(session(&token), Err(JwsError::Claim(name)), "{name} {wrong}");
        }
        let swapped = hs256().token(TokenKind::Session, |_, payload| {
            payload["iss"] = json!(AUDIENCE);
            payload["aud"] = json!(ISSUER);
        });
        assert_eq!(session(&swapped), Err(JwsError::Claim("iss")));
        let other_case = hs256().token(TokenKind::Session, |_, payload| {
            *payload = without(payload.take(), name);
            payload[name.to_uppercase()] = json!(right);
        });
        assert_eq!(session(&other_case), Err(JwsError::Claim(name)));
    }
}

#[test]
fn an_audience_may_be_a_list_of_one_and_an_issuer_may_not() {
    // S-JWS-9.
    let one = |name: &str, value: &str| hs256().token(TokenKind::Session, |_, payload| payload[name] = json!([value]));
    assert_eq!(session(&one("aud", AUDIENCE)), Ok(()));
    assert_eq!(session(&one("iss", ISSUER)), Err(JwsError::Claim("iss")));
}

#[test]
fn a_missing_or_non_text_subject_is_rejected() {
    // S-JWS-9.
    let token = hs256().token(TokenKind::Session, |_, payload| {
        *payload = without(payload.take(), "sub");
    });
    assert_eq!(session(&token), Err(JwsError::Claim("one of its own")));
    for sub in [json!(1), json!(true), json!(null), json!(["ada"]), json!({"ada": 1})] {
        let token = hs256().token(TokenKind::Session, |_, payload| payload["sub"] = sub.clone());
        assert_eq!(session(&token), Err(JwsError::Claim("one of its own")), "{sub}");
    }
}

#[test]
fn a_single_use_token_needs_a_jti_of_1_to_255_bytes() {
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
        let expected = if kind == TokenKind::Session {
            Ok(())
        } else {
            Err(JwsError::Claim("jti"))
        };
        assert_eq!(verdict(&keys, kind, &without), expected);
    }
}

#[test]
fn claims_are_read_only_after_the_signature_is_verified() {
    for bad in ["not JSON", "[]", "{}", r#"{"a":1,"a":2}"#] {
        let token = hs256().sign_bytes(r#"{"alg":"HS256"}"#, bad);
        assert_eq!(session(&flipped(&token)), Err(JwsError::Signature), "{bad}");
    }
}
