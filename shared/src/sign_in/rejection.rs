//! Explains to the partner's backend why its signed request is rejected. Before the signature has verified, the explanation contains only what the sender can
//! compute from its own request: it tells nothing of our keys. After that, the sender is known to have a key, and each claim is explained.

use super::verify::{Expected, MAX_REQUEST_BYTES};
use crate::jws::{JwsError, LEEWAY};

/// Why `jws` was rejected with `error`. Contains what was expected, and never a value of the request.
pub(super) fn explain(error: JwsError, jws: &str, expected: &Expected<'_>, partner_id: &str) -> String {
    let Expected { issuer, audience, .. } = expected;
    match error {
        JwsError::Malformed => malformed(jws).to_owned(),
        JwsError::Header => "The header parameters `crit`, `b64`, `cty`, `zip` and `enc` are not supported.".to_owned(),
        JwsError::Typ => "The header `typ` must be \"soa-request+jwt\".".to_owned(),
        // One text for all three: it must not tell whether a key exists, nor its algorithm.
        JwsError::Algorithm | JwsError::UnknownKey | JwsError::Signature => UNVERIFIED.to_owned(),
        JwsError::Payload => "The payload must be a JSON object in which no member is repeated.".to_owned(),
        JwsError::Claim("iss") => format!("`iss` must be \"{issuer}\", the value of `BACKEND_ISSUER`."),
        JwsError::Claim("aud") => format!(
            "`aud` must be \"{audience}\", exactly the URL called: a string, or an array of this string alone."
        ),
        JwsError::Claim("partner_id") => format!("`partner_id` must be \"{partner_id}\", the partner of the URL called."),
        JwsError::Claim("iat") => {
            "`iat` must be the time of signing in seconds since 1970, not in milliseconds or as text.".to_owned()
        }
        JwsError::Claim("exp") => {
            "`exp` must be in seconds since 1970, not in milliseconds or as text, after `iat`, and at most 300 s after it."
                .to_owned()
        }
        JwsError::Claim("nbf") => "`nbf` must be in seconds since 1970, not in milliseconds or as text.".to_owned(),
        JwsError::Claim("jti") => {
            "`jti` must be a string of 1 to 255 bytes, a new one for each request.".to_owned()
        }
        JwsError::Claim(name) => format!("`{name}` is missing or malformed."),
        JwsError::Expired => format!(
            "`exp` has passed by {LEEWAY} s or more: sign the request just before you send it, and check your clock."
        ),
        JwsError::NotYetValid => {
            format!("`iat` or `nbf` is more than {LEEWAY} s ahead of our clock: check your clock.")
        }
        JwsError::Replayed | JwsError::BrowserMismatch => REPLAYED.to_owned(),
    }
}

/// The detail of a request whose signature is not verified. Also without any key of the backend.
pub(crate) const UNVERIFIED: &str = "No key of the backend verifies the signature. Check the key and the headers `alg` and `kid`, the key set \
     `backend` or `BACKEND_JWKS_URL`, and that `BACKEND_ISSUER` is set.";
/// The detail of another request with a used `jti`.
pub(crate) const REPLAYED: &str =
    "Another request has used this `jti`: take a new one for each request. Only the identical bytes may be sent again.";

/// Why a text is no compact JWS.
fn malformed(jws: &str) -> &'static str {
    let parts: Vec<_> = jws.split('.').collect();
    if jws.is_empty() {
        "The body is empty. It must be a compact JWS."
    } else if jws.len() > MAX_REQUEST_BYTES {
        "The JWS exceeds 61,440 bytes. Send fewer people in one request."
    } else if jws.starts_with('{') || jws.starts_with('[') {
        "The body is JSON. It must be a compact JWS: sign the claims, and send `header.payload.signature`."
    } else if jws.starts_with('"') || jws.starts_with('\'') {
        "The body begins with a quote. It must be the JWS alone."
    } else if jws.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("bearer")) {
        "The body begins with `Bearer`. It must be the JWS alone."
    } else if jws.contains('=') && parts.len() == 3 && !jws.starts_with("ey") {
        "The body is no compact JWS. It must be the JWS alone, not a form field."
    } else if parts.len() != 3 {
        "The body is no compact JWS: it needs three parts, separated by two dots."
    } else if parts.last().is_some_and(|signature| signature.is_empty()) {
        "The signature is empty. The JWS must be signed."
    } else if jws.chars().any(|character| "=+/".contains(character)) {
        "The three parts must be base64url without padding: no `=`, `+` or `/`."
    } else {
        "The three parts must be base64url without padding, and the header a JSON object in which no member is repeated."
    }
}
