//! Validation of signed payloads: a body is one compact JWS, signed with HS256 and the client secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

/// Verifies a body and returns its payload. The error is the message of the response.
pub(super) fn verify<'a>(
    body: &[u8],
    mut secrets: impl Iterator<Item = &'a str>,
) -> Result<Map<String, Value>, &'static str> {
    let text = std::str::from_utf8(body).map_err(|_| "The body is not a compact JWS")?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !text.bytes().all(allowed) {
        return Err("The body is not a compact JWS: it has other characters than base64url's and dots");
    }
    let (message, signature) = text.rsplit_once('.').ok_or("The body is not a compact JWS")?;
    let (header, payload) = message.split_once('.').ok_or("The body is not a compact JWS")?;
    if payload.contains('.') {
        return Err("The body is not a compact JWS: it has more than three parts");
    }
    let header = object(header).ok_or("The JWS header is not a JSON object")?;
    if header.get("alg").and_then(Value::as_str) != Some("HS256") {
        return Err("The JWS header's alg is not HS256");
    }
    if header.get("typ").and_then(Value::as_str) != Some("JWT") {
        return Err("The JWS header's typ is not JWT");
    }
    if header.contains_key("crit") {
        return Err("The JWS header has critical members");
    }
    let is_signed = secrets.any(|secret| {
        let key = DecodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, Algorithm::HS256).unwrap_or_default()
    });
    if !is_signed {
        return Err("The JWS is not signed with the client's secret");
    }
    object(payload).ok_or("The JWS payload is not a JSON object")
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// Whether `text` is a valid Partner User ID: 16 to 128 lower-case hexadecimal characters.
pub(super) fn is_partner_user_id(text: &str) -> bool {
    (16..=128).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether `text` matches the strict entitlement pattern of switch A9.
pub(super) fn is_strict_entitlement(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= 128
        && bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
}

/// Returns the ID of `spotify:show:<22 base-62 characters>`, or `None` if the URI is invalid.
pub(super) fn show_id(uri: &str) -> Option<&str> {
    let id = uri.strip_prefix("spotify:show:")?;
    (id.len() == 22 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of a signed payload in Spotify's documentation.
    const VECTOR: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJwYXJ0bmVyX2lkIjoiMDAwMDAwMDAwMDAwMDAwMDAwMDAwMCIsInBhcnRuZXJfdXNlcl9pZCI6IjYzZTZkNTRiLTk5M2EtNDQ3Zi1hMWU4LTFkMjVkZDVmMDlhYyIsImVudGl0bGVtZW50cyI6WyJlbnRpdGxlbWVudC0xIiwiZW50aXRsZW1lbnQtMiJdfQ.22W1Mp9bDHUzg_KwBAWbT2B8aUvRU_5Kefau6LlLzyw";
    const SECRET: &str = "00000000000000000000000000000000";

    #[test]
    fn spotifys_example_payload_verifies_only_with_its_secret() {
        let payload = verify(VECTOR.as_bytes(), [SECRET].into_iter()).unwrap();
        assert_eq!(payload["entitlements"][1], "entitlement-2");
        assert!(verify(VECTOR.as_bytes(), ["another"].into_iter()).is_err());
        assert!(verify(VECTOR.as_bytes(), ["another", SECRET].into_iter()).is_ok());
    }

    #[test]
    fn a_body_that_is_not_exactly_one_jws_is_refused() {
        for body in [
            format!("{VECTOR}\n"),
            format!("\"{VECTOR}\""),
            format!("jws={VECTOR}"),
            format!("{VECTOR}.x"),
            VECTOR.rsplit_once('.').unwrap().0.to_owned(),
            format!("{}.", VECTOR.rsplit_once('.').unwrap().0),
            "..".to_owned(),
            String::new(),
        ] {
            assert!(verify(body.as_bytes(), [SECRET].into_iter()).is_err(), "{body}");
        }
        assert!(verify(b"\xff\xfe", [SECRET].into_iter()).is_err());
    }

    #[test]
    fn a_signed_body_of_another_algorithm_or_type_is_refused() {
        for header in [
            r#"{"alg":"none","typ":"JWT"}"#,
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"hs256","typ":"JWT"}"#,
            "[]",
        ] {
            let message = format!("{}.e30", URL_SAFE_NO_PAD.encode(header));
            let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
            let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
            assert!(
                verify(format!("{message}.{signature}").as_bytes(), [SECRET].into_iter()).is_err(),
                "{header}"
            );
        }
    }

    #[test]
    fn a_partner_user_id_is_16_to_128_lower_case_hex_digits() {
        assert!(is_partner_user_id("0123456789abcdef"));
        assert!(is_partner_user_id(&"a".repeat(128)));
        for bad in [
            "",
            "0123456789abcde",
            "0123456789ABCDEF",
            "63e6d54b-993a-447f-a1e8-1d25dd5f09ac",
            "0x0123456789abcdef",
        ] {
            assert!(!is_partner_user_id(bad), "{bad}");
        }
        assert!(!is_partner_user_id(&"a".repeat(129)));
    }
}
