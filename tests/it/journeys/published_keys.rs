//! Keys that a partner publishes at a URL, for its site's tokens and its backend's requests.

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::support::{
    World,
    jwks_server::{JwksServer, TestKey, There},
};

/// Opens `/entrypoint` with a session signed by `key`. Returns `true` for Spotify's consent, `false` for the sign-in.
async fn signs_in(world: &World, key: &TestKey) -> bool {
    let mut browser = world.browser();
    let token = key.sign("JWT", &world.session_claims("ada"));
    browser
        .cookies
        .insert(world.sandbox.options().session_cookie.clone(), token);
    let answer = browser.get("/entrypoint").await;
    assert_eq!(answer.status, 302, "{}", answer.body);
    answer.location().contains("/authorize?")
}

#[tokio::test]
async fn a_published_key_of_each_algorithm_verifies_every_token_kind() {
    let algorithms = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];
    let keys: Vec<_> = algorithms
        .into_iter()
        .enumerate()
        .map(|(n, algorithm)| TestKey::new(algorithm, &format!("k{n}")))
        .collect();
    let published = JwksServer::at_first(&keys.iter().collect::<Vec<_>>()).await;
    let world = published.world().await;
    for key in &keys {
        assert!(signs_in(&world, key).await, "{:?}", key.algorithm);
        let mut browser = world.browser();
        let away = browser.get("/entrypoint").await;
        let nonce = crate::support::parameter(away.location(), "nonce").unwrap();
        let token = key.sign("soa-handoff+jwt", &world.handoff_claims("ada", &nonce, &key.kid));
        assert!(
            browser
                .get(&format!("/entrypoint?token={token}"))
                .await
                .location()
                .contains("/authorize?")
        );
        let request = key.sign("soa-request+jwt", &world.request_claims("ada", &key.kid));
        assert_eq!(world.backend_unlink(&request).await.status, 204, "{:?}", key.algorithm);
    }
    // With published keys, the keys in the secret are not used.
    assert!(
        world
            .signed_in("ada")
            .get("/entrypoint")
            .await
            .location()
            .contains("/sign-in?")
    );
    assert_eq!(
        world
            .backend_unlink(&World::request_token(&world.request_claims("ada", "other")))
            .await
            .status,
        401
    );
}

/// RFC 8725 §3.1: the key decides the algorithm, not the token. A published symmetric key is not used.
#[tokio::test]
async fn a_token_cannot_change_a_published_keys_algorithm() {
    let rsa = TestKey::new(Algorithm::RS256, "rsa");
    let secret = b"a symmetric key that everybody can read".to_vec();
    let published = JwksServer::at_first(&[&rsa]).await;
    let oct = json!({"kty": "oct", "alg": "HS256", "kid": "oct", "k": shared::encoding::base64url(&secret)});
    published.now(There::Keys(vec![rsa.jwk.clone(), oct]));
    let world = published.world().await;
    assert!(signs_in(&world, &rsa).await);
    let as_other = TestKey {
        algorithm: Algorithm::PS256,
        kid: "rsa".to_owned(),
        signing: rsa.signing.clone(),
        jwk: Value::Null,
    };
    let by_secret = |kid: &str, secret: &[u8]| TestKey {
        algorithm: Algorithm::HS256,
        kid: kid.to_owned(),
        signing: EncodingKey::from_secret(secret),
        jwk: Value::Null,
    };
    let modulus = rsa.jwk["n"].as_str().unwrap();
    for bad in [
        as_other,
        by_secret("oct", &secret),
        by_secret("rsa", modulus.as_bytes()),
    ] {
        assert!(!signs_in(&world, &bad).await, "{:?} {}", bad.algorithm, bad.kid);
    }
}

#[tokio::test]
async fn an_unknown_published_key_is_fetched_at_most_once_a_minute() {
    let [one, two, three] = ["one", "two", "three"].map(|kid| TestKey::new(Algorithm::ES256, kid));
    let published = JwksServer::at_first(&[&one]).await;
    let world = published.world().await;
    assert!(signs_in(&world, &one).await);
    let at_first = published.asked();
    published.now_has(&[&one, &two]);
    assert!(signs_in(&world, &two).await);
    assert_eq!(published.asked(), at_first + 1);
    published.now_has(&[&two, &three]);
    for _ in 0..20 {
        assert!(!signs_in(&world, &three).await);
    }
    assert_eq!(published.asked(), at_first + 1);
    world.advance(60);
    assert!(signs_in(&world, &three).await);
    assert_eq!(published.asked(), at_first + 2);
    // A bad signature with a known key id does not cause a fetch.
    let forged = TestKey {
        kid: "three".to_owned(),
        ..TestKey::new(Algorithm::ES256, "forged")
    };
    world.advance(60);
    assert!(!signs_in(&world, &forged).await);
    assert_eq!(published.asked(), at_first + 2);
}

#[tokio::test]
async fn a_withdrawn_key_expires_in_five_minutes_and_any_key_in_a_day_of_outage() {
    let [one, two] = ["one", "two"].map(|kid| TestKey::new(Algorithm::EdDSA, kid));
    let published = JwksServer::at_first(&[&one, &two]).await;
    let world = published.world().await;
    assert!(signs_in(&world, &one).await);
    published.now_has(&[&two]);
    world.advance(299);
    assert!(signs_in(&world, &one).await);
    world.advance(1);
    assert!(!signs_in(&world, &one).await);
    published.now(There::Nothing);
    world.advance(23 * 3600);
    assert!(signs_in(&world, &two).await);
    world.advance(3600);
    let mut browser = world.browser();
    let cookie = world.sandbox.options().session_cookie.clone();
    browser
        .cookies
        .insert(cookie, two.sign("JWT", &world.session_claims("ada")));
    assert_eq!(browser.get("/entrypoint").await.status, 503);
}

/// Whatever the URL serves: an error page in time, and a retry that works once the keys are back.
#[tokio::test]
async fn unavailable_keys_answer_503_and_are_fetched_again() {
    let key = TestKey::new(Algorithm::ES256, "one");
    let huge = format!("{{\"keys\": [], \"padding\": \"{}\"}}", "x".repeat(1024 * 1024));
    for there in [
        There::Nothing,
        There::Silence,
        There::Answer("500 Internal Server Error", String::new()),
        There::Answer("404 Not Found", json!({"keys": [key.jwk]}).to_string()),
        There::Answer("200 OK", "<html>".to_owned()),
        There::Answer("200 OK", "{\"keys\": []}".to_owned()),
        There::Answer("200 OK", "[]".to_owned()),
        There::Answer("200 OK", huge),
        There::Keys(vec![key.jwk.clone(); 33]),
    ] {
        let published = JwksServer::at_first(&[]).await;
        published.now(there);
        let world = published.world().await;
        let mut browser = world.browser();
        let cookie = world.sandbox.options().session_cookie.clone();
        browser
            .cookies
            .insert(cookie, key.sign("JWT", &world.session_claims("ada")));
        let answer = browser.get("/entrypoint").await;
        assert_eq!(
            (answer.status, answer.title()),
            (503, "Signing in does not work just now")
        );
        let request = key.sign("soa-request+jwt", &world.request_claims("ada", "jti"));
        let answer = world.backend_unlink(&request).await;
        assert_eq!(
            (answer.status, answer.problem()["code"].as_str()),
            (503, Some("temporarily_unavailable"))
        );
        published.now_has(&[&key]);
        world.advance(5);
        assert!(signs_in(&world, &key).await);
        assert_eq!(world.backend_unlink(&request).await.status, 204);
    }
}

#[tokio::test]
async fn concurrent_requests_fetch_published_keys_once() {
    let key = TestKey::new(Algorithm::ES256, "one");
    let published = JwksServer::at_first(&[&key]).await;
    let world = published.world().await;
    world.advance(300);
    let before = published.asked();
    let all = crate::support::join_all((0..20).map(|_| signs_in(&world, &key))).await;
    assert!(all.into_iter().all(|signed_in| signed_in));
    assert_eq!(published.asked(), before + 1);
}
