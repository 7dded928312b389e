//! Verifying, as RFC 7515 §5.2 and RFC 7519 §7.2 number it, with every choice they leave open made on the strict side.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{KeySet, LEEWAY, members::StrictObject};
use crate::encoding::from_base64url;

/// The longest token looked at, in bytes. A cookie holds 4 KB and API Gateway takes 10 KB of request line and headers.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// A token whose signature has not been checked. It has no claims to read.
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
    /// Takes a compact serialization: three segments of canonical base64url, the first a JSON object.
    ///
    /// # Errors
    /// [`JwsError::Malformed`] for anything else, `Bearer` in front, JSON serialization or two tokens among it.
    pub fn parse(jws: &'a str) -> Result<Self, JwsError> {
        Self::parse_with_limit(MAX_TOKEN_BYTES, jws)
    }

    /// As [`Self::parse`], of a token that came in a body, where more fits.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_with_limit(longest: usize, jws: &'a str) -> Result<Self, JwsError> {
        if jws.len() > longest {
            return Err(JwsError::Malformed);
        }
        let (signing_input, signature) = jws.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::Malformed)?;
        // A further '.' would be in the payload, where base64url does not have it.
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

    /// Whether a key that was not at hand may have signed it: it names an unknown one, or none and those at hand did not fit.
    pub(crate) fn may_use_rotated_key(&self, error: JwsError) -> bool {
        match error {
            JwsError::UnknownKey => true,
            JwsError::Algorithm | JwsError::Signature => !self.header.contains_key("kid"),
            _ => false,
        }
    }

    fn header_text(&self, name: &str) -> Result<Option<&str>, JwsError> {
        match self.header.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(JwsError::Malformed),
        }
    }
}

/// What a token is for. `typ` tells them apart (RFC 8725 §3.11), so that none can stand in for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// The partner site's session cookie: `typ` is `JWT` or absent. Lives as long as browsers keep a cookie, 400 days.
    Session,
    /// A hand-off from the partner's site, `soa-handoff+jwt`: at most 120 seconds, once, with `jti` and `nonce`.
    Handoff,
    /// A request of the partner's backend, `soa-request+jwt`: at most 5 minutes, once, with `jti`.
    Request,
}

impl TokenKind {
    fn accepts(self, typ: Option<&str>) -> bool {
        // RFC 7515 §4.1.9: a media type, compared without case, whose "application/" may be left out.
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

    /// The longest `exp - iat`, in seconds.
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

/// What a token must show to be believed.
pub struct Verifier<'a> {
    /// The keys; each fixes its algorithm.
    pub keys: &'a KeySet,
    /// What the token is for.
    pub kind: TokenKind,
    /// The only `iss` taken.
    pub issuer: &'a str,
    /// The only `aud` taken.
    pub audience: &'a str,
}

/// The claims of a token that was verified.
#[derive(Debug)]
pub struct Verified<C> {
    /// The claims the caller asked for.
    pub claims: C,
    /// When the token ends, in seconds since 1970, clocks' leeway not counted.
    pub expires_at: i64,
    /// The token's own name; always there when the kind works once.
    pub jti: Option<String>,
}

impl Verifier<'_> {
    /// Checks a token at the time `now` and returns its claims.
    ///
    /// # Errors
    /// The first [`JwsError`], for the log. Whoever sent the token learns only that it was not good.
    pub fn verify<C: DeserializeOwned>(&self, jws: &UnverifiedJws<'_>, now: i64) -> Result<Verified<C>, JwsError> {
        self.check_header(jws)?;
        self.check_signature(jws)?;
        let claims = StrictObject::parse(&jws.payload).ok_or(JwsError::Malformed)?.0;
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

    /// RFC 7515 §4.1: no extension we would have to understand, no nested token, and the kind we were asked for.
    fn check_header(&self, jws: &UnverifiedJws<'_>) -> Result<(), JwsError> {
        if ["crit", "b64", "cty", "zip", "enc"]
            .iter()
            .any(|name| jws.header.contains_key(*name))
        {
            return Err(JwsError::Header);
        }
        if self.kind.accepts(jws.header_text("typ")?) {
            Ok(())
        } else {
            Err(JwsError::Typ)
        }
    }

    /// RFC 7515 §5.2 and RFC 8725 §3.1: the key fixes the algorithm, and the header must say the same, case and all.
    fn check_signature(&self, jws: &UnverifiedJws<'_>) -> Result<(), JwsError> {
        let algorithm = jws.header_text("alg")?.ok_or(JwsError::Algorithm)?;
        let mut error = JwsError::UnknownKey;
        for key in self.keys.candidates(jws.header_text("kid")?) {
            if algorithm != format!("{:?}", key.algorithm) {
                error = JwsError::Algorithm;
                continue;
            }
            match jsonwebtoken::crypto::verify(
                jws.signature,
                jws.signing_input.as_bytes(),
                &key.verifying,
                key.algorithm,
            ) {
                Ok(true) => return Ok(()),
                Ok(false) | Err(_) => error = JwsError::Signature,
            }
        }
        Err(error)
    }

    /// RFC 7519 §4.1. All dates are needed: a token without an end, or without a beginning, cannot be said to be short.
    fn check_claims(&self, claims: &Map<String, Value>, now: i64) -> Result<(), JwsError> {
        if text(claims, "iss")? != Some(self.issuer) {
            return Err(JwsError::Claim("iss"));
        }
        let audience = match claims.get("aud") {
            Some(Value::String(audience)) => Some(audience.as_str()),
            // A token for others too could be presented here by any of them.
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

/// A claim that is text: not empty, at most 255 characters, nothing invisible in it.
fn text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, JwsError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.len() <= 255 && !text.chars().any(char::is_control) => {
            Ok(Some(text))
        }
        Some(_) => Err(JwsError::Claim(name)),
    }
}

/// A `NumericDate` (RFC 7519 §2), its fraction cut off.
fn date(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, JwsError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_i64().or_else(|| {
        // 2^53: beyond it a fraction's whole part is no longer exact.
        value
            .as_f64()
            .filter(|seconds| (0.0..9_007_199_254_740_992.0).contains(seconds))
            .map(|seconds| {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "the range was checked, the fraction is to go"
                )]
                let seconds = seconds as i64;
                seconds
            })
    });
    match seconds {
        Some(seconds) if seconds >= 0 => Ok(Some(seconds)),
        _ => Err(JwsError::Claim(name)),
    }
}

/// Why a token was not believed. For the log; the sender learns none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Not a compact serialization of two JSON objects, or too long.
    #[error("malformed")]
    Malformed,
    /// A header extension we do not take.
    #[error("header extension")]
    Header,
    /// Another kind of token.
    #[error("typ")]
    Typ,
    /// An `alg` that is not the key's.
    #[error("alg")]
    Algorithm,
    /// No key of that `kid`, or no key at all.
    #[error("unknown key")]
    UnknownKey,
    /// The signature does not hold.
    #[error("signature")]
    Signature,
    /// A claim is missing or not what it must be.
    #[error("claim {0}")]
    Claim(&'static str),
    /// Past its end.
    #[error("expired")]
    Expired,
    /// Before its beginning.
    #[error("not yet valid")]
    NotYetValid,
    /// Presented before.
    #[error("used before")]
    Replayed,
    /// Another browser's.
    #[error("not this browser's")]
    BrowserMismatch,
}
