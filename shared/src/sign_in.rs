//! Owns who is asking: a subscriber by the partner's session cookie or hand-off token, a backend by its signed request. Needs `jws` and the
//! partner's keys. Refuses to take anybody's word: every claim comes out of a verified token.

use aws_lc_rs::hmac;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::{
    clock::Clock,
    config::PublicUrl,
    encoding::{from_base64url, hex},
    jws::{JwsError, KeySet, Kind, UnverifiedJws, Verified, Verifier},
    oauth::binding::BrowserBindings,
    partner::{Entitlements, PartnerId, PartnerUserId},
    secret::same,
    secrets::{SecretValue, Versions, text_member},
    store::{SignedInBy, UsedJti},
};

/// The partner's keys: one set for its site's tokens, one for its backend's, and one key from which subscribers' ids are derived.
pub struct PartnerKeys {
    site: KeySet,
    backend: KeySet,
    partner_user_id: hmac::Key,
    browser_binding: hmac::Key,
    log: hmac::Key,
    unlink_form: [u8; 32],
}

impl SecretValue for PartnerKeys {
    fn from_members(members: &Map<String, Value>) -> Result<Self, String> {
        let key_set = |name: &str| {
            let jwks = members.get(name).ok_or_else(|| format!("lacks the member `{name}`"))?;
            KeySet::parse(jwks).map_err(|error| format!("member `{name}` {error}"))
        };
        let (site, backend) = (key_set("site")?, key_set("backend")?);
        if site.is_empty() {
            return Err("member `site` has no key: nobody could sign in".to_owned());
        }
        let bytes = from_base64url(text_member(members, "partner_user_id_key")?).filter(|bytes| bytes.len() >= 32);
        let bytes = bytes.ok_or("member `partner_user_id_key` is not base64url of 32 bytes or more")?;
        let partner_user_id = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        // One key in custody, a separate one for each use (NIST SP 800-108, with HMAC as the function).
        let derived = |purpose: &str| -> [u8; 32] {
            let mut key = [0; 32];
            key.copy_from_slice(hmac::sign(&partner_user_id, format!("soa-link {purpose}").as_bytes()).as_ref());
            key
        };
        let key = |purpose| hmac::Key::new(hmac::HMAC_SHA256, &derived(purpose));
        let (browser_binding, log, unlink_form) = (key("browser binding"), key("log"), derived("unlink form"));
        Ok(Self {
            site,
            backend,
            partner_user_id,
            browser_binding,
            log,
            unlink_form,
        })
    }
}

impl PartnerKeys {
    /// What tags the values in the browser's cookie.
    #[must_use]
    pub fn browser_binding(&self) -> &hmac::Key {
        &self.browser_binding
    }

    /// What seals the person into our own unlink form.
    #[must_use]
    pub fn unlink_form(&self) -> &[u8; 32] {
        &self.unlink_form
    }

    /// How a subscriber is known in the log: twelve characters that say nothing to whoever has no key.
    #[must_use]
    pub fn log_name(&self, partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> String {
        let mut name = hex(hmac::sign(
            &self.log,
            format!("{partner_id} {}", partner_user_id.expose()).as_bytes(),
        )
        .as_ref());
        name.truncate(12);
        name
    }
}

/// Which of the ways a person proves who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInKind {
    /// A cookie that the partner's site sets on the parent domain.
    Session,
    /// A token that the partner's site sends them back with.
    Handoff,
}

/// How the partner's people and backend are known.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The way.
    pub kind: SignInKind,
    /// Where a signed-out person is sent. Always there for hand-off.
    pub sign_in_url: Option<Url>,
    /// The session cookie's name. Always there for sessions.
    pub session_cookie: Option<String>,
    /// `iss` of the site's tokens.
    pub site_issuer: String,
    /// `aud` of the site's tokens.
    pub public_url: PublicUrl,
    /// The time.
    pub clock: Clock,
}

/// A subscriber who proved who they are.
#[derive(Debug)]
pub struct Person {
    /// To Spotify.
    pub partner_user_id: PartnerUserId,
    /// What the token said they may hear, if it said so.
    pub entitlements: Option<Entitlements>,
    /// How.
    pub signed_in_by: SignedInBy,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    partner_id: Option<String>,
    partner_user_id: Option<String>,
    entitlements: Option<Vec<String>>,
    nonce: Option<String>,
}

impl SignIn {
    /// Who the session cookie says is signed in, when sessions are in use and there is one.
    ///
    /// # Errors
    /// [`JwsError`] when the cookie is not good.
    pub fn session(
        &self,
        keys: &Versions<PartnerKeys>,
        cookie: Option<&str>,
        partner_id: &PartnerId,
    ) -> Result<Option<Person>, JwsError> {
        let Some(token) = cookie.filter(|_| self.kind == SignInKind::Session) else {
            return Ok(None);
        };
        let verified = self.verify(keys, token, Kind::Session)?;
        person(keys, verified.claims, partner_id, SignedInBy::Session).map(Some)
    }

    /// Whom the site's hand-off token is for, if it was made for this browser, and the hash of the browser's binding it was made for. The token
    /// is spent by whoever stores the `jti`.
    ///
    /// # Errors
    /// [`JwsError`] when the token is not good, or another browser's.
    pub fn handoff(
        &self,
        keys: &Versions<PartnerKeys>,
        token: &str,
        browser: &BrowserBindings,
        partner_id: &PartnerId,
    ) -> Result<(Person, UsedJti, String), JwsError> {
        let verified = self.verify(keys, token, Kind::Handoff)?;
        let nonce = verified.claims.nonce.as_deref().ok_or(JwsError::Claim("nonce"))?;
        let mut its_own = browser
            .iter()
            .filter(|binding| same(binding.nonce().as_bytes(), nonce.as_bytes()));
        let browser_binding = its_own.next().ok_or(JwsError::OtherBrowser)?.hash();
        let jti = verified.jti.ok_or(JwsError::Claim("jti"))?;
        let jti = UsedJti::handoff(&jti, verified.expires_at);
        Ok((
            person(keys, verified.claims, partner_id, SignedInBy::Handoff)?,
            jti,
            browser_binding,
        ))
    }

    /// Where a signed-out person is sent, to come back to `return_to` with a token for `nonce`.
    #[must_use]
    pub fn sign_in_at(&self, return_to: &str, nonce: &str) -> Option<String> {
        let mut url = self.sign_in_url.clone()?;
        url.query_pairs_mut()
            .append_pair("return_to", return_to)
            .append_pair("nonce", nonce);
        Some(url.into())
    }

    fn verify(&self, keys: &Versions<PartnerKeys>, token: &str, kind: Kind) -> Result<Verified<Claims>, JwsError> {
        let expected = Expected {
            kind,
            issuer: &self.site_issuer,
            audience: self.public_url.as_str(),
        };
        verify(keys, |keys| &keys.site, &expected, token, self.clock.now())
    }
}

/// A request that the partner's backend signed, verified.
#[derive(Debug)]
pub struct BackendRequest {
    /// Whom it is about.
    pub partner_user_id: PartnerUserId,
    /// What it is known by, to work once.
    pub jti: UsedJti,
}

#[derive(Deserialize)]
struct RequestClaims {
    partner_id: String,
    partner_user_id: Option<String>,
    sub: Option<String>,
}

/// Verifies a signed request of the backend `issuer`, made for the URL `audience` and the partner of that URL.
///
/// # Errors
/// [`JwsError`] when it is not good.
pub fn backend_request(
    keys: &Versions<PartnerKeys>,
    jws: &str,
    issuer: &str,
    audience: &str,
    partner_id: &PartnerId,
    now: i64,
) -> Result<BackendRequest, JwsError> {
    let expected = Expected {
        kind: Kind::Request,
        issuer,
        audience,
    };
    let verified: Verified<RequestClaims> = verify(keys, |keys| &keys.backend, &expected, jws, now)?;
    if verified.claims.partner_id != partner_id.as_str() {
        return Err(JwsError::Claim("partner_id"));
    }
    let partner_user_id = match (verified.claims.partner_user_id, verified.claims.sub) {
        (Some(id), None) => PartnerUserId::parse(&id).map_err(|_| JwsError::Claim("partner_user_id"))?,
        (None, Some(sub)) => derived(keys, partner_id, &sub)?,
        // Two that might differ are no request at all.
        _ => return Err(JwsError::Claim("partner_user_id or sub")),
    };
    let jti = verified.jti.ok_or(JwsError::Claim("jti"))?;
    Ok(BackendRequest {
        partner_user_id,
        jti: UsedJti::request(&jti, verified.expires_at),
    })
}

struct Expected<'a> {
    kind: Kind,
    issuer: &'a str,
    audience: &'a str,
}

/// Verifies with the current keys, else, while they are being rotated, with the previous ones.
fn verify<C: serde::de::DeserializeOwned>(
    keys: &Versions<PartnerKeys>,
    set: fn(&PartnerKeys) -> &KeySet,
    expected: &Expected<'_>,
    token: &str,
    now: i64,
) -> Result<Verified<C>, JwsError> {
    let jws = UnverifiedJws::parse(token)?;
    let with = |keys| {
        let verifier = Verifier {
            keys: set(keys),
            kind: expected.kind,
            issuer: expected.issuer,
            audience: expected.audience,
        };
        verifier.verify(&jws, now)
    };
    match (with(&keys.current), &keys.previous) {
        (Err(JwsError::UnknownKey | JwsError::Algorithm | JwsError::Signature), Some(previous)) => with(previous),
        (outcome, _) => outcome,
    }
}

fn person(
    keys: &Versions<PartnerKeys>,
    claims: Claims,
    partner_id: &PartnerId,
    signed_in_by: SignedInBy,
) -> Result<Person, JwsError> {
    // A site that serves several partners says which one it means; what one partner's token says must not count at another.
    if claims.partner_id.is_some_and(|claimed| claimed != partner_id.as_str()) {
        return Err(JwsError::Claim("partner_id"));
    }
    let derived = derived(keys, partner_id, &claims.sub)?;
    let partner_user_id = match claims.partner_user_id {
        Some(id) => PartnerUserId::parse(&id).map_err(|_| JwsError::Claim("partner_user_id"))?,
        None => derived,
    };
    let entitlements = claims
        .entitlements
        .map(Entitlements::parse)
        .transpose()
        .map_err(|_| JwsError::Claim("entitlements"))?;
    Ok(Person {
        partner_user_id,
        entitlements,
        signed_in_by,
    })
}

/// Always by the current key: a subscriber's id must never change, so this key is never rotated.
fn derived(keys: &Versions<PartnerKeys>, partner_id: &PartnerId, sub: &str) -> Result<PartnerUserId, JwsError> {
    if sub.is_empty() || sub.len() > 255 || sub.chars().any(char::is_control) {
        return Err(JwsError::Claim("sub"));
    }
    Ok(PartnerUserId::derive(&keys.current.partner_user_id, partner_id, sub))
}
