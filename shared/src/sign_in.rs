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

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, EncodingKey, crypto};
    use serde_json::json;

    use super::*;
    use crate::{chance::Chance, encoding::base64url, jws::LEEWAY, oauth::binding::BrowserBinding};

    const NOW: i64 = 1_767_225_600;
    const SITE: &str = "https://www.example.com";
    const PUBLIC: &str = "https://link.example.com";
    const BACKEND: &str = "billing";
    const UNLINK: &str = "https://link.example.com/unlink";
    const PARTNER: &str = "0000000000000000000000";
    const SITE_KEY: [u8; 32] = [1; 32];
    const BACKEND_KEY: [u8; 32] = [2; 32];

    fn jwks(key: [u8; 32]) -> Value {
        json!({"keys": [{"kty": "oct", "k": base64url(key)}]})
    }

    fn members(site: [u8; 32], backend: [u8; 32], partner_user_id: [u8; 32]) -> Value {
        json!({"site": jwks(site), "backend": jwks(backend), "partner_user_id_key": base64url(partner_user_id)})
    }

    fn read(members: &Value) -> Result<PartnerKeys, String> {
        PartnerKeys::from_members(members.as_object().unwrap())
    }

    fn keys() -> Versions<PartnerKeys> {
        Versions {
            current: read(&members(SITE_KEY, BACKEND_KEY, [3; 32])).unwrap(),
            previous: None,
        }
    }

    /// Site and backend with one key: nothing but the tokens themselves keeps them apart.
    fn one_key() -> Versions<PartnerKeys> {
        Versions {
            current: read(&members(SITE_KEY, SITE_KEY, [3; 32])).unwrap(),
            previous: None,
        }
    }

    fn partner() -> PartnerId {
        PartnerId::parse(PARTNER).unwrap()
    }

    fn sign_in(kind: SignInKind) -> SignIn {
        SignIn {
            kind,
            sign_in_url: Some(Url::parse("https://www.example.com/sign-in?from=spotify").unwrap()),
            session_cookie: Some("session".to_owned()),
            site_issuer: SITE.to_owned(),
            public_url: PublicUrl::parse(PUBLIC).unwrap(),
            clock: Clock::fixed(NOW),
        }
    }

    fn signed(key: [u8; 32], typ: &str, payload: &Value) -> String {
        let header = json!({"alg": "HS256", "typ": typ}).to_string();
        let input = format!("{}.{}", base64url(header), base64url(payload.to_string()));
        let key = EncodingKey::from_secret(&key);
        let signature = crypto::sign(input.as_bytes(), &key, Algorithm::HS256).unwrap();
        format!("{input}.{signature}")
    }

    /// The payload with these members, those that are `null` taken out.
    fn with(mut payload: Value, members: &Value) -> Value {
        for (name, value) in members.as_object().unwrap() {
            payload[name] = value.clone();
        }
        payload.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        payload
    }

    fn session_payload(changed: &Value) -> Value {
        let payload = json!({"iss": SITE, "aud": PUBLIC, "sub": "ada", "iat": NOW, "exp": NOW + 3600});
        with(payload, changed)
    }

    fn handoff_payload(changed: &Value) -> Value {
        let payload = json!({
            "iss": SITE, "aud": PUBLIC, "sub": "ada", "iat": NOW, "exp": NOW + 100, "jti": "4f1d", "nonce": browser(1).0.nonce(),
        });
        with(payload, changed)
    }

    fn request_payload(changed: &Value) -> Value {
        let payload = json!({
            "iss": BACKEND, "aud": UNLINK, "partner_id": PARTNER, "sub": "ada", "iat": NOW, "exp": NOW + 100, "jti": "4f1d",
        });
        with(payload, changed)
    }

    /// A browser that has a journey under way.
    fn browser(seed: u64) -> (BrowserBinding, BrowserBindings) {
        let binding = BrowserBinding::generate(&Chance::seeded(seed), keys().current.browser_binding()).unwrap();
        let bindings = BrowserBindings::parse(binding.expose());
        (binding, bindings)
    }

    fn session(keys: &Versions<PartnerKeys>, token: &str) -> Result<Option<Person>, JwsError> {
        sign_in(SignInKind::Session).session(keys, Some(token), &partner())
    }

    fn handoff(keys: &Versions<PartnerKeys>, token: &str) -> Result<(Person, UsedJti, String), JwsError> {
        sign_in(SignInKind::Handoff).handoff(keys, token, &browser(1).1, &partner())
    }

    fn request(keys: &Versions<PartnerKeys>, token: &str) -> Result<BackendRequest, JwsError> {
        backend_request(keys, token, BACKEND, UNLINK, &partner(), NOW)
    }

    /// Whom a good session with these changes is of, or why it is not good.
    fn person_of(changed: &Value) -> Result<Person, JwsError> {
        session(&keys(), &signed(SITE_KEY, "JWT", &session_payload(changed))).map(Option::unwrap)
    }

    fn handed_off(changed: &Value) -> Result<Person, JwsError> {
        let token = signed(SITE_KEY, "soa-handoff+jwt", &handoff_payload(changed));
        handoff(&keys(), &token).map(|(person, ..)| person)
    }

    fn requested(changed: &Value) -> Result<BackendRequest, JwsError> {
        request(
            &keys(),
            &signed(BACKEND_KEY, "soa-request+jwt", &request_payload(changed)),
        )
    }

    #[test]
    fn all_three_ways_name_the_same_person() {
        let session = person_of(&json!({})).unwrap();
        assert_eq!(session.signed_in_by, SignedInBy::Session);
        assert_eq!(session.entitlements, None);
        let handed_off = handed_off(&json!({})).unwrap();
        assert_eq!(handed_off.signed_in_by, SignedInBy::Handoff);
        assert_eq!(session.partner_user_id, handed_off.partner_user_id);
        assert_eq!(session.partner_user_id, requested(&json!({})).unwrap().partner_user_id);
        assert_ne!(
            session.partner_user_id,
            person_of(&json!({"sub": "eve"})).unwrap().partner_user_id
        );
    }

    #[test]
    fn the_three_kinds_never_stand_in_for_one_another() {
        // S-JWS-7: good in all but `typ`, and signed by a key that everybody takes.
        let keys = one_key();
        for typ in ["JWT", "soa-handoff+jwt", "soa-request+jwt"] {
            let expected = |its_own: &str| if typ == its_own { None } else { Some(JwsError::Typ) };
            let short = json!({"exp": NOW + 100, "jti": "4f1d"});
            let outcome = session(&keys, &signed(SITE_KEY, typ, &session_payload(&short)));
            assert_eq!(outcome.err(), expected("JWT"), "{typ} as session");
            let outcome = handoff(&keys, &signed(SITE_KEY, typ, &handoff_payload(&json!({}))));
            assert_eq!(outcome.err(), expected("soa-handoff+jwt"), "{typ} as hand-off");
            let outcome = request(&keys, &signed(SITE_KEY, typ, &request_payload(&json!({}))));
            assert_eq!(outcome.err(), expected("soa-request+jwt"), "{typ} as request");
        }
    }

    #[test]
    fn the_site_and_the_backend_have_keys_of_their_own() {
        // S-JWS-7.
        let keys = keys();
        let outcome = session(&keys, &signed(BACKEND_KEY, "JWT", &session_payload(&json!({}))));
        assert_eq!(outcome.err(), Some(JwsError::Signature));
        let outcome = handoff(
            &keys,
            &signed(BACKEND_KEY, "soa-handoff+jwt", &handoff_payload(&json!({}))),
        );
        assert_eq!(outcome.err(), Some(JwsError::Signature));
        let outcome = request(
            &keys,
            &signed(SITE_KEY, "soa-request+jwt", &request_payload(&json!({}))),
        );
        assert_eq!(outcome.err(), Some(JwsError::Signature));
        // The key that subscribers' ids are derived from signs nothing.
        let outcome = session(&keys, &signed([3; 32], "JWT", &session_payload(&json!({}))));
        assert_eq!(outcome.err(), Some(JwsError::Signature));
    }

    #[test]
    fn the_issuer_and_the_audience_are_those_of_the_way_in() {
        // S-JWS-9, S-JWS-15: a request is for one function and one partner only.
        for (changed, claim) in [
            (json!({"iss": BACKEND}), "iss"),
            (json!({"iss": PUBLIC}), "iss"),
            (json!({"aud": UNLINK}), "aud"),
            (json!({"aud": "https://link.example.com/"}), "aud"),
        ] {
            assert_eq!(person_of(&changed).err(), Some(JwsError::Claim(claim)), "{changed}");
            assert_eq!(handed_off(&changed).err(), Some(JwsError::Claim(claim)), "{changed}");
        }
        for (changed, claim) in [
            (json!({"iss": SITE}), "iss"),
            (json!({"aud": PUBLIC}), "aud"),
            (json!({"aud": "https://link.example.com/other"}), "aud"),
        ] {
            assert_eq!(requested(&changed).err(), Some(JwsError::Claim(claim)), "{changed}");
        }
    }

    #[test]
    fn the_previous_keys_verify_while_they_are_rotated_and_no_longer() {
        let old = || read(&members(SITE_KEY, BACKEND_KEY, [3; 32])).unwrap();
        let new = || read(&members([4; 32], [5; 32], [3; 32])).unwrap();
        let rotating = Versions {
            current: new(),
            previous: Some(old()),
        };
        let rotated = Versions {
            current: new(),
            previous: None,
        };
        for (site_key, backend_key, afterwards) in [
            (SITE_KEY, BACKEND_KEY, Some(JwsError::Signature)),
            ([4; 32], [5; 32], None),
        ] {
            let token = signed(site_key, "JWT", &session_payload(&json!({})));
            assert!(session(&rotating, &token).is_ok());
            assert_eq!(session(&rotated, &token).err(), afterwards);
            let token = signed(site_key, "soa-handoff+jwt", &handoff_payload(&json!({})));
            assert!(handoff(&rotating, &token).is_ok());
            assert_eq!(handoff(&rotated, &token).err(), afterwards);
            let token = signed(backend_key, "soa-request+jwt", &request_payload(&json!({})));
            assert!(request(&rotating, &token).is_ok());
            assert_eq!(request(&rotated, &token).err(), afterwards);
        }
        // What the current keys have verified is not asked of the previous ones, and neither know the other set's keys.
        for site_key in [SITE_KEY, [4; 32]] {
            let long_ago = session_payload(&json!({"iat": NOW - 900, "exp": NOW - 600}));
            let expired = signed(site_key, "JWT", &long_ago);
            assert_eq!(session(&rotating, &expired).err(), Some(JwsError::Expired));
        }
        let of_the_backend = signed(BACKEND_KEY, "JWT", &session_payload(&json!({})));
        assert_eq!(session(&rotating, &of_the_backend).err(), Some(JwsError::Signature));
        let of_nobody = signed([6; 32], "JWT", &session_payload(&json!({})));
        assert_eq!(session(&rotating, &of_nobody).err(), Some(JwsError::Signature));
    }

    #[test]
    fn a_person_is_named_by_the_current_key_whichever_verified() {
        let keys_with = |site, partner_user_id| read(&members(site, BACKEND_KEY, partner_user_id)).unwrap();
        let rotating = Versions {
            current: keys_with([4; 32], [3; 32]),
            previous: Some(keys_with(SITE_KEY, [7; 32])),
        };
        let named = person_of(&json!({})).unwrap().partner_user_id;
        for site_key in [SITE_KEY, [4; 32]] {
            let token = signed(site_key, "JWT", &session_payload(&json!({})));
            assert_eq!(session(&rotating, &token).unwrap().unwrap().partner_user_id, named);
        }
    }

    #[test]
    fn a_token_for_another_partner_is_refused() {
        let other = json!({"partner_id": "1111111111111111111111"});
        let refused = Some(JwsError::Claim("partner_id"));
        assert_eq!(person_of(&other).err(), refused);
        assert_eq!(handed_off(&other).err(), refused);
        assert_eq!(requested(&other).err(), refused);
        for wrong in ["", "000000000000000000000", "0000000000000000000000 "] {
            assert_eq!(person_of(&json!({"partner_id": wrong})).err(), refused, "{wrong:?}");
            assert_eq!(requested(&json!({"partner_id": wrong})).err(), refused, "{wrong:?}");
        }
        for wrong in [json!(1), json!([PARTNER]), json!({})] {
            let malformed = Some(JwsError::Claim("one of its own"));
            assert_eq!(person_of(&json!({"partner_id": wrong})).err(), malformed, "{wrong}");
            assert_eq!(requested(&json!({"partner_id": wrong})).err(), malformed, "{wrong}");
        }
        assert!(person_of(&json!({"partner_id": PARTNER})).is_ok());
        // A site that serves one partner need not name it; a backend must.
        let unnamed = json!({"partner_id": null});
        assert_eq!(requested(&unnamed).err(), Some(JwsError::Claim("one of its own")));
    }

    #[test]
    fn a_partner_user_id_claim_is_taken_as_it_is_or_not_at_all() {
        let good = "0123456789abcdef";
        let claim = |id: &Value| json!({"partner_user_id": id});
        assert_eq!(person_of(&claim(&json!(good))).unwrap().partner_user_id.expose(), good);
        assert_eq!(handed_off(&claim(&json!(good))).unwrap().partner_user_id.expose(), good);
        let instead_of_sub = |id: &Value| json!({"partner_user_id": id, "sub": null});
        let request = requested(&instead_of_sub(&json!(good))).unwrap();
        assert_eq!(request.partner_user_id.expose(), good);
        for bad in [
            "",
            "ada",
            "0123456789abcde",
            "0123456789ABCDEF",
            "0123456789abcdef ",
            "0123456789abcdef\n",
            "0x0123456789abcdef",
            "63e6d54b-993a-447f-a1e8-1d25dd5f09ac",
            &"a".repeat(129),
        ] {
            let refused = Some(JwsError::Claim("partner_user_id"));
            assert_eq!(person_of(&claim(&json!(bad))).err(), refused, "{bad:?}");
            assert_eq!(handed_off(&claim(&json!(bad))).err(), refused, "{bad:?}");
            assert_eq!(requested(&instead_of_sub(&json!(bad))).err(), refused, "{bad:?}");
        }
        for bad in [json!(123_456_789), json!([good]), json!({}), json!(true)] {
            let refused = Some(JwsError::Claim("one of its own"));
            assert_eq!(person_of(&claim(&bad)).err(), refused, "{bad}");
            assert_eq!(requested(&instead_of_sub(&bad)).err(), refused, "{bad}");
        }
    }

    #[test]
    fn a_subject_is_one_to_255_visible_bytes() {
        for bad in ["", "a\u{0}da", "ada\n", "a\u{85}da", &"a".repeat(256)] {
            let refused = Some(JwsError::Claim("sub"));
            let claim = json!({"sub": bad});
            assert_eq!(person_of(&claim).err(), refused, "{bad:?}");
            assert_eq!(handed_off(&claim).err(), refused, "{bad:?}");
            assert_eq!(requested(&claim).err(), refused, "{bad:?}");
            // Neither does a partner_user_id make up for it.
            let claim = json!({"sub": bad, "partner_user_id": "0123456789abcdef"});
            assert_eq!(person_of(&claim).err(), refused, "{bad:?}");
        }
        let missing = json!({"sub": null, "partner_user_id": "0123456789abcdef"});
        assert_eq!(person_of(&missing).err(), Some(JwsError::Claim("one of its own")));
        for good in ["a", "ада", "ada lovelace", &"a".repeat(255)] {
            assert!(person_of(&json!({"sub": good})).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn an_entitlements_claim_is_taken_whole_or_not_at_all() {
        let of = |entitlements: &Value| person_of(&json!({"entitlements": entitlements}));
        let taken = of(&json!(["silver", "gold", "gold"])).unwrap().entitlements.unwrap();
        assert_eq!(taken.iter().collect::<Vec<_>>(), ["gold", "silver"]);
        // Nothing is a set too: the subscriber may hear nothing.
        assert_eq!(of(&json!([])).unwrap().entitlements, Some(Entitlements::default()));
        let too_many: Vec<_> = (0..=Entitlements::MOST).map(|number| format!("e{number}")).collect();
        for bad in [
            json!([""]),
            json!(["gold", "no good"]),
            json!(["gold", "-x"]),
            json!(["gold\n"]),
            json!(["a".repeat(129)]),
            json!(too_many),
        ] {
            assert_eq!(of(&bad).err(), Some(JwsError::Claim("entitlements")), "{bad}");
            let handed_off = handed_off(&json!({"entitlements": bad}));
            assert!(handed_off.is_err());
        }
        for bad in [
            json!("gold"),
            json!({"gold": true}),
            json!([1]),
            json!(["gold", null]),
            json!(1),
            json!([["gold"]]),
        ] {
            assert_eq!(of(&bad).err(), Some(JwsError::Claim("one of its own")), "{bad}");
        }
    }

    #[test]
    fn a_request_is_about_one_subscriber_named_in_one_way() {
        let refused = Some(JwsError::Claim("partner_user_id or sub"));
        let both = json!({"partner_user_id": "0123456789abcdef", "sub": "ada"});
        assert_eq!(requested(&both).err(), refused);
        // Not even when both mean the same.
        let id = requested(&json!({})).unwrap().partner_user_id;
        assert_eq!(
            requested(&json!({"partner_user_id": id.expose(), "sub": "ada"})).err(),
            refused
        );
        assert_eq!(requested(&json!({"sub": null})).err(), refused);
    }

    #[test]
    fn a_token_that_works_once_is_remembered_until_nobody_takes_it() {
        // S-JWS-10.
        let token = signed(SITE_KEY, "soa-handoff+jwt", &handoff_payload(&json!({})));
        let (_, jti, _) = handoff(&keys(), &token).unwrap();
        assert_eq!(jti.expires_at, NOW + 100 + LEEWAY);
        assert_eq!(requested(&json!({})).unwrap().jti.expires_at, NOW + 100 + LEEWAY);
        let sign_in = sign_in(SignInKind::Handoff);
        let handoff = || sign_in.handoff(&keys(), &token, &browser(1).1, &partner());
        sign_in.clock.advance(100 + LEEWAY - 1);
        assert!(handoff().is_ok());
        sign_in.clock.advance(1);
        assert_eq!(handoff().err(), Some(JwsError::Expired));
        let nameless = json!({"jti": null});
        assert_eq!(handed_off(&nameless).err(), Some(JwsError::Claim("jti")));
        assert_eq!(requested(&nameless).err(), Some(JwsError::Claim("jti")));
    }

    #[test]
    fn a_handoff_is_for_the_browser_that_it_was_made_for() {
        let token = signed(SITE_KEY, "soa-handoff+jwt", &handoff_payload(&json!({})));
        let sign_in = sign_in(SignInKind::Handoff);
        let to = |browser: &BrowserBindings| sign_in.handoff(&keys(), &token, browser, &partner());
        let [(mine, my_browser), (other, other_browser)] = [1, 2].map(browser);
        let (_, _, binding) = to(&my_browser).unwrap();
        assert_eq!(binding, mine.hash());
        assert_eq!(to(&other_browser).err(), Some(JwsError::OtherBrowser));
        assert_eq!(to(&BrowserBindings::default()).err(), Some(JwsError::OtherBrowser));
        // Of a browser with several journeys it finds the right one.
        let both = BrowserBindings::parse(&format!("{}.{}", other.expose(), mine.expose()));
        assert_eq!(to(&both).unwrap().2, mine.hash());
        for wrong in [
            "",
            &mine.nonce()[..63],
            &mine.nonce().to_uppercase(),
            &mine.hash(),
            mine.expose(),
        ] {
            let refused = handed_off(&json!({"nonce": wrong})).err();
            assert_eq!(refused, Some(JwsError::OtherBrowser), "{wrong:?}");
        }
        assert_eq!(
            handed_off(&json!({"nonce": null})).err(),
            Some(JwsError::Claim("nonce"))
        );
        let list = json!({"nonce": [mine.nonce()]});
        assert_eq!(handed_off(&list).err(), Some(JwsError::Claim("one of its own")));
    }

    #[test]
    fn a_session_counts_only_where_sessions_are_in_use() {
        let token = signed(SITE_KEY, "JWT", &session_payload(&json!({})));
        let handoff = sign_in(SignInKind::Handoff);
        assert!(handoff.session(&keys(), Some(&token), &partner()).unwrap().is_none());
        assert!(handoff.session(&keys(), Some("rubbish"), &partner()).unwrap().is_none());
        let sessions = sign_in(SignInKind::Session);
        assert!(sessions.session(&keys(), None, &partner()).unwrap().is_none());
        for bad in ["", "rubbish", &format!("{token}, {token}"), &format!("Bearer {token}")] {
            let refused = sessions.session(&keys(), Some(bad), &partner()).err();
            assert_eq!(refused, Some(JwsError::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn a_signed_out_person_is_sent_to_sign_in_with_what_brings_them_back() {
        let sign_in = sign_in(SignInKind::Handoff);
        assert_eq!(
            sign_in
                .sign_in_at("https://link.example.com/link/0?a=b&c=d#e", "4f1d")
                .unwrap(),
            "https://www.example.com/sign-in?from=spotify\
                &return_to=https%3A%2F%2Flink.example.com%2Flink%2F0%3Fa%3Db%26c%3Dd%23e&nonce=4f1d"
        );
        let nowhere = SignIn {
            sign_in_url: None,
            ..sign_in
        };
        assert_eq!(nowhere.sign_in_at("https://link.example.com/", "4f1d"), None);
    }

    #[test]
    fn a_subscriber_has_a_short_name_in_the_log_that_says_nothing() {
        let id = PartnerUserId::parse("0123456789abcdef").unwrap();
        let name = keys().current.log_name(&partner(), &id);
        assert_eq!(name.len(), 12);
        assert!(!id.expose().contains(&name));
        assert_eq!(name, keys().current.log_name(&partner(), &id));
        let other = PartnerId::parse("1111111111111111111111").unwrap();
        assert_ne!(name, keys().current.log_name(&other, &id));
        let other_key = read(&members(SITE_KEY, BACKEND_KEY, [7; 32])).unwrap();
        assert_ne!(name, other_key.log_name(&partner(), &id));
    }

    #[test]
    fn a_bad_secret_is_refused_by_the_name_of_its_fault_and_without_its_content() {
        // S-JWS-14.
        let good = members(SITE_KEY, BACKEND_KEY, [3; 32]);
        assert!(read(&good).is_ok());
        assert!(read(&with(good.clone(), &json!({"backend": {"keys": []}}))).is_ok());
        let short = base64url([9; 31]);
        let private = json!({"keys": [
            {"kty": "oct", "k": base64url(SITE_KEY)},
            {"kty": "OKP", "crv": "Ed25519", "x": base64url([8; 32]), "d": base64url([9; 32])},
        ]});
        let key_fault = "member `partner_user_id_key` is not base64url of 32 bytes or more";
        for (changed, fault) in [
            (json!({"site": null}), "lacks the member `site`"),
            (json!({"backend": null}), "lacks the member `backend`"),
            (
                json!({"partner_user_id_key": null}),
                "lacks the member `partner_user_id_key`",
            ),
            (
                json!({"partner_user_id_key": 7}),
                "member `partner_user_id_key` is not text",
            ),
            (json!({"partner_user_id_key": ""}), key_fault),
            (json!({"partner_user_id_key": short}), key_fault),
            (
                json!({"partner_user_id_key": format!("{}\n", base64url([9; 32]))}),
                key_fault,
            ),
            (
                json!({"partner_user_id_key": format!("{}=", base64url([9; 32]))}),
                key_fault,
            ),
            (
                json!({"site": {"keys": []}}),
                "member `site` has no key: nobody could sign in",
            ),
            (
                json!({"site": "keys"}),
                "member `site` is not a JWK set: it has no array `keys`",
            ),
            (
                json!({"site": private}),
                "member `site` key 2 holds a private key: put its public half here",
            ),
            (
                json!({"backend": private}),
                "member `backend` key 2 holds a private key: put its public half here",
            ),
            (
                json!({"backend": {"keys": [{"kty": "oct", "k": short}]}}),
                "member `backend` key 1 is too short: HS256 needs 32 bytes, RSA 2048 bits",
            ),
        ] {
            let error = read(&with(good.clone(), &changed)).err().unwrap();
            assert_eq!(error, fault);
            for content in [[1; 32], [2; 32], [3; 32], [8; 32], [9; 32]] {
                assert!(!error.contains(&base64url(content)[..8]), "{error}");
            }
        }
    }
}
