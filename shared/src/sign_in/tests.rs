//! Which tokens, requests and secrets are accepted, and which are rejected.

use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

use super::*;
use crate::{
    cookie::VISIT_TTL,
    encoding::base64url,
    jws::LEEWAY,
    oauth::browser_binding::BrowserBinding,
    partner::{Entitlements, PartnerUserId},
    rng::Rng,
    secrets::SecretValue as _,
    urls::PublicUrl,
};

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

/// Site and backend with the same key, so that only the tokens distinguish them.
fn one_key() -> Versions<PartnerKeys> {
    Versions {
        current: read(&members(SITE_KEY, SITE_KEY, [3; 32])).unwrap(),
        previous: None,
    }
}

fn partner() -> PartnerId {
    PartnerId::parse(PARTNER).unwrap()
}

fn sign_in(method: SignInMethod) -> SignIn {
    let config = SignInConfig {
        requires_partner_claim: false,
        method,
        sign_in_url: Some(Url::parse("https://www.example.com/sign-in?from=spotify").unwrap()),
        session_cookie: Some("session".to_owned()),
        site_issuer: SITE.to_owned(),
        site_jwks_url: None,
        public_url: PublicUrl::parse(PUBLIC).unwrap(),
    };
    SignIn::new(config, &HttpClient::new().unwrap(), &Clock::fixed(NOW))
}

/// Runs a verification that needs only the keys of the secret, and so does no I/O.
fn at_once<T>(future: impl Future<Output = Result<T, SignInError>>) -> Result<T, JwsError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(future).map_err(|error| match error {
        SignInError::Token(error) => error,
        SignInError::Keys(error) => panic!("{error}"),
    })
}

fn signed(key: [u8; 32], typ: &str, payload: &Value) -> String {
    let header = json!({"alg": "HS256", "typ": typ}).to_string();
    let input = format!("{}.{}", base64url(header), base64url(payload.to_string()));
    let key = EncodingKey::from_secret(&key);
    let signature = crypto::sign(input.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{input}.{signature}")
}

/// The payload with these members; `null` removes a member.
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
        "iss": SITE, "aud": PUBLIC, "sub": "ada", "iat": NOW, "exp": NOW + 100, "jti": "4f1d", "nonce": browser(1).0.nonce(PARTNER),
    });
    with(payload, changed)
}

fn request_payload(changed: &Value) -> Value {
    let payload = json!({
        "iss": BACKEND, "aud": UNLINK, "partner_id": PARTNER, "sub": "ada", "iat": NOW, "exp": NOW + 100, "jti": "4f1d",
    });
    with(payload, changed)
}

/// A browser with one journey.
fn browser(seed: u64) -> (BrowserBinding, BrowserBindings) {
    let binding = BrowserBinding::generate(&Rng::seeded(seed), keys().current.browser_binding()).unwrap();
    let bindings = BrowserBindings::parse(binding.expose());
    (binding, bindings)
}

fn session(keys: &Versions<PartnerKeys>, token: &str) -> Result<Option<Identity>, JwsError> {
    at_once(sign_in(SignInMethod::Session).session(keys, token, &partner()))
}

fn handoff(keys: &Versions<PartnerKeys>, token: &str) -> Result<(Identity, JwtId, String), JwsError> {
    at_once(sign_in(SignInMethod::Handoff).handoff(keys, token, &browser(1).1, &partner()))
}

/// The subscriber and the `jti` of a verified request.
#[derive(Debug)]
struct Requested {
    partner_user_id: PartnerUserId,
    jti: JwtId,
}

fn request(keys: &Versions<PartnerKeys>, token: &str) -> Result<Requested, JwsError> {
    let backend = BackendVerifier::new(
        BackendConfig {
            issuer: BACKEND.to_owned(),
            jwks_url: None,
        },
        &HttpClient::new().unwrap(),
        &Clock::fixed(NOW),
    );
    let request = at_once(async {
        let request = backend.verify(keys, token, UNLINK, &partner()).await;
        request.map_err(|error| match error {
            BackendError::Rejected { error, .. } => SignInError::Token(error),
            error => panic!("{error}"),
        })
    })?;
    let partner_user_id = subject_id(keys, &partner(), &request.claims).map_err(|invalid| {
        JwsError::Claim(match invalid.path.as_str() {
            "sub" => "sub",
            "partner_user_id" => "partner_user_id",
            _ => "partner_user_id or sub",
        })
    })?;
    Ok(Requested {
        partner_user_id,
        jti: request.id.jti,
    })
}

/// The identity in a valid session token with these changes, or the error.
fn person_of(changed: &Value) -> Result<Identity, JwsError> {
    session(&keys(), &signed(SITE_KEY, "JWT", &session_payload(changed))).map(Option::unwrap)
}

fn handed_off(changed: &Value) -> Result<Identity, JwsError> {
    let token = signed(SITE_KEY, "soa-handoff+jwt", &handoff_payload(changed));
    handoff(&keys(), &token).map(|(person, ..)| person)
}

fn requested(changed: &Value) -> Result<Requested, JwsError> {
    request(
        &keys(),
        &signed(BACKEND_KEY, "soa-request+jwt", &request_payload(changed)),
    )
}

#[test]
fn session_handoff_and_request_name_the_same_subscriber() {
    let session = person_of(&json!({})).unwrap();
    assert_eq!(session.method, SignInMethod::Session);
    assert_eq!(session.entitlements, None);
    let handed_off = handed_off(&json!({})).unwrap();
    assert_eq!(handed_off.method, SignInMethod::Handoff);
    assert_eq!(session.partner_user_id, handed_off.partner_user_id);
    assert_eq!(session.partner_user_id, requested(&json!({})).unwrap().partner_user_id);
    assert_ne!(
        session.partner_user_id,
        person_of(&json!({"sub": "eve"})).unwrap().partner_user_id
    );
}

#[test]
fn a_token_of_one_kind_is_rejected_as_another_kind() {
    // S-JWS-7: valid except for `typ`, and signed with a key that all three accept.
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
fn site_keys_and_backend_keys_are_not_interchangeable() {
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
    // The key that derives Partner User IDs does not verify tokens.
    let outcome = session(&keys, &signed([3; 32], "JWT", &session_payload(&json!({}))));
    assert_eq!(outcome.err(), Some(JwsError::Signature));
}

#[test]
fn a_wrong_issuer_or_audience_is_rejected() {
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
fn a_token_of_any_kind_is_rejected_before_its_nbf() {
    // S-TIME-1.
    for (nbf, expected) in [
        (json!(NOW - 1), None),
        (json!(NOW), None),
        (json!(NOW + LEEWAY), None),
        (json!(NOW + LEEWAY + 1), Some(JwsError::NotYetValid)),
        (json!("now"), Some(JwsError::Claim("nbf"))),
        (json!(-1), Some(JwsError::Claim("nbf"))),
    ] {
        let changed = json!({"nbf": nbf});
        assert_eq!(person_of(&changed).err(), expected, "{nbf}");
        assert_eq!(handed_off(&changed).err(), expected, "{nbf}");
        assert_eq!(requested(&changed).err(), expected, "{nbf}");
    }
}

#[test]
fn the_previous_keys_verify_only_during_a_rotation() {
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
    // A token that a current key verifies is not tried with the previous keys. No version accepts the keys of the other set.
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
fn a_partner_user_id_is_always_derived_with_the_current_key() {
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
fn a_token_for_another_partner_is_rejected() {
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
        assert_eq!(requested(&json!({"partner_id": wrong})).err(), refused, "{wrong}");
    }
    assert!(person_of(&json!({"partner_id": PARTNER})).is_ok());
    // The site of a single partner may omit the claim; a backend must not.
    let unnamed = json!({"partner_id": null});
    assert_eq!(requested(&unnamed).err(), refused);
}

#[test]
fn a_partner_user_id_claim_is_used_unchanged_or_rejected() {
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
        let refused = Some(JwsError::Claim("partner_user_id"));
        assert_eq!(requested(&instead_of_sub(&bad)).err(), refused, "{bad}");
    }
}

#[test]
fn a_subject_has_1_to_255_bytes_without_control_characters() {
    for bad in ["", "a\u{0}da", "ada\n", "a\u{85}da", &"a".repeat(256)] {
        let refused = Some(JwsError::Claim("sub"));
        let claim = json!({"sub": bad});
        assert_eq!(person_of(&claim).err(), refused, "{bad:?}");
        assert_eq!(handed_off(&claim).err(), refused, "{bad:?}");
        assert_eq!(requested(&claim).err(), refused, "{bad:?}");
        // A valid `partner_user_id` does not excuse it.
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
fn an_entitlements_claim_is_accepted_whole_or_rejected() {
    let of = |entitlements: &Value| person_of(&json!({"entitlements": entitlements}));
    let taken = of(&json!(["silver", "gold", "gold"])).unwrap().entitlements.unwrap();
    assert_eq!(taken.iter().collect::<Vec<_>>(), ["gold", "silver"]);
    // An empty set is valid: the subscriber has no entitlements.
    assert_eq!(of(&json!([])).unwrap().entitlements, Some(Entitlements::default()));
    let too_many: Vec<_> = (0..=Entitlements::MAX_COUNT)
        .map(|number| format!("e{number}"))
        .collect();
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
fn a_request_names_its_subscriber_in_exactly_one_way() {
    let refused = Some(JwsError::Claim("partner_user_id or sub"));
    let both = json!({"partner_user_id": "0123456789abcdef", "sub": "ada"});
    assert_eq!(requested(&both).err(), refused);
    // Also if both name the same subscriber.
    let id = requested(&json!({})).unwrap().partner_user_id;
    assert_eq!(
        requested(&json!({"partner_user_id": id.expose(), "sub": "ada"})).err(),
        refused
    );
    assert_eq!(requested(&json!({"sub": null})).err(), refused);
}

#[test]
fn a_jti_is_kept_until_its_token_has_expired() {
    // S-JWS-10.
    let token = signed(SITE_KEY, "soa-handoff+jwt", &handoff_payload(&json!({})));
    let (_, jti, _) = handoff(&keys(), &token).unwrap();
    assert_eq!(jti.expires_at, NOW + 100 + LEEWAY);
    assert_eq!(requested(&json!({})).unwrap().jti.expires_at, NOW + 100 + LEEWAY);
    let sign_in = sign_in(SignInMethod::Handoff);
    let handoff = || at_once(sign_in.handoff(&keys(), &token, &browser(1).1, &partner()));
    sign_in.clock.advance(100 + LEEWAY - 1);
    assert!(handoff().is_ok());
    sign_in.clock.advance(1);
    assert_eq!(handoff().err(), Some(JwsError::Expired));
    let nameless = json!({"jti": null});
    assert_eq!(handed_off(&nameless).err(), Some(JwsError::Claim("jti")));
    assert_eq!(requested(&nameless).err(), Some(JwsError::Claim("jti")));
}

#[test]
fn a_handoff_works_only_in_the_browser_that_began_it() {
    let token = signed(SITE_KEY, "soa-handoff+jwt", &handoff_payload(&json!({})));
    let sign_in = sign_in(SignInMethod::Handoff);
    let to = |browser: &BrowserBindings| at_once(sign_in.handoff(&keys(), &token, browser, &partner()));
    let [(mine, my_browser), (other, other_browser)] = [1, 2].map(browser);
    let (_, _, binding) = to(&my_browser).unwrap();
    assert_eq!(binding, mine.hash());
    assert_eq!(to(&other_browser).err(), Some(JwsError::BrowserMismatch));
    assert_eq!(to(&BrowserBindings::default()).err(), Some(JwsError::BrowserMismatch));
    // The right binding is found among several.
    let both = BrowserBindings::parse(&format!("{}.{}", other.expose(), mine.expose()));
    assert_eq!(to(&both).unwrap().2, mine.hash());
    for wrong in [
        "",
        &mine.nonce(PARTNER)[..63],
        &mine.nonce(PARTNER).to_uppercase(),
        &mine.hash(),
        mine.expose(),
    ] {
        let refused = handed_off(&json!({"nonce": wrong})).err();
        assert_eq!(refused, Some(JwsError::BrowserMismatch), "{wrong:?}");
    }
    assert_eq!(
        handed_off(&json!({"nonce": null})).err(),
        Some(JwsError::Claim("nonce"))
    );
    let list = json!({"nonce": [mine.nonce(PARTNER)]});
    assert_eq!(handed_off(&list).err(), Some(JwsError::Claim("one of its own")));
}

#[test]
fn a_session_cookie_is_ignored_by_other_sign_in_methods() {
    let token = signed(SITE_KEY, "JWT", &session_payload(&json!({})));
    let of = |sign_in: &SignIn, cookie: &str| at_once(sign_in.session(&keys(), cookie, &partner()));
    for kind in [SignInMethod::Handoff, SignInMethod::Oidc] {
        let other = sign_in(kind);
        assert!(of(&other, &token).unwrap().is_none());
        assert!(of(&other, "rubbish").unwrap().is_none());
    }
    let sessions = sign_in(SignInMethod::Session);
    for bad in ["", "rubbish", &format!("{token}, {token}"), &format!("Bearer {token}")] {
        assert_eq!(of(&sessions, bad).err(), Some(JwsError::Malformed), "{bad:?}");
    }
}

#[test]
fn a_visit_cookie_works_at_one_partner_for_ten_minutes() {
    let keys = keys();
    let person = person_of(&json!({"name": "Ada"})).unwrap();
    let visit = person.to_visit_cookie(&keys.current, &partner(), NOW).unwrap();
    assert!(!visit.contains(person.partner_user_id.expose()) && visit.len() < 1024);
    let from_visit_cookie =
        |now, partner_id: &PartnerId| Identity::from_visit_cookie(&keys.current, &visit, partner_id, now);
    let known = from_visit_cookie(NOW + VISIT_TTL - 1, &partner()).unwrap();
    assert_eq!(known.partner_user_id, person.partner_user_id);
    assert_eq!(known.name.as_deref(), Some("Ada"));
    assert!(from_visit_cookie(NOW + VISIT_TTL, &partner()).is_none());
    assert!(from_visit_cookie(NOW, &PartnerId::parse("1111111111111111111111").unwrap()).is_none());
    // Values that we sealed for another purpose are rejected, and so are forged ones.
    let form = crate::seal::seal(keys.current.unlink_form(), &json!({"expires_at": NOW + 60})).unwrap();
    for other in ["", "rubbish", &form, &visit[1..]] {
        assert!(Identity::from_visit_cookie(&keys.current, other, &partner(), NOW).is_none());
    }
}

#[test]
fn a_name_is_one_displayable_line_or_absent() {
    for (claim, name) in [
        (json!("Ada"), Some("Ada")),
        (json!("ada@example.com"), Some("ada@example.com")),
        (json!(""), None),
        (json!("a\nb"), None),
        (json!("a".repeat(101)), None),
        (json!(7), None),
        (json!(["Ada"]), None),
    ] {
        assert_eq!(person_of(&json!({"name": claim})).unwrap().name.as_deref(), name);
    }
}

#[test]
fn the_sign_in_url_contains_return_to_and_nonce() {
    let sign_in = sign_in(SignInMethod::Handoff);
    assert_eq!(
        sign_in
            .handoff_url("https://link.example.com/link/0?a=b&c=d#e", "4f1d")
            .unwrap(),
        "https://www.example.com/sign-in?from=spotify\
            &return_to=https%3A%2F%2Flink.example.com%2Flink%2F0%3Fa%3Db%26c%3Dd%23e&nonce=4f1d"
    );
    let mut nowhere = sign_in;
    nowhere.config.sign_in_url = None;
    assert_eq!(nowhere.handoff_url("https://link.example.com/", "4f1d"), None);
}

#[test]
fn a_log_pseudonym_is_short_keyed_and_does_not_reveal_the_id() {
    let id = PartnerUserId::parse("0123456789abcdef").unwrap();
    let name = keys().current.log_pseudonym(&partner(), &id);
    assert_eq!(name.len(), 12);
    assert!(!id.expose().contains(&name));
    assert_eq!(name, keys().current.log_pseudonym(&partner(), &id));
    let other = PartnerId::parse("1111111111111111111111").unwrap();
    assert_ne!(name, keys().current.log_pseudonym(&other, &id));
    let other_key = read(&members(SITE_KEY, BACKEND_KEY, [7; 32])).unwrap();
    assert_ne!(name, other_key.log_pseudonym(&partner(), &id));
}

#[test]
fn a_malformed_secret_is_rejected_with_its_fault_and_without_its_content() {
    // S-JWS-14.
    let good = members(SITE_KEY, BACKEND_KEY, [3; 32]);
    assert!(read(&good).is_ok());
    assert!(read(&with(good.clone(), &json!({"backend": {"keys": []}}))).is_ok());
    assert!(read(&with(good.clone(), &json!({"backend": null, "site": null}))).is_ok());
    let short = base64url([9; 31]);
    let private = json!({"keys": [
        {"kty": "oct", "k": base64url(SITE_KEY)},
        {"kty": "OKP", "crv": "Ed25519", "x": base64url([8; 32]), "d": base64url([9; 32])},
    ]});
    let key_fault = "member `partner_user_id_key` is not base64url of 32 bytes or more";
    for (changed, fault) in [
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
