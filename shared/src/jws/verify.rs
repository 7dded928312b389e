//! Verification by the steps of RFC 7515 §5.2 and RFC 7519 §7.2. Every choice that they leave open is made strictly. This module fetches no
//! keys and remembers no tokens.

use jsonwebtoken::Algorithm;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{KeySet, LEEWAY, json::StrictObject};
use crate::encoding::from_base64url;

/// Upper bound of a token, in bytes. A cookie has at most 4 KB; API Gateway accepts 10 KB of request line and headers.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// A token whose signature has not been verified. Its claims are not accessible:
///
/// ```compile_fail
/// # use shared::jws::UnverifiedJws;
/// let sub = UnverifiedJws::parse("e30.e30.e30").unwrap().sub();
/// ```
pub struct UnverifiedJws<'a> {
    header: Map<String, Value>,
    payload: Vec<u8>,
    signing_input: &'a str,
    signature: &'a str,
}

impl<'a> UnverifiedJws<'a> {
    /// Parses a compact serialization of at most 8 KiB: three segments of canonical base64url, of which the first is a JSON object.
    ///
    /// # Errors
    /// [`JwsError::Malformed`] for any other text, such as one with the prefix `Bearer`. A retry does not help.
    pub fn parse(jws: &'a str) -> Result<Self, JwsError> {
        Self::parse_with_limit(MAX_TOKEN_BYTES, jws)
    }

    /// As [`Self::parse`], for a token of at most `longest` bytes. A request body has room for more than a header.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_with_limit(longest: usize, jws: &'a str) -> Result<Self, JwsError> {
        if jws.len() > longest {
            return Err(JwsError::Malformed);
        }
        let (signing_input, signature) = jws.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::Malformed)?;
        // A fourth segment makes the payload contain a '.', which is not base64url.
        let header = from_base64url(header).ok_or(JwsError::Malformed)?;
        let payload = from_base64url(payload).ok_or(JwsError::Malformed)?;
        from_base64url(signature)
            .filter(|signature| !signature.is_empty())
            .ok_or(JwsError::Malformed)?;
        let header = StrictObject::parse(&header).ok_or(JwsError::Malformed)?.0;
        Ok(Self {
            header,
            payload,
            signing_input,
            signature,
        })
    }

    /// Whether a key outside the set may have signed the token: its `kid` is unknown, or it has no `kid` and all keys of the set failed.
    pub(crate) fn may_use_rotated_key(&self, error: JwsError) -> bool {
        match error {
            JwsError::UnknownKey => true,
            JwsError::Algorithm | JwsError::Signature => !self.header.contains_key("kid"),
            _ => false,
        }
    }

    /// The payload, which is not to be trusted before [`check_signature`].
    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    fn header_text(&self, name: &str) -> Result<Option<&str>, JwsError> {
        match self.header.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(JwsError::Malformed),
        }
    }
}

/// The purpose of a token. `typ` states it, so that a token is not accepted for another purpose (RFC 8725 §3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A session cookie of the partner's site. `typ` is `JWT` or absent, and the lifetime at most 400 days, as browsers limit cookies.
    Session,
    /// A single-use hand-off token of the partner's site. `typ` is `soa-handoff+jwt`, the lifetime at most 120 seconds, and `jti` required.
    Handoff,
    /// A signed request of the partner's backend, which takes effect once. `typ` is `soa-request+jwt`, the lifetime at most 300 seconds, and `jti` required.
    Request,
}

impl TokenKind {
    fn accepts(self, typ: Option<&str>) -> bool {
        // A media type: case-insensitive, with an optional "application/" (RFC 7515 §4.1.9).
        let typ = typ.map(str::to_ascii_lowercase);
        let typ = typ
            .as_deref()
            .map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        match self {
            Self::Session => matches!(typ, None | Some("jwt")),
            Self::Handoff => typ == Some("soa-handoff+jwt"),
            Self::Request => typ == Some("soa-request+jwt"),
        }
    }

    /// Upper bound of `exp - iat`, in seconds.
    fn max_lifetime(self) -> i64 {
        match self {
            Self::Session => 400 * 24 * 3600,
            Self::Handoff => 120,
            Self::Request => 300,
        }
    }

    fn is_single_use(self) -> bool {
        self != Self::Session
    }
}

/// The requirements on a token.
pub struct Verifier<'a> {
    /// Keys, each of which fixes its algorithm.
    pub keys: &'a KeySet,
    /// Required purpose.
    pub kind: TokenKind,
    /// Required `iss`.
    pub issuer: &'a str,
    /// Required `aud`.
    pub audience: &'a str,
}

/// The content of a verified token.
#[derive(Debug)]
pub struct Verified<C> {
    /// Claims, in the type of the caller.
    pub claims: C,
    /// `exp` in seconds since 1970, without the leeway.
    pub expires_at: i64,
    /// `jti`, never `None` for a single-use kind.
    pub jti: Option<String>,
}

impl Verifier<'_> {
    /// Verifies a token at the time `now`, in seconds since 1970, and returns its claims.
    ///
    /// # Errors
    /// The first check that fails, as a [`JwsError`], which says who may learn it. A retry helps after
    /// [`JwsError::NotYetValid`] at most.
    pub fn verify<C: DeserializeOwned>(&self, jws: &UnverifiedJws<'_>, now: i64) -> Result<Verified<C>, JwsError> {
        self.check_header(jws)?;
        check_signature(self.keys, jws)?;
        let claims = StrictObject::parse(&jws.payload).ok_or(JwsError::Payload)?.0;
        self.check_claims(&claims, now)?;
        let expires_at = date(&claims, "exp")?.ok_or(JwsError::Claim("exp"))?;
        let jti = text(&claims, "jti")?.map(str::to_owned);
        if self.kind.is_single_use() && jti.is_none() {
            return Err(JwsError::Claim("jti"));
        }
        let claims = serde_json::from_value(Value::Object(claims)).map_err(|_| JwsError::Claim("one of its own"))?;
        Ok(Verified {
            claims,
            expires_at,
            jti,
        })
    }

    /// Checks the header: no extension, no nested or encrypted token, and the required `typ` (RFC 7515 §4.1).
    fn check_header(&self, jws: &UnverifiedJws<'_>) -> Result<(), JwsError> {
        check_extensions(jws)?;
        if self.kind.accepts(jws.header_text("typ")?) {
            Ok(())
        } else {
            Err(JwsError::Typ)
        }
    }

    /// Checks issuer, audience and dates (RFC 7519 §4.1). `exp` and `iat` are required, because they bound the lifetime.
    fn check_claims(&self, claims: &Map<String, Value>, now: i64) -> Result<(), JwsError> {
        if text(claims, "iss")? != Some(self.issuer) {
            return Err(JwsError::Claim("iss"));
        }
        let audience = match claims.get("aud") {
            Some(Value::String(audience)) => Some(audience.as_str()),
            // With several audiences, any of them could present the token here.
            Some(Value::Array(audiences)) => match audiences.as_slice() {
                [Value::String(audience)] => Some(audience.as_str()),
                _ => None,
            },
            _ => None,
        };
        if audience != Some(self.audience) {
            return Err(JwsError::Claim("aud"));
        }
        let issued_at = date(claims, "iat")?.ok_or(JwsError::Claim("iat"))?;
        let expires_at = date(claims, "exp")?.ok_or(JwsError::Claim("exp"))?;
        if expires_at.saturating_add(LEEWAY) <= now {
            return Err(JwsError::Expired);
        }
        let life = expires_at.saturating_sub(issued_at);
        if life <= 0 || life > self.kind.max_lifetime() {
            return Err(JwsError::Claim("exp"));
        }
        let latest = now.saturating_add(LEEWAY);
        if issued_at > latest || date(claims, "nbf")?.is_some_and(|not_before| not_before > latest) {
            return Err(JwsError::NotYetValid);
        }
        Ok(())
    }
}

/// Checks that the header names no extension, and that the token is neither nested nor encrypted (RFC 7515 §4.1).
pub(super) fn check_extensions(jws: &UnverifiedJws<'_>) -> Result<(), JwsError> {
    let unsupported = ["crit", "b64", "cty", "zip", "enc"];
    if unsupported.iter().any(|name| jws.header.contains_key(*name)) {
        Err(JwsError::Header)
    } else {
        Ok(())
    }
}

/// Checks the signature, and returns its algorithm. The key fixes the algorithm, and `alg` must equal it exactly (RFC 7515 §5.2, RFC 8725 §3.1).
pub(super) fn check_signature(keys: &KeySet, jws: &UnverifiedJws<'_>) -> Result<Algorithm, JwsError> {
    let algorithm = jws.header_text("alg")?.ok_or(JwsError::Algorithm)?;
    let mut error = JwsError::UnknownKey;
    for key in keys.candidates(jws.header_text("kid")?) {
        if algorithm != format!("{:?}", key.algorithm) {
            error = JwsError::Algorithm;
            continue;
        }
        let message = jws.signing_input.as_bytes();
        match jsonwebtoken::crypto::verify(jws.signature, message, &key.verifying, key.algorithm) {
            Ok(true) => return Ok(key.algorithm),
            Ok(false) | Err(_) => error = JwsError::Signature,
        }
    }
    Err(error)
}

/// The text of a claim: 1 to 255 bytes without control characters. Returns `None` if the claim is absent.
fn text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, JwsError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.len() <= 255 && !text.chars().any(char::is_control) => {
            Ok(Some(text))
        }
        Some(_) => Err(JwsError::Claim(name)),
    }
}

/// The first number that is no `NumericDate`, but a time in milliseconds. As seconds it would be the year 5138.
const FIRST_MS: i64 = 100_000_000_000;

/// A `NumericDate` in whole seconds, rounded down (RFC 7519 §2). Returns `None` if the claim is absent.
pub(super) fn date(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, JwsError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_i64().or_else(|| {
        // From 2^53 on, a float does not represent every whole number.
        value
            .as_f64()
            .filter(|seconds| (0.0..9_007_199_254_740_992.0).contains(seconds))
            .map(|seconds| {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "the range was checked, and the fraction is dropped"
                )]
                let seconds = seconds as i64;
                seconds
            })
    });
    match seconds {
        Some(seconds) if (0..FIRST_MS).contains(&seconds) => Ok(Some(seconds)),
        _ => Err(JwsError::Claim(name)),
    }
}

/// Why a token is rejected. For the log. A backend also learns it, as far as it could compute it itself, and in full once its signature has verified; every other
/// sender must learn only that the token is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Not a compact serialization, or too long, or the header is no JSON object of parameters of the right types.
    #[error("malformed")]
    Malformed,
    /// One of the header parameters `crit`, `b64`, `cty`, `zip` and `enc` is present.
    #[error("unsupported header parameter")]
    Header,
    /// `typ` is that of another kind of token.
    #[error("typ")]
    Typ,
    /// `alg` is missing, or not the algorithm of the key.
    #[error("alg")]
    Algorithm,
    /// No key has the `kid` of the token, or there are no keys.
    #[error("unknown key")]
    UnknownKey,
    /// The signature is invalid.
    #[error("signature")]
    Signature,
    /// The signature is valid, but the payload is no JSON object, or repeats a member name.
    #[error("payload")]
    Payload,
    /// A claim is missing or invalid. Contains its name, or `one of its own` if it is not in the caller's type.
    #[error("claim {0}")]
    Claim(&'static str),
    /// `exp` is in the past.
    #[error("expired")]
    Expired,
    /// `iat` or `nbf` is in the future.
    #[error("not yet valid")]
    NotYetValid,
    /// The single-use token was used before.
    #[error("used before")]
    Replayed,
    /// The `nonce` belongs to no journey of this browser.
    #[error("nonce of another browser")]
    BrowserMismatch,
}
